package org.unifiedmta.core.email;

import static org.assertj.core.api.Assertions.assertThat;

import com.code_intelligence.jazzer.junit.FuzzTest;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;
import org.unifiedmta.core.address.AddressList;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Mailbox;
import org.unifiedmta.core.mime.HeaderText;

/**
 * What a peer may send, searched for what nobody thought of. A normal build reads the seeds only,
 * which are in the test resources. To search, one method at a time:
 *
 * <pre>
 * JAZZER_FUZZ=1 mvn -Dquick -pl mta-core test -Dtest='MessageFuzzTest#anyBytesAreAMessage'
 * JAZZER_FUZZ=1 mvn -Dquick -pl mta-core test -Dtest='MessageFuzzTest#anyTextIsAnAddressOrAnError'
 * </pre>
 *
 * <p>A finding becomes a seed, {@code crash-…}, which goes into the repository with its fix; what
 * was learnt on the way stays in {@code .cifuzz-corpus}, which does not.
 */
class MessageFuzzTest {

  @FuzzTest(maxDuration = "5m")
  void anyBytesAreAMessage(byte[] message) throws IOException {
    var email = Email.parse(message);
    assertThat(email.toBytes()).isEqualTo(message);
    readAll(email);
    if (email.from().isPresent()) {
      readAll(Email.parse(email.toBuilder().build().toBytes()));
    }
  }

  /** Everything that can be asked of a message; what is not there is empty, never null. */
  private static void readAll(Email email) throws IOException {
    assertThat(
            Arrays.asList(
                email.from(),
                email.to(),
                email.cc(),
                email.bcc(),
                email.replyTo(),
                email.subject(),
                email.text(),
                email.html(),
                email.messageId(),
                email.date(),
                email.priority(),
                email.envelope(),
                email.headers().fields(),
                email.headers().all("Received"),
                email.headers().first("Received")))
        .doesNotContainNull();
    for (var attachment : email.attachments()) {
      assertThat(attachment.contentType()).isNotEmpty();
      assertThat(attachment.contentId()).isNotNull();
      assertThat(attachment.filename()).isNotEqualTo("");
      try (var content = attachment.open()) {
        assertThat(content.readAllBytes()).hasSize((int) attachment.size());
      }
    }
    assertThat(email.defects()).doesNotContainNull();
  }

  @FuzzTest(maxDuration = "5m")
  void anyTextIsAnAddressOrAnError(byte[] octets) {
    var text = new String(octets, StandardCharsets.UTF_8);
    check(text);
    check(text.replace('\uFFFD', '\uD800')); // which no octets make, but a String can hold
  }

  private static void check(String text) {
    EmailAddress.tryParse(text).ifPresent(MessageFuzzTest::survivesTheWire);
    mailbox(text).map(Mailbox::address).ifPresent(MessageFuzzTest::survivesTheWire);
    var list = AddressList.parse(text, HeaderText::decodeWords);
    list.mailboxes().stream().map(Mailbox::address).forEach(MessageFuzzTest::survivesTheWire);
    assertThat(HeaderText.decode(text)).doesNotContain("\r", "\n", "\0");
  }

  private static Optional<Mailbox> mailbox(String text) {
    try {
      return Optional.of(Mailbox.parse(text));
    } catch (IllegalArgumentException e) { // any other is a finding
      return Optional.empty();
    }
  }

  private static void survivesTheWire(EmailAddress address) {
    assertThat(EmailAddress.parse(address.toAscii())).isEqualTo(address);
  }
}
