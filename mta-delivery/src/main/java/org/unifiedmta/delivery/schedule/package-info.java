/** When what is tried: destinations take turns, each within its window. */
@NullMarked
package org.unifiedmta.delivery.schedule;

import org.jspecify.annotations.NullMarked;
