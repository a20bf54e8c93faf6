package org.unifiedmta.core.address;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AddressListTest {

  /** RFC 5322 appendix A, and what mailers write. */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      nullValues = "-",
      value = {
        "ann@example.org | ann@example.org",
        "Ann <ann@example.org> | Ann <ann@example.org>",
        "\"Joe Q. Public\" <john.q.public@example.com> | Joe Q. Public <john.q.public@example.com>",
        "Joe Q. Public <john.q.public@example.com> | Joe Q. Public <john.q.public@example.com>",
        "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>"
            + " | Mary Smith <mary@x.test>; jdoe@example.org; Who? <one@y.test>",
        "<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>"
            + " | boss@nil.test; Giant; \"Big\" Box <sysservices@example.net>",
        "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;"
            + " | A Group:[Ed Jones <c@a.test>; joe@where.test; John <jdoe@one.test>]",
        "Undisclosed recipients:; | Undisclosed recipients:[]",
        "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)> | Pete <pete@silly.test>",
        "A Group(Some people) :Chris Jones <c@(Chris's host.)public.example>, joe@example.org,"
            + " John <jdoe@one.test> (my dear friend); (the end of the group)"
            + " | A Group:[Chris Jones <c@public.example>; joe@example.org; John <jdoe@one.test>]",
        "(Empty list)(start)Hidden recipients  :(nobody(that I know))  ; | Hidden recipients:[]",
        "Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example"
            + " | Mary Smith <mary@example.net>; jdoe@test.example",
        "John Doe <jdoe@machine(comment).  example> | John Doe <jdoe@machine.example>",
        "<@a.test,@b.test:ann@example.org> | ann@example.org",
        "ann@example.org (Ann Example) | Ann Example <ann@example.org>",
        "<ann@example.org> (Ann) | Ann <ann@example.org>",
        "a@x.test; b@x.test; | a@x.test; b@x.test",
        "G: a@x.test; b@x.test | G:[a@x.test]; b@x.test",
        "G: a@x.test | G:[a@x.test]",
        "G: H: a@x.test; b@x.test | G:[]; b@x.test",
        "\"a b\"@example.org | \"a b\"@example.org",
        "\"a@b\" <\"a,b\"@example.org> | a@b <\"a,b\"@example.org>",
        "ann@[IPv6:2001:db8::1], Ben <ben@[192.0.2.1]> | ann@[IPv6:2001:db8::1]; Ben <ben@[192.0.2.1]>",
        "a..b@docomo.example, c.@docomo.example | \"a..b\"@docomo.example; \"c.\"@docomo.example",
        "=?utf-8?Q?Doe,_John?= <john@example.org> | =?utf-8?Q?Doe,_John?= <john@example.org>",
        "Ann<ann@example.org>,Ben<ben@example.org> | Ann <ann@example.org>; Ben <ben@example.org>",
        "Ann <ann@example.org, Ben <ben@example.org> | Ann <ann@example.org>; Ben <ben@example.org>",
        "<<ann@example.org>> | ann@example.org",
        "\"Ann <ann@example.org>, ben@example.org | Ann <ann@example.org>; ben@example.org",
        "Ann (the boss <ann@example.org> | Ann the boss <ann@example.org>",
        "d\u00f6rte@b\u00fccher.example | d\u00f6rte@xn--bcher-kva.example",
        "<>, ann@example.org | ann@example.org",
        "nobody, ann@example.org, a@@b, Ben ben@example.org, x@-y.test, @z.test, y@ | ann@example.org",
        "`` | ``",
        ", ;, (comment) | ``"
      })
  void aListIsReadAsPeopleWriteIt(String text, String read) {
    assertThat(shown(AddressList.parse(text).addresses())).isEqualTo(read);
  }

  private static String shown(List<? extends Address> addresses) {
    return addresses.stream()
        .map(address ->
            switch (address) {
              case Group group -> group.name() + ":[" + shown(group.members()) + "]";
              case Mailbox mailbox ->
                  mailbox.displayName() == null
                      ? mailbox.address().toAscii()
                      : mailbox.displayName() + " <" + mailbox.address().toAscii() + ">";
            })
        .collect(Collectors.joining("; "));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "nobody | no address: nobody",
        "Ben ben@example.org, x@y.test | no address: Ben ben@example.org",
        "<> | no address: <>",
        "Ann <ann@example.org> <ben@example.org> | text behind an address: <ben@example.org>",
        "a@-b.test | no address: a@-b.test",
        "\"\u0007\" <a@@b.test> | no address: \" \" <a@@b.test>"
      })
  void whatIsOddIsNamed(String text, String defect) {
    assertThat(AddressList.parse(text).defects()).containsExactly(defect);
  }

  @Test
  void defectsAndMailboxesAreBounded() {
    var odd = AddressList.parse("x".repeat(5_000) + ",").defects();
    assertThat(odd.get(0)).hasSizeLessThan(200);
    assertThat(AddressList.parse("nobody,".repeat(10_000)).defects()).hasSizeLessThan(100);
    var many = AddressList.parse("a@b.test,".repeat(10_100));
    assertThat(many.mailboxes()).hasSize(10_000);
    assertThat(many.defects()).containsExactly("more than 10000 mailboxes");
  }

  @Test
  void noNameBreaksOutOfItsField() {
    var list = AddressList.parse("x <a@b.test>", name -> name + "\r\nEvil: y\0");
    assertThat(list.mailboxes().get(0).displayName()).isEqualTo("x  Evil: y");
  }

  @Test
  void anythingIsRead() {
    var random = new Random(6);
    var alphabet = "ab.\"\\ @[]<>:;,()=?\u00fc\r\n\0\u007f";
    for (int i = 0; i < 100_000; i++) {
      var text = new StringBuilder();
      for (int n = random.nextInt(25); n >= 0; n--) {
        text.append(alphabet.charAt(random.nextInt(alphabet.length())));
      }
      for (var mailbox : AddressList.parse(text.toString()).mailboxes()) {
        var address = mailbox.address();
        assertThat(EmailAddress.parse(address.toAscii())).isEqualTo(address);
      }
    }
    for (var piece :
        List.of(
            "(", ")", "<", "\"", "\\", "\"\\\"", ":", "a@:", "=?", "[", "<a,", "<\"", "G:;",
            "(\\")) {
      AddressList.parse(piece.repeat(250_000 / piece.length()));
      AddressList.parse("a@b " + piece.repeat(250_000 / piece.length()));
    }
  }
}
