package org.unifiedmta.routing.zone;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Domains;

/**
 * A way out for some mail: from which addresses, how much at a time, and what mail that is. The
 * zone by the name {@link ZoneSelector#DEFAULT} has what no other claims.
 */
public final class SendingZone {
  private static final int CONNECTIONS_PER_DOMAIN = 5;

  /** To addresses of which version of IP a zone sends. */
  public enum IpFamily {
    /** Both, in the order in which the hosts have them. */
    BOTH,
    /** IPv4 first, within a host. */
    PREFER_V4,
    /** IPv6 first, within a host. */
    PREFER_V6,
    /** IPv4 only. */
    V4,
    /** IPv6 only. */
    V6
  }

  private final String name;
  private final @Nullable IpPool pool;
  private final OptionalInt connections;
  private final int connectionsPerDomain;
  private final IpFamily family;
  private final @Nullable SmartHost smartHost;
  private final @Nullable Rate rate;
  private final Claims claims;
  private final Map<String, DestinationPolicy> destinations;
  private final @Nullable RetryPolicy retry;
  private final OptionalInt port;

  private SendingZone(Builder builder) {
    name = builder.name;
    pool = builder.pool;
    connections = builder.connections;
    connectionsPerDomain = builder.connectionsPerDomain;
    family = builder.family;
    smartHost = builder.smartHost;
    rate = builder.rate;
    claims = builder.claims;
    destinations = Map.copyOf(builder.destinations);
    retry = builder.retry;
    port = builder.port;
  }

  /**
   * Without addresses of its own, for IPv4 and IPv6, with 5 connections for a recipient's domain;
   * all else as the server has it.
   *
   * @param name letters, digits, {@code -}, {@code _} and {@code .}, compared without regard to
   *     case
   */
  public static Builder builder(String name) {
    return new Builder(name);
  }

  /** In lower case. */
  public String name() {
    return name;
  }

  /** Empty where the system chooses the address. */
  public Optional<IpPool> pool() {
    return Optional.ofNullable(pool);
  }

  /** Of the whole zone, at a time. */
  public OptionalInt connections() {
    return connections;
  }

  /** For one recipient's domain, at a time. */
  public int connectionsPerDomain() {
    return connectionsPerDomain;
  }

  public IpFamily family() {
    return family;
  }

  /** Empty where mail goes to the recipients' MX hosts. */
  public Optional<SmartHost> smartHost() {
    return Optional.ofNullable(smartHost);
  }

  /** Messages of the whole zone. */
  public Optional<Rate> rate() {
    return Optional.ofNullable(rate);
  }

  public Claims claims() {
    return claims;
  }

  /** Bounds of this zone's own, by the name of the receiver or of a recipient's domain. */
  public Map<String, DestinationPolicy> destinations() {
    return destinations;
  }

  public Optional<RetryPolicy> retry() {
    return Optional.ofNullable(retry);
  }

  /** Of MX hosts. */
  public OptionalInt port() {
    return port;
  }

  @Override
  public String toString() {
    return "SendingZone[" + name + "]";
  }

  /** Collects what a zone is. */
  public static final class Builder {
    private final String name;
    private @Nullable IpPool pool;
    private OptionalInt connections = OptionalInt.empty();
    private int connectionsPerDomain = CONNECTIONS_PER_DOMAIN;
    private IpFamily family = IpFamily.BOTH;
    private @Nullable SmartHost smartHost;
    private @Nullable Rate rate;
    private Claims claims = Claims.none();
    private final Map<String, DestinationPolicy> destinations = new LinkedHashMap<>();
    private @Nullable RetryPolicy retry;
    private OptionalInt port = OptionalInt.empty();

    private Builder(String name) {
      this.name = ZoneSelector.key(name);
      if (this.name.isEmpty() || !this.name.chars().allMatch(Builder::isOfAName)) {
        throw new IllegalArgumentException("no name of a zone: " + name);
      }
    }

    private static boolean isOfAName(int c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || "-_.".indexOf(c) >= 0;
    }

    public Builder pool(IpPool addresses) {
      pool = addresses;
      return this;
    }

    /** Of the whole zone, at a time. */
    public Builder connections(int most) {
      connections = OptionalInt.of(positive(most));
      return this;
    }

    /** For one recipient's domain, at a time; 5 unless told. */
    public Builder connectionsPerDomain(int most) {
      connectionsPerDomain = positive(most);
      return this;
    }

    public Builder family(IpFamily wanted) {
      family = wanted;
      return this;
    }

    /** The one host that all mail of the zone is handed to. */
    public Builder smartHost(SmartHost host) {
      smartHost = host;
      return this;
    }

    /** Messages of the whole zone. */
    public Builder rate(Rate most) {
      rate = most;
      return this;
    }

    public Builder claims(Claims mail) {
      claims = mail;
      return this;
    }

    /**
     * Bounds of this zone, besides those that hold for the whole process.
     *
     * @param receiver name of a receiver (see {@link Receivers}), or a recipient's domain
     */
    public Builder destination(String receiver, DestinationPolicy policy) {
      destinations.put(Domains.toAscii(receiver), policy);
      return this;
    }

    public Builder retry(RetryPolicy policy) {
      retry = policy;
      return this;
    }

    /** Of MX hosts, in place of the server's. */
    public Builder port(int number) {
      if (number < 1 || number > 65535) {
        throw new IllegalArgumentException("no port: " + number);
      }
      port = OptionalInt.of(number);
      return this;
    }

    public SendingZone build() {
      return new SendingZone(this);
    }

    private static int positive(int number) {
      if (number < 1) {
        throw new IllegalArgumentException("less than one: " + number);
      }
      return number;
    }
  }
}
