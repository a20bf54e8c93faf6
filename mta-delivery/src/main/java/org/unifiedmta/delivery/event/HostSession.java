package org.unifiedmta.delivery.event;

import java.net.InetAddress;
import java.time.Duration;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.security.transport.TlsFacts;
import org.unifiedmta.smtp.client.SmtpException.Phase;

/**
 * What was had with a host that mail was brought to.
 *
 * @param address that was dialled
 * @param source ours, or null where the system chose
 * @param tlsPolicy what was demanded: {@code none}, {@code opportunistic}, {@code encrypted},
 *     {@code verified}, {@code testing} or {@code dane}
 * @param tls null without TLS
 * @param times that were waited for the host, by phase; up to AUTH only where the connection was
 *     opened for this message, none where it could not be had
 */
public record HostSession(
    String host,
    InetAddress address,
    int port,
    @Nullable InetAddress source,
    String tlsPolicy,
    @Nullable TlsFacts tls,
    Map<Phase, Duration> times) {
  public HostSession {
    times = Map.copyOf(times);
  }
}
