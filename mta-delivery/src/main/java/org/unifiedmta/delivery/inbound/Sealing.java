package org.unifiedmta.delivery.inbound;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.SpooledMessage;
import org.unifiedmta.delivery.queue.Edits;
import org.unifiedmta.delivery.submission.Signing.BodyHash;
import org.unifiedmta.security.arc.ArcSealer;
import org.unifiedmta.security.authres.AuthenticationResults;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry;

/**
 * Seals what strangers sent and goes on from here (RFC 8617): whoever gets it next can see what was
 * found of it here. With a key of RSA, since other verifiers know no other. Blocks; thread-safe.
 */
public final class Sealing {
  private static final Logger log = LoggerFactory.getLogger(Sealing.class);
  private static final Duration REREAD = Duration.ofMinutes(1);

  private record Known(@Nullable ArcSealer sealer, Instant until) {}

  private final DKIMCreator keys;
  private final String domain;
  private final String hostname;
  private final Clock clock;
  private volatile Known known = new Known(null, Instant.MIN);

  /**
   * @param domain whose key seals
   * @param hostname our authserv-id
   */
  public Sealing(DKIMCreator keys, String domain, String hostname, Clock clock) {
    this.keys = keys;
    this.domain = domain;
    this.hostname = hostname;
    this.clock = clock;
  }

  /** The edits of a message, with a set over what they make of it in front. */
  Edits seal(SpooledMessage message, Edits edits, BodyHash body, AuthenticationResults found) {
    try {
      var sealer = sealer();
      if (sealer == null) {
        return edits;
      }
      var edited = message.edited(edits.prefix(), edits.cuts());
      var header = HeaderSection.of(edited);
      if (header.isBeyondBounds()) {
        return edits; // what is not seen cannot be sealed, and the seal would be broken
      }
      var hash = body.of(edited, header);
      var set = sealer.set(header, hash, hostname, found.results(), found.arc());
      return edits.behind(set.getBytes(ISO_8859_1));
    } catch (RuntimeException e) {
      log.error("a message could not be sealed as {}", domain, e);
      return edits;
    }
  }

  private @Nullable ArcSealer sealer() {
    var now = clock.instant();
    var read = known;
    if (now.isBefore(read.until)) {
      return read.sealer;
    }
    var sealer = newestOfRsa().map(this::sealer).orElse(null);
    known = new Known(sealer, now.plus(REREAD));
    return sealer;
  }

  private Optional<Entry> newestOfRsa() {
    return keys.keys(domain).stream()
        .filter(entry -> entry.state() == Entry.State.SIGNING)
        .filter(entry -> entry.keys().getPrivate().getAlgorithm().equals("RSA"))
        .max(Comparator.comparing(Entry::createdAt));
  }

  private ArcSealer sealer(Entry entry) {
    return ArcSealer.builder(entry.domain(), entry.selector(), entry.keys().getPrivate())
        .clock(clock)
        .build();
  }
}
