package org.unifiedmta.smtp.codec;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient.Notify;
import org.unifiedmta.smtp.codec.CommandParser.Cursor;
import org.unifiedmta.smtp.codec.CommandParser.SyntaxException;
import org.unifiedmta.smtp.codec.SmtpCommand.Rcpt;

/** Reads the parameters of MAIL and RCPT (RFC 5321 4.1.2), those of the extensions offered. */
final class ParameterReader {
  private static final int MAXIMUM_ENVELOPE_ID = 100; // octets as written, RFC 3461 5.4
  private static final int MAXIMUM_ORIGINAL_RECIPIENT = 500; // RFC 3461 5.4
  private static final int LONGEST_SECONDS = 9; // digits, RFC 2852 4, RFC 4865 4

  private final Set<Extension> extensions;
  private final Set<String> seen = new HashSet<>();

  ParameterReader(Set<Extension> extensions) {
    this.extensions = extensions;
  }

  MailParameters mail(Cursor in) throws SyntaxException {
    if (!in.hasParameter()) {
      return MailParameters.NONE;
    }
    long size = -1;
    var body = Envelope.Body.SEVEN_BIT;
    boolean smtpUtf8 = false;
    String envelopeId = null;
    var ret = Envelope.Ret.UNSET;
    boolean requireTls = false;
    int priority = 0;
    MailParameters.Hold hold = null;
    MailParameters.By by = null;
    do {
      var keyword = in.parameterKeyword();
      var value = in.parameterValue();
      checkOffered(keyword, extensionOfMail(keyword));
      switch (keyword) {
        case "SIZE" -> size = size(value);
        case "BODY" -> body = body(value);
        case "SMTPUTF8" -> smtpUtf8 = withoutValue(keyword, value);
        case "ENVID" -> envelopeId = xtext(keyword, value, MAXIMUM_ENVELOPE_ID);
        case "RET" -> ret = ret(value);
        case "REQUIRETLS" -> requireTls = withoutValue(keyword, value);
        case "MT-PRIORITY" -> priority = priority(value);
        case "HOLDFOR" -> hold = new MailParameters.Hold.For(seconds(keyword, value));
        case "HOLDUNTIL" -> hold = new MailParameters.Hold.Until(time(keyword, value));
        case "BY" -> by = by(value);
        // RFC 4954 5: who submitted it first, in xtext; as we trust nobody about it, <> is assumed.
        default -> {}
      }
    } while (in.hasParameter());
    if (seen.contains("HOLDFOR") && seen.contains("HOLDUNTIL")) {
      throw new SyntaxException(501, "5.5.4", "HOLDFOR and HOLDUNTIL exclude each other");
    }
    return new MailParameters(
        size, body, smtpUtf8, envelopeId, ret, requireTls, priority, hold, by);
  }

  Rcpt rcpt(EmailAddress forwardPath, boolean ascii, Cursor in) throws SyntaxException {
    Set<Notify> notifyOn = Set.of();
    String originalRecipient = null;
    while (in.hasParameter()) {
      var keyword = in.parameterKeyword();
      var value = in.parameterValue();
      boolean known = keyword.equals("NOTIFY") || keyword.equals("ORCPT");
      checkOffered(keyword, known ? Extension.DSN : null);
      if (keyword.equals("NOTIFY")) {
        notifyOn = notifyOn(value);
      } else {
        originalRecipient = originalRecipient(value);
      }
    }
    return new Rcpt(forwardPath, ascii, notifyOn, originalRecipient);
  }

  private static @Nullable Extension extensionOfMail(String keyword) {
    return switch (keyword) {
      case "SIZE" -> Extension.SIZE;
      case "BODY" -> Extension.EIGHT_BIT_MIME;
      case "SMTPUTF8" -> Extension.SMTPUTF8;
      case "AUTH" -> Extension.AUTH;
      case "ENVID", "RET" -> Extension.DSN;
      case "REQUIRETLS" -> Extension.REQUIRETLS;
      case "MT-PRIORITY" -> Extension.MT_PRIORITY;
      case "HOLDFOR", "HOLDUNTIL" -> Extension.FUTURERELEASE;
      case "BY" -> Extension.DELIVERBY;
      default -> null;
    };
  }

  private void checkOffered(String keyword, @Nullable Extension extension) throws SyntaxException {
    if (extension == null || !extensions.contains(extension)) {
      throw new SyntaxException(555, "5.5.4", "Parameter " + keyword + " not recognized");
    }
    if (!seen.add(keyword)) {
      throw new SyntaxException(501, "5.5.4", keyword + " given twice");
    }
  }

  // ---- values

  /** {@code size-value = 1*20DIGIT}, RFC 1870 3. */
  private static long size(String value) throws SyntaxException {
    long size = number(value);
    if (size < 0) {
      throw new SyntaxException(501, "5.5.4", "SIZE must be a number of octets");
    }
    return size;
  }

  /** {@code 1*20DIGIT}, what is larger than any size as the largest; -1 for anything else. */
  static long number(String value) {
    if (value.isEmpty() || value.length() > 20) {
      return -1;
    }
    for (int i = 0; i < value.length(); i++) {
      if (value.charAt(i) < '0' || value.charAt(i) > '9') {
        return -1;
      }
    }
    return value.length() > 18 ? Long.MAX_VALUE : Long.parseLong(value);
  }

  /** {@code body-value = "7BIT" / "8BITMIME" / "BINARYMIME"}, RFC 6152 3, RFC 3030 3. */
  private Envelope.Body body(String value) throws SyntaxException {
    return switch (value.toUpperCase(Locale.ROOT)) {
      case "7BIT" -> Envelope.Body.SEVEN_BIT;
      case "8BITMIME" -> Envelope.Body.EIGHT_BIT_MIME;
      case "BINARYMIME" -> {
        if (!extensions.contains(Extension.BINARYMIME)) {
          throw new SyntaxException(501, "5.5.4", "BODY=BINARYMIME is not offered");
        }
        yield Envelope.Body.BINARY_MIME;
      }
      default ->
          throw new SyntaxException(501, "5.5.4", "BODY must be 7BIT, 8BITMIME or BINARYMIME");
    };
  }

  private static boolean withoutValue(String keyword, String value) throws SyntaxException {
    if (!value.isEmpty()) {
      throw new SyntaxException(501, "5.5.4", keyword + " has no value");
    }
    return true;
  }

  private static String xtext(String keyword, String value, int maximum) throws SyntaxException {
    var text = value.length() > maximum ? null : Xtext.decode(value);
    if (text == null || text.isEmpty()) {
      throw new SyntaxException(
          501, "5.5.4", keyword + " must be xtext of at most " + maximum + " characters");
    }
    return text;
  }

  /** {@code ret-value = "FULL" / "HDRS"}, RFC 3461 4.3. */
  private static Envelope.Ret ret(String value) throws SyntaxException {
    return switch (value.toUpperCase(Locale.ROOT)) {
      case "FULL" -> Envelope.Ret.FULL;
      case "HDRS" -> Envelope.Ret.HEADERS;
      default -> throw new SyntaxException(501, "5.5.4", "RET must be FULL or HDRS");
    };
  }

  /** {@code "NEVER" / 1#notify-list-element}, RFC 3461 4.1. */
  private static Set<Notify> notifyOn(String value) throws SyntaxException {
    var wanted = EnumSet.noneOf(Notify.class);
    for (var element : value.split(",", -1)) {
      var notify =
          switch (element.toUpperCase(Locale.ROOT)) {
            case "NEVER" -> Notify.NEVER;
            case "SUCCESS" -> Notify.SUCCESS;
            case "FAILURE" -> Notify.FAILURE;
            case "DELAY" -> Notify.DELAY;
            default -> null;
          };
      if (notify == null || !wanted.add(notify)) {
        throw new SyntaxException(501, "5.5.4", "NOTIFY must be NEVER, or SUCCESS, FAILURE, DELAY");
      }
    }
    if (wanted.contains(Notify.NEVER) && wanted.size() > 1) {
      throw new SyntaxException(501, "5.5.4", "NOTIFY=NEVER excludes the others");
    }
    return wanted;
  }

  /** {@code addr-type ";" xtext}, RFC 3461 4.2; of utf-8 addresses (RFC 6533 3) as given. */
  private static String originalRecipient(String value) throws SyntaxException {
    int semicolon = value.indexOf(';');
    if (semicolon < 1 || value.length() > MAXIMUM_ORIGINAL_RECIPIENT) {
      throw new SyntaxException(501, "5.5.4", "ORCPT must be a type and an address");
    }
    for (int i = 0; i < semicolon; i++) {
      char c = value.charAt(i);
      boolean letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      if (!letter && c != '-' && (c < '0' || c > '9')) {
        throw new SyntaxException(501, "5.5.4", "ORCPT must be a type and an address");
      }
    }
    return value.substring(0, semicolon + 1)
        + xtext("ORCPT", value.substring(semicolon + 1), MAXIMUM_ORIGINAL_RECIPIENT);
  }

  /** {@code priority-value = (["-"] NZDIGIT) / "0"}, RFC 6710 4. */
  private static int priority(String value) throws SyntaxException {
    boolean negative = value.startsWith("-");
    long number = number(negative ? value.substring(1) : value);
    if (number < 0 || number > 9 || value.length() > (negative ? 2 : 1)) {
      throw new SyntaxException(501, "5.5.4", "MT-PRIORITY must be between -9 and 9");
    }
    return (int) (negative ? -number : number);
  }

  /** {@code future-release-integer = %x31-39 *8DIGIT}, RFC 4865 4. */
  private static long seconds(String keyword, String value) throws SyntaxException {
    long seconds = value.length() > LONGEST_SECONDS ? -1 : number(value);
    if (seconds < 1) {
      throw new SyntaxException(501, "5.5.4", keyword + " must be a number of seconds");
    }
    return seconds;
  }

  /** A date and time of RFC 3339, RFC 4865 4. */
  private static Instant time(String keyword, String value) throws SyntaxException {
    try {
      return OffsetDateTime.parse(value).toInstant();
    } catch (DateTimeException e) {
      throw new SyntaxException(
          501, "5.5.4", keyword + " must be a time such as 2026-01-02T03:04:05Z");
    }
  }

  /** {@code by-time ";" by-mode [by-trace]}, RFC 2852 4. */
  private static MailParameters.By by(String value) throws SyntaxException {
    int semicolon = value.indexOf(';');
    var time = semicolon < 0 ? "" : value.substring(0, semicolon);
    var mode = value.substring(semicolon + 1).toUpperCase(Locale.ROOT);
    boolean negative = time.startsWith("-");
    long seconds =
        time.length() > LONGEST_SECONDS + 1
            ? -1
            : number(negative || time.startsWith("+") ? time.substring(1) : time);
    boolean returnIfLate = mode.startsWith("R");
    boolean wellFormed = seconds >= 0 && Set.of("R", "N", "RT", "NT").contains(mode);
    // RFC 2852 4: what is to come back needs time left.
    if (!wellFormed || (returnIfLate && (negative || seconds == 0))) {
      throw new SyntaxException(501, "5.5.4", "BY must be seconds;R or seconds;N");
    }
    return new MailParameters.By(negative ? -seconds : seconds, returnIfLate, mode.endsWith("T"));
  }
}
