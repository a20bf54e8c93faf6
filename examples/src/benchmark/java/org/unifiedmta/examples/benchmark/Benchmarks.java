package org.unifiedmta.examples.benchmark;

import java.util.Collection;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.CommandLineOptionException;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.unifiedmta.examples.benchmark.MessageBenchmark.Library;

/**
 * Runs benchmarks and sets the results of the libraries side by side. Its arguments are those of
 * JMH, such as {@code MessageBenchmark.parse -p size=KB_4 -wi 1}; without any, everything runs.
 */
public final class Benchmarks {
  private static final String ALLOCATED = "gc.alloc.rate.norm"; // octets for each operation

  /** What one library did in one benchmark. */
  private record Score(double perSecond, double allocated) {}

  private Benchmarks() {}

  public static void main(String[] args) throws RunnerException, CommandLineOptionException {
    var options =
        new OptionsBuilder()
            .parent(new CommandLineOptions(args))
            .addProfiler(GCProfiler.class)
            .addProfiler(CpuProfiler.class)
            .shouldFailOnError(true)
            .build();
    print(scores(new Runner(options).run()));
  }

  /** By benchmark and size, in the order in which they ran. */
  private static Map<String, Map<Library, Score>> scores(Collection<RunResult> results) {
    var scores = new LinkedHashMap<String, Map<Library, Score>>();
    for (var result : results) {
      if (result.getParams().getParam("library") == null) {
        continue; // it has nothing to be compared with, and JMH has told it
      }
      var benchmark =
          result.getPrimaryResult().getLabel() + " " + result.getParams().getParam("size");
      scores
          .computeIfAbsent(benchmark, name -> new EnumMap<>(Library.class))
          .put(
              Library.valueOf(result.getParams().getParam("library")),
              new Score(
                  result.getPrimaryResult().getScore(),
                  result.getSecondaryResults().get(ALLOCATED).getScore()));
    }
    return scores;
  }

  private static void print(Map<String, Map<Library, Score>> scores) {
    System.out.printf(
        "%n%-22s%-14s%12s%12s%16s%12s%n",
        "benchmark", "library", "ops/s", "ours : its", "octets/op", "ours : its");
    scores.forEach((benchmark, byLibrary) ->
        byLibrary.forEach((library, score) ->
            System.out.println(
                line(benchmark, library, score, byLibrary.get(Library.UNIFIED_MTA)))));
  }

  private static String line(String benchmark, Library library, Score score, @Nullable Score ours) {
    boolean comparable = ours != null && ours != score;
    return String.format(
        Locale.ROOT,
        "%-22s%-14s%,12.0f%12s%,16.0f%12s",
        benchmark,
        library,
        score.perSecond(),
        comparable ? ratio(ours.perSecond(), score.perSecond()) : "",
        score.allocated(),
        comparable ? ratio(ours.allocated(), score.allocated()) : "");
  }

  private static String ratio(double ours, double its) {
    return String.format(Locale.ROOT, "%.2f", ours / its);
  }
}
