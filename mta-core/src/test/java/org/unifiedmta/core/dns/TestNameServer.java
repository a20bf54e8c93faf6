package org.unifiedmta.core.dns;

import java.io.ByteArrayInputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.DatagramPacket;
import java.net.DatagramSocket;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.DClass;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Master;
import org.xbill.DNS.Message;
import org.xbill.DNS.Name;
import org.xbill.DNS.Section;
import org.xbill.DNS.Type;

/**
 * A server on loopback, by UDP and TCP, that says what it was told to, and remembers what it was
 * asked; a recursive one unless an answer says otherwise.
 */
final class TestNameServer implements AutoCloseable {
  private final DatagramSocket udp;
  private final ServerSocket tcp;
  private final List<Thread> threads;
  private final Map<String, Consumer<Message>> answers = new ConcurrentHashMap<>();
  private final Map<String, UnaryOperator<byte[]>> datagrams = new ConcurrentHashMap<>();
  private final Map<String, UnaryOperator<byte[]>> streams = new ConcurrentHashMap<>();
  private final Set<String> strays = ConcurrentHashMap.newKeySet();
  private final List<String> questions = new CopyOnWriteArrayList<>();
  private final List<String> tcpQuestions = new CopyOnWriteArrayList<>();
  private volatile Consumer<Message> otherwise = message -> {};
  private volatile boolean answersAll;
  private volatile @Nullable CountDownLatch gate;

  TestNameServer() throws IOException {
    this(InetAddress.getLoopbackAddress(), 0);
  }

  /**
   * @param port 0 for any
   */
  TestNameServer(InetAddress loopback, int port) throws IOException {
    DatagramSocket datagrams = null;
    ServerSocket connections = null;
    while (connections == null) {
      datagrams = new DatagramSocket(new InetSocketAddress(loopback, port));
      try {
        connections = new ServerSocket(datagrams.getLocalPort(), 50, loopback);
      } catch (BindException e) {
        datagrams.close(); // somebody has the same port of TCP
        if (port != 0) {
          throw e;
        }
      }
    }
    udp = datagrams;
    tcp = connections;
    var name = Thread.ofPlatform().daemon().name("test-name-server-", 0);
    threads = List.of(name.start(this::serveDatagrams), name.start(this::serveConnections));
  }

  InetSocketAddress address() {
    return (InetSocketAddress) udp.getLocalSocketAddress();
  }

  /** What to add to the answer to a question for this name; a name without is never answered. */
  void answer(String name, Consumer<Message> answer) {
    answers.put(name + ".", answer);
  }

  /** What to add for all other names, which then are answered too. */
  void answerAll(Consumer<Message> answer) {
    otherwise = answer;
    answersAll = true;
  }

  /** Answers with records in the form of a master file: {@code name ttl type data}. */
  void records(String name, String... records) {
    answer(name, message -> add(message, Section.ANSWER, records));
  }

  /** What becomes of the octets of answers by UDP; null for silence. */
  void datagram(String name, UnaryOperator<byte[]> fault) {
    datagrams.put(name + ".", fault);
  }

  /** What becomes of the octets of answers by TCP, their length in front of them. */
  void stream(String name, UnaryOperator<byte[]> fault) {
    streams.put(name + ".", fault);
  }

  /** Answers by UDP come from another port than the one that was asked. */
  void stray(String name) {
    strays.add(name + ".");
  }

  /** By UDP only a beginning, that says so (RFC 2181 9). */
  void truncate(String name) {
    datagram(
        name,
        octets -> {
          int question = 12;
          while (octets[question] != 0) {
            question += octets[question] + 1;
          }
          var header = Arrays.copyOf(octets, question + 5);
          header[2] |= 2; // TC
          Arrays.fill(header, 6, 12, (byte) 0);
          return header;
        });
  }

  /** Nobody listens at the port of TCP any more. */
  void refuseTcp() throws IOException, InterruptedException {
    tcp.close();
    threads.get(1).join(); // a thread in accept() keeps the port open until it has woken up
  }

  static void add(Message message, int section, String... records) {
    for (var line : records) {
      var octets = line.getBytes(StandardCharsets.ISO_8859_1);
      try (var master = new Master(new ByteArrayInputStream(octets), Name.root, 0)) {
        message.addRecord(master.nextRecord(), section);
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  /** The questions by UDP so far: {@code name type}. */
  List<String> questions() {
    return questions;
  }

  /** The questions by TCP so far. */
  List<String> tcpQuestions() {
    return tcpQuestions;
  }

  /** Lets no answer out before it is opened. */
  void hold(CountDownLatch gate) {
    this.gate = gate;
  }

  private void serveDatagrams() {
    var buffer = new byte[4096];
    while (!udp.isClosed()) {
      try {
        var packet = new DatagramPacket(buffer, buffer.length);
        udp.receive(packet);
        var query = new Message(Arrays.copyOf(packet.getData(), packet.getLength()));
        questions.add(text(query));
        var wire = answer(query, datagrams);
        if (wire != null) {
          send(query, new DatagramPacket(wire, wire.length, packet.getSocketAddress()));
        }
      } catch (IOException e) {
        if (!udp.isClosed()) {
          throw new UncheckedIOException(e);
        }
      }
    }
  }

  private void send(Message query, DatagramPacket answer) throws IOException {
    if (!strays.contains(query.getQuestion().getName().toString())) {
      udp.send(answer);
      return;
    }
    try (var another = new DatagramSocket(new InetSocketAddress(udp.getLocalAddress(), 0))) {
      another.send(answer);
    }
  }

  private void serveConnections() {
    while (!tcp.isClosed()) {
      try (var connection = tcp.accept()) {
        serve(connection);
      } catch (SocketException e) {
        continue; // closed by either side
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }
  }

  private void serve(Socket connection) throws IOException {
    var in = new DataInputStream(connection.getInputStream());
    var octets = new byte[in.readUnsignedShort()];
    in.readFully(octets);
    var query = new Message(octets);
    tcpQuestions.add(text(query));
    var wire = answer(query, Map.of());
    if (wire == null) {
      return;
    }
    var framed = new byte[wire.length + 2];
    framed[0] = (byte) (wire.length >> 8);
    framed[1] = (byte) wire.length;
    System.arraycopy(wire, 0, framed, 2, wire.length);
    var fault = streams.getOrDefault(query.getQuestion().getName().toString(), octet -> octet);
    new DataOutputStream(connection.getOutputStream()).write(fault.apply(framed));
  }

  private static String text(Message query) {
    var question = query.getQuestion();
    return question.getName().toString(true) + " " + Type.string(question.getType());
  }

  private byte @Nullable [] answer(Message query, Map<String, UnaryOperator<byte[]>> faults) {
    var closed = gate;
    if (closed != null) {
      try {
        closed.await();
      } catch (InterruptedException e) {
        return null;
      }
    }
    var question = query.getQuestion();
    var name = question.getName().toString();
    var answer = answers.get(name);
    if ((answer == null && !answersAll) || question.getDClass() != DClass.IN) {
      return null;
    }
    var message = new Message(query.getHeader().getID());
    message.getHeader().setFlag(Flags.QR);
    message.getHeader().setFlag(Flags.RA);
    message.addRecord(question, Section.QUESTION);
    (answer == null ? otherwise : answer).accept(message);
    var fault = faults.get(name);
    return fault == null ? message.toWire() : fault.apply(message.toWire());
  }

  @Override
  public void close() throws IOException {
    udp.close();
    tcp.close();
    threads.forEach(Thread::interrupt);
  }
}
