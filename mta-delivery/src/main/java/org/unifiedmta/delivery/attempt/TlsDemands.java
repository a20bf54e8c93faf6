package org.unifiedmta.delivery.attempt;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.routing.route.OutboundOptions;
import org.unifiedmta.security.transport.TlsFacts;
import org.unifiedmta.security.transport.TlsFailure;
import org.unifiedmta.security.transport.TlsPolicy;
import org.unifiedmta.security.transport.TlsPolicyResolver.Demand;
import org.unifiedmta.security.transport.TlsPolicyResolver.HostPolicies;
import org.unifiedmta.security.transport.TlsPolicyResolver.Origin;
import org.unifiedmta.security.transport.TlsResults;
import org.unifiedmta.smtp.client.Endpoint;
import org.unifiedmta.smtp.client.SmtpException;

/**
 * What TLS one message demands of the hosts of its destination, and how that went. For one thread.
 */
final class TlsDemands {
  private static final Logger log = LoggerFactory.getLogger(TlsDemands.class);

  /** What is to be done about one host. */
  sealed interface Decision {
    /** It is spoken to under this policy. */
    record Speak(TlsPolicy policy, Origin origin) implements Decision {}

    /** It is not spoken to; the reply says why. */
    record Skip(SmtpReply reply) implements Decision {}
  }

  private final HostPolicies policies;
  private final TlsResults results;
  private final Envelope envelope;
  private final ByteSource message;
  private @Nullable Boolean relaxed;
  private String tried = "";

  TlsDemands(HostPolicies policies, TlsResults results, Envelope envelope, ByteSource message) {
    this.policies = policies;
    this.results = results;
    this.envelope = envelope;
    this.message = message;
  }

  /** A connection is to be had under this policy. */
  void tries(TlsPolicy policy) {
    tried = policy.keyword();
  }

  /** The policy that was tried last with the host that was decided about last; empty for none. */
  String tried() {
    return tried;
  }

  /** What the configuration wants goes first; what it leaves open, the host's domain says. */
  Decision of(Path path, OutboundOptions options) {
    tried = "";
    var configured = policy(options.tls());
    if (!(configured instanceof TlsPolicy.Opportunistic)) {
      boolean checked = configured.isChecked() || !envelope.requireTls();
      return new Decision.Speak(checked ? configured : new TlsPolicy.Verified(), Origin.NONE);
    }
    var endpoint = path.endpoint();
    Demand demand;
    try {
      demand = policies.of(endpoint.host(), path.secure(), endpoint.port());
    } catch (RuntimeException e) {
      // What is kept cannot be read. To go on would be what whoever broke it may have wanted.
      log.warn("no TLS policy for {}", endpoint, e);
      return new Decision.Skip(SmtpReply.of(451, "4.3.0", "the host's TLS policy is not at hand"));
    }
    if (envelope.requireTls()) {
      return required(demand, path);
    }
    return switch (demand) {
      case Demand.Use(var policy, var origin) ->
          new Decision.Speak(
              policy.isMandatory() && isRelaxed() ? new TlsPolicy.Opportunistic() : policy, origin);
      case Demand.Avoid avoid when isRelaxed() ->
          new Decision.Speak(new TlsPolicy.Opportunistic(), avoid.origin());
      case Demand.Avoid avoid -> skip(avoid, path);
    };
  }

  private Decision skip(Demand.Avoid avoid, Path path) {
    failed(avoid.origin(), path, avoid.failure());
    return new Decision.Skip(SmtpReply.of(451, "4.7.5", avoid.reason()));
  }

  static TlsPolicy policy(OutboundOptions.Tls tls) {
    return switch (tls) {
      case NONE -> new TlsPolicy.None();
      case OPPORTUNISTIC -> new TlsPolicy.Opportunistic();
      case REQUIRED, IMPLICIT -> new TlsPolicy.Verified();
    };
  }

  /**
   * RFC 8689 4.2.1: the host must be one that nobody could have made up, and must prove its name.
   */
  private Decision required(Demand demand, Path path) {
    if (demand instanceof Demand.Avoid avoid) {
      return skip(avoid, path);
    }
    if (demand instanceof Demand.Use(var policy, var origin)
        && policy.isMandatory()
        && policy.isChecked()) {
      return new Decision.Speak(policy, origin);
    }
    if (policies.isByMx() && !path.secure()) {
      return new Decision.Skip(
          SmtpReply.of(
              550,
              "5.7.30",
              "REQUIRETLS support required: neither DNSSEC nor MTA-STS vouches for "
                  + path.endpoint().host()));
    }
    return new Decision.Speak(new TlsPolicy.Verified(), demand.origin());
  }

  /** RFC 8689 3: the author would rather have it arrive. Looked for only where it matters. */
  private boolean isRelaxed() {
    var known = relaxed;
    if (known == null) {
      known =
          HeaderSection.of(message).all("TLS-Required").stream()
              .anyMatch(field -> field.value().strip().equalsIgnoreCase("No"));
      relaxed = known;
    }
    return known;
  }

  /** A connection was opened, under what its policy asks for or less. */
  void opened(Decision.Speak decision, Path path, TlsPolicy policy, @Nullable TlsFacts tls) {
    if (!policies.isByMx()) {
      return;
    }
    if (decision.origin() == Origin.STS && !policies.named(path.endpoint().host())) {
      failed(decision.origin(), path, TlsFailure.VALIDATION_FAILURE); // mode testing
    } else if (tls == null && !(policy instanceof TlsPolicy.None)) { // which has been counted
      failed(decision.origin(), path, TlsFailure.STARTTLS_NOT_SUPPORTED);
    } else if (policy.equals(decision.policy())) {
      results.success(policies.domain(), decision.origin(), lines(decision.origin()));
    }
    var problem = policies.problem();
    if (problem != null) {
      results.failure(
          policies.domain(),
          Origin.STS,
          List.of(),
          new TlsResults.Failure(problem, null, null, null));
    }
  }

  /** A connection could not be had because of its TLS. */
  void failed(Decision.Speak decision, Path path, TlsPolicy policy, SmtpException e) {
    failed(decision.origin(), path, TlsFailure.of(policy, e.getCause()));
  }

  private void failed(Origin origin, Path path, TlsFailure failure) {
    if (!policies.isByMx()) {
      return;
    }
    Endpoint endpoint = path.endpoint();
    var source = path.address();
    results.failure(
        policies.domain(),
        origin,
        lines(origin),
        new TlsResults.Failure(
            failure,
            endpoint.host(),
            endpoint.address().getHostAddress(),
            source == null ? null : source.getHostAddress()));
  }

  private List<String> lines(Origin origin) {
    return origin == Origin.STS ? policies.lines() : List.of();
  }
}
