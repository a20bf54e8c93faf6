/** What happens to a message, as values for whoever listens. */
@NullMarked
package org.unifiedmta.delivery.event;

import org.jspecify.annotations.NullMarked;
