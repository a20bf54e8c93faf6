/** Programs that show the library at work, and the server that stands alone. */
@NullMarked
package org.unifiedmta.examples;

import org.jspecify.annotations.NullMarked;
