package org.unifiedmta.routing.route;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Literals;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.email.Headers;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.domain.DomainRegistry;

class EmailRouterTest {
  private static final DomainRegistry OURS =
      new DomainRegistry(List.of(DomainConfig.of("example.com")));
  private static final Action FORWARD = Action.forward("next.example.com", 25);

  private static EmailRouter router(Route... routes) {
    return new EmailRouter(List.of(routes), OURS);
  }

  private static EmailContext.Builder context(String recipient) {
    return EmailContext.builder().sender("ann@sender.test").recipients(recipient);
  }

  private static InetAddress ip(String text) {
    return Literals.ip(text);
  }

  private static Headers headers(String section) {
    return Headers.of(HeaderSection.of((section + "\r\n\r\n").getBytes(StandardCharsets.UTF_8)));
  }

  @ParameterizedTest
  @CsvSource({
    "*@example.com, ann@example.com, true",
    "*@example.com, ANN@EXAMPLE.COM, true",
    "*@EXAMPLE.com, ann@example.com, true",
    "*@example.com, ann@sub.example.com, false",
    "*@*.example.com, ann@sub.example.com, true",
    "*@example.com, ann@example.com.evil.test, false",
    "ann@example.com, joann@example.com, false",
    "a?n@example.com, ann@example.com, true",
    "a?n@example.com, an@example.com, false",
    "*@*, ann@example.com, true",
    "*, ann@example.com, true",
    "*-bounces@example.com, list-bounces@example.com, true",
    "*.*@example.com, a.b.c@example.com, true",
    "*@faß.test, ann@example.com, false",
  })
  void aGlobFitsTheWholeAddressWithoutRegardToCase(String glob, String address, boolean fits) {
    var route = Route.of("r", 0, Match.recipients(glob), FORWARD);
    assertThat(router(route).evaluateRoutes(context(address).build()).isPresent()).isEqualTo(fits);
  }

  @Test
  void manyStarsTakeNoMoreThanLinearTime() {
    var glob = Glob.of("*a".repeat(100) + "*b");
    assertThat(glob.matches("a".repeat(60_000))).isFalse();
  }

  @Test
  void theHighestPriorityWinsAndAmongEqualsTheFirst() {
    var router =
        router(
            Route.of("low", 1, Match.any(), FORWARD),
            Route.of("first", 10, Match.any(), FORWARD),
            Route.of("second", 10, Match.any(), FORWARD));
    assertThat(router.routes()).extracting(Route::name).containsExactly("first", "second", "low");
    assertThat(router.evaluateRoutes(context("a@example.com").build()))
        .get()
        .extracting(Route::name)
        .isEqualTo("first");
  }

  @Test
  void withSeveralRecipientsTheFirstRouteThatFitsAnyIsFound() {
    var router =
        router(
            Route.of("b", 10, Match.recipients("b@example.com"), FORWARD),
            Route.of("any", 0, Match.any(), FORWARD));
    var context = EmailContext.builder().recipients("a@example.com", "b@example.com").build();
    assertThat(router.evaluateRoutes(context)).get().extracting(Route::name).isEqualTo("b");
    assertThat(router.route(context))
        .extracting(decision -> decision.route().name())
        .containsExactly("any", "b");
  }

  @Test
  void allCriteriaMustHold() {
    var match =
        Match.senders("*@sender.test")
            .andRecipients("*@example.com")
            .clientIp("192.0.2.0/24", "2001:db8::/32")
            .authenticated(false)
            .header("List-Id", "announce")
            .subject(Pattern.compile("^Sale"))
            .sizeRange(10, 20)
            .where("only on weekdays", context -> true);
    var router = router(Route.of("all", 0, match, FORWARD));
    var good =
        context("a@example.com")
            .clientIp(ip("192.0.2.7"))
            .headers(headers("List-Id: <ANNOUNCE.lists>\r\nSubject: =?utf-8?q?Sale?= now"))
            .size(20);
    assertThat(router.evaluateRoutes(good.build())).isPresent();
    assertThat(router.evaluateRoutes(good.clientIp(ip("2001:db8::1")).build())).isPresent();
    assertThat(router.evaluateRoutes(good.clientIp(ip("198.51.100.1")).build())).isEmpty();
    good.clientIp(ip("192.0.2.7"));
    assertThat(router.evaluateRoutes(good.size(21).build())).isEmpty();
    assertThat(router.evaluateRoutes(good.size(20).authenticated(true).build())).isEmpty();
    assertThat(router.evaluateRoutes(good.authenticated(false).sender((String) null).build()))
        .isEmpty();
  }

  @Test
  void theNullSenderIsMatchedByAStarOnly() {
    var context = EmailContext.builder().recipients("a@example.com").build();
    assertThat(router(Route.of("r", 0, Match.senders("*"), FORWARD)).evaluateRoutes(context))
        .isPresent();
    assertThat(router(Route.of("r", 0, Match.senders("*@*"), FORWARD)).evaluateRoutes(context))
        .isEmpty();
  }

  // ---- relaying

  private static Admission admit(EmailRouter router, EmailContext.Builder context) {
    return router.admit(context.build());
  }

  @Test
  void withoutRouteAndLoginForeignMailIsRefused() {
    assertThat(admit(router(), context("a@far.test")))
        .isInstanceOfSatisfying(
            Admission.Refused.class,
            refused -> {
              assertThat(refused.reply().code()).isEqualTo(550);
              assertThat(refused.reply().status()).hasToString("5.7.1");
            });
    assertThat(admit(router(), context("a@sub.example.com"))).isInstanceOf(Admission.Refused.class);
  }

  @Test
  void ourMailGoesToTheHandlerAlsoForWhoHasLoggedIn() {
    assertThat(admit(router(), context("a@example.com")))
        .isEqualTo(new Admission.Certain(Action.deliver()));
    assertThat(admit(router(), context("a@example.com").authenticated(true)))
        .isEqualTo(new Admission.Certain(Action.deliver()));
  }

  @Test
  void aLoginOrATrustedNetworkOpensTheWayOut() {
    assertThat(admit(router(), context("a@far.test").authenticated(true)))
        .isEqualTo(new Admission.Certain(Action.process()));
    assertThat(admit(router(), context("a@far.test").trusted(true)))
        .isEqualTo(new Admission.Certain(Action.process()));
    var decision =
        router()
            .route(context("a@far.test").authenticated(true).build(), Recipient.of("a@far.test"));
    assertThat(decision.destination()).isEqualTo("far.test");
    assertThat(decision.route()).isNull();
  }

  @Test
  void aRouteForJustAnybodyNeverOpensARelay() {
    for (var match :
        List.of(
            Match.any(),
            Match.recipients("*"),
            Match.recipients("*@*"),
            Match.recipients("*@far.*", "b@far.test"),
            Match.senders("*@sender.test"),
            Match.any().authenticated(false),
            Match.any().header("X-Let-Me", "in"))) {
      var router = router(Route.of("r", 0, match, FORWARD));
      assertThat(admit(router, context("a@far.test")))
          .as("%s", match)
          .isInstanceOf(Admission.Refused.class);
      var context = context("a@far.test").headers(headers("X-Let-Me: in"));
      assertThat(router.route(context.build(), Recipient.of("a@far.test")).action())
          .as("%s", match)
          .isInstanceOf(Action.Reject.class);
    }
  }

  @Test
  void aRouteThatSaysForWhomOrFromWhereRelays() {
    assertThat(
            admit(
                router(Route.of("r", 0, Match.recipients("*@far.test"), FORWARD)),
                context("a@far.test")))
        .isEqualTo(new Admission.Certain(FORWARD));
    assertThat(
            admit(
                router(Route.of("r", 0, Match.any().clientIp("10.0.0.0/8"), FORWARD)),
                context("a@far.test").clientIp(ip("10.1.2.3"))))
        .isEqualTo(new Admission.Certain(FORWARD));
  }

  @Test
  void aRejectionIsCertainOnlyIfTheEnvelopeDecidesIt() {
    var reject = Action.reject(550, "Sender rejected by policy");
    assertThat(
            admit(
                router(Route.of("spam", 0, Match.senders("*@sender.test"), reject)),
                context("a@example.com")))
        .isInstanceOfSatisfying(
            Admission.Refused.class,
            refused ->
                assertThat(refused.reply()).hasToString("550 5.7.1 Sender rejected by policy"));
    var late = router(Route.of("spam", 0, Match.any().subject("casino"), reject));
    assertThat(admit(late, context("a@example.com")))
        .isEqualTo(new Admission.Certain(Action.deliver()));
    var message = context("a@example.com").headers(headers("Subject: The Casino"));
    assertThat(late.route(message.build(), Recipient.of("a@example.com")).action())
        .isEqualTo(reject);
  }

  @Test
  void aRouteThatNeedsTheMessageMakesARecipientPossible() {
    var router =
        router(Route.of("r", 0, Match.recipients("*@far.test").subject("report"), FORWARD));
    assertThat(admit(router, context("a@far.test"))).isInstanceOf(Admission.Possible.class);
    assertThat(router.needsMessage()).isTrue();
    var other = context("a@far.test").headers(headers("Subject: else"));
    assertThat(router.route(other.build(), Recipient.of("a@far.test")).action())
        .isInstanceOf(Action.Reject.class);
  }

  @Test
  void postmasterWithoutADomainIsOurs() {
    var context = EmailContext.builder().recipients(List.of(new EmailAddress("postmaster", "")));
    assertThat(admit(router(), context)).isEqualTo(new Admission.Certain(Action.deliver()));
  }

  @Test
  void twoRoutesByOneNameAreRefused() {
    assertThatThrownBy(() ->
            router(Route.of("r", 0, Match.any(), FORWARD), Route.of("r", 1, Match.any(), FORWARD)))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("r");
  }

  @ParameterizedTest
  @CsvSource({
    "550, 5.1.1 No such user, 550 5.1.1 No such user",
    "550, No such user, 550 5.7.1 No such user",
    "450, Later, 450 4.7.1 Later",
    "550, 4.1.1 odd, 550 5.7.1 4.1.1 odd",
  })
  void aRejectionMayGiveItsOwnStatus(int code, String message, String reply) {
    assertThat(EmailRouter.reply(new Action.Reject(code, message))).hasToString(reply);
  }

  @ParameterizedTest
  @CsvSource({
    "far.test, far.test",
    "local, local.",
    "report, report.",
    "[192.0.2.1], [192.0.2.1]",
    "[IPv6:2001:db8::1], [IPv6:2001:db8::1]",
  })
  void aDestinationOfADomainIsReadBackAsThat(String domain, String name) {
    assertThat(Destinations.mx(domain)).isEqualTo(name);
    assertThat(Destinations.parse(name)).isEqualTo(new Destinations.Target.Mx(domain));
  }

  @ParameterizedTest
  @CsvSource({"mx.far.test, 25", "192.0.2.1, 2525", "2001:db8::1, 25"})
  void aDestinationOfAHostIsReadBackAsThat(String host, int port) {
    assertThat(Destinations.parse(Destinations.host(host, port)))
        .isEqualTo(new Destinations.Target.Host(host, port));
  }
}
