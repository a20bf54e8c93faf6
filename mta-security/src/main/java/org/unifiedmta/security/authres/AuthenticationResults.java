package org.unifiedmta.security.authres;

import java.net.InetAddress;
import java.util.List;
import org.unifiedmta.security.arc.ArcResult;
import org.unifiedmta.security.dkim.DkimResult;
import org.unifiedmta.security.dmarc.DmarcResult;
import org.unifiedmta.security.spf.SpfResult;

/**
 * The results of all authentication methods for one message (RFC 8601).
 *
 * @param dkim one for each signature, top to bottom
 */
public record AuthenticationResults(
    SpfResult spf, List<DkimResult> dkim, ArcResult arc, DmarcResult dmarc) {

  public AuthenticationResults {
    dkim = List.copyOf(dkim);
  }

  /** Nothing was checked. */
  public static AuthenticationResults none() {
    return new AuthenticationResults(
        new SpfResult(
            SpfResult.Result.NONE, "", InetAddress.getLoopbackAddress(), null, "not checked"),
        List.of(),
        ArcResult.none(),
        DmarcResult.none());
  }
}
