package org.unifiedmta.delivery.store.log;

/**
 * A place in the log between two records.
 *
 * @param segment its sequence
 */
record Position(long segment, int offset) {}
