/** Questions to the DNS, with every way to fail told apart. */
@NullMarked
package org.unifiedmta.core.dns;

import org.jspecify.annotations.NullMarked;
