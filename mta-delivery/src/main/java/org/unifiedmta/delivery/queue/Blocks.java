package org.unifiedmta.delivery.queue;

import java.io.InputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ObjIntConsumer;

/** Bytes in memory, in blocks, so that growing never copies. Filled by one thread. */
public final class Blocks {
  /** The greatest size of a block. */
  public static final int BLOCK = 64 * 1024;

  private static final int FIRST = 8 * 1024;
  private static final int SMALLEST = 1024;

  private final int first;
  private final List<byte[]> blocks = new ArrayList<>(2);
  private long capacity;
  private long size;

  public Blocks() {
    this(FIRST);
  }

  /**
   * For about so many octets.
   *
   * @param expected or negative where nobody knows
   */
  public Blocks(long expected) {
    first = expected < 0 ? FIRST : (int) Math.clamp(expected, SMALLEST, FIRST);
  }

  /** How many octets another block would take. */
  public int growth() {
    return blocks.isEmpty() ? first : (int) Math.min(BLOCK, capacity);
  }

  public void grow() {
    grow(growth());
  }

  /** Adds a block of this size. */
  public void grow(int octets) {
    var block = new byte[octets];
    blocks.add(block);
    capacity += block.length;
  }

  public long capacity() {
    return capacity;
  }

  public long size() {
    return size;
  }

  /** Takes as much as there is room for. */
  public void put(ByteBuffer bytes) {
    while (size < capacity && bytes.hasRemaining()) {
      var last = blocks.getLast();
      int used = (int) (size - (capacity - last.length));
      int taken = Math.min(bytes.remaining(), last.length - used);
      bytes.get(last, used, taken);
      size += taken;
    }
  }

  /** Hands the blocks out, each with the number of octets in it. */
  public void forEach(ObjIntConsumer<byte[]> taker) {
    long left = size;
    for (var block : blocks) {
      int length = (int) Math.min(left, block.length);
      if (length > 0) {
        taker.accept(block, length);
      }
      left -= length;
    }
  }

  /** The bytes, as views of the blocks. */
  public List<ByteBuffer> buffers() {
    var buffers = new ArrayList<ByteBuffer>(blocks.size());
    forEach((block, length) -> buffers.add(ByteBuffer.wrap(block, 0, length)));
    return buffers;
  }

  public InputStream open() {
    var buffers = buffers();
    return new InputStream() {
      private int at;

      private boolean hasMore() {
        while (at < buffers.size() && !buffers.get(at).hasRemaining()) {
          at++;
        }
        return at < buffers.size();
      }

      @Override
      public int read() {
        return hasMore() ? buffers.get(at).get() & 0xff : -1;
      }

      @Override
      public int read(byte[] into, int offset, int length) {
        if (length == 0) {
          return 0;
        }
        if (!hasMore()) {
          return -1;
        }
        int n = Math.min(length, buffers.get(at).remaining());
        buffers.get(at).get(into, offset, n);
        return n;
      }

      @Override
      public long skip(long n) {
        if (!hasMore() || n <= 0) {
          return 0;
        }
        var buffer = buffers.get(at);
        int skipped = (int) Math.min(n, buffer.remaining());
        buffer.position(buffer.position() + skipped);
        return skipped;
      }
    };
  }
}
