package org.unifiedmta.core.email;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.TreeSet;
import org.unifiedmta.core.address.Domains;

/** A list of domains: their names in one array, to be searched by halves. */
final class DisposableDomains {
  private static final int MAXIMUM_FILE = 64 * 1024 * 1024;
  private static final String RESOURCE = "disposable-domains.txt";

  /** Read when the first address is checked. */
  private static final class BuiltIn {
    private static final DisposableDomains LIST = read();

    private static DisposableDomains read() {
      try (var in = DisposableDomains.class.getResourceAsStream(RESOURCE)) {
        if (in == null) {
          throw new IllegalStateException("the jar has no " + RESOURCE);
        }
        return DisposableDomains.read(RESOURCE, in);
      } catch (IOException e) {
        throw new UncheckedIOException(RESOURCE + " cannot be read", e);
      }
    }
  }

  private final byte[] names;

  /** Where each name starts; the last is where they end. */
  private final int[] starts;

  private DisposableDomains(TreeSet<String> domains) {
    starts = new int[domains.size() + 1];
    names = String.join("", domains).getBytes(US_ASCII);
    int i = 0;
    for (var domain : domains) {
      starts[i + 1] = starts[i] + domain.length();
      i++;
    }
  }

  /** The list that comes with the library. */
  static DisposableDomains builtIn() {
    return BuiltIn.LIST;
  }

  static DisposableDomains read(Path file) {
    try (var in = Files.newInputStream(file)) {
      return read(file.toString(), in);
    } catch (IOException e) {
      throw new UncheckedIOException(file + " cannot be read: " + e, e);
    }
  }

  private static DisposableDomains read(String file, InputStream in) throws IOException {
    var octets = in.readNBytes(MAXIMUM_FILE + 1);
    if (octets.length > MAXIMUM_FILE) {
      throw new IllegalArgumentException(file + ": more than " + MAXIMUM_FILE + " octets");
    }
    var domains = new TreeSet<String>();
    int number = 0;
    for (var line : (Iterable<String>) new String(octets, UTF_8).lines()::iterator) {
      number++;
      int comment = line.indexOf('#');
      var domain = (comment < 0 ? line : line.substring(0, comment)).strip();
      if (!domain.isEmpty()) {
        try {
          domains.add(Domains.toAscii(domain));
        } catch (IllegalArgumentException e) {
          throw new IllegalArgumentException(file + ", line " + number + ": " + e.getMessage(), e);
        }
      }
    }
    return new DisposableDomains(domains);
  }

  /**
   * Whether a domain, or one that it is in, is listed.
   *
   * @param domain A-labels in lower case
   */
  boolean contains(String domain) {
    if (isListed(domain.getBytes(US_ASCII))) {
      return true;
    }
    int dot = domain.indexOf('.');
    return dot >= 0 && contains(domain.substring(dot + 1));
  }

  private boolean isListed(byte[] domain) {
    int low = 0;
    int high = starts.length - 2;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      int order =
          Arrays.compare(names, starts[middle], starts[middle + 1], domain, 0, domain.length);
      if (order == 0) {
        return true;
      }
      if (order < 0) {
        low = middle + 1;
      } else {
        high = middle - 1;
      }
    }
    return false;
  }
}
