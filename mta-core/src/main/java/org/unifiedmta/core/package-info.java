/** What every module shares: the root of the exceptions. */
@NullMarked
package org.unifiedmta.core;

import org.jspecify.annotations.NullMarked;
