package org.unifiedmta.delivery.inbound;

import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.security.sasl.CredentialStore;
import org.unifiedmta.security.sasl.SaslContext;
import org.unifiedmta.security.sasl.SaslExchange;
import org.unifiedmta.security.sasl.SaslMechanism;
import org.unifiedmta.security.transport.TlsFacts;

/** One login, begun with the client's first response, as the store may block. */
final class Login implements SaslExchange {
  private final SaslMechanism mechanism;
  private final CredentialStore credentials;
  private final @Nullable TlsFacts tls;
  private final Predicate<String> allowed;
  private final Runnable failed;
  private @Nullable SaslExchange exchange;

  /**
   * @param allowed whether this user may log in, once that is proved
   * @param failed told of a wrong password and the like
   */
  Login(
      SaslMechanism mechanism,
      CredentialStore credentials,
      @Nullable TlsFacts tls,
      Predicate<String> allowed,
      Runnable failed) {
    this.mechanism = mechanism;
    this.credentials = credentials;
    this.tls = tls;
    this.allowed = allowed;
    this.failed = failed;
  }

  @Override
  public Step next(byte @Nullable [] response) {
    if (exchange == null) {
      exchange = mechanism.exchange(context());
    }
    var step = exchange.next(response);
    if (step instanceof Step.Failure) {
      failed.run();
    }
    return step instanceof Step.Success(var user) && !allowed.test(user)
        ? new Step.Failure("a hook refused " + user)
        : step;
  }

  private SaslContext context() {
    var certificate = tls == null ? null : tls.peerCertificate();
    return SaslContext.of(credentials)
        .withChannelBindings(tls == null ? Map.of() : tls.channelBindings())
        .withCertificateUser(
            certificate == null ? null : credentials.certificateUser(certificate).orElse(null));
  }
}
