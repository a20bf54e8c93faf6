/** Reports of delivery (RFC 3464), as values and as parts of a message. */
@NullMarked
package org.unifiedmta.core.report;

import org.jspecify.annotations.NullMarked;
