/** What the server says to clients: policy at each command, and the way into the queue. */
@NullMarked
package org.unifiedmta.delivery.inbound;

import org.jspecify.annotations.NullMarked;
