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
import org.unifiedmta.security.sasl.CredentialStore;

/** The server's certificates. TLS 1.2 and 1.3 only (RFC 8996). */
public final class TlsConfig {
  private static final Logger log = LoggerFactory.getLogger(TlsConfig.class);
  private static final Duration REREAD = Duration.ofSeconds(2);

  /** Where a certificate comes from. */
  private interface Source {
    /** What tells the context of the next handshake. */
    Supplier<SslContext> contexts(ClientCertificates clients);
  }

  private final Source source;
  private final Map<String, TlsConfig> byName;
  private final ClientCertificates clients;
  private final Supplier<SslContext> contexts;

  private TlsConfig(Source source, Map<String, TlsConfig> byName, ClientCertificates clients) {
    var names = new HashMap<String, TlsConfig>();
    // Whoever a client asks for, it is asked the same.
    byName.forEach((name, config) ->
        names.put(name.toLowerCase(Locale.ROOT), new TlsConfig(config.source, Map.of(), clients)));
    this.source = source;
    this.byName = Map.copyOf(names);
    this.clients = clients;
    this.contexts = source.contexts(clients);
  }

  private TlsConfig(Source source) {
    this(source, Map.of(), ClientCertificates.none());
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
    return new TlsConfig(clients -> new PemFiles(certificate, key, reread, clients));
  }

  /** The host's own context, with its key managers. */
  public static TlsConfig ofContext(SSLContext context) {
    var wrapped = Certificates.wrap(context);
    return new TlsConfig(clients -> () -> wrapped);
  }

  /** As {@link #ofContext(SSLContext)}, asked for before each handshake; must not block. */
  public static TlsConfig ofContext(Supplier<SSLContext> current) {
    return new TlsConfig(clients -> () -> Certificates.wrap(current.get()));
  }

  /** A certificate made now, which no client has reason to trust; for tests and first steps. */
  public static TlsConfig selfSigned(String hostname) {
    log.warn("TLS uses a certificate signed by itself for {}: no client can check it", hostname);
    var made = Certificates.selfSigned(hostname);
    return new TlsConfig(clients -> {
      var context = made.context(clients);
      return () -> context;
    });
  }

  /**
   * The same, with other certificates for names that a client may ask for (RFC 6066 3).
   *
   * @param configs by host name
   */
  public TlsConfig withSni(Map<String, TlsConfig> configs) {
    return new TlsConfig(source, configs, clients);
  }

  /**
   * The same, and clients are asked for a certificate. They need none, and one that these
   * authorities have not signed is as none: no handshake fails for it. Whom a certificate that
   * counts stands for, the {@link CredentialStore} says (mechanism EXTERNAL). With {@link
   * #ofContext(SSLContext)} the context's own trust managers see it too, and may refuse.
   *
   * @param authorities certificates in PEM, read once
   * @throws ConfigException if they cannot be read
   */
  public TlsConfig withClientCertificates(Path authorities) {
    return new TlsConfig(source, byName, ClientCertificates.signedBy(authorities));
  }

  ClientCertificates clients() {
    return clients;
  }

  boolean dependsOnName() {
    return !byName.isEmpty();
  }

  /** The context for the name that the client asked for. */
  SslContext contextFor(@Nullable String name) {
    var named = name == null ? null : byName.get(name.toLowerCase(Locale.ROOT));
    return named == null ? contexts.get() : named.contexts.get();
  }
}
