package org.unifiedmta.core.dns;

import java.net.InetAddress;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Answers of the DNS, failures told apart. Look-ups follow CNAMEs. Blocks; thread-safe. Names are
 * without trailing dot, compared without regard to case.
 */
public interface DnsResolver {

  /** How a look-up ended. */
  enum Status {
    OK,
    /** The name is there, records of this type are not. */
    NODATA,
    /** The name is not there. */
    NXDOMAIN,
    /** No server had an answer. */
    SERVFAIL,
    /** No server answered in time. */
    TIMEOUT;

    /** Whether asking again later may give another answer. */
    public boolean isTemporary() {
      return this == SERVFAIL || this == TIMEOUT;
    }
  }

  /**
   * @param records empty unless OK, never null
   * @param ttl how long the answer holds
   * @param dnssec whether the answer was validated
   */
  record Answer<T>(Status status, List<T> records, Duration ttl, boolean dnssec) {
    public Answer {
      records = List.copyOf(records);
    }

    /** An answer without records. */
    public static <T> Answer<T> none(Status status) {
      return new Answer<>(status, List.of(), Duration.ZERO, false);
    }
  }

  /**
   * @param host without trailing dot; empty for the root, which is a null MX with preference 0 (RFC
   *     7505)
   */
  record Mx(int preference, String host) {}

  /** A TLSA record (RFC 6698 2.1). */
  record Tlsa(int usage, int selector, int matchingType, byte[] data) {
    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Tlsa tlsa
          && usage == tlsa.usage
          && selector == tlsa.selector
          && matchingType == tlsa.matchingType
          && Arrays.equals(data, tlsa.data);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(data);
    }
  }

  Answer<Mx> mx(String name);

  /** The strings of a record joined (RFC 7208 3.3). */
  Answer<String> txt(String name);

  /**
   * What each of the servers of the name's own zone has now, past all caches: for what has just
   * been published. A resolver that knows of no such servers answers once, as {@link #txt}.
   *
   * @return not empty
   */
  default List<Answer<String>> authoritativeTxt(String name) {
    return List.of(txt(name));
  }

  Answer<InetAddress> a(String name);

  Answer<InetAddress> aaaa(String name);

  Answer<String> ptr(InetAddress address);

  /** The alias itself. */
  Answer<String> cname(String name);

  Answer<Tlsa> tlsa(String name);
}
