/** TLS: what a connection has, and what it must have. */
@NullMarked
package org.unifiedmta.security.transport;

import org.jspecify.annotations.NullMarked;
