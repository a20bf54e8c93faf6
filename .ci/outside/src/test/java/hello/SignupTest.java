package hello;

import static org.unifiedmta.delivery.testing.MailAssertions.assertThat;

import org.junit.jupiter.api.Test;
import org.unifiedmta.delivery.testing.Fault;
import org.unifiedmta.delivery.testing.MailFixture;
import org.unifiedmta.delivery.testing.MailTest;

@MailTest
class SignupTest {
  @Test
  void welcomeMailSurvivesATemporaryFailure(MailFixture mail) {
    mail.inject(Fault.tempFail(Fault.Stage.RCPT));
    new Signup(mail.host(), mail.port(), mail.clientSslContext()).register("ann@example.org");
    assertThat(mail.awaitMessage())
        .hasRecipients("ann@example.org")
        .hasSubject("Welcome, Ann!")
        .wasSentOverTls();
  }
}
