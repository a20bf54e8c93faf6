package org.unifiedmta.delivery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.icegreen.greenmail.util.GreenMail;
import com.icegreen.greenmail.util.ServerSetup;
import jakarta.mail.AuthenticationFailedException;
import jakarta.mail.Message;
import jakarta.mail.SendFailedException;
import jakarta.mail.Session;
import jakarta.mail.Transport;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeMessage;
import jakarta.mail.internet.MimeMultipart;
import java.net.InetSocketAddress;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.email.Attachment;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.delivery.attempt.RecipientVerdict;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Auth;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Listener;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Mode;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.security.sasl.CredentialStore;
import org.unifiedmta.smtp.server.TlsConfig;

/** The whole against software that others wrote: GreenMail receives, Angus Mail sends. */
class IndependentSoftwareTest {
  private static final InetSocketAddress LOOPBACK = new InetSocketAddress("127.0.0.1", 0);

  @Test
  void greenMailReceivesWhatIsQueuedHere() throws Exception {
    var greenMail = new GreenMail(new ServerSetup(0, "127.0.0.1", ServerSetup.PROTOCOL_SMTP));
    greenMail.start();
    try {
      var config =
          UnifiedEmailServerConfig.builder()
              .hostname("mail.example.test")
              .routes(
                  Route.of(
                      "green",
                      0,
                      Match.any(),
                      Action.forward("127.0.0.1", greenMail.getSmtp().getPort())))
              .build();
      try (var server = new UnifiedEmailServer(config)) {
        var delivered = new LinkedBlockingQueue<MailEvent.Delivered>();
        server.on(MailEvent.Delivered.class, delivered::add);
        server.start();
        server.sendEmail(
            Email.builder()
                .from("Änne <anne@example.test>")
                .to("Bob <bob@green.test>")
                .bcc("secret@green.test")
                .subject("Grüße aus Köln, mit einem langen Betreff, der gefaltet werden muss")
                .text("Guten Tag\n.\n.führender Punkt\n")
                .html("<p>Guten Tag</p>")
                .attachment(Attachment.of("Übersicht.csv", "text/csv", new byte[] {0, 1, 2, -1}))
                .build());
        for (int i = 0; i < 2; i++) {
          assertThat(delivered.poll(10, TimeUnit.SECONDS)).isNotNull();
        }
      }
      var received = greenMail.getReceivedMessages();
      assertThat(received).hasSize(2);
      var message = received[0];
      assertThat(message.getSubject())
          .isEqualTo("Grüße aus Köln, mit einem langen Betreff, der gefaltet werden muss");
      assertThat(((InternetAddress) message.getFrom()[0]).getPersonal()).isEqualTo("Änne");
      assertThat(message.getHeader("Bcc")).isNull();
      var mixed = (MimeMultipart) message.getContent();
      var alternative = (MimeMultipart) mixed.getBodyPart(0).getContent();
      assertThat((String) alternative.getBodyPart(0).getContent())
          .isEqualTo("Guten Tag\r\n.\r\n.führender Punkt\r\n");
      assertThat((String) alternative.getBodyPart(1).getContent()).isEqualTo("<p>Guten Tag</p>");
      assertThat(mixed.getBodyPart(1).getInputStream().readAllBytes()).containsExactly(0, 1, 2, -1);
    } finally {
      greenMail.stop();
    }
  }

  private static Properties properties(int port, boolean auth) {
    var properties = new Properties();
    properties.put("mail.smtp.host", "127.0.0.1");
    properties.put("mail.smtp.port", String.valueOf(port));
    properties.put("mail.smtp.starttls.required", String.valueOf(auth));
    properties.put("mail.smtp.auth", String.valueOf(auth));
    properties.put("mail.smtp.ssl.trust", "*");
    properties.put("mail.smtp.ssl.checkserveridentity", "false");
    properties.put("mail.smtp.connectiontimeout", "10000");
    properties.put("mail.smtp.timeout", "10000");
    return properties;
  }

  private static MimeMessage message(Properties properties, String to) throws Exception {
    var message = new MimeMessage(Session.getInstance(properties));
    message.setFrom("ann@example.test");
    message.setRecipients(Message.RecipientType.TO, to);
    message.setSubject("Zum Gruß", "utf-8");
    message.setText("Hallo Welt", "utf-8");
    return message;
  }

  @Test
  void angusMailLogsInByAToken() throws Exception {
    var users =
        new CredentialStore() {
          @Override
          public boolean verifyPassword(String user, char[] password) {
            return false;
          }

          @Override
          public boolean verifyToken(String user, String bearer) {
            return user.equals("ann") && bearer.equals("ya29.token");
          }
        };
    var config =
        UnifiedEmailServerConfig.builder()
            .hostname("mail.example.test")
            .listen(Listener.of("submission", LOOPBACK, Mode.STARTTLS))
            .tls(TlsConfig.selfSigned("mail.example.test"))
            .auth(new Auth(true, List.of("XOAUTH2"), users))
            .domains(DomainConfig.of("example.test"))
            .mailHandler((recipient, mail) -> RecipientVerdict.delivered())
            .build();
    try (var server = new UnifiedEmailServer(config).start()) {
      var properties = properties(server.port(), true);
      properties.put("mail.smtp.auth.mechanisms", "XOAUTH2");
      Transport.send(message(properties, "bob@example.test"), "ann", "ya29.token");
      assertThatThrownBy(
              () -> Transport.send(message(properties, "bob@example.test"), "ann", "ya29.other"))
          .isInstanceOf(AuthenticationFailedException.class);
    }
  }

  @Test
  void angusMailLogsInUnderTlsAndMaySendAnywhereThen() throws Exception {
    var received = new LinkedBlockingQueue<Email>();
    var config =
        UnifiedEmailServerConfig.builder()
            .hostname("mail.example.test")
            .listen(Listener.of("submission", LOOPBACK, Mode.STARTTLS))
            .tls(TlsConfig.selfSigned("mail.example.test"))
            .auth(Auth.users(Map.of("ann", "secret")))
            .domains(DomainConfig.of("example.test"))
            .routes(Route.of("catch", 0, Match.any().authenticated(true), Action.deliver()))
            .mailHandler((recipient, mail) -> {
              received.add(mail.email());
              return RecipientVerdict.delivered();
            })
            .build();
    try (var server = new UnifiedEmailServer(config).start()) {
      var properties = properties(server.port(), true);
      Transport.send(message(properties, "bob@far.test"), "ann", "secret");
      var email = received.poll(10, TimeUnit.SECONDS);
      assertThat(email).isNotNull();
      assertThat(email.subject()).isEqualTo("Zum Gruß");
      assertThat(email.text()).contains("Hallo Welt\r\n");
      assertThat(email.headers().first("Received").orElse("")).contains("with ESMTPSA");
      assertThatThrownBy(() -> Transport.send(message(properties, "bob@far.test"), "ann", "wrong"))
          .isInstanceOf(AuthenticationFailedException.class);
      var plain = properties(server.port(), false);
      assertThatThrownBy(() -> Transport.send(message(plain, "bob@far.test")))
          .isInstanceOf(SendFailedException.class)
          .rootCause()
          .hasMessageContaining("550 5.7.1");
    }
  }
}
