package org.unifiedmta.core.template;

import java.util.ArrayDeque;
import java.util.regex.Pattern;

/**
 * Checks the tags of a template before jmustache reads it, which takes a tag without an end for
 * text and knows nothing of defaults.
 *
 * <pre>
 * tag      = "{{" ["&amp;"] name ["|" default] "}}" / "{{{" name ["|" default] "}}}"
 *          / "{{#" name "}}" / "{{^" name "}}" / "{{/" name "}}" / "{{!" comment "}}"
 * name     = word *("." word) / "." / "-first" / "-last" / "-index"
 * </pre>
 */
final class Tags {
  private static final int MAXIMUM_DEPTH = 32;
  private static final int MAXIMUM_NAME = 200;
  private static final Pattern NAME = Pattern.compile("\\.|[^\\s.|]+(?:\\.[^\\s.|]+)*");

  private record Section(String name, int line) {}

  private final String what;
  private final String source;
  private final ArrayDeque<Section> open = new ArrayDeque<>();
  private int line = 1;

  private Tags(String what, String source) {
    this.what = what;
    this.source = source;
  }

  /**
   * @param what the template, for the message
   * @throws TemplateException with the line of the first fault
   */
  static void check(String what, String source) {
    new Tags(what, source).check();
  }

  private void check() {
    int behind = 0;
    for (int start = source.indexOf("{{"); start >= 0; start = source.indexOf("{{", behind)) {
      countLines(behind, start);
      boolean triple = source.startsWith("{", start + 2);
      int from = start + (triple ? 3 : 2);
      int to = source.indexOf("}}", from);
      if (to < 0 || (triple && !source.startsWith("}", to + 2))) {
        throw fault(triple ? "a {{{ without its }}}" : "a {{ without its }}");
      }
      check(source.substring(from, to), triple);
      behind = to + (triple ? 3 : 2);
      countLines(start, behind);
    }
    if (!open.isEmpty()) {
      var section = open.pop();
      line = section.line();
      throw fault("the section {{#" + section.name() + "}} is not closed");
    }
  }

  private void check(String tag, boolean triple) {
    if (tag.startsWith("!") && !triple) {
      return;
    }
    if (tag.indexOf('{') >= 0) {
      throw fault("a { inside a tag, or a tag without its end");
    }
    if (tag.indexOf('\n') >= 0 || tag.indexOf('\r') >= 0) {
      throw fault("a tag goes over two lines");
    }
    var inner = tag.trim();
    char kind = triple || inner.isEmpty() ? '&' : inner.charAt(0);
    var rest =
        !triple && "#^/&!=<>$".indexOf(kind) >= 0 && !inner.isEmpty()
            ? inner.substring(1).trim()
            : inner;
    switch (kind) {
      case '#', '^' -> open(checkedName(rest));
      case '/' -> close(rest);
      case '!' -> {}
      case '=' -> throw fault("the delimiters {{ and }} cannot be changed");
      case '<', '>', '$' -> throw fault("{{" + inner + "}}: no template is part of another one");
      default -> {
        int bar = rest.indexOf('|');
        checkedName(bar < 0 ? rest : rest.substring(0, bar).trim());
      }
    }
  }

  private void open(String name) {
    if (open.size() == MAXIMUM_DEPTH) {
      throw fault("sections more than " + MAXIMUM_DEPTH + " deep");
    }
    open.push(new Section(name, line));
  }

  private void close(String name) {
    var section = open.poll();
    if (section == null) {
      throw fault("{{/" + name + "}} closes no section");
    }
    if (!section.name().equals(name)) {
      throw fault(
          "{{/"
              + name
              + "}} where {{/"
              + section.name()
              + "}} was expected, which line "
              + section.line()
              + " opens");
    }
  }

  private String checkedName(String name) {
    if (name.isEmpty()) {
      throw fault("a tag without a name");
    }
    if (name.length() > MAXIMUM_NAME || !NAME.matcher(name).matches()) {
      throw fault("no name of a variable: \"" + shortened(name) + '"');
    }
    return name;
  }

  private static String shortened(String name) {
    return name.length() > MAXIMUM_NAME ? name.substring(0, MAXIMUM_NAME) + "\u2026" : name;
  }

  private void countLines(int from, int to) {
    for (int i = from; i < to; i++) {
      if (source.charAt(i) == '\n') {
        line++;
      }
    }
  }

  private TemplateException fault(String message) {
    return new TemplateException(what + ", line " + line + ": " + message);
  }
}
