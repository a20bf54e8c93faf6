package org.unifiedmta.smtp.testing;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;

/**
 * A server on loopback that answers as it is told. Untold, it takes everything. The script is by
 * event: {@code CONNECT}, a verb such as {@code MAIL}, {@code END} for the end of data (by LMTP for
 * each recipient), or {@code AUTH-LINE} for a line of a login; the answers given for one are used
 * up in order, over all connections, and the last one stays.
 */
public final class ScriptedSmtpServer implements AutoCloseable {
  private static final int MAXIMUM_LINE = 1024 * 1024;
  private static final int MAXIMUM_MESSAGE = 256 * 1024 * 1024;

  /** Instead of a reply: the connection is closed. */
  private static final String DROP = "\0drop";

  /** Instead of a reply: nothing, ever. */
  private static final String SILENCE = "\0silence";

  private final ServerSocket listener;
  private final Map<String, Deque<String>> script;
  private final List<String> extensions;
  private final @Nullable SSLContext tls;
  private final List<Transcript> transcripts = new CopyOnWriteArrayList<>();
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();

  private ScriptedSmtpServer(Builder builder) {
    script = builder.script;
    extensions = List.copyOf(builder.extensions);
    tls = builder.tls;
    try {
      listener = new ServerSocket(builder.port, 100, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    Thread.ofPlatform().daemon().name("mta-scripted-" + port()).start(this::accept);
  }

  /** Starts a script. */
  public static Builder script() {
    return new Builder();
  }

  /** Collects what is to go wrong. */
  public static final class Builder {
    private final Map<String, Deque<String>> script = new HashMap<>();
    private final List<String> extensions = new ArrayList<>(List.of("PIPELINING", "8BITMIME"));
    private @Nullable SSLContext tls;
    private int port;

    private Builder() {}

    /** A fixed port in place of any that is free. */
    public Builder port(int port) {
      this.port = port;
      return this;
    }

    /** The next answers to an event; several lines of one reply are divided by {@code \n}. */
    public Builder reply(String event, String... replies) {
      var all = script.computeIfAbsent(event.toUpperCase(Locale.ROOT), e -> new ArrayDeque<>());
      all.addAll(List.of(replies));
      return this;
    }

    /** The next answer to an event is to close the connection. */
    public Builder drop(String event) {
      return reply(event, DROP);
    }

    /** The next answer to an event never comes. */
    public Builder silence(String event) {
      return reply(event, SILENCE);
    }

    /** What EHLO offers, in place of PIPELINING and 8BITMIME. */
    public Builder extensions(String... keywords) {
      extensions.clear();
      extensions.addAll(List.of(keywords));
      return this;
    }

    /** Offers STARTTLS with this certificate. */
    public Builder tls(SSLContext context) {
      tls = context;
      return this;
    }

    /** Starts listening. */
    public ScriptedSmtpServer start() {
      return new ScriptedSmtpServer(this);
    }
  }

  public int port() {
    return listener.getLocalPort();
  }

  /** One for each connection so far, in their order. */
  public List<Transcript> transcripts() {
    return List.copyOf(transcripts);
  }

  /** All messages taken so far. */
  public List<byte[]> messages() {
    return transcripts.stream().flatMap(transcript -> transcript.messages().stream()).toList();
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        var socket = listener.accept();
        open.add(socket);
        var transcript = new Transcript();
        transcripts.add(transcript);
        Thread.ofVirtual()
            .name("mta-scripted-session")
            .start(() -> new Session(socket, transcript).run());
      } catch (IOException e) {
        return;
      }
    }
  }

  private String answer(String event, String otherwise) {
    var told = script.get(event);
    if (told == null) {
      return otherwise;
    }
    synchronized (told) {
      return told.size() > 1 ? told.removeFirst() : told.getFirst();
    }
  }

  @Override
  public void close() {
    closeQuietly(listener);
    open.forEach(ScriptedSmtpServer::closeQuietly);
  }

  private static void closeQuietly(AutoCloseable closeable) {
    try {
      closeable.close();
    } catch (Exception e) {
      // it is gone, which is what was wanted
    }
  }

  private final class Session {
    private final Transcript transcript;
    private Socket socket;
    private InputStream in = InputStream.nullInputStream();
    private OutputStream out = OutputStream.nullOutputStream();
    private boolean secure;
    private boolean lmtp;
    private int recipients;

    Session(Socket socket, Transcript transcript) {
      this.socket = socket;
      this.transcript = transcript;
    }

    void run() {
      var plain = socket;
      try {
        in = new BufferedInputStream(socket.getInputStream());
        out = socket.getOutputStream();
        boolean goesOn = say(answer("CONNECT", "220 scripted.test ESMTP"));
        while (goesOn) {
          goesOn = command(line());
        }
      } catch (IOException e) {
        // the client went away, or its data ended
      } finally {
        closeQuietly(socket);
        closeQuietly(plain);
        open.remove(plain);
      }
    }

    private boolean command(String line) throws IOException {
      transcript.client(line);
      int end = line.indexOf(' ');
      var verb = (end < 0 ? line : line.substring(0, end)).toUpperCase(Locale.ROOT);
      return switch (verb) {
        case "EHLO", "LHLO" -> {
          lmtp = verb.equals("LHLO");
          yield say(answer(verb, hello()));
        }
        case "STARTTLS" -> startTls();
        case "AUTH" -> say(answer(verb, "235 2.7.0 welcome"));
        case "DATA" -> data();
        case "BDAT" -> chunk(line.split(" "));
        case "QUIT" -> {
          say(answer(verb, "221 2.0.0 bye"));
          yield false;
        }
        case "RCPT" -> {
          var reply = answer(verb, "250 2.1.5 ok");
          recipients += reply.startsWith("2") ? 1 : 0;
          yield say(reply);
        }
        case "HELO", "MAIL", "RSET", "NOOP" -> {
          recipients = 0;
          yield say(answer(verb, "250 2.0.0 ok"));
        }
        default -> say(answer("AUTH-LINE", "500 5.5.1 what?"));
      };
    }

    private String hello() {
      var lines = new ArrayList<String>();
      lines.add("scripted.test");
      lines.addAll(extensions);
      if (tls != null && !secure) {
        lines.add("STARTTLS");
      }
      var reply = new StringBuilder();
      for (int i = 0; i < lines.size(); i++) {
        reply.append(i == 0 ? "" : "\n").append(i == lines.size() - 1 ? "250 " : "250-");
        reply.append(lines.get(i));
      }
      return reply.toString();
    }

    private boolean startTls() throws IOException {
      var context = tls;
      if (context == null) {
        return say(answer("STARTTLS", "502 5.5.1 no TLS"));
      }
      var reply = answer("STARTTLS", "220 2.0.0 go");
      if (!say(reply) || !reply.startsWith("220")) {
        return !reply.equals(DROP);
      }
      var layered = (SSLSocket) context.getSocketFactory().createSocket(socket, in, true);
      layered.setUseClientMode(false);
      layered.startHandshake();
      socket = layered;
      in = new BufferedInputStream(layered.getInputStream());
      out = layered.getOutputStream();
      secure = true;
      return true;
    }

    private boolean data() throws IOException {
      var reply = answer("DATA", recipients > 0 ? "354 go ahead" : "503 5.5.1 no recipients");
      int accepted = recipients;
      recipients = 0;
      if (!say(reply) || !reply.startsWith("354")) {
        return !reply.equals(DROP);
      }
      var message = new ByteArrayOutputStream();
      for (var line = octets(); ; line = octets()) {
        if (line.length == 3 && line[0] == '.') {
          transcript.message(message.toByteArray());
          return ended(accepted);
        }
        int from = line[0] == '.' ? 1 : 0;
        message.write(line, from, line.length - from);
        if (message.size() > MAXIMUM_MESSAGE) {
          throw new IOException("message too large");
        }
      }
    }

    /** RFC 2033 4.2: for each recipient that was accepted; otherwise once. */
    private boolean ended(int accepted) throws IOException {
      boolean goesOn = true;
      for (int i = 0; goesOn && i < (lmtp ? accepted : 1); i++) {
        goesOn = say(answer("END", "250 2.0.0 Ok: queued"));
      }
      return goesOn;
    }

    /** {@code BDAT size [LAST]} (RFC 3030 2); each chunk counts as a message of its own. */
    private boolean chunk(String... words) throws IOException {
      int size = words.length > 1 ? Integer.parseInt(words[1]) : 0;
      if (size > MAXIMUM_MESSAGE) {
        throw new IOException("message too large");
      }
      transcript.message(in.readNBytes(size));
      recipients = 0;
      return say(answer("BDAT", "250 2.0.0 Ok: queued"));
    }

    /** Whether the session goes on. */
    private boolean say(String reply) throws IOException {
      if (reply.equals(DROP)) {
        return false;
      }
      if (reply.equals(SILENCE)) {
        while (in.read() >= 0) {
          // whatever comes is heard and not answered
        }
        return false;
      }
      for (var line : reply.split("\n", -1)) {
        transcript.server(line);
      }
      out.write((reply.replace("\n", "\r\n") + "\r\n").getBytes(StandardCharsets.UTF_8));
      out.flush();
      return !reply.startsWith("421");
    }

    private String line() throws IOException {
      var octets = octets();
      return new String(octets, 0, octets.length - 2, StandardCharsets.UTF_8);
    }

    /** Up to and with CRLF. */
    private byte[] octets() throws IOException {
      var line = new ByteArrayOutputStream();
      int before = -1;
      for (int b = in.read(); b >= 0; b = in.read()) {
        line.write(b);
        if (b == '\n' && before == '\r') {
          return line.toByteArray();
        }
        if (line.size() > MAXIMUM_LINE) {
          throw new IOException("line too long");
        }
        before = b;
      }
      throw new IOException("closed");
    }
  }
}
