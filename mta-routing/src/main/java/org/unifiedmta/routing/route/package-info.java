/** Rules: where a recipient's mail goes. */
@NullMarked
package org.unifiedmta.routing.route;

import org.jspecify.annotations.NullMarked;
