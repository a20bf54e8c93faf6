package org.unifiedmta.delivery.attempt;

import java.net.InetAddress;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.routing.zone.IpPool.Source;
import org.unifiedmta.smtp.client.ClientOptions;
import org.unifiedmta.smtp.client.Endpoint;

/**
 * From one of our addresses to one of a host's.
 *
 * @param source null where the system chooses
 * @param heloName of that source, or null for the server's
 * @param secure whether DNSSEC vouches for all that led to the host
 */
record Path(Endpoint endpoint, @Nullable Source source, @Nullable String heloName, boolean secure) {

  ClientOptions applyTo(ClientOptions options) {
    var named = heloName == null ? options : options.withHeloName(heloName);
    return source == null ? named : named.from(source.address(), source.proxy());
  }

  /** Ours; null where the system chooses. */
  @Nullable InetAddress address() {
    return source == null ? null : source.address();
  }

  void used(Sources sources) {
    if (source != null) {
      sources.used(source);
    }
  }
}
