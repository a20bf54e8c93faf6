/** What happened, told to whoever asked; a slow listener never holds mail. */
@NullMarked
package org.unifiedmta.core.event;

import org.jspecify.annotations.NullMarked;
