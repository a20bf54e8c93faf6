package org.unifiedmta.core.template;

import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.MtaException;

/**
 * A template cannot be registered or filled in; the message names the template and its line or
 * variable.
 */
public class TemplateException extends MtaException {
  private static final long serialVersionUID = 1L;

  TemplateException(String message) {
    super(message);
  }

  TemplateException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
