package org.unifiedmta.security.transport;

import java.util.List;
import java.util.Optional;
import org.unifiedmta.core.dns.DnsResolver.Tlsa;

/** What TLS a host must offer before it gets mail: decided before any socket is opened. */
public sealed interface TlsPolicy {

  /** No TLS, even where it is offered. */
  record None() implements TlsPolicy {}

  /** TLS where it is offered, with any certificate (RFC 7435). */
  record Opportunistic() implements TlsPolicy {}

  /** TLS with any certificate, or no mail: there are TLSA records, but of no use (RFC 7672 2.2). */
  record Encrypted() implements TlsPolicy {}

  /** TLS with a certificate by an authority for the host's name, or no mail. */
  record Verified() implements TlsPolicy {}

  /** As {@link Verified}, but what fails is only told of (RFC 8461 5, mode {@code testing}). */
  record Testing() implements TlsPolicy {}

  /**
   * TLS with a certificate that the host's zone names, or no mail (RFC 7672).
   *
   * @param records that can be used, at least one
   * @param names that the certificate may be for, where a record names its issuer; the first one is
   *     where the records are, and asked for in the handshake (RFC 7672 8.1)
   */
  record Dane(List<Tlsa> records, List<String> names) implements TlsPolicy {
    public Dane {
      records = List.copyOf(records);
      names = List.copyOf(names);
      if (records.isEmpty() || names.isEmpty()) {
        throw new IllegalArgumentException("no TLSA record, or no name");
      }
    }
  }

  /** Whether there is no mail without TLS as it says. */
  default boolean isMandatory() {
    return next().isEmpty() && !(this instanceof None);
  }

  /** Whether the peer's certificate is looked at. */
  default boolean isChecked() {
    return this instanceof Verified || this instanceof Testing || this instanceof Dane;
  }

  /** What is tried on a new connection where this cannot be had; empty for nothing. */
  default Optional<TlsPolicy> next() {
    return switch (this) {
      case Testing testing -> Optional.of(new Opportunistic());
      case Opportunistic opportunistic -> Optional.of(new None());
      case None none -> Optional.empty();
      case Encrypted encrypted -> Optional.empty();
      case Verified verified -> Optional.empty();
      case Dane dane -> Optional.empty();
    };
  }

  /** One word, in lower case. */
  default String keyword() {
    return switch (this) {
      case None none -> "none";
      case Opportunistic opportunistic -> "opportunistic";
      case Encrypted encrypted -> "encrypted";
      case Verified verified -> "verified";
      case Testing testing -> "testing";
      case Dane dane -> "dane";
    };
  }
}
