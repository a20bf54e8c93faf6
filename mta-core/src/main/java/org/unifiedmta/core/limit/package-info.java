/** How much one peer, one sender and the whole world may ask of a server. */
@NullMarked
package org.unifiedmta.core.limit;

import org.jspecify.annotations.NullMarked;
