package org.unifiedmta.delivery.testing;

import jakarta.mail.Message;
import jakarta.mail.MessagingException;
import jakarta.mail.SendFailedException;
import jakarta.mail.Session;
import jakarta.mail.Transport;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeMessage;
import java.util.Locale;
import java.util.Properties;
import javax.net.ssl.SSLContext;
import org.eclipse.angus.mail.smtp.SMTPAddressFailedException;

/** An application that welcomes its users by mail, and tries again once when told to. */
final class Signup {
  private final Properties properties = new Properties();

  Signup(String host, int port, SSLContext tls) {
    properties.put("mail.transport.protocol", "smtp");
    properties.put("mail.smtp.host", host);
    properties.put("mail.smtp.port", Integer.toString(port));
    properties.put("mail.smtp.starttls.enable", "true");
    properties.put("mail.smtp.starttls.required", "true");
    properties.put("mail.smtp.ssl.checkserveridentity", "true");
    properties.put("mail.smtp.ssl.socketFactory", tls.getSocketFactory());
  }

  void register(String address) throws MessagingException {
    var message = new MimeMessage(Session.getInstance(properties));
    var name = address.substring(0, address.indexOf('@'));
    message.setFrom("welcome@example.com");
    message.setRecipient(Message.RecipientType.TO, new InternetAddress(address));
    message.setSubject(
        "Welcome, " + name.substring(0, 1).toUpperCase(Locale.ROOT) + name.substring(1) + "!");
    message.setText("Good to have you.");
    try {
      Transport.send(message);
    } catch (SendFailedException e) {
      if (!isTemporary(e)) {
        throw e;
      }
      Transport.send(message);
    }
  }

  private static boolean isTemporary(MessagingException failure) {
    for (Exception e = failure; e instanceof MessagingException next; e = next.getNextException()) {
      if (e instanceof SMTPAddressFailedException refused) {
        return refused.getReturnCode() / 100 == 4;
      }
    }
    return false;
  }
}
