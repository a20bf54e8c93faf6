package org.unifiedmta.delivery.submission;

import java.io.ByteArrayInputStream;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.SQLException;
import java.sql.Types;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadLocalRandom;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.sql.DataSource;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.ConfigException;
import org.unifiedmta.core.MtaException;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.time.Timer;

/**
 * A table in the host's own database, written in the host's own transactions: the mail exists if
 * and only if the transaction is committed. One thread moves what is committed into the queue, each
 * row once: the row's id is the idempotency key of its submission. Several servers, with names of
 * their own, may share a table: what one of them has claimed and not finished only it can know to
 * be queued or not, so the others leave it alone, also when it was killed.
 */
public final class Outbox implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Outbox.class);

  /** The table. */
  public static final String TABLE = "mta_outbox";

  /** Of an owner at a time: nobody's, or its own of which it does not know any more. */
  private static final String FREE =
      "(claimed_by IS NULL OR (claimed_by = ? AND claimed_until < ?))";

  private static final int BATCH = 64;
  private static final Duration INTERVAL = Duration.ofSeconds(1);
  private static final Duration AFTER_FAILURE = Duration.ofSeconds(10);

  /** Longer than it takes to store a batch; after a crash its rows wait as long for it. */
  private static final Duration CLAIM = Duration.ofMinutes(1);

  private static final Duration LAST_BATCH = Duration.ofSeconds(5);

  private final DataSource database;
  private final String owner;
  private final Submission submission;
  private final Timer timer;
  private final Semaphore wake = new Semaphore(1);
  private final Thread thread;
  private volatile boolean stopping;
  private Timer.@Nullable Handle next;

  private Outbox(DataSource database, String owner, Submission submission, Timer timer) {
    this.database = database;
    this.owner = owner;
    this.submission = submission;
    this.timer = timer;
    thread = new Thread(this::run, "mta-outbox");
    thread.setDaemon(true);
  }

  /**
   * Begins to move what is committed; the table is made where it is missing.
   *
   * @param database connections of its own, one at a time
   * @param owner the server's name, the same after a restart
   * @throws ConfigException if the table is not there and cannot be made
   */
  public static Outbox start(
      DataSource database, String owner, Submission submission, Timer timer) {
    createTable(database);
    var outbox = new Outbox(database, owner, submission, timer);
    outbox.thread.start();
    return outbox;
  }

  /**
   * Writes a message into the table, in the transaction that the connection is in; neither commits
   * nor closes it.
   *
   * @return the row's id, under which the message is submitted once the transaction is committed
   * @throws SubmissionException if the message is for nobody
   * @throws MtaException if the database refuses it; the transaction is then as the database leaves
   *     it
   */
  public static String enqueue(Connection transaction, Email email, Instant now) {
    var envelope = email.envelope();
    if (envelope.recipients().isEmpty()) {
      throw new SubmissionException("the message has no recipients", null);
    }
    var id = idAt(now);
    try (var insert =
        transaction.prepareStatement(
            "INSERT INTO mta_outbox (id, claimed_until, sender, recipients, eight_bit, smtp_utf8,"
                + " message) VALUES (?, 0, ?, ?, ?, ?, ?)")) {
      insert.setString(1, id);
      var sender = envelope.mailFrom();
      if (sender == null) {
        insert.setNull(2, Types.VARCHAR);
      } else {
        insert.setString(2, sender.toString());
      }
      insert.setString(
          3,
          envelope.recipients().stream()
              .map(recipient -> recipient.address().toString())
              .collect(Collectors.joining("\n")));
      insert.setInt(4, envelope.body() == Envelope.Body.SEVEN_BIT ? 0 : 1);
      insert.setInt(5, envelope.smtpUtf8() ? 1 : 0);
      insert.setBytes(6, email.toBytes());
      insert.executeUpdate();
      return id;
    } catch (SQLException e) {
      throw new MtaException("the message could not be written to " + TABLE, e);
    }
  }

  /** UUID version 7 (RFC 9562 5.7): they sort by time, so that the oldest is moved first. */
  private static String idAt(Instant now) {
    var random = ThreadLocalRandom.current();
    long high = (now.toEpochMilli() << 16) | 0x7000 | random.nextInt(0x1000);
    long low = (random.nextLong() & 0x3fff_ffff_ffff_ffffL) | 0x8000_0000_0000_0000L;
    return new UUID(high, low).toString();
  }

  // ---- the table

  private static void createTable(DataSource database) {
    try (var connection = database.getConnection()) {
      connection.setAutoCommit(true); // where a statement failed, PostgreSQL takes no other
      if (exists(connection)) {
        return;
      }
      var ddl = ddl(connection.getMetaData().getDatabaseProductName());
      try (var statement = connection.createStatement()) {
        statement.execute(ddl);
      } catch (SQLException e) {
        if (!exists(connection)) { // else somebody else was faster
          throw new ConfigException(
              "outbox: there is no table "
                  + TABLE
                  + ", and it cannot be made ("
                  + e.getMessage()
                  + "); make it with: "
                  + ddl);
        }
      }
    } catch (SQLException e) {
      throw new MtaException("outbox: the database cannot be reached: " + e.getMessage(), e);
    }
  }

  private static boolean exists(Connection connection) {
    try (var statement = connection.createStatement();
        var rows = statement.executeQuery("SELECT id FROM mta_outbox WHERE 1 = 0")) {
      return !rows.next();
    } catch (SQLException e) {
      return false;
    }
  }

  /**
   * The statement that makes the table, for those who make it themselves.
   *
   * @param product as JDBC's metadata names the database
   */
  public static String ddl(String product) {
    var octets =
        switch (product.toLowerCase(Locale.ROOT)) {
          case "postgresql" -> "BYTEA";
          case "mysql", "mariadb" -> "LONGBLOB";
          default -> "BLOB";
        };
    return "CREATE TABLE mta_outbox (id VARCHAR(36) PRIMARY KEY, claimed_by VARCHAR(255),"
        + " claimed_until BIGINT NOT NULL, sender VARCHAR(400), recipients TEXT NOT NULL, eight_bit INTEGER NOT NULL,"
        + " smtp_utf8 INTEGER NOT NULL, message "
        + octets
        + " NOT NULL, refused TEXT)";
  }

  // ---- moving

  private void run() {
    while (true) {
      wake.acquireUninterruptibly();
      if (stopping) {
        return;
      }
      wakeAt(timer.now().plus(moveAll() ? INTERVAL : AFTER_FAILURE));
    }
  }

  private synchronized void wakeAt(Instant time) {
    if (!stopping) {
      next = timer.at(time, wake::release);
    }
  }

  /** Whether all went well. */
  private boolean moveAll() {
    try (var connection = database.getConnection()) {
      connection.setAutoCommit(false);
      int moved;
      do {
        moved = moveBatch(connection);
      } while (moved > 0 && !stopping);
      return true;
    } catch (SQLException | RuntimeException | Error e) { // its thread goes on in any case
      log.warn("the outbox is not emptied, the next try is in {}: {}", AFTER_FAILURE, e.toString());
      return false;
    }
  }

  /** How many rows there were for us. */
  private int moveBatch(Connection connection) throws SQLException {
    var until = timer.now().plus(CLAIM);
    var claimed = claim(connection, until);
    var untouched = new ArrayDeque<>(claimed);
    var done = new ArrayList<String>();
    try {
      while (!untouched.isEmpty()
          && !stopping
          && timer.now().isBefore(until.minus(CLAIM.dividedBy(2)))) {
        var id = untouched.remove();
        if (move(connection, id)) {
          done.add(id);
        }
      }
    } finally {
      forEach(connection, "DELETE FROM mta_outbox WHERE id = ?", done);
      forEach(connection, "UPDATE mta_outbox SET claimed_by = NULL WHERE id = ?", untouched);
      connection.commit();
    }
    return claimed.size();
  }

  private List<String> claim(Connection connection, Instant until) throws SQLException {
    var free = new ArrayList<String>();
    long now = timer.now().toEpochMilli();
    try (var select =
        connection.prepareStatement(
            "SELECT id FROM mta_outbox WHERE refused IS NULL AND "
                + FREE
                + " ORDER BY id LIMIT "
                + BATCH)) {
      select.setString(1, owner);
      select.setLong(2, now);
      try (var rows = select.executeQuery()) {
        while (rows.next()) {
          free.add(rows.getString(1));
        }
      }
    }
    var claimed = new ArrayList<String>();
    try (var update =
        connection.prepareStatement(
            "UPDATE mta_outbox SET claimed_by = ?, claimed_until = ? WHERE id = ? AND " + FREE)) {
      for (var id : free) {
        update.setString(1, owner);
        update.setLong(2, until.toEpochMilli());
        update.setString(3, id);
        update.setString(4, owner);
        update.setLong(5, now);
        if (update.executeUpdate() == 1) { // 0: another server was faster
          claimed.add(id);
        }
      }
    }
    connection.commit();
    return claimed;
  }

  /** Whether the row has done its work. */
  private boolean move(Connection connection, String id) throws SQLException {
    String sender;
    String recipients;
    int eightBit;
    int smtpUtf8;
    byte[] message;
    try (var select =
        connection.prepareStatement(
            "SELECT sender, recipients, eight_bit, smtp_utf8, message FROM mta_outbox"
                + " WHERE id = ?")) {
      select.setString(1, id);
      try (var row = select.executeQuery()) {
        if (!row.next()) {
          return false; // somebody took it out
        }
        sender = row.getString(1);
        recipients = row.getString(2);
        eightBit = row.getInt(3);
        smtpUtf8 = row.getInt(4);
        message = row.getBytes(5);
      }
    }
    try {
      submission.submit(
          envelope(sender, recipients, eightBit, smtpUtf8),
          new ByteArrayInputStream(message),
          SubmitOptions.builder().idempotencyKey(id).build());
      return true;
    } catch (SubmissionException | IllegalArgumentException e) { // the latter: no address
      log.error("{} in the outbox is not taken, and stays there: {}", id, e.getMessage());
      refuse(connection, id, String.valueOf(e.getMessage()));
      return false;
    }
  }

  private static Envelope envelope(
      @Nullable String sender, String recipients, int eightBit, int smtpUtf8) {
    return Envelope.of(
            sender == null ? null : EmailAddress.parse(sender),
            Stream.of(recipients.split("\n")).map(EmailAddress::parse).map(Recipient::of).toList())
        .withBody(eightBit == 0 ? Envelope.Body.SEVEN_BIT : Envelope.Body.EIGHT_BIT_MIME)
        .withSmtpUtf8(smtpUtf8 != 0);
  }

  private static void refuse(Connection connection, String id, String why) throws SQLException {
    try (var update =
        connection.prepareStatement("UPDATE mta_outbox SET refused = ? WHERE id = ?")) {
      update.setString(1, why);
      update.setString(2, id);
      update.executeUpdate();
    }
  }

  private static void forEach(Connection connection, String sql, Collection<String> ids)
      throws SQLException {
    if (ids.isEmpty()) {
      return;
    }
    try (PreparedStatement statement = connection.prepareStatement(sql)) {
      for (var id : ids) {
        statement.setString(1, id);
        statement.addBatch();
      }
      statement.executeBatch();
    }
  }

  /** Waits for the message that is being moved, for a few seconds. */
  @Override
  public void close() {
    synchronized (this) {
      stopping = true;
      if (next != null) {
        next.cancel();
      }
    }
    wake.release();
    try {
      thread.join(LAST_BATCH);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
