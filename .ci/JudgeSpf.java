import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.unifiedmta.core.address.Literals;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.security.spf.SpfVerifier;

/** Domains with SPF records, and questions about them with our answers, for others to judge: DIRECTORY COUNT. */
class JudgeSpf {
  private static final int DOMAINS = 60;
  private static final int HOSTS = 12;
  private final Random random = new Random(7208);
  private final List<String> lines = new ArrayList<>();
  private final ZoneResolver.Builder zone = ZoneResolver.builder();

  public static void main(String[] args) throws Exception {
    var directory = Path.of(args[0]);
    var judge = new JudgeSpf();
    judge.makeZone();
    Files.write(directory.resolve("spf-zone"), judge.lines);
    Files.write(directory.resolve("spf-questions"), judge.questions(Integer.parseInt(args[1])));
  }

  private void makeZone() {
    for (int i = 0; i < HOSTS; i++) {
      add("h" + i + ".test", "A", ip4());
      if (i % 2 == 0) {
        add("h" + i + ".test", "AAAA", ip6());
      }
    }
    for (int i = 0; i < DOMAINS; i++) {
      var name = "d" + i + ".test";
      add(name, "MX", "h" + random.nextInt(HOSTS) + ".test");
      if (i % 3 == 0) {
        add(name, "A", ip4());
      }
      if (i % 10 != 9) {
        add(name, "TXT", record(i));
      }
    }
    add("ann.lp.test", "A", "127.0.0.2");
    add("good.x.test", "A", "127.0.0.2");
    for (int i = 0; i < 8; i++) {
      add(i + ".2.0.192.in.test", "A", "127.0.0.2");
      zone.ptr("192.0.2." + i, "h" + i + ".test");
      lines.add(i + ".2.0.192.in-addr.arpa PTR h" + i + ".test");
    }
  }

  private void add(String name, String type, String value) {
    lines.add(name + " " + type + " " + value);
    switch (type) {
      case "A" -> zone.a(name, value);
      case "AAAA" -> zone.aaaa(name, value);
      case "MX" -> zone.mx(name, 10, value);
      case "TXT" -> zone.txt(name, value);
      default -> throw new IllegalArgumentException(type);
    }
  }

  private String ip4() {
    return "192.0.2." + random.nextInt(8);
  }

  private String ip6() {
    return "2001:db8::" + random.nextInt(8);
  }

  private String record(int domain) {
    var record = new StringBuilder("v=spf1");
    int terms = random.nextInt(5);
    for (int i = 0; i < terms; i++) {
      record.append(' ').append(qualifier()).append(mechanism(domain));
    }
    switch (random.nextInt(5)) {
      case 0 -> record.append(" redirect=").append(later(domain));
      case 1 -> record.append(" ~all");
      case 2 -> record.append(" ?all");
      case 3 -> record.append(" -all");
      default -> {}
    }
    return record.toString();
  }

  private String qualifier() {
    return List.of("", "", "", "+", "-", "~", "?").get(random.nextInt(7));
  }

  /** Most of what is included comes later in the list, so that there are few loops. */
  private String later(int domain) {
    return "d" + Math.min(DOMAINS - 1, domain + 1 + random.nextInt(12)) + ".test";
  }

  private String mechanism(int domain) {
    var host = "h" + random.nextInt(HOSTS) + ".test";
    return switch (random.nextInt(14)) {
      case 0 -> "ip4:" + ip4();
      case 1 -> "ip4:" + ip4() + "/" + (29 + random.nextInt(4));
      case 2 -> "ip6:" + ip6() + "/" + (125 + random.nextInt(4));
      case 3 -> "a";
      case 4 -> "a:" + host + "/" + (28 + random.nextInt(5));
      case 5 -> "a:" + host + "//126";
      case 6 -> "mx";
      case 7 -> "mx:d" + random.nextInt(DOMAINS) + ".test";
      case 8, 9 -> "include:" + later(domain);
      case 10 -> "exists:%{ir}.in.test";
      case 11 -> "exists:%{l}.lp.test";
      case 12 -> "exists:%{d1r}.x.test";
      default -> "ip4:" + ip4() + "/40"; // which is an error
    };
  }

  private List<String> questions(int count) {
    var verifier = new SpfVerifier(zone.build(), Clock.systemUTC(), "judge.test");
    var questions = new ArrayList<String>();
    for (int i = 0; i < count; i++) {
      var ip = random.nextInt(4) == 0 ? ip6() : ip4();
      var helo = "d" + random.nextInt(DOMAINS) + ".test";
      var local = List.of("ann", "bob", "x.y", "a+b").get(random.nextInt(4));
      var from = random.nextInt(8) == 0 ? "" : local + "@d" + random.nextInt(DOMAINS) + ".test";
      var result = verifier.check(from, Literals.ip(ip), helo);
      questions.add(ip + " " + (from.isEmpty() ? "-" : from) + " " + helo + " " + result.result().name().toLowerCase());
    }
    return questions;
  }
}
