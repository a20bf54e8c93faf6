package org.unifiedmta.delivery.attempt;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.HexFormat;
import java.util.Locale;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Recipient;

/**
 * Keeps mail in one Maildir for each recipient: written to {@code tmp}, synced, then moved to
 * {@code new}. The file's name is the queue's id, so that a message which comes twice is kept once.
 *
 * @param root in which there is a Maildir by each recipient's address
 */
public record Maildir(Path root) implements MailHandler {

  @Override
  public RecipientVerdict handle(Recipient recipient, IncomingMail mail) {
    try {
      var box = root.resolve(name(recipient.address()));
      for (var folder : new String[] {"tmp", "new", "cur"}) {
        Files.createDirectories(box.resolve(folder));
      }
      var written = box.resolve("tmp").resolve(mail.id());
      try (var in = mail.open();
          var out = Files.newOutputStream(written)) {
        // RFC 5321 4.4: who makes the final delivery says where reports go.
        var sender = mail.envelope().mailFrom();
        var path = sender == null ? "<>" : "<" + sender.toAscii() + ">";
        out.write(("Return-Path: " + path + "\r\n").getBytes(StandardCharsets.UTF_8));
        in.transferTo(out);
      }
      sync(written);
      Files.move(
          written,
          box.resolve("new").resolve(mail.id()),
          StandardCopyOption.ATOMIC_MOVE,
          StandardCopyOption.REPLACE_EXISTING);
      sync(box.resolve("new"));
      return RecipientVerdict.delivered();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // a deferral
    }
  }

  private static void sync(Path path) throws IOException {
    var option = Files.isDirectory(path) ? StandardOpenOption.READ : StandardOpenOption.WRITE;
    try (var channel = FileChannel.open(path, option)) {
      channel.force(true);
    }
  }

  /** A local part is a peer's text: only what is harmless in a file name stays as it is. */
  private static String name(EmailAddress address) {
    var domain = address.domain().isEmpty() ? "" : "@" + address.domain(); // or the postmaster
    var text = (address.localPart() + domain).toLowerCase(Locale.ROOT);
    var name = new StringBuilder();
    for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
      boolean harmless =
          (b >= 'a' && b <= 'z') || (b >= '0' && b <= '9') || "@.-_+".indexOf(b) >= 0;
      name.append(harmless ? String.valueOf((char) b) : "%" + HexFormat.of().toHexDigits(b));
    }
    return name.charAt(0) == '.' ? "%2e" + name.substring(1) : name.toString();
  }
}
