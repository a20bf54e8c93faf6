package org.unifiedmta.examples.demo;

import java.io.IOException;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.MtaException;
import org.unifiedmta.delivery.submission.SubmitOptions;

/**
 * Sends messages from one server to others, all in this process and on loopback, and tells what
 * becomes of each. Its exit status is 0 if every message met the fate that it should, 1 if not, 2
 * for arguments that nobody understands.
 */
public final class Demo {
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final String USAGE =
      """
      usage: demo [--directory DIR] [--keep]
        --directory DIR  sends the .eml files of a folder, to servers in this process only
        --keep           leaves the servers running until the process is ended\
      """;

  /**
   * What it was called with.
   *
   * @param directory null for the samples
   */
  private record Arguments(@Nullable Path directory, boolean keep) {
    static Arguments read(String[] args) {
      Path directory = null;
      boolean keep = false;
      for (int i = 0; i < args.length; i++) {
        if (args[i].equals("--keep")) {
          keep = true;
        } else if (args[i].equals("--directory") && i + 1 < args.length) {
          directory = Path.of(args[++i]);
        } else {
          throw new IllegalArgumentException("not understood: " + args[i]);
        }
      }
      if (directory != null && !Files.isDirectory(directory)) {
        throw new IllegalArgumentException("no folder: " + directory);
      }
      return new Arguments(directory, keep);
    }

    List<Letter> letters() throws IOException {
      var letters = directory == null ? Letters.samples() : Letters.in(directory);
      if (letters.isEmpty()) {
        throw new IllegalArgumentException("no .eml files in " + directory);
      }
      return letters;
    }
  }

  private record Result(String title, int recipients, String expected, String outcome) {
    boolean isAsExpected() {
      return outcome.equals(expected);
    }
  }

  private final Timeline timeline = new Timeline();
  private final List<Result> results = new ArrayList<>();
  private Instant start = Instant.now();

  private Demo() {}

  public static void main(String[] args) throws IOException, InterruptedException {
    Arguments arguments;
    List<Letter> letters;
    try {
      arguments = Arguments.read(args);
      letters = arguments.letters();
    } catch (IllegalArgumentException e) {
      System.err.println(e.getMessage() + "\n" + USAGE);
      System.exit(2);
      return;
    }
    System.exit(new Demo().run(letters, arguments.keep()) ? 0 : 1);
  }

  private boolean run(List<Letter> letters, boolean keep) throws IOException, InterruptedException {
    var data = Files.createTempDirectory("mta-demo-");
    try (var network = new DemoNetwork(data, letters, timeline)) {
      network.describe().forEach(System.out::println);
      System.out.println("Times count from here; an attempt is told when it has ended.");
      start = Instant.now();
      timeline.await(submit(letters, network), PATIENCE, this::tell);
      boolean asExpected = summary();
      if (keep) {
        keep(network, data);
      }
      return asExpected;
    } finally {
      delete(data);
    }
  }

  /** What the sender takes, by its id there. */
  private Map<String, Letter> submit(List<Letter> letters, DemoNetwork network) {
    var submitted = new LinkedHashMap<String, Letter>();
    for (var letter : letters) {
      try {
        var message = letter.message().open();
        var id = network.sender().submit(letter.envelope(), message, SubmitOptions.none());
        submitted.put(id, letter);
      } catch (MtaException e) {
        int recipients = letter.envelope().recipients().size();
        var outcome = "not accepted: " + e.getMessage();
        results.add(new Result(letter.title(), recipients, letter.expected(), outcome));
      }
    }
    return submitted;
  }

  private void tell(Story story) {
    System.out.printf("%n--- %s%n", story.letter().title());
    for (var line : story.lines()) {
      System.out.printf("%8s s  %-10s %s%n", seconds(line.at()), line.what(), line.detail());
    }
    results.add(
        new Result(
            story.letter().title(),
            story.letter().envelope().recipients().size(),
            story.expected(),
            story.outcome()));
  }

  private String seconds(Instant at) {
    return String.format(Locale.ROOT, "%.2f", Duration.between(start, at).toMillis() / 1000.0);
  }

  /** Whether everything was as expected. */
  private boolean summary() {
    var rows = new ArrayList<List<String>>();
    rows.add(List.of("message", "expected", "what happened", "ok"));
    for (var result : results) {
      var ok = result.isAsExpected() ? "yes" : "NO";
      rows.add(List.of(result.title(), result.expected(), result.outcome(), ok));
    }
    System.out.println();
    table(rows).forEach(System.out::println);
    long differ = results.stream().filter(result -> !result.isAsExpected()).count();
    System.out.printf(
        "%n%d messages to %d recipients in %s s: %s%n",
        results.size(),
        results.stream().mapToInt(Result::recipients).sum(),
        seconds(Instant.now()),
        differ == 0 ? "all as expected, every body as it was sent" : differ + " NOT AS EXPECTED");
    return differ == 0;
  }

  private static List<String> table(List<List<String>> rows) {
    var widths = new int[rows.get(0).size()];
    for (var row : rows) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row.get(i).length());
      }
    }
    var lines = new ArrayList<String>();
    for (var row : rows) {
      var line = new StringBuilder();
      for (int i = 0; i < widths.length; i++) {
        line.append(row.get(i)).append(" ".repeat(widths[i] - row.get(i).length() + 2));
      }
      lines.add(line.toString().stripTrailing());
    }
    return lines;
  }

  private static void keep(DemoNetwork network, Path data) throws InterruptedException {
    System.out.printf("%nThe servers run until this process is ended; queues in %s.%n", data);
    network.describe().forEach(System.out::println);
    Runtime.getRuntime().addShutdownHook(new Thread(network::close, "mta-demo-end"));
    new CountDownLatch(1).await();
  }

  private static void delete(Path directory) throws IOException {
    Files.walkFileTree(
        directory,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes facts)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException failure)
              throws IOException {
            if (failure != null) {
              throw failure;
            }
            Files.delete(folder);
            return FileVisitResult.CONTINUE;
          }
        });
  }
}
