package org.unifiedmta.smtp.codec;

import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.reply.SmtpReply;

/** One command line, read (RFC 5321 4.1.1). */
public sealed interface SmtpCommand {

  /** The verbs that are known, and none of them. */
  enum Verb {
    EHLO,
    HELO,
    LHLO,
    MAIL,
    RCPT,
    DATA,
    BDAT,
    RSET,
    NOOP,
    QUIT,
    VRFY,
    EXPN,
    HELP,
    STARTTLS,
    AUTH,
    XCLIENT,
    XFORWARD,
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

  /** {@code LHLO}, which is EHLO in LMTP (RFC 2033 4.1). */
  record Lhlo(String name) implements SmtpCommand {
    @Override
    public Verb verb() {
      return Verb.LHLO;
    }
  }

  /**
   * {@code MAIL FROM}.
   *
   * @param reversePath null for {@code <>}
   */
  record Mail(@Nullable EmailAddress reversePath, MailParameters parameters)
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
   * @param notifyOn NOTIFY= (RFC 3461 4.1), empty where not said
   * @param originalRecipient ORCPT= (RFC 3461 4.2), decoded: {@code rfc822;ann@example.org}
   */
  record Rcpt(
      EmailAddress forwardPath,
      boolean ascii,
      Set<Recipient.Notify> notifyOn,
      @Nullable String originalRecipient)
      implements SmtpCommand {
    @Override
    public Verb verb() {
      return Verb.RCPT;
    }
  }

  /**
   * {@code BDAT} (RFC 3030 2).
   *
   * @param size octets of the chunk, which follow at once
   * @param last whether it ends the message
   */
  record Bdat(long size, boolean last) implements SmtpCommand {
    @Override
    public Verb verb() {
      return Verb.BDAT;
    }
  }

  /**
   * {@code XCLIENT} or {@code XFORWARD}.
   *
   * @param attributes by name in upper case, decoded; null for what the peer does not know
   */
  record Proxied(Verb verb, Map<String, @Nullable String> attributes) implements SmtpCommand {}

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

  /** {@code BDAT} of which nobody knows where its data ends, so that no command is behind it. */
  record Endless() implements SmtpCommand {
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
