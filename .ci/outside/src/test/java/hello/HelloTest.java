package hello;

import static org.unifiedmta.delivery.testing.MailAssertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.unifiedmta.delivery.testing.MailFixture;
import org.unifiedmta.delivery.testing.MailTest;

@MailTest
class HelloTest {

  @Test
  void mailGoesThroughTheServerToTheHostInside(MailFixture inside, @TempDir Path directory)
      throws Exception {
    var report = Files.writeString(directory.resolve("report.pdf"), "%PDF-1.7");
    try (var server = Hello.server(directory.resolve("mta"), inside.host(), inside.port())) {
      var sent = Hello.send(server, server.port(), report);
      Assertions.assertTrue(sent.isComplete());
      assertThat(inside.awaitMessage())
          .hasRecipients("recipient@example.com")
          .hasSubject("Hello")
          .hasAttachment("report.pdf")
          .wasSentOverTls();
    }
  }
}
