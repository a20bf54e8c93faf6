package org.unifiedmta.smtp.client;

import java.io.DataInputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.net.Inet4Address;
import java.net.InetAddress;
import java.net.Socket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.security.transport.EgressProxy;

/** What is said to a proxy before the server can be heard. Blocks. */
final class ProxyDialer {
  private static final byte[] PROXY_SIGNATURE = {
    0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A
  };
  private static final int VERSION = 5;
  private static final int NO_LOGIN = 0;
  private static final int PASSWORD = 2;

  private ProxyDialer() {}

  /** The socket is connected to the proxy; afterwards it is to the endpoint. */
  static void introduce(
      Socket socket, EgressProxy proxy, @Nullable InetAddress source, Endpoint endpoint)
      throws IOException {
    switch (proxy) {
      case EgressProxy.Socks5 socks -> socks5(socket, socks, endpoint);
      case EgressProxy.HaProxy haProxy -> {
        if (source == null) {
          throw new IOException("no address to send from");
        }
        socket.getOutputStream().write(proxyHeader(source, socket.getLocalPort(), endpoint));
      }
    }
  }

  /** The PROXY protocol, version 2 (2.2 of its specification), for a TCP stream. */
  private static byte[] proxyHeader(InetAddress source, int sourcePort, Endpoint endpoint)
      throws IOException {
    var from = source.getAddress();
    var to = endpoint.address().getAddress();
    if (from.length != to.length) {
      throw new IOException("from " + source.getHostAddress() + " nobody reaches " + endpoint);
    }
    boolean v4 = source instanceof Inet4Address;
    int length = 2 * from.length + 4;
    var header = ByteBuffer.allocate(16 + length);
    header.put(PROXY_SIGNATURE).put((byte) 0x21).put((byte) (v4 ? 0x11 : 0x21));
    header.putShort((short) length).put(from).put(to);
    header.putShort((short) sourcePort).putShort((short) endpoint.port());
    return header.array();
  }

  /** RFC 1928 3 to 6, CONNECT to an address: what the names mean was asked and checked before. */
  private static void socks5(Socket socket, EgressProxy.Socks5 proxy, Endpoint endpoint)
      throws IOException {
    var out = socket.getOutputStream();
    var in = new DataInputStream(socket.getInputStream()); // nothing is read ahead
    boolean login = proxy.user() != null;
    out.write(
        login ? new byte[] {VERSION, 2, NO_LOGIN, PASSWORD} : new byte[] {VERSION, 1, NO_LOGIN});
    expect(in.readUnsignedByte() == VERSION, "the proxy does not speak SOCKS 5");
    int method = in.readUnsignedByte();
    if (method == PASSWORD && proxy.user() != null && proxy.password() != null) {
      password(in, out, proxy.user(), proxy.password());
    } else {
      expect(method == NO_LOGIN, "the proxy wants another login");
    }
    var address = endpoint.address().getAddress();
    int type = address.length == 4 ? 1 : 4;
    var request = ByteBuffer.allocate(6 + address.length);
    request.put((byte) VERSION).put((byte) 1).put((byte) 0).put((byte) type).put(address);
    request.putShort((short) endpoint.port());
    out.write(request.array());
    expect(in.readUnsignedByte() == VERSION, "the proxy does not speak SOCKS 5");
    int reply = in.readUnsignedByte();
    expect(reply == 0, "the proxy cannot connect: " + meaning(reply));
    in.readUnsignedByte();
    int bound =
        switch (in.readUnsignedByte()) {
          case 1 -> 4;
          case 3 -> in.readUnsignedByte();
          case 4 -> 16;
          default -> throw new IOException("the proxy answers with an unknown kind of address");
        };
    in.readFully(new byte[bound + 2]);
  }

  /** RFC 1929 2. */
  private static void password(DataInputStream in, OutputStream out, String user, String password)
      throws IOException {
    var name = user.getBytes(StandardCharsets.UTF_8);
    var word = password.getBytes(StandardCharsets.UTF_8);
    expect(name.length < 256 && word.length < 256, "the login at the proxy is too long");
    var request = ByteBuffer.allocate(3 + name.length + word.length);
    request.put((byte) 1).put((byte) name.length).put(name).put((byte) word.length).put(word);
    out.write(request.array());
    Arrays.fill(word, (byte) 0);
    in.readUnsignedByte();
    expect(in.readUnsignedByte() == 0, "the proxy refused the login");
  }

  private static String meaning(int reply) {
    return switch (reply) {
      case 1 -> "general failure";
      case 2 -> "not allowed by its rules";
      case 3 -> "network unreachable";
      case 4 -> "host unreachable";
      case 5 -> "connection refused";
      case 6 -> "TTL expired";
      case 7 -> "command not supported";
      case 8 -> "address type not supported";
      default -> "reply " + reply;
    };
  }

  private static void expect(boolean condition, String problem) throws IOException {
    if (!condition) {
      throw new IOException(problem);
    }
  }
}
