package org.unifiedmta.core.mime;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.Charset;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.apache.james.mime4j.codec.Base64InputStream;
import org.apache.james.mime4j.codec.DecodeMonitor;
import org.apache.james.mime4j.codec.QuotedPrintableInputStream;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.spool.HeaderSection;

/**
 * Reads the part tree of a message in one pass, leniently and within bounds. A message/rfc822 part
 * is a leaf. Of the contents only the places are kept: each is read from the source when asked for,
 * from where it begins.
 */
public final class MimeReader {
  private static final String TEXT = "text/plain";
  private static final String BINARY = "application/octet-stream";

  /**
   * A part.
   *
   * @param mimeType in lower case, such as {@code text/plain}, which is also what a part without a
   *     type is, or a multipart without parts
   * @param contentType the field's text, with its parameters
   * @param charset as declared and known here, or null
   * @param fileName decoded, or null
   * @param contentId without brackets, or null
   * @param attachment whether its disposition says so
   * @param encoding of the transfer, in lower case
   * @param from offset of its first encoded octet in the message
   * @param to offset behind its last one
   * @param parts of a multipart; a leaf has none
   */
  public record Part(
      String mimeType,
      String contentType,
      @Nullable Charset charset,
      @Nullable String fileName,
      @Nullable String contentId,
      boolean attachment,
      String encoding,
      long from,
      long to,
      List<Part> parts) {
    /** Whether it is divided into parts, in place of having a content. */
    public boolean isMultipart() {
      return !parts.isEmpty();
    }

    /** Octets of its content as it is encoded. */
    public long encodedSize() {
      return to - from;
    }
  }

  /**
   * What was found.
   *
   * @param header of the message
   * @param eightBit whether any octet is beyond ASCII
   * @param defects what was odd, in words
   */
  public record Tree(HeaderSection header, Part root, boolean eightBit, Set<String> defects) {}

  private MimeReader() {}

  /** Reads the tree. */
  public static Tree read(ByteSource message) {
    try (var in = message.open()) {
      var scanner = new PartScanner(in);
      var root = scanner.scan();
      return new Tree(root.header, part(root), scanner.isEightBit(), scanner.defects());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Part part(PartScanner.Found found) {
    var fields = new Fields(found.header);
    var contentType = found.contentType;
    var parameters = new Parameters(contentType);
    var disposition = fields.first("Content-Disposition");
    var fileName =
        new Parameters(disposition).get("filename").or(() -> parameters.get("name")).orElse(null);
    var encoding = fields.first("Content-Transfer-Encoding").toLowerCase(Locale.ROOT);
    var parts = found.parts.stream().map(MimeReader::part).toList();
    return new Part(
        mimeType(found, fileName),
        contentType.isEmpty() ? (found.inDigest ? "message/rfc822" : TEXT) : contentType,
        Charsets.find(parameters.get("charset").orElse(null)),
        fileName,
        contentId(fields.first("Content-ID")),
        disposition.regionMatches(true, 0, "attachment", 0, 10),
        encoding,
        found.from,
        found.to,
        parts);
  }

  /** RFC 2045 5.2: what has no type, or none that could be one, is plain text. */
  private static String mimeType(PartScanner.Found found, @Nullable String fileName) {
    int semicolon = found.contentType.indexOf(';');
    var type =
        (semicolon < 0 ? found.contentType : found.contentType.substring(0, semicolon))
            .strip()
            .toLowerCase(Locale.ROOT);
    if (type.isEmpty()) {
      return found.inDigest ? "message/rfc822" : TEXT; // RFC 2046 5.1.5
    }
    if (!HeaderText.isContentType(type)) {
      return fileName == null ? TEXT : BINARY;
    }
    return found.parts.isEmpty() && type.startsWith("multipart/") ? TEXT : type;
  }

  private static @Nullable String contentId(String field) {
    var id =
        field.startsWith("<") && field.endsWith(">")
            ? field.substring(1, field.length() - 1)
            : field;
    return id.isEmpty() ? null : id;
  }

  /** The fields of a part as people read them. */
  private record Fields(HeaderSection header) {
    String first(String name) {
      return header.first(name).map(field -> HeaderText.unfold(field.value())).orElse("");
    }
  }

  /** The decoded content of a leaf; the caller closes the stream. */
  public static InputStream open(ByteSource message, Part leaf) {
    var in = message.open();
    try {
      in.skipNBytes(leaf.from());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    var encoded = new Range(in, leaf.encodedSize());
    return switch (leaf.encoding()) {
      case "base64" -> new Decoded(new Base64InputStream(encoded, DecodeMonitor.SILENT), in);
      case "quoted-printable" ->
          new Decoded(new QuotedPrintableInputStream(encoded, DecodeMonitor.SILENT), in);
      default -> encoded;
    };
  }

  /** The content of a text leaf, in the charset that it is in. */
  public static String text(ByteSource message, Part leaf) {
    try (var in = open(message, leaf)) {
      var octets = new byte[Math.toIntExact(leaf.encodedSize())];
      int length = in.readNBytes(octets, 0, octets.length);
      int more = length < octets.length ? -1 : in.read(); // a decoder may make CRLF of LF
      if (more >= 0) {
        var rest = in.readAllBytes();
        octets = Arrays.copyOf(octets, length + 1 + rest.length);
        octets[length] = (byte) more;
        System.arraycopy(rest, 0, octets, length + 1, rest.length);
        length = octets.length;
      }
      return Charsets.decode(octets, length, leaf.charset());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A decoder, which closes the message with it; its buffers must be given back once only. */
  private static final class Decoded extends FilterInputStream {
    private final InputStream message;
    private boolean closed;

    Decoded(InputStream decoder, InputStream message) {
      super(decoder);
      this.message = message;
    }

    @Override
    public void close() throws IOException {
      if (!closed) {
        closed = true;
        in.close();
        message.close();
      }
    }
  }

  /** So many octets of a stream, and no more. */
  private static final class Range extends FilterInputStream {
    private long left;

    Range(InputStream in, long left) {
      super(in);
      this.left = left;
    }

    @Override
    public int read() throws IOException {
      int b = left == 0 ? -1 : in.read();
      left -= b < 0 ? 0 : 1;
      return b;
    }

    @Override
    public int read(byte[] bytes, int from, int length) throws IOException {
      if (left == 0 && length > 0) {
        return -1;
      }
      int read = in.read(bytes, from, (int) Math.min(left, length));
      left -= Math.max(0, read);
      return read;
    }

    @Override
    public long skip(long n) throws IOException {
      long skipped = in.skip(Math.min(left, n));
      left -= skipped;
      return skipped;
    }

    @Override
    public int available() throws IOException {
      return (int) Math.min(left, in.available());
    }

    @Override
    public boolean markSupported() {
      return false;
    }
  }
}
