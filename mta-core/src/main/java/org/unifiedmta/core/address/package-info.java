/**
 * Addresses and envelopes as RFC 5321 and RFC 6531 write them, so that no other package parses one.
 */
@NullMarked
package org.unifiedmta.core.address;

import org.jspecify.annotations.NullMarked;
