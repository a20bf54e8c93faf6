/**
 * The server as a mail fixture of unit tests: what an application sends arrives here, and goes
 * wrong as told; and time that passes as told, for servers of its own. Needs JUnit or AssertJ only
 * where their types are named.
 */
@NullMarked
package org.unifiedmta.delivery.testing;

import org.jspecify.annotations.NullMarked;
