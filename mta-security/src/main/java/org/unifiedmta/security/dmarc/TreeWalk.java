package org.unifiedmta.security.dmarc;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.security.dmarc.DmarcRecord.Suffix;

/** The records of a domain and those above it (RFC 9989 4.10): at most eight queries a domain. */
final class TreeWalk implements Discovery {
  private static final int MAXIMUM_QUERIES = 8;

  private final Records records;

  TreeWalk(Records records) {
    this.records = records;
  }

  /**
   * The record that applies (4.10.1): that of the domain itself, of its organizational domain, or
   * of the public suffix that is in; null for none.
   */
  @Override
  public @Nullable Published policy(String domain) throws PolicyUnavailableException {
    var own = records.at(domain);
    if (own != null) {
      return new Published(domain, own);
    }
    var above = above(domain);
    var organizational = organizationalDomain(domain, above);
    Published suffix = null;
    for (var published : above) {
      if (published.domain().equals(organizational)) {
        return published;
      }
      if (published.record().publicSuffix() == Suffix.YES) {
        suffix = published;
      }
    }
    return suffix;
  }

  /** 4.10.2. */
  @Override
  public String organizationalDomain(String domain) throws PolicyUnavailableException {
    return organizationalDomain(domain, above(domain));
  }

  private static String organizationalDomain(String start, List<Published> fromLongest) {
    for (var published : fromLongest) {
      var suffix = published.record().publicSuffix();
      if (suffix == Suffix.NO) {
        return published.domain();
      }
      if (suffix == Suffix.YES && !published.domain().equals(start)) {
        return DomainNames.last(start, DomainNames.labels(published.domain()) + 1);
      }
    }
    return fromLongest.isEmpty() ? start : fromLongest.get(fromLongest.size() - 1).domain();
  }

  /** What is published at the domain and above it, until one says what it is. */
  private List<Published> above(String domain) throws PolicyUnavailableException {
    var found = new ArrayList<Published>();
    int labels = DomainNames.labels(domain);
    var target = domain;
    while (true) {
      var record = records.at(target);
      if (record != null) {
        found.add(new Published(target, record));
        if (record.publicSuffix() != Suffix.UNKNOWN) {
          return found;
        }
      }
      labels = Math.min(labels, MAXIMUM_QUERIES) - 1; // step 4: of a long name 7 labels are left
      if (labels == 0) {
        return found;
      }
      target = DomainNames.last(domain, labels);
    }
  }
}
