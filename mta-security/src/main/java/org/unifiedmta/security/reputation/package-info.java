/** What is known of an IP address. */
@NullMarked
package org.unifiedmta.security.reputation;

import org.jspecify.annotations.NullMarked;
