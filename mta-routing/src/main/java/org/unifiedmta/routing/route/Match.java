package org.unifiedmta.routing.route;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * What a route applies to: all of its criteria. Starts with {@link #any}, {@link #recipients} or
 * {@link #senders} and grows.
 */
public final class Match {
  private static final int SEARCHED = 10_000;

  /** What is known of a match before the message is there. */
  enum Outcome {
    NO,
    MAYBE,
    YES
  }

  /** One criterion; {@code early} where the envelope decides it. */
  private record Criterion(String text, boolean early, Predicate<EmailContext> test) {}

  private final List<Criterion> criteria;
  private final boolean relays;

  private Match(List<Criterion> criteria, boolean relays) {
    this.criteria = List.copyOf(criteria);
    this.relays = relays;
  }

  private Match and(
      String text, boolean early, boolean relaying, Predicate<EmailContext> predicate) {
    var all = new ArrayList<>(criteria);
    all.add(new Criterion(text, early, predicate));
    return new Match(all, relays || relaying);
  }

  /** Everything. */
  public static Match any() {
    return new Match(List.of(), false);
  }

  /** Any recipient that a pattern fits: {@code *@example.com}. */
  public static Match recipients(String... globs) {
    return any().andRecipients(globs);
  }

  /** A sender that a pattern fits; the null sender is the empty text, which only {@code *} fits. */
  public static Match senders(String... globs) {
    return any().andSenders(globs);
  }

  public Match andRecipients(String... globs) {
    var patterns = globs(globs);
    return and(
        "recipients " + String.join(" ", globs),
        true,
        patterns.stream().allMatch(Glob::namesDomain),
        context ->
            context.recipients().stream()
                .anyMatch(address -> patterns.stream().anyMatch(glob -> glob.matches(address))));
  }

  public Match andSenders(String... globs) {
    var patterns = globs(globs);
    return and(
        "senders " + String.join(" ", globs),
        true,
        false,
        context -> {
          var sender = context.sender();
          return patterns.stream()
              .anyMatch(glob -> sender == null ? glob.matches("") : glob.matches(sender));
        });
  }

  /** A client in one of these networks: {@code 192.0.2.1}, {@code 2001:db8::/32}. */
  public Match clientIp(String... ipOrCidr) {
    var networks = Stream.of(nonEmpty(ipOrCidr)).map(Network::parse).toList();
    return and(
        "client " + String.join(" ", ipOrCidr),
        true,
        true,
        context -> networks.stream().anyMatch(network -> network.contains(context.clientIp())));
  }

  public Match authenticated(boolean authenticated) {
    return and(
        "authenticated " + authenticated,
        true,
        authenticated,
        context -> context.authenticated() == authenticated);
  }

  /** A field that contains this text, without regard to case. */
  public Match header(String name, String contains) {
    return header(name, literal(contains));
  }

  /** A field in which the pattern is found; its first 10,000 characters are searched. */
  public Match header(String name, Pattern pattern) {
    return and(
        "header " + name + " " + pattern,
        false,
        false,
        context -> context.headers().all(name).stream().anyMatch(value -> isFound(pattern, value)));
  }

  /** Octets, both ends included. */
  public Match sizeRange(long min, long max) {
    if (min < 0 || max < min) {
      throw new IllegalArgumentException("no range of sizes: " + min + " to " + max);
    }
    return and(
        "size " + min + " to " + max,
        false,
        false,
        context -> context.size() >= min && context.size() <= max);
  }

  /** A subject that contains this text, without regard to case. */
  public Match subject(String contains) {
    return subject(literal(contains));
  }

  public Match subject(Pattern pattern) {
    return and(
        "subject " + pattern,
        false,
        false,
        context -> isFound(pattern, context.headers().first("Subject").orElse("")));
  }

  public Match hasAttachments() {
    return and("has attachments", false, false, EmailContext::hasAttachments);
  }

  /**
   * A condition of your own, asked when the message is there.
   *
   * @param why what it is about, for explanations
   */
  public Match where(String why, Predicate<EmailContext> predicate) {
    return and(why, false, false, predicate);
  }

  /** Whether all criteria hold for the message. */
  boolean matches(EmailContext context) {
    return criteria.stream().allMatch(criterion -> criterion.test().test(context));
  }

  /** What the envelope alone says. */
  Outcome matchesEnvelope(EmailContext context) {
    boolean certain = true;
    for (var criterion : criteria) {
      if (!criterion.early()) {
        certain = false;
      } else if (!criterion.test().test(context)) {
        return Outcome.NO;
      }
    }
    return certain ? Outcome.YES : Outcome.MAYBE;
  }

  /** Whether the message must be there before this can be decided. */
  boolean needsMessage() {
    return criteria.stream().anyMatch(criterion -> !criterion.early());
  }

  /**
   * Whether a match is reason enough to take mail for a domain that is not ours: recipients with
   * their domain written out, a client's address, or a login.
   */
  boolean relays() {
    return relays;
  }

  private static boolean isFound(Pattern pattern, String value) {
    var searched = value.length() > SEARCHED ? value.substring(0, SEARCHED) : value;
    return pattern.matcher(searched).find();
  }

  private static Pattern literal(String text) {
    return Pattern.compile(text, Pattern.LITERAL | Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CASE);
  }

  private static List<Glob> globs(String... patterns) {
    return Stream.of(nonEmpty(patterns)).map(Glob::of).toList();
  }

  private static String[] nonEmpty(String[] given) {
    if (given.length == 0) {
      throw new IllegalArgumentException("a criterion without a value");
    }
    return given;
  }

  @Override
  public String toString() {
    return criteria.isEmpty()
        ? "any"
        : String.join(", ", criteria.stream().map(Criterion::text).toList());
  }
}
