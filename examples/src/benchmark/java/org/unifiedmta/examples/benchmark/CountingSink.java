package org.unifiedmta.examples.benchmark;

import java.io.IOException;
import java.io.InputStream;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Postfix's {@code smtp-sink}, which accepts and discards, and tells how many messages it had. */
final class CountingSink implements AutoCloseable {
  private static final Path PROGRAM = Path.of("/usr/sbin/smtp-sink");
  private static final Pattern COUNT = Pattern.compile("mesg=\\s*(\\d+)");
  private static final int LINE = 200;
  private static final String CONNECTIONS = "10000"; // those beyond would wait to be accepted

  private final Process process;
  private final int port;
  private volatile long count;

  private CountingSink(Process process, int port) {
    this.process = process;
    this.port = port;
    Thread.ofPlatform().daemon().start(this::read);
  }

  /** Null if there is no such program. */
  static @Nullable CountingSink start() throws IOException {
    if (!Files.isExecutable(PROGRAM)) {
      return null;
    }
    int port;
    try (var free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    var command = new ArrayList<>(List.of(PROGRAM.toString(), "-c", "-m", CONNECTIONS));
    if (System.getProperty("user.name").equals("root")) {
      command.addAll(List.of("-u", "nobody")); // it does not serve as root
    }
    command.addAll(List.of(":" + port, "1000"));
    return new CountingSink(new ProcessBuilder(command).start(), port);
  }

  private void read() {
    var buffer = new byte[8192];
    var line = "";
    try (InputStream in = process.getInputStream()) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        line += new String(buffer, 0, n, StandardCharsets.US_ASCII);
        var matcher = COUNT.matcher(line);
        while (matcher.find()) {
          count = Long.parseLong(matcher.group(1));
        }
        line = line.substring(Math.max(0, line.length() - LINE));
      }
    } catch (IOException e) {
      // it was ended
    }
  }

  int port() {
    return port;
  }

  /** Messages so far. */
  long count() {
    return count;
  }

  /** Returns when it has had so many. */
  void await(long messages) throws InterruptedException {
    while (count < messages) {
      Thread.sleep(1);
    }
  }

  @Override
  public void close() {
    process.destroy();
  }
}
