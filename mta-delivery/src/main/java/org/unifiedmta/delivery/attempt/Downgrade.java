package org.unifiedmta.delivery.attempt;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.mime.SevenBit;
import org.unifiedmta.core.mime.SevenBit.Unconvertible;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.security.dkim.DKIMSigner;

/**
 * A message for a host that takes no octets beyond ASCII. Signatures of ours are made anew; where
 * there is one of somebody else's, the message is not changed, since it would be called forged.
 */
final class Downgrade {
  private static final String BREAKS = "a signature would break that is not ours to make anew";

  private final @Nullable OwnSignatures own;

  /**
   * @param keys null where nothing is signed
   */
  Downgrade(@Nullable DKIMCreator keys) {
    this.own = keys == null ? null : new OwnSignatures(keys);
  }

  /**
   * Converts.
   *
   * @param now when the signatures on it are good, if it has any
   * @throws Unconvertible if that cannot be done without harm
   */
  ByteSource convert(ByteSource message, Instant now) throws Unconvertible {
    var converted = SevenBit.convert(message);
    if (converted == message) {
      return message;
    }
    var octets = read(converted);
    // They are in the message as it was, and as it will be.
    var signatures = HeaderSection.of(octets).all(OwnSignatures.FIELD);
    if (signatures.isEmpty()) {
      return converted;
    }
    var signers = signers(message, signatures.size(), now);
    var bare = without(octets, signatures);
    var signed = new ByteArrayOutputStream(bare.length + 1024 * signers.size());
    for (var signer : signers) {
      signed.writeBytes(
          (signer.signatureHeader(bare) + "\r\n").getBytes(StandardCharsets.US_ASCII));
    }
    signed.writeBytes(bare);
    return ByteSource.of(signed.toByteArray());
  }

  /** What made the signatures, all of which must be ours. */
  private List<DKIMSigner> signers(ByteSource message, int signatures, Instant now)
      throws Unconvertible {
    if (own == null) {
      throw new Unconvertible(BREAKS);
    }
    var signers = new ArrayList<DKIMSigner>();
    for (var signature : own.of(message, HeaderSection.of(message), now)) {
      own.signer(signature).ifPresent(signers::add);
    }
    if (signers.size() < signatures) {
      throw new Unconvertible(BREAKS);
    }
    return signers;
  }

  private static byte[] without(byte[] octets, List<HeaderSection.Field> fields) {
    var out = new ByteArrayOutputStream(octets.length);
    int at = 0;
    for (var field : fields) {
      out.write(octets, at, field.from() - at);
      at = field.to();
    }
    out.write(octets, at, octets.length - at);
    return out.toByteArray();
  }

  private static byte[] read(ByteSource source) {
    try (var in = source.open()) {
      return in.readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
