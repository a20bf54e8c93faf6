package org.unifiedmta.core.template;

import com.samskivert.mustache.Escapers;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.template.TemplateManager.Defaults;

/** What stands at the end of every mail. */
record Footer(@Nullable Part html, @Nullable Part text) {
  private static final String END_OF_BODY = "</body";

  static Footer of(Defaults defaults) {
    return new Footer(
        defaults.footerHtml() == null
            ? null
            : Part.html("the default HTML footer", defaults.footerHtml()),
        defaults.footerText() == null
            ? null
            : Part.text("the default text footer", defaults.footerText()));
  }

  /** A footer given in one form only must not be missing for those who read the other one. */
  Filled fill(Map<String, ?> variables) {
    var filledHtml = html == null ? null : html.fill(variables);
    var filledText = text == null ? null : text.fill(variables);
    return new Filled(
        filledHtml != null ? filledHtml : filledText == null ? "" : toHtml(filledText.strip()),
        filledText != null ? filledText : filledHtml == null ? "" : HtmlText.of(filledHtml));
  }

  private static String toHtml(String text) {
    return text.isEmpty()
        ? ""
        : "<p>" + Escapers.HTML.escape(text).replaceAll("\\R", "<br>\n") + "</p>";
  }

  /** The footer of one mail. */
  record Filled(String html, String text) {

    String appendToHtml(String body) {
      if (html.isEmpty()) {
        return body;
      }
      for (int i = body.length() - END_OF_BODY.length(); i >= 0; i--) {
        if (body.regionMatches(true, i, END_OF_BODY, 0, END_OF_BODY.length())) {
          return body.substring(0, i) + html + "\n" + body.substring(i);
        }
      }
      return body + "\n" + html;
    }

    String appendToText(String body) {
      return text.isEmpty() ? body : body.stripTrailing() + "\n\n" + text;
    }
  }
}
