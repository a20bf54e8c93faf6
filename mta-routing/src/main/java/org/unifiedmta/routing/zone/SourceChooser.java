package org.unifiedmta.routing.zone;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;
import org.unifiedmta.routing.zone.IpPool.Source;

/**
 * Chooses the address that a message leaves from: by the shares, and for the same message always
 * the same, whatever becomes of others (a receiver that greylists wants to see it again), unless it
 * is not to be used.
 */
public final class SourceChooser {
  private SourceChooser() {}

  /**
   * One of the sources.
   *
   * @param message its id
   * @param usable asked of the sources in the order in which they are preferred for this message,
   *     until one is
   * @return empty if none is usable
   */
  public static Optional<Source> choose(
      List<Source> sources, String message, Predicate<Source> usable) {
    record Scored(Source source, double score) {}
    var scored = new ArrayList<Scored>();
    for (int i = 0; i < sources.size(); i++) {
      var address = sources.get(i).address();
      long before = sources.subList(0, i).stream().filter(s -> s.address().equals(address)).count();
      scored.add(new Scored(sources.get(i), score(sources.get(i), message, before)));
    }
    scored.sort(Comparator.comparingDouble(Scored::score).reversed());
    return scored.stream().map(Scored::source).filter(usable).findFirst();
  }

  /** Rendezvous hashing with weights: the greatest of -share / ln(x), x even between 0 and 1. */
  private static double score(Source source, String message, long before) {
    long hash = mixed(mixed(mixed(message.hashCode()) + source.address().hashCode()) + before);
    double x = ((hash >>> 11) + 0.5) / (1L << 53);
    return -source.share() / Math.log(x);
  }

  private static long mixed(long number) {
    long z = (number ^ (number >>> 30)) * 0xbf58476d1ce4e5b9L + 0x9e3779b97f4a7c15L;
    z = (z ^ (z >>> 27)) * 0x94d049bb133111ebL;
    return z ^ (z >>> 31);
  }
}
