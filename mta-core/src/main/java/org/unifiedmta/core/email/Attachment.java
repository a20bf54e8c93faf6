package org.unifiedmta.core.email;

import java.io.InputStream;
import java.net.URLConnection;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.mime.HeaderText;
import org.unifiedmta.core.spool.ByteSource;

/** A file that travels with a message, or an image shown inside it. Its content is not loaded. */
public final class Attachment {
  private static final String UNKNOWN = "application/octet-stream";

  private final @Nullable String filename;
  private final String contentType;
  private final @Nullable String contentId;
  private final ByteSource content;

  Attachment(
      @Nullable String filename,
      String contentType,
      @Nullable String contentId,
      ByteSource content) {
    this.filename = filename;
    this.contentType = contentType;
    this.contentId = contentId;
    this.content = content;
  }

  /**
   * An attachment from memory.
   *
   * @param contentType such as {@code text/csv}; may have parameters
   * @throws IllegalArgumentException for control characters in a name or type, or no type
   */
  public static Attachment of(@Nullable String filename, String contentType, byte[] content) {
    return of(filename, contentType, ByteSource.of(content.clone()));
  }

  /** An attachment that is read whenever the message is written. */
  public static Attachment of(@Nullable String filename, String contentType, ByteSource content) {
    return new Attachment(
        filename == null ? null : Text.line("file name", filename),
        checkedType(contentType),
        null,
        content);
  }

  /**
   * A file, its type by its name.
   *
   * @throws IllegalArgumentException if there is no such file
   */
  public static Attachment of(Path file) {
    if (!Files.isRegularFile(file)) {
      throw new IllegalArgumentException("no file: " + file);
    }
    var name = String.valueOf(file.getFileName());
    var type = URLConnection.getFileNameMap().getContentTypeFor(name);
    return of(name, type == null ? UNKNOWN : type, ByteSource.of(file));
  }

  /**
   * Content that the HTML part shows as {@code cid:contentId} (RFC 2392).
   *
   * @param contentId without brackets
   */
  public static Attachment inline(
      String contentId, String filename, String contentType, byte[] content) {
    return inline(contentId, filename, contentType, ByteSource.of(content.clone()));
  }

  /** As {@link #inline(String, String, String, byte[])}, read whenever the message is written. */
  public static Attachment inline(
      String contentId, String filename, String contentType, ByteSource content) {
    var id = Text.line("content id", contentId);
    if (!Text.isId(id)) {
      throw new IllegalArgumentException("no content id: " + id);
    }
    return new Attachment(Text.line("file name", filename), checkedType(contentType), id, content);
  }

  private static String checkedType(String contentType) {
    var type = Text.line("content type", contentType);
    if (!HeaderText.isContentType(type)) {
      throw new IllegalArgumentException("no content type: " + type);
    }
    if (type.regionMatches(true, 0, "multipart/", 0, 10)) {
      throw new IllegalArgumentException("an attachment cannot be a multipart");
    }
    return type;
  }

  public @Nullable String filename() {
    return filename;
  }

  /** With its parameters. */
  public String contentType() {
    return contentType;
  }

  /** Without brackets. */
  public Optional<String> contentId() {
    return Optional.ofNullable(contentId);
  }

  /** The decoded content from its start; the caller closes the stream. */
  public InputStream open() {
    return content.open();
  }

  /** The message that this is, where it is one: message/rfc822 or message/global. */
  public Optional<Email> email() {
    boolean message =
        Stream.of("message/rfc822", "message/global")
            .anyMatch(type -> contentType.regionMatches(true, 0, type, 0, type.length()));
    return message ? Optional.of(Email.parse(content)) : Optional.empty();
  }

  /** Octets of the decoded content; may have to read it to its end. */
  public long size() {
    return content.size();
  }

  ByteSource content() {
    return content;
  }
}
