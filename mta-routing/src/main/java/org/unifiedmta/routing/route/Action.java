package org.unifiedmta.routing.route;

import org.jspecify.annotations.Nullable;

/** What a route does with a recipient's mail. */
public sealed interface Action {

  /** How urgent processed mail is within its destination. */
  enum Queue {
    PRIORITY,
    NORMAL,
    BULK
  }

  /**
   * Sends it to one host.
   *
   * @param preserveHeaders whether the header fields stay as they came, but for the trace fields in
   *     front and removed forgeries
   * @param options null for the server's own
   */
  record Forward(String host, int port, boolean preserveHeaders, @Nullable OutboundOptions options)
      implements Action {
    public Forward {
      if (host.isBlank() || port < 1 || port > 65535) {
        throw new IllegalArgumentException("no host and port: " + host + ":" + port);
      }
    }

    public Forward withPreserveHeaders(boolean preserve) {
      return new Forward(host, port, preserve, options);
    }

    public Forward withOptions(OutboundOptions other) {
      return new Forward(host, port, preserveHeaders, other);
    }
  }

  /** Hands it to the mail handler. */
  record Deliver() implements Action {}

  /**
   * Sends it to the recipient's MX hosts.
   *
   * @param scan whether its content is scanned
   * @param dkim whether it is signed with the keys of its author's domain, for all its recipients;
   *     what a stranger sends only where DMARC passed
   */
  record Process(boolean scan, boolean dkim, Queue queue) implements Action {
    public Process withScan(boolean other) {
      return new Process(other, dkim, queue);
    }

    public Process withDkim(boolean other) {
      return new Process(scan, other, queue);
    }

    public Process withQueue(Queue other) {
      return new Process(scan, dkim, other);
    }
  }

  /**
   * Refuses it.
   *
   * @param code 400 to 599
   */
  record Reject(int code, String message) implements Action {
    public Reject {
      if (code < 400 || code > 599) {
        throw new IllegalArgumentException("no code that rejects: " + code);
      }
      if (message.chars().anyMatch(c -> c < 32)) {
        throw new IllegalArgumentException("control character in a reply");
      }
    }
  }

  static Forward forward(String host, int port) {
    return new Forward(host, port, false, null);
  }

  static Deliver deliver() {
    return new Deliver();
  }

  static Process process() {
    return new Process(false, false, Queue.NORMAL);
  }

  static Reject reject(int code, String message) {
    return new Reject(code, message);
  }
}
