package org.unifiedmta.examples;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.unifiedmta.core.MtaException;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.server.UnifiedEmailServer;
import org.unifiedmta.delivery.store.log.Salvage;

/** A mail server as a program of its own, set up by a properties file and {@code key=value}. */
public final class StandaloneServer {
  private StandaloneServer() {}

  /** Runs until it is told to stop by SIGTERM or SIGINT; exits 1 if it cannot start. */
  public static void main(String[] arguments) throws InterruptedException {
    UnifiedEmailServer server;
    try {
      var settings = settings(arguments);
      var salvage = settings.get("mta.salvage");
      if (salvage != null) {
        salvage(salvage);
        return;
      }
      server = new UnifiedEmailServer(StandaloneConfig.read(settings));
      server.start();
    } catch (MtaException | IllegalArgumentException | IOException e) {
      System.err.println("mta-server: " + e.getMessage());
      System.exit(1);
      return;
    }
    Runtime.getRuntime()
        .addShutdownHook(
            new Thread(
                () -> {
                  server.stop();
                  // A JVM that ends by a signal has the signal's status; this is an orderly end.
                  Runtime.getRuntime().halt(0);
                },
                "mta-shutdown"));
    for (var listener : server.listeners()) {
      System.out.println(
          "listening "
              + listener.name()
              + " "
              + listener.address().getAddress().getHostAddress()
              + ":"
              + listener.address().getPort()
              + " "
              + listener.mode());
    }
    System.out.flush();
    new CountDownLatch(1).await(); // until the signal
  }

  /** Copies what is readable of a damaged queue, in place of serving. */
  private static void salvage(String directories) {
    int comma = directories.indexOf(',');
    if (comma < 0) {
      throw new IllegalArgumentException("mta.salvage: no FROM,TO: " + directories);
    }
    var from = Path.of(directories.substring(0, comma).strip());
    var to = Path.of(directories.substring(comma + 1).strip());
    var result = Salvage.run(from, to, Timer.system());
    result.losses().forEach(loss -> System.out.println("lost " + loss));
    System.out.println("salvaged " + result.messages() + " messages into " + to);
  }

  /** The last of equal keys wins. */
  private static Map<String, String> settings(String[] arguments) throws IOException {
    var settings = new LinkedHashMap<String, String>();
    List<String> rest = new ArrayList<>(List.of(arguments));
    if (!rest.isEmpty() && rest.get(0).indexOf('=') < 0) {
      var file = Path.of(rest.remove(0));
      var properties = new Properties();
      try (var in = Files.newBufferedReader(file)) {
        properties.load(in);
      } catch (IOException e) {
        throw new IOException("cannot read " + file + ": " + e.getMessage(), e);
      }
      properties.forEach((key, value) -> settings.put((String) key, (String) value));
    }
    for (var argument : rest) {
      int equals = argument.indexOf('=');
      if (equals <= 0) {
        throw new IllegalArgumentException("no key=value: " + argument);
      }
      settings.put(argument.substring(0, equals), argument.substring(equals + 1));
    }
    return settings;
  }
}
