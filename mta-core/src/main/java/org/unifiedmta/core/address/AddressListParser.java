package org.unifiedmta.core.address;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Reads an address-list of RFC 5322 3.4 with its obsolete forms (4.4) and with what else mailers
 * write: first its tokens, then what they say. Each octet is looked at a few times at most.
 */
final class AddressListParser {
  private static final int MAXIMUM_MAILBOXES = 10_000;
  private static final int MAXIMUM_DEFECTS = 20;
  private static final int MAXIMUM_SHOWN = 100;

  private enum Kind {
    ATOM, // with its dots
    QUOTED,
    LITERAL,
    COMMENT,
    SPECIAL, // one of @ , ; : < >
    END
  }

  /**
   * @param text as it reads: without quotes, brackets of comments and backslashes
   * @param from its place in the field
   * @param afterBlank whether a blank or a comment separates it from the token before
   */
  private record Token(Kind kind, String text, int from, int to, boolean afterBlank) {
    boolean is(String special) {
      return kind == Kind.SPECIAL && text.equals(special);
    }

    boolean isSeparator() {
      return kind == Kind.END || is(",") || is(";");
    }
  }

  private final String text;
  private final UnaryOperator<String> decoder;
  private final List<Token> tokens = new ArrayList<>(16);
  private final List<Address> addresses = new ArrayList<>();
  private final List<String> defects = new ArrayList<>();
  private @Nullable String groupName; // while in a group
  private final List<Mailbox> members = new ArrayList<>();
  private int mailboxes;
  private int next; // token

  AddressListParser(String text, UnaryOperator<String> decoder) {
    this.text = text;
    this.decoder = decoder;
  }

  AddressList parse() {
    tokenize();
    while (peek().kind() != Kind.END) {
      if (mailboxes == MAXIMUM_MAILBOXES) {
        defect("more than " + MAXIMUM_MAILBOXES + " mailboxes", "");
        break;
      }
      address();
    }
    endGroup();
    return new AddressList(addresses, defects);
  }

  /** {@code address = mailbox / group}, with the separator behind it. */
  private void address() {
    int from = next;
    boolean mayBeGroup = groupName == null; // no group in a group, no colon in an address
    while (!peek().isSeparator() && !peek().is("<") && !(mayBeGroup && peek().is(":"))) {
      mayBeGroup &= !peek().is("@");
      next++;
    }
    var words = tokens.subList(from, next);
    switch (peek().text()) {
      case ":" -> beginGroup(words);
      case "<" -> angleAddress(words);
      default -> {
        if (words.stream().anyMatch(word -> word.kind() != Kind.COMMENT)) {
          add(comment(words), words, from);
        }
      }
    }
    if (peek().is(";")) {
      endGroup();
    }
    if (peek().isSeparator() && peek().kind() != Kind.END) {
      next++;
    }
  }

  /** {@code group = display-name ":" [group-list] ";"}. */
  private void beginGroup(List<Token> words) {
    groupName = name(words);
    next++;
  }

  private void endGroup() {
    if (groupName != null) {
      addresses.add(new Group(groupName, members));
      members.clear();
      groupName = null;
    }
  }

  /** {@code name-addr = [display-name] "<" [obs-route] addr-spec ">"}, and what follows it. */
  private void angleAddress(List<Token> words) {
    int from = next - words.size();
    while (peek().is("<")) {
      next++;
    }
    int start = next;
    int stop = endOfAngle();
    while (next < stop) {
      if (peek().is(":")) {
        start = next + 1; // RFC 5322 4.4: the route in front of it is to be ignored
      }
      next++;
    }
    var spec = tokens.subList(start, stop);
    if (peek().is(">")) {
      next++;
    }
    int end = next;
    while (!peek().isSeparator()) {
      next++;
    }
    var behind = tokens.subList(end, next);
    var name = name(words);
    add(name.isEmpty() ? comment(behind) : name, spec, from);
    if (behind.stream().anyMatch(token -> token.kind() != Kind.COMMENT)) {
      defect("text behind an address", shown(end));
    }
  }

  /** The token {@code >}, or where an address ends that has none. */
  private int endOfAngle() {
    int end = next;
    while (tokens.get(end).kind() != Kind.END && !tokens.get(end).is("<")) {
      if (tokens.get(end).is(">")) {
        return end;
      }
      end++;
    }
    end = next;
    while (!tokens.get(end).isSeparator() && !tokens.get(end).is("<")) {
      end++;
    }
    return end;
  }

  private void add(@Nullable String name, List<Token> spec, int from) {
    var address = addrSpec(spec);
    if (address == null) {
      defect("no address", shown(from));
      return;
    }
    mailboxes++;
    var mailbox = new Mailbox(name == null || name.isEmpty() ? null : name, address);
    if (groupName == null) {
      addresses.add(mailbox);
    } else {
      members.add(mailbox);
    }
  }

  /** {@code addr-spec = local-part "@" domain}, blanks and comments around its dots. */
  private static @Nullable EmailAddress addrSpec(List<Token> tokens) {
    var localPart = new StringBuilder();
    var domain = new StringBuilder();
    var part = localPart;
    boolean quoted = false;
    for (var token : tokens) {
      if (token.kind() == Kind.COMMENT) {
        continue;
      }
      if (token.is("@") && part == localPart) {
        part = domain;
        continue;
      }
      boolean apart =
          token.afterBlank()
              && part.length() > 0
              && part.charAt(part.length() - 1) != '.'
              && !token.text().startsWith(".");
      if (apart || token.kind() == Kind.SPECIAL) {
        return null;
      }
      quoted |= token.kind() == Kind.QUOTED && part == localPart;
      part.append(token.text());
    }
    if (localPart.length() == 0 && !quoted) {
      return null;
    }
    // Quoted where it must be, so that a dot too many does no harm: such mailboxes exist.
    var local = AddressParser.quoteIfNeeded(localPart.toString());
    return EmailAddress.tryParse(local + "@" + domain).orElse(null);
  }

  /** {@code phrase = 1*word}, decoded. */
  private String name(List<Token> words) {
    var phrase = new StringBuilder();
    for (var word : words) {
      if (word.kind() != Kind.COMMENT) {
        phrase.append(word.afterBlank() && phrase.length() > 0 ? " " : "").append(word.text());
      }
    }
    return phrase.length() == 0 ? "" : oneLine(decoder.apply(phrase.toString()));
  }

  /** What names some mailboxes, as in {@code ann@example.org (Ann)}. */
  private @Nullable String comment(List<Token> tokens) {
    for (int i = tokens.size() - 1; i >= 0; i--) {
      if (tokens.get(i).kind() == Kind.COMMENT) {
        return oneLine(decoder.apply(tokens.get(i).text()));
      }
    }
    return null;
  }

  /** A name that breaks out of no field. */
  private static String oneLine(String name) {
    if (!Mailbox.hasControl(name)) {
      return name.strip();
    }
    var line = new StringBuilder(name.length());
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      line.append(c < 32 || c == 127 ? ' ' : c);
    }
    return line.toString().strip();
  }

  private String shown(int fromToken) {
    int from = tokens.get(fromToken).from();
    int to = Math.min(tokens.get(Math.max(fromToken, next - 1)).to(), from + MAXIMUM_SHOWN);
    return ": " + oneLine(text.substring(from, Math.max(from, to)));
  }

  private void defect(String what, String where) {
    if (defects.size() < MAXIMUM_DEFECTS) {
      defects.add(what + where);
    }
  }

  private Token peek() {
    return tokens.get(next);
  }

  private void tokenize() {
    boolean blank = false;
    boolean quotes = true; // until one has no end
    boolean comments = true;
    int i = 0;
    while (i < text.length()) {
      char c = text.charAt(i);
      int from = i;
      if (c <= ' ') {
        blank = true;
        i++;
        continue;
      }
      if (c == '"') {
        int end = quotes ? endOfQuoted(i) : -1;
        quotes = end > 0;
        i = quotes ? end : i + 1;
        if (!quotes) {
          continue;
        }
        tokens.add(new Token(Kind.QUOTED, unquoted(from + 1, end - 1), from, end, blank));
      } else if (c == '(') {
        int end = comments ? endOfComment(i) : -1;
        comments = end > 0;
        i = comments ? end : i + 1;
        if (comments) {
          tokens.add(new Token(Kind.COMMENT, unquoted(from + 1, end - 1), from, end, blank));
        }
        blank = true;
        continue;
      } else if ("@,;:<>".indexOf(c) >= 0) {
        i++;
        tokens.add(new Token(Kind.SPECIAL, String.valueOf(c), from, i, blank));
      } else {
        i = c == '[' ? endOfLiteral(i) : endOfAtom(i);
        var kind = c == '[' ? Kind.LITERAL : Kind.ATOM;
        tokens.add(new Token(kind, text.substring(from, i), from, i, blank));
      }
      blank = false;
    }
    tokens.add(new Token(Kind.END, "", i, i, blank));
  }

  /** Behind the quote that ends the one here, or -1. */
  private int endOfQuoted(int from) {
    for (int i = from + 1; i < text.length(); i++) {
      if (text.charAt(i) == '\\') {
        i++;
      } else if (text.charAt(i) == '"') {
        return i + 1;
      }
    }
    return -1;
  }

  /** Behind the bracket that ends the comment here, those inside it counted; or -1. */
  private int endOfComment(int from) {
    int depth = 0;
    for (int i = from; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '\\') {
        i++;
      } else if (c == '(') {
        depth++;
      } else if (c == ')' && --depth == 0) {
        return i + 1;
      }
    }
    return -1;
  }

  private int endOfLiteral(int from) {
    int end = text.indexOf(']', from);
    return end < 0 ? text.length() : end + 1;
  }

  private static boolean isAtom(char c) {
    return switch (c) {
      case ',', ';', ':', '<', '>', '(', ')', '"', '[', ']', '@' -> false;
      default -> c > ' ';
    };
  }

  private int endOfAtom(int from) {
    int word = endOfEncodedWord(from);
    int i = word < 0 ? from + 1 : word;
    while (i < text.length() && isAtom(text.charAt(i))) {
      i++;
    }
    return i;
  }

  /** Behind an encoded word here, since some write commas and the like in it; or -1. */
  private int endOfEncodedWord(int from) {
    if (!text.startsWith("=?", from)) {
      return -1;
    }
    int questions = 0;
    for (int i = from; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c <= ' ' || "<>\"@".indexOf(c) >= 0) {
        return -1;
      }
      if (c == '?' && ++questions == 4) {
        return i + 1 < text.length() && text.charAt(i + 1) == '=' ? i + 2 : -1;
      }
    }
    return -1;
  }

  private String unquoted(int from, int to) {
    var plain = new StringBuilder(to - from);
    for (int i = from; i < to; i++) {
      if (text.charAt(i) == '\\' && i + 1 < to) {
        i++;
      }
      plain.append(text.charAt(i));
    }
    return plain.toString();
  }
}
