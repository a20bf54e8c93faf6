/** Login by SASL (RFC 4422), and where the passwords are. */
@NullMarked
package org.unifiedmta.security.sasl;

import org.jspecify.annotations.NullMarked;
