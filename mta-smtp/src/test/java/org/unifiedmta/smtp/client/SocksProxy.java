package org.unifiedmta.smtp.client;

import java.io.DataInputStream;
import java.io.IOException;
import java.net.ConnectException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/** A SOCKS proxy written from RFC 1928 and RFC 1929, sharing nothing with the client. */
final class SocksProxy implements AutoCloseable {
  private final ServerSocket listener = new ServerSocket(0, 10, InetAddress.getLoopbackAddress());
  private final List<String> asked = new CopyOnWriteArrayList<>();
  private final String login;

  SocksProxy(String user, String password) throws IOException {
    login = user + ":" + password;
    Thread.ofVirtual().start(this::accept);
  }

  int port() {
    return listener.getLocalPort();
  }

  /** Where nobody listens. */
  int closedPort() throws IOException {
    try (var other = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return other.getLocalPort();
    }
  }

  List<String> asked() {
    return asked;
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        var client = listener.accept();
        Thread.ofVirtual().start(() -> serve(client));
      } catch (IOException e) {
        return;
      }
    }
  }

  private void serve(Socket client) {
    try (client) {
      var in = new DataInputStream(client.getInputStream());
      var out = client.getOutputStream();
      in.readByte();
      in.readFully(new byte[in.readUnsignedByte()]);
      out.write(new byte[] {5, 2});
      in.readByte();
      var user = text(in);
      boolean known = login.equals(user + ":" + text(in));
      out.write(new byte[] {1, (byte) (known ? 0 : 1)});
      if (!known) {
        return;
      }
      in.readFully(new byte[3]);
      var octets = new byte[in.readByte() == 1 ? 4 : 16];
      in.readFully(octets);
      var address = InetAddress.getByAddress(octets);
      int port = in.readUnsignedShort();
      asked.add(address + ":" + port);
      try (var server = new Socket(address, port)) {
        out.write(new byte[] {5, 0, 0, 1, 0, 0, 0, 0, 0, 0});
        var back = Thread.ofVirtual().start(() -> copy(server, client));
        copy(client, server);
        back.join();
      } catch (ConnectException e) {
        out.write(new byte[] {5, 5, 0, 1, 0, 0, 0, 0, 0, 0});
      }
    } catch (IOException | InterruptedException e) {
      // one of the two has gone
    }
  }

  private static String text(DataInputStream in) throws IOException {
    return new String(in.readNBytes(in.readUnsignedByte()), StandardCharsets.UTF_8);
  }

  private static void copy(Socket from, Socket to) {
    try {
      from.getInputStream().transferTo(to.getOutputStream());
      to.shutdownOutput();
    } catch (IOException e) {
      // the other has gone
    }
  }

  @Override
  public void close() throws IOException {
    listener.close();
  }
}
