package org.unifiedmta.smtp.pool;

import org.unifiedmta.smtp.client.ClientOptions;
import org.unifiedmta.smtp.client.Endpoint;

/** What two messages must share to share a connection: where it goes, and everything about how. */
public record PoolKey(Endpoint endpoint, ClientOptions options) {}
