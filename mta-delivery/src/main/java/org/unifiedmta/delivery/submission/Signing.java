package org.unifiedmta.delivery.submission;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Mailbox;
import org.unifiedmta.core.email.Headers;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.MessageWatcher;
import org.unifiedmta.core.spool.SpooledMessage;
import org.unifiedmta.delivery.queue.Edits;
import org.unifiedmta.security.dkim.BodyHasher;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.security.dkim.DKIMSigner;

/**
 * Signs mail with the keys of its author's domain: of From:, or where that has no address, of the
 * reverse path (RFC 6376 B.1.4 leaves it to us), and with those of the transport domain. Mail of a
 * domain without keys goes as it is. Blocks.
 */
public final class Signing {
  private static final Logger log = LoggerFactory.getLogger(Signing.class);

  /**
   * Who sends a message.
   *
   * @param reversePath null for none, or where nothing says that it is the sender's
   * @param domain whose keys sign it, or null for that of its author
   */
  public record Sender(@Nullable EmailAddress reversePath, @Nullable String domain) {}

  private final @Nullable DKIMCreator keys;
  private final @Nullable String transportDomain;
  private final Map<String, Duration> lifetimes;

  /**
   * @param keys null where nothing is signed
   * @param transportDomain whose keys sign each message too, or null
   * @param lifetimes of signatures, by domain; those of others do not end
   */
  public Signing(
      @Nullable DKIMCreator keys,
      @Nullable String transportDomain,
      Map<String, Duration> lifetimes) {
    this.keys = keys;
    this.transportDomain = transportDomain;
    this.lifetimes = Map.copyOf(lifetimes);
  }

  /** Whether anything is. */
  public boolean isActive() {
    return keys != null;
  }

  /** Hashes the body of a message that will be signed or sealed, while it passes. */
  public static final class BodyHash implements MessageWatcher {
    private @Nullable BodyHasher hasher; // null until the body is known to be what it will be

    /** That of this message, which has passed; else it is read. */
    public byte[] of(ByteSource message, HeaderSection header) {
      return hasher == null ? BodyHasher.hash(message, header) : hasher.hash();
    }

    @Override
    public void header(HeaderSection header) {
      hasher = DKIMCreator.bodyHasher();
    }

    @Override
    public void body(ByteBuffer octets) {
      if (hasher != null) {
        hasher.write(octets);
      }
    }
  }

  /** The edits of a message, with signatures of what they make of it in front. */
  public Edits sign(SpooledMessage message, Edits edits, Sender sender, BodyHash body) {
    var edited = message.edited(edits.prefix(), edits.cuts());
    return edits.behind(signatures(edited, sender, body).getBytes(StandardCharsets.US_ASCII));
  }

  /** What is signed is the message as it goes out, with all that was put in front of it. */
  private String signatures(SpooledMessage message, Sender sender, BodyHash body) {
    if (keys == null) {
      return "";
    }
    var section = HeaderSection.of(message);
    var signers = signers(section, sender);
    if (signers.isEmpty() || section.isBeyondBounds()) {
      return ""; // the latter: what is not seen cannot be signed
    }
    var hash = body.of(message, section);
    var fields = new StringBuilder();
    for (var signer : signers) {
      fields.append(signer.signatureHeader(section, hash)).append("\r\n");
    }
    return fields.append(section.beginsFolded() ? "\r\n" : "").toString();
  }

  /** Whether there is a key that signs for this domain. */
  public boolean isAbleTo(String domain) {
    return !signers(domain).isEmpty();
  }

  private List<DKIMSigner> signers(HeaderSection section, Sender sender) {
    var signers = new ArrayList<DKIMSigner>();
    var author = sender.domain() == null ? author(section, sender).orElse(null) : sender.domain();
    if (author != null) {
      // Where the host has named the domain, nothing goes without its signature.
      signers.addAll(sender.domain() == null ? signersIfReadable(author) : signers(author));
    }
    if (transportDomain != null && !transportDomain.equals(author)) {
      signers.addAll(signersIfReadable(transportDomain));
    }
    return signers;
  }

  /** Empty where it is not certain which domain's the message is. */
  private static Optional<String> author(HeaderSection section, Sender sender) {
    var from = Headers.of(section).addresses("From").mailboxes();
    var authors = from.stream().map(Mailbox::address).map(EmailAddress::domain).distinct().toList();
    if (section.all("From").size() > 1 || authors.size() > 1) {
      return Optional.empty();
    }
    return authors.isEmpty()
        ? Optional.ofNullable(sender.reversePath()).map(EmailAddress::domain)
        : Optional.of(authors.getFirst());
  }

  private List<DKIMSigner> signersIfReadable(String domain) {
    try {
      return signers(domain);
    } catch (RuntimeException e) {
      log.error("the keys of {} cannot be read: its mail is not signed", domain, e);
      return List.of();
    }
  }

  private List<DKIMSigner> signers(String domain) {
    if (keys == null) {
      return List.of();
    }
    var lifetime = lifetimes.get(domain);
    var signers = keys.signers(domain);
    return lifetime == null
        ? signers
        : signers.stream().map(signer -> signer.withLifetime(lifetime)).toList();
  }
}
