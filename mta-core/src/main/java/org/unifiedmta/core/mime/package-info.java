/**
 * The part tree of a message (RFC 2045, RFC 2046), read in one pass that keeps the places of the
 * parts, written as a stream, within bounds; it knows nothing of what the parts mean to people.
 */
@NullMarked
package org.unifiedmta.core.mime;

import org.jspecify.annotations.NullMarked;
