/** What the checks of one message found, together. */
@NullMarked
package org.unifiedmta.security;

import org.jspecify.annotations.NullMarked;
