package org.unifiedmta.security.transport;

import java.time.Duration;
import java.util.List;

/** stub. */
public record MtaStsPolicy(Mode mode, List<String> mx, Duration maxAge) {
  public enum Mode {
    ENFORCE,
    TESTING,
    NONE
  }

  public boolean matches(String host) {
    return mx.contains(host);
  }

  public String text() {
    return "";
  }
}
