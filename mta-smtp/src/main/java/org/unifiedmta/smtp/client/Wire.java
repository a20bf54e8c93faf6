package org.unifiedmta.smtp.client;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import javax.net.ssl.SNIHostName;
import javax.net.ssl.SNIServerName;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.unifiedmta.core.address.Literals;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.ByteSink;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.smtp.codec.ReplyParser;

/**
 * Lines and octets over one socket. Every wait has a deadline on the timer, which closes the
 * socket; that also ends a write to a peer that does not read.
 */
final class Wire implements ByteSink, AutoCloseable {
  private static final int INPUT = 4 * 1024;
  private static final int OUTPUT = 64 * 1024;
  private static final int MAXIMUM_LINE = 2_048;

  private final Endpoint endpoint;
  private final Timer timer;
  private final Socket socket;
  private final byte[] output = new byte[OUTPUT];
  private final byte[] input = new byte[INPUT];
  private Socket plainOrTls;
  private InputStream in;
  private OutputStream out;
  private int buffered;
  private int next;
  private int limit;
  private volatile boolean timedOut;

  private Wire(Endpoint endpoint, Timer timer, Socket socket) throws IOException {
    this.endpoint = endpoint;
    this.timer = timer;
    this.socket = socket;
    plainOrTls = socket;
    in = socket.getInputStream();
    out = socket.getOutputStream();
  }

  static Wire dial(Endpoint endpoint, ClientOptions options, Timer timer) throws IOException {
    var socket = new Socket();
    try {
      socket.setTcpNoDelay(true);
      var proxy = options.proxy();
      if (options.source() != null && proxy == null) {
        socket.bind(new InetSocketAddress(options.source(), 0));
      }
      var connect = options.timeouts().connect();
      socket.connect(
          proxy == null
              ? new InetSocketAddress(endpoint.address(), endpoint.port())
              : new InetSocketAddress(proxy.host(), proxy.port()),
          Math.toIntExact(connect.toMillis()));
      var wire = new Wire(endpoint, timer, socket);
      if (proxy != null) {
        wire.within(
            connect,
            () -> {
              ProxyDialer.introduce(socket, proxy, options.source(), endpoint);
              return true;
            });
      }
      return wire;
    } catch (IOException | RuntimeException e) {
      socket.close();
      throw e;
    }
  }

  /** Runs something that waits for the peer, until the deadline. */
  interface Waiting<T> {
    T run() throws IOException;
  }

  <T> T within(Duration time, Waiting<T> waiting) throws IOException {
    var deadline = timer.at(timer.now().plus(time), this::expire);
    try {
      return waiting.run();
    } catch (IOException e) {
      if (timedOut) {
        throw new SocketTimeoutException("no answer within " + time.toSeconds() + " s");
      }
      throw e;
    } finally {
      deadline.cancel();
    }
  }

  private void expire() {
    timedOut = true;
    abort();
  }

  /** Closes the socket under whoever waits on it, without a word to the peer. */
  void abort() {
    try {
      socket.close();
    } catch (IOException e) {
      // nothing is left to be done with it
    }
  }

  /** Puts a command into the output, without sending it. */
  void command(String line) throws IOException {
    var octets = line.getBytes(StandardCharsets.UTF_8);
    put(ByteBuffer.wrap(octets));
    put(ByteBuffer.wrap(new byte[] {'\r', '\n'}));
  }

  @Override
  public void write(ByteBuffer octets) {
    try {
      put(octets);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private void put(ByteBuffer octets) throws IOException {
    while (octets.hasRemaining()) {
      if (buffered == output.length) {
        flush();
      }
      int taken = Math.min(octets.remaining(), output.length - buffered);
      octets.get(output, buffered, taken);
      buffered += taken;
    }
  }

  void flush() throws IOException {
    if (buffered > 0) {
      out.write(output, 0, buffered);
      buffered = 0;
    }
  }

  /**
   * The next reply.
   *
   * @throws IOException also when the peer sends no reply at all
   */
  SmtpReply reply() throws IOException {
    var parser = new ReplyParser();
    while (true) {
      switch (parser.line(line())) {
        case ReplyParser.Result.More more -> {}
        case ReplyParser.Result.Complete complete -> {
          return complete.reply();
        }
        case ReplyParser.Result.Malformed malformed ->
            throw new IOException("no SMTP reply: " + malformed.reason());
      }
    }
  }

  private String line() throws IOException {
    var line = new ByteArrayOutputStream(80);
    for (int b = octet(); b != '\n'; b = octet()) { // lenient: a bare LF ends a reply's line too
      if (line.size() == MAXIMUM_LINE) {
        throw new IOException("reply line longer than " + MAXIMUM_LINE);
      }
      line.write(b);
    }
    var text = line.toString(StandardCharsets.UTF_8);
    return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
  }

  private int octet() throws IOException {
    if (next == limit) {
      limit = in.read(input);
      next = 0;
      if (limit < 0) {
        limit = 0;
        throw new IOException("connection closed by the peer");
      }
    }
    return input[next++];
  }

  /** RFC 3207 4.2, CVE-2011-0411: what came in plain text behind the reply is nobody's. */
  boolean hasUnread() {
    return next < limit;
  }

  /** Whether the peer has said something that nobody has read yet, as far as can be seen. */
  boolean hasSpoken() throws IOException {
    return hasUnread() || in.available() > 0;
  }

  /**
   * Puts TLS over the connection.
   *
   * @param host that is asked for
   * @param checkName whether the certificate must be for it
   */
  SSLSocket startTls(SSLContext context, String host, boolean checkName) throws IOException {
    var tls =
        (SSLSocket) context.getSocketFactory().createSocket(socket, host, endpoint.port(), true);
    var parameters = tls.getSSLParameters();
    parameters.setProtocols(new String[] {"TLSv1.3", "TLSv1.2"}); // RFC 8996
    if (checkName) {
      parameters.setEndpointIdentificationAlgorithm("HTTPS"); // RFC 9525
    }
    parameters.setServerNames(serverNames(host));
    tls.setSSLParameters(parameters);
    tls.startHandshake();
    plainOrTls = tls;
    in = tls.getInputStream();
    out = tls.getOutputStream();
    next = 0;
    limit = 0;
    return tls;
  }

  /** RFC 6066 3: literal addresses are no server names, nor is what no host is called. */
  private static List<SNIServerName> serverNames(String host) {
    if (host.startsWith("[") || host.indexOf('.') < 0 || Literals.ip(host) != null) {
      return List.of();
    }
    try {
      return List.of(new SNIHostName(host));
    } catch (IllegalArgumentException e) {
      return List.of(); // such as with an underscore: the DNS has it, and somebody listens
    }
  }

  @Override
  public void close() {
    try {
      plainOrTls.close();
    } catch (IOException e) {
      abort();
    }
  }
}
