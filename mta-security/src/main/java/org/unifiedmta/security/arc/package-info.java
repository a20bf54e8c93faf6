/** ARC (RFC 8617): what earlier hops found. */
@NullMarked
package org.unifiedmta.security.arc;

import org.jspecify.annotations.NullMarked;
