package org.unifiedmta.core.template;

import com.samskivert.mustache.Mustache;
import com.samskivert.mustache.MustacheException;
import com.samskivert.mustache.Template;
import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** One text of a template, read and checked, that can be filled in by any number of threads. */
final class Part {
  private static final int MAXIMUM_SOURCE = 1024 * 1024;
  private static final int MAXIMUM_RESULT = 10 * 1024 * 1024;
  private static final int MAXIMUM_LINE = 1_000;

  /** jmustache asks whatever it has been given; it is given scopes only. */
  private static final Mustache.Collector SCOPES =
      new Mustache.Collector() {
        @Override
        public @Nullable Iterator<?> toIterator(Object value) {
          return value instanceof Scope scope ? scope.elements() : null;
        }

        @Override
        public Mustache.@Nullable VariableFetcher createFetcher(Object context, String name) {
          return context instanceof Scope ? (scope, tag) -> ((Scope) scope).find(tag) : null;
        }

        @Override
        public <K, V> Map<K, V> createFetcherCache() {
          return new ConcurrentHashMap<>();
        }
      };

  private static final Mustache.Compiler PLAIN =
      Mustache.compiler()
          .escapeHTML(false)
          .withCollector(SCOPES)
          .withFormatter(
              value -> value instanceof Scope scope ? scope.text() : String.valueOf(value));

  private static final Mustache.Compiler HTML = PLAIN.escapeHTML(true);

  private final String what;
  private final Template template;

  private Part(String what, String source, Mustache.Compiler compiler) {
    if (source.length() > MAXIMUM_SOURCE) {
      throw new TemplateException(what + ": more than " + MAXIMUM_SOURCE + " characters");
    }
    Tags.check(what, source);
    this.what = what;
    try {
      template = compiler.compile(source);
    } catch (MustacheException e) {
      throw new TemplateException(what + ": " + e.getMessage(), e);
    }
  }

  /**
   * @param what the part's name for messages
   */
  static Part text(String what, String source) {
    return new Part(what, source, PLAIN);
  }

  /** Values will be escaped. */
  static Part html(String what, String source) {
    return new Part(what, source, HTML);
  }

  /** The text of a header field. */
  static Part line(String what, String source) {
    if (source.chars().anyMatch(Character::isISOControl)) {
      throw new TemplateException(what + ": more than one line, or a control character");
    }
    return new Part(what, source, PLAIN);
  }

  /** The part with these variables. */
  String fill(Map<String, ?> variables) {
    return fill(variables, MAXIMUM_RESULT);
  }

  /** As {@link #fill(Map)}, for a header field: whatever would end the line becomes a blank. */
  String fillLine(Map<String, ?> variables) {
    // A name with a stray line end should not stop the mail, and must not start a new field.
    return fill(variables, MAXIMUM_LINE).replaceAll("[\\p{Cc}\\p{Zl}\\p{Zp}]+", " ").strip();
  }

  private String fill(Map<String, ?> variables, int limit) {
    var rendering = new Rendering(what, limit);
    try {
      template.execute(Scope.of(variables, rendering), rendering);
    } catch (MustacheException e) {
      throw e.getCause() instanceof TemplateException failure
          ? failure
          : new TemplateException(what + ": " + e.getMessage(), e);
    }
    return rendering.text();
  }

  TemplateException failure(String why, Throwable cause) {
    return new TemplateException(what + ": " + why, cause);
  }
}
