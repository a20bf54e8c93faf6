package org.unifiedmta.core.email;

/** A message. */
public final class Email {}
