package org.unifiedmta.security.dmarc;

import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.dns.DnsResolver;

/** The records of domains, none asked for twice for one message. */
final class Records {
  private final DnsResolver resolver;
  private final Map<String, Optional<DmarcRecord>> known = new HashMap<>();

  Records(DnsResolver resolver) {
    this.resolver = resolver;
  }

  /** The one record there; several are none (RFC 9989 4.10). */
  @Nullable DmarcRecord at(String domain) throws PolicyUnavailableException {
    var record = known.get(domain);
    if (record == null) {
      record = Optional.ofNullable(ask(domain));
      known.put(domain, record);
    }
    return record.orElse(null);
  }

  private @Nullable DmarcRecord ask(String domain) throws PolicyUnavailableException {
    var name = "_dmarc." + domain;
    var answer = resolver.txt(name);
    if (answer.status().isTemporary()) {
      throw new PolicyUnavailableException(name);
    }
    DmarcRecord found = null;
    for (var txt : answer.records()) {
      var record = DmarcRecord.read(txt);
      if (record != null && found != null) {
        return null;
      }
      found = record == null ? found : record;
    }
    return found;
  }
}
