package org.unifiedmta.delivery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.zonky.test.db.postgres.embedded.EmbeddedPostgres;
import java.nio.file.Path;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import javax.sql.DataSource;
import org.h2.jdbcx.JdbcDataSource;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.unifiedmta.core.ConfigException;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.delivery.attempt.RecipientVerdict;
import org.unifiedmta.delivery.queue.Mail;
import org.unifiedmta.delivery.queue.ManualTimer;
import org.unifiedmta.delivery.submission.Outbox;
import org.unifiedmta.delivery.submission.SubmissionException;
import org.unifiedmta.delivery.submission.SubmitOptions;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.Route;

/** Mail that exists if and only if the host's own transaction is committed. */
class OutboxTest {
  private static EmbeddedPostgres postgres;

  /** Another database for each test. */
  private static final AtomicInteger databases = new AtomicInteger();

  private record Arrived(String recipient, String subject, String sender) {}

  private final ManualTimer timer = new ManualTimer(Instant.parse("2026-01-05T10:00:00Z"));
  private final LinkedBlockingQueue<Arrived> arrived = new LinkedBlockingQueue<>();
  private final List<UnifiedEmailServer> servers = new ArrayList<>();

  enum Product {
    H2 {
      @Override
      DataSource create(int number) {
        var source = new JdbcDataSource();
        source.setURL("jdbc:h2:mem:outbox" + number + ";DB_CLOSE_DELAY=-1");
        return source;
      }
    },
    POSTGRESQL {
      @Override
      DataSource create(int number) throws SQLException {
        try (var connection = postgres.getPostgresDatabase().getConnection();
            var statement = connection.createStatement()) {
          statement.execute("CREATE DATABASE outbox" + number);
        }
        return postgres.getDatabase("postgres", "outbox" + number);
      }
    };

    abstract DataSource create(int number) throws SQLException;
  }

  @BeforeAll
  static void startPostgres() throws Exception {
    postgres = EmbeddedPostgres.start();
  }

  @AfterAll
  static void stopPostgres() throws Exception {
    postgres.close();
  }

  @AfterEach
  void stopServers() {
    servers.forEach(UnifiedEmailServer::close);
  }

  private static DataSource database(Product product) throws SQLException {
    return product.create(databases.incrementAndGet());
  }

  private UnifiedEmailServerConfig.Builder config(DataSource database) {
    return UnifiedEmailServerConfig.builder()
        .hostname("mail.example.test")
        .timer(timer)
        .outbox(database)
        .domains(DomainConfig.of("example.test"))
        .routes(
            Route.of("no", 10, Match.recipients("refused@*"), Action.reject(550, "not to them")))
        .mailHandler((recipient, mail) -> {
          var from = mail.envelope().mailFrom();
          arrived.add(
              new Arrived(
                  recipient.address().toString(),
                  mail.email().subject(),
                  from == null ? "" : from.toString()));
          return RecipientVerdict.delivered();
        });
  }

  private UnifiedEmailServer start(UnifiedEmailServerConfig.Builder config) {
    var server = new UnifiedEmailServer(config.build());
    servers.add(server);
    return server.start();
  }

  private static Email mail(String subject, String... to) {
    return Email.builder()
        .from("Ännchen <ann@example.test>")
        .to(to)
        .subject(subject)
        .text("body")
        .build();
  }

  private Arrived next() throws InterruptedException {
    for (int i = 0; i < 200; i++) {
      var mail = arrived.poll(100, TimeUnit.MILLISECONDS);
      if (mail != null) {
        return mail;
      }
      timer.advance(Duration.ofSeconds(1)); // the next look at the table
    }
    throw new AssertionError("no mail");
  }

  private static int rows(DataSource database) throws SQLException {
    try (var connection = database.getConnection();
        var rows =
            connection.createStatement().executeQuery("SELECT COUNT(*) FROM " + Outbox.TABLE)) {
      rows.next();
      return rows.getInt(1);
    }
  }

  private static void awaitRows(DataSource database, int count) {
    Mail.await(() -> {
      try {
        return rows(database) == count;
      } catch (SQLException e) {
        throw new AssertionError(e);
      }
    });
  }

  @ParameterizedTest
  @EnumSource
  void whatIsCommittedArrivesOnceAndWhatIsRolledBackNever(Product product) throws Exception {
    var database = database(product);
    var server = start(config(database));
    try (var connection = database.getConnection()) {
      connection.setAutoCommit(false);
      server.enqueue(connection, mail("lost", "ben@example.test"));
      connection.rollback();
      var two =
          Email.builder()
              .from("ann@example.test")
              .to("ben@example.test")
              .bcc("cem@example.test")
              .subject("Grüße")
              .text("in UTF-8: ü")
              .build();
      server.enqueue(connection, two);
      timer.advance(Duration.ofSeconds(5));
      assertThat(arrived).isEmpty();
      connection.commit();
    }
    assertThat(List.of(next(), next()))
        .containsExactlyInAnyOrder(
            new Arrived("ben@example.test", "Grüße", "ann@example.test"),
            new Arrived("cem@example.test", "Grüße", "ann@example.test"));
    awaitRows(database, 0);
    timer.advance(Duration.ofMinutes(5));
    assertThat(arrived).isEmpty();
  }

  @ParameterizedTest
  @EnumSource
  void theRowOfAMessageThatWasStoredBeforeACrashIsNotStoredAgain(Product product) throws Exception {
    var database = database(product);
    var server = start(config(database));
    var mail = mail("once", "ben@example.test");
    try (var connection = database.getConnection()) {
      connection.setAutoCommit(false);
      var id = server.enqueue(connection, mail);
      server.sendEmail(mail, SubmitOptions.builder().idempotencyKey(id).build());
      assertThat(next().subject()).isEqualTo("once");
      connection.commit(); // the row is there, as if the server had ended before it took it out
    }
    try (var connection = database.getConnection()) {
      server.enqueue(connection, mail("next", "ben@example.test"));
      commit(connection);
    }
    assertThat(next().subject()).isEqualTo("next");
    awaitRows(database, 0);
    assertThat(arrived).isEmpty();
  }

  private static void commit(Connection connection) throws SQLException {
    if (!connection.getAutoCommit()) {
      connection.commit();
    }
  }

  @ParameterizedTest
  @EnumSource
  void twoServersShareATable(Product product) throws Exception {
    var database = database(product);
    var server = start(config(database));
    start(config(database).hostname("other.example.test"));
    var wanted = new HashSet<String>();
    try (var connection = database.getConnection()) {
      connection.setAutoCommit(false);
      for (int i = 0; i < 300; i++) {
        server.enqueue(connection, mail("number " + i, "ben@example.test"));
        wanted.add("number " + i);
        if (i % 7 == 0) {
          connection.commit();
        }
      }
      connection.commit();
    }
    var got = new ArrayList<String>();
    for (int i = 0; i < 300; i++) {
      got.add(next().subject());
    }
    awaitRows(database, 0);
    assertThat(got).containsExactlyInAnyOrderElementsOf(wanted);
    assertThat(arrived).isEmpty();
  }

  @ParameterizedTest
  @EnumSource
  void whatAServerHadClaimedWhenItWasKilledIsLeftToIt(Product product) throws Exception {
    var database = database(product);
    var other = start(config(database).hostname("other.example.test"));
    try (var connection = database.getConnection()) {
      connection.setAutoCommit(false);
      var id = other.enqueue(connection, mail("claimed", "ben@example.test"));
      try (var claim =
          connection.prepareStatement(
              "UPDATE mta_outbox SET claimed_by = ?, claimed_until = ? WHERE id = ?")) {
        claim.setString(1, "mail.example.test");
        claim.setLong(2, timer.now().plusSeconds(60).toEpochMilli());
        claim.setString(3, id);
        claim.executeUpdate();
      }
      other.enqueue(connection, mail("free", "ben@example.test"));
      connection.commit();
    }
    assertThat(next().subject()).isEqualTo("free");
    awaitRows(database, 1);
    timer.advance(Duration.ofMinutes(10));
    try (var connection = database.getConnection()) {
      other.enqueue(connection, mail("behind it", "ben@example.test"));
      commit(connection);
    }
    assertThat(next().subject()).as("it may be in the other one's queue").isEqualTo("behind it");
    awaitRows(database, 1);
    start(config(database)); // it is back
    assertThat(next().subject()).isEqualTo("claimed");
    awaitRows(database, 0);
  }

  @ParameterizedTest
  @EnumSource
  void whatARouteRefusesStaysWithTheReasonAndKeepsNothingElse(Product product) throws Exception {
    var database = database(product);
    var server = start(config(database));
    try (var connection = database.getConnection()) {
      server.enqueue(connection, mail("no", "refused@example.test"));
      server.enqueue(connection, mail("yes", "ben@example.test"));
      commit(connection);
    }
    assertThat(next().subject()).isEqualTo("yes");
    awaitRows(database, 1);
    try (var connection = database.getConnection();
        var row =
            connection.createStatement().executeQuery("SELECT refused FROM " + Outbox.TABLE)) {
      row.next();
      assertThat(row.getString(1)).contains("refused@example.test").contains("not to them");
    }
  }

  @Test
  void anotherServerWritesWhatThisOneSends(@TempDir Path directory) throws Exception {
    var database = database(Product.H2);
    start(config(database).dataDirectory(directory.resolve("queue")));
    var writer = new UnifiedEmailServer(config(database).build()); // never started
    try (var connection = database.getConnection()) {
      writer.enqueue(connection, mail("from afar", "ben@example.test"));
    }
    assertThat(next().subject()).isEqualTo("from afar");
    writer.close();
  }

  @Test
  void aMessageForNobodyIsRefusedAtOnce() throws Exception {
    var database = database(Product.H2);
    var server = start(config(database));
    try (var connection = database.getConnection()) {
      var nobody = Email.builder().from("ann@example.test").subject("x").text("x").build();
      assertThatThrownBy(() -> server.enqueue(connection, nobody))
          .isInstanceOf(SubmissionException.class);
    }
  }

  @Test
  void withoutAnOutboxNothingIsWritten() throws Exception {
    var server =
        new UnifiedEmailServer(UnifiedEmailServerConfig.builder().hostname("a.test").build());
    try (var connection = database(Product.H2).getConnection()) {
      assertThatThrownBy(() -> server.enqueue(connection, mail("x", "ben@example.test")))
          .isInstanceOf(IllegalStateException.class)
          .hasMessageContaining("outbox");
    }
  }

  @Test
  void aTableThatCannotBeMadeIsNamedWithWhatMakesIt() throws Exception {
    var url = "jdbc:h2:mem:outbox" + databases.incrementAndGet();
    try (var owner = DriverManager.getConnection(url)) {
      owner.createStatement().execute("CREATE USER guest PASSWORD 'guest'");
      var guest = new JdbcDataSource();
      guest.setURL(url);
      guest.setUser("guest");
      guest.setPassword("guest");
      var server = new UnifiedEmailServer(config(guest).build());
      assertThatThrownBy(server::start)
          .isInstanceOf(ConfigException.class)
          .hasMessageContaining("CREATE TABLE mta_outbox");
    }
  }
}
