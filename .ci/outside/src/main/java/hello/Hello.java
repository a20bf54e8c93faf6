package hello;

import java.nio.file.Path;
import java.util.Map;
import org.unifiedmta.core.email.Attachment;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.delivery.attempt.SendResult;
import org.unifiedmta.delivery.server.UnifiedEmailServer;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Auth;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.OutboundOptions;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.smtp.server.TlsConfig;

/** The first steps as a host application takes them. */
public final class Hello {
  private Hello() {}

  public static UnifiedEmailServer server(Path directory, String insideHost, int insidePort) {
    return new UnifiedEmailServer(
            UnifiedEmailServerConfig.builder()
                .hostname("mail.example.com")
                .ports(0)
                .dataDirectory(directory)
                .tls(TlsConfig.selfSigned("mail.example.com"))
                .domains(DomainConfig.of("example.com"))
                .auth(Auth.users(Map.of("outbound", "secret")))
                .routes(
                    Route.of(
                        "spam",
                        100,
                        Match.senders("*@spamdomain.com"),
                        Action.reject(550, "Sender rejected by policy")),
                    Route.of(
                        "inside",
                        10,
                        Match.recipients("*@example.com"),
                        Action.forward(insideHost, insidePort)))
                .build())
        .start();
  }

  public static SendResult send(UnifiedEmailServer server, int port, Path report) {
    Email email =
        Email.builder()
            .from("Sender <sender@example.org>")
            .to("recipient@example.com")
            .subject("Hello")
            .text("Plain text body")
            .html("<h1>Hello!</h1>")
            .attachment(Attachment.of(report))
            .build();
    return server.sendOutboundEmail(
        "localhost", port, email, OutboundOptions.builder().build());
  }
}
