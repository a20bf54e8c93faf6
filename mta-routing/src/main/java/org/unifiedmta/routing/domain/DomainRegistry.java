package org.unifiedmta.routing.domain;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.unifiedmta.core.address.Domains;

/** The domains that are ours. A domain's subdomains are not. */
public final class DomainRegistry {
  private final Map<String, DomainConfig> domains = new LinkedHashMap<>();

  /**
   * @throws IllegalArgumentException if a domain is there twice
   */
  public DomainRegistry(List<DomainConfig> domains) {
    for (var domain : domains) {
      if (this.domains.put(domain.domain(), domain) != null) {
        throw new IllegalArgumentException("domain given twice: " + domain.domain());
      }
    }
  }

  /** Whether the domain, as A-labels or U-labels in any case, is ours. */
  public boolean isDomainRegistered(String domain) {
    return getDomainConfig(domain).isPresent();
  }

  public Optional<DomainConfig> getDomainConfig(String domain) {
    var found = domains.get(domain.toLowerCase(Locale.ROOT));
    if (found != null || domain.chars().allMatch(c -> c < 128)) {
      return Optional.ofNullable(found);
    }
    try {
      return Optional.ofNullable(domains.get(Domains.toAscii(domain)));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  /** In the order in which they were given. */
  public List<DomainConfig> getAllConfigs() {
    return List.copyOf(domains.values());
  }
}
