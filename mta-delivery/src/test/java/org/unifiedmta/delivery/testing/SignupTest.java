package org.unifiedmta.delivery.testing;

import static org.unifiedmta.delivery.testing.MailAssertions.assertThat;

import org.junit.jupiter.api.Test;

@MailTest
class SignupTest {

  @Test
  void welcomeMailSurvivesATemporaryFailure(MailFixture mail) throws Exception {
    mail.inject(Fault.tempFail(Fault.Stage.RCPT));
    new Signup(mail.host(), mail.port(), mail.clientSslContext()).register("ann@example.org");
    assertThat(mail.awaitMessage())
        .hasRecipients("ann@example.org")
        .hasSubject("Welcome, Ann!")
        .wasSentOverTls();
  }
}
