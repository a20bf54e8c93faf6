package org.unifiedmta.core.mime;

import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.Base64;
import java.util.HexFormat;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.apache.james.mime4j.codec.QuotedPrintableOutputStream;
import org.unifiedmta.core.spool.ByteSource;

/** Writes a message from its parts: CRLF, lines within bounds, 7-bit whatever the parts hold. */
public final class MimeWriter {
  private static final int MAXIMUM_LINE = 998; // RFC 5322 2.1.1
  private static final String MESSAGE = "message/rfc822";
  private static final String GLOBAL_MESSAGE = "message/global";
  private static final Base64.Encoder BASE64 = Base64.getMimeEncoder();
  private static final int BASE64_LINE = 57; // octets that make 76 characters, RFC 2045 6.8
  private static final byte[] CRLF = {'\r', '\n'};
  private static final SecureRandom RANDOM = new SecureRandom();

  /** RFC 2045 6. */
  private enum Encoding {
    SEVEN_BIT("7bit"),
    EIGHT_BIT("8bit"),
    QUOTED_PRINTABLE("quoted-printable"),
    BASE64("base64");

    private final String token;

    Encoding(String token) {
      this.token = token;
    }
  }

  private final OutputStream out;
  private final String boundary;
  private final boolean eightBit;
  private final Map<MimePart.Leaf, Encoding> encodings = new IdentityHashMap<>();
  private final byte[] buffer = new byte[4096];
  private final byte[] lines = new byte[2 * buffer.length]; // each octet may become a CRLF
  private int boundaries;

  /** A writer of 7-bit messages. */
  public MimeWriter(OutputStream out, String boundary) {
    this(out, boundary, false);
  }

  /**
   * @param boundary unguessable, of characters that need no quoting; each multipart adds its number
   * @param eightBit whether text may be written in 8 bits (RFC 6152)
   */
  public MimeWriter(OutputStream out, String boundary, boolean eightBit) {
    this.out = out;
    this.boundary = boundary;
    this.eightBit = eightBit;
  }

  /** A boundary that no content can have been made to contain. */
  public static String newBoundary() {
    var random = new byte[16];
    RANDOM.nextBytes(random);
    return HexFormat.of().formatHex(random);
  }

  /**
   * Writes the message.
   *
   * @param fields complete but for the line end, folded where needed
   */
  public void write(List<String> fields, MimePart root) throws IOException {
    for (var field : fields) {
      line(field);
    }
    line("MIME-Version: 1.0");
    part(root);
  }

  private void part(MimePart part) throws IOException {
    switch (part) {
      case MimePart.Leaf leaf -> leaf(leaf);
      case MimePart.Multipart multipart -> multipart(multipart);
    }
  }

  private void multipart(MimePart.Multipart multipart) throws IOException {
    var own = "=_" + boundary + "_" + boundaries++; // "=_" is in no base64 or quoted-printable
    line("Content-Type: " + multipart.contentType() + ";");
    line(" boundary=\"" + own + "\"");
    if (hasEightBit(multipart)) {
      line("Content-Transfer-Encoding: " + Encoding.EIGHT_BIT.token); // RFC 2045 6.4
    }
    line("");
    for (var part : multipart.parts()) {
      line("--" + own);
      part(part);
      out.write(CRLF);
    }
    line("--" + own + "--");
  }

  private boolean hasEightBit(MimePart part) throws IOException {
    if (!eightBit) {
      return false;
    }
    if (part instanceof MimePart.Multipart multipart) {
      for (var inner : multipart.parts()) {
        if (hasEightBit(inner)) {
          return true;
        }
      }
      return false;
    }
    return part instanceof MimePart.Leaf leaf && encoding(leaf) == Encoding.EIGHT_BIT;
  }

  /**
   * The shortest encoding that is safe; a content that is neither text nor a message is not read.
   */
  private Encoding encoding(MimePart.Leaf leaf) throws IOException {
    if (!leaf.text() && !isMessage(leaf)) {
      return Encoding.BASE64;
    }
    var known = encodings.get(leaf);
    if (known == null) {
      known = Content.measure(leaf.content(), buffer).encoding(eightBit, leaf.text());
      encodings.put(leaf, known);
    }
    return known;
  }

  private static boolean isMessage(MimePart.Leaf leaf) {
    return leaf.contentType().regionMatches(true, 0, MESSAGE, 0, MESSAGE.length());
  }

  private void leaf(MimePart.Leaf leaf) throws IOException {
    var encoding = encoding(leaf);
    // RFC 2046 5.2.1: message/rfc822 cannot be encoded; message/global can, RFC 6532 3.7.
    var contentType =
        isMessage(leaf) && encoding == Encoding.BASE64
            ? GLOBAL_MESSAGE + leaf.contentType().substring(MESSAGE.length())
            : leaf.contentType();
    line(HeaderText.fold("Content-Type", contentType));
    for (var field : leaf.fields()) {
      line(field);
    }
    line("Content-Transfer-Encoding: " + encoding.token);
    line("");
    switch (encoding) {
      case SEVEN_BIT, EIGHT_BIT -> copyLines(leaf.content(), out);
      case QUOTED_PRINTABLE -> {
        try (var encoder = new QuotedPrintableOutputStream(new NotClosed(out), false)) {
          copyLines(leaf.content(), encoder);
        }
      }
      case BASE64 -> {
        if (leaf.text()) {
          try (var encoder = BASE64.wrap(new NotClosed(out))) {
            copyLines(leaf.content(), encoder);
          }
        } else {
          copyBase64(leaf.content());
        }
      }
    }
  }

  /** Whole lines at a time, which is several times as fast as the encoder's stream. */
  private void copyBase64(ByteSource source) throws IOException {
    var octets = new byte[BASE64_LINE * 72];
    try (var in = source.open()) {
      boolean first = true;
      for (int n = read(in, octets); n > 0; n = read(in, octets)) {
        if (!first) {
          out.write(CRLF);
        }
        first = false;
        out.write(BASE64.encode(n == octets.length ? octets : Arrays.copyOf(octets, n)));
      }
    }
  }

  private static int read(InputStream in, byte[] octets) throws IOException {
    return in.readNBytes(octets, 0, octets.length);
  }

  /** Copies lines, every line end made CRLF. */
  private void copyLines(ByteSource source, OutputStream to) throws IOException {
    boolean afterCr = false;
    try (var in = source.open()) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        int length = 0;
        for (int i = 0; i < n; i++) {
          byte b = buffer[i];
          if (b == '\r' || (b == '\n' && !afterCr)) {
            lines[length++] = '\r';
            lines[length++] = '\n';
          } else if (b != '\n') {
            lines[length++] = b;
          }
          afterCr = b == '\r';
        }
        to.write(lines, 0, length);
      }
    }
  }

  private void line(String line) throws IOException {
    out.write(line.getBytes(StandardCharsets.UTF_8));
    out.write(CRLF);
  }

  /**
   * What decides the encoding of a content.
   *
   * @param escaped octets that quoted-printable writes as three
   */
  private record Content(
      long size, boolean eightBit, boolean controls, long escaped, int longestLine, byte last) {

    static Content measure(ByteSource source, byte[] buffer) throws IOException {
      long size = 0;
      long beyond = 0;
      long controls = 0;
      long equals = 0;
      int longest = 0;
      int line = 0;
      byte last = 0;
      try (InputStream in = source.open()) {
        for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
          size += n;
          for (int i = 0; i < n; i++) {
            byte b = buffer[i];
            last = b;
            line = b == '\n' || b == '\r' ? 0 : line + 1;
            longest = Math.max(longest, line);
            if (b < 0) {
              beyond++;
            } else if (b < 32 && b != '\r' && b != '\n' && b != '\t' || b == 127) {
              controls++;
            } else if (b == '=') {
              equals++;
            }
          }
        }
      }
      return new Content(size, beyond > 0, controls > 0, beyond + controls + equals, longest, last);
    }

    Encoding encoding(boolean eightBitAllowed, boolean text) {
      boolean lines = !controls && longestLine <= MAXIMUM_LINE;
      if (lines && (!eightBit || eightBitAllowed)) {
        return eightBit ? Encoding.EIGHT_BIT : Encoding.SEVEN_BIT;
      }
      return text && fitsQuotedPrintable() ? Encoding.QUOTED_PRINTABLE : Encoding.BASE64;
    }

    /**
     * Three octets for one, and a soft line break in 76, against four octets for three, and a line
     * break in 76. The encoder leaves a blank at the very end as it is, where readers drop it (RFC
     * 2045 6.7).
     */
    boolean fitsQuotedPrintable() {
      return (size + 2 * escaped) * 3 <= size * 4 && last != ' ' && last != '\t';
    }
  }

  /** The message goes on behind an encoder that is closed. */
  private static final class NotClosed extends FilterOutputStream {
    NotClosed(OutputStream out) {
      super(out);
    }

    @Override
    public void write(byte[] bytes, int from, int length) throws IOException {
      out.write(bytes, from, length);
    }

    @Override
    public void close() {}
  }
}
