package org.unifiedmta.core.mime;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.testing.Corpus;

/** The messages of other parsers, divided as they divide them. */
class MimeCorpusTest {

  /** Where another answer than theirs is right, and why. */
  private static final Map<String, String> DECIDED =
      Map.of(
          "testmsgs/basic-plain-with-bad-header-separator",
          "the body begins at the first line that is no field; they drop such lines",
          "testmsgs/malformedHeader-noheader",
          "a message without a header is all body; they drop what is no field",
          "testmsgs/malformedHeaderStartsBody-noheader",
          "the same; they drop a line of the body",
          "testmsgs/missing-inner-boundary",
          "a multipart in which no part is found is text, so that nothing is lost");

  @Test
  void messagesAreDividedAsMime4jDividesThem() throws IOException {
    var different = new TreeSet<String>();
    for (var test : Corpus.tests("mime/mime4j.json")) {
      var id = (String) test.get("id");
      var message = Files.readAllBytes(Corpus.file("mime/mime4j/" + test.get("message")));
      var expected = new TreeMap<String, byte[]>();
      for (var part : maps(test.get("parts"))) {
        expected.put(
            part.get("path").toString(),
            Files.readAllBytes(Corpus.file("mime/mime4j/" + part.get("file"))));
      }
      var found = new TreeMap<String, byte[]>();
      collect(ByteSource.of(message), List.of(1), found);
      boolean same = found.keySet().equals(expected.keySet());
      for (var path : found.keySet()) {
        same = same && isSame(found.get(path), expected.get(path));
      }
      if (!same) {
        different.add(id);
      }
    }
    assertThat(different).isEqualTo(DECIDED.keySet());
  }

  /** Their files hold the text in UTF-8, whatever the message is in. */
  private static boolean isSame(byte[] content, byte[] expected) {
    return Arrays.equals(content, expected)
        || Set.of("utf-8", "windows-1252", "iso-8859-1").stream()
            .anyMatch(charset ->
                new String(content, Charset.forName(charset))
                    .equals(new String(expected, StandardCharsets.UTF_8)));
  }

  private static void collect(ByteSource message, List<Integer> path, Map<String, byte[]> into)
      throws IOException {
    collect(message, MimeReader.read(message).root(), path, into);
  }

  private static void collect(
      ByteSource message, MimeReader.Part part, List<Integer> path, Map<String, byte[]> into)
      throws IOException {
    for (int i = 0; i < part.parts().size(); i++) {
      collect(message, part.parts().get(i), child(path, i + 1), into);
    }
    if (part.isMultipart()) {
      return;
    }
    try (var in = MimeReader.open(message, part)) {
      var content = in.readAllBytes();
      if (part.mimeType().equals("message/rfc822")) {
        collect(ByteSource.of(content), child(path, 1), into);
      } else {
        into.put(path.toString(), content);
      }
    }
  }

  private static List<Integer> child(List<Integer> path, int number) {
    var child = new ArrayList<>(path);
    child.add(number);
    return child;
  }

  @SuppressWarnings("unchecked")
  private static List<Map<String, Object>> maps(Object list) {
    return (List<Map<String, Object>>) list;
  }
}
