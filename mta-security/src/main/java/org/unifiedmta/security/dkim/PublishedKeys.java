package org.unifiedmta.security.dkim;

import java.util.Arrays;
import java.util.List;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.DnsResolver.Answer;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry;
import org.unifiedmta.security.dkim.DkimKeyStore.Entry.State;

/** What is to be seen of a key where it is published. Blocks; thread-safe. */
public interface PublishedKeys {

  /** Whether the DNS has what it should have of a key. */
  enum Seen {
    /** All servers of the zone that answer have it, and at least one does. */
    YES,
    /** At least one has something else, or nothing. */
    NO,
    /** None answers. */
    UNKNOWN
  }

  /**
   * Looks for a key: the one record by its name with the same {@code k=} and {@code p=}; of a
   * revoked one, no record or one without a key.
   */
  Seen look(Entry entry);

  /** Asks the servers of the zone, so that what is in a cache does not count. */
  static PublishedKeys in(DnsResolver dns) {
    return entry -> seen(entry, dns.authoritativeTxt(PublicKeys.name(entry)));
  }

  private static Seen seen(Entry entry, List<Answer<String>> answers) {
    var heard = answers.stream().filter(answer -> !answer.status().isTemporary()).toList();
    if (heard.isEmpty()) {
      return Seen.UNKNOWN;
    }
    return heard.stream().allMatch(answer -> isAsItShould(entry, answer)) ? Seen.YES : Seen.NO;
  }

  private static boolean isAsItShould(Entry entry, Answer<String> answer) {
    if (entry.state() == State.REVOKED) {
      return answer.status() != Status.OK
          || answer.records().stream().noneMatch(PublishedKeys::isKey);
    }
    // RFC 6376 3.6.2.2: with several records it is undefined which one a verifier takes.
    return answer.records().size() == 1
        && DkimKeyRecord.parse(answer.records().getFirst())
            .filter(key ->
                key.type().equals(PublicKeys.type(entry).tag())
                    && Arrays.equals(key.octets(), PublicKeys.octets(entry)))
            .isPresent();
  }

  private static boolean isKey(String text) {
    return DkimKeyRecord.parse(text).filter(key -> !key.isRevoked()).isPresent();
  }
}
