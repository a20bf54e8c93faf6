/**
 * The part tree of a message (RFC 2045, RFC 2046), written and read in one pass each, within
 * bounds; it knows nothing of what the parts mean to people.
 */
@NullMarked
package org.unifiedmta.core.mime;

import org.jspecify.annotations.NullMarked;
