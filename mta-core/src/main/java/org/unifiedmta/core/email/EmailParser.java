package org.unifiedmta.core.email;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.apache.james.mime4j.dom.address.MailboxList;
import org.apache.james.mime4j.field.address.LenientAddressParser;
import org.apache.james.mime4j.field.datetime.parser.DateTimeParser;
import org.apache.james.mime4j.field.datetime.parser.ParseException;
import org.apache.james.mime4j.field.datetime.parser.TokenMgrError;
import org.apache.james.mime4j.stream.ParserCursor;
import org.apache.james.mime4j.util.ContentUtil;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Mailbox;
import org.unifiedmta.core.mime.HeaderText;
import org.unifiedmta.core.mime.MimeReader;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.spool.HeaderSection;

/** Makes sense of a message, whatever it looks like. */
final class EmailParser {
  private static final int MAXIMUM_TEXT = 16 * 1024 * 1024;
  private static final int MAXIMUM_MAILBOX_LINE = 1_000;
  private static final int MAXIMUM_PHRASE = 16 * 1024;
  private static final int MAXIMUM_MAILBOXES = 10_000;

  private final ByteSource whole;
  private final ByteSource message;
  private final List<String> defects = new ArrayList<>();

  private EmailParser(ByteSource whole) {
    this.whole = whole;
    this.message = withoutMailboxLine(whole);
  }

  static Email parse(ByteSource message) {
    return new EmailParser(message).parse();
  }

  /** The {@code From } line of a mailbox file (RFC 4155) in front of the header is none of it. */
  private static ByteSource withoutMailboxLine(ByteSource whole) {
    byte[] start;
    try (var in = whole.open()) {
      start = in.readNBytes(MAXIMUM_MAILBOX_LINE);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    var text = new String(start, StandardCharsets.ISO_8859_1);
    int end = text.indexOf('\n') + 1;
    return end > 0 && (text.startsWith("From ") || text.startsWith(">From "))
        ? new Behind(whole, end)
        : whole;
  }

  /** A source without its first bytes. */
  private record Behind(ByteSource whole, int from) implements ByteSource {
    @Override
    public InputStream open() {
      var in = whole.open();
      try {
        in.skipNBytes(from);
        return in;
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    }

    @Override
    public long size() {
      return whole.size() - from;
    }
  }

  private Email parse() {
    var headers = Headers.of(headerSection());
    var tree = MimeReader.read(message);
    defects.addAll(tree.defects());
    MimeReader.Leaf text = null;
    MimeReader.Leaf html = null;
    for (var leaf : tree.leaves()) {
      boolean shown = !leaf.attachment() && leaf.fileName() == null && leaf.size() <= MAXIMUM_TEXT;
      if (shown && text == null && isBodyText(leaf, html)) {
        text = leaf;
      } else if (shown && html == null && isBodyHtml(leaf, text)) {
        html = leaf;
      }
    }
    var attachments = new ArrayList<Attachment>();
    for (var leaf : tree.leaves()) {
      if (leaf != text && leaf != html) {
        attachments.add(
            new Attachment(leaf.fileName(), leaf.contentType(), leaf.contentId(), content(leaf)));
      }
    }
    var content =
        new EmailContent(
            first(mailboxes(headers, "From")),
            mailboxes(headers, "To"),
            mailboxes(headers, "Cc"),
            mailboxes(headers, "Bcc"),
            mailboxes(headers, "Reply-To"),
            headers.first("Subject").orElse(""),
            text == null ? null : string(text),
            html == null ? null : string(html),
            messageId(headers),
            date(headers),
            priority(headers),
            attachments,
            null);
    return new Email(content, this::copy, headers, defects);
  }

  private void copy(OutputStream out) throws IOException {
    try (var in = whole.open()) {
      in.transferTo(out);
    }
  }

  /** Text is the body where it is first, or the other form of the HTML, in whatever order. */
  private static boolean isBodyText(MimeReader.Leaf leaf, MimeReader.@Nullable Leaf html) {
    return leaf.mimeType().equals("text/plain")
        && (html == null || leaf.path().contains("multipart/alternative"));
  }

  /** HTML is the body where it is alone, or the other form of the text. */
  private static boolean isBodyHtml(MimeReader.Leaf leaf, MimeReader.@Nullable Leaf text) {
    return leaf.mimeType().equals("text/html")
        && (text == null || leaf.path().contains("multipart/alternative"));
  }

  private HeaderSection headerSection() {
    var collector = new HeaderSection.Collector();
    var buffer = new byte[8192];
    try (var in = message.open()) {
      for (int n = in.read(buffer); n >= 0 && !collector.isComplete(); n = in.read(buffer)) {
        collector.write(ByteBuffer.wrap(buffer, 0, n));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return collector.section();
  }

  private ByteSource content(MimeReader.Leaf leaf) {
    return new ByteSource() {
      @Override
      public InputStream open() {
        return MimeReader.open(message, leaf.number());
      }

      @Override
      public long size() {
        return leaf.size();
      }
    };
  }

  private String string(MimeReader.Leaf leaf) {
    try (var in = MimeReader.open(message, leaf.number())) {
      return HeaderText.octets(in.readNBytes(MAXIMUM_TEXT), leaf.charset());
    } catch (IOException e) {
      defects.add("malformed text: " + e.getMessage());
      return "";
    }
  }

  private static @Nullable Mailbox first(List<Mailbox> mailboxes) {
    return mailboxes.isEmpty() ? null : mailboxes.get(0);
  }

  private List<Mailbox> mailboxes(Headers headers, String name) {
    var mailboxes = new ArrayList<Mailbox>();
    for (var raw : headers.fields(name)) {
      var line = HeaderText.unfold(raw);
      if (hasEndlessPhrase(line)) {
        defects.add("malformed field " + name);
        continue;
      }
      try {
        // In octets: given text, the parser takes the number of characters for that of octets.
        var octets = ContentUtil.encode(StandardCharsets.UTF_8, line);
        var cursor = new ParserCursor(0, octets.length());
        var list = LenientAddressParser.DEFAULT.parseAddressList(octets, cursor);
        add(list.flatten(), line, name, mailboxes);
      } catch (RuntimeException e) {
        defects.add("malformed field " + name);
      }
    }
    return mailboxes;
  }

  /** Whether decoding a display name would take long, as its time is quadratic. */
  private static boolean hasEndlessPhrase(String line) {
    int from = 0;
    for (int i = 0; i <= line.length(); i++) {
      if (i == line.length() || ",<>".indexOf(line.charAt(i)) >= 0) {
        if (i - from > MAXIMUM_PHRASE) {
          return true;
        }
        from = i + 1;
      }
    }
    return false;
  }

  private void add(MailboxList list, String line, String name, List<Mailbox> mailboxes) {
    for (var found : list) {
      var address = address(found, line);
      if (address.isEmpty()) {
        defects.add("no address in the field " + name + ": " + found.getAddress());
      } else if (mailboxes.size() == MAXIMUM_MAILBOXES) {
        defects.add("more than " + MAXIMUM_MAILBOXES + " mailboxes in the field " + name);
        return;
      } else {
        mailboxes.add(new Mailbox(displayName(found.getName()), address.get()));
      }
    }
  }

  /**
   * The local part comes without its quotes; where it had none, {@code Ann ann@example.org} is no
   * address.
   */
  private static Optional<EmailAddress> address(
      org.apache.james.mime4j.dom.address.Mailbox found, String line) {
    if (found.getLocalPart() == null || found.getDomain() == null) {
      return Optional.empty();
    }
    try {
      var ascii = new EmailAddress(found.getLocalPart(), found.getDomain()).toAscii();
      boolean given =
          !ascii.startsWith("\"") || line.contains(ascii.substring(0, ascii.lastIndexOf('@')));
      return EmailAddress.tryParse(ascii).filter(address -> given);
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /** Encoded words have been decoded. */
  private static @Nullable String displayName(@Nullable String name) {
    if (name == null) {
      return null;
    }
    var plain = new StringBuilder();
    name.chars().map(c -> c < 32 || c == 127 ? ' ' : c).forEach(c -> plain.append((char) c));
    return plain.toString().isBlank() ? null : plain.toString().strip();
  }

  private @Nullable String messageId(Headers headers) {
    // A structured field: what looks like an encoded word in it is none, RFC 2047 5.
    var field =
        headers.fields("Message-ID").stream().findFirst().map(HeaderText::unfold).orElse("");
    int start = field.indexOf('<');
    int end = field.indexOf('>', start + 1);
    var id = start >= 0 && end > start ? field.substring(start + 1, end) : field;
    return id.isBlank() ? null : id;
  }

  private @Nullable Instant date(Headers headers) {
    var field = headers.first("Date").orElse("");
    if (field.isEmpty()) {
      return null;
    }
    try {
      return new DateTimeParser(new StringReader(field)).parseAll().getDate().toInstant();
    } catch (ParseException | TokenMgrError | RuntimeException e) {
      defects.add("malformed field Date");
      return null;
    }
  }

  private static Email.Priority priority(Headers headers) {
    var importance = headers.first("Importance").orElse("").toLowerCase(Locale.ROOT);
    var number = headers.first("X-Priority").orElse("").strip();
    if (importance.equals("high") || number.startsWith("1") || number.startsWith("2")) {
      return Email.Priority.HIGH;
    }
    return importance.equals("low") || number.startsWith("4") || number.startsWith("5")
        ? Email.Priority.LOW
        : Email.Priority.NORMAL;
  }
}
