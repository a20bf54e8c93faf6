package org.unifiedmta.delivery.attempt;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.mime.SevenBit;
import org.unifiedmta.core.mime.SevenBit.Unconvertible;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.security.dkim.DKIMSigner;
import org.unifiedmta.security.tag.TagList;

/**
 * A message for a host that takes no octets beyond ASCII. Signatures of ours are made anew; where
 * there is one of somebody else's, the message is not changed, since it would be called forged.
 */
final class Downgrade {
  private static final String SIGNATURE = "DKIM-Signature";

  private final @Nullable DKIMCreator keys;

  /**
   * @param keys null where nothing is signed
   */
  Downgrade(@Nullable DKIMCreator keys) {
    this.keys = keys;
  }

  /**
   * Converts.
   *
   * @throws Unconvertible if that cannot be done without harm
   */
  ByteSource convert(ByteSource message) throws Unconvertible {
    var converted = SevenBit.convert(message);
    if (converted == message) {
      return message;
    }
    var octets = read(converted);
    var header = HeaderSection.of(octets);
    var signatures = header.all(SIGNATURE);
    if (signatures.isEmpty()) {
      return converted;
    }
    var signers = new ArrayList<DKIMSigner>();
    for (var signature : signatures) {
      signers.add(signer(signature.value()));
    }
    var bare = without(octets, signatures);
    var signed = new ByteArrayOutputStream(bare.length + 1024 * signers.size());
    for (var signer : signers) {
      signed.writeBytes(
          (signer.signatureHeader(bare) + "\r\n").getBytes(StandardCharsets.US_ASCII));
    }
    signed.writeBytes(bare);
    return ByteSource.of(signed.toByteArray());
  }

  private DKIMSigner signer(String signature) throws Unconvertible {
    var tags = TagList.parse(signature);
    var domain = tags.map(list -> list.get("d")).orElse("");
    var selector = tags.map(list -> list.get("s")).orElse("");
    try {
      return Optional.ofNullable(keys).orElseThrow().signer(domain, selector);
    } catch (NoSuchElementException | IllegalArgumentException e) {
      throw new Unconvertible("the signature of " + domain + " would break");
    }
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
