/** Messages of our own and of logged-in clients, on their way into the queue. */
@NullMarked
package org.unifiedmta.delivery.submission;

import org.jspecify.annotations.NullMarked;
