/** Where a host puts decisions of its own. */
@NullMarked
package org.unifiedmta.delivery.hook;

import org.jspecify.annotations.NullMarked;
