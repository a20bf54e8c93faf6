/**
 * Message bytes in passing: read once, kept where the queue keeps them, never held whole in memory.
 */
@NullMarked
package org.unifiedmta.core.spool;

import org.jspecify.annotations.NullMarked;
