/** Mail with blanks to fill in, so that nobody glues HTML together by hand. */
@NullMarked
package org.unifiedmta.core.template;

import org.jspecify.annotations.NullMarked;
