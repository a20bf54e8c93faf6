package org.unifiedmta.core;

import java.util.List;

/** A configuration that cannot work; lists every problem found, not only the first. */
public class ConfigException extends MtaException {
  private static final long serialVersionUID = 1L;

  private final List<String> problems;

  public ConfigException(List<String> problems) {
    super(String.join("; ", problems));
    this.problems = List.copyOf(problems);
  }

  public ConfigException(String problem) {
    this(List.of(problem));
  }

  /** One sentence for each problem, in the order of the settings. */
  public List<String> problems() {
    return problems;
  }
}
