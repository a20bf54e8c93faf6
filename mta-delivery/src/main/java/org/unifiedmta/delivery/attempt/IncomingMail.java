package org.unifiedmta.delivery.attempt;

import java.io.InputStream;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.security.SecurityResults;
import org.unifiedmta.smtp.server.SessionFacts;

/** A message brought to a mail handler; good for the time of the call. */
public interface IncomingMail {

  /** The queue's id, the same each time the message is brought. */
  String id();

  /** With all recipients of the message. */
  Envelope envelope();

  /** Null for mail submitted in process. */
  @Nullable SessionFacts session();

  /** Null where nothing was checked. */
  @Nullable SecurityResults security();

  /** The message from its first octet; the caller closes the stream. */
  InputStream open();

  /** The message parsed; its parts are read when they are asked for. */
  Email email();

  /** A message as a mail handler sees it. */
  static IncomingMail of(
      String id,
      Envelope envelope,
      @Nullable SessionFacts session,
      @Nullable SecurityResults security,
      ByteSource content) {
    return new IncomingMail() {
      @Override
      public String id() {
        return id;
      }

      @Override
      public Envelope envelope() {
        return envelope;
      }

      @Override
      public @Nullable SessionFacts session() {
        return session;
      }

      @Override
      public @Nullable SecurityResults security() {
        return security;
      }

      @Override
      public InputStream open() {
        return content.open();
      }

      @Override
      public Email email() {
        return Email.parse(content);
      }
    };
  }
}
