package org.unifiedmta.core.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.unifiedmta.core.template.TemplateManager.EmailTemplate;

class TemplateDirectoryTest {
  @TempDir Path directory;
  private final TemplateManager manager = new TemplateManager();

  @Test
  void filesOfOneNameAreATemplate() throws Exception {
    write(
        "welcome.properties",
        """
        # comment
        subject = Gr\u00fc\u00dfe, {{name|friend}}
        from = Shop <shop@example.org>
        name = Welcome mail
        description = after signing up
        category = account
        """);
    write("welcome.html", "\uFEFF<p>{{name}}</p>");
    write("welcome.txt", "Hi {{name}}");
    write("plain.properties", "subject=s");
    write("plain.txt", "text");
    write("logo.png", "\u0000");
    write(".welcome.html.swp", "{{");
    Files.createDirectory(directory.resolve("old.html"));
    assertThat(manager.loadDirectory(directory))
        .containsExactly(
            new EmailTemplate("plain", "plain", "", null, "s", null, "text", ""),
            new EmailTemplate(
                "welcome",
                "Welcome mail",
                "after signing up",
                "Shop <shop@example.org>",
                "Gr\u00fc\u00dfe, {{name|friend}}",
                "<p>{{name}}</p>",
                "Hi {{name}}",
                "account"))
        .isEqualTo(manager.templates());
    var mail = manager.createEmail("welcome", "ann@example.org", Map.of("name", "Ann"));
    assertThat(mail.subject()).isEqualTo("Gr\u00fc\u00dfe, Ann");
    assertThat(mail.text()).contains("Hi Ann");
    assertThatThrownBy(() -> manager.createEmail("welcome", "ann@example.org", Map.of()))
        .hasMessageContaining("template \"welcome\"")
        .hasMessageContaining("welcome.html")
        .hasMessageContaining("\"name\"");
  }

  @ParameterizedTest
  @CsvSource(
      delimiterString = "=>",
      value = {
        "b.html => <p>{{x</p> => b.html, line 1",
        "b.txt => {{#x}} => b.txt, line 1",
        "b.properties => subject={{x => b.properties, line 1",
        "b.properties => from=x@y.test => b.properties: no subject",
        "b.properties => subjekt=x => unknown property subjekt",
        "b.properties => subject=\\u00zz => b.properties: ",
        "c.html => x => c.html: a body without c.properties",
        "c.properties => subject=x => c.properties: neither c.html nor c.txt"
      })
  void oneWrongFileIsNamedAndNothingIsLoaded(String file, String content, String problem)
      throws Exception {
    write("a.properties", "subject=a");
    write("a.txt", "a");
    write("b.properties", "subject=b");
    write("b.txt", "b");
    write(file, content);
    assertThatThrownBy(() -> manager.loadDirectory(directory))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining(directory.resolve(file).toString())
        .hasMessageContaining(problem);
    assertThat(manager.templates()).isEmpty();
  }

  @Test
  void aFileIsUtf8AndBounded() throws Exception {
    write("a.properties", "subject=a");
    Files.write(directory.resolve("a.txt"), new byte[] {'a', (byte) 0xe4, 'b'});
    assertThatThrownBy(() -> manager.loadDirectory(directory))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining("a.txt: not UTF-8");
    Files.write(directory.resolve("a.txt"), new byte[4 * 1024 * 1024 + 1]);
    assertThatThrownBy(() -> manager.loadDirectory(directory))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining("a.txt: more than 4194304 octets");
  }

  @Test
  void aMissingDirectoryIsNamed() {
    assertThatThrownBy(() -> manager.loadDirectory(directory.resolve("none")))
        .isInstanceOf(UncheckedIOException.class)
        .hasMessageContaining(directory.resolve("none").toString());
  }

  private void write(String file, String content) throws Exception {
    Files.write(directory.resolve(file), content.getBytes(StandardCharsets.UTF_8));
  }
}
