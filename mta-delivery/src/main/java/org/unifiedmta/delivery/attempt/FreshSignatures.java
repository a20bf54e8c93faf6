package org.unifiedmta.delivery.attempt;

import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.delivery.attempt.OwnSignatures.Own;
import org.unifiedmta.delivery.queue.Edits;
import org.unifiedmta.security.dkim.BodyHasher;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.security.dkim.DKIMSigner;

/**
 * Signatures of ours that would not be valid any more where a message arrives, because their time
 * is over (RFC 6376 3.5, x=) or their key is revoked (3.6.1), are made anew.
 */
final class FreshSignatures {
  private static final Logger log = LoggerFactory.getLogger(FreshSignatures.class);

  /** How long a message may be under way from here. */
  private static final Duration TRANSIT = Duration.ofHours(1);

  private final @Nullable DKIMCreator keys;

  /**
   * @param keys null where nothing is signed
   */
  FreshSignatures(@Nullable DKIMCreator keys) {
    this.keys = keys;
  }

  /** The message with signatures that are good now. */
  ByteSource of(ByteSource message, Instant signedAt, Instant now) {
    if (keys == null) {
      return message;
    }
    try {
      return fresh(message, signedAt, now, keys);
    } catch (RuntimeException e) {
      log.error(
          "a message goes with the signatures that it has, since they could not be looked at", e);
      return message;
    }
  }

  private static ByteSource fresh(
      ByteSource message, Instant signedAt, Instant now, DKIMCreator keys) {
    var header = HeaderSection.of(message);
    if (OwnSignatures.leading(header).stream().noneMatch(own -> isStale(own, keys, now))) {
      return message;
    }
    var own = new OwnSignatures(keys).of(message, header, signedAt);
    var domains =
        own.stream()
            .filter(signature -> isStale(signature, keys, now))
            .map(Own::domain)
            .collect(Collectors.toSet());
    var stale = own.stream().filter(signature -> domains.contains(signature.domain())).toList();
    return stale.isEmpty() ? message : signed(message, stale, keys);
  }

  private static boolean isStale(Own own, DKIMCreator keys, Instant now) {
    var signature = own.signature();
    return (signature.expires() >= 0 && signature.expires() < now.plus(TRANSIT).getEpochSecond())
        || keys.isRevoked(signature.domain(), signature.selector());
  }

  /** With what signs their domains now in their place. */
  private static ByteSource signed(ByteSource message, List<Own> stale, DKIMCreator keys) {
    var cuts = stale.stream().map(own -> own.field().cut()).toList();
    var bare = new Edited(message, new Edits(new byte[0], cuts));
    var section = HeaderSection.of(bare);
    var hash = BodyHasher.hash(bare, section);
    var domains = new LinkedHashMap<String, Own>();
    stale.forEach(own -> domains.putIfAbsent(own.domain(), own));
    var fields = new StringBuilder();
    domains.forEach((domain, own) -> {
      var signers = keys.signers(domain);
      if (signers.isEmpty()) {
        log.warn("no key signs for {} any more: its mail goes without signature", domain);
      }
      for (DKIMSigner signer : signers) {
        var limited = own.lifetime().map(signer::withLifetime).orElse(signer);
        fields.append(limited.signatureHeader(section, hash)).append("\r\n");
      }
    });
    var prefix = fields.toString().getBytes(StandardCharsets.US_ASCII);
    return new Edited(message, new Edits(prefix, cuts));
  }

  private record Edited(ByteSource message, Edits edits) implements ByteSource {
    @Override
    public InputStream open() {
      return edits.applyTo(message.open());
    }

    @Override
    public long size() {
      return edits.sizeOf(message.size());
    }
  }
}
