package org.unifiedmta.security.transport;

import java.io.IOException;

/** Where policies of MTA-STS come from (RFC 8461 3.3). Thread-safe; blocks. */
public interface PolicySource {

  /**
   * What a policy host has at {@code https://HOST/.well-known/mta-sts.txt}.
   *
   * @param host {@code mta-sts.} and a domain, in lower case and US-ASCII
   * @throws UntrustedPolicyHostException if that host cannot prove to be it
   * @throws IOException if there is no answer, or another one; the message says which
   */
  byte[] fetch(String host) throws IOException;
}
