/** One attempt: the rows of one lease, the hosts in order, and a result for each recipient. */
@NullMarked
package org.unifiedmta.delivery.attempt;

import org.jspecify.annotations.NullMarked;
