package org.unifiedmta.examples.benchmark;

import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.lang.management.MemoryType;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Locale;
import java.util.SplittableRandom;
import org.unifiedmta.core.email.Attachment;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.spool.ByteSource;

/**
 * Writes a message with a large attachment to a file, and reads it from there, in a JVM with hardly
 * any heap. Its arguments are the attachment's size in MB and the heap, by default {@code 1024 8m}.
 */
public final class LargeMessage {
  private static final String MEGABYTES = "1024";
  private static final String HEAP = "8m";

  private LargeMessage() {}

  /** Starts that JVM; its exit status is the same. */
  public static void main(String[] args) throws IOException, InterruptedException {
    var java = Path.of(System.getProperty("java.home"), "bin", "java");
    var process =
        new ProcessBuilder(
                java.toString(),
                "-Xmx" + (args.length > 1 ? args[1] : HEAP),
                "-XX:+UseSerialGC", // its generations have bounds of their own, see peak
                "-classpath",
                System.getProperty("java.class.path"),
                InLittleHeap.class.getName(),
                args.length > 0 ? args[0] : MEGABYTES)
            .inheritIO()
            .start();
    System.exit(process.waitFor());
  }

  /** What is measured. */
  static final class InLittleHeap {
    private InLittleHeap() {}

    public static void main(String[] args) throws IOException {
      var content = new Generated(Long.parseLong(args[0]) << 20);
      var file = Files.createTempFile("mta-large-", ".eml");
      boolean same;
      try {
        var given = time("generated", () -> sha256(content.open()));
        time("written", () -> write(content, file));
        System.out.printf("%-12s%,d octets%n", "", Files.size(file));
        var email = time("parsed", () -> Email.parse(ByteSource.of(file)));
        var attachment = email.attachments().get(0);
        var read = time("read", () -> sha256(attachment.open()));
        same = read.equals(given) && attachment.size() == content.size();
      } finally {
        Files.delete(file);
      }
      System.out.printf(
          "%-12s%,d kB at most, of %,d kB%n",
          "heap", peak() >> 10, Runtime.getRuntime().maxMemory() >> 10);
      System.out.println(same ? "the attachment is as it was" : "THE ATTACHMENT HAS CHANGED");
      System.exit(same ? 0 : 1);
    }

    private static Path write(ByteSource content, Path file) throws IOException {
      try (var out = new BufferedOutputStream(Files.newOutputStream(file))) {
        Email.builder()
            .from("Ann Archer <ann@example.org>")
            .to("ben@example.net")
            .subject("The film")
            .text("Here it is.\r\n")
            .attachment(Attachment.of("film.mkv", "video/x-matroska", content))
            .build()
            .writeTo(out);
      }
      return file;
    }

    private static String sha256(InputStream content) throws IOException {
      try (content) {
        var digest = MessageDigest.getInstance("SHA-256");
        new DigestInputStream(content, digest).transferTo(OutputStream.nullOutputStream());
        return HexFormat.of().formatHex(digest.digest());
      } catch (NoSuchAlgorithmException e) {
        throw new IllegalStateException(e);
      }
    }

    /** The sum of what each generation used at its fullest, garbage too: no less than the peak. */
    private static long peak() {
      return ManagementFactory.getMemoryPoolMXBeans().stream()
          .filter(pool -> pool.getType() == MemoryType.HEAP)
          .mapToLong(pool -> pool.getPeakUsage().getUsed())
          .sum();
    }

    private static <T> T time(String what, Step<T> step) throws IOException {
      long start = System.nanoTime();
      var result = step.run();
      System.out.printf(Locale.ROOT, "%-12s%.1f s%n", what, (System.nanoTime() - start) / 1e9);
      return result;
    }

    private interface Step<T> {
      T run() throws IOException;
    }
  }

  /** Content that nothing compresses and nobody stores, the same each time. */
  private record Generated(long size) implements ByteSource {
    @Override
    public InputStream open() {
      return new InputStream() {
        private final SplittableRandom random = new SplittableRandom(1);
        private long position;
        private long eight;

        @Override
        public int read() {
          var one = new byte[1];
          return read(one, 0, 1) < 0 ? -1 : one[0] & 0xFF;
        }

        @Override
        public int read(byte[] bytes, int from, int length) {
          if (position == size) {
            return -1;
          }
          int n = (int) Math.min(length, size - position);
          for (int i = from; i < from + n; i++) {
            eight = (position & 7) == 0 ? random.nextLong() : eight >>> 8;
            bytes[i] = (byte) eight;
            position++;
          }
          return n;
        }
      };
    }
  }
}
