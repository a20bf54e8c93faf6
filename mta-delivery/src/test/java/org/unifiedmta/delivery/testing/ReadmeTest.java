package org.unifiedmta.delivery.testing;

import org.junit.jupiter.api.Test;
import org.unifiedmta.delivery.docs.Snippets;

class ReadmeTest {

  @Test
  void everythingThatTheReadmeShowsIsCompiled() {
    Snippets.areCompiled("README.md", 3, ReadmeHellos.class);
  }
}
