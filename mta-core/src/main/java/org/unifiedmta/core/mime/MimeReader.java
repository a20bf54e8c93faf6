package org.unifiedmta.core.mime;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.james.mime4j.MimeException;
import org.apache.james.mime4j.stream.EntityState;
import org.apache.james.mime4j.stream.Field;
import org.apache.james.mime4j.stream.MimeConfig;
import org.apache.james.mime4j.stream.MimeTokenStream;
import org.apache.james.mime4j.stream.RecursionMode;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.spool.ByteSource;

/**
 * Reads the part tree of a message, leniently and within bounds: the leaves in wire order. A
 * message/rfc822 part is one leaf. Contents are read again from the source when asked for, never
 * held whole.
 */
public final class MimeReader {
  private static final int MAXIMUM_PARTS = 10_000;
  private static final int MAXIMUM_DEPTH = 100;

  private static final MimeConfig CONFIG =
      MimeConfig.custom()
          .setStrictParsing(false)
          .setMaxLineLen(-1)
          .setMaxHeaderLen(256 * 1024)
          .setMaxHeaderCount(2_000)
          .setMaxContentLen(-1)
          .build();

  /**
   * A part with content of its own.
   *
   * @param number place among the leaves, from 0
   * @param mimeType in lower case, such as {@code text/plain}
   * @param contentType the field's text, with its parameters
   * @param charset as declared and known here, or null
   * @param fileName decoded, or null
   * @param contentId without brackets, or null
   * @param size decoded, in octets
   * @param path types of the multiparts around it, outermost first, in lower case
   */
  public record Leaf(
      int number,
      String mimeType,
      String contentType,
      @Nullable Charset charset,
      @Nullable String fileName,
      @Nullable String contentId,
      boolean attachment,
      long size,
      List<String> path) {}

  /**
   * What was found.
   *
   * @param defects what was odd, in words
   */
  public record Tree(List<Leaf> leaves, List<String> defects) {}

  private MimeReader() {}

  /** Reads the tree. */
  public static Tree read(ByteSource message) {
    var leaves = new ArrayList<Leaf>();
    var defects = new ArrayList<String>();
    try (var in = message.open()) {
      var walk = new Walk(in);
      for (var leaf = walk.next(); leaf != null; leaf = walk.next()) {
        if (leaves.size() == MAXIMUM_PARTS) {
          defects.add("more than " + MAXIMUM_PARTS + " parts");
          break;
        }
        leaves.add(walk.describe(leaves.size()));
      }
      if (walk.tooDeep) {
        defects.add("parts nested deeper than " + MAXIMUM_DEPTH);
      }
    } catch (MimeException | RuntimeException e) {
      if (e instanceof UncheckedIOException) {
        throw (UncheckedIOException) e;
      }
      defects.add("malformed structure: " + e.getMessage());
    } catch (IOException e) {
      defects.add("malformed content: " + e.getMessage());
    }
    return new Tree(List.copyOf(leaves), List.copyOf(defects));
  }

  /** The decoded content of a leaf; the caller closes the stream. */
  public static InputStream open(ByteSource message, int number) {
    var in = message.open();
    try {
      var walk = new Walk(in);
      for (int i = 0; i < number; i++) {
        walk.next();
      }
      var content = walk.next();
      return content == null ? InputStream.nullInputStream() : new Content(content, in);
    } catch (MimeException | IOException e) {
      close(in);
      return InputStream.nullInputStream();
    } catch (RuntimeException e) {
      close(in);
      throw e;
    }
  }

  private static void close(InputStream in) {
    try {
      in.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** From leaf to leaf, by one parse. */
  private static final class Walk {
    private final MimeTokenStream tokens = new MimeTokenStream(CONFIG);
    private final List<String> path = new ArrayList<>();
    private Map<String, String> fields = new HashMap<>();
    private @Nullable InputStream content;
    boolean tooDeep;

    Walk(InputStream in) {
      tokens.setRecursionMode(RecursionMode.M_NO_RECURSE);
      tokens.parse(in);
    }

    /** The next leaf's decoded content, or null behind the last. */
    @Nullable InputStream next() throws MimeException, IOException {
      for (var state = tokens.getState();
          state != EntityState.T_END_OF_STREAM;
          state = tokens.getState()) {
        if (content != null) {
          content = null;
          tokens.next();
          continue;
        }
        switch (state) {
          case T_START_HEADER -> fields = new HashMap<>();
          case T_FIELD -> {
            var field = tokens.getField();
            fields.putIfAbsent(
                field.getName().toLowerCase(Locale.ROOT), HeaderText.unfold(latin1(field)));
          }
          case T_START_MULTIPART -> {
            path.add(tokens.getBodyDescriptor().getMimeType().toLowerCase(Locale.ROOT));
            if (path.size() > MAXIMUM_DEPTH) {
              tooDeep = true;
              return null;
            }
          }
          case T_END_MULTIPART -> path.remove(path.size() - 1);
          case T_BODY -> {
            content = tokens.getDecodedInputStream();
            return content;
          }
          default -> {}
        }
        tokens.next();
      }
      return null;
    }

    private static String latin1(Field field) {
      var raw = field.getRaw();
      if (raw == null) {
        return field.getBody();
      }
      var text = new String(raw.toByteArray(), StandardCharsets.ISO_8859_1);
      return text.substring(text.indexOf(':') + 1);
    }

    Leaf describe(int number) throws IOException {
      long size = 0;
      var in = content;
      if (in != null) {
        var buffer = new byte[8192];
        for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
          size += n;
        }
      }
      var mimeType = tokens.getBodyDescriptor().getMimeType().toLowerCase(Locale.ROOT);
      var contentType = fields.getOrDefault("content-type", mimeType);
      var disposition = fields.getOrDefault("content-disposition", "");
      return new Leaf(
          number,
          mimeType,
          contentType,
          charset(tokens.getBodyDescriptor().getCharset()),
          fileName(disposition, contentType),
          contentId(fields.get("content-id")),
          disposition.regionMatches(true, 0, "attachment", 0, 10),
          size,
          List.copyOf(path));
    }
  }

  private static @Nullable Charset charset(@Nullable String name) {
    try {
      return name == null ? null : Charset.forName(name);
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  private static @Nullable String contentId(@Nullable String field) {
    if (field == null) {
      return null;
    }
    var id = field.strip();
    return id.startsWith("<") && id.endsWith(">") ? id.substring(1, id.length() - 1) : id;
  }

  private static @Nullable String fileName(String disposition, String contentType) {
    return new Parameters(disposition)
        .get("filename")
        .or(() -> new Parameters(contentType).get("name"))
        .orElse(null);
  }

  /** A leaf's stream, which closes the message with it. */
  private static final class Content extends FilterInputStream {
    private final InputStream message;

    Content(InputStream content, InputStream message) {
      super(content);
      this.message = message;
    }

    @Override
    public int read(byte[] bytes, int from, int length) throws IOException {
      return in.read(bytes, from, length);
    }

    @Override
    public void close() throws IOException {
      message.close();
    }
  }
}
