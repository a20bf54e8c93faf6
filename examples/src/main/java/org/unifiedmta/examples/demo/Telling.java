package org.unifiedmta.examples.demo;

import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;

/** Lines of a story, put together from what is said of single recipients. */
final class Telling {
  private record Key(String what, String detail) {}

  private record Said(Instant first, List<EmailAddress> whom) {}

  private final Map<Key, Said> said = new LinkedHashMap<>();

  /** Says something, at the time when it is said first; of one recipient, or of the message. */
  void add(Instant at, String what, @Nullable EmailAddress whom, String detail) {
    var line = said.computeIfAbsent(new Key(what, detail), k -> new Said(at, new ArrayList<>()));
    if (whom != null) {
      line.whom().add(whom);
    }
  }

  List<Story.Line> lines() {
    var lines = new ArrayList<Story.Line>();
    said.forEach((key, line) ->
        lines.add(
            new Story.Line(line.first(), key.what(), (whom(line) + key.detail()).stripTrailing())));
    lines.sort(
        Comparator.comparing(Story.Line::at)); // stable: what is said at once keeps its order
    return lines;
  }

  private static String whom(Said line) {
    return switch (line.whom().size()) {
      case 0 -> "";
      case 1 -> line.whom().get(0) + " ";
      default -> "%s and %d others ".formatted(line.whom().get(0), line.whom().size() - 1);
    };
  }
}
