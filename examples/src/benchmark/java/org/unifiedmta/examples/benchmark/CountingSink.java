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

  /** The address of a host of its, by number; each is another. */
  static String address(int host) {
    return "127." + (2 + host / 62_500) + "." + host / 250 % 250 + "." + (1 + host % 250);
  }

  /**
   * Null if there is no such program.
   *
   * @param delay seconds before each reply
   */
  static @Nullable CountingSink start(int delay) throws IOException {
    if (!Files.isExecutable(PROGRAM)) {
      return null;
    }
    int port;
    try (var free = new ServerSocket(0)) {
      port = free.getLocalPort();
    }
    var command = new ArrayList<>(List.of(PROGRAM.toString(), "-c", "-m", CONNECTIONS));
    if (delay > 0) {
      command.addAll(List.of("-w", "" + delay));
    }
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

  @Override
  public void close() {
    process.destroy();
  }
}
