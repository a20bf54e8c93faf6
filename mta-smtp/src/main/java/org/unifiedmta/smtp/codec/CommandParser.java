package org.unifiedmta.smtp.codec;

import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.AddressParser;
import org.unifiedmta.core.address.AddressSyntaxException;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.smtp.codec.SmtpCommand.Auth;
import org.unifiedmta.smtp.codec.SmtpCommand.Bdat;
import org.unifiedmta.smtp.codec.SmtpCommand.Ehlo;
import org.unifiedmta.smtp.codec.SmtpCommand.Endless;
import org.unifiedmta.smtp.codec.SmtpCommand.Foreign;
import org.unifiedmta.smtp.codec.SmtpCommand.Helo;
import org.unifiedmta.smtp.codec.SmtpCommand.Invalid;
import org.unifiedmta.smtp.codec.SmtpCommand.Lhlo;
import org.unifiedmta.smtp.codec.SmtpCommand.Mail;
import org.unifiedmta.smtp.codec.SmtpCommand.Proxied;
import org.unifiedmta.smtp.codec.SmtpCommand.Rcpt;
import org.unifiedmta.smtp.codec.SmtpCommand.Simple;
import org.unifiedmta.smtp.codec.SmtpCommand.Verb;

/**
 * Reads command lines by the grammar of RFC 5321 4.1.1. Strict, but for two habits of many clients:
 * blanks behind {@code FROM:} and {@code TO:}, and at the end of a line (RFC 5321 4.1.1.1).
 */
public final class CommandParser {
  private static final SmtpReply UNKNOWN = SmtpReply.of(500, "5.5.1", "Command not recognized");
  private static final SmtpReply CONTROL_CHARACTER =
      SmtpReply.of(500, "5.5.2", "Control character in a command; lines end with CRLF");
  private static final int MAXIMUM_ATTRIBUTES = 20;
  private static final int MAXIMUM_NAME = 255; // octets, RFC 5321 4.5.3.1.2
  private static final Set<String> FOREIGN =
      Set.of("GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE");

  private final Set<Extension> extensions;

  /**
   * @param extensions those offered; parameters of others are unknown (555)
   */
  public CommandParser(Set<Extension> extensions) {
    this.extensions = extensions;
  }

  /** Reads a line without its CRLF. What is wrong with it is an {@link Invalid}. */
  public SmtpCommand parse(String line) {
    for (int i = 0; i < line.length(); i++) {
      if (Character.isISOControl(line.charAt(i))) {
        return new Invalid(CONTROL_CHARACTER);
      }
    }
    var in = new Cursor(line);
    try {
      return command(in.word().toUpperCase(Locale.ROOT), in);
    } catch (SyntaxException e) {
      return new Invalid(e.reply);
    } catch (AddressSyntaxException e) {
      // Only MAIL and RCPT read addresses; RFC 3463 3.2 tells sender and recipient apart.
      boolean sender = line.regionMatches(true, 0, "MAIL", 0, 4);
      return new Invalid(SmtpReply.of(501, sender ? "5.1.7" : "5.1.3", printable(e)));
    }
  }

  private SmtpCommand command(String verb, Cursor in)
      throws SyntaxException, AddressSyntaxException {
    return switch (verb) {
      case "EHLO" -> new Ehlo(in.name());
      case "HELO" -> new Helo(in.name());
      case "LHLO" -> new Lhlo(in.name());
      case "MAIL" -> mail(in);
      case "RCPT" -> rcpt(in);
      case "DATA" -> alone(Verb.DATA, in);
      case "BDAT" -> bdat(in);
      case "RSET" -> alone(Verb.RSET, in);
      case "QUIT" -> alone(Verb.QUIT, in);
      case "STARTTLS" -> alone(Verb.STARTTLS, in); // RFC 3207 4: no parameters
      case "NOOP" -> new Simple(Verb.NOOP);
      case "HELP" -> new Simple(Verb.HELP);
      case "VRFY" -> new Simple(Verb.VRFY);
      case "EXPN" -> new Simple(Verb.EXPN);
      case "AUTH" -> auth(in);
      case "XCLIENT" -> proxied(Verb.XCLIENT, in);
      case "XFORWARD" -> proxied(Verb.XFORWARD, in);
      default -> FOREIGN.contains(verb) ? new Foreign() : new Invalid(UNKNOWN);
    };
  }

  /** What follows {@code MAIL}: {@code " FROM:" Reverse-path [SP Mail-parameters]}. */
  private Mail mail(Cursor in) throws SyntaxException, AddressSyntaxException {
    in.keyword("FROM:");
    int start = in.position;
    var paths = in.path();
    var reversePath = paths.reversePath(); // may be <>, RFC 5321 4.5.5
    in.position = paths.position();
    boolean ascii = in.isAscii(start);
    var parameters = new ParameterReader(extensions).mail(in);
    if (!ascii && !parameters.smtpUtf8()) {
      throw new SyntaxException(553, "5.6.7", "Address needs SMTPUTF8");
    }
    return new Mail(reversePath, parameters);
  }

  /** What follows {@code RCPT}: {@code " TO:" Forward-path [SP Rcpt-parameters]}. */
  private Rcpt rcpt(Cursor in) throws SyntaxException, AddressSyntaxException {
    in.keyword("TO:");
    int start = in.position;
    var paths = in.path();
    var forwardPath = paths.forwardPath();
    in.position = paths.position();
    boolean ascii = in.isAscii(start);
    return new ParameterReader(extensions).rcpt(forwardPath, ascii, in);
  }

  /** {@code "BDAT" SP chunk-size [SP "LAST"]}, RFC 3030 2. */
  private static SmtpCommand bdat(Cursor in) {
    long size = ParameterReader.number(in.word());
    var marker = in.word();
    boolean last = marker.equalsIgnoreCase("LAST");
    return size < 0 || (!last && !marker.isEmpty()) || in.position < in.text.length()
        ? new Endless()
        : new Bdat(size, last);
  }

  /** {@code 1*( SP attribute-name "=" attribute-value )}, the value in xtext. */
  private static Proxied proxied(Verb verb, Cursor in) throws SyntaxException {
    var attributes = new HashMap<String, @Nullable String>();
    while (in.position < in.text.length()) {
      var attribute = in.word();
      int equals = attribute.indexOf('=');
      var value = equals < 1 ? null : Xtext.decode(attribute.substring(equals + 1));
      if (value == null || attributes.size() == MAXIMUM_ATTRIBUTES) {
        throw new SyntaxException(501, "5.5.4", "Malformed attribute");
      }
      boolean unknown = value.equals("[UNAVAILABLE]") || value.equals("[TEMPUNAVAIL]");
      attributes.put(
          attribute.substring(0, equals).toUpperCase(Locale.ROOT), unknown ? null : value);
    }
    return new Proxied(verb, attributes);
  }

  /** {@code "AUTH" SP sasl-mech [SP initial-response]}, RFC 4954 4. */
  private static Auth auth(Cursor in) throws SyntaxException {
    var mechanism = in.word().toUpperCase(Locale.ROOT);
    if (mechanism.isEmpty()) {
      throw new SyntaxException(501, "5.5.4", "AUTH needs a mechanism");
    }
    var response = in.word();
    in.end();
    return new Auth(mechanism, response.isEmpty() ? null : response);
  }

  private static Simple alone(Verb verb, Cursor in) throws SyntaxException {
    in.end();
    return new Simple(verb);
  }

  private static String printable(AddressSyntaxException e) {
    return "Address: " + e.getMessage();
  }

  /** A reply as a throw, so that the grammar reads as the RFC has it; never leaves this class. */
  static final class SyntaxException extends Exception {
    private static final long serialVersionUID = 1L;
    private final transient SmtpReply reply;

    SyntaxException(int code, String status, String text) {
      super(text, null, false, false);
      this.reply = SmtpReply.of(code, status, text);
    }
  }

  /** Where reading has got to. */
  static final class Cursor {
    private final String text;
    private int position;

    Cursor(String line) {
      int end = line.length();
      while (end > 0 && line.charAt(end - 1) == ' ') {
        end--;
      }
      this.text = line.substring(0, end);
    }

    /** Up to the next blank, and the blanks behind it; only ASCII counts. */
    String word() {
      int start = position;
      while (position < text.length() && text.charAt(position) != ' ') {
        position++;
      }
      var word = text.substring(start, position);
      blanks();
      // Upper case of other scripts may be ASCII: a long s is no S.
      return isAscii(start) ? word : "\uFFFD";
    }

    /** {@code Domain / address-literal}; clients say what they like, so only its size matters. */
    String name() throws SyntaxException {
      var name = text.substring(position);
      if (name.isEmpty()) {
        throw new SyntaxException(501, "5.5.4", "Your name is missing");
      }
      if (name.indexOf('\uFFFD') >= 0
          || name.getBytes(StandardCharsets.UTF_8).length > MAXIMUM_NAME) {
        throw new SyntaxException(501, "5.5.4", "That is no host name");
      }
      return name;
    }

    void keyword(String keyword) throws SyntaxException {
      if (!text.regionMatches(true, position, keyword, 0, keyword.length())) {
        throw new SyntaxException(501, "5.5.4", keyword + "<address> expected");
      }
      position += keyword.length();
      blanks();
    }

    AddressParser path() throws SyntaxException {
      if (position >= text.length() || text.charAt(position) != '<') {
        throw new SyntaxException(501, "5.5.2", "The address must stand in angle brackets");
      }
      return new AddressParser(text, position);
    }

    boolean hasParameter() throws SyntaxException {
      if (position == text.length()) {
        return false;
      }
      if (text.charAt(position) != ' ') {
        throw new SyntaxException(501, "5.5.2", "Blank expected behind the address or parameter");
      }
      blanks();
      return true;
    }

    /** {@code esmtp-keyword = (ALPHA / DIGIT) *(ALPHA / DIGIT / "-")}. */
    String parameterKeyword() throws SyntaxException {
      int start = position;
      while (position < text.length()
          && (isLetterOrDigit(text.charAt(position))
              || (position > start && text.charAt(position) == '-'))) {
        position++;
      }
      if (position == start) {
        throw new SyntaxException(501, "5.5.4", "Malformed parameter");
      }
      return text.substring(start, position).toUpperCase(Locale.ROOT);
    }

    /** {@code ["=" esmtp-value]}, {@code esmtp-value = 1*(%d33-60 / %d62-126)}; empty for none. */
    String parameterValue() throws SyntaxException {
      if (position == text.length() || text.charAt(position) != '=') {
        return "";
      }
      position++;
      int start = position;
      while (position < text.length() && isValue(text.charAt(position))) {
        position++;
      }
      if (position == start) {
        throw new SyntaxException(501, "5.5.4", "Parameter without a value");
      }
      return text.substring(start, position);
    }

    void end() throws SyntaxException {
      if (position < text.length()) {
        throw new SyntaxException(501, "5.5.4", "Unexpected argument");
      }
    }

    boolean isAscii(int from) {
      for (int i = from; i < position; i++) {
        if (text.charAt(i) > 127) {
          return false;
        }
      }
      return true;
    }

    private void blanks() {
      while (position < text.length() && text.charAt(position) == ' ') {
        position++;
      }
    }

    private static boolean isLetterOrDigit(char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    }

    private static boolean isValue(char c) {
      return c > 32 && c < 127 && c != '=';
    }
  }
}
