package org.unifiedmta.examples.benchmark;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A Postfix of its own that relays: mail for {@code dN.example.net} to a host of a {@link
 * CountingSink}, with as many processes as help it, and connections that are kept.
 */
final class Postfix implements AutoCloseable {
  private static final Path PROGRAM = Path.of("/usr/sbin/postfix");
  private static final long TICKS = 100; // of a second in /proc, as Linux shows them

  private final Path directory;
  private final InetSocketAddress address;
  private final long master;

  private Postfix(Path directory, InetSocketAddress address, long master) {
    this.directory = directory;
    this.address = address;
    this.master = master;
  }

  /** Null if there is none, or this user may not start it. */
  static @Nullable Postfix start(Path parent, int sink, int destinations)
      throws IOException, InterruptedException {
    if (!Files.isExecutable(PROGRAM) || !System.getProperty("user.name").equals("root")) {
      return null;
    }
    var directory =
        Files.createTempDirectory(
            parent,
            "mta-postfix-",
            PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rwxr-xr-x")));
    Files.createDirectories(directory.resolve("queue"));
    var data = Files.createDirectories(directory.resolve("data"));
    run(directory, "chown", "postfix", data.toString());
    InetSocketAddress address;
    try (var free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      address = new InetSocketAddress(InetAddress.getLoopbackAddress(), free.getLocalPort());
    }
    Files.writeString(directory.resolve("main.cf"), main(directory, sink, destinations));
    Files.writeString(directory.resolve("master.cf"), master(address.getPort()));
    run(directory, PROGRAM.toString(), "-c", directory.toString(), "start");
    var pid = Files.readString(directory.resolve("queue/pid/master.pid")).strip();
    var postfix = new Postfix(directory, address, Long.parseLong(pid));
    postfix.awaitGreeting();
    return postfix;
  }

  private static String main(Path directory, int sink, int destinations) {
    var transports = new StringBuilder();
    for (int i = 0; i < destinations; i++) {
      transports
          .append(i == 0 ? "" : ", ")
          .append("d%d.example.net=smtp:[%s]:%d".formatted(i, CountingSink.address(i), sink));
    }
    return """
    compatibility_level = 3.6
    queue_directory = %1$s/queue
    data_directory = %1$s/data
    maillog_file = %1$s/log
    maillog_file_prefixes = %1$s
    myhostname = postfix.example.net
    inet_interfaces = loopback-only
    inet_protocols = ipv4
    mynetworks = 127.0.0.0/8
    mydestination =
    alias_maps =
    transport_maps = inline:{ %2$s }
    default_process_limit = 200
    smtpd_client_connection_count_limit = 0
    smtpd_client_connection_rate_limit = 0
    smtpd_client_message_rate_limit = 0
    smtp_destination_concurrency_limit = 20
    initial_destination_concurrency = 20
    smtp_connection_cache_destinations = static:all
    qmgr_message_active_limit = 50000
    in_flow_delay = 0
    """
        .formatted(directory, transports);
  }

  private static String master(int port) {
    return """
    127.0.0.1:%d inet n - n - - smtpd
    pickup unix n - n 60 1 pickup
    cleanup unix n - n - 0 cleanup
    qmgr unix n - n 300 1 qmgr
    rewrite unix - - n - - trivial-rewrite
    bounce unix - - n - 0 bounce
    defer unix - - n - 0 bounce
    trace unix - - n - 0 bounce
    error unix - - n - - error
    retry unix - - n - - error
    anvil unix - - n - 1 anvil
    proxymap unix - - n - - proxymap
    scache unix - - n - 1 scache
    smtp unix - - n - - smtp
    postlog unix-dgram n - n - 1 postlogd
    """
        .formatted(port);
  }

  private static void run(Path directory, String... command)
      throws IOException, InterruptedException {
    var process =
        new ProcessBuilder(command)
            .directory(directory.toFile())
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.DISCARD)
            .start();
    if (!process.waitFor(30, TimeUnit.SECONDS) || process.exitValue() != 0) {
      throw new IOException(List.of(command) + " failed");
    }
  }

  private void awaitGreeting() throws IOException, InterruptedException {
    for (int tries = 0; ; tries++) {
      try (var socket = new Socket(address.getAddress(), address.getPort())) {
        if (socket.getInputStream().read() >= 0) {
          return;
        }
      } catch (IOException e) {
        if (tries == 100) {
          throw e;
        }
      }
      Thread.sleep(50);
    }
  }

  InetSocketAddress address() {
    return address;
  }

  /** Of all its processes, those that have ended among them. */
  Duration cpu() throws IOException {
    long ticks = 0;
    try (Stream<Path> processes = Files.list(Path.of("/proc"))) {
      for (var process :
          processes.filter(path -> isNumber(path.getFileName().toString())).toList()) {
        ticks += ticksOf(process);
      }
    }
    return Duration.ofMillis(ticks * 1000 / TICKS);
  }

  private static boolean isNumber(String name) {
    return name.chars().allMatch(c -> c >= '0' && c <= '9');
  }

  private long ticksOf(Path process) {
    try {
      var stat = Files.readString(process.resolve("stat"));
      var fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
      boolean ours =
          process.getFileName().toString().equals("" + master) || fields[1].equals("" + master);
      return !ours ? 0 : Stream.of(11, 12, 13, 14).mapToLong(i -> Long.parseLong(fields[i])).sum();
    } catch (IOException e) {
      return 0; // it has ended: then it counts with its parent
    }
  }

  @Override
  public void close() {
    try {
      run(directory, PROGRAM.toString(), "-c", directory.toString(), "stop");
      QueueLoad.delete(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
