package org.unifiedmta.core.docs;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.unifiedmta.core.address.AddressList;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Mailbox;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.email.Attachment;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.email.EmailValidator;
import org.unifiedmta.core.email.EmailValidator.Check;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.storage.StorageManager;
import org.unifiedmta.core.template.TemplateManager;
import org.unifiedmta.core.template.TemplateManager.Defaults;
import org.unifiedmta.core.template.TemplateManager.EmailTemplate;

/** Runs what docs/messages.md shows, and holds the two together. */
class MessagesDocTest {
  private static final Pattern BLOCK = Pattern.compile("(?s)```java\n(.*?)```");
  private static final Path HERE =
      Path.of("src/test/java/org/unifiedmta/core/docs/MessagesDocTest.java");

  private final List<String> seen = new ArrayList<>();

  record Item(String name, String price) {}

  @Test
  void everythingThatIsShownIsCompiled() throws IOException {
    var compiled = squeezed(Files.readString(HERE));
    var blocks = BLOCK.matcher(Files.readString(Path.of("../docs/messages.md"))).results().toList();
    assertThat(blocks).hasSize(6);
    for (var block : blocks) {
      assertThat(compiled).contains(squeezed(block.group(1)));
    }
  }

  private static String squeezed(String code) {
    return code.replaceAll("\\s+", "");
  }

  @Test
  void aMessageIsWrittenAndRead(@TempDir Path directory) throws IOException {
    var invoice = Files.writeString(directory.resolve("invoice.txt"), "3.50");
    var file = directory.resolve("message.eml");
    try (var out = Files.newOutputStream(file)) {
      write(new byte[] {1}, invoice, out);
    }
    read(file);
    assertThat(seen).containsExactly("logo.png 1", "invoice.txt 4");
  }

  private static void write(byte[] logo, Path invoice, OutputStream out) {
    Email email =
        Email.builder()
            .from("Shop <shop@example.com>")
            .to("Ann <ann@example.org>")
            .bcc("archive@example.com")
            .subject("Your order – thank you!")
            .text("Thank you for your order.")
            .html("<p><img src=\"cid:logo\"> Thank you for your order.</p>")
            .attachment(Attachment.inline("logo", "logo.png", "image/png", logo))
            .attachment(Attachment.of(invoice))
            .listUnsubscribeOneClick(
                URI.create("https://shop.example.com/u/1f0e"), URI.create("mailto:u@example.com"))
            .header("X-Campaign", "spring")
            .build();
    email.writeTo(out);
  }

  private void read(Path file) throws IOException {
    Email email = Email.parse(ByteSource.of(file));
    String from = email.from().map(Mailbox::displayName).orElse("?");
    String text = email.text().orElse("");
    for (Attachment attachment : email.attachments()) {
      try (InputStream content = attachment.open()) {
        save(attachment.filename(), content);
      }
    }
    for (String defect : email.defects()) {
      log(defect);
    }
    assertThat(from).isEqualTo("Shop");
    assertThat(text).isEqualTo("Thank you for your order.");
    addresses(email);
  }

  private void save(@Nullable String name, InputStream content) throws IOException {
    seen.add(name + " " + content.transferTo(new ByteArrayOutputStream()));
  }

  private void log(@Nullable String line) {
    seen.add(String.valueOf(line));
  }

  private static void addresses(Email email) {
    EmailAddress address = EmailAddress.parse("ann@faß.de");
    address.domain(); // xn--fa-hia.de
    address.toUnicode(); // ann@faß.de
    AddressList list = email.headers().addresses("To");
    list.addresses(); // mailboxes and groups
    list.mailboxes(); // those of groups among them
    list.defects(); // what was no address
    assertThat(address.domain()).isEqualTo("xn--fa-hia.de");
    assertThat(address.toUnicode()).isEqualTo("ann@faß.de");
    assertThat(list.mailboxes()).containsExactly(Mailbox.parse("Ann <ann@example.org>"));
  }

  @Test
  void anAddressIsChecked() {
    validate(ZoneResolver.builder().mx("example.org", 10, "mail.example.org").build());
    assertThat(seen)
        .containsExactly("The address belongs to a role such as info, not to a person.");
  }

  private void validate(DnsResolver dns) {
    var validator = new EmailValidator(dns);
    var result = validator.validate("info@example.org", Check.SYNTAX, Check.MX, Check.ROLE);
    if (!result.isValid()) {
      log(result.reason()); // The address belongs to a role such as info, not to a person.
    }
  }

  @Test
  void aTemplateIsFilledIn() {
    var templates =
        new TemplateManager(
            Defaults.none()
                .withFrom("Shop <shop@example.com>")
                .withFooterHtml("<p><a href=\"{{unsubscribe}}\">Unsubscribe</a></p>"));
    templates.registerTemplate(
        EmailTemplate.of("order", "Your order, {{name|friend}}")
            .withBodyHtml(
                """
                <h1>Thank you, {{name|friend}}!</h1>
                <ul>{{#items}}<li>{{name}}: {{price}}</li>{{/items}}</ul>
                {{^items}}<p>Nothing was ordered.</p>{{/items}}
                """));
    Email email =
        templates.createEmail(
            "order",
            "Ann <ann@example.org>",
            Map.of(
                "name", "Ann",
                "items", List.of(new Item("Tea & cake", "3.50"), new Item("Milk", "1.20")),
                "unsubscribe", "https://shop.example.com/u/1f0e"));
    assertThat(email.subject()).isEqualTo("Your order, Ann");
    assertThat(email.html().orElseThrow()).contains("Tea &amp; cake: 3.50");
    assertThat(email.text().orElseThrow())
        .isEqualTo(
            """
            Thank you, Ann!

            - Tea & cake: 3.50
            - Milk: 1.20

            Unsubscribe (https://shop.example.com/u/1f0e)\
            """);
  }

  @Test
  void aValueIsKept(@TempDir Path directory) {
    StorageManager storage = StorageManager.directory(directory);
    storage.set("routes/main", "forward".getBytes(UTF_8));
    byte[] value = storage.get("routes/main").orElseThrow();
    List<String> keys = storage.list("routes/");
    assertThat(value).asString(UTF_8).isEqualTo("forward");
    assertThat(keys).containsExactly("routes/main");
  }
}
