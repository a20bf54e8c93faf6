package org.unifiedmta.security.spf;

import java.util.Locale;
import org.unifiedmta.core.mime.HeaderText;
import org.unifiedmta.security.spf.SpfResult.Result;

/** The field that says what was found (RFC 7208 9.1). */
final class ReceivedSpf {
  private static final int MAXIMUM = 320; // of a value: the longest address there can be
  private static final String ATOM_SPECIALS = "!#$%&'*+-/=?^_`{|}~";

  private ReceivedSpf() {}

  static String field(SpfResult result, String envelopeFrom, String helo, String receiver) {
    var client = Client.of(result.ip()).readable();
    var text = new StringBuilder();
    text.append(result.result().name().toLowerCase(Locale.ROOT));
    text.append(" (").append(comment(result, client)).append(")");
    text.append(" client-ip=").append(value(client));
    text.append("; envelope-from=").append(value(envelopeFrom));
    text.append("; helo=").append(value(helo));
    text.append("; receiver=").append(value(receiver));
    text.append("; identity=").append(envelopeFrom.isEmpty() ? "helo" : "mailfrom");
    var reason = result.reason();
    if (reason != null && isError(result.result())) {
      text.append("; problem=").append(value(reason));
    }
    return HeaderText.fold("Received-SPF", text.toString());
  }

  private static boolean isError(Result result) {
    return result == Result.TEMPERROR || result == Result.PERMERROR;
  }

  private static String comment(SpfResult result, String client) {
    var domain =
        result.domain().isEmpty() ? "no domain" : "domain of " + inComment(result.domain());
    return switch (result.result()) {
      case PASS -> domain + " designates " + client + " as permitted sender";
      case FAIL -> domain + " does not designate " + client + " as permitted sender";
      case SOFTFAIL -> domain + " discourages use of " + client + " as permitted sender";
      case NEUTRAL -> client + " is neither permitted nor denied by " + domain;
      case NONE ->
          result.domain().isEmpty() ? domain : domain + " does not designate permitted senders";
      case TEMPERROR -> domain + " could not be asked";
      case PERMERROR -> domain + " has a record that cannot be used";
    };
  }

  /** RFC 5322 3.2.2: without what would end it. */
  private static String inComment(String domain) {
    return Printable.line(domain).replace('(', '?').replace(')', '?').replace('\\', '?');
  }

  /** {@code dot-atom / quoted-string}: whatever a peer sent stays within. */
  private static String value(String text) {
    var line = Printable.line(text.substring(0, Math.min(text.length(), MAXIMUM)));
    if (isDotAtom(line)) {
      return line;
    }
    return "\"" + line.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
  }

  private static boolean isDotAtom(String text) {
    boolean mayBeDot = false;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      boolean atom =
          (c >= '0' && c <= '9')
              || (c >= 'A' && c <= 'Z')
              || (c >= 'a' && c <= 'z')
              || ATOM_SPECIALS.indexOf(c) >= 0;
      if (!atom && !(c == '.' && mayBeDot)) {
        return false;
      }
      mayBeDot = atom;
    }
    return mayBeDot;
  }
}
