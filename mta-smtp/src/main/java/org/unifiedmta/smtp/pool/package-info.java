/** Open connections kept for the next message to the same host in the same way. */
@NullMarked
package org.unifiedmta.smtp.pool;

import org.jspecify.annotations.NullMarked;
