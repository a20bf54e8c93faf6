import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.security.dkim.DKIMSigner;
import org.unifiedmta.security.dkim.DKIMVerifier;

/** Messages for others to judge, and a judge of theirs: {@code write DIRECTORY COUNT}, {@code verify DIRECTORY}. */
class Judge {
  public static void main(String[] args) throws Exception {
    var directory = Path.of(args[1]);
    if (args[0].equals("write")) {
      write(directory, Integer.parseInt(args[2]));
    } else {
      verify(directory);
    }
  }

  /** Unsigned ones, signed ones, keys, and what is published of these. */
  private static void write(Path directory, int count) throws Exception {
    var keys = new DKIMCreator(directory.resolve("keys"));
    keys.handleDKIMKeysForDomain("example.org", "rsa", DKIMCreator.KeyType.RSA, 2048);
    keys.handleDKIMKeysForDomain("example.org", "ed", DKIMCreator.KeyType.ED25519, 0);
    var zone = new ArrayList<String>();
    for (var selector : List.of("rsa", "ed")) {
      var record = keys.getDNSRecordForDomain("example.org", selector);
      zone.add(record.name() + " " + record.value());
    }
    Files.write(directory.resolve("zone"), zone);
    var random = new Random(6376);
    Files.createDirectories(directory.resolve("plain"));
    Files.createDirectories(directory.resolve("ours"));
    var forms = DKIMSigner.Canonicalization.values();
    var store = new Keys(directory);
    for (int i = 0; i < count; i++) {
      var message = message(random);
      var name = String.format("%04d.eml", i);
      Files.write(directory.resolve("plain").resolve(name), message);
      var selector = i % 2 == 0 ? "rsa" : "ed";
      var signer =
          DKIMSigner.builder("example.org", selector, store.of(selector))
              .canonicalization(forms[i / 2 % 2], forms[i / 4 % 2])
              .build();
      Files.write(directory.resolve("ours").resolve(name), signer.sign(message));
    }
  }

  /** The private keys as the library has kept them: PEM with two lines in front. */
  private static final class Keys {
    private final Path directory;

    Keys(Path directory) {
      this.directory = directory;
    }

    java.security.PrivateKey of(String selector) throws Exception {
      try (var files = Files.walk(directory.resolve("keys"))) {
        for (var file : files.filter(Files::isRegularFile).toList()) {
          var text = Files.readString(file, StandardCharsets.US_ASCII);
          int begin = text.indexOf("-----BEGIN PRIVATE KEY-----");
          if (begin < 0 || !file.getFileName().toString().contains(selector)) {
            continue;
          }
          var pem = text.substring(begin).replaceAll("-----[^-]*-----|\\s", "");
          Files.writeString(directory.resolve(selector + ".pem"), text.substring(begin));
          var spec = new java.security.spec.PKCS8EncodedKeySpec(java.util.Base64.getDecoder().decode(pem));
          return java.security.KeyFactory.getInstance(selector.equals("rsa") ? "RSA" : "Ed25519").generatePrivate(spec);
        }
      }
      throw new IllegalStateException("no key " + selector);
    }
  }

  private static byte[] message(Random random) {
    var text = new StringBuilder("From: Ann <ann@example.org>\r\n");
    for (var name : List.of("To", "Subject", "Date", "Message-ID", "X-Odd", "Content-Type")) {
      if (random.nextInt(4) > 0) {
        text.append(random.nextBoolean() ? name : name.toUpperCase(java.util.Locale.ROOT)).append(':');
        text.append(random.nextInt(3) == 0 ? "  " : " ").append(words(random, "\r\n\t ")).append("\r\n");
      }
    }
    text.append("\r\n");
    switch (random.nextInt(6)) {
      case 0 -> {} // no body
      case 1 -> text.append("\r\n\r\n\r\n");
      case 2 -> text.append("x".repeat(998)).append("\r\n").append(" ".repeat(200)).append("\r\n");
      default -> {
        for (int line = random.nextInt(10); line >= 0; line--) {
          text.append(words(random, "\r\n"));
          text.append(random.nextInt(4) == 0 ? " \t \r\n" : "\r\n");
        }
        text.append("\r\n".repeat(random.nextInt(4)));
      }
    }
    return text.toString().getBytes(StandardCharsets.ISO_8859_1);
  }

  private static String words(Random random, String lineBreak) {
    var text = new StringBuilder("w");
    for (int i = random.nextInt(15); i > 0; i--) {
      switch (random.nextInt(7)) {
        case 0 -> text.append(" ".repeat(1 + random.nextInt(3)));
        case 1 -> text.append("\t");
        case 2 -> text.append("w").append(lineBreak).append("v");
        case 3 -> text.append("gr\u00c3\u00bc\u00c3\u009fe"); // UTF-8
        default -> text.append("word").append(random.nextInt(1000));
      }
    }
    return text.append(".").toString();
  }

  private static void verify(Path directory) throws Exception {
    var zone = ZoneResolver.builder();
    for (var line : Files.readAllLines(directory.resolve("zone"))) {
      int space = line.indexOf(' ');
      zone.txt(line.substring(0, space), line.substring(space + 1));
    }
    var verifier = new DKIMVerifier(zone.build(), Clock.systemUTC(), DKIMVerifier.Policy.rfc8301());
    int bad = 0;
    int all = 0;
    for (var judge : List.of("ours", "dkimpy", "mail-dkim", "opendkim", "mailauth")) {
      var folder = directory.resolve(judge);
      if (!Files.isDirectory(folder)) {
        continue;
      }
      try (var files = Files.list(folder)) {
        for (var file : files.sorted().toList()) {
          var results = verifier.verify(Files.readAllBytes(file));
          all++;
          if (results.size() != 1 || !results.getFirst().isValid()) {
            bad++;
            System.out.println(file + ": " + results);
          }
        }
      }
    }
    System.out.println("this library: " + all + " verified, " + bad + " failed");
    System.exit(bad == 0 && all > 0 ? 0 : 1);
  }
}
