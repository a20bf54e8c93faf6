package org.unifiedmta.smtp.server;

import java.util.List;
import java.util.Locale;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.reply.SmtpReply;

/** What is said on sessions, for whoever asks for it. Costs nothing while nobody does. */
final class Transcripts {
  private static final Logger log = LoggerFactory.getLogger(Transcripts.class);
  private static final String SECRET = "***";

  private record Reader(Predicate<SessionFacts> wanted, Consumer<String> lines) {}

  private final List<Reader> readers = new CopyOnWriteArrayList<>();

  AutoCloseable add(Predicate<SessionFacts> wanted, Consumer<String> lines) {
    var reader = new Reader(wanted, lines);
    readers.add(reader);
    return () -> readers.remove(reader);
  }

  /** A command, or a response of a login, which nobody is to see. */
  void client(SessionFacts session, String line, boolean secret) {
    if (!readers.isEmpty()) {
      tell(session, "C: " + (secret ? SECRET : masked(line)));
    }
  }

  /** Message data, of which only the length is told. */
  void data(SessionFacts session, long octets) {
    if (!readers.isEmpty()) {
      tell(session, "C: (" + octets + " octets)");
    }
  }

  void server(SessionFacts session, SmtpReply reply) {
    if (!readers.isEmpty()) {
      tell(session, "S: " + reply);
    }
  }

  void event(SessionFacts session, String what) {
    if (!readers.isEmpty()) {
      tell(session, "! " + what);
    }
  }

  /** {@code AUTH PLAIN ***}: an initial response is as secret as those that follow. */
  private static String masked(String line) {
    if (!line.toUpperCase(Locale.ROOT).startsWith("AUTH")) {
      return line;
    }
    int mechanism = line.indexOf(' ', "AUTH ".length());
    return mechanism < 0 ? line : line.substring(0, mechanism + 1) + SECRET;
  }

  private void tell(SessionFacts session, String line) {
    for (var reader : readers) {
      try {
        if (reader.wanted.test(session)) {
          reader.lines.accept(session.id() + " " + line);
        }
      } catch (RuntimeException e) {
        log.warn("the reader of a transcript failed", e);
      }
    }
  }
}
