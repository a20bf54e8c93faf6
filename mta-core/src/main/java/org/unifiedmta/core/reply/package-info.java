/**
 * SMTP replies and enhanced status codes (RFC 5321 4.2, RFC 3463): the one shape of every verdict
 * of a peer.
 */
@NullMarked
package org.unifiedmta.core.reply;

import org.jspecify.annotations.NullMarked;
