package org.unifiedmta.security.spf;

import java.net.InetAddress;
import org.jspecify.annotations.Nullable;

/**
 * What SPF says of a sender (RFC 7208 2.6).
 *
 * @param domain the domain that was checked; empty where none was
 * @param ip the client's address
 * @param explanation the domain's own text, expanded, or null
 * @param reason why, for our log, or null
 */
public record SpfResult(
    Result result,
    String domain,
    InetAddress ip,
    @Nullable String explanation,
    @Nullable String reason) {

  /** RFC 7208 2.6.1 to 2.6.7. */
  public enum Result {
    PASS,
    FAIL,
    SOFTFAIL,
    NEUTRAL,
    NONE,
    TEMPERROR,
    PERMERROR
  }

  /**
   * The field {@code Received-SPF} (RFC 7208 9.1), folded, without the last CRLF. What peers say is
   * quoted, and in ASCII: what is not, is a question mark.
   *
   * @param envelopeFrom the reverse path without brackets; empty for the null sender, whose
   *     identity is that of HELO
   * @param receiver our own name
   */
  public String receivedSpf(String envelopeFrom, String helo, String receiver) {
    return ReceivedSpf.field(this, envelopeFrom, helo, receiver);
  }
}
