/** How and from which address mail leaves. */
@NullMarked
package org.unifiedmta.routing.zone;

import org.jspecify.annotations.NullMarked;
