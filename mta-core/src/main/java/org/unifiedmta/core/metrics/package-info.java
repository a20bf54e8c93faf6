/** The port to a metrics library. */
@NullMarked
package org.unifiedmta.core.metrics;

import org.jspecify.annotations.NullMarked;
