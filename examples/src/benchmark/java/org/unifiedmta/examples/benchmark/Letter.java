package org.unifiedmta.examples.benchmark;

import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a message says, in terms that every library can be asked for: what readers find in it, and
 * what writers make it of.
 *
 * @param messageId without brackets
 * @param text lines end with CRLF, as those of {@code html}
 * @param file name of what is attached, or null
 */
record Letter(
    Heading heading,
    List<Person> to,
    List<Person> cc,
    Instant date,
    String messageId,
    String text,
    String html,
    @Nullable String file) {

  /** What a list of messages shows. */
  record Heading(Person from, String subject) {}

  /** Somebody's name and address. */
  record Person(String name, String address) {
    @Override
    public String toString() {
      return name + " <" + address + ">";
    }
  }
}
