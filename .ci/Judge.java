import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Pattern;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.security.arc.ArcResult;
import org.unifiedmta.security.arc.ArcSealer;
import org.unifiedmta.security.arc.ArcVerifier;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.security.dkim.DKIMSigner;
import org.unifiedmta.security.dkim.DKIMVerifier;

/**
 * Messages for others to judge, and a judge of theirs: {@code write DIRECTORY COUNT}, {@code verify DIRECTORY}; of chains
 * of ARC {@code seal DIRECTORY COUNT}, in turn with another until all are there, and {@code chains DIRECTORY}.
 */
class Judge {
  /** Who made the first set, the second and the third: u for us, m for mailauth. */
  private static final List<String> CHAINS = List.of("u", "m", "uu", "um", "mu", "mm", "uuu", "umu", "mum", "mmm");

  public static void main(String[] args) throws Exception {
    var directory = Path.of(args[1]);
    switch (args[0]) {
      case "write" -> write(directory, Integer.parseInt(args[2]));
      case "verify" -> verify(directory);
      case "seal" -> seal(directory, Integer.parseInt(args[2]));
      default -> chains(directory);
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

  private static ZoneResolver zone(Path directory) throws Exception {
    var zone = ZoneResolver.builder();
    for (var line : Files.readAllLines(directory.resolve("zone"))) {
      int space = line.indexOf(' ');
      zone.txt(line.substring(0, space), line.substring(space + 1));
    }
    return zone.build();
  }

  private static void verify(Path directory) throws Exception {
    var verifier = new DKIMVerifier(zone(directory), Clock.systemUTC(), DKIMVerifier.Policy.rfc8301());
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

  private static List<Path> files(Path folder) throws Exception {
    try (var files = Files.list(folder)) {
      return files.sorted().toList();
    }
  }

  private static ArcVerifier chainVerifier(Path directory) throws Exception {
    return new ArcVerifier(zone(directory), Clock.systemUTC(), DKIMVerifier.Policy.rfc8301());
  }

  /** The next set of each chain where it is our turn. */
  private static void seal(Path directory, int count) throws Exception {
    Files.write(directory.resolve("chains"), CHAINS);
    var sealer = ArcSealer.builder("example.org", "rsa", new Keys(directory).of("rsa")).build();
    var verifier = chainVerifier(directory);
    for (var chain : CHAINS) {
      var before = chain.substring(0, chain.length() - 1);
      var from = directory.resolve(before.isEmpty() ? "plain" : "arc-" + before);
      var to = directory.resolve("arc-" + chain);
      if (!chain.endsWith("u") || !Files.exists(from) || Files.exists(to)) {
        continue;
      }
      Files.createDirectory(to);
      for (var file : files(from).subList(0, count)) {
        var message = Files.readAllBytes(file);
        var results = "spf=pass smtp.mailfrom=ann@example.org;\r\n dkim=none (gr\u00fc\u00dfe)";
        var sealed = sealer.seal(message, "mx.example.org", results, verifier.verify(message));
        Files.write(to.resolve(file.getFileName()), sealed);
      }
    }
  }

  /** Those that are whole, and those that were damaged, each of which others may judge afterwards. */
  private static void chains(Path directory) throws Exception {
    var verifier = chainVerifier(directory);
    var random = new Random(8617);
    int all = 0;
    int bad = 0;
    int accepted = 0;
    for (var chain : CHAINS) {
      var damaged = Files.createDirectory(directory.resolve("damaged-" + chain));
      for (var file : files(directory.resolve("arc-" + chain))) {
        all++;
        var message = Files.readAllBytes(file);
        var result = verifier.verify(message);
        if (result.status() != ArcResult.Status.PASS || result.instance() != chain.length()) {
          bad++;
          System.out.println(file + ": " + result);
        }
        var changed = damaged(new String(message, StandardCharsets.ISO_8859_1), chain.length(), random);
        var octets = changed.getBytes(StandardCharsets.ISO_8859_1);
        Files.write(damaged.resolve(file.getFileName()), octets);
        var found = verifier.verify(octets);
        if (found.status() != ArcResult.Status.FAIL) {
          accepted++;
          System.out.println(damaged.resolve(file.getFileName()) + ": " + found);
        }
      }
    }
    System.out.println(
        "this library: " + all + " chains verified, " + bad + " failed; " + all + " damaged ones, " + accepted + " accepted");
    System.exit(bad + accepted == 0 && all > 0 ? 0 : 1);
  }

  /** What everybody has to notice: RFC 8617 5.2, and in the older sets what the seals behind them cover (5.1.1). */
  private static String damaged(String message, int sets, Random random) {
    int set = 1 + random.nextInt(sets);
    return switch (random.nextInt(sets == 1 ? 6 : 7)) {
      case 0 -> message.replaceFirst("\r\n\r\n", "\r\n\r\nx");
      case 1 -> message.replaceFirst("(?m)^From: Ann", "From: Bob");
      case 2 -> message.replaceFirst("(?m)^From: Ann", "From: Bob <bob@example.org>\r\nFrom: Ann");
      case 3 -> changed(message, "ARC-Authentication-Results", set, "(?s)spf=pass", "spf=fail");
      case 4 -> changed(message, "ARC-Message-Signature", set, "\\bbh=.", "bh=*");
      case 5 -> changed(message, "ARC-Seal", set, "\\bb=(\\s*)(.)", "b=$1$2$2");
      default -> changed(message, "ARC-Seal", set, "(?s).*", "");
    };
  }

  private static String changed(String message, String field, int set, String what, String with) {
    var found = Pattern.compile("(?m)^" + field + ":[^\n]*\n([ \t][^\n]*\n)*").matcher(message);
    do {
      if (!found.find()) {
        throw new IllegalStateException("no " + field + " " + set + " in " + message);
      }
    } while (!found.group().matches("(?s).*[:; ]i=" + set + ";.*"));
    return message.substring(0, found.start()) + found.group().replaceFirst(what, with) + message.substring(found.end());
  }
}
