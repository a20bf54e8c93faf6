package org.unifiedmta.core.template;

import java.nio.file.Path;
import java.time.Clock;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.email.Email;

/**
 * Mail from templates: text with blanks that variables fill in. Thread-safe.
 *
 * <p>The language is Mustache, with defaults and without partials and other delimiters:
 *
 * <table>
 * <caption>What a template may say</caption>
 * <tr><td>{@code {{name}}}</td><td>the variable; in HTML escaped</td></tr>
 * <tr><td>{@code {{{name}}}}, {@code {{&name}}}</td><td>the variable as it is, in HTML too</td></tr>
 * <tr><td>{@code {{name|friend}}}</td><td>{@code friend}, if the variable is missing, null or
 * empty; {@code {{name|}}} is nothing then</td></tr>
 * <tr><td>{@code {{user.address.city}}}</td><td>a member of a member</td></tr>
 * <tr><td>{@code {{#items}}…{{/items}}}</td><td>the text for each element of a list, in which
 * {@code {{.}}} is the element; for anything else once, unless it is missing, null, false or empty
 * text; zero counts as something</td></tr>
 * <tr><td>{@code {{^items}}…{{/items}}}</td><td>the text if that would show nothing</td></tr>
 * <tr><td>{@code {{-first}}}, {@code {{-last}}}, {@code {{-index}}}</td><td>where in the list: true
 * or false, and the number from 1</td></tr>
 * <tr><td>{@code {{! … }}}</td><td>a comment</td></tr>
 * </table>
 *
 * <p>A name is looked for in the section's element, then around it. A variable that is missing or
 * null and has no default is an error, unless its section is not shown.
 *
 * <p>Values are maps, lists, other iterables, arrays, records, and plain ones: text, numbers,
 * booleans, enums, {@code java.time}, UUID and URI. Only maps and records have members, by key or
 * component: no method or field of another object can be reached from a template, and such an
 * object is an error. What looks like a tag in a value is not one. Escaping makes a value safe as
 * text and in quoted attributes; whether a link is one that you want to send is for you to check.
 *
 * <p>Subject and From: are templates too. They are one line: in their values line ends and other
 * control characters become a blank, so that no value adds a header field.
 *
 * <p>Bounds: 1 M characters for a template, 32 nested sections, 10 M characters for a body, 1,000
 * for the subject, and 1,000,000 repetitions of sections.
 */
public final class TemplateManager {
  private static final int MAXIMUM_ID = 200;

  /**
   * What every template without its own gets. The texts are templates.
   *
   * @param from {@code ann@example.org} or {@code Ann <ann@example.org>}
   * @param footerHtml put in front of {@code </body>} or, without one, at the end; null to make it
   *     from the text footer, empty for none
   * @param footerText put behind the text and a blank line; null to make it from the HTML footer,
   *     empty for none
   */
  public record Defaults(
      @Nullable String from, @Nullable String footerHtml, @Nullable String footerText) {

    /** No sender, no footer. */
    public static Defaults none() {
      return new Defaults(null, null, null);
    }

    public Defaults withFrom(@Nullable String from) {
      return new Defaults(from, footerHtml, footerText);
    }

    public Defaults withFooterHtml(@Nullable String footerHtml) {
      return new Defaults(from, footerHtml, footerText);
    }

    public Defaults withFooterText(@Nullable String footerText) {
      return new Defaults(from, footerHtml, footerText);
    }
  }

  /**
   * A template. Made by {@link #of} and its {@code with} methods; it is checked when it is
   * registered.
   *
   * @param id what it is asked for by, at most 200 printable characters
   * @param name for people; the id, if you give none
   * @param from null for the one of the defaults
   * @param bodyHtml null for a mail that is text alone
   * @param bodyText null to make it from the HTML
   * @param category for people, as the name and the description
   */
  public record EmailTemplate(
      String id,
      String name,
      String description,
      @Nullable String from,
      String subject,
      @Nullable String bodyHtml,
      @Nullable String bodyText,
      String category) {

    /** A template that still needs a body. */
    public static EmailTemplate of(String id, String subject) {
      return new EmailTemplate(id, id, "", null, subject, null, null, "");
    }

    public EmailTemplate withName(String name) {
      return new EmailTemplate(id, name, description, from, subject, bodyHtml, bodyText, category);
    }

    public EmailTemplate withDescription(String description) {
      return new EmailTemplate(id, name, description, from, subject, bodyHtml, bodyText, category);
    }

    public EmailTemplate withFrom(@Nullable String from) {
      return new EmailTemplate(id, name, description, from, subject, bodyHtml, bodyText, category);
    }

    public EmailTemplate withBodyHtml(@Nullable String bodyHtml) {
      return new EmailTemplate(id, name, description, from, subject, bodyHtml, bodyText, category);
    }

    public EmailTemplate withBodyText(@Nullable String bodyText) {
      return new EmailTemplate(id, name, description, from, subject, bodyHtml, bodyText, category);
    }

    public EmailTemplate withCategory(String category) {
      return new EmailTemplate(id, name, description, from, subject, bodyHtml, bodyText, category);
    }
  }

  private final Clock clock;
  private final @Nullable Part from;
  private final Footer footer;
  private final AtomicReference<Map<String, Letter>> letters = new AtomicReference<>(Map.of());

  /** Without defaults. */
  public TemplateManager() {
    this(Defaults.none());
  }

  /**
   * @throws TemplateException if a default is no template
   */
  public TemplateManager(Defaults defaults) {
    this(defaults, Clock.systemUTC());
  }

  /**
   * @param clock for the Date of the mails
   */
  public TemplateManager(Defaults defaults, Clock clock) {
    this.clock = clock;
    from = defaults.from() == null ? null : Letter.from("the default From", defaults.from());
    footer = Footer.of(defaults);
  }

  /**
   * Adds a template, or replaces the one with its id.
   *
   * @throws TemplateException that names the template, and the line of a wrong tag
   */
  public void registerTemplate(EmailTemplate template) {
    register(List.of(Letter.of(template)));
  }

  /**
   * Adds the templates of a directory, all or none. {@code welcome.properties} makes the template
   * {@code welcome}, whose bodies are {@code welcome.html} and {@code welcome.txt}; one of the two
   * may be missing. The properties are {@code subject}, which must be there, {@code from}, {@code
   * name}, {@code description} and {@code category}. All files are UTF-8. Subdirectories and other
   * files are left alone, but a body without properties is an error.
   *
   * @return what was added, by id
   * @throws TemplateException that names the file
   * @throws java.io.UncheckedIOException if one cannot be read
   */
  public List<EmailTemplate> loadDirectory(Path directory) {
    var found = TemplateDirectory.read(directory);
    register(found);
    return found.stream().map(Letter::template).toList();
  }

  private void register(List<Letter> added) {
    letters.updateAndGet(before -> {
      var after = new TreeMap<>(before);
      after.putAll(
          added.stream().collect(Collectors.toMap(l -> l.template().id(), Function.identity())));
      return after;
    });
  }

  /** What has been registered, by id. */
  public List<EmailTemplate> templates() {
    return letters.get().values().stream().map(Letter::template).toList();
  }

  /**
   * A mail to one recipient.
   *
   * @param to {@code ann@example.org} or {@code Ann <ann@example.org>}
   * @throws TemplateException for an unknown template, a missing variable, or no sender
   * @throws IllegalArgumentException if {@code to} is no mailbox
   */
  public Email createEmail(String id, String to, Map<String, ?> variables) {
    var letter = letter(id);
    if (letter.from() == null && from == null) {
      throw new TemplateException(
          "the template " + shown(id) + " has no From, nor have the defaults");
    }
    return fill(letter, variables).to(to).build();
  }

  /**
   * A mail that still needs a recipient; without From:, if neither the template nor the defaults
   * have one.
   *
   * @throws TemplateException for an unknown template or a missing variable
   */
  public Email.Builder prepareEmail(String id, Map<String, ?> variables) {
    return fill(letter(id), variables);
  }

  private Letter letter(String id) {
    var letter = letters.get().get(id);
    if (letter == null) {
      throw new TemplateException("no template " + shown(id));
    }
    return letter;
  }

  static String shown(String id) {
    var text = id.length() > MAXIMUM_ID ? id.substring(0, MAXIMUM_ID) + "\u2026" : id;
    return '"' + text.replaceAll("\\p{Cntrl}", "?") + '"';
  }

  static boolean isId(String id) {
    return !id.isBlank()
        && id.length() <= MAXIMUM_ID
        && id.chars().noneMatch(Character::isISOControl);
  }

  private Email.Builder fill(Letter letter, Map<String, ?> variables) {
    var mail = Email.builder(clock).subject(letter.subject().fillLine(variables));
    var sender = letter.from() == null ? from : letter.from();
    if (sender != null) {
      mail.from(Letter.mailbox(sender, variables));
    }
    var added = footer.fill(variables);
    var html = letter.html() == null ? null : letter.html().fill(variables);
    if (html != null) {
      mail.html(added.appendToHtml(html));
    }
    if (letter.text() != null) {
      mail.text(added.appendToText(letter.text().fill(variables)));
    } else if (html != null) {
      mail.text(added.appendToText(HtmlText.of(html)));
    }
    return mail;
  }
}
