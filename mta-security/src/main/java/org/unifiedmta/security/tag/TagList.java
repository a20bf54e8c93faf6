package org.unifiedmta.security.tag;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Tags and their values (RFC 6376 3.2), in their order:
 *
 * <pre>{@code
 * tag-list = tag-spec *( ";" tag-spec ) [ ";" ]
 * tag-spec = [FWS] tag-name [FWS] "=" [FWS] tag-value [FWS]
 * tag-name = ALPHA *( ALPHA / DIGIT / "_" )
 * }</pre>
 */
public final class TagList {
  private static final int MAXIMUM_LENGTH = 64 * 1024;
  private static final int MAXIMUM_TAGS = 100;

  private final Map<String, String> tags;

  private TagList(Map<String, String> tags) {
    this.tags = tags;
  }

  /**
   * Reads a list; empty if it is none, has a tag twice, or is beyond 64 KB or 100 tags.
   *
   * @param text folding kept or not
   */
  public static Optional<TagList> parse(String text) {
    var tags = new LinkedHashMap<String, String>();
    int from = 0;
    boolean good = text.length() <= MAXIMUM_LENGTH;
    while (good && from <= text.length()) {
      int semicolon = text.indexOf(';', from);
      int to = semicolon < 0 ? text.length() : semicolon;
      boolean last = semicolon < 0;
      int start = skipBlanks(text, from, to);
      if (start < to || !last) {
        good = start < to && add(text, start, to, tags);
      } // else the list ended in a semicolon
      from = to + 1;
    }
    return good && !tags.isEmpty() ? Optional.of(new TagList(tags)) : Optional.empty();
  }

  private static boolean add(String text, int start, int to, Map<String, String> tags) {
    int end = start;
    while (end < to && isOfAName(text.charAt(end), end == start)) {
      end++;
    }
    int equals = skipBlanks(text, end, to);
    if (end == start || equals == to || text.charAt(equals) != '=') {
      return false;
    }
    int valueStart = skipBlanks(text, equals + 1, to);
    int valueEnd = to;
    while (valueEnd > valueStart && isBlank(text.charAt(valueEnd - 1))) {
      valueEnd--;
    }
    for (int i = valueStart; i < valueEnd; i++) {
      char c = text.charAt(i);
      if ((c < ' ' && !isBlank(c)) || c == 127) {
        return false;
      }
    }
    return tags.size() < MAXIMUM_TAGS
        && tags.putIfAbsent(text.substring(start, end), text.substring(valueStart, valueEnd))
            == null;
  }

  private static boolean isOfAName(char c, boolean first) {
    boolean letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return letter || (!first && ((c >= '0' && c <= '9') || c == '_'));
  }

  private static int skipBlanks(String text, int from, int to) {
    int next = from;
    while (next < to && isBlank(text.charAt(next))) {
      next++;
    }
    return next;
  }

  private static boolean isBlank(char c) {
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
  }

  /** The value of a tag, whose case counts, without blanks around it; null for none. */
  public @Nullable String get(String tag) {
    return tags.get(tag);
  }

  /** The value of a tag, or another where it is not there. */
  public String get(String tag, String otherwise) {
    return tags.getOrDefault(tag, otherwise);
  }

  /** The value of a tag with no blanks in it at all, as base64 and lists may be folded; or null. */
  public @Nullable String compact(String tag) {
    var value = tags.get(tag);
    if (value == null) {
      return null;
    }
    var compact = new StringBuilder(value.length());
    for (int i = 0; i < value.length(); i++) {
      if (!isBlank(value.charAt(i))) {
        compact.append(value.charAt(i));
      }
    }
    return compact.toString();
  }

  /** The name of the first tag. */
  public String first() {
    return tags.keySet().iterator().next();
  }

  /**
   * The text with the value of a tag, and the blanks around it, taken out: what a signature is made
   * of (RFC 6376 3.5, b=).
   */
  public static String without(String text, String tag) {
    int from = 0;
    while (from < text.length()) {
      int semicolon = text.indexOf(';', from);
      int to = semicolon < 0 ? text.length() : semicolon;
      int equals = text.indexOf('=', from);
      if (equals >= 0 && equals < to && text.substring(from, equals).strip().equals(tag)) {
        return text.substring(0, equals + 1) + text.substring(to);
      }
      from = to + 1;
    }
    return text;
  }
}
