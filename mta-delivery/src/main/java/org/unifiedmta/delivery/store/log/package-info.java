/**
 * The embedded store: an append-only log that is the truth, and an index that can be rebuilt from
 * it.
 */
@NullMarked
package org.unifiedmta.delivery.store.log;

import org.jspecify.annotations.NullMarked;
