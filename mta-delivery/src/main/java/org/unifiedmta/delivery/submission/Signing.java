package org.unifiedmta.delivery.submission;

import java.io.EOFException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Mailbox;
import org.unifiedmta.core.email.Headers;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.SpooledMessage;
import org.unifiedmta.core.spool.SpooledMessage.Cut;
import org.unifiedmta.security.dkim.BodyHasher;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.security.dkim.DKIMSigner;

/**
 * Signs what is submitted here, with the keys of its author's domain: of From:, or where that has
 * no address, of the reverse path (RFC 6376 B.1.4 leaves it to us). Mail of a domain without keys
 * goes as it is. Blocks.
 */
public final class Signing {
  private static final Logger log = LoggerFactory.getLogger(Signing.class);
  private static final int BUFFER = 64 * 1024;

  private final @Nullable DKIMCreator keys;

  /**
   * @param keys null where nothing is signed
   */
  public Signing(@Nullable DKIMCreator keys) {
    this.keys = keys;
  }

  /**
   * The message with these edits, and signatures in front of them.
   *
   * @param prefix fields that are put in front of the message
   */
  public SpooledMessage sign(
      SpooledMessage message, byte[] prefix, List<Cut> cuts, @Nullable EmailAddress reversePath) {
    var edited = message.edited(prefix, cuts);
    var fields = signatures(edited, reversePath);
    if (fields.isEmpty()) {
      return edited;
    }
    var signed = ByteBuffer.allocate(fields.length() + prefix.length);
    signed.put(fields.getBytes(StandardCharsets.US_ASCII)).put(prefix);
    return message.edited(signed.array(), cuts);
  }

  /** What is signed is the message as it goes out, with all that was put in front of it. */
  private String signatures(SpooledMessage message, @Nullable EmailAddress reversePath) {
    if (keys == null) {
      return "";
    }
    var section = HeaderSection.of(message);
    var signers = signers(section, reversePath);
    if (signers.isEmpty()) {
      return "";
    }
    var hashers = new ArrayList<BodyHasher>();
    signers.forEach(signer -> hashers.add(signer.bodyHasher()));
    read(
        message,
        section.size() + 2L,
        bytes -> hashers.forEach(hasher -> hasher.write(bytes.duplicate())));
    var fields = new StringBuilder();
    for (int i = 0; i < signers.size(); i++) {
      fields.append(signers.get(i).signatureHeader(section, hashers.get(i).hash())).append("\r\n");
    }
    return fields.toString();
  }

  private List<DKIMSigner> signers(HeaderSection section, @Nullable EmailAddress reversePath) {
    var from = Headers.of(section).addresses("From").mailboxes();
    var authors = from.stream().map(Mailbox::address).map(EmailAddress::domain).distinct().toList();
    var domain =
        authors.size() == 1
            ? authors.getFirst()
            : authors.isEmpty() && reversePath != null ? reversePath.domain() : null;
    if (domain == null || keys == null || section.all("From").size() > 1) {
      return List.of(); // which domain's it is, is not certain
    }
    try {
      return keys.signers(domain);
    } catch (RuntimeException e) {
      log.error("the keys of {} cannot be read: its mail is not signed", domain, e);
      return List.of();
    }
  }

  private interface Taker {
    void take(ByteBuffer bytes);
  }

  private static void read(ByteSource message, long from, Taker taker) {
    var buffer = new byte[BUFFER];
    try (var in = message.open()) {
      in.skipNBytes(from);
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        taker.take(ByteBuffer.wrap(buffer, 0, n));
      }
    } catch (EOFException e) {
      // there is no body
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
