package org.unifiedmta.core.mime;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import org.apache.james.mime4j.codec.QuotedPrintableOutputStream;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.spool.HeaderSection;

/**
 * Makes of a message one with nothing but ASCII and short lines, for hosts that take nothing else
 * (RFC 6152 3): contents are encoded, everything else stays as it was. Signatures over the body do
 * not survive that; what to do about those of DKIM is the caller's business.
 */
public final class SevenBit {
  private static final int LARGEST = 32 * 1024 * 1024; // octets that are held in memory
  private static final int LONGEST_LINE = 998; // RFC 5322 2.1.1
  private static final int DEEPEST = 10; // messages in messages
  private static final String ENCODING = "Content-Transfer-Encoding";
  private static final Base64.Encoder BASE64 = Base64.getMimeEncoder(76, new byte[] {'\r', '\n'});

  /** A message of which nothing else can be made: why. */
  public static final class Unconvertible extends Exception {
    private static final long serialVersionUID = 1L;

    public Unconvertible(String reason) {
      super(reason);
    }
  }

  /** Octets of the message that others take the place of. */
  private record Edit(int from, int to, byte[] octets) {}

  private final byte[] message;
  private final List<Edit> edits = new ArrayList<>();

  private SevenBit(byte[] message) {
    this.message = message;
  }

  /**
   * Converts.
   *
   * @return the very message where it needs no change
   * @throws Unconvertible if that cannot be done without harm
   */
  public static ByteSource convert(ByteSource source) throws Unconvertible {
    if (source.size() > LARGEST) {
      throw new Unconvertible("too large to be converted");
    }
    byte[] message;
    try (var in = source.open()) {
      message = in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    var conversion = new SevenBit(message);
    if (!conversion.needsWork(0, message.length)) {
      return source;
    }
    conversion.message(0, message.length, 0);
    var edited = conversion.edited();
    if (new SevenBit(edited).needsWork(0, edited.length)) {
      throw new Unconvertible("octets beyond ASCII outside of all parts"); // in a preamble, say
    }
    return ByteSource.of(edited);
  }

  private void message(int from, int to, int depth) throws Unconvertible {
    if (!needsWork(from, to)) {
      return;
    }
    if (depth == DEEPEST) {
      throw new Unconvertible("messages nested deeper than " + DEEPEST);
    }
    var scanner = new PartScanner(new ByteArrayInputStream(message, from, to - from));
    PartScanner.Found root;
    try {
      root = scanner.scan();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    if (!scanner.defects().isEmpty()) {
      // Where parts begin and end is a guess, and what is encoded might be more than a content.
      throw new Unconvertible(String.join("; ", scanner.defects()));
    }
    part(root, from, depth);
  }

  private void part(PartScanner.Found part, int base, int depth) throws Unconvertible {
    int from = base + Math.toIntExact(part.from);
    int to = base + Math.toIntExact(part.to);
    int headerFrom = base + Math.toIntExact(part.headerFrom);
    if (hasEightBit(headerFrom, headerFrom + part.header.size())) {
      throw new Unconvertible("octets beyond ASCII in a header");
    }
    var type = part.contentType.toLowerCase(Locale.ROOT);
    var encoding = part.header.first(ENCODING).map(f -> f.value().strip()).orElse("7bit");
    if (!part.parts.isEmpty()) {
      if (type.startsWith("multipart/signed") || type.startsWith("multipart/encrypted")) {
        if (needsWork(from, to)) {
          throw new Unconvertible("a signed part would be changed"); // RFC 1847 2.1
        }
        return;
      }
      encodingIs(part, headerFrom, from, encoding, "7bit");
      for (var inner : part.parts) {
        part(inner, base, depth);
      }
      return;
    }
    boolean encoded =
        encoding.equalsIgnoreCase("base64") || encoding.equalsIgnoreCase("quoted-printable");
    if (type.startsWith("message/rfc822") && !encoded) {
      encodingIs(part, headerFrom, from, encoding, "7bit"); // RFC 2046 5.2.1
      message(from, to, depth + 1);
      return;
    }
    if (!needsWork(from, to)) {
      encodingIs(part, headerFrom, from, encoding, "7bit");
      return;
    }
    boolean structured = type.startsWith("message/") || type.startsWith("multipart/");
    if (encoded || structured) { // RFC 2045 6.4
      throw new Unconvertible("a part of " + part.contentType + " in " + encoding);
    }
    boolean text = (type.isEmpty() || type.startsWith("text/")) && isMostlyAscii(from, to);
    encodingIs(part, headerFrom, from, encoding, text ? "quoted-printable" : "base64");
    edits.add(new Edit(from, to, text ? quoted(from, to) : base64(from, to)));
  }

  /** Writes the field that names the encoding, where it says something else. */
  private void encodingIs(
      PartScanner.Found part, int headerFrom, int bodyFrom, String before, String now) {
    boolean same =
        before.equalsIgnoreCase(now)
            || (now.equals("7bit")
                && (before.equalsIgnoreCase("base64")
                    || before.equalsIgnoreCase("quoted-printable")));
    if (same) {
      return;
    }
    var line = (ENCODING + ": " + now + "\r\n").getBytes(StandardCharsets.US_ASCII);
    var fields = part.header.all(ENCODING);
    if (fields.isEmpty()) {
      boolean none = part.header.fields().isEmpty();
      int end = none ? bodyFrom : headerFrom + part.header.size();
      // A body may stand without any header, and then without the blank line, too.
      int at = none ? Math.max(0, bodyFrom - (endsWithBlankLine(bodyFrom) ? 2 : 0)) : end;
      edits.add(new Edit(at, at, line));
      return;
    }
    for (int i = 0; i < fields.size(); i++) {
      HeaderSection.Field field = fields.get(i);
      edits.add(
          new Edit(
              headerFrom + field.from(), headerFrom + field.to(), i == 0 ? line : new byte[0]));
    }
  }

  private boolean endsWithBlankLine(int at) {
    return at >= 2 && message[at - 1] == '\n' && message[at - 2] == '\r';
  }

  private boolean hasEightBit(int from, int to) {
    for (int i = from; i < to; i++) {
      if (message[i] < 0) {
        return true;
      }
    }
    return false;
  }

  /** Octets beyond ASCII, NUL, and lines that are too long, have no way through. */
  private boolean needsWork(int from, int to) {
    int line = 0;
    for (int i = from; i < to; i++) {
      line = message[i] == '\n' ? 0 : line + 1;
      if (message[i] <= 0 || line > LONGEST_LINE + 1) {
        return true;
      }
    }
    return false;
  }

  /** Whether quoted-printable is shorter than base64, and safe: it must be lines of text. */
  private boolean isMostlyAscii(int from, int to) {
    int beyond = 0;
    for (int i = from; i < to; i++) {
      byte b = message[i];
      boolean bare =
          (b == '\n' && (i == from || message[i - 1] != '\r'))
              || (b == '\r' && (i + 1 == to || message[i + 1] != '\n'));
      if (b == 0 || bare) {
        return false;
      }
      beyond += b < 0 || b == '=' ? 1 : 0;
    }
    return beyond * 6L <= to - from;
  }

  private byte[] quoted(int from, int to) {
    var out = new ByteArrayOutputStream((to - from) * 5 / 4);
    try (var encoder = new QuotedPrintableOutputStream(out, false)) {
      encoder.write(message, from, to - from);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }

  private byte[] base64(int from, int to) {
    return BASE64.encode(Arrays.copyOfRange(message, from, to));
  }

  private byte[] edited() {
    edits.sort(Comparator.comparingInt(Edit::from));
    var out = new ByteArrayOutputStream(message.length + message.length / 3);
    int at = 0;
    for (var edit : edits) {
      out.write(message, at, edit.from() - at);
      out.writeBytes(edit.octets());
      at = edit.to();
    }
    out.write(message, at, message.length - at);
    return out.toByteArray();
  }
}
