package org.unifiedmta.examples.benchmark;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** What a program was told as {@code key=value}, and its defaults for the rest. */
final class Arguments {
  private final Map<String, String> values = new LinkedHashMap<>();

  /**
   * Reads them.
   *
   * @param defaults {@code key=value} for each key there is
   * @throws IllegalArgumentException naming the argument that is none
   */
  Arguments(String[] given, String... defaults) {
    for (var argument : defaults) {
      put(argument);
    }
    var keys = List.copyOf(values.keySet());
    for (var argument : given) {
      if (!keys.contains(put(argument))) {
        throw new IllegalArgumentException(
            argument + ": it is one of " + String.join(" ", defaults));
      }
    }
  }

  private String put(String argument) {
    int equals = argument.indexOf('=');
    var key = equals < 0 ? argument : argument.substring(0, equals);
    values.put(key, argument.substring(equals + 1));
    return key;
  }

  String text(String key) {
    var value = values.get(key);
    if (value == null) {
      throw new IllegalArgumentException(key);
    }
    return value;
  }

  int number(String key) {
    return Integer.parseInt(text(key));
  }

  /** Separated by commas; none if empty. */
  List<String> list(String key) {
    return text(key).isEmpty() ? List.of() : List.of(text(key).split(","));
  }

  List<Integer> numbers(String key) {
    return list(key).stream().map(Integer::valueOf).toList();
  }
}
