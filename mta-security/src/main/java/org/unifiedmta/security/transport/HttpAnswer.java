package org.unifiedmta.security.transport;

import io.netty.buffer.ByteBufUtil;
import io.netty.buffer.Unpooled;
import io.netty.channel.embedded.EmbeddedChannel;
import io.netty.handler.codec.CodecException;
import io.netty.handler.codec.PrematureChannelClosureException;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpObjectAggregator;
import io.netty.handler.codec.http.HttpResponseDecoder;
import io.netty.handler.codec.http.HttpStatusClass;
import io.netty.handler.codec.http.TooLongHttpContentException;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The answer to one request of HTTP/1.1 (RFC 9112), read from a stream that blocks.
 *
 * @param mediaType in lower case and without parameters; empty if there is none
 */
record HttpAnswer(int status, String mediaType, byte[] body) {
  private static final int MAXIMUM_LINE = 4096;
  private static final int MAXIMUM_HEADERS = 16 * 1024;
  private static final int BUFFER = 8192;
  private static final int FRAMING = 16; // octets around one of the body, in chunks as small
  private static final String NONE = "no answer of HTTP/1.1";
  private static final String CLOSED = "the connection was closed before the answer was whole";

  /**
   * Reads until the answer is whole.
   *
   * @param maximumBody in octets
   * @throws IOException if it is none, or too large
   */
  static HttpAnswer read(InputStream in, int maximumBody) throws IOException {
    var channel =
        new EmbeddedChannel(
            new HttpResponseDecoder(MAXIMUM_LINE, MAXIMUM_HEADERS, BUFFER),
            new HttpObjectAggregator(maximumBody));
    try {
      return read(in, channel, MAXIMUM_HEADERS + (long) FRAMING * maximumBody);
    } catch (TooLongHttpContentException e) {
      throw new IOException("a body of more than " + maximumBody + " octets", e);
    } catch (PrematureChannelClosureException e) {
      throw new EOFException(CLOSED);
    } catch (CodecException e) {
      throw new IOException(NONE, e);
    } finally {
      release(channel);
    }
  }

  private static HttpAnswer read(InputStream in, EmbeddedChannel channel, long maximum)
      throws IOException {
    var buffer = new byte[BUFFER];
    long left = maximum;
    while (left > 0) {
      int n = in.read(buffer);
      if (n < 0) {
        channel.finish(); // which ends a body whose length was not told
      } else {
        left -= n;
        channel.writeInbound(Unpooled.copiedBuffer(buffer, 0, n));
      }
      var answer = poll(channel);
      if (answer != null) {
        return answer;
      }
      if (n < 0) {
        throw new EOFException(CLOSED);
      }
    }
    throw new IOException("an answer of more than " + maximum + " octets");
  }

  /** The answer once it is whole; those before it only say that it takes time (RFC 9110 15.2). */
  private static @Nullable HttpAnswer poll(EmbeddedChannel channel) throws IOException {
    for (FullHttpResponse response = channel.readInbound();
        response != null;
        response = channel.readInbound()) {
      try {
        if (response.decoderResult().isFailure()) {
          throw new IOException(NONE, response.decoderResult().cause());
        }
        if (response.status().codeClass() != HttpStatusClass.INFORMATIONAL) {
          return of(response);
        }
      } finally {
        response.release();
      }
    }
    return null;
  }

  private static HttpAnswer of(FullHttpResponse response) throws IOException {
    var coding = response.headers().get(HttpHeaderNames.CONTENT_ENCODING);
    if (coding != null && !HttpHeaderValues.IDENTITY.contentEqualsIgnoreCase(coding)) {
      throw new IOException("a content coding that was not asked for");
    }
    var type = response.headers().get(HttpHeaderNames.CONTENT_TYPE, "");
    int semicolon = type.indexOf(';');
    return new HttpAnswer(
        response.status().code(),
        (semicolon < 0 ? type : type.substring(0, semicolon)).strip().toLowerCase(Locale.ROOT),
        ByteBufUtil.getBytes(response.content()));
  }

  private static void release(EmbeddedChannel channel) {
    try {
      channel.finishAndReleaseAll();
    } catch (RuntimeException e) {
      // What is left over is not looked at, so it may be anything.
    }
  }
}
