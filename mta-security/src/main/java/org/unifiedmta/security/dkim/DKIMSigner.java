package org.unifiedmta.security.dkim;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.PrivateKey;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Domains;
import org.unifiedmta.core.spool.HeaderSection;

/**
 * Signs messages with DKIM (RFC 6376, RFC 8463): with RSA or Ed25519 and SHA-256, the whole body.
 * Thread-safe.
 */
public final class DKIMSigner {
  private static final int LINE = 76;

  /** What relays may change without breaking a signature (3.4). */
  public enum Canonicalization {
    /** Nothing. */
    SIMPLE,
    /** Blanks, and in the header folding and the case of names. */
    RELAXED
  }

  private final SigningKey key;
  private final Canonicalization header;
  private final Canonicalization body;
  private final List<String> headers;
  private final List<String> oversigned;
  private final @Nullable Duration expiresAfter;
  private final @Nullable String identity;
  private final Clock clock;

  private DKIMSigner(DKIMSigner other, @Nullable Duration expiresAfter) {
    key = other.key;
    header = other.header;
    body = other.body;
    headers = other.headers;
    oversigned = other.oversigned;
    this.expiresAfter = expiresAfter;
    identity = other.identity;
    clock = other.clock;
  }

  private DKIMSigner(Builder builder) {
    key = builder.key;
    header = builder.header;
    body = builder.body;
    headers = List.copyOf(builder.headers);
    oversigned = List.copyOf(builder.oversigned);
    expiresAfter = builder.expiresAfter;
    identity = builder.identity;
    clock = builder.clock;
  }

  /**
   * Signs for a domain.
   *
   * @param selector by which its public key is found, at {@code selector._domainkey.domain}
   * @param key of RSA with at least 1,024 bits, or Ed25519
   * @throws IllegalArgumentException if one of them is not that
   */
  public static Builder builder(String domain, String selector, PrivateKey key) {
    return new Builder(new SigningKey(domain, selector, key));
  }

  /** The same, whose signatures are good for no longer than this (x=). */
  public DKIMSigner withLifetime(Duration time) {
    return new DKIMSigner(this, time);
  }

  /** In A-labels and lower case. */
  public String domain() {
    return key.domain();
  }

  public String selector() {
    return key.selector();
  }

  /** The message with its signature in front. */
  public byte[] sign(byte[] message) {
    var blankLine = HeaderSection.of(message).beginsFolded() ? "\r\n" : "";
    var field = (signatureHeader(message) + "\r\n" + blankLine).getBytes(StandardCharsets.US_ASCII);
    return ByteBuffer.allocate(field.length + message.length).put(field).put(message).array();
  }

  /** The DKIM-Signature field of a message, without the line break at its end. */
  public String signatureHeader(byte[] message) {
    var section = HeaderSection.of(message);
    var hasher = bodyHasher();
    hasher.write(BodyHasher.body(message, section));
    return signatureHeader(section, hasher.hash());
  }

  /** What is to see the message's body pass. */
  public BodyHasher bodyHasher() {
    return BodyHasher.of(body);
  }

  /**
   * The same of a message whose body has passed, or did long ago.
   *
   * @param bodyHash what {@link #bodyHasher} gave
   */
  public String signatureHeader(HeaderSection section, byte[] bodyHash) {
    var fields = new DkimHeaders(section);
    var names = fields.names(headers, oversigned);
    var value = new Folded("DKIM-Signature:");
    value.tag("v=1").tag("a=" + key.algorithm().tagValue());
    value.tag("c=" + name(header) + "/" + name(body)).tag("d=" + domain());
    value.tag("s=" + selector());
    if (identity != null) {
      value.tag("i=" + identity);
    }
    long now = clock.instant().getEpochSecond();
    value.tag("t=" + now);
    if (expiresAfter != null) {
      value.tag("x=" + (now + Math.max(1, expiresAfter.toSeconds())));
    }
    value.list("h=", names).tag("bh=" + Base64.getEncoder().encodeToString(bodyHash));
    value.last("b=");
    var data = fields.canonical(names, header, "DKIM-Signature", value.value());
    value.append(Base64.getEncoder().encodeToString(key.sign(data)));
    return value.field();
  }

  private static String name(Canonicalization canonicalization) {
    return canonicalization.name().toLowerCase(Locale.ROOT);
  }

  /** A field that is folded while it is written. */
  private static final class Folded {
    private final StringBuilder text;
    private final int nameLength;
    private int column;

    Folded(String name) {
      text = new StringBuilder(name);
      nameLength = name.length();
      column = name.length();
    }

    /** A tag in one piece, with a semicolon behind. */
    Folded tag(String tag) {
      room(tag.length() + 1);
      text.append(tag).append(';');
      column += tag.length() + 1;
      return this;
    }

    Folded list(String tag, List<String> items) {
      room(tag.length() + items.getFirst().length());
      text.append(tag);
      column += tag.length();
      for (int i = 0; i < items.size(); i++) {
        var item = items.get(i) + (i == items.size() - 1 ? ";" : ":");
        if (column + item.length() > LINE) {
          fold();
        }
        text.append(item);
        column += item.length();
      }
      return this;
    }

    /** The beginning of the last tag, on a line of its own. */
    void last(String tag) {
      fold();
      text.append(tag);
      column += tag.length();
    }

    /** A long word, cut into lines. */
    void append(String word) {
      for (int from = 0; from < word.length(); ) {
        int n = Math.min(word.length() - from, LINE - column);
        text.append(word, from, from + n);
        from += n;
        column += n;
        if (from < word.length()) {
          fold();
        }
      }
    }

    private void room(int octets) {
      if (column + 1 + octets > LINE) {
        fold();
      } else {
        text.append(' ');
        column++;
      }
    }

    private void fold() {
      text.append("\r\n\t");
      column = 1;
    }

    String value() {
      return text.substring(nameLength);
    }

    String field() {
      return text.toString();
    }
  }

  /** Collects how to sign. */
  public static final class Builder {
    private final SigningKey key;
    private Canonicalization header = Canonicalization.RELAXED;
    private Canonicalization body = Canonicalization.RELAXED;
    private List<String> headers = DkimHeaders.SIGNED;
    private List<String> oversigned = DkimHeaders.OVERSIGNED;
    private @Nullable Duration expiresAfter;
    private @Nullable String identity;
    private Clock clock = Clock.systemUTC();

    private Builder(SigningKey key) {
      this.key = key;
    }

    /** Both relaxed unless told. */
    public Builder canonicalization(Canonicalization ofHeader, Canonicalization ofBody) {
      header = ofHeader;
      body = ofBody;
      return this;
    }

    /** Which fields are signed, each time they are there; From in any case. */
    public Builder headers(List<String> names) {
      var all = new ArrayList<>(names);
      if (all.stream().noneMatch(name -> name.equalsIgnoreCase("From"))) {
        all.addFirst("From"); // 5.4
      }
      headers = DkimHeaders.checked(all);
      return this;
    }

    /** Which of them nobody may add another one of; From in any case. */
    public Builder oversign(List<String> names) {
      var all = new ArrayList<>(names);
      all.add("From");
      oversigned = DkimHeaders.checked(all);
      return this;
    }

    /** Writes x=, so that the signature is good for no longer than this. */
    public Builder expiresAfter(Duration time) {
      expiresAfter = time;
      return this;
    }

    /**
     * Writes i=.
     *
     * @param address in the domain or below it; the part in front of the at sign may be empty
     */
    public Builder identity(String address) {
      int at = address.lastIndexOf('@');
      var of = Domains.toAscii(address.substring(at + 1));
      boolean plain =
          address.chars().allMatch(c -> c > ' ' && c < 127 && c != ';' && c != '=' && c != '<');
      var domain = key.domain();
      if (at < 0 || !plain || !(of.equals(domain) || of.endsWith("." + domain))) {
        throw new IllegalArgumentException("no identity in " + domain + ": " + address);
      }
      identity = address.substring(0, at + 1) + of;
      return this;
    }

    public Builder clock(Clock time) {
      clock = time;
      return this;
    }

    public DKIMSigner build() {
      return new DKIMSigner(this);
    }
  }
}
