/** Small named values that must survive a restart: keys, routes, suppressed addresses. */
@NullMarked
package org.unifiedmta.core.storage;

import org.jspecify.annotations.NullMarked;
