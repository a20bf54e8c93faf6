package org.unifiedmta.security.sasl;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import org.jspecify.annotations.Nullable;

/** The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677), without channel binding. */
final class ScramLogin implements ClientLogin.Exchange {
  private static final String HEADER = "n,,"; // RFC 5802 7: no binding, nobody else's name
  private static final int NONCE = 18; // octets
  private static final int MOST = 1_000; // octets of what a server says
  private static final int FEWEST_ITERATIONS = 4_096; // RFC 7677 4
  private static final int MOST_ITERATIONS = 1_000_000;

  private enum State {
    FIRST_SENT,
    PROOF_SENT,
    COMPLETE
  }

  private final String password;
  private final String nonce;
  private final String bare;
  private State state = State.FIRST_SENT;
  private byte[] serverSignature = {};

  ScramLogin(ClientLogin.Password login) {
    this(login, nonce());
  }

  ScramLogin(ClientLogin.Password login, String nonce) {
    this.password = login.password();
    this.nonce = nonce;
    var prepared = SaslPrep.name(login.user());
    var user = prepared == null ? login.user() : prepared;
    bare = "n=" + user.replace("=", "=3D").replace(",", "=2C") + ",r=" + nonce;
  }

  private static String nonce() {
    var octets = new byte[NONCE];
    new SecureRandom().nextBytes(octets);
    return Base64.getEncoder().encodeToString(octets);
  }

  @Override
  public String mechanism() {
    return "SCRAM-SHA-256";
  }

  @Override
  public byte[] initialResponse() {
    return (HEADER + bare).getBytes(UTF_8);
  }

  @Override
  public byte @Nullable [] answer(byte[] challenge) {
    if (challenge.length > MOST) {
      return null;
    }
    var text = new String(challenge, UTF_8);
    try {
      return switch (state) {
        case FIRST_SENT -> proof(text);
        case PROOF_SENT -> end(text);
        case COMPLETE -> null;
      };
    } catch (IllegalArgumentException e) {
      return null; // no base64, or no number
    }
  }

  /** {@code server-first-message = [reserved-mext ","] nonce "," salt "," iteration-count}. */
  private byte @Nullable [] proof(String serverFirst) {
    var attributes = serverFirst.split(",", -1);
    if (attributes.length < 3
        || !attributes[0].startsWith("r=" + nonce)
        || attributes[0].length() <= 2 + nonce.length()
        || !attributes[1].startsWith("s=")
        || !attributes[2].startsWith("i=")) {
      return null;
    }
    int iterations = Integer.parseInt(attributes[2].substring(2));
    // Fewer would help who wants to guess the password; very many would keep us busy.
    if (iterations < FEWEST_ITERATIONS || iterations > MOST_ITERATIONS) {
      return null;
    }
    var salt = Base64.getDecoder().decode(attributes[1].substring(2));
    if (salt.length == 0) {
      return null;
    }
    var withoutProof = "c=" + base64(HEADER.getBytes(UTF_8)) + "," + attributes[0];
    var authMessage = (bare + "," + serverFirst + "," + withoutProof).getBytes(UTF_8);
    var salted = ScramSha256.salted(password, salt, iterations);
    var proof = ScramSha256.proof(salted, authMessage);
    serverSignature =
        ScramSha256.serverSignature(ScramSha256.keys(salted, salt, iterations), authMessage);
    state = State.PROOF_SENT;
    return (withoutProof + ",p=" + base64(proof)).getBytes(UTF_8);
  }

  /** {@code server-final-message = (server-error / verifier) ["," extensions]}. */
  private byte @Nullable [] end(String serverFinal) {
    var verifier = serverFinal.split(",", -1)[0];
    if (!verifier.startsWith("v=")
        || !MessageDigest.isEqual(
            Base64.getDecoder().decode(verifier.substring(2)), serverSignature)) {
      return null;
    }
    state = State.COMPLETE;
    return new byte[0];
  }

  /** Whether the server knows the password, too. */
  @Override
  public boolean isComplete() {
    return state == State.COMPLETE;
  }

  private static String base64(byte[] octets) {
    return Base64.getEncoder().encodeToString(octets);
  }
}
