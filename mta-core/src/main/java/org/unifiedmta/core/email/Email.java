package org.unifiedmta.core.email;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.URI;
import java.time.Clock;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Mailbox;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.spool.ByteSource;

/** A message as people see it: built, or parsed. Immutable. */
public final class Email {
  private static final int MAXIMUM_STREAM = 64 * 1024 * 1024;

  /** How urgent its sender finds it; NORMAL is not written. */
  public enum Priority {
    HIGH,
    NORMAL,
    LOW
  }

  /** Writes the whole message, the same each time. */
  @FunctionalInterface
  interface Bytes {
    void writeTo(OutputStream out) throws IOException;
  }

  private final EmailContent content;
  private final Bytes bytes;
  private final Headers headers;
  private final boolean eightBit;
  private final List<String> defects;

  Email(
      EmailContent content, Bytes bytes, Headers headers, boolean eightBit, List<String> defects) {
    this.content = content;
    this.bytes = bytes;
    this.headers = headers;
    this.eightBit = eightBit;
    this.defects = List.copyOf(defects);
  }

  /** Starts a message. */
  public static Builder builder() {
    return new Builder(Clock.systemUTC());
  }

  /** Starts a message whose Date comes from this clock. */
  public static Builder builder(Clock clock) {
    return new Builder(clock);
  }

  /**
   * Reads a message. Lenient and bounded; never throws for content, see {@link #defects}.
   *
   * @param message is kept and must not change
   */
  public static Email parse(byte[] message) {
    return parse(ByteSource.of(message));
  }

  /** Reads a message that is opened again whenever a part is asked for, never held whole. */
  public static Email parse(ByteSource message) {
    return EmailParser.parse(message);
  }

  /**
   * Reads a message into memory.
   *
   * @throws MessageTooLargeException beyond 64 MB
   */
  public static Email parse(InputStream message) {
    try {
      var bytes = message.readNBytes(MAXIMUM_STREAM + 1);
      if (bytes.length > MAXIMUM_STREAM) {
        throw new MessageTooLargeException(MAXIMUM_STREAM);
      }
      return parse(bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  public Optional<Mailbox> from() {
    return Optional.ofNullable(content.from());
  }

  public List<Mailbox> to() {
    return content.to();
  }

  public List<Mailbox> cc() {
    return content.cc();
  }

  public List<Mailbox> bcc() {
    return content.bcc();
  }

  public List<Mailbox> replyTo() {
    return content.replyTo();
  }

  /** Empty where there is none. */
  public String subject() {
    return content.subject();
  }

  public Optional<String> text() {
    return Optional.ofNullable(content.text());
  }

  public Optional<String> html() {
    return Optional.ofNullable(content.html());
  }

  /** Without brackets. */
  public Optional<String> messageId() {
    return Optional.ofNullable(content.messageId());
  }

  public Optional<Instant> date() {
    return Optional.ofNullable(content.date());
  }

  public Priority priority() {
    return content.priority();
  }

  /** Every part not shown as {@link #text} or {@link #html}, in wire order. */
  public List<Attachment> attachments() {
    return content.attachments();
  }

  public Headers headers() {
    return headers;
  }

  /** The reverse path that the builder was given. */
  public Optional<EmailAddress> envelopeFrom() {
    return Optional.ofNullable(content.envelopeFrom());
  }

  /** What was odd when it was parsed, in words. */
  public List<String> defects() {
    return defects;
  }

  /**
   * From the envelope sender, else From:, to everybody in To, Cc and Bcc, each once; with
   * BODY=8BITMIME where its bytes may be beyond ASCII, with SMTPUTF8 where it {@link
   * #needsSmtpUtf8}.
   */
  public Envelope envelope() {
    var sender = envelopeFrom().or(() -> from().map(Mailbox::address)).orElse(null);
    var recipients = recipients().distinct().map(Recipient::of).toList();
    return Envelope.of(sender, recipients)
        .withBody(eightBit ? Envelope.Body.EIGHT_BIT_MIME : Envelope.Body.SEVEN_BIT)
        .withSmtpUtf8(needsSmtpUtf8());
  }

  private Stream<EmailAddress> recipients() {
    return Stream.of(to(), cc(), bcc()).flatMap(List::stream).map(Mailbox::address);
  }

  /**
   * Whether it can only go to hosts with SMTPUTF8 (RFC 6531): an address has a local part beyond
   * ASCII, which no field can encode, or a field of a parsed message is in UTF-8 as it stands.
   */
  public boolean needsSmtpUtf8() {
    return Stream.concat(envelopeFrom().stream(), recipients())
            .anyMatch(EmailAddress::isInternationalized)
        || headers.isInternationalized();
  }

  /** As {@link #writeTo}, into memory. */
  public byte[] toBytes() {
    var out = new ByteArrayOutputStream();
    writeTo(out);
    return out.toByteArray();
  }

  /** Parsed: the very bytes. Built: RFC 5322 with CRLF, the same each time, without Bcc. */
  public void writeTo(OutputStream out) {
    try {
      bytes.writeTo(out);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A builder that starts from this message's content. */
  public Builder toBuilder() {
    return new Builder(content, headers);
  }

  /** Collects a message; every text is checked when it is given. */
  public static final class Builder {
    private static final String UNSUBSCRIBE = "list-unsubscribe"; // and -post

    private final Clock clock;
    private @Nullable Mailbox from;
    private final List<Mailbox> to = new ArrayList<>();
    private final List<Mailbox> cc = new ArrayList<>();
    private final List<Mailbox> bcc = new ArrayList<>();
    private final List<Mailbox> replyTo = new ArrayList<>();
    private String subject = "";
    private @Nullable String text;
    private @Nullable String html;
    private Priority priority = Priority.NORMAL;
    private final List<Headers.Field> extra = new ArrayList<>();
    private final List<Attachment> attachments = new ArrayList<>();
    private @Nullable EmailAddress envelopeFrom;
    private @Nullable Instant date;
    private @Nullable String messageId;
    private @Nullable String listUnsubscribe;
    private boolean oneClick;
    private boolean eightBitMime;

    private Builder(Clock clock) {
      this.clock = clock;
    }

    private Builder(EmailContent content, Headers headers) {
      this(Clock.systemUTC());
      from = content.from();
      to.addAll(content.to());
      cc.addAll(content.cc());
      bcc.addAll(content.bcc());
      replyTo.addAll(content.replyTo());
      subject = content.subject();
      text = content.text();
      html = content.html();
      priority = content.priority();
      attachments.addAll(content.attachments());
      envelopeFrom = content.envelopeFrom();
      eightBitMime = content.eightBitMime();
      date = content.date();
      messageId = Text.isId(content.messageId()) ? content.messageId() : null;
      headers.fields().stream()
          .filter(field -> Text.isFieldName(field.name()) && !EmailWriter.writes(field.name()))
          .forEach(extra::add);
    }

    /**
     * {@code ann@example.org} or {@code Ann <ann@example.org>}.
     *
     * @throws IllegalArgumentException if that is no mailbox
     */
    public Builder from(String mailbox) {
      return from(Mailbox.parse(mailbox));
    }

    public Builder from(Mailbox mailbox) {
      from = mailbox;
      return this;
    }

    /**
     * Appends recipients, one in each text: a list in one text is refused, so that what a visitor
     * typed into a form cannot add recipients.
     */
    public Builder to(String... mailboxes) {
      return to(parsed(mailboxes));
    }

    public Builder to(Mailbox... mailboxes) {
      to.addAll(List.of(mailboxes));
      return this;
    }

    /** Appends recipients of a copy. */
    public Builder cc(String... mailboxes) {
      return cc(parsed(mailboxes));
    }

    public Builder cc(Mailbox... mailboxes) {
      cc.addAll(List.of(mailboxes));
      return this;
    }

    /** Appends hidden recipients, who are in the envelope only. */
    public Builder bcc(String... mailboxes) {
      return bcc(parsed(mailboxes));
    }

    public Builder bcc(Mailbox... mailboxes) {
      bcc.addAll(List.of(mailboxes));
      return this;
    }

    /** Appends where replies are to go, in place of From. */
    public Builder replyTo(String... mailboxes) {
      return replyTo(parsed(mailboxes));
    }

    public Builder replyTo(Mailbox... mailboxes) {
      replyTo.addAll(List.of(mailboxes));
      return this;
    }

    private static Mailbox[] parsed(String... mailboxes) {
      return Stream.of(mailboxes).map(Mailbox::parse).toArray(Mailbox[]::new);
    }

    public Builder subject(String subject) {
      this.subject = Text.line("subject", subject);
      return this;
    }

    public Builder text(String text) {
      this.text = text;
      return this;
    }

    public Builder html(String html) {
      this.html = html;
      return this;
    }

    public Builder priority(Priority priority) {
      this.priority = priority;
      return this;
    }

    /**
     * Appends a field of your own.
     *
     * @throws IllegalArgumentException for CR, LF or NUL, a bad name, or a field that has a method
     *     of its own here
     */
    public Builder header(String name, String value) {
      if (!Text.isFieldName(name)) {
        throw new IllegalArgumentException("no field name: " + name);
      }
      if (EmailWriter.writes(name)) {
        throw new IllegalArgumentException("the field " + name + " is set by a method of its own");
      }
      extra.add(new Headers.Field(name, Text.line("field " + name, value)));
      return this;
    }

    public Builder attachment(Attachment attachment) {
      attachments.add(attachment);
      return this;
    }

    /**
     * Where to unsubscribe, {@code https} or {@code mailto} (RFC 2369 3.2): a page or address at
     * which a person does it. In place of what was given before.
     *
     * @throws IllegalArgumentException for a URI of another kind
     */
    public Builder listUnsubscribe(URI... uris) {
      listUnsubscribe = Text.uris(uris);
      oneClick = false;
      return this;
    }

    /**
     * Unsubscribing by one click (RFC 8058): mail programs offer a button that sends a POST with
     * {@code List-Unsubscribe=One-Click} to the URI, without anybody logging in or confirming. The
     * message must be signed for it to count.
     *
     * @param https tells by itself who unsubscribes from what, by an opaque token
     * @param others further ways, such as {@code mailto}
     * @throws IllegalArgumentException if the first is not {@code https}
     */
    public Builder listUnsubscribeOneClick(URI https, URI... others) {
      if (!"https".equalsIgnoreCase(https.getScheme())) {
        throw new IllegalArgumentException("one click needs an https URI: " + https);
      }
      listUnsubscribe(Stream.concat(Stream.of(https), Stream.of(others)).toArray(URI[]::new));
      oneClick = true;
      return this;
    }

    /**
     * Allows text beyond ASCII to be written as it is, which is shorter and makes the message one
     * for hosts with 8BITMIME (RFC 6152); without it every message is 7-bit.
     */
    public Builder eightBitMime() {
      eightBitMime = true;
      return this;
    }

    /** The reverse path, where bounces go; without it From: is. */
    public Builder envelopeFrom(String address) {
      envelopeFrom = EmailAddress.parse(address);
      return this;
    }

    /** The Date; without it the time of {@link #build}. */
    public Builder date(Instant date) {
      this.date = date;
      return this;
    }

    /** The Message-ID with or without its brackets; without it one is made. */
    public Builder messageId(String messageId) {
      var id = Text.line("message id", messageId);
      id = id.startsWith("<") && id.endsWith(">") ? id.substring(1, id.length() - 1) : id;
      if (!Text.isId(id)) {
        throw new IllegalArgumentException("no message id: " + messageId);
      }
      this.messageId = id;
      return this;
    }

    private List<Headers.Field> fieldsOfOnesOwn() {
      if (listUnsubscribe == null) {
        return extra;
      }
      var fields = new ArrayList<>(extra);
      fields.removeIf(field -> field.name().toLowerCase(Locale.ROOT).startsWith(UNSUBSCRIBE));
      fields.add(new Headers.Field("List-Unsubscribe", listUnsubscribe));
      if (oneClick) {
        fields.add(new Headers.Field("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"));
      }
      return fields;
    }

    /**
     * The message.
     *
     * @throws IllegalArgumentException without From:
     */
    public Email build() {
      if (from == null) {
        throw new IllegalArgumentException("a message needs a From"); // RFC 5322 3.6
      }
      return EmailWriter.build(
          new EmailContent(
              from,
              to,
              cc,
              bcc,
              replyTo,
              subject,
              text,
              html,
              messageId == null ? EmailWriter.newMessageId(from, clock) : messageId,
              date == null ? clock.instant() : date,
              priority,
              attachments,
              envelopeFrom,
              eightBitMime),
          fieldsOfOnesOwn());
    }
  }
}
