package org.unifiedmta.core.email;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.unifiedmta.core.address.AddressList;
import org.unifiedmta.core.mime.HeaderText;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.spool.HeaderSection;

/** The header fields of a message in wire order, as people read them. */
public final class Headers {

  /**
   * One field.
   *
   * @param value unfolded, encoded words (RFC 2047) decoded
   */
  public record Field(String name, String value) {}

  private final List<HeaderSection.Field> raw;

  private Headers(List<HeaderSection.Field> raw) {
    this.raw = raw;
  }

  /** The fields of a header section; each is decoded when it is asked for. */
  public static Headers of(HeaderSection section) {
    return new Headers(section.fields());
  }

  /** The fields of a message of which nothing else is read. */
  public static Headers of(ByteSource message) {
    return of(HeaderSection.of(message));
  }

  /** No fields. */
  public static Headers empty() {
    return new Headers(List.of());
  }

  /** The first field of this name, without regard to case. */
  public Optional<String> first(String name) {
    for (var field : raw) {
      if (field.name().equalsIgnoreCase(name)) {
        return Optional.of(HeaderText.decode(field.value()));
      }
    }
    return Optional.empty();
  }

  /** All fields of this name, without regard to case, in wire order. */
  public List<String> all(String name) {
    return fields(name).stream().map(HeaderText::decode).toList();
  }

  /** All fields in wire order. */
  public List<Field> fields() {
    return raw.stream()
        .map(field -> new Field(field.name(), HeaderText.decode(field.value())))
        .toList();
  }

  /**
   * The mailboxes and groups in the fields of this name, such as {@code To}: read leniently, names
   * decoded; what is no address is left out and named in the list's defects.
   */
  public AddressList addresses(String name) {
    var list = AddressList.empty();
    for (var value : fields(name)) {
      list = list.and(AddressList.parse(HeaderText.unfold(value), HeaderText::decodeWords));
    }
    return list;
  }

  /** Whether a field is in UTF-8 beyond ASCII as it stands (RFC 6532). */
  boolean isInternationalized() {
    return raw.stream()
        .map(HeaderSection.Field::value)
        .anyMatch(value -> value.chars().anyMatch(c -> c > 127) && HeaderText.isUtf8(value));
  }

  /** The fields of this name as they stand, octets as Latin-1. */
  List<String> fields(String name) {
    var values = new ArrayList<String>(1);
    for (var field : raw) {
      if (field.name().equalsIgnoreCase(name)) {
        values.add(field.value());
      }
    }
    return values;
  }
}
