package org.unifiedmta.examples.benchmark;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.StandardSocketOptions;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * Many SMTP clients on the thread of whoever calls {@link #run}, as cheap as clients can be. They
 * pipeline whatever RFC 2920 3.1 lets them, so that a message costs one round trip on a connection
 * that is kept.
 */
final class LoadClient implements AutoCloseable {
  private static final int KEPT_FOR = 10_000; // messages: servers may bound their sessions
  private static final List<String> ONE = List.of("ben@example.net");
  private static final ByteBuffer EHLO = octets("EHLO client.example.org\r\n");

  private final InetSocketAddress server;
  private final int messagesOfAConnection;
  private final List<ByteBuffer> firsts = new ArrayList<>(); // by recipient
  private final List<ByteBuffer> messagesAndNext = new ArrayList<>();
  private final ByteBuffer messageAndQuit;
  private final Selector selector = Selector.open();
  private final List<Session> sessions = new ArrayList<>();
  private final ByteBuffer in = ByteBuffer.allocateDirect(8192);
  private long toSend;
  private long sent;
  private long accepted;
  private long refused;

  /**
   * Connects, to send without end.
   *
   * @param size octets of each message
   * @param kept whether a connection serves many messages, rather than one
   */
  LoadClient(InetSocketAddress server, int size, int connections, boolean kept) throws IOException {
    this(server, size, connections, kept, ONE, Long.MAX_VALUE);
  }

  /**
   * Connects.
   *
   * @param recipients that have the messages in turn
   * @param messages in all
   */
  LoadClient(
      InetSocketAddress server,
      int size,
      int connections,
      boolean kept,
      List<String> recipients,
      long messages)
      throws IOException {
    this.server = server;
    this.messagesOfAConnection = kept ? KEPT_FOR : 1;
    this.toSend = messages;
    var message = message(size) + ".\r\n";
    for (var recipient : recipients) {
      var group = "MAIL FROM:<ann@example.org>\r\nRCPT TO:<" + recipient + ">\r\nDATA\r\n";
      firsts.add(octets(group));
      messagesAndNext.add(octets(message + group));
    }
    this.messageAndQuit = octets(message + "QUIT\r\n");
    for (int i = 0; i < connections; i++) {
      sessions.add(new Session());
    }
  }

  private static ByteBuffer octets(String text) {
    var bytes = text.getBytes(StandardCharsets.US_ASCII);
    return ByteBuffer.allocateDirect(bytes.length).put(bytes).flip().asReadOnlyBuffer();
  }

  private static String message(int size) {
    var message =
        new StringBuilder(size)
            .append("Date: Thu, 26 Nov 2026 12:00:00 +0000\r\nFrom: <ann@example.org>\r\n")
            .append("To: <ben@example.net>\r\nMessage-ID: <load@example.org>\r\n")
            .append("Subject: Load\r\n\r\n");
    int signature = LoadKey.sign(message.toString()).length() - message.length();
    while (message.length() < size - signature - 2) {
      int line = Math.min(76, size - signature - 2 - message.length());
      message.append("x".repeat(line)).append("\r\n");
    }
    return LoadKey.sign(message.toString());
  }

  /** Goes on until all messages have got their reply. */
  void run() throws IOException {
    long all = toSend + sent;
    while (accepted < all) {
      run(Duration.ofMillis(100));
    }
  }

  /** The next recipient, by number; there is one message less to send. */
  private int next() {
    toSend--;
    return (int) (sent++ % firsts.size());
  }

  /** Goes on sending for this long. */
  void run(Duration time) throws IOException {
    long end = System.nanoTime() + time.toNanos();
    try {
      for (long now = System.nanoTime(); now < end; now = System.nanoTime()) {
        selector.select(LoadClient::ready, Math.max(1, (end - now) / 1_000_000));
      }
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  private static void ready(SelectionKey key) {
    try {
      ((Session) key.attachment()).ready(key);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Messages that got their 250, since the beginning. */
  long accepted() {
    return accepted;
  }

  /** Connections that ended with a temporary refusal, and were made anew. */
  long refused() {
    return refused;
  }

  @Override
  public void close() throws IOException {
    for (var session : sessions) {
      session.channel.close();
    }
    selector.close();
  }

  private enum Phase {
    GREETING(1),
    EHLO(1),
    FIRST(3),
    MESSAGE(4),
    LAST_MESSAGE(2),
    END(Integer.MAX_VALUE);

    private final int replies;

    Phase(int replies) {
      this.replies = replies;
    }
  }

  private final class Session {
    private SocketChannel channel;
    private SelectionKey key;
    private Phase phase = Phase.GREETING;
    private ByteBuffer out = EHLO.duplicate();
    private int left; // messages of this connection
    private int replies; // of this phase
    private int column; // of the current line
    private boolean last; // line of its reply

    Session() throws IOException {
      channel = SocketChannel.open();
      key = connect();
    }

    private void reconnect() throws IOException {
      channel.close();
      channel = SocketChannel.open();
      key = connect();
    }

    private SelectionKey connect() throws IOException {
      enter(Phase.GREETING);
      left = messagesOfAConnection;
      column = 0;
      out.position(out.limit());
      channel.setOption(StandardSocketOptions.TCP_NODELAY, true);
      channel.configureBlocking(false);
      return channel.register(
          selector, channel.connect(server) ? SelectionKey.OP_READ : SelectionKey.OP_CONNECT, this);
    }

    private void enter(Phase next) {
      phase = next;
      replies = 0;
    }

    void ready(SelectionKey ready) throws IOException {
      if (ready.isConnectable()) {
        channel.finishConnect();
        key.interestOps(SelectionKey.OP_READ);
      } else if (ready.isWritable()) {
        write();
      } else {
        read();
      }
    }

    private void read() throws IOException {
      in.clear();
      if (channel.read(in) < 0) {
        if (phase != Phase.END) {
          throw new IOException("the server hung up in " + phase);
        }
        if (toSend > 0) {
          reconnect();
        } else {
          channel.close();
        }
        return;
      }
      in.flip();
      while (in.hasRemaining()) {
        byte octet = in.get();
        if (column == 0 && octet != '2' && octet != '3') {
          refused(octet);
          return;
        }
        if (column == 3) {
          last = octet != '-';
        }
        column++;
        if (octet == '\n') {
          column = 0;
          if (last) {
            reply();
          }
        }
      }
    }

    private void refused(byte octet) throws IOException {
      if (octet != '4') {
        var rest = StandardCharsets.US_ASCII.decode(in);
        throw new IOException("the server said " + (char) octet + rest + " in " + phase);
      }
      refused++;
      reconnect();
    }

    private void reply() throws IOException {
      replies++;
      if (replies == 1 && (phase == Phase.MESSAGE || phase == Phase.LAST_MESSAGE)) {
        accepted++;
      }
      if (replies < phase.replies) {
        return;
      }
      switch (phase) {
        case GREETING -> send(Phase.EHLO, EHLO);
        case EHLO -> {
          if (toSend > 0) {
            send(Phase.FIRST, firsts.get(next()));
          }
        }
        case FIRST, MESSAGE -> {
          if (--left == 0 || toSend == 0) {
            send(Phase.LAST_MESSAGE, messageAndQuit);
          } else {
            send(Phase.MESSAGE, messagesAndNext.get(next()));
          }
        }
        case LAST_MESSAGE, END -> enter(Phase.END);
      }
    }

    private void send(Phase next, ByteBuffer octets) throws IOException {
      enter(next);
      out = octets.duplicate();
      write();
    }

    private void write() throws IOException {
      channel.write(out);
      if (out.hasRemaining()) {
        key.interestOps(SelectionKey.OP_READ | SelectionKey.OP_WRITE);
      } else if ((key.interestOps() & SelectionKey.OP_WRITE) != 0) {
        key.interestOps(SelectionKey.OP_READ);
      }
    }
  }
}
