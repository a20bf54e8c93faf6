package org.unifiedmta.smtp.server;

import java.io.IOException;
import java.net.Socket;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertificateException;
import java.security.cert.X509Certificate;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSession;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import javax.net.ssl.X509ExtendedTrustManager;
import javax.net.ssl.X509TrustManager;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.ConfigException;

/**
 * Whose certificates count. A client may show any: mail servers show theirs to whoever asks, and a
 * handshake that failed for it would lose their mail. One that nobody we trust has signed is as
 * none.
 */
final class ClientCertificates {
  private static final X509Certificate[] NOBODY = {};

  private final X509Certificate[] authorities;
  private final @Nullable X509TrustManager judge;

  private ClientCertificates(X509Certificate[] authorities, @Nullable X509TrustManager judge) {
    this.authorities = authorities;
    this.judge = judge;
  }

  /** No client is asked for a certificate. */
  static ClientCertificates none() {
    return new ClientCertificates(NOBODY, null);
  }

  /**
   * Those that are signed by one of these authorities.
   *
   * @param file certificates in PEM
   * @throws ConfigException if it cannot be read
   */
  static ClientCertificates signedBy(Path file) {
    try {
      var authorities = Certificates.chain(file);
      var anchors = KeyStore.getInstance(KeyStore.getDefaultType());
      anchors.load(null, null);
      for (int i = 0; i < authorities.length; i++) {
        anchors.setCertificateEntry("authority-" + i, authorities[i]);
      }
      var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      factory.init(anchors);
      for (var manager : factory.getTrustManagers()) {
        if (manager instanceof X509TrustManager judge) {
          return new ClientCertificates(authorities, judge);
        }
      }
      throw new CertificateException("the JDK cannot check certificates");
    } catch (IOException | GeneralSecurityException e) {
      throw new ConfigException(
          "cannot use the authorities of client certificates in " + file + ": " + e.getMessage());
    }
  }

  boolean areAskedFor() {
    return judge != null;
  }

  /** The peer's certificate if it has shown one that counts. */
  @Nullable X509Certificate of(SSLSession session) {
    if (judge == null) {
      return null;
    }
    try {
      var shown = session.getPeerCertificates();
      var chain = new X509Certificate[shown.length];
      for (int i = 0; i < shown.length; i++) {
        chain[i] = (X509Certificate) shown[i];
      }
      // The kind of key exchange matters to clients only; this is the one for any signature.
      judge.checkClientTrusted(chain, "UNKNOWN");
      return chain[0];
    } catch (SSLPeerUnverifiedException e) {
      return null; // none shown
    } catch (CertificateException e) {
      return null; // of somebody else's
    }
  }

  /** Lets everybody shake hands; {@link #of} tells who counts. */
  TrustManager anybody() {
    return new Anybody(authorities);
  }

  private static final class Anybody extends X509ExtendedTrustManager {
    private final X509Certificate[] authorities;

    Anybody(X509Certificate[] authorities) {
      this.authorities = authorities;
    }

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return authorities.clone();
    }

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type) {}

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, Socket socket) {}

    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type, SSLEngine engine) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type)
        throws CertificateException {
      throw new CertificateException("this is a server");
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, Socket socket)
        throws CertificateException {
      throw new CertificateException("this is a server");
    }

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type, SSLEngine engine)
        throws CertificateException {
      throw new CertificateException("this is a server");
    }
  }
}
