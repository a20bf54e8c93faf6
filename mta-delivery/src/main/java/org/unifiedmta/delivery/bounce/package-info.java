/** Reports of failure to the sender, written from the rows that wait to be reported. */
@NullMarked
package org.unifiedmta.delivery.bounce;

import org.jspecify.annotations.NullMarked;
