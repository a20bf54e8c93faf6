package org.unifiedmta.core.mime;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.spool.HeaderSection;

/**
 * Finds the parts of a message (RFC 2046 5.1) by one pass over its lines: where each one's header
 * and body are. Lenient: every octet behind the header belongs to a body, a preamble or an
 * epilogue, whatever is wrong. Bounded: what is too deep, too many or too long is not divided.
 */
final class PartScanner {
  static final int MAXIMUM_PARTS = 10_000;
  static final int MAXIMUM_DEPTH = 100;
  private static final int MAXIMUM_HEADER = 256 * 1024;
  private static final int MAXIMUM_FIELDS = 2_000;
  private static final int MAXIMUM_PART_HEADERS = 8 * 1024 * 1024; // of all parts together
  private static final int BUFFER = 32 * 1024; // a longer line can be no boundary

  private static final HeaderSection NONE = HeaderSection.of(new byte[0], 0);

  /** A part while it is being found. */
  static final class Found {
    final boolean inDigest;
    HeaderSection header = NONE;
    long headerFrom; // of its first field, where there is one
    String contentType = "";
    long from; // of the body
    long to;
    byte @Nullable [] boundary; // with its two hyphens
    final List<Found> parts = new ArrayList<>();

    Found(boolean inDigest) {
      this.inDigest = inDigest;
    }
  }

  private enum Where {
    HEADER,
    BODY, // or preamble
    EPILOGUE
  }

  private final InputStream in;
  private final Set<String> defects = new LinkedHashSet<>();
  private final Deque<Found> open = new ArrayDeque<>(); // multiparts, the innermost first
  private final Found root = new Found(false);
  private Found current = root;
  private Where where = Where.HEADER;
  private int parts;
  private int partHeaders;
  private boolean eightBit;

  private byte[] header = new byte[2048];
  private int headerLength;
  private int fields;

  private byte[] buffer = new byte[4096]; // enough for many a message
  private int start; // of the line, or piece of a long one, in the buffer
  private int end;
  private int filled;
  private long position; // of start in the message
  private boolean lineStart = true;
  private int lastLineEnd; // octets of it: 0, 1 or 2

  PartScanner(InputStream in) {
    this.in = in;
  }

  /** The message itself, its parts in it. */
  Found scan() throws IOException {
    skipMailboxLine();
    while (nextLine()) {
      line();
    }
    endParts(null, position);
    return root;
  }

  /** What was odd, in words. */
  Set<String> defects() {
    return defects;
  }

  /** Whether any octet is beyond ASCII. */
  boolean isEightBit() {
    return eightBit;
  }

  /** The {@code From } line of a mailbox file (RFC 4155) in front of the header is none of it. */
  private void skipMailboxLine() throws IOException {
    if (nextLine() && !isMailboxLine()) {
      end = start; // to be read as a line of the message
      lineStart = true;
      lastLineEnd = 0;
    }
  }

  private boolean isMailboxLine() {
    boolean isField = HeaderSection.isField(buffer, start, end); // which may have a blank, too
    return !isField && (startsWith("From ") || startsWith(">From "));
  }

  private boolean startsWith(String text) {
    return text.length() <= end - start
        && new String(buffer, start, text.length(), StandardCharsets.ISO_8859_1).equals(text);
  }

  /** The next line, or as much of it as fits the buffer; false at the end of the message. */
  private boolean nextLine() throws IOException {
    if (end > start) {
      lineStart = buffer[end - 1] == '\n';
      lastLineEnd = !lineStart ? 0 : end - start > 1 && buffer[end - 2] == '\r' ? 2 : 1;
    }
    position += end - start;
    start = end;
    int at = start;
    while (true) {
      byte or = 0;
      while (at < filled && buffer[at] != '\n') {
        or |= buffer[at++];
      }
      eightBit |= or < 0;
      if (at < filled) {
        end = at + 1;
        return true;
      }
      if (filled == buffer.length && buffer.length < BUFFER) {
        buffer = Arrays.copyOf(buffer, BUFFER);
      }
      if (start > 0) {
        System.arraycopy(buffer, start, buffer, 0, filled - start);
        at -= start;
        filled -= start;
        start = 0;
      }
      int read = filled == buffer.length ? 0 : in.read(buffer, filled, buffer.length - filled);
      if (read <= 0) {
        end = filled;
        return end > start;
      }
      filled += read;
    }
  }

  private void line() {
    if (lineStart && isBoundary()) {
      return;
    }
    if (where == Where.HEADER && !headerLine() && lineStart) {
      isBoundary(); // of the multipart whose header has just ended without a blank line
    }
  }

  /** Takes a line of a header; false if the body has begun with it. */
  private boolean headerLine() {
    boolean blank = lineStart && isBlank();
    if (blank) {
      endHeader(position + end - start);
      return true;
    }
    boolean folded =
        !lineStart || (headerLength > 0 && (buffer[start] == ' ' || buffer[start] == '\t'));
    boolean field = folded || HeaderSection.isField(buffer, start, end);
    fields += folded ? 0 : 1;
    if (field && headerLength + end - start <= MAXIMUM_HEADER && fields <= MAXIMUM_FIELDS) {
      keep();
      return true;
    }
    defects.add(
        field
            ? "header longer than " + MAXIMUM_HEADER + " octets or " + MAXIMUM_FIELDS + " fields"
            : "header without a blank line at its end");
    while (!lineStart && headerLength > 0 && header[headerLength - 1] != '\n') {
      headerLength--; // half a field is none
    }
    endHeader(position);
    return false;
  }

  private boolean isBlank() {
    return buffer[start] == '\n'
        || (buffer[start] == '\r' && end - start > 1 && buffer[start + 1] == '\n');
  }

  private void keep() {
    int length = end - start;
    if (headerLength == 0) {
      current.headerFrom = position;
    }
    if (headerLength + length > header.length) {
      header = Arrays.copyOf(header, Math.max(headerLength + length, 2 * header.length));
    }
    System.arraycopy(buffer, start, header, headerLength, length);
    headerLength += length;
  }

  /** What the header says decides whether the body is divided. */
  private void endHeader(long bodyFrom) {
    current.header = HeaderSection.of(header, headerLength);
    current.from = bodyFrom;
    current.contentType =
        current.header.first("Content-Type").map(f -> HeaderText.unfold(f.value())).orElse("");
    partHeaders += current == root ? 0 : headerLength;
    headerLength = 0;
    fields = 0;
    where = Where.BODY;
    if (!current.contentType.regionMatches(true, 0, "multipart/", 0, 10)) {
      return;
    }
    var boundary = new Parameters(current.contentType).raw("boundary");
    if (boundary == null || boundary.isEmpty()) {
      defects.add("multipart without a boundary");
    } else if (open.size() == MAXIMUM_DEPTH) {
      defects.add("parts nested deeper than " + MAXIMUM_DEPTH);
    } else {
      current.boundary = ("--" + boundary).getBytes(StandardCharsets.UTF_8);
      open.push(current);
    }
  }

  /** Whether the line is a delimiter of an open multipart, on whose account parts end and begin. */
  private boolean isBoundary() {
    if (open.isEmpty() || end - start < 2 || buffer[start] != '-' || buffer[start + 1] != '-') {
      return false;
    }
    // RFC 2046 5.1.2: the boundaries of outer levels count at any level of inner nesting.
    for (var multipart : open) {
      int rest = restOfBoundary(multipart);
      if (rest < 0) {
        continue;
      }
      boolean close = rest + 1 < end && buffer[rest] == '-' && buffer[rest + 1] == '-';
      if (!close && (parts == MAXIMUM_PARTS || partHeaders > MAXIMUM_PART_HEADERS)) {
        defects.add("more than " + MAXIMUM_PARTS + " parts, or too many fields in them");
        return false;
      }
      endParts(multipart, Math.max(0, position - lastLineEnd));
      if (close) {
        multipart.to = Math.max(multipart.from, position - lastLineEnd);
        open.pop();
        where = Where.EPILOGUE;
      } else {
        parts++;
        current = new Found(multipart.contentType.regionMatches(true, 10, "digest", 0, 6));
        multipart.parts.add(current);
        where = Where.HEADER;
      }
      return true;
    }
    return false;
  }

  /**
   * Behind the boundary that the line begins with, or -1; RFC 2046 5.1.1: what follows may vary.
   */
  private int restOfBoundary(Found multipart) {
    var boundary = multipart.boundary;
    if (boundary == null
        || end - start < boundary.length
        || !Arrays.equals(buffer, start, start + boundary.length, boundary, 0, boundary.length)) {
      return -1;
    }
    int rest = start + boundary.length;
    boolean ends = rest == end || buffer[rest] <= ' ';
    return ends || (rest + 1 < end && buffer[rest] == '-' && buffer[rest + 1] == '-') ? rest : -1;
  }

  /** Ends what is open inside a multipart, or everything. */
  private void endParts(@Nullable Found within, long at) {
    if (where == Where.HEADER) {
      // A part may be nothing but a header, a message too.
      endHeader(at);
      if (open.peek() == current) {
        open.pop();
      }
    }
    if (where == Where.BODY) {
      current.to = Math.max(current.from, at);
    }
    while (!open.isEmpty() && open.peek() != within) {
      defects.add("multipart without an end");
      var inner = open.pop();
      inner.to = Math.max(inner.from, at);
    }
  }
}
