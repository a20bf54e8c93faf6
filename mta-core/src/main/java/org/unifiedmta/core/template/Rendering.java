package org.unifiedmta.core.template;

import java.io.Writer;

/** One filling-in of a template: what came out so far, and how much more may. */
final class Rendering extends Writer {
  private static final int MAXIMUM_ELEMENTS = 1_000_000;

  private final String what;
  private final int limit;
  private final StringBuilder text = new StringBuilder();
  private int elements;

  Rendering(String what, int limit) {
    this.what = what;
    this.limit = limit;
  }

  @Override
  public void write(char[] characters, int offset, int length) {
    require(length);
    text.append(characters, offset, length);
  }

  @Override
  public void write(String characters, int offset, int length) {
    require(length);
    text.append(characters, offset, offset + length);
  }

  private void require(int length) {
    if (length > limit - text.length()) {
      throw failure("the result has more than " + limit + " characters");
    }
  }

  /** A list repeats its section once more. */
  void countElement() {
    if (++elements > MAXIMUM_ELEMENTS) {
      throw failure("its sections repeat more than " + MAXIMUM_ELEMENTS + " times");
    }
  }

  TemplateException failure(String why) {
    return new TemplateException(what + ": " + why);
  }

  String text() {
    return text.toString();
  }

  @Override
  public void flush() {}

  @Override
  public void close() {}
}
