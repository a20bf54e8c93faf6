package org.unifiedmta.delivery.inbound;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Locale;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Domains;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.mime.HeaderText;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.SpooledMessage.Cut;
import org.unifiedmta.delivery.queue.Edits;
import org.unifiedmta.routing.zone.ZoneSelector;
import org.unifiedmta.security.authres.AuthenticationResults;
import org.unifiedmta.smtp.server.SessionFacts;

/** What this server puts in front of a message, and what it takes out of its header section. */
final class TraceHeaders {
  private static final DateTimeFormatter DATE =
      DateTimeFormatter.ofPattern("EEE, d MMM yyyy HH:mm:ss Z", Locale.ENGLISH)
          .withZone(ZoneOffset.UTC);

  private final String hostname;

  TraceHeaders(String hostname) {
    this.hostname = hostname;
  }

  /**
   * What makes of a message what goes on from here.
   *
   * @param results null where nothing was checked
   */
  Edits edits(
      HeaderSection header,
      SessionFacts session,
      Envelope envelope,
      String id,
      Instant now,
      @Nullable AuthenticationResults results) {
    var prefix = new StringBuilder(300);
    if (results != null) {
      authenticated(prefix, session, envelope, results);
    }
    received(prefix, session, envelope, id, now);
    var cuts = new ArrayList<Cut>();
    boolean submitted = session.authenticatedUser() != null;
    Stream.concat(header.fields().stream(), header.hiddenFields().stream())
        .filter(field -> isForged(field) || isTakenOut(field, submitted))
        .forEach(field -> cuts.add(field.cut()));
    if (submitted) {
      submitted(prefix, header, id, now);
    }
    if (header.beginsFolded()) {
      prefix.append("\r\n");
    }
    cuts.sort(Comparator.comparingLong(Cut::from));
    return new Edits(prefix.toString().getBytes(StandardCharsets.UTF_8), cuts);
  }

  /** What was found, above what was found it of. */
  private void authenticated(
      StringBuilder out, SessionFacts session, Envelope envelope, AuthenticationResults results) {
    var from = envelope.mailFrom();
    out.append(results.header(hostname)).append("\r\n");
    for (var text : results.dkimTexts()) {
      out.append("X-DKIM-Result: ").append(text).append("\r\n");
    }
    out.append("X-DMARC-Result: ").append(results.dmarcText()).append("\r\n");
    if (InboundPolicy.isQuarantined(results)) {
      out.append("X-Quarantine: dmarc\r\n");
    }
    var helo = session.helo();
    out.append(
            results
                .spf()
                .receivedSpf(
                    from == null ? "" : from.toAscii(), helo == null ? "" : helo, hostname))
        .append("\r\n");
  }

  /** RFC 6409 8: a submission server adds what its client forgot. */
  private void submitted(StringBuilder prefix, HeaderSection header, String id, Instant now) {
    if (header.first("Message-ID").isEmpty()) {
      prefix.append("Message-ID: <").append(id).append('@').append(hostname).append(">\r\n");
    }
    if (header.first("Date").isEmpty()) {
      prefix.append("Date: ").append(DATE.format(now)).append("\r\n");
    }
  }

  /** RFC 5321 4.4. */
  private void received(
      StringBuilder out, SessionFacts session, Envelope envelope, String id, Instant now) {
    out.append("Received: from ")
        .append(printable(session.helo()))
        .append(" (")
        .append(literal(session.remote().getAddress()))
        .append(")\r\n");
    var tls = session.tls();
    if (tls != null) {
      out.append("\t(").append(tls.protocol()).append(' ').append(tls.cipher()).append(")\r\n");
    }
    out.append("\tby ").append(hostname).append(" with ").append(protocol(session, envelope));
    out.append(" id ").append(id);
    if (envelope.recipients().size() == 1) { // RFC 5321 7.2: one recipient is no secret to itself
      var recipient = envelope.recipients().get(0).address();
      if (!recipient.domain().isEmpty()) {
        out.append("\r\n\tfor <").append(recipient.toAscii()).append('>');
      }
    }
    out.append(";\r\n\t").append(DATE.format(now)).append("\r\n");
  }

  /** RFC 3848, RFC 6531 4.3. */
  private static String protocol(SessionFacts session, Envelope envelope) {
    var name =
        switch (session.hello()) {
          case HELO -> "SMTP";
          case EHLO -> envelope.smtpUtf8() ? "UTF8SMTP" : "ESMTP";
          case LHLO -> envelope.smtpUtf8() ? "UTF8LMTP" : "LMTP";
        };
    return session.hello() == SessionFacts.Hello.HELO
        ? name
        : name
            + (session.tls() == null ? "" : "S")
            + (session.authenticatedUser() == null ? "" : "A");
  }

  static String literal(InetAddress address) {
    return address instanceof Inet6Address
        ? "[IPv6:" + address.getHostAddress().split("%", 2)[0] + "]"
        : "[" + address.getHostAddress() + "]";
  }

  /** A client's own name for itself, if it cannot be taken for anything else in the field. */
  private static String printable(@Nullable String helo) {
    if (helo == null || helo.isEmpty()) {
      return "unknown";
    }
    for (int i = 0; i < helo.length(); i++) {
      char c = helo.charAt(i);
      if (!Character.isLetterOrDigit(c) && ".-_:[]".indexOf(c) < 0) {
        return "unknown";
      }
    }
    return helo;
  }

  private static boolean isTakenOut(HeaderSection.Field field, boolean submitted) {
    return field.name().equalsIgnoreCase(ZoneSelector.HEADER)
        || (submitted && field.name().equalsIgnoreCase("Bcc"));
  }

  /** RFC 8601 5: a field that claims to be ours was not made by us. */
  private boolean isForged(HeaderSection.Field field) {
    return field.name().equalsIgnoreCase("Authentication-Results")
        && name(HeaderText.unfold(authservId(field.value()))).equals(name(hostname));
  }

  /** As host names are compared, since that is what an authserv-id of ours is. */
  private static String name(String id) {
    var name = id.endsWith(".") ? id.substring(0, id.length() - 1) : id;
    try {
      return Domains.toAscii(name);
    } catch (IllegalArgumentException e) {
      return name.toLowerCase(Locale.ROOT);
    }
  }

  /** {@code [CFWS] authserv-id [CFWS 1*DIGIT] [CFWS] ";"}, the id a token or quoted string. */
  static String authservId(String value) {
    int depth = 0;
    var id = new StringBuilder();
    boolean quoted = false;
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (depth > 0) {
        depth += c == '(' ? 1 : c == ')' ? -1 : 0;
        i += c == '\\' ? 1 : 0;
      } else if (quoted) {
        if (c == '"') {
          break;
        }
        if (c == '\\' && i + 1 < value.length()) {
          c = value.charAt(++i);
        }
        id.append(c);
      } else if (c == '(') {
        if (id.length() > 0) {
          break;
        }
        depth++;
      } else if (c == '"' && id.length() == 0) {
        quoted = true;
      } else if (c == ';' || c <= ' ') {
        if (id.length() > 0 || c == ';') {
          break;
        }
      } else {
        id.append(c);
      }
    }
    return id.toString();
  }
}
