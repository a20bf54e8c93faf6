package org.unifiedmta.core.report;

import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.mime.HeaderText;
import org.unifiedmta.core.mime.MimePart;
import org.unifiedmta.core.reply.EnhancedStatus;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.ByteSource;

/**
 * What became of a message for some of its recipients (RFC 3464).
 *
 * @param reportingMta host name of who reports
 * @param originalEnvelopeId ENVID, or null
 * @param arrivalDate of the message at the reporting host
 * @param recipients at least one
 */
public record DeliveryReport(
    String reportingMta,
    @Nullable String originalEnvelopeId,
    Instant arrivalDate,
    List<Status> recipients) {

  /** RFC 3464 2.3.3. */
  public enum Action {
    FAILED,
    DELAYED,
    DELIVERED,
    RELAYED,
    EXPANDED
  }

  /**
   * One recipient.
   *
   * @param originalRecipient ORCPT as given, or null
   * @param diagnostic what the last host said, or we did
   */
  public record Status(
      @Nullable String originalRecipient,
      EmailAddress finalRecipient,
      Action action,
      SmtpReply diagnostic) {

    /** RFC 3464 2.3.4: the host's own status, else one that says what its code says. */
    EnhancedStatus status() {
      var said = diagnostic.status();
      int klass = action == Action.FAILED ? 5 : action == Action.DELAYED ? 4 : 2;
      return said != null && said.klass() == klass ? said : new EnhancedStatus(klass, 0, 0);
    }
  }

  private static final int LONGEST_WORD = 300;

  private static final DateTimeFormatter DATE =
      DateTimeFormatter.ofPattern("EEE, d MMM yyyy HH:mm:ss Z", Locale.ENGLISH)
          .withZone(ZoneOffset.UTC);

  public DeliveryReport {
    recipients = List.copyOf(recipients);
    if (recipients.isEmpty()) {
      throw new IllegalArgumentException("a report is about a recipient");
    }
  }

  /** The message/delivery-status part (RFC 3464 2.1). */
  public MimePart toPart() {
    var text = new StringBuilder();
    if (originalEnvelopeId != null) {
      field(text, "Original-Envelope-Id", originalEnvelopeId);
    }
    field(text, "Reporting-MTA", "dns; " + reportingMta);
    field(text, "Arrival-Date", DATE.format(arrivalDate));
    for (var recipient : recipients) {
      text.append("\r\n");
      if (recipient.originalRecipient() != null) {
        field(text, "Original-Recipient", recipient.originalRecipient());
      }
      var address = recipient.finalRecipient();
      // RFC 6533 3: an address beyond ASCII has an address type of its own.
      field(
          text,
          "Final-Recipient",
          (address.isInternationalized() ? "utf-8; " : "rfc822; ") + address.toAscii());
      field(text, "Action", recipient.action().name().toLowerCase(Locale.ROOT));
      field(text, "Status", recipient.status().toString());
      field(text, "Diagnostic-Code", "smtp; " + recipient.diagnostic());
    }
    boolean global = isGlobal();
    return new MimePart.Leaf(
        global ? "message/global-delivery-status" : "message/delivery-status",
        List.of(),
        ByteSource.of(text.toString().getBytes(StandardCharsets.UTF_8)),
        true);
  }

  private boolean isGlobal() {
    return recipients.stream().anyMatch(status -> status.finalRecipient().isInternationalized());
  }

  private void field(StringBuilder text, String name, String value) {
    text.append(HeaderText.fold(name, printable(value))).append("\r\n");
  }

  /**
   * What a peer said cannot break out of its field or its line; RFC 3464 2.1: message/
   * delivery-status is 7-bit and cannot be encoded.
   */
  private String printable(String value) {
    var printable = new StringBuilder(value.length());
    int word = 0;
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (Character.isISOControl(c)) {
        c = ' ';
      } else if (c > 126 && !isGlobal()) {
        c = '?';
      }
      word = c == ' ' ? 0 : word + 1;
      if (word > LONGEST_WORD) {
        printable.append(' ');
        word = 1;
      }
      printable.append(c);
    }
    return printable.toString();
  }
}
