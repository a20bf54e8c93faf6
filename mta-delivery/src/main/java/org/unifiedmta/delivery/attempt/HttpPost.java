package org.unifiedmta.delivery.attempt;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.reply.SmtpReply;

/**
 * Hands mail to a web service: a POST of the message as {@code message/rfc822} for each recipient.
 * {@code Envelope-To} and {@code Envelope-From} (empty for the null reverse path) have the
 * addresses, percent-encoded where they are not ASCII; {@code Idempotency-Key} is the same each
 * time the same message is brought for the same recipient.
 *
 * <p>A status of 2xx takes the message. {@code 404} and {@code 410} say that there is no such
 * recipient, {@code 413} that the message is too large, {@code 422} that its content is refused;
 * with anything else, and without an answer, it is kept and brought again.
 */
public final class HttpPost implements MailHandler {
  private static final int SHOWN = 200; // characters of what a peer says

  private final HttpClient client;
  private final URI uri;
  private final Duration timeout;

  /**
   * @param client is not closed here; it decides about redirects, and whom to trust
   * @param timeout for the whole exchange
   */
  public HttpPost(HttpClient client, URI uri, Duration timeout) {
    this.client = client;
    this.uri = uri;
    this.timeout = timeout;
  }

  @Override
  public RecipientVerdict handle(Recipient recipient, IncomingMail mail) {
    var sender = mail.envelope().mailFrom();
    var to = ascii(recipient.address().toString());
    var request =
        HttpRequest.newBuilder(uri)
            .timeout(timeout)
            .header("Content-Type", "message/rfc822")
            .header("Envelope-From", sender == null ? "" : ascii(sender.toString()))
            .header("Envelope-To", to)
            .header("Idempotency-Key", mail.id() + "/" + to)
            .POST(BodyPublishers.ofInputStream(mail::open))
            .build();
    try {
      return verdict(client.send(request, BodyHandlers.discarding()));
    } catch (IOException e) {
      return later(String.valueOf(e.getMessage()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return later("the server stops");
    }
  }

  private RecipientVerdict verdict(HttpResponse<?> response) {
    int status = response.statusCode();
    return switch (status) {
      case 404, 410 ->
          new RecipientVerdict.Rejected(SmtpReply.of(550, "5.1.1", "No such recipient"));
      case 413 -> new RecipientVerdict.Rejected(SmtpReply.of(552, "5.3.4", "Message too large"));
      case 422 -> new RecipientVerdict.Rejected(SmtpReply.of(554, "5.6.0", "Content refused"));
      default ->
          status / 100 == 2
              ? RecipientVerdict.delivered()
              : later("status " + status + " of " + uri.getHost());
    };
  }

  private static RecipientVerdict later(String why) {
    var text = new StringBuilder();
    for (int i = 0; i < Math.min(why.length(), SHOWN); i++) {
      text.append(why.charAt(i) < ' ' ? ' ' : why.charAt(i));
    }
    return new RecipientVerdict.Deferred(SmtpReply.of(451, "4.3.0", text.toString()));
  }

  /** A header of HTTP is ASCII; what is not is percent-encoded, and so is the percent sign. */
  private static String ascii(String address) {
    var text = new StringBuilder();
    for (byte b : address.getBytes(StandardCharsets.UTF_8)) {
      boolean plain = b > ' ' && b < 127 && b != '%';
      text.append(plain ? String.valueOf((char) b) : "%%%02X".formatted(b & 0xFF));
    }
    return text.toString();
  }
}
