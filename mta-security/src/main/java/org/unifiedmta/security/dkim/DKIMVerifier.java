package org.unifiedmta.security.dkim;

import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Domains;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.DnsResolver.Answer;
import org.unifiedmta.core.dns.SystemDnsResolver;
import org.unifiedmta.core.spool.ByteSink;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.HeaderSection.Field;
import org.unifiedmta.security.dkim.DkimResult.Status;
import org.unifiedmta.security.dkim.SignatureTags.SyntaxException;
import org.unifiedmta.security.tag.TagList;

/**
 * Verifies DKIM signatures (RFC 6376, RFC 8301, RFC 8463, RFC 8616). Takes anything that a peer may
 * send; never throws for it. Blocks for DNS look-ups: one for each signature, none begun later than
 * 20 s after the first. Thread-safe.
 *
 * <p>Stricter than the RFC where that has been abused: a signature that leaves out a part of the
 * body (l=) is POLICY, one that covers fewer From fields than there are is PERMERROR, and so is one
 * whose key is not the only one by its name.
 */
public final class DKIMVerifier {
  private static final Duration BUDGET = Duration.ofSeconds(20);

  /** Hashed at the same time: there are four without l=. */
  private static final int MAXIMUM_BODIES = 6;

  /** How far the clocks of a signer may be ahead. */
  private static final long SKEW = Duration.ofHours(1).toSeconds();

  /**
   * What is not to be believed, whatever it proves.
   *
   * @param minimumRsaBits of a key
   * @param maximumSignatures those after so many are not looked at
   */
  public record Policy(boolean allowSha1, int minimumRsaBits, int maximumSignatures) {
    /** No SHA-1, RSA keys of 1,024 bits and more (RFC 8301 3), 10 signatures. */
    public static Policy rfc8301() {
      return new Policy(false, 1024, 10);
    }
  }

  private final DnsResolver resolver;
  private final Clock clock;
  private final Policy policy;

  /** Asks the system's DNS servers. */
  public DKIMVerifier() {
    this(SystemDnsResolver.shared());
  }

  public DKIMVerifier(DnsResolver resolver) {
    this(resolver, Clock.systemUTC(), Policy.rfc8301());
  }

  public DKIMVerifier(DnsResolver resolver, Clock clock, Policy policy) {
    this.resolver = resolver;
    this.clock = clock;
    this.policy = policy;
  }

  /**
   * Verifies a whole message.
   *
   * @return one result for each DKIM-Signature field, from the top; none for a message without
   */
  public List<DkimResult> verify(byte[] message) {
    var header = HeaderSection.of(message);
    var verification = begin(header);
    verification.write(BodyHasher.body(message, header));
    return verification.results();
  }

  /** Begins with a message whose body is still to pass. */
  public Verification begin(HeaderSection header) {
    return new Verification(header);
  }

  /** One message: takes the octets of its body, which follow the blank line. */
  public final class Verification implements ByteSink {
    private record BodyForm(String hash, DKIMSigner.Canonicalization form, long limit) {}

    private final DkimHeaders headers;
    private final List<Checked> signatures = new ArrayList<>();
    private final Map<BodyForm, BodyHasher> bodies = new HashMap<>();
    private final List<Answer<String>> keys = new ArrayList<>();

    /**
     * One field.
     *
     * @param signature null if it is refused
     * @param refused null if it is not, or if it is one too many, which is not even read here
     */
    private record Checked(
        Field field, @Nullable DkimSignature signature, @Nullable DkimResult refused) {}

    private Verification(HeaderSection header) {
      headers = new DkimHeaders(header);
      for (var field : header.all("DKIM-Signature")) {
        var checked = check(field, signatures.size());
        signatures.add(checked);
        var signature = checked.signature;
        if (signature != null) {
          bodies.computeIfAbsent(
              form(signature), form -> new BodyHasher(form.hash, form.form, form.limit));
        }
      }
    }

    private Checked check(Field field, int number) {
      if (number >= policy.maximumSignatures) {
        return new Checked(field, null, null);
      }
      DkimSignature signature;
      try {
        signature = DkimSignature.parse(field.value());
      } catch (SyntaxException e) {
        return new Checked(field, null, unread(field.value(), Status.PERMERROR, e.getMessage()));
      }
      var refusal = refusal(signature);
      return new Checked(field, refusal == null ? signature : null, refusal);
    }

    private static DkimResult unread(String value, Status status, @Nullable String why) {
      var tags = TagList.parse(value).orElse(null);
      return new DkimResult(
          status,
          tags == null ? null : name(tags.compact("d")),
          tags == null ? null : name(tags.compact("s")),
          why,
          false);
    }

    /** A name that can be shown; null for anything else. */
    private static @Nullable String name(@Nullable String written) {
      try {
        return written == null ? null : Domains.toAscii(SignatureTags.utf8(written));
      } catch (IllegalArgumentException e) {
        return null;
      }
    }

    private @Nullable DkimResult refusal(DkimSignature signature) {
      if (signature.algorithm() == SignatureAlgorithm.RSA_SHA1 && !policy.allowSha1) {
        return result(signature, Status.POLICY, "SHA-1", false); // RFC 8301 3.1
      }
      long now = clock.instant().getEpochSecond();
      if (signature.expires() >= 0 && signature.expires() < now) {
        return result(signature, Status.FAIL, "signature expired", false); // 6.1.1
      }
      if (signature.signed() > now + SKEW) {
        return result(signature, Status.PERMERROR, "signed in the future", false);
      }
      long covered =
          signature.headers().stream().filter(name -> name.equalsIgnoreCase("From")).count();
      if (headers.count("From") > covered) { // 8.15
        return result(
            signature, Status.PERMERROR, "there are more From fields than are signed", false);
      }
      if (bodies.size() == MAXIMUM_BODIES && !bodies.containsKey(form(signature))) {
        return result(signature, Status.POLICY, "one form of the body too many", false);
      }
      return null;
    }

    private BodyForm form(DkimSignature signature) {
      return new BodyForm(signature.algorithm().hash(), signature.body(), signature.limit());
    }

    /** Whether the body makes a difference, and keys are to be asked for. */
    public boolean needsBody() {
      return !bodies.isEmpty();
    }

    @Override
    public void write(ByteBuffer body) {
      bodies.values().forEach(hasher -> hasher.write(body.duplicate()));
    }

    /** Asks for the keys, so that they are there when the body is; blocks. */
    public void fetchKeys() {
      if (!keys.isEmpty()) {
        return;
      }
      var asked = new HashMap<String, Answer<String>>();
      Instant end = clock.instant().plus(BUDGET);
      for (var checked : signatures) {
        keys.add(
            checked.signature == null
                ? Answer.none(DnsResolver.Status.NODATA)
                : asked.computeIfAbsent(
                    SignatureKey.name(checked.signature.selector(), checked.signature.domain()),
                    name ->
                        clock.instant().isAfter(end)
                            ? Answer.none(DnsResolver.Status.TIMEOUT)
                            : resolver.txt(name)));
      }
    }

    /** One for each DKIM-Signature field, from the top; when the whole body has passed. */
    public List<DkimResult> results() {
      fetchKeys();
      var results = new ArrayList<DkimResult>();
      for (int i = 0; i < signatures.size(); i++) {
        var checked = signatures.get(i);
        var signature = checked.signature;
        results.add(
            signature == null
                ? refused(checked)
                : verify(signature, checked.field.name(), keys.get(i)));
      }
      return results;
    }

    private static DkimResult refused(Checked checked) {
      return checked.refused != null
          ? checked.refused
          : unread(checked.field.value(), Status.POLICY, "one signature too many");
    }

    /** 6.1.2, 6.1.3. */
    private DkimResult verify(DkimSignature signature, String fieldName, Answer<String> answer) {
      boolean forSubdomain = !signature.identityDomain().equals(signature.domain());
      var key = SignatureKey.of(answer, signature.algorithm(), forSubdomain);
      var refusal = key.refusal();
      if (refusal.isPresent()) {
        return result(signature, refusal.get());
      }
      var hasher = Objects.requireNonNull(bodies.get(form(signature)));
      if (!MessageDigest.isEqual(hasher.hash(), signature.bodyHash())) {
        boolean beyond = signature.limit() > hasher.length();
        return result(
            signature,
            beyond ? Status.PERMERROR : Status.FAIL,
            beyond ? "l= is more than there is" : "the body is not what was signed",
            key.isTesting());
      }
      if (signature.limit() > hasher.length()) {
        return result(
            signature, Status.PERMERROR, "l= is more than there is", key.isTesting()); // 3.5
      }
      var data =
          headers.canonical(
              signature.headers(), signature.header(), fieldName, signature.unsigned());
      var proved = key.prove(data, signature.signature(), policy);
      if (proved.status() == Status.PASS
          && signature.limit() >= 0
          && signature.limit() < hasher.length()) {
        return result(signature, Status.POLICY, "l= leaves a part unsigned", key.isTesting());
      }
      return result(signature, proved);
    }

    private static DkimResult result(DkimSignature signature, SignatureKey.Verdict verdict) {
      return result(signature, verdict.status(), verdict.reason(), verdict.testing());
    }

    private static DkimResult result(
        DkimSignature signature, Status status, @Nullable String reason, boolean testing) {
      return new DkimResult(status, signature.domain(), signature.selector(), reason, testing);
    }
  }
}
