/** Messages as people see them: built, read and written without a word of MIME. */
@NullMarked
package org.unifiedmta.core.email;

import org.jspecify.annotations.NullMarked;
