package org.unifiedmta.security.sasl;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/**
 * The client's side of SCRAM-SHA-256, written from RFC 5802 3 and 5 and sharing nothing with the
 * server's.
 */
final class ScramClient {
  private final String header;
  private final byte[] binding;
  private final String user;
  private final String password;
  private final String nonce;
  private String authMessage = "";
  private byte[] saltedPassword = {};

  /**
   * @param header the gs2-header, such as {@code n,,}
   * @param binding the channel binding data, or nothing
   */
  ScramClient(String header, byte[] binding, String user, String password, String nonce) {
    this.header = header;
    this.binding = binding;
    this.user = user;
    this.password = password;
    this.nonce = nonce;
  }

  String first() {
    return header + bare();
  }

  private String bare() {
    return "n=" + user.replace("=", "=3D").replace(",", "=2C") + ",r=" + nonce;
  }

  /** Answers the server's first message. */
  String last(String serverFirst) {
    var server = attributes(serverFirst);
    if (!server.get("r").startsWith(nonce) || server.get("r").length() <= nonce.length()) {
      throw new IllegalStateException("not our nonce: " + serverFirst);
    }
    var salt = Base64.getDecoder().decode(server.get("s"));
    saltedPassword = hi(password.getBytes(UTF_8), salt, Integer.parseInt(server.get("i")));
    var input = new ByteArrayOutputStream();
    input.writeBytes(header.getBytes(UTF_8));
    input.writeBytes(binding);
    var withoutProof = "c=" + base64(input.toByteArray()) + ",r=" + server.get("r");
    authMessage = bare() + "," + serverFirst + "," + withoutProof;
    var clientKey = hmac(saltedPassword, "Client Key".getBytes(UTF_8));
    var proof = xor(clientKey, hmac(sha256(clientKey), authMessage.getBytes(UTF_8)));
    return withoutProof + ",p=" + base64(proof);
  }

  /** Whether the server's final message proves that it knows the password. */
  boolean accepts(String serverFinal) {
    var serverKey = hmac(saltedPassword, "Server Key".getBytes(UTF_8));
    return serverFinal.equals("v=" + base64(hmac(serverKey, authMessage.getBytes(UTF_8))));
  }

  static Map<String, String> attributes(String message) {
    var attributes = new HashMap<String, String>();
    for (var attribute : message.split(",")) {
      attributes.put(attribute.substring(0, 1), attribute.substring(2));
    }
    return attributes;
  }

  private static byte[] hi(byte[] text, byte[] salt, int iterations) {
    var block = Arrays.copyOf(salt, salt.length + 4);
    block[salt.length + 3] = 1;
    var u = hmac(text, block);
    var result = u;
    for (int i = 1; i < iterations; i++) {
      u = hmac(text, u);
      result = xor(result, u);
    }
    return result;
  }

  private static byte[] xor(byte[] a, byte[] b) {
    var result = a.clone();
    for (int i = 0; i < b.length; i++) {
      result[i] ^= b[i];
    }
    return result;
  }

  private static byte[] hmac(byte[] key, byte[] data) {
    try {
      var mac = Mac.getInstance("HmacSHA256");
      mac.init(new SecretKeySpec(key, "HmacSHA256"));
      return mac.doFinal(data);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static byte[] sha256(byte[] data) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(data);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException(e);
    }
  }

  private static String base64(byte[] data) {
    return Base64.getEncoder().encodeToString(data);
  }
}
