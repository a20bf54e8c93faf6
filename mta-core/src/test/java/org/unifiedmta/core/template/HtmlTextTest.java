package org.unifiedmta.core.template;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HtmlTextTest {

  /** A {@code ~} is a line end. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '`',
      value = {
        "plain => plain",
        "<p>one</p><p>two</p> => one~~two",
        "<p> a   b~ c&nbsp;d </p> => a b c d",
        "a<br>b<br/><br>c => a~b~~c",
        "<br><br>a<br><br><br><br>b<br> => a~~b",
        "<h1>Hi</h1>there<div>x</div><div>y</div>z => Hi~~there~x~y~z",
        "<b>bo</b>ld <i>it</i>&amp;&lt;x&gt;&euro;&#x1F4E7; => bold it&<x>\u20ac\ud83d\udce7",
        "<ul><li>a</li><li>b</li></ul>c => - a~- b~~c",
        "x<ol><li>a<li>b</ol> => x~~1. a~2. b",
        "<ul><li>a<ul><li>b</li></ul></li><li><p>c</p><p>d</p></li></ul> => - a~  - b~- c~~  d",
        "<ul><li>a<br>b</li><li></li><li>c</li></ul> => - a~  b~- c",
        "<li>stray</li><li>two</li> => - stray~- two",
        "<blockquote><p>a</p>b</blockquote>c => > a~~> b~~c",
        "<a href='https://x.test/a?b=1&amp;c'>Here</a>. => Here (https://x.test/a?b=1&c).",
        "<a href='https://x.test/'>https://x.test/</a> => https://x.test/",
        "<a href='https://x.test/'>x.test</a> => x.test",
        "<a href='mailto:ann@x.test?subject=a'>Ann</a> => Ann (ann@x.test)",
        "<a href='mailto:ann@x.test'>ann@x.test</a> => ann@x.test",
        "<a href='https://x.test'><img src=a></a> => https://x.test",
        "<a href='https://x.test'><img src=a alt='Our  shop'></a> => Our shop (https://x.test)",
        "<a href='https://x.test'><div>Button</div></a>b => Button (https://x.test)~b",
        "<a href='#top'>up</a> <a href='javascript:x()'>do</a> <a name=x>n</a> => up do n",
        "<table><tr><th>Item<th>Price<tr><td>Tea<td>3</table> => Item | Price~Tea | 3",
        "<table><tr><td> </td><td>x</td><td><img></td></tr></table>y => x~~y",
        "<table><tr><td><p>a</p></td><td><table><tr><td>b</table></td></tr></table> => a~~b",
        "a<script>x</script><style>y</style><!-- z -->b<template>t</template> => ab",
        "<html><head><title>T</title><style>s</style></head><body>b</body></html> => b",
        "<div style='DISPLAY : none'>h</div><p hidden>h</p>b => b",
        "a<hr>b => a~---~b",
        "a<pre>x  y~~  z</pre>b => a~~x  y~~  z~~b",
        "1 < 2 & 3 => 1 < 2 & 3",
        "<unclosed => ``",
        "`` => ``"
      })
  void htmlBecomesWhatPeopleRead(String html, String text) {
    assertThat(HtmlText.of(html.replace('~', '\n'))).isEqualTo(text.replace('~', '\n'));
  }

  @Test
  void depthIsBoundedAndNothingIsLost() {
    assertThat(HtmlText.of("<div>".repeat(100_000) + "deep")).isEqualTo("deep");
    assertThat(HtmlText.of("<blockquote>".repeat(1_000) + "deep"))
        .isEqualTo("> ".repeat(10) + "deep");
    assertThat(HtmlText.of("<ul><li>".repeat(10_000) + "deep")).endsWith("- deep");
  }
}
