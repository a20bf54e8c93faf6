package org.unifiedmta.core.event;

/** Something that happened. Open: hosts may publish their own. */
public interface MtaEvent {}
