/** SPF (RFC 7208): may this address send for this domain. */
@NullMarked
package org.unifiedmta.security.spf;

import org.jspecify.annotations.NullMarked;
