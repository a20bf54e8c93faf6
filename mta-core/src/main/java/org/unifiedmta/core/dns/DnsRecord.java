package org.unifiedmta.core.dns;

/**
 * A record to be published.
 *
 * @param type such as {@code TXT}
 * @param name without trailing dot
 * @param value in presentation form, TXT as one string without quotes
 * @param ttl in seconds
 */
public record DnsRecord(String type, String name, String value, long ttl) {}
