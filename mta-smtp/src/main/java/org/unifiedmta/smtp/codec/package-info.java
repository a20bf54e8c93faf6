/** SMTP as octets: lines, commands, replies and dots, for both ends; no session, no socket. */
@NullMarked
package org.unifiedmta.smtp.codec;

import org.jspecify.annotations.NullMarked;
