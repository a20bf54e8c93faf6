package org.unifiedmta.routing.zone;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;

/**
 * How much a receiver is sent: all its hosts and all the domains that they take mail for together.
 * What is not said is not bounded.
 */
public final class DestinationPolicy {
  private final OptionalInt connections;
  private final OptionalInt messagesPerConnection;
  private final List<Rate> messages;
  private final List<Rate> recipients;

  private DestinationPolicy(Builder builder) {
    connections = builder.connections;
    messagesPerConnection = builder.messagesPerConnection;
    messages = List.copyOf(builder.messages);
    recipients = List.copyOf(builder.recipients);
  }

  private static final DestinationPolicy NONE = builder().build();

  /** No bounds. */
  public static DestinationPolicy none() {
    return NONE;
  }

  public static Builder builder() {
    return new Builder();
  }

  /** At a time. */
  public OptionalInt connections() {
    return connections;
  }

  public OptionalInt messagesPerConnection() {
    return messagesPerConnection;
  }

  /** All of them hold. */
  public List<Rate> messages() {
    return messages;
  }

  /** All of them hold. */
  public List<Rate> recipients() {
    return recipients;
  }

  /** Collects bounds. */
  public static final class Builder {
    private OptionalInt connections = OptionalInt.empty();
    private OptionalInt messagesPerConnection = OptionalInt.empty();
    private final List<Rate> messages = new ArrayList<>();
    private final List<Rate> recipients = new ArrayList<>();

    private Builder() {}

    /** So many at a time, at the most; fewer while the receiver complains. */
    public Builder connections(int most) {
      connections = OptionalInt.of(positive(most));
      return this;
    }

    public Builder messagesPerConnection(int most) {
      messagesPerConnection = OptionalInt.of(positive(most));
      return this;
    }

    /** One more bound of how many messages are sent in a time. */
    public Builder messages(Rate rate) {
      messages.add(rate);
      return this;
    }

    /** One more bound of how many recipients they have together in a time. */
    public Builder recipients(Rate rate) {
      recipients.add(rate);
      return this;
    }

    public DestinationPolicy build() {
      return new DestinationPolicy(this);
    }

    private static int positive(int number) {
      if (number < 1) {
        throw new IllegalArgumentException("less than one: " + number);
      }
      return number;
    }
  }
}
