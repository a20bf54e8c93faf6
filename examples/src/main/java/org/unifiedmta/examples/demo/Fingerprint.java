package org.unifiedmta.examples.demo;

import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** A digest of a message's body, which no server on the way may change. */
final class Fingerprint {
  private Fingerprint() {}

  /** Reads and closes the stream. */
  static String ofBody(InputStream message) {
    try (var in = new BufferedInputStream(message)) {
      skipHeader(in);
      var digest = MessageDigest.getInstance("SHA-256");
      new DigestInputStream(in, digest).transferTo(OutputStream.nullOutputStream());
      return HexFormat.of().formatHex(digest.digest());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** RFC 5322 2.1: the header ends with the first empty line. */
  private static void skipHeader(InputStream in) throws IOException {
    boolean empty = true;
    for (int b = in.read(); b >= 0; b = in.read()) {
      if (b == '\n') {
        if (empty) {
          return;
        }
        empty = true;
      } else if (b != '\r') {
        empty = false;
      }
    }
  }
}
