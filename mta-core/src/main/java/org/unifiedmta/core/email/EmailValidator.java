package org.unifiedmta.core.email;

import java.nio.file.Path;
import java.util.Collections;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.DnsResolver.Answer;
import org.unifiedmta.core.dns.DnsResolver.Status;
import org.unifiedmta.core.dns.SystemDnsResolver;

/**
 * Tells whether an address that somebody typed is one to send mail to, without sending any.
 * Thread-safe; blocks for the DNS if {@link Check#MX} is asked for.
 */
public final class EmailValidator {
  private static final int MAXIMUM_ADDRESS = 1_000;

  /** What can be asked of an address. */
  public enum Check {
    /**
     * It follows RFC 5321 4.1.2 or RFC 6531 3.3, and its domain is a name of the public DNS: with a
     * dot (RFC 5321 2.3.5) and a last label that is not a number (RFC 3696 2). So {@code
     * ann@localhost} and {@code ann@[192.0.2.1]} fail, which mail itself allows. Made always, and
     * first: an address that fails is not checked further.
     */
    SYNTAX,
    /**
     * Its domain takes mail: it has an MX host, or no MX and an address (RFC 5321 5.1), and no null
     * MX (RFC 7505). Where the DNS gives no answer now, this check is left out of the result.
     */
    MX,
    /** Its domain, or one above it, is not known for giving out addresses to throw away. */
    DISPOSABLE,
    /**
     * It is a person's and not a role's: no name of RFC 2142 such as {@code abuse}, no {@code
     * …-request} of a mailing list, none in universal use such as {@code no-reply}. Case and {@code
     * +tag} do not matter.
     */
    ROLE
  }

  /**
   * @param isValid whether no check failed
   * @param checks those that were made; true = passed
   * @param reason a sentence for people: of the first check that failed, else of an MX check that
   *     could not be made now; null if all passed
   */
  public record Result(boolean isValid, Map<Check, Boolean> checks, @Nullable String reason) {
    public Result {
      var copy = new EnumMap<Check, Boolean>(Check.class);
      copy.putAll(checks);
      checks = Collections.unmodifiableMap(copy);
    }
  }

  private final DnsResolver dns;
  private final Supplier<DisposableDomains> disposable;

  /** Asks the system's DNS and knows the disposable domains of its release. */
  public EmailValidator() {
    this(SystemDnsResolver.shared());
  }

  /** Knows the disposable domains of its release. */
  public EmailValidator(DnsResolver dns) {
    this.dns = dns;
    this.disposable = DisposableDomains::builtIn;
  }

  /**
   * @param disposableDomains a file of UTF-8 that is read now: one domain a line, in A-labels or
   *     U-labels; {@code #} begins a comment
   * @throws IllegalArgumentException with file and line of what is no domain
   * @throws java.io.UncheckedIOException if the file cannot be read
   */
  public EmailValidator(DnsResolver dns, Path disposableDomains) {
    this.dns = dns;
    var read = DisposableDomains.read(disposableDomains);
    this.disposable = () -> read;
  }

  /**
   * @param address as it was typed; blanks around it are an error
   * @param checks all, if none is given
   */
  public Result validate(String address, Check... checks) {
    EmailAddress parsed;
    try {
      parsed = parse(address);
    } catch (IllegalArgumentException e) {
      return new Result(
          false, Map.of(Check.SYNTAX, false), "This is no email address: " + e.getMessage() + ".");
    }
    var wanted = EnumSet.of(Check.SYNTAX, checks.length == 0 ? Check.values() : checks);
    var made = new EnumMap<Check, Boolean>(Check.class);
    String failure = null;
    String openQuestion = null;
    for (var check : wanted) {
      var finding =
          switch (check) {
            case SYNTAX -> Finding.PASSED;
            case MX -> mx(parsed.domain(), shownDomain(parsed));
            case DISPOSABLE -> disposable(parsed);
            case ROLE -> role(parsed);
          };
      if (finding.passed() == null) {
        openQuestion = finding.reason();
        continue;
      }
      made.put(check, finding.passed());
      if (!finding.passed() && failure == null) {
        failure = finding.reason();
      }
    }
    return new Result(failure == null, made, failure == null ? openQuestion : failure);
  }

  /**
   * @param passed null where that cannot be told now
   */
  private record Finding(@Nullable Boolean passed, @Nullable String reason) {
    static final Finding PASSED = new Finding(true, null);

    static Finding failed(String reason) {
      return new Finding(false, reason);
    }
  }

  private static EmailAddress parse(String address) {
    if (address.length() > MAXIMUM_ADDRESS) {
      throw new IllegalArgumentException("address longer than 254 octets");
    }
    var parsed = EmailAddress.parse(address);
    if (parsed.isLiteral()) {
      throw new IllegalArgumentException("it has an IP address in place of a domain");
    }
    var lastLabel = parsed.domain().substring(parsed.domain().lastIndexOf('.') + 1);
    if (lastLabel.equals(parsed.domain())) {
      throw new IllegalArgumentException("the domain " + shownDomain(parsed) + " has no dot");
    }
    if (lastLabel.chars().allMatch(c -> c >= '0' && c <= '9')) {
      throw new IllegalArgumentException("the domain " + parsed.domain() + " ends in a number");
    }
    return parsed;
  }

  private static String shownDomain(EmailAddress address) {
    var unicode = address.toUnicode();
    return unicode.substring(unicode.lastIndexOf('@') + 1);
  }

  private Finding mx(String domain, String shown) {
    var mx = dns.mx(domain);
    return switch (mx.status()) {
      case OK ->
          mx.records().stream().allMatch(host -> host.host().isEmpty())
              ? Finding.failed("The domain " + shown + " takes no mail.") // RFC 7505
              : Finding.PASSED;
      case NODATA -> implicitMx(domain, shown);
      case NXDOMAIN -> Finding.failed("There is no domain " + shown + ".");
      case SERVFAIL, TIMEOUT -> unknown(shown);
    };
  }

  /** RFC 5321 5.1: without an MX record the domain itself is the host. */
  private Finding implicitMx(String domain, String shown) {
    boolean temporary = false;
    for (var addresses :
        List.<Supplier<Answer<?>>>of(() -> dns.a(domain), () -> dns.aaaa(domain))) {
      var status = addresses.get().status();
      if (status == Status.OK) {
        return Finding.PASSED;
      }
      temporary |= status.isTemporary();
    }
    return temporary
        ? unknown(shown)
        : Finding.failed("The domain " + shown + " has no mail server.");
  }

  /** Our DNS being out of order is no fault of the address. */
  private static Finding unknown(String shown) {
    return new Finding(
        null, "Whether the domain " + shown + " takes mail cannot be found out at the moment.");
  }

  private Finding disposable(EmailAddress address) {
    return disposable.get().contains(address.domain())
        ? Finding.failed(
            "The domain " + shownDomain(address) + " gives out addresses to throw away.")
        : Finding.PASSED;
  }

  private static Finding role(EmailAddress address) {
    return Roles.isRole(address.localPart())
        ? Finding.failed("The address belongs to a role such as info, not to a person.")
        : Finding.PASSED;
  }
}
