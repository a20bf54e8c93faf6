/** The server that puts everything together. */
@NullMarked
package org.unifiedmta.delivery.server;

import org.jspecify.annotations.NullMarked;
