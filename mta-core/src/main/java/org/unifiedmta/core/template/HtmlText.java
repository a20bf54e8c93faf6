package org.unifiedmta.core.template;

import java.util.ArrayDeque;
import java.util.Locale;
import java.util.Set;
import org.jsoup.nodes.Element;
import org.jsoup.nodes.Node;
import org.jsoup.nodes.TextNode;
import org.jsoup.parser.Parser;
import org.jsoup.select.NodeFilter;
import org.jspecify.annotations.Nullable;

/**
 * HTML as text that people like to read: paragraphs, lists with {@code -} or numbers, {@code >} in
 * front of quotations, {@code |} between the cells of a row, and the target of a link in brackets.
 */
final class HtmlText implements NodeFilter {
  private static final int MAXIMUM_DEPTH = 200;
  private static final int MAXIMUM_MARGINS = 10;
  private static final Set<String> SKIPPED =
      Set.of("head", "script", "style", "template", "title", "svg", "iframe", "object", "noframes");
  private static final Set<String> LINES =
      Set.of(
          "address",
          "article",
          "aside",
          "body",
          "caption",
          "center",
          "dd",
          "div",
          "dt",
          "fieldset",
          "figcaption",
          "footer",
          "form",
          "header",
          "hr",
          "li",
          "main",
          "nav",
          "section",
          "tr");
  private static final Set<String> PARAGRAPHS =
      Set.of(
          "blockquote",
          "dl",
          "figure",
          "h1",
          "h2",
          "h3",
          "h4",
          "h5",
          "h6",
          "ol",
          "p",
          "pre",
          "table",
          "ul");

  private final StringBuilder out = new StringBuilder();

  /** What each line begins with, one for each list item and quotation around it. */
  private final ArrayDeque<String> margins = new ArrayDeque<>();

  /** The number of the next item, or 0 where items have none; one for each list around. */
  private final ArrayDeque<Integer> numbers = new ArrayDeque<>();

  /** Stands in place of the last margin on an item's first line. */
  private @Nullable String bullet;

  private int breaks;
  private String blank = "";
  private int preformatted;

  private HtmlText() {}

  /** The text, without blank lines at its ends. */
  static String of(String html) {
    var parser = Parser.htmlParser().setMaxDepth(MAXIMUM_DEPTH);
    var text = new HtmlText();
    parser.parseInput(html, "").filter(text);
    return text.out.toString();
  }

  @Override
  public FilterResult head(Node node, int depth) {
    if (node instanceof TextNode text) {
      if (preformatted > 0) {
        verbatim(text.getWholeText());
      } else {
        words(text.getWholeText());
      }
    } else if (node instanceof Element element) {
      if (SKIPPED.contains(element.normalName()) || isHidden(element)) {
        return FilterResult.SKIP_ENTIRELY;
      }
      open(element);
    }
    return FilterResult.CONTINUE;
  }

  /** Such as the line that mail programs show beside the subject. */
  private static boolean isHidden(Element element) {
    var style = element.attr("style").replace(" ", "").toLowerCase(Locale.ROOT);
    return element.hasAttr("hidden") || style.contains("display:none");
  }

  private void open(Element element) {
    var name = element.normalName();
    breakBefore(name);
    switch (name) {
      case "br" -> {
        blank = "";
        breaks = Math.min(breaks + 1, 2);
      }
      case "hr" -> append("---");
      case "img" -> words(element.attr("alt"));
      case "pre" -> preformatted++;
      case "ul" -> numbers.push(0);
      case "ol" -> numbers.push(1);
      case "li" -> {
        int number = numbers.isEmpty() ? 0 : numbers.peek();
        if (number > 0) {
          numbers.pop();
          numbers.push(number + 1);
        }
        bullet = number == 0 ? "- " : number + ". ";
        addMargin(" ".repeat(bullet.length()));
      }
      case "blockquote" -> addMargin("> ");
      case "td", "th" -> {
        if (breaks == 0 && !out.isEmpty()) {
          blank = " | ";
        }
      }
      default -> {}
    }
  }

  @Override
  public FilterResult tail(Node node, int depth) {
    if (node instanceof Element element) {
      var name = element.normalName();
      switch (name) {
        case "a" -> link(element);
        case "pre" -> preformatted--;
        case "ul", "ol" -> numbers.pop();
        case "li" -> {
          margins.removeLast();
          bullet = null;
        }
        case "blockquote" -> margins.removeLast();
        default -> {}
      }
      breakBefore(name);
    }
    return FilterResult.CONTINUE;
  }

  private void breakBefore(String name) {
    boolean inList = (name.equals("ul") || name.equals("ol")) && !numbers.isEmpty();
    int wanted = LINES.contains(name) || inList ? 1 : PARAGRAPHS.contains(name) ? 2 : 0;
    if (wanted > 0 && bullet == null) { // the first paragraph of an item stays beside its bullet
      breaks = Math.max(breaks, wanted);
      blank = "";
    }
  }

  private void link(Element link) {
    var target = link.attr("href").replaceAll("[\\s\\p{Cntrl}]", "");
    var scheme = target.toLowerCase(Locale.ROOT);
    if (target.isEmpty()
        || target.startsWith("#")
        || scheme.startsWith("javascript:")
        || scheme.startsWith("data:")) {
      return;
    }
    var shown =
        scheme.startsWith("mailto:") || scheme.startsWith("tel:")
            ? target.substring(target.indexOf(':') + 1).replaceFirst("\\?.*", "")
            : target;
    var text = link.text().strip();
    if (text.isEmpty() && link.select("img[alt~=\\S]").isEmpty()) {
      append(shown);
    } else if (!bare(text).equals(bare(shown))) {
      int after = breaks; // a button is a block inside its link
      breaks = 0;
      blank = out.isEmpty() ? "" : " ";
      append("(" + shown + ")");
      breaks = after;
    }
  }

  /** So that {@code example.org} is not followed by {@code (https://example.org/)}. */
  private static String bare(String address) {
    return address.replaceFirst("^https?://", "").replaceFirst("/$", "");
  }

  // ---- lines ----------------------------------------------------------------------------------

  private void words(String text) {
    int i = 0;
    while (i < text.length()) {
      int start = i;
      while (i < text.length() && !isBlank(text.charAt(i))) {
        i++;
      }
      if (i > start) {
        append(text.substring(start, i));
      }
      if (i < text.length()) {
        blank = blank.isEmpty() ? " " : blank;
        i++;
      }
    }
  }

  private static boolean isBlank(char c) {
    return Character.isWhitespace(c) || c == '\u00a0';
  }

  private void verbatim(String text) {
    boolean first = true;
    for (var line : text.split("\\R", -1)) {
      if (!first) {
        breaks++;
      }
      first = false;
      if (!line.isEmpty()) {
        append(line);
      }
    }
  }

  /** Each line repeats its margins, so only so many are shown. */
  private void addMargin(String margin) {
    margins.addLast(margins.size() < MAXIMUM_MARGINS ? margin : "");
  }

  /** Puts text behind what stands on the line, or on the next one if a break is due. */
  private void append(String text) {
    if (out.isEmpty() || breaks > 0) {
      out.append(out.isEmpty() ? "" : "\n".repeat(breaks));
      breaks = 0;
      int last = margins.size() - 1;
      for (var margin : margins) {
        out.append(bullet != null && last == 0 ? bullet : margin);
        last--;
      }
      bullet = null;
    } else {
      out.append(blank);
    }
    blank = "";
    out.append(text);
  }
}
