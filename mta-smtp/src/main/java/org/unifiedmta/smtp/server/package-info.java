/** The receiving end of SMTP: a pure session, and one small class that gives it a socket. */
@NullMarked
package org.unifiedmta.smtp.server;

import org.jspecify.annotations.NullMarked;
