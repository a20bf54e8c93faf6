package org.unifiedmta.routing.route;

import java.net.InetAddress;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.email.Headers;
import org.unifiedmta.security.SecurityResults;

/** What routes are matched against: the envelope first, the message once it is there. */
public final class EmailContext {
  private final @Nullable EmailAddress sender;
  private final List<EmailAddress> recipients;
  private final InetAddress clientIp;
  private final boolean authenticated;
  private final boolean trusted;
  private final Headers headers;
  private final long size;
  private final BooleanSupplier hasAttachments;
  private final @Nullable SecurityResults security;

  private EmailContext(Builder builder) {
    sender = builder.sender;
    recipients = List.copyOf(builder.recipients);
    clientIp = builder.clientIp;
    authenticated = builder.authenticated;
    trusted = builder.trusted;
    headers = builder.headers;
    size = builder.size;
    hasAttachments = builder.hasAttachments;
    security = builder.security;
  }

  public static Builder builder() {
    return new Builder();
  }

  /** Null for the null reverse path. */
  public @Nullable EmailAddress sender() {
    return sender;
  }

  public List<EmailAddress> recipients() {
    return recipients;
  }

  /** Loopback for mail submitted in process. */
  public InetAddress clientIp() {
    return clientIp;
  }

  public boolean authenticated() {
    return authenticated;
  }

  /** Whether the client may send to anybody: it has logged in, or its network is trusted. */
  public boolean mayRelay() {
    return authenticated || trusted;
  }

  public Headers headers() {
    return headers;
  }

  /** In octets. */
  public long size() {
    return size;
  }

  public boolean hasAttachments() {
    return hasAttachments.getAsBoolean();
  }

  public @Nullable SecurityResults security() {
    return security;
  }

  /** The same message for one of its recipients. */
  EmailContext forRecipient(EmailAddress recipient) {
    var builder = new Builder();
    builder.sender = sender;
    builder.recipients = List.of(recipient);
    builder.clientIp = clientIp;
    builder.authenticated = authenticated;
    builder.trusted = trusted;
    builder.headers = headers;
    builder.size = size;
    builder.hasAttachments = hasAttachments;
    builder.security = security;
    return new EmailContext(builder);
  }

  /** Collects what is known. */
  public static final class Builder {
    private @Nullable EmailAddress sender;
    private List<EmailAddress> recipients = List.of();
    private InetAddress clientIp = InetAddress.getLoopbackAddress();
    private boolean authenticated;
    private boolean trusted;
    private Headers headers = Headers.empty();
    private long size;
    private BooleanSupplier hasAttachments = () -> false;
    private @Nullable SecurityResults security;

    private Builder() {}

    public Builder sender(@Nullable EmailAddress sender) {
      this.sender = sender;
      return this;
    }

    /**
     * @param sender null or empty for the null reverse path
     */
    public Builder sender(@Nullable String sender) {
      return sender(sender == null || sender.isEmpty() ? null : EmailAddress.parse(sender));
    }

    public Builder recipients(List<EmailAddress> recipients) {
      this.recipients = recipients;
      return this;
    }

    public Builder recipients(String... recipients) {
      return recipients(Stream.of(recipients).map(EmailAddress::parse).toList());
    }

    public Builder clientIp(InetAddress clientIp) {
      this.clientIp = clientIp;
      return this;
    }

    public Builder authenticated(boolean authenticated) {
      this.authenticated = authenticated;
      return this;
    }

    /** Whether the client's network may relay without login. */
    public Builder trusted(boolean trusted) {
      this.trusted = trusted;
      return this;
    }

    public Builder headers(Headers headers) {
      this.headers = headers;
      return this;
    }

    public Builder size(long size) {
      this.size = size;
      return this;
    }

    public Builder hasAttachments(boolean hasAttachments) {
      return hasAttachments(() -> hasAttachments);
    }

    /** Asked only if a route wants to know. */
    public Builder hasAttachments(BooleanSupplier hasAttachments) {
      this.hasAttachments = hasAttachments;
      return this;
    }

    public Builder security(@Nullable SecurityResults security) {
      this.security = security;
      return this;
    }

    public EmailContext build() {
      return new EmailContext(this);
    }
  }
}
