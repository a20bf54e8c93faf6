import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.TreeSet;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.security.spf.SpfResult;
import org.unifiedmta.security.spf.SpfVerifier;

/**
 * Questions of SPF for others to judge: {@code DIRECTORY COUNT} writes {@code spf.zone}, a record a line, and {@code
 * spf.questions}, with what this library says to each; each field of a line ends in a tab.
 */
class JudgeSpf {
  private static final String[] CLIENTS = {
    "192.0.2.1", "192.0.2.77", "198.51.100.9", "203.0.113.200", "2001:db8::1", "2001:db8:0:7::2:1", "2001:db8:ffff::", "::ffff:192.0.2.1"
  };
  private static final String[] LOCAL_PARTS = {
    "ann", "strong-bad", "Ann.B+tag-x", "o'neil", "x=y/z", "a_b", "first.last", "a.b.c.d.e.f", "jack&jill", "*", "{curly}", "50%off", "a-b", "a--b"
  };
  private static final String[] QUALIFIERS = {"", "", "+", "-", "-", "~", "?"};
  private static final String[] NETWORKS = {"net1.test", "net2.test", "net3.test", "none.test", "odd.test"};

  /** Records that are written down, and, of names that only macros make, those that were asked for. */
  private static final class Zone implements DnsResolver {
    private static final Duration TTL = Duration.ofHours(1);
    private final Map<String, List<String>> records = new TreeMap<>(); // by name, tab, type

    void add(String name, String type, String value) {
      records.computeIfAbsent(name.toLowerCase(Locale.ROOT) + "\t" + type, key -> new ArrayList<>()).add(value);
    }

    List<String> lines() {
      var lines = new ArrayList<String>();
      records.forEach((key, values) -> values.forEach(value -> lines.add(key + "\t" + value + "\t")));
      return lines;
    }

    private boolean exists(String name) {
      return records.keySet().stream().anyMatch(key -> key.startsWith(name + "\t"));
    }

    /** Who expands a macro otherwise asks for another name, and finds nothing there. */
    private void make(String name, String type) {
      int number = name.hashCode() >>> 1;
      if (records.containsKey(name + "\t" + type)) {
        return;
      } else if (name.endsWith(".addresses.test") && type.equals("A") && number % 3 > 0) {
        add(name, "A", "127.0.0.2");
      } else if (name.endsWith(".networks.test") && type.matches("A|AAAA") && number % 4 > 0) {
        add(name, type, CLIENTS[type.equals("A") ? number / 4 % 4 : 4 + number / 4 % 3]);
      } else if (name.endsWith(".records.test") && type.equals("TXT") && number % 8 > 0) {
        add(name, "TXT", "v=spf1 " + (number % 2 > 0 ? "ip4:192.0.2.0/24 " : "ip6:2001:db8::/48 ") + QUALIFIERS[number / 8 % 7] + "all");
      } else if (name.endsWith(".texts.test") && type.equals("TXT")) {
        String[] texts = {"%{s} at %{c} is not allowed", "See http://%{d}/?s=%{S}&i=%{I}&h=%{H}", "%{h} %{r} %%%_%- %{o2r} %{lr-}", "plain", "%{v}: %{ir}"};
        add(name, "TXT", texts[number % texts.length] + " (" + Integer.toHexString(number) + ")");
      }
    }

    private List<String> values(String name, String type) {
      make(name, type);
      return records.getOrDefault(name + "\t" + type, List.of());
    }

    private <T> Answer<T> answer(String asked, String type, java.util.function.Function<String, T> read) {
      var name = asked.toLowerCase(Locale.ROOT);
      if (records.containsKey(name + "\tFAIL")) {
        return Answer.none(Status.SERVFAIL);
      }
      var alias = values(name, "CNAME");
      var found = values(alias.isEmpty() ? name : alias.getFirst(), type);
      if (found.isEmpty()) {
        return Answer.none(exists(name) ? Status.NODATA : Status.NXDOMAIN);
      }
      return new Answer<>(Status.OK, found.stream().map(read).toList(), TTL, false);
    }

    private static InetAddress address(String text) {
      try {
        return InetAddress.getByName(text); // never a name
      } catch (java.net.UnknownHostException e) {
        throw new IllegalStateException(e);
      }
    }

    @Override
    public Answer<Mx> mx(String name) {
      return answer(name, "MX", text -> new Mx(Integer.parseInt(text.split(" ")[0]), text.split(" ")[1]));
    }

    @Override
    public Answer<String> txt(String name) {
      return answer(name, "TXT", text -> text);
    }

    @Override
    public Answer<InetAddress> a(String name) {
      return answer(name, "A", Zone::address);
    }

    @Override
    public Answer<InetAddress> aaaa(String name) {
      return answer(name, "AAAA", Zone::address);
    }

    @Override
    public Answer<String> ptr(InetAddress address) {
      return answer(reverse(address), "PTR", text -> text);
    }

    @Override
    public Answer<String> cname(String name) {
      return answer(name, "CNAME", text -> text);
    }

    @Override
    public Answer<Tlsa> tlsa(String name) {
      return Answer.none(Status.NXDOMAIN);
    }
  }

  private final Random random = new Random(7208);
  private final Zone zone = new Zone();
  private final SpfVerifier verifier = new SpfVerifier(zone, Clock.systemUTC(), "mx.receiver.test");
  private final List<String> questions = new ArrayList<>();
  private final Map<SpfResult.Result, Integer> results = new EnumMap<>(SpfResult.Result.class);

  public static void main(String[] args) throws Exception {
    new JudgeSpf().write(Path.of(args[0]), Integer.parseInt(args[1]));
  }

  private void write(Path directory, int count) throws Exception {
    shared();
    named();
    for (int i = 0; i < count; i++) {
      var domain = "d" + i + (i % 5 == 0 ? ".sub-domain.example.test" : ".test");
      publish(domain);
      var client = one(CLIENTS);
      var helo = random.nextInt(4) == 0 ? domain : one("mail.net1.test", "Host." + domain, "localhost", "[192.0.2.1]", "h-1.net2.test");
      var sender =
          switch (random.nextInt(12)) {
            case 0, 1 -> "";
            case 2 -> "ann@" + domain.toUpperCase(Locale.ROOT);
            case 3 -> "postmaster@" + domain;
            default -> one(LOCAL_PARTS) + "@" + domain;
          };
      if (sender.isEmpty() && random.nextInt(4) > 0) {
        helo = domain;
      }
      ask("random-" + i, client, helo, sender);
    }
    Files.write(directory.resolve("spf.questions"), questions, StandardCharsets.ISO_8859_1);
    Files.write(directory.resolve("spf.zone"), zone.lines(), StandardCharsets.ISO_8859_1);
    System.out.println("this library: " + questions.size() + " questions of SPF, " + results);
  }

  private void ask(String question, String client, String helo, String sender) throws Exception {
    var result = verifier.check(sender, InetAddress.getByName(client), helo);
    results.merge(result.result(), 1, Integer::sum);
    var explanation = result.explanation() == null ? "" : result.explanation();
    questions.add(
        String.join("\t", question, client, helo, sender, result.result().name().toLowerCase(Locale.ROOT), explanation, result.reason(), ""));
  }

  /** What all records refer to. */
  private void shared() throws Exception {
    for (int i = 0; i < 4; i++) {
      zone.add("net1.test", "A", CLIENTS[i]);
    }
    zone.add("net1.test", "AAAA", "2001:db8::1");
    zone.add("net1.test", "MX", "10 a.mx.test");
    zone.add("net1.test", "MX", "20 b.mx.test");
    zone.add("net2.test", "A", "192.0.2.99");
    zone.add("net2.test", "AAAA", "2001:db8:0:7::9");
    zone.add("net2.test", "MX", "10 b.mx.test");
    zone.add("net3.test", "CNAME", "net2.test");
    for (int i = 0; i < 11; i++) {
      zone.add("eleven.test", "MX", i + " m" + i + ".mx.test");
      zone.add("m" + i + ".mx.test", "A", "10.0.0." + i);
    }
    for (int i = 0; i < 4; i++) {
      zone.add("four.test", "MX", i + " m" + i + ".mx.test");
    }
    zone.add("own.why.test", "TXT", "%{p} is not %{d}");
    zone.add("odd.test", "TXT", "not SPF");
    zone.add("odd.test", "MX", "0 nothing.mx.test");
    zone.add("a.mx.test", "A", "198.51.100.9");
    zone.add("a.mx.test", "AAAA", "2001:db8:ffff::");
    zone.add("b.mx.test", "A", "203.0.113.201");
    zone.add("failing.test", "FAIL", "SERVFAIL");
    zone.add("pass1.test", "TXT", "v=spf1 ip4:192.0.2.0/26 ip6:2001:db8::/64 -all exp=included.texts.test");
    zone.add("pass2.test", "TXT", "v=spf1 a:net1.test/31//127 mx:net2.test/24 ~all");
    zone.add("pass3.test", "TXT", "v=spf1 include:pass1.test exists:%{ir}.%{v}.addresses.test ?all");
    zone.add("broken.test", "TXT", "v=spf1 ip4:192.0.2.300 -all");
    zone.add("two.test", "TXT", "v=spf1 -all");
    zone.add("two.test", "TXT", "v=spf1 +all");
    zone.add("loop.test", "TXT", "v=spf1 include:loop.test -all");
    zone.add("deep.test", "TXT", "v=spf1 include:pass3.test include:pass3.test include:pass3.test include:pass3.test -all");
    zone.add("explaining.test", "TXT", "v=spf1 -all exp=%{l1r-}.%{d}.texts.test");
    String[] hosts = {"mail.net1.test", "mail.net2.test", "forged.net1.test", "d7.test", "host.d20.sub-domain.example.test"};
    for (int i = 0; i < 6; i++) {
      if (i == 2) {
        continue; // which has no name
      }
      for (int j = 0; j < 3; j++) {
        var host = hosts[(i + j) % hosts.length];
        zone.add(reverse(InetAddress.getByName(CLIENTS[i])), "PTR", host);
        if (!host.startsWith("forged")) {
          zone.add(host, i < 4 ? "A" : "AAAA", CLIENTS[i]);
        }
      }
    }
  }

  /** What one of the judges is known to take otherwise, or what chance would hardly ask. */
  private void named() throws Exception {
    var four = "192.0.2.1";
    var six = "2001:db8:0:7::2:1";
    askNamed("plain-pass", four, "ann", "v=spf1 ip4:192.0.2.1 -all");
    askNamed("plain-fail", six, "ann", "v=spf1 ip4:192.0.2.1 -all exp=t.texts.test");
    askNamed("url-escaped", four, "50%off", "v=spf1 exists:%{L}.addresses.test exists:%{S}.%{L}.addresses.test ~exists:%{S}.x.addresses.test -all");
    askNamed("digits-behind-r", four, "ann", "v=spf1 ip4:192.0.2.1 exists:%{ir3}.addresses.test -all");
    askNamed("no-such-delimiter", four, "ann", "v=spf1 ip4:192.0.2.1 exists:%{s2r@}.addresses.test -all");
    askNamed("no-digit-zero", four, "ann", "v=spf1 ip4:192.0.2.1 exists:%{d0}.addresses.test -all");
    for (int labels : new int[] {20, 40, 62, 63, 64, 65, 80, 126}) {
      askNamed("labels-" + labels, four, "lab", "v=spf1 exists:" + "%{l}.".repeat(labels) + "addresses.test -all");
    }
    askNamed("label-of-64", four, "x".repeat(64), "v=spf1 a:%{l}.networks.test ?all");
    askNamed("empty-label", four, "a..b", "v=spf1 exists:none.test a:%{l}.networks.test exists:.%{l}.addresses.test ?all");
    askNamed("no-local-part", four, "", "v=spf1 exists:%{l}.addresses.test ~exists:x.%{s}.addresses.test -all exp=%{s}.texts.test");
    askNamed("domain-at-hyphens", four, "ann", "v=spf1 exists:%{dr-}.addresses.test ~exists:%{o1-}.x.addresses.test -all");
    askNamed("text-letter", four, "ann", "v=spf1 ip4:192.0.2.1 exists:%{c}.addresses.test -all");
    askNamed("quoted", four, "\"a b\"", "v=spf1 exists:%{l}.x.addresses.test ~exists:%{l}.y.addresses.test -all");
    askNamed("two-ats", four, "a@b", "v=spf1 exists:%{l}.x.addresses.test ~exists:%{s}.addresses.test -all");
    askNamed("eleven-servers", four, "ann", "v=spf1 mx:eleven.test ?all");
    askNamed("ip6-everybody", four, "ann", "v=spf1 ip6:::/0 -all");
    askNamed("ip6-half", four, "ann", "v=spf1 ip6:::/1 -all");
    askNamed("ip6-mapped", four, "ann", "v=spf1 ip6:::ffff:192.0.2.1 ~ip6:::ffff:0:0/96 -all");
    askNamed("ip6-everybody-6", six, "ann", "v=spf1 ip4:0.0.0.0/0 ip6:1::/1 ~ip6:::/0 -all");
    askNamed("ip4-everybody", six, "ann", "v=spf1 a:net1.test/0 mx:net1.test/0 ip4:0.0.0.0/0 ~all");
    askNamed("servers-without-ipv6", six, "ann", "v=spf1 mx:four.test ip6:2001:db8::/32 -all");
    askNamed("terms-without-ipv6", six, "ann", "v=spf1 mx:net2.test a:m1.mx.test mx:net2.test//64 ip6:2001:db8::/32 -all");
    askNamed("ten-terms", four, "ann", "v=spf1" + " a:net2.test".repeat(10) + " -all");
    askNamed("eleven-terms", four, "ann", "v=spf1" + " a:net2.test".repeat(11) + " -all");
    askNamed("ten-terms-and-redirect", four, "ann", "v=spf1" + " a:net2.test".repeat(10) + " redirect=pass1.test");
    askNamed("redirect-beside-all", four, "ann", "v=spf1 ?all redirect=none.test");
    askNamed("redirect-unused-after-ten", four, "ann", "v=spf1" + " a:net2.test".repeat(9) + " a:net1.test ~all redirect=pass1.test");
    askNamed("own-name", four, "ann", "v=spf1 exists:%{p}.addresses.test exists:%{p2r}.addresses.test ?exists:%{pr-}.addresses.test -all");
    askNamed("own-name-is-not-reached", four, "ann", "v=spf1 a:none.test a:other-none.test ip4:192.0.2.1 exists:%{p}.x.addresses.test ?all");
    askNamed("own-name-is-void", four, "ann", "v=spf1 a:none.test exists:%{p}.none.test ip4:192.0.2.1 -all");
    askNamed("own-name-of-others", four, "ann", "v=spf1 a:none.test a:other-none.test ptr:%{d} ?all");
    askNamed("own-name-explains", four, "ann", "v=spf1 a:net2.test -all exp=own.why.test");
    askNamed("own-name-explains-late", four, "ann", "v=spf1 a:none.test a:other-none.test -all exp=own.why.test");
    askNamed("names-of-nobody", "198.51.100.9", "ann", "v=spf1 ptr exists:%{p}.addresses.test ?all");
    askNamed("upper-case", four, "ANN", "V=SPF1 EXISTS:%{l}.ADDRESSES.TEST Redirect=PASS1.TEST");
    askNamed("time", four, "ann", "v=spf1 exists:%{t}.addresses.test -all");
    askNamed("includes-own-texts", four, "ann", "v=spf1 ip4:192.0.2.77 -include:pass1.test ?all exp=t.texts.test");
    askNamed("redirected-texts", six, "ann", "v=spf1 ip4:192.0.2.77 redirect=explaining.test exp=t.texts.test");
    askNamed("no-blank", four, "ann", "v=spf1-all");
    askNamed("tab", four, "ann", "v=spf1 ip4:192.0.2.1\u000b-all");
    askNamed("eight-bits", four, "ann", "v=spf1 ip4:192.0.2.1 x=\u00e9 -all");
  }

  private void askNamed(String name, String client, String localPart, String record) throws Exception {
    zone.add(name + ".named.test", "TXT", record);
    ask(name, client, "mail.net1.test", localPart + "@" + name + ".named.test");
  }

  private void publish(String domain) {
    switch (random.nextInt(25)) {
      case 0 -> {} // nothing
      case 1 -> zone.add(domain, "TXT", "v=spf10 -all");
      case 2 -> {
        zone.add(domain, "TXT", "v=spf1 -all");
        zone.add(domain, "TXT", "V=SPF1 ?all");
      }
      case 3 -> zone.add(domain, "FAIL", "SERVFAIL");
      default -> {
        zone.add(domain, "TXT", record());
        if (random.nextInt(3) == 0) {
          zone.add(domain, "TXT", "another=record");
        }
      }
    }
    if (random.nextBoolean() && !zone.exists(domain + "\tFAIL")) {
      zone.add(domain, "A", one("192.0.2.1", "198.51.100.1"));
      zone.add(domain, "AAAA", one("2001:db8:ffff::", "2001:db8:0:7::3"));
      zone.add(domain, "MX", "5 " + one("a.mx.test", "b.mx.test"));
    }
  }

  private String record() {
    var record = new StringBuilder(random.nextInt(6) == 0 ? "V=SPf1" : "v=spf1");
    var modifiers = new TreeSet<String>();
    for (int i = random.nextInt(5); i >= 0; i--) {
      record.append(random.nextInt(8) == 0 ? "  " : " ");
      if (random.nextInt(12) == 0 && modifiers.add("exp")) {
        record.append("exp=").append(one("%{l1r+}.%{d}.texts.test", "%{o}.texts.test", "none.test"));
        record.append(' ');
      }
      record.append(random.nextInt(30) == 0 ? invalid() : one(QUALIFIERS) + mechanism());
    }
    switch (random.nextInt(8)) {
      case 0 -> record.append(" redirect=").append(one("pass1.test", "explaining.test", "%{o2}.records.test", "%{ir}.records.test", "none.test"));
      case 1, 2, 3 -> record.append(" -all exp=").append(one("%{l1r+}.%{d}.texts.test", "%{i}.%{h}.texts.test", "t.texts.test"));
      case 4 -> record.append(" ?ALL");
      case 5 -> record.append(" ~all unknown=%{d}-%{l} ");
      default -> {}
    }
    return record.toString();
  }

  private String mechanism() {
    var bits = one("", "", "/24", "/31", "/0", "//64", "/28//112", "/8//16");
    return switch (random.nextInt(20)) {
      case 0, 1 -> "ip4:" + one("192.0.2.0/24", "192.0.2.64/26", "198.51.100.9", "203.0.113.0/25", "0.0.0.0/0", "10.0.0.0/8", "192.0.2.1/32");
      case 2, 3 -> "IP6:" + one("2001:db8::/32", "2001:DB8:0:7::/64", "2001:db8::1", "2001:db8:ffff::/128", "2001:db8:0:7::2:0/127");
      case 4 -> "a" + bits;
      case 5, 6 -> "a:" + one(NETWORKS) + bits;
      case 7 -> "a:" + one("%{d1r}.%{l1r.}.networks.test", "%{v}.%{ir}.networks.test", "%{h}.networks.test", "%{o3r}.networks.test.") + bits;
      case 8 -> "MX" + bits;
      case 9 -> "mx:" + one(NETWORKS) + bits;
      case 10, 11 -> "include:" + one("pass1.test", "pass2.test", "pass3.test", "%{d2}.records.test", "%{lr-}.records.test");
      case 12 -> "include:" + one("pass1.test", "broken.test", "none.test", "two.test", "loop.test", "deep.test", "failing.test", "explaining.test");
      case 13, 14, 15 -> "exists:" + one("", "x.", "%{s}.", "%{l1r+-}.") + one("%{ir}.%{v}", "%{i}", "%{lr-}", "%{l1r+/}", "%{s2}", "%{h2}", "%{d3}-%{o}",
"%{l}%%%-", "%{l=_,}.x", "%{i5r.}", "%{p}", "%{p2r}", "%{dr}", "%{d255}", "%{p3}") + ".addresses.test";
      case 16 -> "exists:" + "%{l}.".repeat(random.nextInt(10)) + "%{d}.long.addresses.test";
      case 17 -> one("ptr", "ptr:net1.test", "PTR:net2.test", "ptr:%{d}", "ptr:forged.net1.test");
      case 18 -> "a:" + one("failing.test", "none.test", "other-none.test");
      default -> "exists:" + one("net1.test", "none.test", "failing.test");
    };
  }

  private String invalid() {
    return one("ip4", "ip4:192.0.2.1/33", "ip4:192.0.2", "ip6:192.0.2.1", "ip6:2001:db8::/129", "a:", "a/33", "mx//129", "all:x", "include", "include:", "exists",
        "exists:%{x}.test", "exists:%{d", "a:%", "foo", "foo:bar", "redirect=pass1.test redirect=pass1.test", "exp=a.test exp=b.test", "=x", "1x=y", "ptr:",
        "ptr/24", "a:single", "a:net1.test/024", "ip4:192.0.2.1/", "exists:%{c}.addresses.test", "a:net1.123", "all=x -all", "x=%y",
        "ip4:192.0.02.1", "redirect=", "+redirect=pass1.test", "a:-x.test-");
  }

  private String one(String... choices) {
    return choices[random.nextInt(choices.length)];
  }

  private static String reverse(InetAddress address) {
    var name = new StringBuilder();
    var octets = address.getAddress();
    for (int i = octets.length - 1; i >= 0; i--) {
      name.append(octets.length == 4 ? (octets[i] & 0xFF) + "." : String.format("%x.%x.", octets[i] & 15, octets[i] >> 4 & 15));
    }
    return name + (octets.length == 4 ? "in-addr.arpa" : "ip6.arpa");
  }
}
