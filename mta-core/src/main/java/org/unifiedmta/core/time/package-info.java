/** Time as an argument, so that five days of retries run in a test in milliseconds. */
@NullMarked
package org.unifiedmta.core.time;

import org.jspecify.annotations.NullMarked;
