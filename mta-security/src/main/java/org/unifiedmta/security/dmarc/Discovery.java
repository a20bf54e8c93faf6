package org.unifiedmta.security.dmarc;

import org.jspecify.annotations.Nullable;

/** How the record that applies to a domain, and whose domain it is, are found; for one message. */
interface Discovery {

  /** A record, and where it was. */
  record Published(String domain, DmarcRecord record) {}

  /** The record that applies to the domain; null for none. */
  @Nullable Published policy(String domain) throws PolicyUnavailableException;

  /** The domain of the organization that it belongs to. */
  String organizationalDomain(String domain) throws PolicyUnavailableException;
}
