/** Lists of tags, {@code k=v; k=v}, as DKIM and ARC write their signatures and keys. */
@NullMarked
package org.unifiedmta.security.tag;

import org.jspecify.annotations.NullMarked;
