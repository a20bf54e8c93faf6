/**
 * How fast the library is beside others that do the same, and how little memory it needs; in no
 * normal build.
 */
@NullMarked
package org.unifiedmta.examples.benchmark;

import org.jspecify.annotations.NullMarked;
