package org.unifiedmta.security.spf;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;

/**
 * Text with macros (RFC 7208 7): {@code macro-string} of a domain-spec, {@code explain-string}
 * where blanks and the letters c, r and t are allowed too.
 *
 * @param endsInMacro whether the last part is a macro-expand, {@code %%} and the like among them
 */
record MacroString(List<Part> parts, boolean endsInMacro) {
  private static final int MAXIMUM_DOMAIN = 253; // RFC 7208 7.3
  private static final int MAXIMUM_DIGITS = 1_000;
  private static final String LETTERS = "slodiphv";
  private static final String LETTERS_OF_EXPLANATIONS = "crt";
  private static final String DELIMITERS = ".-+,/_=";
  private static final HexFormat HEX = HexFormat.of().withUpperCase();

  /** What a macro letter stands for, in lower case. */
  interface Values {
    String value(char letter) throws SpfException;
  }

  sealed interface Part {}

  record Literal(String text) implements Part {}

  /**
   * {@code "%{" macro-letter transformers *delimiter "}"}.
   *
   * @param keep how many pieces, from the right
   * @param escaped whether for a URL: the letter is in upper case
   */
  record Macro(char letter, int keep, boolean reversed, String delimiters, boolean escaped)
      implements Part {

    String transformed(String value) {
      var pieces = new ArrayList<String>();
      int from = 0;
      for (int i = 0; i <= value.length(); i++) {
        if (i == value.length() || delimiters.indexOf(value.charAt(i)) >= 0) {
          pieces.add(value.substring(from, i));
          from = i + 1;
        }
      }
      if (reversed) {
        Collections.reverse(pieces);
      }
      var kept = pieces.subList(Math.max(0, pieces.size() - keep), pieces.size());
      var text = String.join(".", kept);
      return escaped ? urlEscaped(text) : text;
    }

    /** All but {@code unreserved} of RFC 3986 2.3. */
    private static String urlEscaped(String text) {
      var url = new StringBuilder(text.length() + 16);
      for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
        if (isAlphanumeric(b) || b == '-' || b == '.' || b == '_' || b == '~') {
          url.append((char) b);
        } else {
          url.append('%').append(HEX.toHexDigits(b));
        }
      }
      return url.toString();
    }
  }

  /** Reads the {@code macro-string} of a domain-spec. */
  static MacroString parse(String text) throws SpfException {
    return new Reader(text, false).read();
  }

  /** Reads an {@code explain-string}. */
  static MacroString parseExplanation(String text) throws SpfException {
    return new Reader(text, true).read();
  }

  /**
   * The name that is meant: of one that is longer than 253 characters, labels are dropped on the
   * left (RFC 7208 7.3).
   */
  String domain(Values values) throws SpfException {
    var name = new StringBuilder();
    // From the right: however much there is on the left, no more than needed is made.
    for (int i = parts.size() - 1; i >= 0 && name.length() <= MAXIMUM_DOMAIN + 1; i--) {
      name.insert(0, text(parts.get(i), values));
    }
    if (name.length() > 0 && name.charAt(name.length() - 1) == '.') {
      name.setLength(name.length() - 1);
    }
    if (name.length() > MAXIMUM_DOMAIN) {
      int dot = name.indexOf(".", name.length() - MAXIMUM_DOMAIN - 1);
      name.delete(0, dot < 0 ? name.length() : dot + 1);
    }
    return name.toString();
  }

  /** The text, or as much of it as there is room for. */
  String text(Values values, int maximum) throws SpfException {
    var text = new StringBuilder();
    for (int i = 0; i < parts.size() && text.length() < maximum; i++) {
      text.append(text(parts.get(i), values));
    }
    text.setLength(Math.min(text.length(), maximum));
    return text.toString();
  }

  /** Whether one of these letters is used. */
  boolean uses(String letters) {
    for (var part : parts) {
      if (part instanceof Macro macro && letters.indexOf(macro.letter()) >= 0) {
        return true;
      }
    }
    return false;
  }

  private static String text(Part part, Values values) throws SpfException {
    return switch (part) {
      case Literal literal -> literal.text();
      case Macro macro -> macro.transformed(values.value(macro.letter()));
    };
  }

  private static boolean isAlphanumeric(int c) {
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
  }

  /** One cursor over the text. */
  private static final class Reader {
    private final String text;
    private final boolean explanation;
    private final List<Part> parts = new ArrayList<>();
    private final StringBuilder literal = new StringBuilder();
    private int next;

    Reader(String text, boolean explanation) {
      this.text = text;
      this.explanation = explanation;
    }

    MacroString read() throws SpfException {
      boolean endsInMacro = false;
      while (next < text.length()) {
        char c = text.charAt(next++);
        endsInMacro = c == '%';
        if (endsInMacro) {
          macroExpand();
        } else if ((c > ' ' && c < 127) || (c == ' ' && explanation)) {
          literal.append(c);
        } else {
          throw SpfException.permanent("character that no macro string has");
        }
      }
      endLiteral();
      return new MacroString(List.copyOf(parts), endsInMacro);
    }

    /** {@code macro-expand}, behind its percent sign. */
    private void macroExpand() throws SpfException {
      switch (peek()) {
        case '%' -> literal.append('%');
        case '_' -> literal.append(' ');
        case '-' -> literal.append("%20");
        case '{' -> {
          endLiteral();
          next++;
          parts.add(macro());
          return;
        }
        default -> throw SpfException.permanent("% without a macro");
      }
      next++;
    }

    private Macro macro() throws SpfException {
      char letter = peek();
      char lower = Character.toLowerCase(letter);
      boolean known =
          LETTERS.indexOf(lower) >= 0
              || (explanation && LETTERS_OF_EXPLANATIONS.indexOf(lower) >= 0);
      if (!known) {
        throw SpfException.permanent("unknown macro letter");
      }
      next++;
      int keep = digits();
      boolean reversed = peek() == 'r' || peek() == 'R';
      if (reversed) {
        next++;
      }
      int from = next;
      while (DELIMITERS.indexOf(peek()) >= 0) {
        next++;
      }
      var delimiters = from == next ? "." : text.substring(from, next);
      if (peek() != '}') {
        throw SpfException.permanent("macro without an end");
      }
      next++;
      return new Macro(lower, keep, reversed, delimiters, letter != lower);
    }

    /** As many pieces as there are where it is not said; 0 is not allowed (RFC 7208 7.3). */
    private int digits() throws SpfException {
      int from = next;
      int number = 0;
      while (peek() >= '0' && peek() <= '9') {
        number = Math.min(MAXIMUM_DIGITS, number * 10 + (peek() - '0'));
        next++;
      }
      if (next > from && number == 0) {
        throw SpfException.permanent("macro that keeps nothing");
      }
      return next == from || number == MAXIMUM_DIGITS ? Integer.MAX_VALUE : number;
    }

    private void endLiteral() {
      if (literal.length() > 0) {
        parts.add(new Literal(literal.toString()));
        literal.setLength(0);
      }
    }

    private char peek() {
      return next < text.length() ? text.charAt(next) : 0;
    }
  }
}
