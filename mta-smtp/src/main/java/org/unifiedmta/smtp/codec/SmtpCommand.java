package org.unifiedmta.smtp.codec;

import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.reply.SmtpReply;

/** One command line, read (RFC 5321 4.1.1). */
public sealed interface SmtpCommand {

  /** The verbs that are known, and none of them. */
  enum Verb {
    EHLO,
    HELO,
    MAIL,
    RCPT,
    DATA,
    RSET,
    NOOP,
    QUIT,
    VRFY,
    EXPN,
    HELP,
    STARTTLS,
    AUTH,
    NONE
  }

  Verb verb();

  /** {@code EHLO}, with the name that the client gives itself. */
  record Ehlo(String name) implements SmtpCommand {
    @Override
    public Verb verb() {
      return Verb.EHLO;
    }
  }

  /** {@code HELO}. */
  record Helo(String name) implements SmtpCommand {
    @Override
    public Verb verb() {
      return Verb.HELO;
    }
  }

  /**
   * {@code MAIL FROM}.
   *
   * @param reversePath null for {@code <>}
   * @param size SIZE= in octets (RFC 1870), {@code Long.MAX_VALUE} for what is larger, or -1
   */
  record Mail(@Nullable EmailAddress reversePath, long size, Envelope.Body body, boolean smtpUtf8)
      implements SmtpCommand {
    @Override
    public Verb verb() {
      return Verb.MAIL;
    }
  }

  /**
   * {@code RCPT TO}.
   *
   * @param forwardPath with an empty domain for {@code <postmaster>}
   * @param ascii false if the path as written needs SMTPUTF8 (RFC 6531)
   */
  record Rcpt(EmailAddress forwardPath, boolean ascii) implements SmtpCommand {
    @Override
    public Verb verb() {
      return Verb.RCPT;
    }
  }

  /** A command that is only its verb, or whose argument does not matter. */
  record Simple(Verb verb) implements SmtpCommand {}

  /**
   * {@code AUTH} (RFC 4954 4).
   *
   * @param mechanism in upper case
   * @param initialResponse in base64 as given, {@code =} for an empty one, or null
   */
  record Auth(String mechanism, @Nullable String initialResponse) implements SmtpCommand {
    @Override
    public Verb verb() {
      return Verb.AUTH;
    }
  }

  /** What is no command; it gets this reply. */
  record Invalid(SmtpReply reply) implements SmtpCommand {
    @Override
    public Verb verb() {
      return Verb.NONE;
    }
  }

  /** The first line of another protocol: somebody makes a browser talk to us. */
  record Foreign() implements SmtpCommand {
    @Override
    public Verb verb() {
      return Verb.NONE;
    }
  }
}
