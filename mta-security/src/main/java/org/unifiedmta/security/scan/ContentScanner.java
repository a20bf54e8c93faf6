package org.unifiedmta.security.scan;

import java.util.List;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.email.Email;

/** Looks at the content of a message. Blocks; thread-safe. */
public interface ContentScanner {

  /** What a rule is about. */
  enum Threat {
    SPAM,
    PHISHING,
    MALWARE,
    XSS,
    SUSPICIOUS_LINK
  }

  /** One rule that matched. */
  record Finding(Threat threat, String rule, int score, String detail) {}

  /**
   * What was found.
   *
   * @param score the sum of the findings
   */
  record Scan(int score, List<Finding> findings) {
    public Scan {
      findings = List.copyOf(findings);
    }
  }

  Scan scan(Email email, Envelope envelope);
}
