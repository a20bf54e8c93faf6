package org.unifiedmta.security.sasl;

import org.jspecify.annotations.Nullable;

/**
 * The server's side of one login (RFC 4422 3). Blocks while it asks for credentials, so it runs on
 * a virtual thread; used by one thread at a time.
 */
public interface SaslExchange {

  /** What follows a client's response. */
  sealed interface Step {
    /** The client is to answer this; empty for none. */
    record Challenge(byte[] data) implements Step {}

    /** The client is this user. */
    record Success(String user) implements Step {}

    /**
     * The client has not proved it.
     *
     * @param reason for our log, never for the client
     */
    record Failure(String reason) implements Step {}
  }

  /**
   * Takes the client's response; the first is the initial response, null where the client sent
   * none, which is not the same as an empty one (RFC 4954 4).
   *
   * @throws CredentialsUnavailableException if nobody can tell now
   */
  Step next(byte @Nullable [] response);
}
