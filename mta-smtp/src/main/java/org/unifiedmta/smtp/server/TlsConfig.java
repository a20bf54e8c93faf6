package org.unifiedmta.smtp.server;

import io.netty.handler.ssl.SslContext;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.ConfigException;

/** The server's certificates. TLS 1.2 and 1.3 only (RFC 8996). */
public final class TlsConfig {
  private static final Logger log = LoggerFactory.getLogger(TlsConfig.class);
  private static final Duration REREAD = Duration.ofSeconds(2);

  private final Supplier<SslContext> certificate;
  private final Map<String, TlsConfig> byName;

  private TlsConfig(Supplier<SslContext> certificate, Map<String, TlsConfig> byName) {
    this.certificate = certificate;
    this.byName = byName;
  }

  /**
   * Certificate chain and private key (PKCS #8 or PKCS #1, not encrypted) in PEM. Both are read
   * anew when they change: a handshake that finds them changed, looked at every 2 seconds at most,
   * starts the reading and the ones after it use them. What cannot be read is logged and the old
   * pair stays.
   *
   * @throws ConfigException if they cannot be read now or do not belong together
   */
  public static TlsConfig ofPem(Path certificate, Path key) {
    return ofPem(certificate, key, REREAD);
  }

  static TlsConfig ofPem(Path certificate, Path key, Duration reread) {
    return new TlsConfig(new PemFiles(certificate, key, reread), Map.of());
  }

  /** The host's own context, with its key managers. */
  public static TlsConfig ofContext(SSLContext context) {
    var wrapped = Certificates.wrap(context);
    return new TlsConfig(() -> wrapped, Map.of());
  }

  /** As {@link #ofContext(SSLContext)}, asked for before each handshake; must not block. */
  public static TlsConfig ofContext(Supplier<SSLContext> current) {
    return new TlsConfig(() -> Certificates.wrap(current.get()), Map.of());
  }

  /** A certificate made now, which no client has reason to trust; for tests and first steps. */
  public static TlsConfig selfSigned(String hostname) {
    log.warn("TLS uses a certificate signed by itself for {}: no client can check it", hostname);
    var context = Certificates.selfSigned(hostname);
    return new TlsConfig(() -> context, Map.of());
  }

  /**
   * The same, with other certificates for names that a client may ask for (RFC 6066 3).
   *
   * @param configs by host name
   */
  public TlsConfig withSni(Map<String, TlsConfig> configs) {
    var names = new HashMap<String, TlsConfig>();
    configs.forEach((name, config) -> names.put(name.toLowerCase(Locale.ROOT), config));
    return new TlsConfig(certificate, Map.copyOf(names));
  }

  boolean dependsOnName() {
    return !byName.isEmpty();
  }

  /** The context for the name that the client asked for. */
  SslContext contextFor(@Nullable String name) {
    var named = name == null ? null : byName.get(name.toLowerCase(Locale.ROOT));
    return named == null ? certificate.get() : named.certificate.get();
  }
}
