package org.unifiedmta.security.arc;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.DnsResolver.Answer;
import org.unifiedmta.core.spool.ByteSink;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.HeaderSection.Field;
import org.unifiedmta.security.arc.ArcResult.Status;
import org.unifiedmta.security.dkim.BodyHasher;
import org.unifiedmta.security.dkim.DKIMVerifier;
import org.unifiedmta.security.dkim.DkimHeaders;
import org.unifiedmta.security.dkim.DkimResult;
import org.unifiedmta.security.dkim.SignatureAlgorithm;
import org.unifiedmta.security.dkim.SignatureKey;

/**
 * Verifies ARC chains (RFC 8617 5.2). Takes anything that a peer may send; never throws for it.
 * Blocks for DNS look-ups: one for each key, none begun later than 20 s after the first, none for a
 * chain that cannot be valid as it is written. Thread-safe.
 *
 * <p>A valid chain says who handled a message and that nobody changed what they wrote, not that it
 * is true.
 */
public final class ArcVerifier {
  private static final Duration BUDGET = Duration.ofSeconds(20);

  private final DnsResolver resolver;
  private final Clock clock;
  private final DKIMVerifier.Policy policy;

  /**
   * @param policy for hashes and sizes of keys; of sets there may be 50 (4.2.1)
   */
  public ArcVerifier(DnsResolver resolver, Clock clock, DKIMVerifier.Policy policy) {
    this.resolver = resolver;
    this.clock = clock;
    this.policy = policy;
  }

  /** Verifies a whole message. */
  public ArcResult verify(byte[] message) {
    var header = HeaderSection.of(message);
    var verification = begin(header);
    verification.write(BodyHasher.body(message, header));
    return verification.result();
  }

  /** Begins with a message whose body is still to pass. */
  public Verification begin(HeaderSection header) {
    return new Verification(header);
  }

  /** One message: takes the octets of its body, which follow the blank line. */
  public final class Verification implements ByteSink {
    private final List<Field> fields;
    private final ArcChain chain;
    private final @Nullable BodyHasher body;
    private @Nullable ArcResult known;

    private Verification(HeaderSection header) {
      fields = header.fields();
      chain = ArcChain.of(header);
      known = asWritten();
      body =
          known == null
              ? new BodyHasher(
                  chain.newest().algorithm().hash(), chain.newest().body(), chain.newest().limit())
              : null;
    }

    /** What can be said without a key and the body, or null. */
    private @Nullable ArcResult asWritten() {
      if (chain.isEmpty()) {
        return ArcResult.none();
      }
      var fault = chain.fault();
      if (fault != null) {
        return fail(fault);
      }
      var newest = chain.newest();
      boolean oldHash =
          newest.algorithm() == SignatureAlgorithm.RSA_SHA1
              || chain.links().stream()
                  .anyMatch(link -> link.seal().algorithm() == SignatureAlgorithm.RSA_SHA1);
      if (oldHash && !policy.allowSha1()) {
        return fail("SHA-1"); // RFC 8301 3.1
      }
      if (newest.expires() >= 0 && newest.expires() < clock.instant().getEpochSecond()) {
        return fail("the message signature has expired");
      }
      return new DkimHeaders(fields).count("From") > newest.coveredFroms() // RFC 6376 8.15
          ? fail("there are more From fields than are signed")
          : null;
    }

    private ArcResult fail(String reason) {
      return new ArcResult(Status.FAIL, chain.highest(), reason);
    }

    /** Whether the body makes a difference. */
    public boolean needsBody() {
      return body != null;
    }

    @Override
    public void write(ByteBuffer octets) {
      if (body != null) {
        body.write(octets.duplicate());
      }
    }

    /** Asks for the keys and verifies what is no body, so that it is known when that is; blocks. */
    public void fetchKeys() {
      if (known == null) {
        known = new Proof().result();
      }
    }

    /** When the whole body has passed. */
    public ArcResult result() {
      var fault = body == null ? null : bodyFault(body);
      if (fault != null) {
        return fail(fault);
      }
      fetchKeys();
      return known == null ? fail("not verified") : known;
    }

    /** The result where there was no time for {@link #fetchKeys}. */
    public ArcResult late(String reason) {
      return body == null && known != null
          ? known
          : new ArcResult(Status.TEMPERROR, chain.highest(), reason);
    }

    private @Nullable String bodyFault(BodyHasher hasher) {
      var newest = chain.newest();
      if (!MessageDigest.isEqual(hasher.hash(), newest.bodyHash())) {
        return "the body is not what was signed";
      }
      if (newest.limit() > hasher.length()) {
        return "l= is more than there is";
      }
      return newest.limit() >= 0 && newest.limit() < hasher.length()
          ? "l= leaves a part unsigned"
          : null;
    }

    /**
     * The newest message signature, then all seals from the newest on, as far as they are valid.
     */
    private final class Proof {
      private final Map<String, Answer<String>> answers = new HashMap<>();
      private final Instant end = clock.instant().plus(BUDGET);

      ArcResult result() {
        var links = chain.links();
        var refused = messageSignature(links.getLast().messageSignature());
        for (int last = links.size(); last > 0 && refused == null; last--) {
          refused = seal(links.subList(0, last));
        }
        return refused == null ? new ArcResult(Status.PASS, chain.highest(), null) : refused;
      }

      private @Nullable ArcResult messageSignature(Field own) {
        var signature = chain.newest();
        var others = new ArrayList<>(fields);
        others.remove(own); // RFC 6376 3.5: it does not sign itself by its name
        var data =
            new DkimHeaders(others)
                .canonical(
                    signature.headers(), signature.header(), own.name(), signature.unsigned());
        var verdict =
            key(signature.keyName(), signature.algorithm())
                .prove(data, signature.signature(), policy);
        return refusal(verdict, ArcChain.MESSAGE_SIGNATURE, chain.highest());
      }

      /** The last of these. */
      private @Nullable ArcResult seal(List<ArcChain.Link> links) {
        var link = links.getLast();
        var seal = link.seal();
        var data =
            DkimHeaders.relaxed(ArcChain.sealed(links), link.sealField().name(), seal.unsigned());
        var verdict = key(seal.keyName(), seal.algorithm()).prove(data, seal.signature(), policy);
        return refusal(verdict, ArcChain.SEAL, links.size());
      }

      private SignatureKey key(String name, SignatureAlgorithm algorithm) {
        var answer =
            answers.computeIfAbsent(
                name,
                key ->
                    clock.instant().isAfter(end)
                        ? Answer.none(DnsResolver.Status.TIMEOUT)
                        : resolver.txt(key));
        return SignatureKey.of(answer, algorithm, false);
      }

      private @Nullable ArcResult refusal(
          SignatureKey.Verdict verdict, String field, int instance) {
        if (verdict.status() == DkimResult.Status.PASS) {
          return null;
        }
        boolean later = verdict.status() == DkimResult.Status.TEMPERROR;
        return new ArcResult(
            later ? Status.TEMPERROR : Status.FAIL,
            chain.highest(),
            field + " i=" + instance + ": " + verdict.reason());
      }
    }
  }
}
