/**
 * The client's end of SMTP: one connection, spoken to in plain sequential code on the caller's
 * (virtual) thread.
 */
@NullMarked
package org.unifiedmta.smtp.client;

import org.jspecify.annotations.NullMarked;
