package org.unifiedmta.core.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Clock;
import java.time.Instant;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.template.TemplateManager.Defaults;
import org.unifiedmta.core.template.TemplateManager.EmailTemplate;

class TemplateManagerTest {
  private static final Defaults DEFAULTS = Defaults.none().withFrom("Shop <shop@example.org>");

  record City(String name, int inhabitants) {}

  record User(String name, City city) {}

  record Failing(String name) {
    @Override
    public String name() {
      throw new IllegalStateException("not now");
    }
  }

  private static final Map<String, Object> VARIABLES =
      Map.ofEntries(
          Map.entry("name", "Ann"),
          Map.entry("empty", ""),
          Map.entry("zero", 0),
          Map.entry("yes", true),
          Map.entry("no", false),
          Map.entry("html", "<b>'\"&"),
          Map.entry("tag", "{{name}}{{#x}}"),
          Map.entry("user", new User("Bob", new City("Ulm", 130_000))),
          Map.entry("map", Map.of("name", "Cyd", "in.ner", "dot", "city", Map.of("name", "Bonn"))),
          Map.entry("flat.key", "flat"),
          Map.entry("list", List.of("a", "b", "c")),
          Map.entry("none", List.of()),
          Map.entry("numbers", new int[] {1, 2}),
          Map.entry("flags", List.of(true, false)),
          Map.entry("lists", List.of(List.of("a", "b"), List.of("c"))),
          Map.entry("users", List.of(new User("U", new City("V", 1)), Map.of("city", "W"))));

  /** How the texts of a mail come out: {@code ~} is a line end. */
  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '`',
      value = {
        "Hello {{name}}. => Hello Ann.",
        "Hello {{ name }}. => Hello Ann.",
        "{{html}} {{{html}}} {{&html}} {{& html }} => <b>'\"& <b>'\"& <b>'\"& <b>'\"&",
        "{{tag}} => {{name}}{{#x}}",
        "{{user.name}} {{user.city.name}} {{user.city.inhabitants}} => Bob Ulm 130000",
        "{{map.name}} {{map.city.name}} {{flat.key}} {{map.in.ner|no}} => Cyd Bonn flat no",
        "{{nobody|friend}} {{empty|dear friend}} {{name|x}} {{nobody|}}. => friend dear friend Ann .",
        "{{nobody | my friend }}. => my friend.",
        "{{user.nick|Mr. X}} {{nobody.name|n.n.}} {{user.city.zip|?}} => Mr. X n.n. ?",
        "{{nobody|a|b}} {{nobody|x}y}} {{nobody|\u00e4&<}} => a|b x}y \u00e4&<",
        "{{#list}}{{.}}{{^-last}}, {{/-last}}{{/list}} => a, b, c",
        "{{#list}}{{#-first}}>{{/-first}}{{-index}}{{/list}} => >123",
        "{{#list}}{{.}}{{name}}{{nobody|x}}{{/list}} => aAnnxbAnnxcAnnx",
        "{{#none}}x{{/none}}{{^none}}nothing{{/none}} => nothing",
        "{{#numbers}}{{.}};{{/numbers}} => 1;2;",
        "{{#flags}}{{.}}{{#.}}+{{/.}}{{^.}}-{{/.}} {{/flags}} => true+ false- ",
        "{{#lists}}[{{#.}}{{.}}{{/.}}]{{/lists}} => [ab][c]",
        "{{#users}}{{name|?}} {{#city}}{{name}} {{/city}}{{/users}} => U V Ann Ann ",
        "{{#user}}{{name}} {{#city}}{{name}} {{inhabitants}}{{/city}}{{/user}} => Bob Ulm 130000",
        "{{#map}}{{name}}{{zero}}{{/map}} => Cyd0",
        "{{#yes}}y{{/yes}}{{^yes}}n{{/yes}} {{#list}}{{#yes}}{{.}}{{/yes}}{{/list}} => y abc",
        "{{#no}}{{nobody}}{{/no}}{{^no}}n{{/no}}{{no}} => nfalse",
        "{{#nobody}}{{nobody.name}}{{/nobody}}{{^nobody}}n{{/nobody}} => n",
        "{{#nobody.name}}x{{/nobody.name}}{{^user.nick}}n{{/user.nick}} => n",
        "{{#empty}}x{{/empty}}{{^empty}}n{{/empty}}{{#zero}}{{.}}{{/zero}} => n0",
        "{{#name}}{{.}} {{name}}{{/name}} => Ann Ann",
        "{{#user.city}}{{name}}{{/user.city}} => Ulm",
        "a{{! {{x} ~ }}b => ab",
        "~{{#list}}~- {{.}}~{{/list}}~end => ~- a~- b~- c~end",
        "{ {name} } {{name}}}{ a}}b => { {name} } Ann}{ a}}b"
      })
  void aTemplateIsFilledIn(String template, String expected) {
    assertThat(text(template, VARIABLES)).isEqualTo(expected.replace('~', '\n').strip());
  }

  @Test
  void inHtmlValuesAndDefaultsAreEscapedUnlessAskedOtherwise() {
    var value = Map.of("x", "<script>alert('1')</script>\" onload=`a`&amp;");
    assertThat(html("<p title=\"{{x}}\">{{x}}</p>", value))
        .doesNotContain("<script>")
        .doesNotContain("\" onload")
        .contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&quot;")
        .contains("&amp;amp;");
    assertThat(html("{{{x}}}{{&x}}", value)).isEqualTo(value.get("x").repeat(2));
    assertThat(html("{{y|R&D <3}} {{{y|<b>}}}", value)).isEqualTo("R&amp;D &lt;3 <b>");
    assertThat(html("{{#l}}{{.}}{{z|>}}{{/l}}", Map.of("l", List.of("<", "&"))))
        .isEqualTo("&lt;&gt;&amp;&gt;");
  }

  @Test
  void theSubjectIsNotEscaped() {
    var mail = mail(template("Tea & {{x}}", "x"), Map.of("x", "<R&D> \u20ac"));
    assertThat(mail.subject()).isEqualTo("Tea & <R&D> \u20ac");
  }

  @Test
  void plainValuesComeOutAsPeopleWriteThem() {
    var values = new LinkedHashMap<String, Object>();
    values.put("1", 12345678.5);
    values.put("2", new BigDecimal("1E+3"));
    values.put("3", Long.MIN_VALUE);
    values.put("4", LocalDate.of(2026, 11, 26));
    values.put("5", UUID.fromString("00000000-0000-0000-0000-000000000001"));
    values.put("6", URI.create("https://x.test/?a=b"));
    values.put("7", 'c');
    values.put("8", Email.Priority.HIGH);
    values.put("9", new StringBuilder("sb"));
    values.put("10", Double.NaN);
    var names = String.join(" ", values.keySet().stream().map(n -> "{{" + n + "}}").toList());
    assertThat(text(names, values))
        .isEqualTo(
            "12345678.5 1000 -9223372036854775808 2026-11-26"
                + " 00000000-0000-0000-0000-000000000001 https://x.test/?a=b c HIGH sb NaN");
  }

  // ---- what is missing or not allowed ---------------------------------------------------------

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      value = {
        "{{nobody}} => no variable \"nobody\"",
        "{{user.nick}} => no variable \"user.nick\"",
        "{{user.name.x}} => no variable \"user.name.x\"",
        "{{nobody.x}} => no variable \"nobody.x\"",
        "{{map.zero}} => no variable \"map.zero\"",
        "{{null}} => no variable \"null\"",
        "{{#nulls}}{{.}}{{/nulls}} => no variable \"nulls\"",
        "{{#nobody}}{{/nobody}}{{^nobody}}{{else}}{{/nobody}} => no variable \"else\"",
        "{{list}} => \"list\" is a list: use a section",
        "{{numbers}} => \"numbers\" is an array: use a section",
        "{{map}} => \"map\" is a map: name one of its keys",
        "{{user}} => \"user\" is a record: name one of its components",
        "{{.}} => \".\" is a map",
        "{{object}} => \"object\" is a java.lang.Object: give its text",
        "{{optional}} => \"optional\" is a java.util.Optional",
        "{{failing.name}} => \"name\" cannot be read"
      })
  void whatCannotBeFilledInIsNamed(String template, String problem) {
    var variables = new HashMap<String, Object>(VARIABLES);
    variables.put("null", null);
    variables.put("nulls", new Object[] {null});
    variables.put("object", new Object());
    variables.put("optional", Optional.of("x"));
    variables.put("failing", new Failing("x"));
    assertThatThrownBy(() -> text(template, variables))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining("template \"t\", text: ")
        .hasMessageContaining(problem);
  }

  @Test
  void aNullInsideHidesWhatIsOutside() {
    var inner = new HashMap<String, Object>();
    inner.put("name", null);
    assertThat(text("{{#in}}{{name|?}}{{/in}}", Map.of("name", "outer", "in", inner)))
        .isEqualTo("?");
  }

  @ParameterizedTest
  @CsvSource({
    "class",
    "getClass",
    "hashCode",
    "toString",
    "value",
    "size",
    "entrySet",
    "keySet",
    "length",
    "name.class",
    "name.length",
    "name.bytes",
    "name.getClass.name",
    "list.size",
    "list.0",
    "user.class",
    "user.hashCode",
    "user.toString",
    "map.size",
    "map.entrySet",
    "yes.class",
    "this",
    "this.class",
    "secret",
    "bean.secret",
    "bean.getSecret",
    "bean.open",
    "lambda"
  })
  void noMethodOrFieldOfAnObjectIsReachable(String name) {
    var variables = new HashMap<String, Object>(VARIABLES);
    variables.put("bean", new Bean());
    variables.put("lambda", (com.samskivert.mustache.Mustache.Lambda) (f, out) -> out.write("ran"));
    if (name.equals("this")) {
      assertThatThrownBy(() -> text("{{this}}", variables)).hasMessageContaining("is a map");
      return;
    }
    if (!name.equals("lambda")) {
      assertThat(text("{{" + name + "|unreachable}}", variables)).isEqualTo("unreachable");
      assertThat(text("{{#" + name + "}}x{{/" + name + "}}.", variables)).isEqualTo(".");
    } else {
      assertThatThrownBy(() -> text("{{lambda}}", variables)).hasMessageContaining("give its text");
      assertThat(text("{{#lambda}}x{{/lambda}}", variables)).isEqualTo("x");
    }
  }

  public static final class Bean {
    public final String open = "open";

    public String getSecret() {
      return "secret";
    }
  }

  @Test
  void aMapOfOtherKeysIsNoProblem() {
    assertThat(text("{{#m}}{{x|none}}{{/m}}", Map.of("m", new TreeMap<>(Map.of(1, "one")))))
        .isEqualTo("none");
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '`',
      value = {
        "a~{{name => 2 => a {{ without its }}",
        "{{{name}} => 1 => a {{{ without its }}}",
        "{{{name => 1 => a {{{ without its }}}",
        "{{a {{b}} => 1 => a { inside a tag",
        "{{{{a}}}} => 1 => a { inside a tag",
        "{{a~b}} => 1 => two lines",
        "~~{{}} => 3 => without a name",
        "{{ }} => 1 => without a name",
        "{{{}}} => 1 => without a name",
        "{{#}}{{/}} => 1 => without a name",
        "{{|x}} => 1 => without a name",
        "{{first name}} => 1 => no name of a variable: \"first name\"",
        "{{a..b}} => 1 => no name of a variable",
        "{{.a}} => 1 => no name of a variable",
        "{{a.}} => 1 => no name of a variable",
        "{{#a|b}}{{/a|b}} => 1 => no name of a variable: \"a|b\"",
        "a~{{#a}}~b => 2 => the section {{#a}} is not closed",
        "{{#a}}~{{/b}} => 2 => {{/b}} where {{/a}} was expected, which line 1 opens",
        "{{#a}}{{#b}}{{/a}}{{/b}} => 1 => {{/a}} where {{/b}} was expected",
        "~{{/a}} => 2 => {{/a}} closes no section",
        "{{>other}} => 1 => no template is part of another one",
        "{{<other}}{{/other}} => 1 => no template is part of another one",
        "{{$block}}{{/block}} => 1 => no template is part of another one",
        "{{=<% %>=}} => 1 => the delimiters {{ and }} cannot be changed",
        "{{ = }} => 1 => the delimiters {{ and }} cannot be changed",
        "{{! open => 1 => a {{ without its }}"
      })
  void aFaultIsFoundWhenTheTemplateIsRegistered(String template, int line, String fault) {
    var manager = new TemplateManager(DEFAULTS);
    assertThatThrownBy(() ->
            manager.registerTemplate(
                EmailTemplate.of("t", "s").withBodyHtml(template.replace('~', '\n'))))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining("template \"t\", HTML, line " + line + ": ")
        .hasMessageContaining(fault);
    assertThat(manager.templates()).isEmpty();
  }

  @Test
  void everyTextOfATemplateIsChecked() {
    var good = template("s", "b");
    assertThatThrownBy(() -> mail(EmailTemplate.of("t", "s"), Map.of()))
        .hasMessageContaining("\"t\" has no body");
    assertThatThrownBy(() -> mail(template("{{s", "b"), Map.of()))
        .hasMessageContaining("\"t\", subject, line 1");
    assertThatThrownBy(() -> mail(template("a\nb", "b"), Map.of()))
        .hasMessageContaining("\"t\", subject: more than one line");
    assertThatThrownBy(() -> mail(good.withFrom("{{s"), Map.of()))
        .hasMessageContaining("\"t\", From, line 1");
    assertThatThrownBy(() -> mail(good.withFrom("nobody"), Map.of()))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining("\"t\", From: no mailbox");
    assertThatThrownBy(() -> new TemplateManager(DEFAULTS.withFooterHtml("{{x")))
        .hasMessageContaining("the default HTML footer, line 1");
    assertThatThrownBy(() -> new TemplateManager(Defaults.none().withFrom("x")))
        .hasMessageContaining("the default From: no mailbox");
    for (var id : List.of("", " ", "a\nb", "x".repeat(201))) {
      assertThatThrownBy(() ->
              new TemplateManager().registerTemplate(EmailTemplate.of(id, "").withBodyText("")))
          .isInstanceOf(TemplateException.class)
          .hasMessageContaining("no id");
    }
  }

  @Test
  void anUnknownTemplateIsNamed() {
    var manager = new TemplateManager(DEFAULTS);
    assertThatThrownBy(() -> manager.createEmail("wel\ncome", "ann@example.org", Map.of()))
        .isInstanceOf(TemplateException.class)
        .hasMessage("no template \"wel?come\"");
    assertThatThrownBy(() -> manager.prepareEmail("welcome", Map.of()))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining("welcome");
  }

  // ---- bounds ---------------------------------------------------------------------------------

  @Test
  void aLargeValueIsFineATooLargeResultIsNot() {
    var million = "<".repeat(1_000_000);
    assertThat(html("{{x}}", Map.of("x", million))).hasSize(4_000_000);
    assertThatThrownBy(() -> html("{{x}}{{x}}{{x}}", Map.of("x", million)))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining("\"t\", HTML: the result has more than 10485760 characters");
    assertThatThrownBy(() -> mail(template("{{x}}", ""), Map.of("x", million)))
        .hasMessageContaining("\"t\", subject: the result has more than 1000 characters");
  }

  @Test
  void aTemplateIsBoundedInSizeAndDepth() {
    assertThatThrownBy(() -> text("x".repeat(1024 * 1024 + 1), Map.of()))
        .hasMessageContaining("more than 1048576 characters");
    assertThat(text("{{#a}}".repeat(32) + "x" + "{{/a}}".repeat(32), Map.of("a", 1)))
        .isEqualTo("x");
    assertThatThrownBy(() -> text("{{#a}}".repeat(33) + "{{/a}}".repeat(33), Map.of()))
        .hasMessageContaining("more than 32 deep");
    assertThatThrownBy(() -> text("{{" + "a.".repeat(400_000) + "a}}", Map.of()))
        .hasMessageContaining("no name of a variable");
  }

  @Test
  void repetitionsAreBoundedThoughNothingComesOut() {
    var thousand = new int[1_000];
    assertThatThrownBy(() -> text("{{#l}}{{#l}}{{#l}}{{/l}}{{/l}}{{/l}}", Map.of("l", thousand)))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining("repeat more than 1000000 times");
  }

  @Test
  void whatContainsItselfDoesNoHarm() {
    var map = new HashMap<String, Object>();
    map.put("self", map);
    map.put("name", "x");
    assertThat(text("{{self.self.self.name}}{{#self}}{{#self}}{{name}}{{/self}}{{/self}}", map))
        .isEqualTo("xx");
    assertThatThrownBy(() -> text("{{self}}", map)).hasMessageContaining("is a map");
    var list = new ArrayList<Object>();
    list.add(list);
    assertThat(text("{{#l}}{{#.}}{{#.}}x{{/.}}{{/.}}{{/l}}", Map.of("l", list))).isEqualTo("x");
    assertThatThrownBy(() -> text("{{l}}", Map.of("l", list))).hasMessageContaining("is a list");
    Object deep = "end";
    for (int i = 0; i < 100_000; i++) {
      deep = Map.of("d", deep);
    }
    assertThat(text("{{d.d.x|none}}", Map.of("d", deep))).isEqualTo("none");
  }

  // ---- header fields --------------------------------------------------------------------------

  @Test
  void noValueAddsAHeaderField() {
    var evil = "x\r\nBcc: victim@example.org\r\n\r\nbody\u0000\u2028.";
    var manager = new TemplateManager();
    manager.registerTemplate(template("Hi {{x}}", "{{x}}").withFrom("{{x}} <shop@example.org>"));
    var mail = manager.createEmail("t", "ann@example.org", Map.of("x", evil));
    assertThat(mail.subject()).isEqualTo("Hi x Bcc: victim@example.org body .");
    assertThat(mail.from().orElseThrow().address().toAscii()).isEqualTo("shop@example.org");
    var parsed = Email.parse(mail.toBytes());
    assertThat(parsed.headers().first("Bcc")).isEmpty();
    assertThat(parsed.headers().all("Subject")).hasSize(1);
    assertThatThrownBy(
            () -> manager.createEmail("t", "a@example.org\r\nBcc: b@example.org", Map.of("x", "")))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '`',
      value = {
        "Doe, Ann => Doe, Ann via Shop",
        "Ann <ann@evil.test> => Ann <ann@evil.test> via Shop",
        "A \"B => A \"B via Shop",
        "` , b@evil.test; ` => `, b@evil.test;  via Shop`"
      })
  void noValueInANameChangesTheSendersAddress(String name, String shown) {
    var manager = new TemplateManager();
    manager.registerTemplate(template("s", "b").withFrom("{{name}} via Shop <shop@example.org>"));
    var from =
        manager.createEmail("t", "ann@example.org", Map.of("name", name)).from().orElseThrow();
    assertThat(from.address().toAscii()).isEqualTo("shop@example.org");
    assertThat(from.displayName()).isEqualTo(shown);
  }

  @Test
  void theSenderIsTheTemplatesOrTheDefault() {
    var manager = new TemplateManager(DEFAULTS);
    manager.registerTemplate(template("s", "b"));
    assertThat(manager.createEmail("t", "ann@example.org", Map.of()).from().orElseThrow())
        .hasToString(
            Email.builder().from("Shop <shop@example.org>").build().from().orElseThrow() + "");
    manager.registerTemplate(template("s", "b").withFrom("{{who}}@example.org"));
    assertThat(
            manager
                .createEmail("t", "ann@example.org", Map.of("who", "x"))
                .from()
                .orElseThrow()
                .address()
                .toAscii())
        .isEqualTo("x@example.org");
    assertThatThrownBy(() -> manager.createEmail("t", "ann@example.org", Map.of("who", "a b")))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining("\"t\", From: no mailbox");
  }

  @Test
  void withoutASenderAMailCanOnlyBePrepared() {
    var manager = new TemplateManager();
    manager.registerTemplate(template("s", "b"));
    assertThatThrownBy(() -> manager.createEmail("t", "ann@example.org", Map.of()))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining("\"t\" has no From");
    var mail =
        manager.prepareEmail("t", Map.of()).from("me@example.org").to("ann@example.org").build();
    assertThat(mail.subject()).isEqualTo("s");
    assertThat(mail.text()).contains("b");
  }

  // ---- bodies and footers ---------------------------------------------------------------------

  @Test
  void aMailHasTheTextOfItsHtmlUnlessThereIsOne() {
    var html = EmailTemplate.of("t", "s").withBodyHtml("<h1>Hi {{x}}</h1><p>Bye</p>");
    var mail = mail(html, Map.of("x", "<Ann>"));
    assertThat(mail.html()).contains("<h1>Hi &lt;Ann&gt;</h1><p>Bye</p>");
    assertThat(mail.text()).contains("Hi <Ann>\n\nBye");
    assertThat(mail(html.withBodyText("Own {{x}}"), Map.of("x", "<Ann>")).text())
        .contains("Own <Ann>");
    assertThat(mail(template("s", "only"), Map.of()).html()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '`',
      value = {
        "<p>b</p> => <p>b</p>~<i>Ann</i>",
        "<body>b</body> => <body>b<i>Ann</i>~</body>",
        "<html><BODY>b</BODY ></html> => <html><BODY>b<i>Ann</i>~</BODY ></html>",
        "<body></body>b</body> => <body></body>b<i>Ann</i>~</body>"
      })
  void theFooterStandsAtTheEndOfTheBody(String body, String expected) {
    var manager = new TemplateManager(DEFAULTS.withFooterHtml("<i>{{name}}</i>"));
    manager.registerTemplate(EmailTemplate.of("t", "s").withBodyHtml(body));
    var mail = manager.createEmail("t", "ann@example.org", Map.of("name", "Ann"));
    assertThat(mail.html()).contains(expected.replace('~', '\n'));
    assertThat(mail.text()).contains("b\n\nAnn");
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      quoteCharacter = '`',
      nullValues = "-",
      value = {
        "- => - => <b>b</b> => b",
        "<p>h {{x}}</p> => t {{x}} => <b>b</b>~<p>h &lt;</p> => b~~t <",
        "<p>h {{x}}</p> => - => <b>b</b>~<p>h &lt;</p> => b~~h <",
        "- => t {{x}}~u => <b>b</b>~<p>t &lt;<br>~u</p> => b~~t <~u",
        "<p>h</p> => `` => <b>b</b>~<p>h</p> => b",
        "`` => t => <b>b</b> => b~~t"
      })
  void aFooterGivenInOneFormIsThereInBoth(
      String footerHtml, String footerText, String html, String text) {
    var defaults =
        DEFAULTS
            .withFooterHtml(footerHtml)
            .withFooterText(footerText == null ? null : footerText.replace('~', '\n'));
    var manager = new TemplateManager(defaults);
    manager.registerTemplate(EmailTemplate.of("t", "s").withBodyHtml("<b>b</b>"));
    var mail = manager.createEmail("t", "ann@example.org", Map.of("x", "<"));
    assertThat(mail.html()).contains(html.replace('~', '\n'));
    assertThat(mail.text()).contains(text.replace('~', '\n'));
  }

  @Test
  void aFooterNeedsItsVariables() {
    var manager = new TemplateManager(DEFAULTS.withFooterText("Leave: {{unsubscribe}}"));
    manager.registerTemplate(template("s", "b\n\n"));
    assertThat(
            manager
                .createEmail("t", "ann@example.org", Map.of("unsubscribe", "https://x.test"))
                .text())
        .contains("b\n\nLeave: https://x.test");
    assertThatThrownBy(() -> manager.createEmail("t", "ann@example.org", Map.of()))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining("the default text footer")
        .hasMessageContaining("\"unsubscribe\"");
  }

  // ---- the registry ---------------------------------------------------------------------------

  @Test
  void aTemplateOfTheSameIdReplacesTheOtherOne() {
    var manager = new TemplateManager(DEFAULTS);
    manager.registerTemplate(template("one", "b").withCategory("c").withName("n"));
    manager.registerTemplate(template("two", "b").withDescription("d"));
    assertThat(manager.createEmail("t", "ann@example.org", Map.of()).subject()).isEqualTo("two");
    assertThat(manager.templates())
        .containsExactly(new EmailTemplate("t", "t", "d", null, "two", null, "b", ""));
    assertThatThrownBy(() -> manager.registerTemplate(template("{{", "b")));
    assertThat(manager.createEmail("t", "ann@example.org", Map.of()).subject()).isEqualTo("two");
  }

  @Test
  void theDateIsThatOfTheClock() {
    var now = Instant.parse("2026-11-26T12:00:00Z");
    var manager = new TemplateManager(DEFAULTS, Clock.fixed(now, ZoneOffset.UTC));
    manager.registerTemplate(template("s", "b"));
    assertThat(manager.createEmail("t", "ann@example.org", Map.of()).date()).contains(now);
  }

  @Test
  void manyThreadsRegisterAndFillInAtOnce() throws Exception {
    var manager = new TemplateManager(DEFAULTS);
    manager.registerTemplate(template("{{x}}", "{{#l}}{{.}}{{x}}{{/l}}"));
    try (var threads = Executors.newFixedThreadPool(4)) {
      var all = new ArrayList<Callable<Boolean>>();
      for (int i = 0; i < 200; i++) {
        var x = "v" + i;
        all.add(() -> {
          manager.registerTemplate(EmailTemplate.of(x, x).withBodyText(x));
          var mail = manager.createEmail("t", "a@b.test", Map.of("x", x, "l", List.of(1, 2)));
          return mail.text().orElse("").equals("1" + x + "2" + x)
              && manager.createEmail(x, "a@b.test", Map.of()).subject().equals(x);
        });
      }
      for (var done : threads.invokeAll(all)) {
        assertThat(done.get()).isTrue();
      }
    }
    assertThat(manager.templates()).hasSize(201);
  }

  @Test
  void theMailIsReadableOnTheWire() {
    var mail =
        mail(
            EmailTemplate.of("t", "Gr\u00fc\u00dfe").withBodyHtml("<p>{{x}}</p><p>b</p>"),
            Map.of("x", "\u20ac"));
    var wire = new String(mail.toBytes(), StandardCharsets.UTF_8);
    assertThat(wire).contains("To: ann@example.org", "multipart/alternative").doesNotContain("{{");
    var parsed = Email.parse(mail.toBytes());
    assertThat(parsed.subject()).isEqualTo("Gr\u00fc\u00dfe");
    assertThat(parsed.text().orElseThrow().strip()).isEqualToNormalizingNewlines("\u20ac\n\nb");
  }

  private static EmailTemplate template(String subject, String text) {
    return EmailTemplate.of("t", subject).withBodyText(text);
  }

  private static Email mail(EmailTemplate template, Map<String, ?> variables) {
    var manager = new TemplateManager(DEFAULTS);
    manager.registerTemplate(template);
    return manager.createEmail("t", "ann@example.org", variables);
  }

  private static String text(String template, Map<String, ?> variables) {
    return mail(template("s", template.replace('~', '\n')), variables).text().orElseThrow().strip();
  }

  private static String html(String template, Map<String, ?> variables) {
    return mail(EmailTemplate.of("t", "s").withBodyHtml(template).withBodyText(""), variables)
        .html()
        .orElseThrow();
  }
}
