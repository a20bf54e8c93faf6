package org.unifiedmta.routing.zone;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.time.LocalDate;
import java.time.temporal.ChronoUnit;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Literals;
import org.unifiedmta.security.transport.EgressProxy;

/** Addresses of this host from which a zone sends; an address may be there several times. */
public record IpPool(String name, List<Source> sources) {
  public IpPool {
    sources = List.copyOf(sources);
    if (sources.isEmpty()) {
      throw new IllegalArgumentException("the pool " + name + " has no address");
    }
  }

  /**
   * A pool of these addresses, each with the same share.
   *
   * @throws IllegalArgumentException if there is none, or one is no IP address
   */
  public static IpPool of(String name, String... addresses) {
    return new IpPool(name, Stream.of(addresses).map(Source::of).toList());
  }

  /**
   * One address.
   *
   * @param heloName its name in EHLO; null for what the DNS says it is called, and where that says
   *     nothing, the server's
   * @param share its part of the messages, compared with the others'
   * @param warmup how few it may send while it is new, or null
   * @param proxy through which it sends, if it is not one of this machine, or null
   */
  public record Source(
      InetAddress address,
      @Nullable String heloName,
      double share,
      @Nullable Warmup warmup,
      @Nullable EgressProxy proxy) {
    public Source {
      if (!(share > 0 && share <= 1e6)) {
        throw new IllegalArgumentException("no share: " + share);
      }
    }

    /**
     * With a share of 1.
     *
     * @throws IllegalArgumentException if that is no IP address
     */
    public static Source of(String address) {
      var ip = Literals.ip(address);
      if (ip == null) {
        throw new IllegalArgumentException("no IP address: " + address);
      }
      return new Source(ip, null, 1, null, null);
    }

    public Source withHeloName(String other) {
      return new Source(address, other, share, warmup, proxy);
    }

    public Source withShare(double other) {
      return new Source(address, heloName, other, warmup, proxy);
    }

    public Source withWarmup(Warmup other) {
      return new Source(address, heloName, share, other, proxy);
    }

    /** From an address of another machine, by SOCKS 5 or HAProxy. */
    public Source through(EgressProxy other) {
      return new Source(address, heloName, share, warmup, other);
    }

    boolean isV6() {
      return address instanceof Inet6Address;
    }
  }

  /**
   * How many messages a new address may send a day: so many on the first, and on each day {@code
   * factor} times as many as on the day before. What is beyond goes to the other addresses.
   *
   * @param begins its first day, in UTC
   */
  public record Warmup(LocalDate begins, long first, double factor) {
    private static final double UNLIMITED = 1e9;

    public Warmup {
      Objects.requireNonNull(begins);
      if (first < 1 || !(factor > 1)) {
        throw new IllegalArgumentException("no ramp: " + first + " a day × " + factor);
      }
    }

    /** On this day; before the first, none. */
    public long quota(LocalDate day) {
      long days = ChronoUnit.DAYS.between(begins, day);
      return days < 0 ? 0 : (long) Math.min(UNLIMITED, first * Math.pow(factor, days));
    }
  }
}
