/** DKIM (RFC 6376): who signed this message, and signing our own. */
@NullMarked
package org.unifiedmta.security.dkim;

import org.jspecify.annotations.NullMarked;
