/** DMARC (RFC 9989): what the domain of the author wants done. */
@NullMarked
package org.unifiedmta.security.dmarc;

import org.jspecify.annotations.NullMarked;
