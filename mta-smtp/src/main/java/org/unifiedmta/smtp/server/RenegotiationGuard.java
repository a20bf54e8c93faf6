package org.unifiedmta.smtp.server;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;

/**
 * Ends a connection whose client asks for a second handshake, which costs it nothing and us much.
 * TLS 1.3 has no renegotiation, and there the records of type handshake end with the handshake too;
 * the JDK can only forbid it for the whole process.
 */
final class RenegotiationGuard extends ChannelInboundHandlerAdapter {
  private static final byte HANDSHAKE = 22; // RFC 5246 6.2.1
  private static final int HEADER = 5; // type, version, length

  private boolean handshakeDone;
  private int ofHeader; // octets seen of the record's header
  private int length;

  void handshakeDone() {
    handshakeDone = true;
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    var bytes = (ByteBuf) message;
    if (asksForHandshake(bytes)) {
      bytes.release();
      var unused = context.close();
    } else {
      context.fireChannelRead(bytes);
    }
  }

  private boolean asksForHandshake(ByteBuf bytes) {
    int i = bytes.readerIndex();
    int end = bytes.writerIndex();
    while (i < end) {
      if (ofHeader == HEADER) {
        int skipped = Math.min(length, end - i);
        i += skipped;
        length -= skipped;
        ofHeader = length == 0 ? 0 : HEADER;
        continue;
      }
      int octet = bytes.getUnsignedByte(i);
      if (ofHeader == 0 && handshakeDone && octet == HANDSHAKE) {
        return true;
      }
      length = ofHeader < 3 ? 0 : length << 8 | octet;
      ofHeader++;
      i++;
    }
    return false;
  }
}
