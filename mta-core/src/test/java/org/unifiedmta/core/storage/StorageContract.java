package org.unifiedmta.core.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What holds wherever values are kept. */
abstract class StorageContract {

  abstract StorageManager storage();

  @Test
  void whatWasSetIsThereUntilItIsDeleted() {
    var storage = storage();
    assertThat(storage.get("routes")).isEmpty();
    storage.set("routes", octets("one"));
    assertThat(storage.get("routes")).contains(octets("one"));
    storage.set("routes", octets("two, longer"));
    storage.set("routes", octets("3"));
    assertThat(storage.get("routes")).contains(octets("3"));
    assertThat(storage.delete("routes")).isTrue();
    assertThat(storage.delete("routes")).isFalse();
    assertThat(storage.get("routes")).isEmpty();
    assertThat(storage.list("")).isEmpty();
  }

  @Test
  void anEmptyValueIsAValue() {
    var storage = storage();
    storage.set("empty", new byte[0]);
    assertThat(storage.get("empty")).contains(new byte[0]);
    assertThat(storage.list("")).containsExactly("empty");
  }

  @Test
  void nobodyChangesAStoredValueThroughAnArray() {
    var storage = storage();
    var given = octets("abc");
    storage.set("k", given);
    given[0] = 'x';
    storage.get("k").orElseThrow()[1] = 'x';
    assertThat(storage.get("k")).contains(octets("abc"));
  }

  @Test
  void aKeyMayBeginAnotherOne() {
    var storage = storage();
    for (var key : List.of("a", "a/b", "a/b/c", "a/bc", "ab")) {
      storage.set(key, octets(key));
    }
    for (var key : List.of("a", "a/b", "a/b/c", "a/bc", "ab")) {
      assertThat(storage.get(key)).contains(octets(key));
    }
    assertThat(storage.delete("a/b")).isTrue();
    assertThat(storage.list("")).containsExactly("a", "a/b/c", "a/bc", "ab");
  }

  @Test
  void aListBeginsWithItsPrefixWhichNeedNotBeASegment() {
    var storage = storage();
    for (var key : List.of("dkim/example.org", "dkim/example.com", "dkim", "dkimx", "dk/im", "z")) {
      storage.set(key, octets(key));
    }
    assertThat(storage.list("dkim/example."))
        .containsExactly("dkim/example.com", "dkim/example.org");
    assertThat(storage.list("dkim"))
        .containsExactly("dkim", "dkim/example.com", "dkim/example.org", "dkimx");
    assertThat(storage.list("dkim/")).containsExactly("dkim/example.com", "dkim/example.org");
    assertThat(storage.list("dkim/example.org")).containsExactly("dkim/example.org");
    assertThat(storage.list("")).hasSize(6).isSorted();
    assertThat(storage.list("D")).isEmpty();
    assertThat(storage.list("../")).isEmpty();
    assertThat(storage.list("\u0000")).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        ".",
        "..",
        "../a",
        "a/../b",
        "a/./b",
        "a\\b",
        "a\u0000b",
        "a\nb",
        "a\u007fb",
        "a\u0085b",
        "a\u2028b",
        "a\u202eb",
        "a\ud800b"
      })
  void whatIsNoKeyIsRefusedByName(String key) {
    var storage = storage();
    var named = key.replaceAll("[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Zl}]", "?");
    List<Callable<?>> all =
        List.of(
            () -> storage.get(key),
            () -> storage.delete(key),
            () -> {
              storage.set(key, new byte[1]);
              return null;
            });
    for (var each : all) {
      assertThatThrownBy(each::call)
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("\"" + named + "\"");
    }
    assertThat(storage.list("")).isEmpty();
  }

  @Test
  void aKeyIsBoundedInOctets() {
    var storage = storage();
    for (var key :
        List.of("x".repeat(512), "A".repeat(512), "\u00f6".repeat(256), "x/".repeat(255) + "xy")) {
      storage.set(key, octets("v"));
      assertThat(storage.get(key)).isPresent();
      assertThat(storage.list(key)).containsExactly(key);
      assertThatThrownBy(() -> storage.set(key + "x", new byte[0]))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("512");
    }
  }

  @Test
  void aValueIsBounded() {
    var storage = storage();
    storage.set("large", new byte[StorageManager.MAXIMUM_VALUE]);
    assertThat(storage.get("large").orElseThrow()).hasSize(StorageManager.MAXIMUM_VALUE);
    assertThatThrownBy(() -> storage.set("large", new byte[StorageManager.MAXIMUM_VALUE + 1]))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("\"large\"")
        .hasMessageContaining("16777217");
    assertThat(storage.get("large")).isPresent();
  }

  @Test
  void anyPrintableKeyIsKept() {
    var random = new Random(20261126);
    var expected = new TreeMap<String, byte[]>();
    // Such as a file system finds equal, a device, too long, or not nice.
    for (var key :
        List.of(
            "A",
            "a",
            "\u00e4",
            "a\u0308",
            "\u00c4",
            "con",
            "CON",
            "con.txt",
            "nul/aux",
            "COM1.x/y",
            "a.",
            "a..",
            "a.b.",
            "...",
            ".a",
            " ",
            " a ",
            "a b",
            "%41",
            "%",
            "a%2fb",
            "a:b",
            "a*?b",
            "<>|\"",
            "~",
            "v-a",
            "d-a",
            "t-a",
            "c-a",
            "ann+tag@example.org",
            "\ud83d\udce7")) {
      expected.put(key, random(random));
    }
    for (int i = 0; i < 300; i++) {
      var key = randomKey(random);
      if (Keys.fault(key) == null) {
        expected.put(key, random(random));
      }
    }
    assertThat(expected.keySet()).hasSizeGreaterThan(200);
    assertThat(expected.keySet()).anyMatch(key -> key.length() > 400);
    var storage = storage();
    expected.forEach(storage::set);
    expected.forEach((key, value) -> assertThat(storage.get(key)).as(key).contains(value));
    assertThat(storage.list("")).containsExactlyElementsOf(expected.keySet());
    for (var key : expected.keySet()) {
      var prefix = key.substring(0, random.nextInt(key.length() + 1));
      assertThat(storage.list(prefix))
          .as(prefix)
          .isEqualTo(expected.keySet().stream().filter(k -> k.startsWith(prefix)).toList());
    }
    expected.keySet().forEach(key -> assertThat(storage.delete(key)).as(key).isTrue());
    assertThat(storage.list("")).isEmpty();
  }

  @Test
  void ofValuesSetAtOnceOneStaysWhole() throws Exception {
    var storage = storage();
    storage.set("k", filled(1));
    try (var threads = Executors.newFixedThreadPool(4)) {
      var all = new ArrayList<Callable<Boolean>>();
      for (int writer = 2; writer < 6; writer++) {
        var value = filled(writer);
        all.add(() -> {
          for (int i = 0; i < 25; i++) {
            storage.set("k", value);
            var read = storage.get("k").orElseThrow();
            if (read.length != value.length || !Arrays.equals(read, filled(read[0]))) {
              return false;
            }
          }
          return true;
        });
      }
      for (var done : threads.invokeAll(all)) {
        assertThat(done.get()).isTrue();
      }
    }
    assertThat(storage.list("")).containsExactly("k");
  }

  private static byte[] filled(int octet) {
    var value = new byte[20_000];
    Arrays.fill(value, (byte) octet);
    return value;
  }

  private static byte[] random(Random random) {
    var value = new byte[random.nextInt(40)];
    random.nextBytes(value);
    return value;
  }

  /** Short ones of any characters, long ones of few. */
  private static String randomKey(Random random) {
    var key = new StringBuilder();
    boolean isLong = random.nextInt(4) == 0;
    int length = isLong ? 100 + random.nextInt(400) : 1 + random.nextInt(12);
    while (key.length() < length) {
      key.appendCodePoint(
          switch (random.nextInt(7)) {
            case 0 -> key.toString().matches(".*[/.]|") ? 'x' : '/';
            case 1 -> '.';
            case 2 -> 'A' + random.nextInt(26);
            case 3 -> isLong ? 'y' : random.nextInt(0x250);
            case 4 -> isLong ? 'z' : random.nextInt(0x11000);
            default -> 'a' + random.nextInt(26);
          });
    }
    return key.toString();
  }

  static byte[] octets(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
