package org.unifiedmta.core.dns;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Literals;
import org.xbill.DNS.Master;
import org.xbill.DNS.Name;

/**
 * Records that are written down, for tests and closed networks. A name without any is NXDOMAIN, a
 * name without the type asked for NODATA.
 */
public final class ZoneResolver implements DnsResolver {
  private static final int MAXIMUM_ALIASES = 8;
  private static final Duration TTL = Duration.ofHours(1);
  private static final String ANY = "ANY";

  private record Key(String name, String type) {}

  private final Map<Key, List<Object>> records;
  private final Map<Key, Status> failures;
  private final Set<String> names;
  private final Set<String> signed;

  private ZoneResolver(Builder builder) {
    records = Map.copyOf(builder.records);
    failures = Map.copyOf(builder.failures);
    names = Set.copyOf(builder.names);
    signed = Set.copyOf(builder.signed);
  }

  /** Starts an empty zone. */
  public static Builder builder() {
    return new Builder();
  }

  /**
   * Reads records in the master format (RFC 1035 5): A, AAAA, MX, TXT, PTR, CNAME and TLSA.
   *
   * @throws IllegalArgumentException with the line that is wrong
   */
  public static ZoneResolver parse(String masterFile) {
    var builder = builder();
    var in = new ByteArrayInputStream(masterFile.getBytes(StandardCharsets.UTF_8));
    try (var master = new Master(in, Name.root, TTL.toSeconds())) {
      for (var line = master.nextRecord(); line != null; line = master.nextRecord()) {
        var name = line.getName().toString(true);
        var found = WireRecord.read(line);
        if (found == null) {
          builder.names.add(canonical(name)); // it is there, though nobody asks for such records
        } else {
          builder.add(name, found.type(), found.value());
        }
      }
      return builder.build();
    } catch (IOException e) {
      throw new IllegalArgumentException("zone file: " + e.getMessage(), e);
    }
  }

  @Override
  public Answer<Mx> mx(String name) {
    return look(name, "MX", Mx.class);
  }

  @Override
  public Answer<String> txt(String name) {
    return look(name, "TXT", String.class);
  }

  @Override
  public Answer<InetAddress> a(String name) {
    return look(name, "A", InetAddress.class);
  }

  @Override
  public Answer<InetAddress> aaaa(String name) {
    return look(name, "AAAA", InetAddress.class);
  }

  @Override
  public Answer<String> ptr(InetAddress address) {
    return look(SystemDnsResolver.reverseName(address), "PTR", String.class);
  }

  @Override
  public Answer<String> cname(String name) {
    return look(name, "CNAME", String.class);
  }

  @Override
  public Answer<Tlsa> tlsa(String name) {
    return look(name, "TLSA", Tlsa.class);
  }

  private <T> Answer<T> look(String name, String type, Class<T> records) {
    var at = canonical(name);
    boolean dnssec = true;
    for (int aliases = 0; aliases <= MAXIMUM_ALIASES; aliases++) {
      dnssec &= isSigned(at);
      var failure = failures.get(new Key(at, type));
      if (failure != null) {
        return Answer.none(failure);
      }
      var found = this.records.get(new Key(at, type));
      if (found != null) {
        return new Answer<>(Status.OK, found.stream().map(records::cast).toList(), TTL, dnssec);
      }
      var alias = this.records.get(new Key(at, "CNAME"));
      if (alias == null) {
        var any = failures.get(new Key(at, ANY));
        return Answer.none(
            any != null ? any : names.contains(at) ? Status.NODATA : Status.NXDOMAIN);
      }
      at = canonical((String) alias.get(0));
    }
    return Answer.none(Status.SERVFAIL);
  }

  private boolean isSigned(String name) {
    return signed.stream().anyMatch(zone -> name.equals(zone) || name.endsWith("." + zone));
  }

  private static String canonical(String name) {
    var lower = name.toLowerCase(Locale.ROOT);
    return lower.endsWith(".") ? lower.substring(0, lower.length() - 1) : lower;
  }

  /** Collects records. Names are without trailing dot; the case does not matter. */
  public static final class Builder {
    private final Map<Key, List<Object>> records = new HashMap<>();
    private final Map<Key, Status> failures = new HashMap<>();
    private final Set<String> names = new HashSet<>();
    private final Set<String> signed = new HashSet<>();

    private Builder() {}

    /**
     * @throws IllegalArgumentException if that is no IPv4 address
     */
    public Builder a(String name, String ip) {
      return add(name, "A", address(ip, 4));
    }

    /**
     * @throws IllegalArgumentException if that is no IPv6 address
     */
    public Builder aaaa(String name, String ip) {
      return add(name, "AAAA", address(ip, 16));
    }

    /**
     * @param host empty for a null MX (RFC 7505)
     */
    public Builder mx(String name, int preference, String host) {
      return add(name, "MX", new Mx(preference, canonical(host)));
    }

    /** One record of these strings; call again for another. */
    public Builder txt(String name, String... strings) {
      return add(name, "TXT", String.join("", strings));
    }

    public Builder ptr(String ip, String host) {
      return add(SystemDnsResolver.reverseName(address(ip, 0)), "PTR", canonical(host));
    }

    public Builder cname(String name, String target) {
      return add(name, "CNAME", canonical(target));
    }

    public Builder tlsa(String name, int usage, int selector, int matchingType, byte[] data) {
      return add(name, "TLSA", new Tlsa(usage, selector, matchingType, data.clone()));
    }

    /**
     * Makes questions for a type fail.
     *
     * @param type such as {@code MX}, or {@code ANY} for every type not written down at that name
     */
    public Builder fail(String name, String type, Status status) {
      failures.put(new Key(canonical(name), type.toUpperCase(Locale.ROOT)), status);
      names.add(canonical(name));
      return this;
    }

    /** Records at and below this name are as if DNSSEC had vouched for them. */
    public Builder signed(String zone) {
      signed.add(canonical(zone));
      return this;
    }

    public ZoneResolver build() {
      return new ZoneResolver(this);
    }

    private Builder add(String name, String type, Object value) {
      records.computeIfAbsent(new Key(canonical(name), type), key -> new ArrayList<>()).add(value);
      names.add(canonical(name));
      return this;
    }

    private static InetAddress address(String ip, int octets) {
      @Nullable InetAddress address = Literals.ip(ip);
      if (address == null || (octets != 0 && address.getAddress().length != octets)) {
        throw new IllegalArgumentException("no address: " + ip);
      }
      return address;
    }
  }
}
