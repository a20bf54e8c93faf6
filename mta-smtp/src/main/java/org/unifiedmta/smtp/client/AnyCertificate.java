package org.unifiedmta.smtp.client;

import java.security.cert.X509Certificate;
import javax.net.ssl.SSLContext;
import org.unifiedmta.security.transport.ServerTrust;

/**
 * The trust of opportunistic TLS: encryption against whoever only listens, no claim about who
 * answers (RFC 7435). Used nowhere else.
 */
final class AnyCertificate extends ServerTrust {

  /** Made when first used, then shared: it has no state of ours. */
  private static final class Holder {
    private static final SSLContext CONTEXT = new AnyCertificate().context();
  }

  static SSLContext sharedContext() {
    return Holder.CONTEXT;
  }

  @Override
  protected void check(X509Certificate[] chain) {}
}
