package org.unifiedmta.core.spool;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The header section of a message, found while its bytes pass: the fields in wire order with their
 * byte ranges. Bounded: past 256 KB or 2,000 fields the rest counts as body.
 */
public final class HeaderSection {
  private static final int MAXIMUM_SIZE = 256 * 1024;
  private static final int MAXIMUM_FIELDS = 2_000;

  /**
   * One field.
   *
   * @param name as written, without the colon
   * @param value raw: what follows the colon, folding kept, without the last CRLF; octets as
   *     Latin-1
   * @param from offset of its first octet in the message as received
   * @param to offset behind its CRLF
   */
  public record Field(String name, String value, int from, int to) {
    public SpooledMessage.Cut cut() {
      return new SpooledMessage.Cut(from, to);
    }
  }

  private final List<Field> fields;
  private final List<Field> hidden;
  private final int size;
  private final boolean beyondBounds;
  private final boolean beginsFolded;

  private HeaderSection(
      List<Field> fields,
      List<Field> hidden,
      int size,
      boolean beyondBounds,
      boolean beginsFolded) {
    this.fields = Collections.unmodifiableList(fields);
    this.hidden = Collections.unmodifiableList(hidden);
    this.size = size;
    this.beyondBounds = beyondBounds;
    this.beginsFolded = beginsFolded;
  }

  /** The fields in wire order. */
  public List<Field> fields() {
    return fields;
  }

  /**
   * What looks like fields between a first line that is none, where the body began (RFC 5322 2.2),
   * and the blank line: some readers skip such a line and read on.
   */
  public List<Field> hiddenFields() {
    return hidden;
  }

  /** Whether there is more in front of the blank line than the bounds let through. */
  public boolean isBeyondBounds() {
    return beyondBounds;
  }

  /**
   * Whether the message begins with a blank: its first line would go on a field that is put in
   * front of it (RFC 5322 2.2.3), unless a blank line is put between.
   */
  public boolean beginsFolded() {
    return beginsFolded;
  }

  /** Octets of the section, without the blank line that ends it. */
  public int size() {
    return size;
  }

  /** The fields of this name, without regard to case, in wire order. */
  public List<Field> all(String name) {
    return fields.stream().filter(field -> field.name().equalsIgnoreCase(name)).toList();
  }

  /** The first field of this name. */
  public Optional<Field> first(String name) {
    for (var field : fields) {
      if (field.name().equalsIgnoreCase(name)) {
        return Optional.of(field);
      }
    }
    return Optional.empty();
  }

  /** Reads the header section of a whole message. */
  public static HeaderSection of(byte[] message) {
    var collector = new Collector();
    collector.write(ByteBuffer.wrap(message));
    return collector.section();
  }

  /** Reads the header section of a message, and no more of it than that needs. */
  public static HeaderSection of(ByteSource message) {
    var collector = new Collector();
    var buffer = new byte[4096];
    try (var in = message.open()) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        collector.write(ByteBuffer.wrap(buffer, 0, n));
        if (collector.isComplete()) {
          break;
        }
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return collector.section();
  }

  /** The fields in the first octets of an array, which are a header section and nothing else. */
  public static HeaderSection of(byte[] bytes, int length) {
    var fields = new ArrayList<Field>();
    var hidden = new ArrayList<Field>(0);
    boolean bodyBegan = false;
    int size = 0;
    int start = 0;
    int lines = 0;
    while (start < length && lines++ < MAXIMUM_FIELDS) {
      int end = endOfField(bytes, start, length);
      if (end == MAXIMUM_SIZE) {
        break; // half a field is none
      }
      int colon = colon(bytes, start, end);
      if (colon < 0) {
        bodyBegan = true; // RFC 5322 2.2: no field name, so there was no blank line
      } else if (bodyBegan) {
        hidden.add(field(bytes, start, colon, end));
      } else {
        fields.add(field(bytes, start, colon, end));
        size = end;
      }
      start = end;
    }
    boolean beginsFolded = length > 0 && (bytes[0] == ' ' || bytes[0] == '\t');
    return new HeaderSection(fields, hidden, size, start < length, beginsFolded);
  }

  private static Field field(byte[] bytes, int start, int colon, int end) {
    int to = end;
    if (to > colon + 1 && bytes[to - 1] == '\n') {
      to--;
    }
    if (to > colon + 1 && bytes[to - 1] == '\r') {
      to--;
    }
    return new Field(
        latin1(bytes, start, colon).stripTrailing(), latin1(bytes, colon + 1, to), start, end);
  }

  /** Behind the CRLF that no blank follows. */
  private static int endOfField(byte[] bytes, int start, int length) {
    for (int i = start; i < length; i++) {
      if (bytes[i] == '\n' && (i + 1 >= length || (bytes[i + 1] != ' ' && bytes[i + 1] != '\t'))) {
        return i + 1;
      }
    }
    return length;
  }

  private static String latin1(byte[] bytes, int from, int to) {
    return new String(bytes, from, to - from, StandardCharsets.ISO_8859_1);
  }

  /** Whether a line begins a field: a name (RFC 5322 2.2) and a colon. */
  public static boolean isField(byte[] bytes, int from, int to) {
    return colon(bytes, from, to) >= 0;
  }

  /** The offset of the colon behind a field's name, or -1 if that is none. */
  private static int colon(byte[] bytes, int from, int to) {
    int end = from;
    while (end < to
        && bytes[end] != ':'
        && (bytes[end] > ' ' || bytes[end] < 0)
        && bytes[end] != 127) {
      end++;
    }
    int colon = end;
    while (colon < to && (bytes[colon] == ' ' || bytes[colon] == '\t')) {
      colon++; // RFC 5322 4.5: obsolete syntax allows blanks before the colon
    }
    return end == from || colon == to || bytes[colon] != ':' ? -1 : colon;
  }

  /** Collects the section from the passing bytes. */
  public static final class Collector implements ByteSink {
    private static final int PIECE = 1024;

    private byte[] bytes = new byte[2 * PIECE];
    private int length;
    private boolean ended;
    private @Nullable HeaderSection section; // when it has ended

    @Override
    public void write(ByteBuffer passing) {
      // In small pieces: what follows the section is not copied.
      for (int at = passing.position(); !ended && at < passing.limit(); at += PIECE) {
        take(passing, at, Math.min(PIECE, passing.limit() - at));
      }
    }

    private void take(ByteBuffer passing, int at, int available) {
      int from = length;
      int taken = Math.min(available, MAXIMUM_SIZE - length);
      if (length + taken > bytes.length) {
        bytes =
            Arrays.copyOf(
                bytes, Math.max(length + taken, Math.min(MAXIMUM_SIZE, bytes.length * 2)));
      }
      passing.get(at, bytes, length, taken);
      length += taken;
      for (int i = Math.max(0, from - 3); i < length; i++) {
        if (bytes[i] == '\n' && isBlankLineAt(i + 1)) {
          length = i + 1;
          ended = true;
          return;
        }
      }
      if (length >= 2 && bytes[0] == '\r' && bytes[1] == '\n') {
        length = 0;
        ended = true;
      } else if (length == MAXIMUM_SIZE) {
        ended = true;
      }
    }

    private boolean isBlankLineAt(int i) {
      return i + 1 < length && bytes[i] == '\r' && bytes[i + 1] == '\n';
    }

    /** Whether the blank line, or the bound, has been reached. */
    public boolean isComplete() {
      return ended;
    }

    /** The fields so far. */
    public HeaderSection section() {
      if (!ended) {
        return of(bytes, length);
      }
      if (section == null) {
        section = of(bytes, length);
      }
      return section;
    }

    /**
     * The section, from when the blank line right behind its last field has passed; null before,
     * and where it ends otherwise.
     */
    public @Nullable HeaderSection beforeBlankLine() {
      if (!ended || length == MAXIMUM_SIZE) {
        return null;
      }
      return section().size() == length ? section() : null;
    }
  }
}
