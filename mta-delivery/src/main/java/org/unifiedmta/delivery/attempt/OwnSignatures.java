package org.unifiedmta.delivery.attempt;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.HeaderSection.Field;
import org.unifiedmta.security.dkim.BodyHasher;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.security.dkim.DKIMSigner;
import org.unifiedmta.security.dkim.DKIMVerifier;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry.State;
import org.unifiedmta.security.dkim.DkimSignature;

/**
 * The signatures that we have put on a message: of those in front of all else, the ones that our
 * own keys prove. Whoever only writes a field of that name does not get us to sign for him.
 */
final class OwnSignatures {
  static final String FIELD = "DKIM-Signature";

  /** One of them. */
  record Own(Field field, DkimSignature signature) {
    String domain() {
      return signature.domain();
    }

    /** For how long it is good, if that has an end. */
    Optional<Duration> lifetime() {
      return signature.expires() < 0 || signature.signed() < 0
          ? Optional.empty()
          : Optional.of(Duration.ofSeconds(signature.expires() - signature.signed()));
    }
  }

  private final DKIMCreator keys;

  OwnSignatures(DKIMCreator keys) {
    this.keys = keys;
  }

  /** Those in front of all other fields, whoever has written them. */
  static List<Own> leading(HeaderSection header) {
    return header.fields().stream()
        .takeWhile(field -> field.name().equalsIgnoreCase(FIELD))
        .flatMap(field ->
            DkimSignature.read(field.value()).map(signature -> new Own(field, signature)).stream())
        .toList();
  }

  /**
   * Those that our keys prove, revoked ones too; reads the message.
   *
   * @param at when they were, or are, good
   */
  List<Own> of(ByteSource message, HeaderSection header, Instant at) {
    var records = new HashMap<String, String>();
    for (var signature : leading(header)) {
      publish(signature.signature(), at, records);
    }
    var published = ZoneResolver.builder();
    records.forEach(published::txt);
    var verifier =
        new DKIMVerifier(
            published.build(), Clock.fixed(at, ZoneOffset.UTC), DKIMVerifier.Policy.rfc8301());
    var verification = verifier.begin(header);
    BodyHasher.read(message, header, verification);
    var results = verification.results(); // as many as there are fields, from the top
    var own = new ArrayList<Own>();
    for (int i = 0; i < results.size(); i++) {
      var field = header.fields().get(i);
      if (!field.name().equalsIgnoreCase(FIELD)) {
        break;
      }
      if (results.get(i).isValid()) {
        DkimSignature.read(field.value())
            .ifPresent(signature -> own.add(new Own(field, signature)));
      }
    }
    return own;
  }

  private void publish(DkimSignature signature, Instant at, Map<String, String> records) {
    keys.keys(signature.domain()).stream()
        .filter(entry -> entry.selector().equals(signature.selector()))
        .map(entry -> DKIMCreator.dnsRecord(entry.withState(State.SIGNING, at)))
        .forEach(record -> records.put(record.name(), record.value()));
  }

  /** What makes such a signature; empty if its key is revoked. */
  Optional<DKIMSigner> signer(Own own) {
    try {
      var signer = keys.signer(own.signature().domain(), own.signature().selector());
      return Optional.of(own.lifetime().map(signer::withLifetime).orElse(signer));
    } catch (NoSuchElementException e) {
      return Optional.empty();
    }
  }
}
