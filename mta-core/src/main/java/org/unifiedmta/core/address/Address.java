package org.unifiedmta.core.address;

/** What a field such as To lists (RFC 5322 3.4). */
public sealed interface Address permits Mailbox, Group {}
