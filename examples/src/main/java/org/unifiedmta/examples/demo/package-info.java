/** The demo: servers on loopback, messages between them, and what became of each. */
@NullMarked
package org.unifiedmta.examples.demo;

import org.jspecify.annotations.NullMarked;
