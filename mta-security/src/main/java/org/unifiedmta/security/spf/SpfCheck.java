package org.unifiedmta.security.spf;

import java.net.InetAddress;
import java.time.Clock;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.DnsResolver.Answer;
import org.unifiedmta.security.spf.SpfRecord.Directive;
import org.unifiedmta.security.spf.SpfResult.Result;

/** One evaluation of {@code check_host()} (RFC 7208 4), from the first record to the last. */
final class SpfCheck {
  private static final int MAXIMUM_EXPLANATION = 450; // what a reply has room for
  private static final String UNKNOWN = "unknown"; // RFC 7208 7.3

  /**
   * How a record was evaluated.
   *
   * @param domain whose record it was in the end
   */
  private record Outcome(
      Result result, String domain, @Nullable MacroString explanation, String reason) {}

  private final DnsResolver resolver;
  private final Clock clock;
  private final String receivingHost;
  private final Sender sender;
  private final InetAddress address;
  private final Client client;
  private final LookupBudget budget;
  private final Set<String> underWay = new HashSet<>();
  private @Nullable Answer<String> names; // of the client
  private @Nullable List<String> validatedNames;
  private boolean hasVoidName;

  SpfCheck(
      DnsResolver resolver, Clock clock, String receivingHost, Sender sender, InetAddress address) {
    this.resolver = resolver;
    this.clock = clock;
    this.receivingHost = receivingHost;
    this.sender = sender;
    this.address = address;
    client = Client.of(address);
    budget = new LookupBudget(clock);
  }

  SpfResult result(String domain) {
    try {
      var outcome = checkHost(domain);
      var explanation = outcome.result() == Result.FAIL ? explanation(outcome) : null;
      return new SpfResult(
          outcome.result(), domain, address, explanation, Printable.line(outcome.reason()));
    } catch (SpfException e) {
      return new SpfResult(e.result(), domain, address, null, Printable.line(e.reason()));
    }
  }

  private Outcome checkHost(String domain) throws SpfException {
    var txt = record(domain);
    if (txt == null) {
      return new Outcome(Result.NONE, domain, null, "no SPF record at " + domain);
    }
    underWay.add(domain);
    try {
      return evaluate(SpfRecord.parse(txt), domain);
    } finally {
      underWay.remove(domain);
    }
  }

  private Outcome evaluate(SpfRecord record, String domain) throws SpfException {
    for (var directive : record.directives()) {
      if (matches(directive.mechanism(), domain)) {
        var reason = reason(directive, domain);
        return new Outcome(directive.result(), domain, record.explanation(), reason);
      }
    }
    var redirect = record.redirect();
    if (redirect == null || !canExpand(redirect)) { // 6.1: nor where there is "all", which matches
      return new Outcome(Result.NEUTRAL, domain, null, "nothing in the record of " + domain);
    }
    budget.spendTerm();
    var target = termTarget(redirect, domain);
    var outcome = checkHost(unlessUnderWay(target));
    if (outcome.result() == Result.NONE) {
      throw SpfException.permanent("redirect to " + target + ", which has no SPF record");
    }
    return outcome;
  }

  private static String reason(Directive directive, String domain) {
    boolean everybody = directive.result() == Result.PASS && directive.mechanism().isEverybody();
    return directive.text() + " of " + domain + (everybody ? ", which lets anybody send" : "");
  }

  /** The domain's SPF record, or null (4.3 to 4.5). */
  private @Nullable String record(String domain) throws SpfException {
    if (!isName(domain)) {
      return null;
    }
    String found = null;
    for (var txt : records(resolver::txt, domain, "TXT")) {
      if (SpfRecord.isOne(txt)) {
        if (found != null) {
          throw SpfException.permanent("more than one SPF record at " + domain);
        }
        found = txt;
      }
    }
    return found;
  }

  private boolean matches(Mechanism mechanism, String domain) throws SpfException {
    return switch (mechanism) {
      case Mechanism.All all -> true;
      case Mechanism.Ip ip -> ip.network().contains(client.octets());
      case Mechanism.A a -> spending(a.domain(), domain, name -> a(name, a.prefixes()));
      case Mechanism.Mx mx -> spending(mx.domain(), domain, name -> mx(name, mx.prefixes()));
      case Mechanism.Ptr ptr -> spending(ptr.domain(), domain, this::ptr);
      case Mechanism.Exists exists -> spending(exists.domain(), domain, this::exists);
      case Mechanism.Include include -> spending(include.domain(), domain, this::include);
    };
  }

  private interface Match {
    boolean with(String name) throws SpfException;
  }

  /** A term that asks the DNS for this name (4.6.4). */
  private boolean spending(@Nullable MacroString spec, String domain, Match match)
      throws SpfException {
    budget.spendTerm();
    if (spec == null) {
      return match.with(domain);
    }
    return canExpand(spec) && match.with(termTarget(spec, domain));
  }

  private String termTarget(MacroString spec, String domain) throws SpfException {
    if (spec.uses("p")) {
      spendNames();
    }
    return target(spec, domain);
  }

  /** RFC 8616 4: terms with the local part of an internationalized address match nothing. */
  private boolean canExpand(MacroString spec) {
    return !sender.isInternationalized() || !spec.uses("sl");
  }

  private String target(MacroString spec, String domain) throws SpfException {
    return spec.domain(letter -> value(letter, domain)).toLowerCase(Locale.ROOT);
  }

  private boolean a(String name, Mechanism.Prefixes prefixes) throws SpfException {
    // A name that no query can have is taken for one that is not there; 4.8 leaves it open.
    return isName(name) && containsClient(notVoid(addresses(name)), prefixes);
  }

  private boolean mx(String name, Mechanism.Prefixes prefixes) throws SpfException {
    if (!isName(name)) {
      return false;
    }
    var exchanges = notVoid(records(resolver::mx, name, "MX"));
    if (exchanges.size() > LookupBudget.MAXIMUM_NAMES) {
      throw SpfException.permanent("more than 10 MX records at " + name); // 4.6.4
    }
    for (var exchange : exchanges) {
      if (isName(exchange.host())
          && containsClient(notVoid(addresses(exchange.host())), prefixes)) {
        return true;
      }
    }
    return false;
  }

  private boolean exists(String name) throws SpfException {
    return isName(name) && !notVoid(records(resolver::a, name, "A")).isEmpty(); // 5.7: always A
  }

  private boolean include(String name) throws SpfException {
    var outcome = checkHost(unlessUnderWay(name));
    return switch (outcome.result()) { // 5.2
      case PASS -> true;
      case FAIL, SOFTFAIL, NEUTRAL -> false;
      case NONE, TEMPERROR, PERMERROR ->
          throw SpfException.permanent("include of " + name + ", which has no SPF record");
    };
  }

  /** What is evaluated within itself has no end, since nothing is different there. */
  private String unlessUnderWay(String name) throws SpfException {
    if (underWay.contains(name)) {
      throw SpfException.permanent("loop of records at " + name);
    }
    return name;
  }

  private boolean ptr(String name) throws SpfException {
    spendNames();
    return validatedNames().stream().anyMatch(host -> isOrIsBelow(host, name));
  }

  /** What is asked for once counts for each term that needs it. */
  private void spendNames() throws SpfException {
    validatedNames();
    if (isVoid(names()) || hasVoidName) {
      budget.spendVoid();
    }
  }

  private Answer<String> names() throws SpfException {
    if (names == null) {
      budget.checkTime();
      names = resolver.ptr(address);
    }
    return names;
  }

  /** The client's names that lead back to it (5.5); what cannot be looked up is left out. */
  private List<String> validatedNames() throws SpfException {
    if (validatedNames == null) {
      var validated = new ArrayList<String>();
      for (var host : names().records().stream().limit(LookupBudget.MAXIMUM_NAMES).toList()) {
        budget.checkTime();
        var answer = client.isIpv4() ? resolver.a(host) : resolver.aaaa(host);
        hasVoidName |= isVoid(answer);
        if (containsClient(answer.records(), Mechanism.Prefixes.WHOLE)) {
          validated.add(host.toLowerCase(Locale.ROOT));
        }
      }
      validatedNames = List.copyOf(validated);
    }
    return validatedNames;
  }

  private static boolean isOrIsBelow(String host, String domain) {
    return host.equals(domain) || host.endsWith("." + domain);
  }

  private List<InetAddress> addresses(String name) throws SpfException {
    return client.isIpv4()
        ? records(resolver::a, name, "A")
        : records(resolver::aaaa, name, "AAAA");
  }

  private boolean containsClient(List<InetAddress> addresses, Mechanism.Prefixes prefixes) {
    int bits = client.isIpv4() ? prefixes.ipv4() : prefixes.ipv6();
    for (var candidate : addresses) {
      if (new Network(candidate.getAddress(), bits).contains(client.octets())) {
        return true;
      }
    }
    return false;
  }

  private interface Question<T> {
    Answer<T> ask(String name);
  }

  private <T> List<T> records(Question<T> question, String name, String type) throws SpfException {
    budget.checkTime();
    var answer = question.ask(name);
    if (answer.status().isTemporary()) {
      throw SpfException.temporary(type + " of " + name + ": " + answer.status());
    }
    return answer.records();
  }

  private static boolean isVoid(Answer<?> answer) {
    return answer.records().isEmpty() && !answer.status().isTemporary();
  }

  private <T> List<T> notVoid(List<T> records) throws SpfException {
    if (records.isEmpty()) {
      budget.spendVoid();
    }
    return records;
  }

  /** The text of the domain that refused, or null where there is none or none usable (6.2). */
  private @Nullable String explanation(Outcome outcome) {
    var explanation = outcome.explanation();
    if (explanation == null || !canExpand(explanation)) {
      return null;
    }
    try {
      var name = target(explanation, outcome.domain());
      var texts = isName(name) ? records(resolver::txt, name, "TXT") : List.<String>of();
      if (texts.size() != 1) {
        return null;
      }
      var text =
          MacroString.parseExplanation(texts.get(0))
              .text(letter -> value(letter, outcome.domain()), MAXIMUM_EXPLANATION);
      return text.isBlank() ? null : Printable.line(text);
    } catch (SpfException e) {
      return null;
    }
  }

  /** RFC 7208 7.2. */
  private String value(char letter, String domain) throws SpfException {
    return switch (letter) {
      case 's' -> sender.localPart() + "@" + sender.domain();
      case 'l' -> sender.localPart();
      case 'o' -> sender.domain();
      case 'd' -> domain;
      case 'i' -> client.dotted();
      case 'p' -> validatedName(domain);
      case 'v' -> client.isIpv4() ? "in-addr" : "ip6";
      case 'h' -> sender.helo();
      case 'c' -> client.readable();
      case 'r' -> receivingHost;
      case 't' -> Long.toString(clock.instant().getEpochSecond());
      default -> throw new IllegalArgumentException("macro " + letter);
    };
  }

  /** 7.3: the domain itself, else one below it, else any. */
  private String validatedName(String domain) throws SpfException {
    var all = validatedNames();
    if (all.contains(domain)) {
      return domain;
    }
    return all.stream()
        .filter(host -> isOrIsBelow(host, domain))
        .findFirst()
        .orElse(all.isEmpty() ? UNKNOWN : all.get(0));
  }

  /** Whether a query can have this name: labels of 1 to 63 octets, 253 with their dots. */
  private static boolean isName(String name) {
    int label = 0;
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (c == '.') {
        if (label == 0) {
          return false;
        }
        label = 0;
      } else if (c < ' ' || c > 126 || ++label > 63) {
        return false;
      }
    }
    return label > 0 && name.length() <= 253;
  }
}
