/** Looking at the content of messages. */
@NullMarked
package org.unifiedmta.security.scan;

import org.jspecify.annotations.NullMarked;
