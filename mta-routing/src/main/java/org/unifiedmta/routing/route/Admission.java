package org.unifiedmta.routing.route;

import org.unifiedmta.core.reply.SmtpReply;

/** What can be said of a recipient before the message is there. */
public sealed interface Admission {

  /** This is what will be done with the message, whatever it says. */
  record Certain(Action action) implements Admission {}

  /** There may be a route for the message, depending on what it says. */
  record Possible() implements Admission {}

  /** Not for this client, or not at all. */
  record Refused(SmtpReply reply) implements Admission {}
}
