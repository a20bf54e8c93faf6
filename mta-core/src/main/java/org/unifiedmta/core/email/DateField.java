package org.unifiedmta.core.email;

import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDateTime;
import java.time.ZoneOffset;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.StringTokenizer;

/**
 * Reads the date and time of a field such as Date: {@code [day-name ","] day month year hour ":"
 * minute [":" second] zone}, RFC 5322 3.3, with its obsolete forms (4.3), and in the order in which
 * the C library writes them. Comments may be anywhere.
 */
final class DateField {
  private static final int MAXIMUM_LENGTH = 200;
  private static final int UNKNOWN = -1;
  private static final List<String> MONTHS =
      List.of("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec");

  /** Hours from UTC; RFC 5322 4.3: any other name says nothing, so UTC. */
  private static final Map<String, Integer> ZONES =
      Map.of(
          "edt", -4, "est", -5, "cdt", -5, "cst", -6, "mdt", -6, "mst", -7, "pdt", -7, "pst", -8);

  private int day = UNKNOWN;
  private int month = UNKNOWN;
  private int year = UNKNOWN;
  private int secondOfDay = UNKNOWN;
  private int offset; // in seconds

  private DateField() {}

  /** The instant, or empty where that cannot be told. */
  static Optional<Instant> parse(String text) {
    if (text.length() > MAXIMUM_LENGTH) {
      return Optional.empty();
    }
    try {
      return Optional.of(new DateField().read(plain(text)));
    } catch (DateTimeException | NumberFormatException e) {
      return Optional.empty();
    }
  }

  /** Without comments, and without the blanks that may be around colons (RFC 5322 4.3). */
  private static String plain(String text) {
    var plain = new StringBuilder(text.length());
    int depth = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      int length = plain.length();
      boolean blank = c == ' ' || c == '\t';
      depth += c == '(' ? 1 : 0;
      if (depth > 0) {
        depth -= c == ')' ? 1 : 0;
      } else if (c == ':') {
        plain.setLength(plain.toString().stripTrailing().length());
        plain.append(c);
      } else if (!blank || (length > 0 && plain.charAt(length - 1) != ':')) {
        plain.append(c);
      }
    }
    return plain.toString();
  }

  private Instant read(String text) {
    var words = new StringTokenizer(text, " \t,");
    while (words.hasMoreTokens()) {
      word(words.nextToken());
    }
    if (day == UNKNOWN || month == UNKNOWN || year == UNKNOWN || secondOfDay == UNKNOWN) {
      throw new DateTimeException("incomplete");
    }
    return LocalDateTime.of(year, month, day, 0, 0)
        .toInstant(ZoneOffset.UTC)
        .plusSeconds(secondOfDay - offset);
  }

  private void word(String word) {
    char first = word.charAt(0);
    if (first == '+' || first == '-') {
      offset = (first == '+' ? 1 : -1) * zone(word.substring(1).replace(":", ""));
    } else if (word.indexOf(':') >= 0) {
      secondOfDay = time(word);
    } else if (first >= '0' && first <= '9' && word.indexOf('-') > 0) {
      var parts = new StringTokenizer(word, "-"); // 2-Jan-2026
      while (parts.hasMoreTokens()) {
        word(parts.nextToken());
      }
    } else if (first >= '0' && first <= '9') {
      number(word);
    } else {
      name(word.toLowerCase(Locale.ROOT));
    }
  }

  private void number(String digits) {
    int number = Integer.parseInt(digits);
    if (day == UNKNOWN && digits.length() <= 2) {
      day = number;
    } else if (digits.length() == 2) {
      year = number < 50 ? 2000 + number : 1900 + number; // RFC 5322 4.3
    } else {
      year = digits.length() == 3 ? 1900 + number : number;
    }
  }

  private void name(String name) {
    int found = name.length() < 3 ? UNKNOWN : MONTHS.indexOf(name.substring(0, 3));
    if (month == UNKNOWN && found >= 0) {
      month = found + 1;
    } else if (ZONES.containsKey(name)) {
      offset = ZONES.get(name) * 3600;
    } else if (!name.chars().allMatch(Character::isLetter)) {
      throw new DateTimeException(name);
    }
  }

  /** {@code hour ":" minute [":" second]}, 60 for a leap second. */
  private static int time(String word) {
    var parts = word.split(":");
    if (parts.length < 2 || parts.length > 3) {
      throw new DateTimeException(word);
    }
    int hour = Integer.parseInt(parts[0]);
    int minute = Integer.parseInt(parts[1]);
    int second = parts.length == 2 ? 0 : Integer.parseInt(parts[2].split("\\.", 2)[0]);
    boolean inRange =
        hour >= 0 && hour < 24 && minute >= 0 && minute < 60 && second >= 0 && second <= 60;
    if (!inRange) {
      throw new DateTimeException(word);
    }
    return (hour * 60 + minute) * 60 + second;
  }

  /** {@code 4DIGIT}: hours and minutes. */
  private static int zone(String digits) {
    if (digits.length() != 4) {
      throw new DateTimeException(digits);
    }
    int number = Integer.parseInt(digits);
    return (number / 100 * 60 + number % 100) * 60;
  }
}
