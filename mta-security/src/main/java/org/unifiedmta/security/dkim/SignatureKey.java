package org.unifiedmta.security.dkim;

import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.dns.DnsResolver.Answer;
import org.unifiedmta.security.dkim.DKIMVerifier.Policy;
import org.unifiedmta.security.dkim.DkimResult.Status;

/** The public key of a signature as the DNS has it, or why there is none (RFC 6376 6.1.2). */
public final class SignatureKey {
  /**
   * What a key says of a signature.
   *
   * @param reason why it did not pass, or null
   * @param testing whether the key says t=y
   */
  public record Verdict(Status status, @Nullable String reason, boolean testing) {}

  private final SignatureAlgorithm algorithm;
  private final @Nullable DkimKeyRecord key;
  private final @Nullable Verdict refusal;

  private SignatureKey(
      SignatureAlgorithm algorithm, @Nullable DkimKeyRecord key, @Nullable Verdict refusal) {
    this.algorithm = algorithm;
    this.key = key;
    this.refusal = refusal;
  }

  /** Where the key of a domain is. */
  public static String name(String selector, String domain) {
    return selector + "._domainkey." + domain;
  }

  /**
   * Reads what the DNS says.
   *
   * @param forSubdomain whether the signature is of a subdomain of the key's
   */
  public static SignatureKey of(
      Answer<String> answer, SignatureAlgorithm algorithm, boolean forSubdomain) {
    if (answer.status().isTemporary()) {
      return refused(algorithm, Status.TEMPERROR, "no answer from the DNS for the key", false);
    }
    var records =
        answer.records().stream().flatMap(txt -> DkimKeyRecord.parse(txt).stream()).toList();
    if (records.isEmpty()) {
      return refused(
          algorithm,
          Status.PERMERROR,
          answer.records().isEmpty() ? "no key" : "no key in what is there",
          false);
    }
    if (records.size() > 1) { // 3.6.2.2 leaves it open
      return refused(algorithm, Status.PERMERROR, "more than one key", false);
    }
    var key = records.getFirst();
    var unfit = unfit(key, algorithm, forSubdomain);
    return unfit == null
        ? new SignatureKey(algorithm, key, null)
        : refused(algorithm, Status.PERMERROR, unfit, key.isTesting());
  }

  private static SignatureKey refused(
      SignatureAlgorithm algorithm, Status status, String reason, boolean testing) {
    return new SignatureKey(algorithm, null, new Verdict(status, reason, testing));
  }

  private static @Nullable String unfit(
      DkimKeyRecord key, SignatureAlgorithm algorithm, boolean forSubdomain) {
    if (key.isRevoked()) {
      return "the key is revoked";
    }
    if (!key.type().equals(algorithm.keyType)) {
      return "the key is of another type";
    }
    if (!key.hashes().isEmpty() && !key.hashes().contains(algorithm.hashName())) {
      return "the key is not for this hash";
    }
    if (!key.isForMail()) {
      return "the key is not for mail";
    }
    return key.isStrict() && forSubdomain ? "the key is not for subdomains" : null;
  }

  /** Why no signature can be verified with it, or empty. */
  public Optional<Verdict> refusal() {
    return Optional.ofNullable(refusal);
  }

  boolean isTesting() {
    return key != null && key.isTesting();
  }

  /** Whether a signature is of these octets. */
  public Verdict prove(byte[] data, byte[] signature, Policy policy) {
    if (key == null) {
      return Objects.requireNonNull(refusal);
    }
    boolean proved;
    if (algorithm == SignatureAlgorithm.ED25519_SHA256) {
      var ed25519 = key.ed25519();
      if (ed25519 == null) {
        return verdict(Status.PERMERROR, "the key is none");
      }
      proved = DkimCrypto.verifyEd25519(ed25519, data, signature);
    } else {
      var rsa = key.rsa();
      if (rsa == null) {
        return verdict(Status.PERMERROR, "the key is none");
      }
      if (rsa.getModulus().bitLength() < policy.minimumRsaBits()) { // RFC 8301 3.2
        return verdict(Status.POLICY, "the key is too short");
      }
      proved = DkimCrypto.verifyRsa(algorithm.hash(), rsa, data, signature);
    }
    return proved
        ? verdict(Status.PASS, null)
        : verdict(Status.FAIL, "the header is not what was signed");
  }

  private Verdict verdict(Status status, @Nullable String reason) {
    return new Verdict(status, reason, isTesting());
  }
}
