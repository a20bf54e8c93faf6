/** A server that misbehaves as it is told, for tests of whatever speaks to servers. */
@NullMarked
package org.unifiedmta.smtp.testing;

import org.jspecify.annotations.NullMarked;
