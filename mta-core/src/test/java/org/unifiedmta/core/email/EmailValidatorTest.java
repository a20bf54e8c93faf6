package org.unifiedmta.core.email;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Locale;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.email.EmailValidator.Check;

class EmailValidatorTest {
  private static final ZoneResolver ZONE =
      ZoneResolver.builder()
          .mx("example.org", 10, "mx.example.org")
          .mx("xn--bcher-kva.example", 10, "mx.example.org")
          .mx("two.example", 0, "")
          .mx("two.example", 10, "mx.example.org")
          .mx("null.example", 0, "")
          .a("null.example", "192.0.2.1")
          .a("a.example", "192.0.2.1")
          .aaaa("aaaa.example", "2001:db8::1")
          .txt("nothing.example", "v=spf1 -all")
          .cname("alias.example", "example.org")
          .fail("servfail.example", "MX", Status.SERVFAIL)
          .fail("timeout.example", "ANY", Status.TIMEOUT)
          .txt("halfway.example", "x")
          .fail("halfway.example", "A", Status.TIMEOUT)
          .fail("halfway6.example", "A", Status.SERVFAIL)
          .aaaa("halfway6.example", "2001:db8::1")
          .mx("mailinator.com", 10, "mx.example.org")
          .mx("sub.mailinator.com", 10, "mx.example.org")
          .build();

  @TempDir Path directory;
  private final EmailValidator validator = new EmailValidator(ZONE);

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ann@example.org",
        "Ann.B+news@Example.ORG",
        "d\u00f6rte@example.org",
        "ann@B\u00fccher.example",
        "\"a b\"@example.org",
        "ann@two.example",
        "ann@a.example",
        "ann@aaaa.example",
        "ann@alias.example",
        "information@example.org",
        "-request@example.org",
        "+info@example.org"
      })
  void whatMailCanBeSentToPassesEveryCheck(String address) {
    var result = validator.validate(address);
    assertThat(result.reason()).isNull();
    assertThat(result.isValid()).isTrue();
    assertThat(result.checks()).containsOnlyKeys(Check.values()).doesNotContainValue(false);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "`` | local part expected at offset 0",
        "ann | at offset 3",
        "ann@ | at offset 4",
        "ann@@example.org | at offset 4",
        "` ann@example.org` | at offset 0",
        "`ann@example.org ` | at offset 15",
        "Ann <ann@example.org> | at offset 3",
        "a..b@example.org | at offset 2",
        "ann@example..org | empty domain label",
        "ann@localhost | the domain localhost has no dot",
        "ann@org | the domain org has no dot",
        "ann@[192.0.2.1] | an IP address in place of a domain",
        "ann@[IPv6:2001:db8::1] | an IP address in place of a domain",
        "ann@192.0.2.1 | the domain 192.0.2.1 ends in a number",
        "ann@example.123 | ends in a number",
        "ann@exa_mple.org | at offset 7"
      })
  void whatIsNoInternetAddressIsNotCheckedFurther(String address, String reason) {
    var result = validator.validate(address);
    assertThat(result.isValid()).isFalse();
    assertThat(result.checks()).isEqualTo(Map.of(Check.SYNTAX, false));
    assertThat(result.reason()).startsWith("This is no email address: ").endsWith(".");
    assertThat(result.reason()).contains(reason);
    assertThat(validator.validate(address, Check.ROLE)).isEqualTo(result);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ann@example.org\u0000",
        "ann@example.org\r\nBcc: b@example.org",
        "a\u0000b@example.org",
        "\"a\r\nb\"@example.org"
      })
  void noControlCharacterPasses(String address) {
    assertThat(validator.validate(address).checks()).isEqualTo(Map.of(Check.SYNTAX, false));
  }

  @Test
  void onlyTheMxCheckAsksTheDns() {
    var nobodyAnswers = ZoneResolver.builder().fail("example.org", "ANY", Status.TIMEOUT).build();
    var result =
        new EmailValidator(nobodyAnswers)
            .validate("ann@example.org", Check.SYNTAX, Check.DISPOSABLE, Check.ROLE);
    assertThat(result.checks()).hasSize(3);
    assertThat(result.reason()).isNull();
    assertThat(new EmailValidator().validate("ann@mailinator.com", Check.DISPOSABLE).isValid())
        .isFalse();
  }

  @Test
  void anEndlessAddressIsRefusedAtOnce() {
    assertThat(validator.validate("a@" + "\u00e4".repeat(10_000_000)).reason())
        .contains("longer than 254 octets");
    assertThat(validator.validate("x".repeat(65) + "@example.org").reason())
        .contains("local part longer than 64 octets");
  }

  @ParameterizedTest
  @CsvSource({
    "null.example, The domain null.example takes no mail.",
    "nothing.example, The domain nothing.example has no mail server.",
    "absent.example, There is no domain absent.example.",
    "b\u00fccher.test, There is no domain b\u00fccher.test."
  })
  void aDomainThatTakesNoMailFails(String domain, String reason) {
    var result = validator.validate("ann@" + domain, Check.MX);
    assertThat(result.isValid()).isFalse();
    assertThat(result.checks()).isEqualTo(Map.of(Check.SYNTAX, true, Check.MX, false));
    assertThat(result.reason()).isEqualTo(reason);
  }

  @ParameterizedTest
  @ValueSource(strings = {"servfail.example", "timeout.example", "halfway.example"})
  void noAddressIsCalledInvalidBecauseTheDnsIsOutOfOrder(String domain) {
    var result = validator.validate("ann@" + domain);
    assertThat(result.isValid()).isTrue();
    assertThat(result.checks())
        .isEqualTo(Map.of(Check.SYNTAX, true, Check.DISPOSABLE, true, Check.ROLE, true));
    assertThat(result.reason())
        .isEqualTo(
            "Whether the domain " + domain + " takes mail cannot be found out at the moment.");
    assertThat(validator.validate("info@" + domain).reason()).contains("role");
    assertThat(validator.validate("info@" + domain).isValid()).isFalse();
  }

  @Test
  void oneAddressIsEnoughToTakeMail() {
    assertThat(validator.validate("ann@halfway6.example", Check.MX).checks())
        .containsEntry(Check.MX, true);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "info",
        "marketing",
        "sales",
        "support",
        "abuse",
        "noc",
        "security",
        "postmaster",
        "hostmaster",
        "usenet",
        "news",
        "webmaster",
        "www",
        "uucp",
        "ftp",
        "PostMaster",
        "INFO",
        "users-request",
        "Users-Request+x",
        "noreply",
        "no-reply",
        "donotreply",
        "mailer-daemon",
        "MAILER-DAEMON",
        "admin",
        "root",
        "info+spring",
        "info+"
      })
  void aRoleIsNoPerson(String localPart) {
    var result = validator.validate(localPart + "@example.org");
    assertThat(result.isValid()).isFalse();
    assertThat(result.checks()).containsEntry(Check.ROLE, false).containsEntry(Check.MX, true);
    assertThat(result.reason()).contains("a role");
    assertThat(validator.validate(localPart + "@example.org", Check.MX).isValid()).isTrue();
  }

  @Test
  void theReasonIsThatOfTheFirstCheckThatFailed() {
    var result = validator.validate("info@gone.mailinator.com", Check.ROLE, Check.DISPOSABLE);
    assertThat(result.checks())
        .isEqualTo(Map.of(Check.SYNTAX, true, Check.DISPOSABLE, false, Check.ROLE, false));
    assertThat(result.reason())
        .isEqualTo("The domain gone.mailinator.com gives out addresses to throw away.");
    var all = validator.validate("info@gone.mailinator.com");
    assertThat(all.checks()).hasSize(4).containsEntry(Check.MX, false);
    assertThat(all.reason()).isEqualTo("There is no domain gone.mailinator.com.");
  }

  @ParameterizedTest
  @CsvSource({
    "mailinator.com, true",
    "MAILINATOR.com, true",
    "sub.mailinator.com, true",
    "a.b.yopmail.com, true",
    "0-mail.com, true",
    "xx-mailinator.com, false",
    "mailinator.com.example.org, false",
    "mailinator.co, false",
    "com, false",
    "gmail.com, false",
    "gmx.de, false",
    "icloud.com, false",
    "example.org, false"
  })
  void theListThatComesAlongKnowsThem(String domain, boolean listed) {
    assertThat(DisposableDomains.builtIn().contains(domain.toLowerCase(Locale.ROOT)))
        .isEqualTo(listed);
    if (domain.contains(".")) {
      assertThat(validator.validate("ann@" + domain, Check.DISPOSABLE).checks())
          .containsEntry(Check.DISPOSABLE, !listed);
    }
  }

  @Test
  void everyDomainOfTheListIsFound() throws Exception {
    int found = 0;
    try (var in = EmailValidator.class.getResourceAsStream("disposable-domains.txt")) {
      var lines = new ArrayList<>(new String(in.readAllBytes()).lines().toList());
      lines.removeIf(line -> line.startsWith("#"));
      assertThat(lines).isSorted();
      for (var domain : lines) {
        assertThat(DisposableDomains.builtIn().contains(domain)).as(domain).isTrue();
        found++;
      }
    }
    assertThat(found).isGreaterThan(8_000);
  }

  @Test
  void aListOfOnesOwnTakesThePlaceOfTheBuiltInOne() throws Exception {
    var file =
        Files.writeString(
            directory.resolve("domains.txt"),
            "# ours\r\n\r\nExample.COM # with a comment\n  b\u00fccher.example\nzz.example\n#last");
    var own = new EmailValidator(ZONE, file);
    for (var listed :
        new String[] {
          "example.com",
          "x.EXAMPLE.com",
          "b\u00fccher.example",
          "xn--bcher-kva.example",
          "a.zz.example"
        }) {
      assertThat(own.validate("ann@" + listed, Check.DISPOSABLE).isValid()).as(listed).isFalse();
    }
    for (var unlisted : new String[] {"mailinator.com", "example.org", "ours.example"}) {
      assertThat(own.validate("ann@" + unlisted, Check.DISPOSABLE).isValid()).as(unlisted).isTrue();
    }
    var empty = new EmailValidator(ZONE, Files.createFile(directory.resolve("empty.txt")));
    assertThat(empty.validate("ann@mailinator.com", Check.DISPOSABLE).isValid()).isTrue();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"a b", "exa_mple.org", "http://example.org", ".org", "x@example.org", "*"})
  void aLineThatIsNoDomainIsNamed(String line) throws Exception {
    var file = Files.writeString(directory.resolve("d.txt"), "example.org\n" + line + "\n");
    assertThatThrownBy(() -> new EmailValidator(ZONE, file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(file + ", line 2: ");
  }

  @Test
  void aFileOfAnotherEncodingOrNoneIsNamed() throws Exception {
    var file =
        Files.write(directory.resolve("d.txt"), new byte[] {'b', (byte) 0xfc, '.', 'd', 'e'});
    assertThatThrownBy(() -> new EmailValidator(ZONE, file))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(file + ", line 1: ");
    var missing = directory.resolve("missing.txt");
    assertThatThrownBy(() -> new EmailValidator(ZONE, missing))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining(missing.toString());
  }
}
