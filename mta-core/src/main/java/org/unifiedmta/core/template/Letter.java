package org.unifiedmta.core.template;

import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Mailbox;
import org.unifiedmta.core.template.TemplateManager.EmailTemplate;

/** A template with its texts read and checked. */
record Letter(
    EmailTemplate template,
    Part subject,
    @Nullable Part from,
    @Nullable Part html,
    @Nullable Part text) {

  /** The names of the texts, for messages. */
  record Names(String subject, String from, String html, String text) {}

  /** A template that the host wrote down. */
  static Letter of(EmailTemplate template) {
    var what = "template " + TemplateManager.shown(template.id());
    return of(
        template, new Names(what + ", subject", what + ", From", what + ", HTML", what + ", text"));
  }

  static Letter of(EmailTemplate template, Names names) {
    if (!TemplateManager.isId(template.id())) {
      throw new TemplateException("no id of a template: " + TemplateManager.shown(template.id()));
    }
    if (template.bodyHtml() == null && template.bodyText() == null) {
      throw new TemplateException(
          "the template " + TemplateManager.shown(template.id()) + " has no body");
    }
    return new Letter(
        template,
        Part.line(names.subject(), template.subject()),
        template.from() == null ? null : from(names.from(), template.from()),
        template.bodyHtml() == null ? null : Part.html(names.html(), template.bodyHtml()),
        template.bodyText() == null ? null : Part.text(names.text(), template.bodyText()));
  }

  /** A sender, of which a mailbox that has no tag is checked at once. */
  static Part from(String what, String source) {
    var from = Part.line(what, source);
    if (!source.contains("{{")) {
      mailbox(from, Map.of());
    }
    return from;
  }

  static Mailbox mailbox(Part from, Map<String, ?> variables) {
    try {
      return Mailbox.parse(from.fillLine(variables));
    } catch (IllegalArgumentException e) {
      throw from.failure("no mailbox, " + e.getMessage(), e);
    }
  }
}
