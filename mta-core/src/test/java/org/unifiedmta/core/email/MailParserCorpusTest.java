package org.unifiedmta.core.email;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.address.Mailbox;
import org.unifiedmta.core.testing.Corpus;

/** The messages of the mail-parser library: what is shown, and what is attached, as there. */
class MailParserCorpusTest {

  /** Where another answer than theirs is right, and why. */
  private static final Map<String, String> DECIDED =
      Map.ofEntries(
          Map.entry("malformed/000", "a part that is nothing but a header is an empty part"),
          Map.entry("malformed/003", "what has no end is shown, not attached"),
          Map.entry("malformed/006", "what has no end is shown, not attached"),
          Map.entry("malformed/011", "an outer boundary ends what is inside, RFC 2046 5.1.2"),
          Map.entry("malformed/012", "an outer boundary ends what is inside, RFC 2046 5.1.2"),
          Map.entry("malformed/016", "a longer boundary that fits whole is not a shorter one"),
          Map.entry("malformed/019", "what stands before the second header is text like any other"),
          Map.entry("malformed/020", "a multipart whose first delimiter is missing has its others"),
          Map.entry("malformed/021", "a multipart whose first delimiter is missing has its others"),
          Map.entry("rfc/000", "prose declared as base64 is decoded as that"),
          Map.entry("thirdparty/015", "a header ends where no field follows, or its part does"));

  @Test
  void whatIsShownAndWhatIsAttachedIsAsThere() throws IOException {
    var different = new TreeMap<String, String>();
    for (var test : Corpus.tests("mime/mail-parser.json")) {
      var id = (String) test.get("id");
      var email = Email.parse(Files.readAllBytes(Corpus.file("mime/" + test.get("message"))));
      var expected = new Expected(Corpus.json("mime/" + test.get("tree")));
      var found = found(email);
      if (!found.equals(expected.all())) {
        different.put(id, found + "\nfor\n" + expected.all() + "\n");
      }
    }
    assertThat(different.keySet()).as(different.toString()).isEqualTo(DECIDED.keySet());
  }

  @Test
  void theirHeadersSayTheSame() throws IOException {
    int compared = 0;
    for (var test : Corpus.tests("mime/mail-parser.json")) {
      var email = Email.parse(Files.readAllBytes(Corpus.file("mime/" + test.get("message"))));
      for (var header : new Expected(Corpus.json("mime/" + test.get("tree"))).headers()) {
        if (test.get("id").equals("malformed/019")) {
          continue; // fields twice, a date that is none
        }
        compared++;
        var found =
            switch (header.get("name").toString()) {
              case "from" -> addresses(email.from().stream().toList());
              case "to" -> addresses(email.to());
              case "subject" -> Map.of("Text", email.subject());
              case "message_id" -> Map.of("Text", email.messageId().orElse(""));
              default -> header.get("value");
            };
        assertThat(found).as(test.get("id") + " " + header).isEqualTo(header.get("value"));
        if (header.get("name").equals("date") && header.get("value") instanceof Map<?, ?> date) {
          assertThat(email.date()).contains(instant((Map<?, ?>) date.get("DateTime")));
        }
      }
    }
    assertThat(compared).isGreaterThan(60);
  }

  private static Instant instant(Map<?, ?> date) {
    int sign = (boolean) date.get("tz_before_gmt") ? -1 : 1;
    var zone =
        ZoneOffset.ofHoursMinutes(sign * number(date, "tz_hour"), sign * number(date, "tz_minute"));
    return OffsetDateTime.of(
            number(date, "year"),
            number(date, "month"),
            number(date, "day"),
            number(date, "hour"),
            number(date, "minute"),
            number(date, "second"),
            0,
            zone)
        .toInstant();
  }

  private static int number(Map<?, ?> map, String key) {
    return (int) map.get(key);
  }

  private static Object addresses(List<Mailbox> mailboxes) {
    var list = new ArrayList<Map<String, String>>();
    for (var mailbox : mailboxes) {
      var entry = new HashMap<String, String>();
      entry.put("name", mailbox.displayName());
      entry.put("address", mailbox.address().toAscii());
      list.add(entry);
    }
    return Map.of("Address", Map.of("List", list));
  }

  private static String found(Email email) throws IOException {
    var attachments = new ArrayList<String>();
    for (var attachment : email.attachments()) {
      try (var in = attachment.open()) {
        boolean message = attachment.contentType().startsWith("message/rfc822");
        var content = new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
        attachments.add(
            message
                ? found(Email.parse(content.getBytes(StandardCharsets.ISO_8859_1)))
                : lines(content));
      }
    }
    return "text "
        + email.text().map(MailParserCorpusTest::lines)
        + " html "
        + email.html().map(MailParserCorpusTest::lines)
        + " attachments "
        + attachments;
  }

  private static String lines(String text) {
    return text.replace("\r\n", "\n").strip();
  }

  /** What their tree says in the same words. */
  private record Expected(Map<String, Object> tree) {
    /** Of the message itself; a name alone, which some examples have, is no address. */
    @SuppressWarnings("unchecked")
    List<Map<String, Object>> headers() {
      var root = ((List<Map<String, Object>>) tree.get("parts")).get(0);
      return ((List<Map<String, Object>>) root.get("headers"))
          .stream().filter(header -> !header.toString().contains("address=null")).toList();
    }

    String all() {
      var files = new ArrayList<Integer>(numbers("attachments"));
      files.sort(Comparator.naturalOrder());
      return "text "
          + text("text_body", "Text")
          + " html "
          + text("html_body", "Html")
          + " attachments "
          + files.stream().map(this::content).toList();
    }

    private Optional<String> text(String list, String kind) {
      var texts =
          numbers(list).stream()
              .filter(number -> body(number).containsKey(kind))
              .map(number -> (String) body(number).get(kind))
              .toList();
      if (texts.isEmpty()) {
        return Optional.empty();
      }
      var all = new StringBuilder();
      for (var text : texts) {
        all.append(all.length() > 0 && all.charAt(all.length() - 1) != '\n' ? "\n" : "")
            .append(text);
      }
      return Optional.of(lines(all.toString()));
    }

    @SuppressWarnings("unchecked")
    private String content(int number) {
      var body = body(number);
      if (body.containsKey("Message")) {
        return new Expected((Map<String, Object>) body.get("Message")).all();
      }
      var value = body.values().iterator().next();
      if (value instanceof String text) {
        return lines(text);
      }
      var bytes = new StringBuilder();
      ((List<Integer>) value).forEach(b -> bytes.append((char) b.intValue()));
      return lines(bytes.toString());
    }

    @SuppressWarnings("unchecked")
    private Map<String, Object> body(int number) {
      var part = ((List<Map<String, Object>>) tree.get("parts")).get(number);
      return (Map<String, Object>) part.get("body");
    }

    @SuppressWarnings("unchecked")
    private List<Integer> numbers(String list) {
      return (List<Integer>) tree.get(list);
    }
  }
}
