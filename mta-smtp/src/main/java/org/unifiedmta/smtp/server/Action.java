package org.unifiedmta.smtp.server;

import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.reply.SmtpReply;

/** What {@link SmtpSession} wants done, in order. */
sealed interface Action {

  /** This reply goes to the client. */
  record Send(SmtpReply reply) implements Action {}

  /** The client did something wrong. */
  record Erred() implements Action {}

  /** The handler decides; its verdict comes back, and until then no line. */
  record Ask(Function<SessionHandler, Answer> question) implements Action {}

  /**
   * A login begins, if the handler has this mechanism.
   *
   * @param response the initial one, or null if there is none
   */
  record Login(String mechanism, byte @Nullable [] response) implements Action {}

  /** The login goes on with this response. */
  record Respond(byte[] response) implements Action {}

  /** A place for the data is needed. */
  record OpenSpool(Envelope envelope, long announcedSize) implements Action {}

  /**
   * So many octets of data come next (RFC 3030 2); the first chunk opens its place.
   *
   * @param binary whether they may be any octets, rather than lines of text
   */
  record ReceiveChunk(
      Envelope envelope, long announcedSize, long size, boolean last, boolean binary)
      implements Action {}

  /** So many octets come next that nobody wants. */
  record SkipChunk(long size) implements Action {}

  /** The chunks that are here are not wanted any more. */
  record AbandonChunks() implements Action {}

  /** The spooled message goes to its receiver, whose verdict comes back. */
  record Deliver(Envelope envelope) implements Action {}

  /** As {@link Deliver} over LMTP: there is a reply for each recipient (RFC 2033 4.2). */
  record DeliverEach(Envelope envelope) implements Action {}

  /** The TLS handshake begins behind what was sent. */
  record StartTls() implements Action {}

  /** The connection is closed behind what was sent. */
  record Close() implements Action {}
}
