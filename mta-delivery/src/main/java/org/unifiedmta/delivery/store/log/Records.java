package org.unifiedmta.delivery.store.log;

import java.nio.ByteBuffer;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.reply.EnhancedStatus;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.SpooledMessage.Cut;
import org.unifiedmta.delivery.queue.Attempt;
import org.unifiedmta.delivery.queue.DeliveryStatus;
import org.unifiedmta.delivery.queue.Edits;
import org.unifiedmta.delivery.queue.History;
import org.unifiedmta.delivery.queue.IdempotencyKey;
import org.unifiedmta.delivery.queue.MessageIds;
import org.unifiedmta.delivery.queue.NewMessage;
import org.unifiedmta.delivery.queue.NewRow;
import org.unifiedmta.delivery.queue.RowState;
import org.unifiedmta.security.SecurityResults;
import org.unifiedmta.smtp.server.SessionFacts;

/** The payloads of the records, written and read; what they say in detail is in {@link Facts}. */
final class Records {
  private static final int HEAD = 8;

  private Records() {}

  /** A piece of a body that is a record of its own; its place and checksum are its bytes'. */
  record Piece(long segment, int offset, int length, int crc) {

    boolean overlaps(Piece other) {
      return segment == other.segment
          && offset < other.offset + other.length
          && other.offset < offset + length;
    }
  }

  /**
   * What a MESSAGE says.
   *
   * @param told the message whose failed rows this message reports, or null
   * @param expires when it is to be given up, or null
   * @param key the idempotency key that it was added with, or null
   * @param retry its own retry policy, or null
   */
  record Message(
      long id,
      Envelope envelope,
      List<NewRow> rows,
      Instant queuedAt,
      @Nullable SessionFacts session,
      @Nullable SecurityResults security,
      Body body,
      @Nullable Told told,
      @Nullable Instant expires,
      @Nullable IdempotencyKey key,
      @Nullable String retry) {}

  /**
   * What a MESSAGE says of its body.
   *
   * @param received its size as received
   * @param pieces its first part, in records of their own
   * @param at where in the payload the rest of it begins
   * @param restCrc the checksum of that rest
   */
  record Body(Edits edits, long received, List<Piece> pieces, int at, int restCrc) {

    /** As it is to be sent. */
    long size() {
      return edits.sizeOf(received);
    }
  }

  /** Rows that a report finishes. */
  record Told(long id, List<Integer> rows) {}

  /** What a SETTLE says, and a MOVED of all rows that are left. */
  record Settled(long id, List<RowState> rows) {}

  /**
   * The payload of a MESSAGE up to the body.
   *
   * @param pieces of the body's first part
   * @param rest of the body
   */
  static ByteBuffer message(
      NewMessage message, Edits edits, long received, List<Piece> pieces, List<ByteBuffer> rest) {
    var out = new Fields();
    out.number(1, MessageIds.parse(message.id()));
    out.nested(2, envelope -> Facts.put(envelope, message.envelope()));
    var recipients = message.envelope().recipients();
    for (int i = 0; i < message.rows().size(); i++) {
      var row = message.rows().get(i);
      boolean sameRecipient = i < recipients.size() && row.recipient().equals(recipients.get(i));
      out.nested(
          3,
          fields -> {
            fields.text(1, row.zone()).text(2, row.destination()).text(3, row.route());
            fields.time(4, row.due()).signed(6, row.priority());
            if (!sameRecipient) {
              fields.nested(5, recipient -> Facts.put(recipient, row.recipient()));
            }
          });
    }
    out.time(4, message.queuedAt());
    var session = message.session();
    if (session != null) {
      out.nested(5, fields -> Facts.put(fields, session));
    }
    var security = message.security();
    if (security != null) {
      out.nested(6, fields -> Facts.put(fields, security));
    }
    if (edits.prefix().length > 0) {
      out.bytes(7, edits.prefix());
    }
    for (var cut : edits.cuts()) {
      out.nested(8, fields -> fields.number(1, cut.from()).number(2, cut.to()));
    }
    out.number(9, received);
    for (var piece : pieces) {
      put(out, piece);
    }
    var settles = message.settles();
    if (settles != null) {
      out.nested(
          11,
          fields -> {
            fields.number(1, MessageIds.parse(settles.id()));
            settles.rows().forEach(row -> fields.number(2, row));
          });
    }
    out.time(13, message.expires());
    var key = message.idempotencyKey();
    out.bytes(14, key == null ? null : IdempotencyKey.of(key).bytes());
    return head(out.text(15, message.retry()), rest);
  }

  private static void put(Fields out, Piece piece) {
    var place = ByteBuffer.allocate(20);
    place.putLong(piece.segment()).putInt(piece.offset()).putInt(piece.length());
    out.bytes(10, place.putInt(piece.crc()).array());
  }

  /** With its length and checksum in front, so that it can be read without the rest. */
  private static ByteBuffer head(Fields out, List<ByteBuffer> rest) {
    var crc = new CRC32C();
    rest.forEach(buffer -> crc.update(buffer.duplicate()));
    out.number(12, crc.getValue());
    var fields = out.buffer();
    return ByteBuffer.allocate(HEAD + fields.remaining())
        .putInt(fields.remaining())
        .putInt(crc(fields))
        .put(fields)
        .flip();
  }

  private static int crc(ByteBuffer fields) {
    var crc = new CRC32C();
    crc.update(fields.duplicate());
    return (int) crc.getValue();
  }

  /** How many octets at the start of a MESSAGE's payload come before the body. */
  static int messageHead(ByteBuffer payload) {
    return HEAD + payload.getInt(payload.position());
  }

  /** The fields of a MESSAGE; they are there as they were written. */
  private static Fields.Reader fields(ByteBuffer payload) {
    var fields = payload.slice(payload.position() + HEAD, messageHead(payload) - HEAD);
    if (crc(fields) != payload.getInt(payload.position() + 4)) {
      throw new IllegalArgumentException("what is said of a message is damaged");
    }
    return new Fields.Reader(fields);
  }

  /** The id in a MESSAGE's payload. */
  static long messageId(ByteBuffer payload) {
    var in = fields(payload);
    while (in.next()) {
      if (in.tag() == 1) {
        return in.number();
      }
    }
    throw new IllegalArgumentException("a message without an id");
  }

  /** A MESSAGE's payload with other places of its body's first part; what it told stays told. */
  static ByteBuffer withPieces(ByteBuffer payload, List<Piece> pieces) {
    int bodyAt = messageHead(payload);
    var in = fields(payload);
    var out = new Fields();
    while (in.next()) {
      if (in.tag() < 10 || in.tag() > 12) {
        out.bytes(in.tag(), in.bytes());
      }
    }
    pieces.forEach(piece -> put(out, piece));
    var rest = payload.slice(payload.position() + bodyAt, payload.remaining() - bodyAt);
    var head = head(out, List.of(rest));
    return ByteBuffer.allocate(head.remaining() + rest.remaining()).put(head).put(rest).flip();
  }

  /** Where in the payload of a MOVED the payload of the MESSAGE begins. */
  static int movedHead(ByteBuffer payload) {
    return 4 + payload.getInt(payload.position());
  }

  /** The rows that a MOVED says are left. */
  static Settled moved(ByteBuffer payload) {
    return settled(
        new Fields.Reader(payload.slice(payload.position() + 4, movedHead(payload) - 4)));
  }

  /** Reads a MESSAGE; the payload may end where the body begins. */
  static Message message(ByteBuffer payload) {
    var in = fields(payload);
    long id = -1;
    Envelope envelope = null;
    var rows = new ArrayList<NewRow>();
    Instant queuedAt = null;
    SessionFacts session = null;
    SecurityResults security = null;
    Told told = null;
    Instant expires = null;
    IdempotencyKey key = null;
    String retry = null;
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> id = in.number();
        case 2 -> envelope = in.nested(Facts::envelope);
        case 3 -> {
          int number = rows.size();
          var before = Facts.required(envelope).recipients();
          rows.add(in.nested(fields -> row(fields, number, before)));
        }
        case 4 -> queuedAt = in.time();
        case 5 -> session = in.nested(Facts::session);
        case 6 -> security = in.nested(Facts::security);
        case 11 -> told = in.nested(Records::told);
        case 13 -> expires = in.time();
        case 14 -> key = IdempotencyKey.read(ByteBuffer.wrap(in.bytes()));
        case 15 -> retry = in.text();
        default -> {}
      }
    }
    return new Message(
        id,
        Facts.required(envelope),
        rows,
        Facts.required(queuedAt),
        session,
        security,
        body(payload),
        told,
        expires,
        key,
        retry);
  }

  /** Reads of a MESSAGE only what it says of its body. */
  static Body body(ByteBuffer payload) {
    var in = fields(payload);
    var prefix = new byte[0];
    var cuts = new ArrayList<Cut>();
    long received = 0;
    var pieces = new ArrayList<Piece>();
    int restCrc = 0;
    while (in.next()) {
      switch (in.tag()) {
        case 7 -> prefix = in.bytes();
        case 8 -> cuts.add(in.nested(Records::cut));
        case 9 -> received = in.number();
        case 10 -> {
          var place = ByteBuffer.wrap(in.bytes());
          pieces.add(new Piece(place.getLong(), place.getInt(), place.getInt(), place.getInt()));
        }
        case 12 -> restCrc = in.integer();
        default -> {}
      }
    }
    return new Body(new Edits(prefix, cuts), received, pieces, messageHead(payload), restCrc);
  }

  /** {@code recipients}: those of the envelope, which is written before the rows. */
  private static NewRow row(Fields.Reader in, int number, List<Recipient> recipients) {
    var zone = "";
    var destination = "";
    String route = null;
    var due = Instant.EPOCH;
    Recipient own = null;
    int priority = 0;
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> zone = in.text();
        case 2 -> destination = in.text();
        case 3 -> route = in.text();
        case 4 -> due = in.time();
        case 5 -> own = in.nested(Facts::recipient);
        case 6 -> priority = in.signed();
        default -> {}
      }
    }
    var recipient = own != null ? own : recipients.get(number);
    return new NewRow(recipient, zone, destination, route, due, priority);
  }

  private static Cut cut(Fields.Reader in) {
    long from = 0;
    long to = 0;
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> from = in.number();
        case 2 -> to = in.number();
        default -> {}
      }
    }
    return new Cut(from, to);
  }

  private static Told told(Fields.Reader in) {
    long id = -1;
    var rows = new ArrayList<Integer>();
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> id = in.number();
        case 2 -> rows.add(in.integer());
        default -> {}
      }
    }
    return new Told(id, rows);
  }

  /** The payload of a SETTLE. */
  static ByteBuffer settled(Settled settled) {
    var out = new Fields();
    put(out, settled);
    return out.buffer();
  }

  private static void put(Fields out, Settled settled) {
    out.number(1, settled.id());
    for (var row : settled.rows()) {
      out.nested(
          2,
          fields -> {
            fields.number(1, row.number()).flag(2, row.finished()).name(3, row.status());
            fields.number(4, row.attempts()).time(5, row.due()).flag(7, row.onHold());
            fields.flag(9, row.handingOver()).flag(10, row.possibleDuplicate());
            putWay(fields, row);
          });
    }
  }

  private static void putWay(Fields out, RowState row) {
    var rerouted = row.rerouted();
    if (rerouted != null) {
      out.text(11, rerouted.zone()).text(12, rerouted.destination());
    }
    SmtpReply before = null;
    for (var attempt : row.history().attempts()) {
      var reply = attempt.reply();
      boolean same = reply.equals(before);
      out.nested(
          6,
          inside -> {
            inside.time(1, attempt.at());
            if (!same) {
              inside.nested(2, fields -> put(fields, reply));
            }
          });
      before = reply;
    }
  }

  /** The way of a row so far, and its attempts, as fields. */
  static ByteBuffer way(RowState row) {
    var out = new Fields();
    putWay(out, row);
    return out.buffer();
  }

  /** The row with what {@link #way} has written. */
  static RowState withWay(RowState row, int attempts, ByteBuffer fields) {
    var in = new Fields.Reader(fields);
    String zone = null;
    String destination = null;
    var made = new ArrayList<Attempt>();
    while (in.next()) {
      switch (in.tag()) {
        case 6 -> made.add(in.nested(attempt -> attempt(attempt, made)));
        case 11 -> zone = in.text();
        case 12 -> destination = in.text();
        default -> {}
      }
    }
    return row.withHistory(new History(attempts, made)).withReroute(rerouted(zone, destination));
  }

  private static RowState.@Nullable Reroute rerouted(
      @Nullable String zone, @Nullable String destination) {
    return zone == null || destination == null ? null : new RowState.Reroute(zone, destination);
  }

  /** {@code before}: a reply is not written again where the attempt before had the same. */
  private static Attempt attempt(Fields.Reader in, List<Attempt> before) {
    var at = Instant.EPOCH;
    var reply = before.isEmpty() ? null : before.getLast().reply();
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> at = in.time();
        case 2 -> reply = in.nested(Records::reply);
        default -> {}
      }
    }
    return new Attempt(at, Facts.required(reply));
  }

  private static void put(Fields out, SmtpReply reply) {
    out.number(1, reply.code());
    out.text(2, reply.status() == null ? null : reply.status().toString());
    reply.lines().forEach(line -> out.text(3, line));
  }

  static Settled settled(Fields.Reader in) {
    long id = -1;
    var rows = new ArrayList<RowState>();
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> id = in.number();
        case 2 -> rows.add(in.nested(Records::rowState));
        default -> {}
      }
    }
    return new Settled(id, rows);
  }

  private static RowState rowState(Fields.Reader in) {
    int number = -1;
    boolean finished = false;
    var status = DeliveryStatus.PENDING;
    int attempts = 0;
    var due = Instant.EPOCH;
    boolean onHold = false;
    boolean handingOver = false;
    boolean possibleDuplicate = false;
    String zone = null;
    String destination = null;
    var made = new ArrayList<Attempt>();
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> number = in.integer();
        case 2 -> finished = in.flag();
        case 3 -> status = in.name(DeliveryStatus.class);
        case 4 -> attempts = in.integer();
        case 5 -> due = in.time();
        case 6 -> made.add(in.nested(attempt -> attempt(attempt, made)));
        case 7 -> onHold = in.flag();
        case 9 -> handingOver = in.flag();
        case 10 -> possibleDuplicate = in.flag();
        case 11 -> zone = in.text();
        case 12 -> destination = in.text();
        default -> {}
      }
    }
    return new RowState(
        number,
        finished,
        status,
        due,
        onHold,
        handingOver,
        possibleDuplicate,
        rerouted(zone, destination),
        new History(attempts, made));
  }

  private static SmtpReply reply(Fields.Reader in) {
    int code = 0;
    EnhancedStatus status = null;
    var lines = new ArrayList<String>();
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> code = in.integer();
        case 2 -> status = EnhancedStatus.find(in.text()).orElse(null);
        case 3 -> lines.add(in.text());
        default -> {}
      }
    }
    return new SmtpReply(code, status, lines);
  }
}
