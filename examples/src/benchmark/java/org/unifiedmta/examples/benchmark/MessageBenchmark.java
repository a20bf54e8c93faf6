package org.unifiedmta.examples.benchmark;

import java.io.ByteArrayOutputStream;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Messages read and written, by this library and others. Before it measures, it makes sure that
 * each of them reads the same in what arrives and in what the others write.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class MessageBenchmark {

  /** Who does the work. */
  public enum Library {
    UNIFIED_MTA,
    ANGUS_MAIL,
    MIME4J_DOM;

    MailLibrary start() {
      return switch (this) {
        case UNIFIED_MTA -> new UnifiedMta();
        case ANGUS_MAIL -> new AngusMail();
        case MIME4J_DOM -> new Mime4jDom();
      };
    }
  }

  /** How large a message is. */
  public enum Size {
    KB_4,
    MB_1;

    Sample sample() {
      return switch (this) {
        case KB_4 -> Sample.small();
        case MB_1 -> Sample.large();
      };
    }
  }

  @Param public Library library = Library.UNIFIED_MTA;
  @Param public Size size = Size.KB_4;

  private MailLibrary mail = library.start();
  private Sample sample = size.sample();

  /** The work is the same for all, or nothing is measured. */
  @Setup
  public void check() throws Exception {
    mail = library.start();
    sample = size.sample();
    check("the sample", sample.wire());
    for (var writer : Library.values()) {
      check("what " + writer + " wrote", writer.start().write(sample.letter(), sample.file()));
    }
  }

  private void check(String what, byte[] message) throws Exception {
    for (var reader : Library.values()) {
      var file = new ByteArrayOutputStream();
      var read = reader.start().read(message, file);
      var heading = reader.start().readHeading(message);
      if (!read.equals(sample.letter())
          || !heading.equals(sample.letter().heading())
          || !Arrays.equals(file.toByteArray(), sample.file())) {
        throw new IllegalStateException(
            "in %s, %s read %s and %s".formatted(what, reader, heading, read));
      }
    }
  }

  @Benchmark
  public Object parse() throws Exception {
    return mail.read(sample.wire(), OutputStream.nullOutputStream());
  }

  @Benchmark
  public Object parseHeading() throws Exception {
    return mail.readHeading(sample.wire());
  }

  @Benchmark
  public Object build() throws Exception {
    return mail.write(sample.letter(), sample.file());
  }
}
