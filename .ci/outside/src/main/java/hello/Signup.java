package hello;

import javax.net.ssl.SSLContext;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.delivery.server.UnifiedEmailServer;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig;
import org.unifiedmta.routing.route.OutboundOptions;
import org.unifiedmta.smtp.client.SmtpException;

/** An application that welcomes its users by mail, and tries again once when told to. */
public final class Signup {
  private final String host;
  private final int port;
  private final OutboundOptions options;
  private final UnifiedEmailServer sender =
      new UnifiedEmailServer(
          UnifiedEmailServerConfig.builder().hostname("app.example.com").build());

  public Signup(String host, int port, SSLContext trust) {
    this.host = host;
    this.port = port;
    options = OutboundOptions.builder().tls(OutboundOptions.Tls.REQUIRED).trust(trust).build();
  }

  public void register(String address) {
    var name = Character.toUpperCase(address.charAt(0)) + address.substring(1, address.indexOf('@'));
    var welcome =
        Email.builder()
            .from("welcome@example.com")
            .to(address)
            .subject("Welcome, " + name + "!")
            .text("Good to have you.")
            .build();
    try {
      sender.sendOutboundEmail(host, port, welcome, options);
    } catch (SmtpException e) {
      if (!e.isTransient()) {
        throw e;
      }
      sender.sendOutboundEmail(host, port, welcome, options);
    }
  }
}
