package org.unifiedmta.routing.route;

import java.time.Duration;
import java.util.Optional;
import java.util.function.Supplier;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.security.sasl.ClientLogin;

/** How one host is to be spoken to. */
public final class OutboundOptions {

  /** What TLS is wanted. */
  public enum Tls {
    NONE,
    /** STARTTLS where it is offered, without checking the certificate (RFC 7435). */
    OPPORTUNISTIC,
    /** STARTTLS with a certificate for the host's name, or no mail. */
    REQUIRED,
    /** TLS from the first octet, with a certificate for the host's name (RFC 8314). */
    IMPLICIT
  }

  /** What is spoken. */
  public enum Protocol {
    SMTP,
    /** RFC 2033: a reply for each recipient at the end. */
    LMTP
  }

  private static final OutboundOptions STANDARD = builder().build();

  private final @Nullable ClientLogin login;
  private final @Nullable String dkimDomain;
  private final @Nullable String dkimSelector;
  private final Tls tls;
  private final @Nullable SSLContext trust;
  private final Protocol protocol;
  private final Duration connectTimeout;
  private final Duration commandTimeout;

  private OutboundOptions(Builder builder) {
    login = builder.login;
    dkimDomain = builder.dkimDomain;
    dkimSelector = builder.dkimSelector;
    // A password never goes over a connection that anybody could read or answer.
    tls = builder.login != null && builder.tls != Tls.IMPLICIT ? Tls.REQUIRED : builder.tls;
    trust = builder.trust;
    protocol = builder.protocol;
    connectTimeout = builder.connectTimeout;
    commandTimeout = builder.commandTimeout;
  }

  /** Opportunistic TLS, no login, 30 s to connect, 5 min for a command. */
  public static OutboundOptions standard() {
    return STANDARD;
  }

  public static Builder builder() {
    return new Builder();
  }

  public Optional<ClientLogin> login() {
    return Optional.ofNullable(login);
  }

  public Optional<String> dkimDomain() {
    return Optional.ofNullable(dkimDomain);
  }

  public Optional<String> dkimSelector() {
    return Optional.ofNullable(dkimSelector);
  }

  public Tls tls() {
    return tls;
  }

  /** What decides whom to trust; empty for the system's authorities. */
  public Optional<SSLContext> trust() {
    return Optional.ofNullable(trust);
  }

  public Protocol protocol() {
    return protocol;
  }

  public Duration connectTimeout() {
    return connectTimeout;
  }

  /**
   * For the greeting, TLS and the reply to one command; DATA, blocks of data and the end of data
   * have 2/5, 3/5 and twice of that, as RFC 5321 4.5.3.2 has it.
   */
  public Duration commandTimeout() {
    return commandTimeout;
  }

  /** Collects options. */
  public static final class Builder {
    private @Nullable ClientLogin login;
    private @Nullable String dkimDomain;
    private @Nullable String dkimSelector;
    private Tls tls = Tls.OPPORTUNISTIC;
    private @Nullable SSLContext trust;
    private Protocol protocol = Protocol.SMTP;
    private Duration connectTimeout = Duration.ofSeconds(30);
    private Duration commandTimeout = Duration.ofMinutes(5);

    private Builder() {}

    /** Logs in, which implies TLS and a certificate for the host's name. */
    public Builder auth(String user, String password) {
      login = new ClientLogin.Password(user, password);
      return this;
    }

    /**
     * Logs in with a token (OAUTHBEARER, or XOAUTH2), which implies the same.
     *
     * @param token asked for each time a connection is opened; may block
     */
    public Builder token(String user, Supplier<String> token) {
      login = new ClientLogin.Token(user, token);
      return this;
    }

    /** LMTP in place of SMTP. */
    public Builder lmtp() {
      protocol = Protocol.LMTP;
      return this;
    }

    /** Whose key signs what is sent at once; none unless told. */
    public Builder dkimDomain(String domain) {
      dkimDomain = domain;
      return this;
    }

    /** Which of the domain's keys signs; all that sign now unless told. */
    public Builder dkimSelector(String selector) {
      dkimSelector = selector;
      return this;
    }

    public Builder tls(Tls tls) {
      this.tls = tls;
      return this;
    }

    public Builder trust(SSLContext trust) {
      this.trust = trust;
      return this;
    }

    public Builder connectTimeout(Duration timeout) {
      connectTimeout = positive(timeout);
      return this;
    }

    public Builder commandTimeout(Duration timeout) {
      commandTimeout = positive(timeout);
      return this;
    }

    public OutboundOptions build() {
      return new OutboundOptions(this);
    }

    private static Duration positive(Duration timeout) {
      if (timeout.isNegative() || timeout.isZero()) {
        throw new IllegalArgumentException("a timeout of " + timeout);
      }
      return timeout;
    }
  }
}
