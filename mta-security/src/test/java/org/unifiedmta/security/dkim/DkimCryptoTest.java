package org.unifiedmta.security.dkim;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class DkimCryptoTest {
  @Test
  void amazonsProviderIsUsedWhereTheBuildHasIt() throws Exception {
    var provider = DkimCrypto.rsa("SHA-256").getProvider().getName();
    assertThat(provider.equals("AmazonCorrettoCryptoProvider"))
        .as(provider)
        .isEqualTo(System.getProperty("accp.version") != null);
  }
}
