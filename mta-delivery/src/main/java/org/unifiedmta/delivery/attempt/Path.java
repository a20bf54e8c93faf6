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
 */
record Path(Endpoint endpoint, @Nullable Source source, @Nullable String heloName) {

  ClientOptions applyTo(ClientOptions options) {
    return options.from(heloName == null ? options.heloName() : heloName, address());
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
