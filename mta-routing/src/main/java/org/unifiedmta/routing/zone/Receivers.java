package org.unifiedmta.routing.zone;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.unifiedmta.core.address.Domains;
import org.unifiedmta.routing.route.Glob;

/**
 * The receivers that are known, as text:
 *
 * <pre>{@code
 * receiver example            # the name, and what follows is of it
 * hosts mx.example example.net
 * connections 10
 * messages-per-connection 50
 * messages 1000/hour
 * recipients 5000/day
 * on "*too many connections*" connections 1 for 1h after 2/hour
 * on "*4.7.28*" slow 10/min for 30m
 * on "*try again tomorrow*" suspend for 4h
 * on "*messages per connection*" messages-per-connection 2 for 1h
 * on "*is on our block list*" rest-source for 4h
 * }</pre>
 *
 * {@code receiver *} has what holds for all that are not named, and rules that hold for all, behind
 * their own. Times are as {@link RetryPolicy#parse} reads them, rates as {@link Rate#parse}.
 */
public final class Receivers {
  private static final String OTHERS = "*";
  private static final String STANDARD = "receivers.txt";

  private final List<Receiver> named;
  private final Receiver others;

  private Receivers(List<Receiver> named, Receiver others) {
    this.named = List.copyOf(named);
    this.others = others;
  }

  /** Those of this library: the largest ones of the world. */
  public static Receivers standard() {
    try (InputStream in = Receivers.class.getResourceAsStream(STANDARD)) {
      if (in == null) {
        throw new IllegalStateException(STANDARD + " is missing");
      }
      return parse(new String(in.readAllBytes(), StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** None by name, and no bounds or rules for any. */
  public static Receivers none() {
    return parse("");
  }

  /**
   * Reads text.
   *
   * @throws IllegalArgumentException if it is not as it should be; names the line
   */
  public static Receivers parse(String text) {
    var receivers = new ArrayList<Receiver>();
    Section section = null;
    int number = 0;
    for (var line : text.lines().toList()) {
      number++;
      try {
        var words = words(line);
        if (words.isEmpty()) {
          continue;
        }
        if (words.getFirst().equals("receiver")) {
          if (section != null) {
            receivers.add(section.receiver());
          }
          section = new Section(only(words));
        } else if (section == null) {
          throw new IllegalArgumentException("no receiver yet");
        } else {
          section.add(words);
        }
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException("line " + number + ": " + e.getMessage(), e);
      }
    }
    if (section != null) {
      receivers.add(section.receiver());
    }
    return of(receivers);
  }

  private static Receivers of(List<Receiver> all) {
    var others = new Receiver(OTHERS, List.of(), DestinationPolicy.none(), List.of());
    var named = new ArrayList<Receiver>();
    for (var receiver : all) {
      if (receiver.name().equals(OTHERS)) {
        others = receiver;
      } else {
        named.add(receiver);
      }
    }
    return new Receivers(named, others);
  }

  /** These, and where a receiver is in both by name, the one of the others. */
  public Receivers with(Receivers added) {
    var all = new LinkedHashMap<String, Receiver>();
    added.named.forEach(receiver -> all.put(receiver.name(), receiver));
    named.forEach(receiver -> all.putIfAbsent(receiver.name(), receiver));
    boolean silent =
        added.others.policy() == DestinationPolicy.none() && added.others.rules().isEmpty();
    return new Receivers(List.copyOf(all.values()), silent ? others : added.others);
  }

  /**
   * Who is behind these hosts.
   *
   * @param hosts that take one domain's mail, in lower case, the most preferred first; not empty
   * @return one that is known, or one by the name of a host, the same whatever their order
   */
  public Receiver behind(List<String> hosts) {
    for (var receiver : named) {
      if (hosts.stream().anyMatch(receiver::hasHost)) {
        return new Receiver(
            receiver.name(), receiver.hosts(), receiver.policy(), withThoseOfAll(receiver.rules()));
      }
    }
    var name = Collections.min(hosts); // those of one preference are in any order
    return new Receiver(name, List.of(name), others.policy(), others.rules());
  }

  private List<ReplyRule> withThoseOfAll(List<ReplyRule> own) {
    var rules = new ArrayList<>(own);
    rules.addAll(others.rules());
    return rules;
  }

  // ---- as text

  /** One receiver while it is read. */
  private static final class Section {
    private final String name;
    private final List<String> hosts = new ArrayList<>();
    private final DestinationPolicy.Builder policy = DestinationPolicy.builder();
    private final List<ReplyRule> rules = new ArrayList<>();

    Section(String name) {
      this.name = name.toLowerCase(Locale.ROOT);
    }

    void add(List<String> words) {
      switch (words.getFirst()) {
        case "hosts" -> words.stream().skip(1).map(Domains::toAscii).forEach(hosts::add);
        case "connections" -> policy.connections(number(only(words)));
        case "messages-per-connection" -> policy.messagesPerConnection(number(only(words)));
        case "messages" -> policy.messages(Rate.parse(only(words)));
        case "recipients" -> policy.recipients(Rate.parse(only(words)));
        case "on" -> rules.add(rule(words));
        default -> throw new IllegalArgumentException("no such word: " + words.getFirst());
      }
    }

    Receiver receiver() {
      return new Receiver(name, hosts, policy.build(), rules);
    }
  }

  /** {@code on text effect [number] for time [after rate]}. */
  private static ReplyRule rule(List<String> words) {
    int at = words.indexOf("for");
    boolean always = words.size() == at + 2;
    boolean often = words.size() == at + 4 && words.get(at + 2).equals("after");
    if (at < 3 || !(always || often)) {
      throw new IllegalArgumentException("no rule: on TEXT WHAT for TIME [after RATE]");
    }
    Duration lasts = RetryPolicy.duration(words.get(at + 1));
    return new ReplyRule(
        Glob.of(words.get(1)),
        often ? Optional.of(Rate.parse(words.get(at + 3))) : Optional.empty(),
        effect(words.subList(2, at)),
        lasts);
  }

  private static ReplyRule.Effect effect(List<String> words) {
    return switch (words.getFirst()) {
      case "suspend" -> new ReplyRule.Effect.Suspend();
      case "rest-source" -> new ReplyRule.Effect.RestSource();
      case "slow" -> new ReplyRule.Effect.Slow(Rate.parse(only(words)));
      case "connections" -> new ReplyRule.Effect.Connections(number(only(words)));
      case "messages-per-connection" ->
          new ReplyRule.Effect.MessagesPerConnection(number(only(words)));
      default -> throw new IllegalArgumentException("nothing that happens: " + words.getFirst());
    };
  }

  private static String only(List<String> words) {
    if (words.size() != 2) {
      throw new IllegalArgumentException(words.getFirst() + " has one value");
    }
    return words.get(1);
  }

  private static int number(String text) {
    try {
      int number = Integer.parseInt(text);
      if (number > 0) {
        return number;
      }
    } catch (NumberFormatException e) {
      // falls through to the one complaint
    }
    throw new IllegalArgumentException("no number above zero: " + text);
  }

  /** Words, or text in quotation marks as one; from {@code #} on it is a comment. */
  private static List<String> words(String line) {
    var words = new ArrayList<String>();
    int i = 0;
    while (i < line.length() && line.charAt(i) != '#') {
      if (Character.isWhitespace(line.charAt(i))) {
        i++;
        continue;
      }
      int end;
      if (line.charAt(i) == '"') {
        end = line.indexOf('"', i + 1);
        if (end < 0) {
          throw new IllegalArgumentException("a quotation mark without another");
        }
        words.add(line.substring(i + 1, end++));
      } else {
        end = i;
        while (end < line.length() && !Character.isWhitespace(line.charAt(end))) {
          end++;
        }
        words.add(line.substring(i, end));
      }
      i = end;
    }
    return words;
  }
}
