/** The domains that are ours. */
@NullMarked
package org.unifiedmta.routing.domain;

import org.jspecify.annotations.NullMarked;
