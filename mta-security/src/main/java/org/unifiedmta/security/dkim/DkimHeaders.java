package org.unifiedmta.security.dkim;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.HeaderSection.Field;
import org.unifiedmta.security.dkim.DKIMSigner.Canonicalization;

/** What of a header section a signature is made of (RFC 6376 3.4.1, 3.4.2, 5.4.2). */
public final class DkimHeaders {
  /** 5.4.1, and what people have added since. */
  public static final List<String> SIGNED =
      List.of(
          "From",
          "Sender",
          "Reply-To",
          "Subject",
          "Date",
          "Message-ID",
          "To",
          "Cc",
          "MIME-Version",
          "Content-Type",
          "Content-Transfer-Encoding",
          "Content-ID",
          "Content-Description",
          "Resent-Date",
          "Resent-From",
          "Resent-Sender",
          "Resent-To",
          "Resent-Cc",
          "Resent-Message-ID",
          "In-Reply-To",
          "References",
          "List-Id",
          "List-Help",
          "List-Unsubscribe",
          "List-Unsubscribe-Post",
          "List-Subscribe",
          "List-Post",
          "List-Owner",
          "List-Archive",
          "Feedback-ID",
          "Autocrypt");

  /** Another one of these in front would be what people see (8.15). */
  public static final List<String> OVERSIGNED =
      List.of("From", "Reply-To", "Subject", "Date", "To", "Cc", "Content-Type");

  private final Map<String, List<Field>> byName = new HashMap<>();

  public DkimHeaders(HeaderSection section) {
    this(section.fields());
  }

  /** Of some fields of a section, in wire order. */
  public DkimHeaders(List<Field> fields) {
    for (var field : fields) {
      byName
          .computeIfAbsent(field.name().toLowerCase(Locale.ROOT), name -> new ArrayList<>())
          .add(field);
    }
  }

  /** How many fields have this name. */
  public int count(String name) {
    return byName.getOrDefault(name.toLowerCase(Locale.ROOT), List.of()).size();
  }

  /**
   * Names that can stand in h=.
   *
   * @throws IllegalArgumentException if one cannot
   */
  public static List<String> checked(List<String> names) {
    for (var name : names) {
      boolean good = !name.isEmpty() && name.chars().allMatch(c -> c > ' ' && c < 127);
      if (!good || name.indexOf(':') >= 0 || name.indexOf(';') >= 0) {
        throw new IllegalArgumentException("no name of a field: " + name);
      }
    }
    return names;
  }

  /**
   * What h= says: each name as often as it is there, and those that nobody may add another field of
   * once more.
   */
  public List<String> names(List<String> signed, List<String> oversigned) {
    var names = new ArrayList<String>();
    for (var name : signed) {
      boolean once = oversigned.stream().anyMatch(name::equalsIgnoreCase);
      for (int i = count(name) + (once ? 1 : 0); i > 0; i--) {
        names.add(name);
      }
    }
    return names;
  }

  /**
   * The fields of these names, each time a name is there the next one from the bottom (5.4.2), and
   * the signature's own field, without the line break at its end.
   *
   * @param own its value with b= empty
   */
  public byte[] canonical(
      List<String> names, Canonicalization canonicalization, String ownName, String own) {
    var out = new ByteArrayOutputStream(2048);
    var taken = new HashMap<String, Integer>();
    for (var name : names) {
      var key = name.toLowerCase(Locale.ROOT);
      var fields = byName.getOrDefault(key, List.of());
      int fromBottom = taken.merge(key, 1, Integer::sum);
      if (fromBottom <= fields.size()) {
        write(out, fields.get(fields.size() - fromBottom), canonicalization);
        out.write('\r');
        out.write('\n');
      }
    }
    text(out, canonical(ownName, "", own, canonicalization));
    return out.toByteArray();
  }

  /**
   * These fields in their relaxed form, and the signature's own, without the line break at its end.
   *
   * @param own its value with b= empty
   */
  public static byte[] relaxed(List<Field> fields, String ownName, String own) {
    var out = new ByteArrayOutputStream(2048);
    for (var field : fields) {
      write(out, field, Canonicalization.RELAXED);
      out.write('\r');
      out.write('\n');
    }
    text(out, canonical(ownName, "", own, Canonicalization.RELAXED));
    return out.toByteArray();
  }

  private static void write(
      ByteArrayOutputStream out, Field field, Canonicalization canonicalization) {
    // What is missing of the field's octets are blanks in front of the colon (RFC 5322 4.5).
    int blanks = field.to() - field.from() - field.name().length() - field.value().length() - 3;
    text(
        out,
        canonical(field.name(), " ".repeat(Math.max(0, blanks)), field.value(), canonicalization));
  }

  private static void text(ByteArrayOutputStream out, String text) {
    out.writeBytes(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  private static String canonical(
      String name, String blanks, String value, Canonicalization canonicalization) {
    return switch (canonicalization) {
      case SIMPLE -> name + blanks + ":" + value;
      case RELAXED -> name.toLowerCase(Locale.ROOT) + ":" + relaxed(value);
    };
  }

  /** Unfolded, runs of blanks as one, none at either end. */
  private static String relaxed(String value) {
    var relaxed = new StringBuilder(value.length());
    boolean blank = false;
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c == ' ' || c == '\t') {
        blank = true;
      } else if (!(c == '\r' && value.startsWith("\r\n", i))
          && !(c == '\n' && isFolding(value, i))) {
        if (blank && !relaxed.isEmpty()) {
          relaxed.append(' ');
        }
        blank = false;
        relaxed.append(c);
      }
    }
    return relaxed.toString();
  }

  private static boolean isFolding(String value, int lineFeed) {
    return lineFeed > 0 && value.charAt(lineFeed - 1) == '\r';
  }
}
