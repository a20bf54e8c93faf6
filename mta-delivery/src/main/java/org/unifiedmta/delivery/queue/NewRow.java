package org.unifiedmta.delivery.queue;

import java.time.Instant;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Recipient;

/**
 * One recipient of a message to be stored; its number is its place in the list.
 *
 * @param destination where the mail really goes, as {@link Destinations} writes it
 * @param route name of the route that decided, or null for none
 * @param due when it may be tried first
 */
public record NewRow(
    Recipient recipient, String zone, String destination, @Nullable String route, Instant due) {}
