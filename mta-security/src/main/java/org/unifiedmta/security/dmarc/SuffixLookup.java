package org.unifiedmta.security.dmarc;

import org.jspecify.annotations.Nullable;

/** RFC 7489 6.6.3: two queries at most, the organization known from a list. */
final class SuffixLookup implements Discovery {
  private final Records records;
  private final PublicSuffixes suffixes;

  SuffixLookup(Records records, PublicSuffixes suffixes) {
    this.records = records;
    this.suffixes = suffixes;
  }

  @Override
  public @Nullable Published policy(String domain) throws PolicyUnavailableException {
    var own = records.at(domain);
    if (own != null) {
      return new Published(domain, own);
    }
    var organization = organizationalDomain(domain);
    var above = organization.equals(domain) ? null : records.at(organization);
    return above == null ? null : new Published(organization, above);
  }

  @Override
  public String organizationalDomain(String domain) {
    return suffixes.organizationalDomain(domain);
  }
}
