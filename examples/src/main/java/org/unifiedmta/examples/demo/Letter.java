package org.unifiedmta.examples.demo;

import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.spool.ByteSource;

/**
 * A message to send, and what should become of it.
 *
 * @param expected of each recipient, in the words of {@link Story#outcome}
 */
record Letter(
    String title, Envelope envelope, ByteSource message, String messageId, String expected) {

  static Letter of(String title, Email email, String expected) {
    return new Letter(
        title,
        email.envelope(),
        ByteSource.of(email.toBytes()),
        email.messageId().orElse(""),
        expected);
  }
}
