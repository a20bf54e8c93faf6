package org.unifiedmta.security.sasl;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.security.sasl.CredentialStore.Scram;

/**
 * SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677): the client proves that it knows the
 * password, then we that we know what was made of it.
 *
 * <p>In SMTP a success carries no data, so the final message is a challenge, and the client's
 * answer to it is empty (RFC 4954 4, RFC 4422 3.6). A user that is not there gets as far as the
 * proof, as anybody with a wrong password.
 */
final class ScramExchange implements SaslExchange {
  private static final Step MALFORMED_FIRST = new Step.Failure("malformed SCRAM first message");
  private static final Step MALFORMED_FINAL = new Step.Failure("malformed SCRAM final message");
  private static final int NONCE = 24; // random octets

  /** {@code nonce = "r=" printable}, without comma; clients send some 24 characters. */
  private static final Pattern NONCE_ATTRIBUTE = Pattern.compile("r=[!-+\\--~]{1,512}");

  /** {@code attr-val = ALPHA "=" value}: an extension, ignored as nobody has defined one. */
  private static final Pattern EXTENSION = Pattern.compile("[A-Za-z&&[^m]]=[^\\x00,]+");

  private static final Base64.Encoder ENCODER = Base64.getEncoder();

  /** How far the login has come. */
  private sealed interface Progress {
    record Begun() implements Progress {}

    /**
     * We have sent the server's first message.
     *
     * @param keys the user's, or made up
     * @param known whether they are the user's
     * @param binding the attribute {@code c=} that must come
     * @param nonce the client's and ours
     * @param messages client-first-message-bare and server-first-message, as in AuthMessage
     */
    record Challenged(
        String user, Scram keys, boolean known, String binding, String nonce, String messages)
        implements Progress {}

    /** The client has proved it; it is to acknowledge our proof. */
    record Proved(String user) implements Progress {}

    record Over() implements Progress {}
  }

  private final SaslContext context;
  private final boolean plus;
  private final String nonce;
  private Progress progress = new Progress.Begun();

  /**
   * @param plus whether the mechanism is the one that binds to the channel
   */
  ScramExchange(SaslContext context, boolean plus) {
    this(context, plus, newNonce());
  }

  private static String newNonce() {
    var octets = new byte[NONCE];
    new SecureRandom().nextBytes(octets);
    return ENCODER.encodeToString(octets);
  }

  ScramExchange(SaslContext context, boolean plus, String nonce) {
    this.context = context;
    this.plus = plus;
    this.nonce = nonce;
  }

  @Override
  public Step next(byte @Nullable [] response) {
    if (response == null) {
      return new Step.Challenge(new byte[0]);
    }
    var now = progress;
    progress = new Progress.Over();
    return switch (now) {
      case Progress.Begun() -> first(Utf8.message(response));
      case Progress.Challenged challenged -> last(challenged, Utf8.message(response));
      case Progress.Proved(var user) ->
          response.length == 0
              ? new Step.Success(user)
              : new Step.Failure("the client did not accept our proof");
      case Progress.Over() -> new Step.Failure("the exchange is over");
    };
  }

  /**
   * Answers the client's first message.
   *
   * <pre>
   * client-first-message      = gs2-header client-first-message-bare
   * client-first-message-bare = [reserved-mext ","] username "," nonce ["," extensions]
   * server-first-message      = [reserved-mext ","] nonce "," salt "," iteration-count ...
   * </pre>
   */
  private Step first(@Nullable String message) {
    var header = message == null ? null : Gs2Header.of(message);
    if (message == null || header == null) {
      return MALFORMED_FIRST;
    }
    var bare = message.substring(header.text().length());
    if (bare.startsWith("m=")) {
      return new Step.Failure("mandatory SCRAM extension"); // RFC 5802 5.1: must fail
    }
    var attributes = bare.split(",", -1);
    if (attributes.length < 2
        || !attributes[0].startsWith("n=")
        || !NONCE_ATTRIBUTE.matcher(attributes[1]).matches()
        || !hasOnlyExtensions(attributes)) {
      return MALFORMED_FIRST;
    }
    var user = Gs2Header.name(attributes[0].substring(2));
    if (user == null) {
      return MALFORMED_FIRST;
    }
    // Nobody acts for another here, so an authorization identity must be the user's own.
    var identity = header.authorizationIdentity();
    if (identity != null && !identity.equals(user)) {
      return new Step.Failure("authorization identity is not the user's");
    }
    var problem = bindingProblem(header.binding());
    if (problem != null) {
      return new Step.Failure(problem);
    }
    var found = context.credentials().scram(user);
    var decoy = context.credentials().decoy(user); // also for those that need none: in equal time
    var keys = found.orElse(decoy);
    var both = attributes[1].substring(2) + nonce;
    var answer =
        "r=" + both + ",s=" + ENCODER.encodeToString(keys.salt()) + ",i=" + keys.iterations();
    progress =
        new Progress.Challenged(
            user, keys, found.isPresent(), bindingAttribute(header), both, bare + "," + answer);
    return challenge(answer);
  }

  /** What is wrong with the client's word on channel binding (RFC 5802 6), or null. */
  private @Nullable String bindingProblem(String binding) {
    if (plus) {
      if (!binding.startsWith("p=")) {
        return "SCRAM-SHA-256-PLUS without channel binding";
      }
      return context.channelBindings().containsKey(binding.substring(2))
          ? null
          : "channel binding that this channel does not have: " + binding.substring(2);
    }
    if (binding.startsWith("p=")) {
      return "channel binding under SCRAM-SHA-256";
    }
    // The client could bind and did not see that we can: somebody cut it out of our offer.
    return binding.equals("y") && !context.channelBindings().isEmpty()
        ? "downgraded: the client was not shown SCRAM-SHA-256-PLUS"
        : null;
  }

  /** {@code cbind-input = gs2-header [cbind-data]}, in base64. */
  private String bindingAttribute(Gs2Header header) {
    var input = new ByteArrayOutputStream();
    input.writeBytes(header.text().getBytes(UTF_8));
    if (plus) {
      var data = context.channelBindings().get(header.binding().substring(2));
      input.writeBytes(data == null ? new byte[0] : data);
    }
    return "c=" + ENCODER.encodeToString(input.toByteArray());
  }

  /**
   * Answers the client's final message.
   *
   * <pre>
   * client-final-message-without-proof = channel-binding "," nonce ["," extensions]
   * client-final-message = client-final-message-without-proof "," proof
   * AuthMessage := client-first-message-bare + "," + server-first-message + "," +
   *                client-final-message-without-proof
   * </pre>
   */
  private Step last(Progress.Challenged challenged, @Nullable String message) {
    int end = message == null ? -1 : message.lastIndexOf(",p=");
    if (message == null || end < 0) {
      return MALFORMED_FINAL;
    }
    var withoutProof = message.substring(0, end);
    var proof = decoded(message.substring(end + 3));
    var attributes = withoutProof.split(",", -1);
    if (proof == null || attributes.length < 2 || !hasOnlyExtensions(attributes)) {
      return MALFORMED_FINAL;
    }
    if (!isSame(attributes[0], challenged.binding)) {
      return new Step.Failure("the client sees another channel, or said something else before");
    }
    if (!isSame(attributes[1], "r=" + challenged.nonce)) {
      return new Step.Failure("another nonce");
    }
    var authMessage = (challenged.messages + "," + withoutProof).getBytes(UTF_8);
    if (!ScramSha256.proves(challenged.keys, authMessage, proof) || !challenged.known) {
      return new Step.Failure("wrong password or unknown user");
    }
    progress = new Progress.Proved(challenged.user);
    var signature = ScramSha256.serverSignature(challenged.keys, authMessage);
    return challenge("v=" + ENCODER.encodeToString(signature));
  }

  /** Whether nothing but extensions is behind the two attributes that both messages have. */
  private static boolean hasOnlyExtensions(String[] attributes) {
    for (int i = 2; i < attributes.length; i++) {
      if (!EXTENSION.matcher(attributes[i]).matches()) {
        return false;
      }
    }
    return true;
  }

  private static byte @Nullable [] decoded(String base64) {
    if (base64.length() != 4 * ((ScramSha256.LENGTH + 2) / 3)) {
      return null;
    }
    try {
      var octets = Base64.getDecoder().decode(base64);
      return octets.length == ScramSha256.LENGTH ? octets : null;
    } catch (IllegalArgumentException e) {
      return null;
    }
  }

  private static boolean isSame(String given, String wanted) {
    return MessageDigest.isEqual(given.getBytes(UTF_8), wanted.getBytes(UTF_8));
  }

  private static Step challenge(String text) {
    return new Step.Challenge(text.getBytes(UTF_8));
  }
}
