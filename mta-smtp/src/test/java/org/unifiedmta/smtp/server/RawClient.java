package org.unifiedmta.smtp.server;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.security.GeneralSecurityException;
import java.security.cert.X509Certificate;
import java.util.List;
import javax.net.ssl.KeyManager;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSession;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManager;
import javax.net.ssl.X509TrustManager;

/** A client that sends exactly the octets it is told to, and reads replies line by line. */
final class RawClient implements AutoCloseable {
  private static final int PATIENCE = 20_000; // milliseconds; a bound, not a measure

  private Socket socket;
  private InputStream in;

  private RawClient(Socket socket) throws IOException {
    this.socket = socket;
    socket.setSoTimeout(PATIENCE);
    socket.setTcpNoDelay(true);
    this.in = new BufferedInputStream(socket.getInputStream());
  }

  static RawClient connect(InetSocketAddress address) {
    try {
      return new RawClient(new Socket(address.getAddress(), address.getPort()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Connected, greeted and introduced. */
  static RawClient helo(InetSocketAddress address) {
    var client = connect(address);
    client.reply();
    client.command("HELO client.test");
    return client;
  }

  RawClient send(String octets) {
    try {
      socket.getOutputStream().write(octets.getBytes(ISO_8859_1));
      socket.getOutputStream().flush();
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** One command and its reply. */
  String command(String line) {
    return send(line + "\r\n").reply();
  }

  /** Up to the 354 of a message for the user. */
  RawClient startMessage() {
    command("MAIL FROM:<ann@example.org>");
    command("RCPT TO:<user@local.test>");
    command("DATA");
    return this;
  }

  /** The last line of the next reply; empty where the server has closed. */
  String reply() {
    var line = line();
    while (line.length() > 3 && line.charAt(3) == '-') {
      line = line();
    }
    return line;
  }

  private String line() {
    try {
      var line = new ByteArrayOutputStream();
      for (int b = in.read(); b >= 0 && b != '\n'; b = in.read()) {
        line.write(b);
      }
      return line.toString(ISO_8859_1).stripTrailing();
    } catch (SSLException e) {
      return ""; // closed in the middle of a handshake
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Speaks TLS from here on. */
  RawClient secure(String name, String... protocols) {
    return secure(null, name, protocols);
  }

  /** As somebody who has these keys to show. */
  RawClient secure(KeyManager[] keys, String name, String... protocols) {
    try {
      var context = SSLContext.getInstance("TLS");
      context.init(keys, new TrustManager[] {new Anybody()}, null);
      var tls =
          (SSLSocket)
              context.getSocketFactory().createSocket(socket, "127.0.0.1", socket.getPort(), true);
      var parameters = tls.getSSLParameters();
      parameters.setServerNames(List.of(new SNIHostName(name)));
      if (protocols.length > 0) {
        parameters.setProtocols(protocols);
      }
      tls.setSSLParameters(parameters);
      tls.startHandshake();
      socket = tls;
      in = new BufferedInputStream(tls.getInputStream());
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  SSLSession tlsSession() {
    return ((SSLSocket) socket).getSession();
  }

  /** Asks for another handshake. */
  void renegotiate() throws IOException {
    ((SSLSocket) socket).startHandshake();
  }

  /** The server's certificate. */
  X509Certificate certificate() {
    try {
      return (X509Certificate) ((SSLSocket) socket).getSession().getPeerCertificates()[0];
    } catch (SSLException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Has nothing more to say, but listens. */
  RawClient shutdownOutput() {
    try {
      socket.shutdownOutput();
      return this;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Breaks the connection. */
  void reset() {
    try {
      socket.setSoLinger(true, 0);
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static final class Anybody implements X509TrustManager {
    @Override
    public void checkClientTrusted(X509Certificate[] chain, String type) {}

    @Override
    public void checkServerTrusted(X509Certificate[] chain, String type) {}

    @Override
    public X509Certificate[] getAcceptedIssuers() {
      return new X509Certificate[0];
    }
  }
}
