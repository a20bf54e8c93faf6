package org.unifiedmta.security.arc;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.security.PrivateKey;
import java.time.Clock;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.mime.HeaderText;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.HeaderSection.Field;
import org.unifiedmta.security.arc.ArcSeal.Validation;
import org.unifiedmta.security.dkim.BodyHasher;
import org.unifiedmta.security.dkim.DKIMSigner.Canonicalization;
import org.unifiedmta.security.dkim.DkimHeaders;
import org.unifiedmta.security.dkim.SigningKey;

/**
 * Adds an ARC set to messages that go on (RFC 8617 5.1): what was found of a message when it came,
 * and a seal on that. To be used when all else has been done to the message. Thread-safe.
 */
public final class ArcSealer {
  private static final int LINE = 64; // of names in h=

  /** Of b=, which is in one piece where a line can hold it: seals sign the blanks in it. */
  private static final int PIECE = 900;

  /** 4.1.2: what was signed before is signed again, what is removed on the way is not. */
  private static final List<String> SIGNED = withDkim();

  private static final List<String> UNSIGNED =
      List.of(
          "Authentication-Results",
          ArcChain.SEAL,
          ArcChain.MESSAGE_SIGNATURE,
          ArcChain.RESULTS); // 4.1.2

  private final SigningKey key;
  private final @Nullable List<String> headers;
  private final Clock clock;

  private ArcSealer(Builder builder) {
    key = builder.key;
    headers = builder.headers;
    clock = builder.clock;
  }

  private static List<String> withDkim() {
    var names = new ArrayList<>(DkimHeaders.SIGNED);
    names.add("DKIM-Signature");
    return List.copyOf(names);
  }

  /**
   * Seals as a domain.
   *
   * @param selector by which its public key is found, at {@code selector._domainkey.domain}
   * @param key of RSA with at least 1,024 bits, or Ed25519
   * @throws IllegalArgumentException if one of them is not that
   */
  public static Builder builder(String domain, String selector, PrivateKey key) {
    return new Builder(new SigningKey(domain, selector, key));
  }

  /**
   * The message with a set in front; the message as it is where a set would say nothing: behind a
   * seal that says cv=fail, behind 50 sets, and while the DNS does not say what the chain is.
   *
   * @param authservId our own name, a token
   * @param authenticationResults what follows it in an Authentication-Results field
   * @param soFar what was found of the message's chain; for a broken one the new seal says cv=fail,
   *     and covers the new set alone (5.1.2)
   * @throws IllegalArgumentException if the result is of another message: there is a chain, and it
   *     says none
   */
  public byte[] seal(
      byte[] message, String authservId, String authenticationResults, ArcResult soFar) {
    var header = HeaderSection.of(message);
    var hasher = BodyHasher.of(Canonicalization.RELAXED);
    hasher.write(BodyHasher.body(message, header));
    var set = set(header, hasher.hash(), authservId, authenticationResults, soFar);
    if (set.isEmpty()) {
      return message;
    }
    var sealed = new ByteArrayOutputStream(message.length + set.length());
    sealed.writeBytes(set.getBytes(ISO_8859_1));
    sealed.writeBytes(message);
    return sealed.toByteArray();
  }

  /**
   * As {@link #seal}, of a message whose body has passed.
   *
   * @param bodyHash SHA-256 of the body in its relaxed form
   * @return what is put in front of the message: the fields, octets as Latin-1, each with its line
   *     break; empty where they would say nothing
   */
  public String set(
      HeaderSection header,
      byte[] bodyHash,
      String authservId,
      String authenticationResults,
      ArcResult soFar) {
    if (!isToken(authservId)) {
      throw new IllegalArgumentException("no authserv-id: " + authservId);
    }
    var chain = ArcChain.of(header);
    if (soFar.status() == ArcResult.Status.NONE && !chain.isEmpty() && !chain.endsInFail()) {
      throw new IllegalArgumentException("the message has a chain that was not verified");
    }
    int instance = chain.highest() + 1;
    if (chain.endsInFail() // 5.1 step 2
        || instance > ArcTags.MAXIMUM_INSTANCE
        || soFar.status() == ArcResult.Status.TEMPERROR) {
      return "";
    }
    var results = field(ArcChain.RESULTS, results(instance, authservId, authenticationResults));
    var signature = field(ArcChain.MESSAGE_SIGNATURE, messageSignature(header, bodyHash, instance));
    var validation = validation(chain, soFar);
    var before = validation == Validation.PASS ? fields(chain) : List.<Field>of();
    var seal = field(ArcChain.SEAL, seal(before, results, signature, instance, validation));
    var set = new StringBuilder();
    for (var field : List.of(seal, signature, results)) {
      set.append(field.name()).append(':').append(field.value()).append("\r\n");
    }
    return set.append(header.beginsFolded() ? "\r\n" : "").toString();
  }

  private static Validation validation(ArcChain chain, ArcResult soFar) {
    if (soFar.status() == ArcResult.Status.FAIL || chain.fault() != null) {
      return Validation.FAIL;
    }
    return chain.isEmpty() ? Validation.NONE : Validation.PASS;
  }

  private static List<Field> fields(ArcChain chain) {
    var fields = new ArrayList<>(ArcChain.sealed(chain.links()));
    fields.add(chain.links().getLast().sealField());
    return fields;
  }

  /** As it would be read. */
  private static Field field(String name, String value) {
    var folded = HeaderText.fold(name, value).substring(name.length() + 1);
    return new Field(name, folded, 0, name.length() + folded.length() + 3);
  }

  /** On one line, as octets. */
  private static String results(int instance, String authservId, String results) {
    var line = new StringBuilder("i=" + instance + "; " + authservId + ";");
    boolean blank = true;
    boolean none = true;
    for (char c : new String(results.getBytes(StandardCharsets.UTF_8), ISO_8859_1).toCharArray()) {
      if (c == ' ' || c == '\t' || c == '\r' || c == '\n') {
        blank = true;
      } else {
        line.append(blank ? " " : "").append(c < ' ' || c == 127 ? '?' : c);
        blank = false;
        none = false;
      }
    }
    return none ? line + " none" : line.toString(); // RFC 8601 2.2
  }

  private String messageSignature(HeaderSection header, byte[] bodyHash, int instance) {
    var fields = new DkimHeaders(header);
    var names = names(fields);
    var front = "a=" + key.algorithm().tagValue() + "; b=";
    var behind =
        "; bh="
            + Base64.getEncoder().encodeToString(bodyHash)
            + "; c=relaxed/relaxed; d="
            + key.domain()
            + "; h="
            + foldable(names)
            + end(instance);
    return signed(
        front,
        behind,
        fields.canonical(
            names, Canonicalization.RELAXED, ArcChain.MESSAGE_SIGNATURE, front + behind));
  }

  private String seal(
      List<Field> before, Field results, Field signature, int instance, Validation validation) {
    var front = "a=" + key.algorithm().tagValue() + "; b=";
    var behind = "; cv=" + validation.tagValue() + "; d=" + key.domain() + end(instance);
    var fields = new ArrayList<>(before);
    fields.add(results);
    fields.add(signature);
    return signed(front, behind, DkimHeaders.relaxed(fields, ArcChain.SEAL, front + behind));
  }

  private String end(int instance) {
    return "; i=" + instance + "; s=" + key.selector() + "; t=" + clock.instant().getEpochSecond();
  }

  private String signed(String front, String behind, byte[] data) {
    var signature = Base64.getEncoder().encodeToString(key.sign(data));
    var value = new StringBuilder(front);
    for (int from = 0; from < signature.length(); from += PIECE) {
      value.append(from == 0 ? "" : " ");
      value.append(signature, from, Math.min(signature.length(), from + PIECE));
    }
    return value.append(behind).toString();
  }

  private List<String> names(DkimHeaders fields) {
    if (headers == null) {
      return fields.names(SIGNED, DkimHeaders.OVERSIGNED);
    }
    var names = new ArrayList<String>();
    for (var name : headers) {
      names.add(name);
      boolean isLast = count(headers, name) == count(names, name);
      for (int i = fields.count(name) - count(headers, name); isLast && i > 0; i--) {
        names.add(name);
      }
    }
    return names;
  }

  private static int count(List<String> names, String name) {
    return (int) names.stream().filter(name::equalsIgnoreCase).count();
  }

  /** With a blank behind a colon wherever there is enough for a line. */
  private static String foldable(List<String> names) {
    var list = new StringBuilder();
    int line = 0;
    for (var name : names) {
      if (!list.isEmpty()) {
        list.append(':');
      }
      if (line > 0 && line + name.length() > LINE) {
        list.append(' ');
        line = 0;
      }
      list.append(name);
      line += name.length() + 1;
    }
    return list.toString();
  }

  private static boolean isToken(String text) {
    return !text.isEmpty()
        && text.chars().allMatch(c -> c > ' ' && c < 127 && "()<>@,;:\\\"/[]?=".indexOf(c) < 0);
  }

  /** Collects how to seal. */
  public static final class Builder {
    private final SigningKey key;
    private @Nullable List<String> headers;
    private Clock clock = Clock.systemUTC();

    private Builder(SigningKey key) {
      this.key = key;
    }

    /**
     * What h= of the message signature is: each name at least as often as it is given, more where
     * there are more such fields; From in any case. Unless told, the fields that a DKIM signature
     * covers, those signatures, and those that people read once more than they are there.
     *
     * @throws IllegalArgumentException for fields of ARC and Authentication-Results, which must not
     *     be signed (4.1.2)
     */
    public Builder headers(List<String> names) {
      var all = new ArrayList<>(DkimHeaders.checked(names));
      for (var name : all) {
        if (count(UNSIGNED, name) > 0) {
          throw new IllegalArgumentException("must not be signed: " + name);
        }
      }
      if (count(all, "From") == 0) {
        all.addFirst("From"); // RFC 6376 5.4
      }
      headers = List.copyOf(all);
      return this;
    }

    public Builder clock(Clock time) {
      clock = time;
      return this;
    }

    public ArcSealer build() {
      return new ArcSealer(this);
    }
  }
}
