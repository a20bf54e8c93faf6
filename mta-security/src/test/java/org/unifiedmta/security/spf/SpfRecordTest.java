package org.unifiedmta.security.spf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The grammar of RFC 7208 12. */
class SpfRecordTest {

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        " ",
        " -all ",
        " a  mx   -all",
        " ALL",
        " a:example.com",
        " a/0",
        " a//0",
        " a/24//64",
        " a:example.com/24//64",
        " mx:a/b.example.com",
        " mx:a/b.example.com/8",
        " a:%{d}",
        " a:%{d}/24",
        " a:%{d/}/24",
        " exists:%{ir}.%{v}._spf.%{d2}",
        " include:_spf.example.com.",
        " ptr",
        " ptr:a-b.c-d",
        " ip4:1.2.3.4/32",
        " ip4:0.0.0.0/0",
        " ip6:::1",
        " ip6:2001:db8::/32",
        " ip6:::ffff:1.2.3.4/128",
        " redirect=a.b",
        " all=all",
        " exp=%{d}",
        " unknown=",
        " u.-_1=%{s}%{c}",
        " a:a.b:c.example.com",
        " a:%%_%%%_%-",
        " a:foo.%{d1r+-.,/_=}",
        " a:%{D}",
        " a:%{d128R}",
        " exists:a.1a",
        " exists:1.a-1",
        " ~include:x.y ?exists:x.y +mx:x.y"
      })
  void whatTheGrammarHasIsRead(String terms) throws SpfException {
    assertThat(SpfRecord.isOne("v=spf1" + terms)).isTrue();
    assertThat(SpfRecord.parse("v=spf1" + terms)).isNotNull();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "ip4:1.2.3.4/33",
        "ip4:1.2.3.4//",
        "ip4:1.2.3.4/",
        "ip4:1.2.3.4/032",
        "ip4:1.2.3",
        "ip4:",
        "ip4",
        "ip4:01.2.3.4",
        "ip4:256.2.3.4",
        "ip4:1.2.3.4.5",
        "ip4:::1",
        "ip4:1.2.3.4/-1",
        "ip4/32",
        "ip6:::/129",
        "ip6:1.2.3.4",
        "ip6:::1::",
        "ip6:g::",
        "ip6:::1/1000",
        "ip6:::1//64",
        "ip6:::1%eth0",
        "a/33",
        "a//129",
        "a/",
        "a//",
        "a/24/64",
        "a///24",
        "a/24//",
        "a:",
        "a:/24",
        "a:example",
        "a:exam ple",
        "a:example.123",
        "a:example.-a",
        "a:example.a-",
        "a:.",
        "a:example..",
        "a:example.com/x",
        "ab",
        "a.b",
        "mx:%{d",
        "mx:%",
        "mx:%x",
        "mx:%{}",
        "mx:%{x}",
        "mx:%{c}",
        "mx:%{r}",
        "mx:%{t}",
        "mx:%{d0}",
        "mx:%{d00r}",
        "mx:%{d-r}",
        "mx:%{dd}",
        "mx:%{d;}",
        "mx:%{1d}",
        "mx:%{d}.com/33",
        "all:",
        "all/8",
        "all.",
        "include",
        "include:",
        "include:%{d}/8",
        "exists",
        "ptr/8",
        "ptr:",
        "-redirect=a.b",
        "redirect=",
        "redirect=a.b redirect=a.b",
        "exp=a.b exp=a.b",
        "exp=",
        "redirect:a.b",
        "=a.b",
        "1x=y",
        "x=%{y}",
        "x=\u00e4",
        "+",
        "-",
        "--all",
        "all\tmx",
        "\u00e4",
        "all\0",
        "ip:1.2.3.4",
        "a:\u00e4.com",
        "a@b.c"
      })
  void whatItHasNotIsAnErrorOfTheWholeRecord(String terms) {
    assertThatThrownBy(() -> SpfRecord.parse("v=spf1 +all " + terms))
        .isInstanceOfSatisfying(
            SpfException.class, e -> assertThat(e.result()).isEqualTo(SpfResult.Result.PERMERROR));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "v=spf",
        "v=spf10",
        "v=spf1-all",
        " v=spf1",
        "v =spf1",
        "v=spf1\t",
        "\"v=spf1\"",
        "spf2.0/pra"
      })
  void otherTextIsNoSpfRecord(String txt) {
    assertThat(SpfRecord.isOne(txt)).isFalse();
  }
}
