package org.unifiedmta.core.address;

import org.jspecify.annotations.Nullable;

/**
 * One cursor over the grammar of RFC 5321 4.1.2 with the extensions of RFC 6531 3.3. Strict: what
 * is not in the grammar is an error with its offset. Used for addresses alone and, by the command
 * parser, for the paths of MAIL and RCPT.
 */
public final class AddressParser {
  private static final int MAXIMUM_LOCAL_PART = 64; // octets, RFC 5321 4.5.3.1.1
  private static final int MAXIMUM_PATH = 254; // octets without the brackets, RFC 5321 4.5.3.1.3

  private final String text;
  private int position;

  /** Starts reading at an offset of the text. */
  public AddressParser(String text, int position) {
    this.text = text;
    this.position = position;
  }

  /** The offset of the next character to be read. */
  public int position() {
    return position;
  }

  /** Reads a whole text as a Mailbox. */
  static EmailAddress mailbox(String text) throws AddressSyntaxException {
    var parser = new AddressParser(text, 0);
    var mailbox = parser.mailbox();
    if (parser.position < text.length()) {
      throw parser.error("unexpected character behind the address");
    }
    return mailbox;
  }

  /**
   * {@code Reverse-path = Path / "<>"}.
   *
   * @return null for {@code <>}
   */
  public @Nullable EmailAddress reversePath() throws AddressSyntaxException {
    if (text.startsWith("<>", position)) {
      position += 2;
      return null;
    }
    return path();
  }

  /**
   * {@code Forward-path}, where {@code <postmaster>} without a domain is allowed (RFC 5321 4.5.1).
   *
   * @return with an empty domain for {@code <postmaster>}
   */
  public EmailAddress forwardPath() throws AddressSyntaxException {
    var postmaster = "<postmaster>";
    if (text.regionMatches(true, position, postmaster, 0, postmaster.length())) {
      position += postmaster.length();
      return new EmailAddress("postmaster", "");
    }
    return path();
  }

  /** {@code Path = "<" [ A-d-l ":" ] Mailbox ">"}. */
  private EmailAddress path() throws AddressSyntaxException {
    expect('<');
    if (peek() == '@') {
      sourceRoute();
    }
    var mailbox = mailbox();
    expect('>');
    return mailbox;
  }

  /**
   * {@code A-d-l = At-domain *( "," At-domain )}: read and dropped, RFC 5321 4.1.1.3, appendix C.
   */
  private void sourceRoute() throws AddressSyntaxException {
    do {
      expect('@');
      domain();
    } while (skip(','));
    expect(':');
  }

  /** {@code Mailbox = Local-part "@" ( Domain / address-literal )}. */
  private EmailAddress mailbox() throws AddressSyntaxException {
    int start = position;
    var localPart = peek() == '"' ? quotedString() : dotString();
    if (utf8Length(localPart) > MAXIMUM_LOCAL_PART) {
      throw new AddressSyntaxException("local part longer than 64 octets", start);
    }
    expect('@');
    var domain = peek() == '[' ? addressLiteral() : domain();
    var address = new EmailAddress(localPart, domain);
    // As it will go on to others: A-labels are longer than the U-labels that were read.
    if (utf8Length(address.toAscii()) > MAXIMUM_PATH) {
      throw new AddressSyntaxException("address longer than 254 octets", start);
    }
    return address;
  }

  /** {@code Dot-string = Atom *("." Atom)}. */
  private String dotString() throws AddressSyntaxException {
    int start = position;
    do {
      int atom = position;
      while (isAtext(peek())) {
        position++;
      }
      if (position == atom) {
        throw error("local part expected");
      }
    } while (skip('.'));
    return checkedText(start);
  }

  /** {@code Quoted-string = DQUOTE *QcontentSMTP DQUOTE}. */
  private String quotedString() throws AddressSyntaxException {
    expect('"');
    var content = new StringBuilder();
    while (peek() != '"') {
      if (peek() == '\\') {
        position++;
        // quoted-pairSMTP = %d92 %d32-126
        if (peek() < 32 || peek() > 126) {
          throw error("character that cannot be quoted");
        }
      } else if (peek() < 32 || peek() == 127) {
        throw error(peek() < 0 ? "quoted string without end" : "control character");
      }
      content.append((char) peek());
      position++;
    }
    position++;
    checkSurrogates(content, position);
    return content.toString();
  }

  /** {@code Domain = sub-domain *("." sub-domain)}, with U-labels (RFC 6531 3.3). */
  private String domain() throws AddressSyntaxException {
    int start = position;
    while (peek() > 127 || isLetterOrDigit(peek()) || peek() == '-' || peek() == '.') {
      position++;
    }
    var domain = checkedText(start);
    try {
      return Domains.toAscii(domain);
    } catch (IllegalArgumentException e) {
      throw new AddressSyntaxException(
          e.getMessage() == null ? "no domain" : e.getMessage(), start);
    }
  }

  /** {@code address-literal = "[" ( IPv4 / "IPv6:" IPv6 ) "]"}, RFC 5321 4.1.3. */
  private String addressLiteral() throws AddressSyntaxException {
    int start = position;
    int end = text.indexOf(']', position);
    if (end < 0) {
      throw error("address literal without end");
    }
    var literal = Literals.canonical(text.substring(start + 1, end));
    if (literal == null) {
      throw new AddressSyntaxException("no IP address in the address literal", start);
    }
    position = end + 1;
    return literal;
  }

  private String checkedText(int start) throws AddressSyntaxException {
    var part = text.substring(start, position);
    checkSurrogates(part, start);
    return part;
  }

  /** Malformed UTF-8 of a peer arrives here as unpaired surrogates or U+FFFD. */
  private static void checkSurrogates(CharSequence part, int at) throws AddressSyntaxException {
    for (int i = 0; i < part.length(); i++) {
      char c = part.charAt(i);
      if (Character.isHighSurrogate(c)
          && i + 1 < part.length()
          && Character.isLowSurrogate(part.charAt(i + 1))) {
        i++;
      } else if (Character.isSurrogate(c) || c == '\uFFFD' || (c >= 0x80 && c < 0xA0)) {
        throw new AddressSyntaxException("malformed character", at);
      }
    }
  }

  static String quoteIfNeeded(String localPart) {
    boolean atom = true;
    boolean dotBefore = true;
    for (int i = 0; i < localPart.length() && atom; i++) {
      char c = localPart.charAt(i);
      atom = c == '.' ? !dotBefore : isAtext(c);
      dotBefore = c == '.';
    }
    if (atom && !dotBefore) {
      return localPart;
    }
    var quoted = new StringBuilder("\"");
    for (int i = 0; i < localPart.length(); i++) {
      char c = localPart.charAt(i);
      if (c == '"' || c == '\\') {
        quoted.append('\\');
      }
      quoted.append(c);
    }
    return quoted.append('"').toString();
  }

  private static boolean isAtext(int c) {
    return isLetterOrDigit(c) || c > 127 || (c > 32 && "!#$%&'*+-/=?^_`{|}~".indexOf(c) >= 0);
  }

  private static boolean isLetterOrDigit(int c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  }

  private static int utf8Length(String s) {
    int length = 0;
    for (int i = 0; i < s.length(); i++) {
      char c = s.charAt(i);
      length += c < 0x80 ? 1 : c < 0x800 || Character.isSurrogate(c) ? 2 : 3;
    }
    return length;
  }

  private int peek() {
    return position < text.length() ? text.charAt(position) : -1;
  }

  private boolean skip(char c) {
    if (peek() != c) {
      return false;
    }
    position++;
    return true;
  }

  private void expect(char c) throws AddressSyntaxException {
    if (!skip(c)) {
      throw error("'" + c + "' expected");
    }
  }

  private AddressSyntaxException error(String what) {
    return new AddressSyntaxException(what, position);
  }
}
