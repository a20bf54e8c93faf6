package org.unifiedmta.security;

import org.jspecify.annotations.Nullable;
import org.unifiedmta.security.authres.AuthenticationResults;
import org.unifiedmta.security.reputation.IPReputationChecker;
import org.unifiedmta.security.scan.ContentScanner;

/**
 * What the checks of one message found.
 *
 * @param scan null where nothing was scanned
 * @param reputation null where nothing was asked
 */
public record SecurityResults(
    AuthenticationResults authentication,
    ContentScanner.@Nullable Scan scan,
    IPReputationChecker.@Nullable Reputation reputation) {

  /** Nothing was checked. */
  public static SecurityResults none() {
    return new SecurityResults(AuthenticationResults.none(), null, null);
  }
}
