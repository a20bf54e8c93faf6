/** The queue: its port to a store, and the one front door. */
@NullMarked
package org.unifiedmta.delivery.queue;

import org.jspecify.annotations.NullMarked;
