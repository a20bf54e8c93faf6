package org.unifiedmta.smtp.server;

import org.unifiedmta.core.reply.SmtpReply;

/** What the server itself says (RFC 5321 4.2.3, RFC 3463). */
final class Replies {
  static final SmtpReply OK = SmtpReply.of(250, "2.0.0", "OK");
  static final SmtpReply HELP = SmtpReply.of(214, "2.0.0", "See RFC 5321");
  static final SmtpReply READY_FOR_TLS = SmtpReply.of(220, "2.0.0", "Ready to start TLS");
  static final SmtpReply BYE = SmtpReply.of(221, "2.0.0", "Bye");
  static final SmtpReply AUTHENTICATED = SmtpReply.of(235, "2.7.0", "Authentication succeeded");
  static final SmtpReply SENDER_OK = SmtpReply.of(250, "2.1.0", "Sender OK");
  static final SmtpReply RECIPIENT_OK = SmtpReply.of(250, "2.1.5", "Recipient OK");
  static final SmtpReply CANNOT_VERIFY =
      SmtpReply.of(252, "2.1.5", "Cannot verify, but will take mail and try");
  static final SmtpReply START_MAIL = SmtpReply.of(354, "", "End data with <CR><LF>.<CR><LF>");
  static final SmtpReply TIMED_OUT = SmtpReply.of(421, "4.4.2", "Timeout, closing connection");
  static final SmtpReply SHUTTING_DOWN = SmtpReply.of(421, "4.3.2", "Service shutting down");
  static final SmtpReply TOO_MANY_CLIENTS =
      SmtpReply.of(421, "4.3.2", "Too many connections, try later");
  static final SmtpReply TOO_MANY_ERRORS = SmtpReply.of(421, "4.7.0", "Too many errors");
  static final SmtpReply TOO_MANY_COMMANDS = SmtpReply.of(421, "4.7.0", "Too many commands");
  static final SmtpReply SESSION_TOO_LONG =
      SmtpReply.of(421, "4.7.0", "Session lasts too long, connect again");
  static final SmtpReply LOCAL_ERROR =
      SmtpReply.of(451, "4.3.0", "Local error in processing, try later");
  static final SmtpReply NO_ROOM = SmtpReply.of(452, "4.3.1", "Insufficient storage, try later");
  static final SmtpReply TOO_MANY_RECIPIENTS = SmtpReply.of(452, "4.5.3", "Too many recipients");
  static final SmtpReply LOGIN_UNAVAILABLE =
      SmtpReply.of(454, "4.7.0", "Temporary authentication failure");
  static final SmtpReply LINE_TOO_LONG = SmtpReply.of(500, "5.5.2", "Line too long");
  static final SmtpReply RESPONSE_TOO_LONG = SmtpReply.of(500, "5.5.6", "Line too long");
  static final SmtpReply NO_BASE64 = SmtpReply.of(501, "5.5.2", "Invalid base64");
  static final SmtpReply LOGIN_CANCELLED = SmtpReply.of(501, "5.7.0", "Authentication cancelled");
  static final SmtpReply NOT_IMPLEMENTED = SmtpReply.of(502, "5.5.1", "Command not implemented");
  static final SmtpReply BAD_SEQUENCE = SmtpReply.of(503, "5.5.1", "Bad sequence of commands");
  static final SmtpReply HELLO_FIRST = SmtpReply.of(503, "5.5.1", "Send EHLO or HELO first");
  static final SmtpReply NESTED_MAIL = SmtpReply.of(503, "5.5.1", "Sender already given");
  static final SmtpReply MAIL_FIRST = SmtpReply.of(503, "5.5.1", "Send MAIL first");
  static final SmtpReply NO_RECIPIENTS = SmtpReply.of(554, "5.5.1", "No valid recipients");
  static final SmtpReply MECHANISM_UNKNOWN =
      SmtpReply.of(504, "5.5.4", "Authentication mechanism not supported");
  static final SmtpReply BARE_LINE_END =
      SmtpReply.of(521, "5.5.2", "Bare CR, bare LF or NUL in the message, closing connection");
  static final SmtpReply STARTTLS_FIRST =
      SmtpReply.of(530, "5.7.0", "Must issue a STARTTLS command first");
  static final SmtpReply AUTH_FIRST = SmtpReply.of(530, "5.7.0", "Authentication required");
  static final SmtpReply CREDENTIALS_INVALID =
      SmtpReply.of(535, "5.7.8", "Authentication credentials invalid");
  static final SmtpReply ENCRYPTION_FIRST =
      SmtpReply.of(538, "5.7.11", "Encryption required for authentication");
  static final SmtpReply CHUNK_ENDLESS =
      SmtpReply.of(501, "5.5.4", "BDAT <octets> [LAST] expected, closing connection");
  static final SmtpReply HOLD_TOO_LONG =
      SmtpReply.of(501, "5.5.4", "The message cannot be held that long");
  static final SmtpReply BAD_ATTRIBUTE = SmtpReply.of(501, "5.5.4", "Malformed attribute");
  static final SmtpReply NO_SMTP = SmtpReply.of(500, "5.5.1", "This is LMTP: send LHLO");
  static final SmtpReply BINARY_BY_CHUNKS =
      SmtpReply.of(503, "5.5.1", "BINARYMIME goes by BDAT only");
  static final SmtpReply NO_TLS_TO_REQUIRE =
      SmtpReply.of(530, "5.7.0", "REQUIRETLS needs TLS on this session");
  static final SmtpReply TOO_LARGE = SmtpReply.of(552, "5.3.4", "Message size exceeds the maximum");
  static final SmtpReply NEEDS_SMTPUTF8 = SmtpReply.of(553, "5.6.7", "Address needs SMTPUTF8");
  static final SmtpReply LINES_TOO_LONG =
      SmtpReply.of(554, "5.6.0", "A line of the message is too long");
  static final SmtpReply TOO_EARLY =
      SmtpReply.of(554, "5.5.1", "Client must wait for the greeting");
  static final SmtpReply SYNCHRONIZATION =
      SmtpReply.of(554, "5.5.0", "Client must wait for the reply to this command");
  static final SmtpReply FOREIGN = SmtpReply.of(554, "5.5.1", "This is an SMTP server");

  private Replies() {}
}
