package org.unifiedmta.security.transport;

import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.security.NoSuchAlgorithmException;
import java.security.cert.CertificateException;
import java.security.cert.CertificateParsingException;
import java.security.cert.X509Certificate;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLPeerUnverifiedException;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.PrivateNetworks;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.time.Timer;

/**
 * Policies from the hosts that publish them, over HTTPS (RFC 8461 3.3). An address is looked up
 * once, and the one that was looked at is the one that is connected to. Redirects are not followed;
 * a policy has at most 64 kilobytes and comes within a minute.
 */
public final class HttpsPolicySource implements PolicySource {
  private static final String PATH = "/.well-known/mta-sts.txt";
  private static final int HTTPS = 443;
  private static final int MAXIMUM_BODY = 64 * 1024;
  private static final int MAXIMUM_ADDRESSES = 4; // of each family
  private static final int DNS_NAME = 2; // RFC 5280 4.2.1.6, as the JDK counts them
  private static final Duration TIME = Duration.ofMinutes(1);
  private static final Duration TIME_TO_CONNECT = Duration.ofSeconds(10);

  private final DnsResolver dns;
  private final Timer timer;
  private final SSLContext tls;
  private final int port;
  private final boolean allowPrivate;

  /** Hosts of the Internet, whose certificates the JDK trusts. */
  public HttpsPolicySource(DnsResolver dns, Timer timer) {
    this(dns, timer, trustOfTheJdk(), HTTPS, false);
  }

  /**
   * @param tls what says which certificates are trusted
   * @param port 443, but in tests
   * @param allowPrivate whether a host may be on a loopback, link-local or private address
   */
  public HttpsPolicySource(
      DnsResolver dns, Timer timer, SSLContext tls, int port, boolean allowPrivate) {
    this.dns = dns;
    this.timer = timer;
    this.tls = tls;
    this.port = port;
    this.allowPrivate = allowPrivate;
  }

  private static SSLContext trustOfTheJdk() {
    try {
      return SSLContext.getDefault();
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("the JDK has no TLS", e);
    }
  }

  @Override
  public byte[] fetch(String host) throws IOException {
    var open = new Open();
    var deadline = timer.at(timer.now().plus(TIME), open::end);
    try (open) {
      var answer = ask(host, open);
      if (answer.status() != 200) { // 3.3: redirects MUST NOT be followed
        throw new IOException(host + " answered with the status " + answer.status());
      }
      if (!answer.mediaType().equals("text/plain")) {
        throw new IOException(host + " answered with something else than text/plain");
      }
      return answer.body();
    } catch (IOException e) {
      if (open.isOver()) {
        throw new IOException(host + " did not answer within " + TIME.toSeconds() + " s", e);
      }
      throw e;
    } finally {
      deadline.cancel();
    }
  }

  private HttpAnswer ask(String host, Open open) throws IOException {
    var socket = connect(host, open);
    var secured = handshake(host, socket);
    var request =
        """
        GET %s HTTP/1.1
        Host: %s
        User-Agent: UnifiedMTA
        Accept: text/plain
        Connection: close

        """
            .formatted(PATH, port == HTTPS ? host : host + ":" + port)
            .replace("\n", "\r\n");
    secured.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
    return HttpAnswer.read(secured.getInputStream(), MAXIMUM_BODY);
  }

  /** To the first address where somebody listens. */
  private Socket connect(String host, Open open) throws IOException {
    @Nullable IOException failure = null;
    for (var address : addresses(host)) {
      var socket = open.next();
      try {
        socket.connect(new InetSocketAddress(address, port), (int) TIME_TO_CONNECT.toMillis());
        return socket;
      } catch (IOException e) {
        failure =
            new IOException("no connection to " + host + " at " + address.getHostAddress(), e);
      }
    }
    throw failure != null ? failure : new IOException("no address of " + host);
  }

  /** At least one. */
  private List<InetAddress> addresses(String host) throws IOException {
    var addresses = new ArrayList<InetAddress>();
    var a = dns.a(host);
    a.records().stream().limit(MAXIMUM_ADDRESSES).forEach(addresses::add);
    var aaaa = dns.aaaa(host);
    aaaa.records().stream().limit(MAXIMUM_ADDRESSES).forEach(addresses::add);
    if (addresses.isEmpty()) {
      var status = a.status().isTemporary() ? a.status() : aaaa.status();
      throw new IOException("no address of " + host + " (" + status + ")");
    }
    if (!allowPrivate) {
      addresses.removeIf(PrivateNetworks::contains);
    }
    if (addresses.isEmpty()) {
      throw new IOException(host + " has private addresses only");
    }
    return addresses;
  }

  private SSLSocket handshake(String host, Socket socket) throws IOException {
    var secured = (SSLSocket) tls.getSocketFactory().createSocket(socket, host, port, true);
    var parameters = secured.getSSLParameters();
    parameters.setProtocols(new String[] {"TLSv1.3", "TLSv1.2"}); // RFC 8996
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    try {
      parameters.setServerNames(List.of(new SNIHostName(host))); // 7.1
    } catch (IllegalArgumentException e) {
      throw new IOException("no name of a host: " + host, e);
    }
    secured.setSSLParameters(parameters);
    try {
      secured.startHandshake();
      checkName(host, secured);
    } catch (SSLException e) {
      if (isOfTheCertificate(e)) {
        throw new UntrustedPolicyHostException("the certificate of " + host + " is not trusted", e);
      }
      throw e;
    }
    return secured;
  }

  /** 3.3: only DNS-IDs are looked at. The JDK is content with a common name where there is none. */
  private static void checkName(String host, SSLSocket secured) throws IOException {
    try {
      var names =
          secured.getSession().getPeerCertificates()[0] instanceof X509Certificate certificate
              ? certificate.getSubjectAlternativeNames()
              : null;
      if (names == null || names.stream().noneMatch(name -> name.contains(DNS_NAME))) {
        throw new UntrustedPolicyHostException(
            "the certificate of " + host + " names it in no subject alternative name");
      }
    } catch (CertificateParsingException e) {
      throw new UntrustedPolicyHostException("the certificate of " + host + " is broken", e);
    }
  }

  private static boolean isOfTheCertificate(SSLException e) {
    for (Throwable cause = e; cause != null; cause = cause.getCause()) {
      if (cause instanceof CertificateException || cause instanceof SSLPeerUnverifiedException) {
        return true;
      }
    }
    return false;
  }

  /** The connection that is open, until the time is up. */
  private static final class Open implements AutoCloseable {
    private final AtomicReference<Socket> socket = new AtomicReference<>(new Socket());
    private volatile boolean over;

    /** Another connection, of no use if the time is up. */
    Socket next() throws IOException {
      var next = new Socket();
      socket.getAndSet(next).close();
      if (over) {
        close();
      }
      return next;
    }

    boolean isOver() {
      return over;
    }

    void end() {
      over = true;
      close();
    }

    @Override
    public void close() {
      try {
        socket.get().close();
      } catch (IOException e) {
        // It is of no use any more.
      }
    }
  }
}
