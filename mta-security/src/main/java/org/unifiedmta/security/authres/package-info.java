/** The results of all authentication methods for one message (RFC 8601). */
@NullMarked
package org.unifiedmta.security.authres;

import org.jspecify.annotations.NullMarked;
