package org.unifiedmta.core.dns;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;

/**
 * A recursive server on loopback that says what it was told to, and remembers what it was asked.
 */
final class TestNameServer implements AutoCloseable {
  private final DatagramSocket socket;
  private final Thread thread;
  private final Map<String, Consumer<Message>> answers = new ConcurrentHashMap<>();
  private final List<String> questions = new CopyOnWriteArrayList<>();
  private volatile @Nullable CountDownLatch gate;

  TestNameServer() throws IOException {
    socket = new DatagramSocket(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
    thread = Thread.ofPlatform().daemon().name("test-name-server").start(this::serve);
  }

  InetSocketAddress address() {
    return (InetSocketAddress) socket.getLocalSocketAddress();
  }

  /** What to add to the answer to a question for this name; a name without is never answered. */
  void answer(String name, Consumer<Message> answer) {
    answers.put(name + ".", answer);
  }

  /** Answers with records in the form of a master file: {@code name ttl type data}. */
  void records(String name, String... records) {
    answer(name, message -> add(message, Section.ANSWER, records));
  }

  static void add(Message message, int section, String... records) {
    for (var line : records) {
      try (var master = new org.xbill.DNS.Master(stream(line), Name.root, 0)) {
        Record record = master.nextRecord();
        message.addRecord(record, section);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private static java.io.InputStream stream(String text) {
    return new java.io.ByteArrayInputStream(
        text.getBytes(java.nio.charset.StandardCharsets.ISO_8859_1));
  }

  /** The questions so far: {@code name type}. */
  List<String> questions() {
    return questions;
  }

  /** Lets no answer out before it is opened. */
  void hold(CountDownLatch gate) {
    this.gate = gate;
  }

  private void serve() {
    var buffer = new byte[4096];
    while (!socket.isClosed()) {
      try {
        var packet = new DatagramPacket(buffer, buffer.length);
        socket.receive(packet);
        answer(packet);
      } catch (IOException e) {
        if (!socket.isClosed()) {
          throw new UncheckedIOException(e);
        }
      }
    }
  }

  private void answer(DatagramPacket packet) throws IOException {
    var query = new Message(java.util.Arrays.copyOf(packet.getData(), packet.getLength()));
    var question = query.getQuestion();
    questions.add(
        question.getName().toString(true) + " " + org.xbill.DNS.Type.string(question.getType()));
    var closed = gate;
    if (closed != null) {
      try {
        closed.await();
      } catch (InterruptedException e) {
        return;
      }
    }
    var answer = answers.get(question.getName().toString());
    if (answer == null || question.getDClass() != DClass.IN) {
      return;
    }
    var message = new Message(query.getHeader().getID());
    message.getHeader().setFlag(Flags.QR);
    message.getHeader().setFlag(Flags.RA);
    message.addRecord(question, Section.QUESTION);
    answer.accept(message);
    var wire = message.toWire();
    socket.send(new DatagramPacket(wire, wire.length, packet.getSocketAddress()));
  }

  @Override
  public void close() {
    socket.close();
    thread.interrupt();
  }
}
