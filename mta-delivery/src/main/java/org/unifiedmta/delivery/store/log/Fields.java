package org.unifiedmta.delivery.store.log;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Arrays;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Tagged fields: {@code fields = *(tag(1) length(varint) value)}. What is null is not written; a
 * reader skips tags that it does not know; a tag may occur more than once.
 */
final class Fields {
  private byte[] bytes = new byte[256];
  private int size;

  /** The fields so far, not copied. */
  ByteBuffer buffer() {
    return ByteBuffer.wrap(bytes, 0, size);
  }

  int size() {
    return size;
  }

  Fields text(int tag, @Nullable String value) {
    return value == null ? this : bytes(tag, value.getBytes(StandardCharsets.UTF_8));
  }

  Fields number(int tag, long value) {
    int length = lengthOf(value);
    head(tag, length);
    varint(value);
    return this;
  }

  /** Not written where it is 0. */
  Fields signed(int tag, int value) {
    return value == 0 ? this : number(tag, (value << 1) ^ (value >> 31));
  }

  Fields flag(int tag, boolean value) {
    return value ? number(tag, 1) : this;
  }

  Fields name(int tag, @Nullable Enum<?> value) {
    return value == null ? this : text(tag, value.name());
  }

  Fields time(int tag, @Nullable Instant value) {
    if (value == null) {
      return this;
    }
    head(tag, 12);
    ByteBuffer.wrap(bytes, size, 12).putLong(value.getEpochSecond()).putInt(value.getNano());
    size += 12;
    return this;
  }

  Fields bytes(int tag, byte @Nullable [] value) {
    if (value == null) {
      return this;
    }
    head(tag, value.length);
    System.arraycopy(value, 0, bytes, size, value.length);
    size += value.length;
    return this;
  }

  /** Fields inside a field. */
  Fields nested(int tag, Consumer<Fields> inside) {
    ensure(2);
    bytes[size++] = (byte) tag;
    int lengthAt = size++; // one octet is enough for most
    inside.accept(this);
    int length = size - lengthAt - 1;
    int more = lengthOf(length) - 1;
    ensure(more);
    System.arraycopy(bytes, lengthAt + 1, bytes, lengthAt + 1 + more, length);
    size = lengthAt;
    varint(length);
    size += length;
    return this;
  }

  private void head(int tag, int length) {
    ensure(6 + length);
    bytes[size++] = (byte) tag;
    varint(length);
  }

  private void ensure(int octets) {
    int needed = size + octets;
    if (needed > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(needed, bytes.length * 2));
    }
  }

  private void varint(long value) {
    long left = value;
    while ((left & ~0x7fL) != 0) {
      bytes[size++] = (byte) (left | 0x80);
      left >>>= 7;
    }
    bytes[size++] = (byte) left;
  }

  private static int lengthOf(long value) {
    return Math.max(1, (70 - Long.numberOfLeadingZeros(value)) / 7);
  }

  /** Walks over fields, in a buffer that has an array. */
  static final class Reader {
    private final byte[] bytes;
    private final int end;
    private int tag;
    private int from;
    private int to;

    Reader(ByteBuffer in) {
      this(in.array(), in.arrayOffset() + in.position(), in.arrayOffset() + in.limit());
    }

    private Reader(byte[] bytes, int from, int end) {
      this.bytes = bytes;
      this.end = end;
      this.to = from;
    }

    /** Goes to the next field; false at the end. */
    boolean next() {
      if (to == end) {
        return false;
      }
      tag = bytes[to];
      from = to + 1;
      int limit = end;
      long length = varint(limit);
      if (length < 0 || length > limit - from) {
        throw new IndexOutOfBoundsException("a field ends beyond what it is in");
      }
      to = from + (int) length;
      return true;
    }

    int tag() {
      return tag;
    }

    String text() {
      return new String(bytes, from, to - from, StandardCharsets.UTF_8);
    }

    long number() {
      int start = from;
      long number = varint(to);
      from = start;
      return number;
    }

    int integer() {
      return (int) number();
    }

    int signed() {
      int value = integer();
      return (value >>> 1) ^ -(value & 1);
    }

    boolean flag() {
      return number() != 0;
    }

    <E extends Enum<E>> E name(Class<E> type) {
      return Enum.valueOf(type, text());
    }

    Instant time() {
      var value = ByteBuffer.wrap(bytes, from, to - from);
      return Instant.ofEpochSecond(value.getLong(from), value.getInt(from + 8));
    }

    byte[] bytes() {
      return Arrays.copyOfRange(bytes, from, to);
    }

    <T> T nested(Function<Reader, T> read) {
      return read.apply(new Reader(bytes, from, to));
    }

    /** The number at the place where the value begins, which moves behind it. */
    private long varint(int limit) {
      long number = 0;
      for (int shift = 0; from < limit; shift += 7) {
        byte b = bytes[from++];
        number |= (long) (b & 0x7f) << shift;
        if (b >= 0) {
          return number;
        }
      }
      throw new IndexOutOfBoundsException("a number ends beyond what it is in");
    }
  }
}
