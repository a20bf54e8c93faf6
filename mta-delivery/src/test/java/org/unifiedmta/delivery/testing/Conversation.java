package org.unifiedmta.delivery.testing;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;

/** A client that says what it is told, line by line. */
final class Conversation implements AutoCloseable {
  private static final int PATIENCE = 20_000; // milliseconds

  private final String host;
  private Socket socket;
  private BufferedReader in;

  private Conversation(String host, Socket socket) throws IOException {
    this.host = host;
    use(socket);
  }

  private void use(Socket next) throws IOException {
    socket = next;
    socket.setSoTimeout(PATIENCE);
    in = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
  }

  static Conversation with(MailFixture mail) throws IOException {
    return new Conversation(mail.host(), new Socket(mail.host(), mail.port()));
  }

  static Conversation overTls(MailFixture mail) throws IOException {
    var socket =
        (SSLSocket)
            mail.clientSslContext().getSocketFactory().createSocket(mail.host(), mail.smtpsPort());
    return new Conversation(mail.host(), checked(socket));
  }

  /** Connected and introduced. */
  static Conversation introduced(MailFixture mail) throws IOException {
    var client = with(mail);
    client.reply();
    client.say("EHLO client.test");
    return client;
  }

  /** Introduced again, behind STARTTLS. */
  static Conversation secured(MailFixture mail) throws IOException {
    var client = introduced(mail);
    client.say("STARTTLS");
    client.secure(mail.clientSslContext());
    client.say("EHLO client.test");
    return client;
  }

  void secure(SSLContext context) throws IOException {
    var factory = context.getSocketFactory();
    use(checked((SSLSocket) factory.createSocket(socket, host, socket.getPort(), true)));
  }

  /** Shakes hands as a client does that checks the host's name. */
  private static SSLSocket checked(SSLSocket socket) throws IOException {
    var parameters = socket.getSSLParameters();
    parameters.setEndpointIdentificationAlgorithm("HTTPS");
    socket.setSSLParameters(parameters);
    socket.startHandshake();
    return socket;
  }

  void send(String octets) throws IOException {
    socket.getOutputStream().write(octets.getBytes(StandardCharsets.UTF_8));
    socket.getOutputStream().flush();
  }

  /** The reply to one command, the last of its lines. */
  @Nullable String say(String command) throws IOException {
    send(command + "\r\n");
    return reply();
  }

  /** The last line of the next reply, or null at the end of the connection. */
  @Nullable String reply() throws IOException {
    var line = in.readLine();
    while (line != null && line.length() > 3 && line.charAt(3) == '-') {
      line = in.readLine();
    }
    return line;
  }

  /** A message from ann@example.org; the reply to its end. */
  @Nullable String message(String recipient, String subject) throws IOException {
    say("MAIL FROM:<ann@example.org>");
    say("RCPT TO:<" + recipient + ">");
    say("DATA");
    return say("Subject: " + subject + "\r\n\r\n..x\r\n.");
  }

  @Nullable String login(String user, String password) throws IOException {
    var plain = ("\0" + user + "\0" + password).getBytes(StandardCharsets.UTF_8);
    return say("AUTH PLAIN " + Base64.getEncoder().encodeToString(plain));
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
