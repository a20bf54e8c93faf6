package org.unifiedmta.examples.benchmark;

import java.io.BufferedReader;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * A server in a process of its own, so that its costs are told from those of its clients. Needs
 * Linux: sizes are read from {@code /proc}.
 */
final class ServerProcess implements AutoCloseable {
  private static final Path SMTP_SINK = Path.of("/usr/sbin/smtp-sink");
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final String name;
  private final Process process;
  private final InetSocketAddress address;
  private final @Nullable BufferedReader answers; // null if it cannot be asked

  private ServerProcess(
      String name, Process process, InetSocketAddress address, @Nullable BufferedReader answers) {
    this.name = name;
    this.process = process;
    this.address = address;
    this.answers = answers;
  }

  /**
   * Starts a {@link ServerUnderTest}.
   *
   * @param flags of its JVM
   * @param arguments which server, and how
   */
  static ServerProcess start(String name, List<String> flags, String... arguments)
      throws IOException {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(flags);
    command.add("-Dorg.slf4j.simpleLogger.defaultLogLevel=error");
    command.add("--enable-native-access=ALL-UNNAMED");
    command.add("-classpath");
    command.add(System.getProperty("java.class.path"));
    command.add(ServerUnderTest.class.getName());
    command.addAll(List.of(arguments));
    var process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    var answers = process.inputReader();
    var port = answers.readLine();
    if (port == null) {
      throw new IOException(name + " does not start");
    }
    return new ServerProcess(name, process, loopback(Integer.parseInt(port)), answers);
  }

  /** Starts Postfix's {@code smtp-sink}, if there is one. */
  static Optional<ServerProcess> startSmtpSink() throws IOException, InterruptedException {
    if (!Files.isExecutable(SMTP_SINK)) {
      return Optional.empty();
    }
    InetSocketAddress address;
    try (var free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      address = loopback(free.getLocalPort());
    }
    var command = new ArrayList<>(List.of(SMTP_SINK.toString()));
    if (System.getProperty("user.name").equals("root")) {
      command.addAll(List.of("-u", "nobody")); // it does not serve as root
    }
    command.addAll(List.of("127.0.0.1:" + address.getPort(), "1024"));
    var process = new ProcessBuilder(command).inheritIO().start();
    Runtime.getRuntime().addShutdownHook(new Thread(process::destroy)); // others end with us
    var server = new ServerProcess("smtp-sink", process, address, null);
    for (int tries = 0; !answers(address); tries++) {
      if (tries == 100 || process.waitFor(50, TimeUnit.MILLISECONDS)) {
        server.close();
        return Optional.empty();
      }
    }
    return Optional.of(server);
  }

  private static InetSocketAddress loopback(int port) {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  private static boolean answers(InetSocketAddress address) {
    try (var socket = new Socket(address.getAddress(), address.getPort())) {
      return socket.getInputStream().read() >= 0;
    } catch (IOException e) {
      return false;
    }
  }

  String name() {
    return name;
  }

  InetSocketAddress address() {
    return address;
  }

  /** What it has had of all processors, its compiler and garbage collector too; to 10 ms. */
  Duration cpu() {
    return process.info().totalCpuDuration().orElseThrow();
  }

  /** Octets of memory that are its own or mapped and present, {@code VmRSS}. */
  long residentSize() throws IOException {
    return status("VmRSS:") << 10;
  }

  /** Threads of the system; virtual ones have none of their own. */
  int threads() throws IOException {
    return (int) status("Threads:");
  }

  private long status(String name) throws IOException {
    for (var line : Files.readAllLines(Path.of("/proc", "" + process.pid(), "status"))) {
      if (line.startsWith(name)) {
        return Long.parseLong(line.replaceAll("\\D", ""));
      }
    }
    throw new IOException("no " + name + " of process " + process.pid());
  }

  /** Its connections, and the files and listeners besides. */
  int openFiles() throws IOException {
    try (var files = Files.list(Path.of("/proc", "" + process.pid(), "fd"))) {
      return (int) files.count();
    }
  }

  /** Octets of heap in use behind a full garbage collection. */
  long heap() throws IOException {
    return ask("heap");
  }

  /** Recipients of messages that it has accepted and not delivered; 0 if it has no queue. */
  long queued() throws IOException {
    return answers == null ? 0 : ask("queued");
  }

  /** Returns when it has delivered all that it had accepted. */
  void awaitEmptyQueue() throws IOException, InterruptedException {
    while (queued() > 0) {
      Thread.sleep(10);
    }
  }

  private long ask(String what) throws IOException {
    if (answers == null) {
      throw new IOException(name + " cannot be asked");
    }
    var out = process.outputWriter();
    out.write(what + "\n");
    out.flush();
    var answer = answers.readLine();
    if (answer == null) {
      throw new IOException(name + " has ended");
    }
    return Long.parseLong(answer);
  }

  /** Ends it. */
  @Override
  public void close() {
    try {
      if (answers == null) {
        process.destroy();
      } else {
        process.outputWriter().close(); // it ends with its input, also if we are killed
      }
      if (!process.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)) {
        process.destroyForcibly();
      }
    } catch (IOException e) {
      process.destroyForcibly(); // it has not read to the end
    } catch (InterruptedException e) {
      process.destroyForcibly();
      Thread.currentThread().interrupt();
    }
  }
}
