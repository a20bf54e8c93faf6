package org.unifiedmta.core.mime;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.apache.james.mime4j.codec.EncoderUtil;

/** What stands in header fields, between its form on the wire and its form for people. */
public final class HeaderText {
  private static final String UNKNOWN = "application/octet-stream";
  private static final int LINE = 78; // RFC 5322 2.1.1
  private static final int LONGEST_WORD = 900; // that a line holds with its field's name
  private static final int LONGEST_QUOTED = LONGEST_WORD / 2; // every character may be
  private static final int PARAMETER_PIECE = 60;
  private static final int MAXIMUM_USED = 50; // as many as the encoder allows for
  private static final HexFormat HEX = HexFormat.of().withUpperCase();

  private HeaderText() {}

  /** A whole field of unstructured text (RFC 5322 2.2.1), in encoded words where it must be. */
  public static String unstructured(String name, String text) {
    if (isPlain(text)) {
      return fold(name, text);
    }
    int used = Math.min(MAXIMUM_USED, name.length() + 2); // RFC 2047 2: lines of 76 octets
    return fold(name, EncoderUtil.encodeEncodedWord(text, EncoderUtil.Usage.TEXT_TOKEN, used));
  }

  /** A display name: atoms, a quoted string, or encoded words (RFC 5322 3.2.5, RFC 2047 5). */
  public static String encodePhrase(String name) {
    return isPlain(name)
            && longestWord(name) <= LONGEST_QUOTED
            && !name.contains("  ") // which not every reader keeps
        ? EncoderUtil.encodeAddressDisplayName(name)
        : EncoderUtil.encodeEncodedWord(name, EncoderUtil.Usage.WORD_ENTITY);
  }

  /**
   * A parameter with its semicolon, {@code ; name=value}: a token or quoted string, or RFC 2231
   * where the value is long or not ASCII.
   */
  public static String parameter(String name, String value) {
    // Some readers take encoded words for what they are not allowed to be (RFC 2047 5), or two
    // apostrophes for the charset and language of RFC 2231 where it is not used.
    boolean plain =
        value.chars().allMatch(c -> c >= 32 && c < 127)
            && !value.contains("=?")
            && value.indexOf('\'') == value.lastIndexOf('\'');
    if (plain && value.length() <= PARAMETER_PIECE) {
      return "; " + name + "=\"" + value.replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
    }
    var pieces = percentEncoded(value);
    if (pieces.size() == 1) {
      return "; " + name + "*=UTF-8''" + pieces.get(0);
    }
    var all = new StringBuilder();
    for (int i = 0; i < pieces.size(); i++) { // RFC 2231 4.1
      all.append("; ").append(name).append('*').append(i).append("*=");
      all.append(i == 0 ? "UTF-8''" : "").append(pieces.get(i));
    }
    return all.toString();
  }

  private static List<String> percentEncoded(String value) {
    var pieces = new ArrayList<String>();
    var piece = new StringBuilder();
    for (byte b : value.getBytes(StandardCharsets.UTF_8)) {
      boolean within = (b & 0xC0) == 0x80; // some readers decode each piece on its own
      if (piece.length() >= PARAMETER_PIECE && !within) {
        pieces.add(piece.toString());
        piece.setLength(0);
      }
      boolean plain = (b >= '0' && b <= '9') || (b >= 'A' && b <= 'Z') || (b >= 'a' && b <= 'z');
      if (plain || b == '.' || b == '-' || b == '_') {
        piece.append((char) b);
      } else {
        piece.append('%').append(HEX.toHexDigits(b));
      }
    }
    if (piece.length() > 0 || pieces.isEmpty()) {
      pieces.add(piece.toString());
    }
    return pieces;
  }

  /** A whole field on lines of at most 78 octets where it has blanks to fold at. */
  public static String fold(String name, String value) {
    var folded = new StringBuilder(name.length() + value.length() + 8).append(name).append(':');
    int column = folded.length();
    int from = 0;
    while (from < value.length()) {
      // A word with the blanks in front of it; folding inside quoted strings is at blanks too.
      int end = from;
      while (end < value.length() && value.charAt(end) == ' ') {
        end++;
      }
      while (end < value.length() && value.charAt(end) != ' ') {
        end++;
      }
      boolean foldable = value.charAt(from) == ' ' && isFoldable(value, from);
      boolean onlyBlanks = value.substring(from, end).isBlank();
      if (column + (end - from) + (foldable ? 0 : 1) > LINE
          && column > name.length() + 1
          && foldable
          && !onlyBlanks) {
        folded.append("\r\n");
        column = 0;
      }
      if (from == 0 && value.charAt(0) != ' ') {
        folded.append(' ');
        column++;
      }
      folded.append(value, from, end);
      column += end - from;
      from = end;
    }
    return folded.toString();
  }

  /**
   * The text of a field as people read it: unfolded, encoded words decoded, octets beyond ASCII as
   * UTF-8, else windows-1252.
   *
   * @param raw octets as Latin-1
   */
  public static String decode(String raw) {
    return decodeWords(unfold(raw));
  }

  /** Whether a field's octets, as Latin-1, are UTF-8. */
  public static boolean isUtf8(String raw) {
    return Charsets.isUtf8(raw.getBytes(StandardCharsets.ISO_8859_1), raw.length());
  }

  /** The text with its encoded words decoded, without what would break out of a field. */
  public static String decodeWords(String text) {
    return oneLine(EncodedWords.decode(text));
  }

  static String oneLine(String text) {
    return text.replace('\r', ' ').replace('\n', ' ').replace('\0', ' ');
  }

  /** As {@link #decode}, encoded words left as they are, for structured fields. */
  public static String unfold(String raw) {
    if (isOneLine(raw)) {
      return raw.strip();
    }
    var line = new StringBuilder(raw.length());
    boolean eightBit = false;
    for (int i = 0; i < raw.length(); i++) {
      char c = raw.charAt(i);
      if (c != '\r' && c != '\n') {
        line.append(c == 0 ? ' ' : c);
        eightBit |= c > 127;
      }
    }
    var text = line.toString();
    return (eightBit ? Charsets.decode(text.getBytes(StandardCharsets.ISO_8859_1), null) : text)
        .strip();
  }

  private static boolean isOneLine(String raw) {
    for (int i = 0; i < raw.length(); i++) {
      char c = raw.charAt(i);
      if (c == '\r' || c == '\n' || c == 0 || c > 127) {
        return false;
      }
    }
    return true;
  }

  /** Whether a text is {@code type "/" subtype *( ";" parameter )} that can be written as it is. */
  public static boolean isContentType(String text) {
    int semicolon = text.indexOf(';');
    var type = semicolon < 0 ? text : text.substring(0, semicolon).stripTrailing();
    int slash = type.indexOf('/');
    return slash > 0
        && EncoderUtil.isToken(type.substring(0, slash))
        && EncoderUtil.isToken(type.substring(slash + 1))
        && text.chars().allMatch(c -> c >= 32 && c < 127)
        && longestWord(text) <= LONGEST_WORD;
  }

  /** The content type of a part as others wrote it, in a form that can be written. */
  public static String contentType(String text) {
    boolean leaf = !text.regionMatches(true, 0, "multipart/", 0, 10);
    if (leaf && isContentType(text)) {
      return text;
    }
    int semicolon = text.indexOf(';');
    var type = (semicolon < 0 ? text : text.substring(0, semicolon)).strip();
    var parameters = new Parameters(text);
    var written = new StringBuilder(leaf && isContentType(type) ? type : UNKNOWN);
    for (var name : List.of("charset", "name")) {
      parameters.get(name).ifPresent(value -> written.append(parameter(name, value)));
    }
    return written.toString();
  }

  /**
   * Printable ASCII that no reader takes for an encoded word, that can be folded, and no blank of
   * which gets lost.
   */
  private static boolean isPlain(String text) {
    return text.chars().allMatch(c -> c >= 32 && c < 127)
        && !text.contains("=?")
        && !text.startsWith(" ")
        && !text.endsWith(" ")
        && longestWord(text) <= LONGEST_WORD;
  }

  /** Some readers take a line break behind a backslash for text. */
  private static boolean isFoldable(String text, int blank) {
    return blank == 0 || text.charAt(blank - 1) != '\\';
  }

  /** Each with the blanks in front of it, since that is where a line can be folded. */
  private static int longestWord(String text) {
    int longest = 0;
    int from = 0;
    for (int i = 1; i <= text.length(); i++) {
      if (i == text.length()
          || (text.charAt(i) == ' ' && text.charAt(i - 1) != ' ' && isFoldable(text, i))) {
        longest = Math.max(longest, i - from);
        from = i;
      }
    }
    return longest;
  }
}
