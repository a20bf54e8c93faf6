package org.unifiedmta.security.sasl;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.Base64;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.security.sasl.CredentialStore.Scram;
import org.unifiedmta.security.sasl.SaslExchange.Step;

class ScramExchangeTest {
  private static final byte[] NOTHING = {};
  private static final byte[] CHANNEL = {1, 2, 3, (byte) 0xff};
  private static final Map<String, byte[]> BINDINGS = Map.of("tls-server-end-point", CHANNEL);

  // RFC 7677 3
  private static final String CLIENT_NONCE = "rOprNGfwEbeRWgbNEkqO";
  private static final String SERVER_NONCE = "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  private static final String FIRST = "n,,n=user,r=" + CLIENT_NONCE;
  private static final String FINAL =
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
          + "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";

  private final CredentialStore pencil =
      new CredentialStore() {
        private final Scram keys =
            ScramSha256.derive(
                "pencil", Base64.getDecoder().decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096);

        @Override
        public boolean verifyPassword(String user, char[] password) {
          return false;
        }

        @Override
        public Optional<Scram> scram(String user) {
          return user.equals("user") ? Optional.of(keys) : Optional.empty();
        }
      };

  private final CredentialStore users =
      CredentialStore.ofUsers(Map.of("ann", "secret", "d\u00f6rte", "gehe\u00efm", "a=b,c", "x y"));

  // ---- RFC 7677 3, and the empty answer of SMTP

  @Test
  void theDialogueOfTheRfc() {
    assertThat(
            dialogue(
                new ScramExchange(SaslContext.of(pencil), false, SERVER_NONCE), FIRST, FINAL, ""))
        .isEqualTo(
            """
            C: n,,n=user,r=rOprNGfwEbeRWgbNEkqO
            S: r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096
            C: c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=
            S: v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=
            C:\s
            user is in
            """);
  }

  @Test
  void withoutAnInitialResponseItIsAskedFor() {
    var exchange = new ScramExchange(SaslContext.of(pencil), false, SERVER_NONCE);
    assertThat(((Step.Challenge) exchange.next(null)).data()).isEmpty();
    assertThat(exchange.next(FIRST.getBytes(UTF_8))).isInstanceOf(Step.Challenge.class);
  }

  @ParameterizedTest
  @ValueSource(strings = {"x", "*", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="})
  void aClientThatDoesNotAcknowledgeOurProofIsNotIn(String answer) {
    var exchange = new ScramExchange(SaslContext.of(pencil), false, SERVER_NONCE);
    exchange.next(FIRST.getBytes(UTF_8));
    exchange.next(FINAL.getBytes(UTF_8));
    assertThat(exchange.next(answer.getBytes(UTF_8))).isInstanceOf(Step.Failure.class);
    assertThat(exchange.next(NOTHING)).isInstanceOf(Step.Failure.class);
  }

  @Test
  void aSecondProofIsNotLookedAt() {
    var exchange = new ScramExchange(SaslContext.of(pencil), false, SERVER_NONCE);
    exchange.next(FIRST.getBytes(UTF_8));
    exchange.next(FINAL.replace("p=d", "p=e").getBytes(UTF_8));
    assertThat(exchange.next(FINAL.getBytes(UTF_8)))
        .isEqualTo(new Step.Failure("the exchange is over"));
  }

  // ---- messages that are not exactly what they should be

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "n,,n=user,r=x | fine",
        "y,,n=user,r=x | fine",
        "n,a=user,n=user,r=x | fine",
        "n,,n=user,r=x,x=ignored,Z=a=b | fine",
        "n,,n=user,r=~!+-= | fine",
        "n,a=root,n=user,r=x | authorization identity is not the user's",
        "p=tls-server-end-point,,n=user,r=x | channel binding under SCRAM-SHA-256",
        "n,,m=x,n=user,r=x | mandatory SCRAM extension",
        "n,,n=user,m=x,r=x | malformed SCRAM first message",
        "n,,n=user,r=x,m=x | malformed SCRAM first message",
        "n,,n=,r=x | malformed SCRAM first message",
        "n,,n=us=er,r=x | malformed SCRAM first message",
        "n,,n=us=2cer,r=x | malformed SCRAM first message",
        "n,,n=user=3,r=x | malformed SCRAM first message",
        "n,,n=us\u0007er,r=x | malformed SCRAM first message",
        "n,,n=us\ufffder,r=x | malformed SCRAM first message",
        "n,,n=user,r= | malformed SCRAM first message",
        "n,,n=user,r=a b | malformed SCRAM first message",
        "n,,n=user,r=\u00e4 | malformed SCRAM first message",
        "n,,n=user | malformed SCRAM first message",
        "n,,r=x,n=user | malformed SCRAM first message",
        "n,,n=user,r=x, | malformed SCRAM first message",
        "n,,n=user,r=x,x | malformed SCRAM first message",
        "n,,n=user,r=x,1=y | malformed SCRAM first message",
        "n,,n=user,r=x,x= | malformed SCRAM first message",
        "n,user,n=user,r=x | malformed SCRAM first message",
        "n,a=,n=user,r=x | malformed SCRAM first message",
        "n,n=user,r=x | malformed SCRAM first message",
        "N,,n=user,r=x | malformed SCRAM first message",
        "x,,n=user,r=x | malformed SCRAM first message",
        "p=,,n=user,r=x | malformed SCRAM first message",
        "p=a_b,,n=user,r=x | malformed SCRAM first message",
        ",,n=user,r=x | malformed SCRAM first message",
        ", | malformed SCRAM first message",
        "'' | malformed SCRAM first message"
      })
  void theFirstMessageIsReadStrictly(String message, String verdict) {
    var step = new ScramExchange(SaslContext.of(pencil), false).next(message.getBytes(UTF_8));
    assertThat(step instanceof Step.Failure(var reason) ? reason : "fine").isEqualTo(verdict);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      nullValues = "-",
      value = {
        "c=biws, | c=eSws, | the client sees another channel, or said something else before",
        "c=biws, | c=biws=, | the client sees another channel, or said something else before",
        "c=biws, | c=, | the client sees another channel, or said something else before",
        "$k0,p | $k1,p | another nonce",
        "$k0,p | $k0$,p | another nonce",
        "r=r | r=s | another nonce",
        "p=d | p=e | wrong password or unknown user",
        "c=biws, | d=biws, | the client sees another channel, or said something else before",
        "c=biws, | - | malformed SCRAM final message",
        "$k0,p | $k0,m=x,p | malformed SCRAM final message",
        "$k0,p | $k0,x,p | malformed SCRAM final message",
        "p=dHzb | p= | malformed SCRAM final message",
        "VQ= | VQ== | malformed SCRAM final message",
        "VQ= | VQ | malformed SCRAM final message",
        "VQ= | VQ=,x=y | malformed SCRAM final message",
        "p=d | p=? | malformed SCRAM final message",
        "p=d | q=d | malformed SCRAM final message"
      })
  void theFinalMessageIsComparedExactly(String right, String wrong, String reason) {
    var exchange = new ScramExchange(SaslContext.of(pencil), false, SERVER_NONCE);
    exchange.next(FIRST.getBytes(UTF_8));
    assertThat(FINAL).contains(right);
    var message = FINAL.replace(right, wrong == null ? "" : wrong);
    assertThat(exchange.next(message.getBytes(UTF_8))).isEqualTo(new Step.Failure(reason));
  }

  @Test
  void anExtensionThatIsIgnoredIsProvedAllTheSame() {
    var exchange = new ScramExchange(SaslContext.of(pencil), false, SERVER_NONCE);
    exchange.next(FIRST.getBytes(UTF_8));
    var message = FINAL.replace(",p=", ",x=y,p=");
    assertThat(exchange.next(message.getBytes(UTF_8)))
        .isEqualTo(new Step.Failure("wrong password or unknown user"));
  }

  @Test
  void overlongMessagesAreMalformed() {
    for (var message :
        new String[] {
          "n,,n=user,r=" + "x".repeat(513),
          "n,,n=" + "u".repeat(1_025) + ",r=x",
          "n,,n=user,r=x,x=" + "y".repeat(9_300),
          "p=" + "x".repeat(65) + ",,n=user,r=x"
        }) {
      assertThat(new ScramExchange(SaslContext.of(pencil), false).next(message.getBytes(UTF_8)))
          .isEqualTo(new Step.Failure("malformed SCRAM first message"));
    }
    assertThat(
            new ScramExchange(SaslContext.of(pencil), false)
                .next(new byte[] {'n', ',', ',', 'n', '=', (byte) 0xff, ',', 'r', '=', 'x'}))
        .isEqualTo(new Step.Failure("malformed SCRAM first message"));
  }

  // ---- whole logins by a client that knows only the RFC

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "ann | secret | ann",
        "d\u00f6rte | gehe\u00efm | d\u00f6rte",
        "do\u0308rte | gehe\u00efm | d\u00f6rte",
        "d\u00f6r\u00adte | gehe\u00efm | d\u00f6rte",
        "\uff41nn | secret | ann",
        "a=b,c | x y | a=b,c"
      })
  void aUserLogsIn(String user, String password, String asWhom) {
    for (var header : new String[] {"n,,", "y,,"}) {
      assertThat(login(SaslContext.of(users), false, header, NOTHING, user, password))
          .isEqualTo(new Step.Success(asWhom));
    }
  }

  @ParameterizedTest
  @CsvSource({"ann, wrong", "ann, Secret", "bob, secret", "Ann, secret"})
  void whoDoesNotKnowThePasswordFailsInTheEnd(String user, String password) {
    assertThat(login(SaslContext.of(users), false, "n,,", NOTHING, user, password))
        .isEqualTo(new Step.Failure("wrong password or unknown user"));
  }

  @Test
  void theChannelIsProved() {
    var context = SaslContext.of(users).withChannelBindings(BINDINGS);
    assertThat(login(context, true, "p=tls-server-end-point,,", CHANNEL, "ann", "secret"))
        .isEqualTo(new Step.Success("ann"));
    assertThat(login(context, true, "p=tls-server-end-point,a=ann,", CHANNEL, "ann", "secret"))
        .isEqualTo(new Step.Success("ann"));
    assertThat(login(context, true, "p=tls-server-end-point,,", NOTHING, "ann", "secret"))
        .isEqualTo(
            new Step.Failure("the client sees another channel, or said something else before"));
    assertThat(login(context, true, "p=tls-server-end-point,,", new byte[4], "ann", "secret"))
        .isInstanceOf(Step.Failure.class);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "n,, | SCRAM-SHA-256-PLUS without channel binding",
        "y,, | SCRAM-SHA-256-PLUS without channel binding",
        "p=tls-unique,, | channel binding that this channel does not have: tls-unique",
        "p=tls-exporter,, | channel binding that this channel does not have: tls-exporter"
      })
  void underPlusTheClientBindsByWhatWeHave(String header, String reason) {
    var context = SaslContext.of(users).withChannelBindings(BINDINGS);
    assertThat(login(context, true, header, CHANNEL, "ann", "secret"))
        .isEqualTo(new Step.Failure(reason));
  }

  @Test
  void aClientThatWasNotShownPlusThoughItIsOfferedHasBeenLiedTo() {
    var context = SaslContext.of(users).withChannelBindings(BINDINGS);
    assertThat(login(context, false, "y,,", NOTHING, "ann", "secret"))
        .isEqualTo(new Step.Failure("downgraded: the client was not shown SCRAM-SHA-256-PLUS"));
    assertThat(login(context, false, "n,,", NOTHING, "ann", "secret"))
        .isEqualTo(new Step.Success("ann"));
  }

  // ---- what a client can learn

  @Test
  void aNameThatNobodyHasLooksLikeAUsersEachTime() {
    var unknown = serverFirst(users, "bob");
    var known = serverFirst(users, "ann");
    assertThat(unknown.keySet()).isEqualTo(known.keySet());
    assertThat(unknown.get("i")).isEqualTo(known.get("i"));
    assertThat(unknown.get("s")).hasSameSizeAs(known.get("s"));
    assertThat(serverFirst(users, "bob").get("s")).isEqualTo(unknown.get("s"));
    assertThat(serverFirst(users, "ann").get("s")).isEqualTo(known.get("s"));
    assertThat(serverFirst(users, "bobby").get("s")).isNotEqualTo(unknown.get("s"));
  }

  @Test
  void aStoreThatMakesNoDecoysHasSomeAllTheSame() {
    var unknown = serverFirst(pencil, "bob");
    assertThat(unknown.get("i")).isEqualTo("4096");
    assertThat(Base64.getDecoder().decode(unknown.get("s"))).hasSize(16);
    assertThat(serverFirst(pencil, "bob").get("s")).isEqualTo(unknown.get("s"));
  }

  @Test
  void ourNonceIsNewEachTime() {
    var first = serverFirst(users, "ann").get("r");
    var second = serverFirst(users, "ann").get("r");
    assertThat(first).startsWith("fyko").isNotEqualTo(second);
    assertThat(Base64.getDecoder().decode(first.substring(4))).hasSizeGreaterThanOrEqualTo(18);
  }

  private static Map<String, String> serverFirst(CredentialStore store, String user) {
    var step =
        new ScramExchange(SaslContext.of(store), false)
            .next(("n,,n=" + user + ",r=fyko").getBytes(UTF_8));
    return ScramClient.attributes(text(step));
  }

  private static Step login(
      SaslContext context,
      boolean plus,
      String header,
      byte[] binding,
      String user,
      String password) {
    var client = new ScramClient(header, binding, user, password, "fyko+d2lbbFgONRv9qkxdawL");
    var exchange =
        (plus ? SaslMechanism.SCRAM_SHA_256_PLUS : SaslMechanism.SCRAM_SHA_256).exchange(context);
    var first = exchange.next(client.first().getBytes(UTF_8));
    if (first instanceof Step.Failure) {
      return first;
    }
    var last = exchange.next(client.last(text(first)).getBytes(UTF_8));
    if (last instanceof Step.Failure) {
      return last;
    }
    assertThat(client.accepts(text(last))).as("the server's proof").isTrue();
    return exchange.next(NOTHING);
  }

  private static String dialogue(SaslExchange exchange, String... responses) {
    var heard = new StringBuilder();
    for (var response : responses) {
      heard.append("C: ").append(response).append('\n');
      heard.append(
          switch (exchange.next(response.getBytes(UTF_8))) {
            case Step.Challenge challenge -> "S: " + text(challenge);
            case Step.Success(var user) -> user + " is in";
            case Step.Failure(var reason) -> "failed: " + reason;
          });
      heard.append('\n');
    }
    return heard.toString();
  }

  private static String text(Step step) {
    return new String(((Step.Challenge) step).data(), UTF_8);
  }
}
