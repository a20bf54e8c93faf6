package org.unifiedmta.smtp.server;

import static org.unifiedmta.smtp.codec.SmtpCommand.Verb.AUTH;
import static org.unifiedmta.smtp.codec.SmtpCommand.Verb.BDAT;
import static org.unifiedmta.smtp.codec.SmtpCommand.Verb.DATA;
import static org.unifiedmta.smtp.codec.SmtpCommand.Verb.EHLO;
import static org.unifiedmta.smtp.codec.SmtpCommand.Verb.EXPN;
import static org.unifiedmta.smtp.codec.SmtpCommand.Verb.HELO;
import static org.unifiedmta.smtp.codec.SmtpCommand.Verb.HELP;
import static org.unifiedmta.smtp.codec.SmtpCommand.Verb.LHLO;
import static org.unifiedmta.smtp.codec.SmtpCommand.Verb.MAIL;
import static org.unifiedmta.smtp.codec.SmtpCommand.Verb.NONE;
import static org.unifiedmta.smtp.codec.SmtpCommand.Verb.NOOP;
import static org.unifiedmta.smtp.codec.SmtpCommand.Verb.QUIT;
import static org.unifiedmta.smtp.codec.SmtpCommand.Verb.RCPT;
import static org.unifiedmta.smtp.codec.SmtpCommand.Verb.RSET;
import static org.unifiedmta.smtp.codec.SmtpCommand.Verb.STARTTLS;
import static org.unifiedmta.smtp.codec.SmtpCommand.Verb.VRFY;
import static org.unifiedmta.smtp.codec.SmtpCommand.Verb.XCLIENT;
import static org.unifiedmta.smtp.codec.SmtpCommand.Verb.XFORWARD;

import java.util.EnumSet;
import java.util.Set;
import org.unifiedmta.smtp.codec.SmtpCommand.Verb;

/** How far a session has got, and so which commands may come next (RFC 5321 4.1.4). */
enum Phase {
  /** No greeting yet: the client has to be quiet. */
  CONNECTING(EnumSet.noneOf(Verb.class)),
  GREETED(always(EHLO, HELO, LHLO, XCLIENT)),
  READY(always(EHLO, HELO, LHLO, STARTTLS, AUTH, MAIL, XCLIENT, XFORWARD)),
  MAIL_GIVEN(always(EHLO, HELO, LHLO, RCPT)),
  RCPT_GIVEN(always(EHLO, HELO, LHLO, RCPT, DATA, BDAT)),
  /** Some chunks of the message are here (RFC 3030 2). */
  CHUNKING(always(EHLO, HELO, LHLO, BDAT)),
  /** Lines are responses of a SASL exchange. */
  AUTHENTICATING(EnumSet.noneOf(Verb.class)),
  /** STARTTLS was answered; nothing but the handshake may come. */
  SECURING(EnumSet.noneOf(Verb.class)),
  /** Octets are message data. */
  RECEIVING(EnumSet.noneOf(Verb.class)),
  /** The greeting was a refusal (RFC 5321 3.1). */
  REFUSED(EnumSet.of(QUIT)),
  CLOSED(EnumSet.noneOf(Verb.class));

  private final Set<Verb> next;

  Phase(Set<Verb> next) {
    this.next = next;
  }

  boolean allows(Verb verb) {
    return next.contains(verb);
  }

  /** Whether stopping the server would lose nothing that has begun. */
  boolean isIdle() {
    return this == GREETED || this == READY || this == REFUSED;
  }

  /** NONE is what is no command, which gets its own reply in any phase. */
  private static Set<Verb> always(Verb... verbs) {
    var all = EnumSet.of(RSET, NOOP, QUIT, HELP, VRFY, EXPN, NONE);
    all.addAll(Set.of(verbs));
    return all;
  }
}
