package org.unifiedmta.delivery.attempt;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.SystemDnsResolver;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.core.mime.SevenBit;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.ByteSink;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.routing.route.MxResolver;
import org.unifiedmta.routing.route.OutboundOptions;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.security.transport.TlsPolicy;
import org.unifiedmta.security.transport.TlsPolicyResolver;
import org.unifiedmta.smtp.client.Endpoint;
import org.unifiedmta.smtp.client.RecipientReplies;
import org.unifiedmta.smtp.client.SmtpClient;
import org.unifiedmta.smtp.client.SmtpException;
import org.unifiedmta.smtp.client.SmtpException.Phase;
import org.unifiedmta.smtp.codec.DotStuffer;
import org.unifiedmta.smtp.codec.LineEnds;

/** Sends one message to one host at once; nothing is kept, nothing is tried again. */
public final class DirectSending {
  private static final int IMPLICIT_TLS = 465;

  private final String heloName;
  private final Optional<DnsResolver> dns;
  private final Optional<DKIMCreator> keys;
  private final Timer timer;

  /**
   * @param dns empty for the system's
   * @param keys empty where nothing is signed
   */
  public DirectSending(
      String heloName, Optional<DnsResolver> dns, Optional<DKIMCreator> keys, Timer timer) {
    this.heloName = heloName;
    this.dns = dns;
    this.keys = keys;
    this.timer = timer;
  }

  /**
   * Sends to everybody in To, Cc and Bcc.
   *
   * @throws SmtpException if nobody was accepted
   * @throws IllegalArgumentException if the message has no recipients, or is to be signed with a
   *     key that is not there; nobody is connected to then
   */
  public SendResult send(String host, int port, Email email, OutboundOptions options) {
    var envelope = email.envelope();
    if (envelope.recipients().isEmpty()) {
      throw new IllegalArgumentException("the message has no recipients");
    }
    var body = ByteSource.of(signed(clean(email.toBytes()), options));
    var found = host(host);
    var policy = policy(found, port, options);
    SmtpException last = null;
    for (var address : found.addresses()) {
      try {
        return send(new Endpoint(host, address, port), policy, email, envelope, body, options);
      } catch (SmtpException e) {
        if (e.phase() != Phase.CONNECT) {
          throw e;
        }
        last = e;
      }
    }
    throw last == null
        ? new SmtpException(Phase.CONNECT, "no address of " + host, null, null)
        : last;
  }

  private TlsPolicy policy(MxResolver.Host host, int port, OutboundOptions options) {
    var configured = TlsDemands.policy(options.tls());
    if (!(configured instanceof TlsPolicy.Opportunistic)) {
      return configured;
    }
    if (port == IMPLICIT_TLS) {
      return new TlsPolicy.Verified();
    }
    var policies = new TlsPolicyResolver(resolver(), null).ofHost(host.name());
    return switch (policies.of(host.name(), host.secure(), port)) {
      case TlsPolicyResolver.Demand.Use use -> use.policy();
      case TlsPolicyResolver.Demand.Avoid avoid ->
          throw new SmtpException(Phase.STARTTLS, avoid.reason(), null, null);
    };
  }

  private SendResult send(
      Endpoint endpoint,
      TlsPolicy policy,
      Email email,
      Envelope envelope,
      ByteSource body,
      OutboundOptions options) {
    var client = DeliveryAttempt.clientOptions(heloName, options, policy);
    // RFC 8314 3.3: there TLS begins with the first octet
    boolean implicit = endpoint.port() == IMPLICIT_TLS && options.tls() != OutboundOptions.Tls.NONE;
    try (var open =
        SmtpClient.open(endpoint, implicit ? client.withImplicitTls() : client, timer)) {
      var replies = open.send(envelope, body);
      if (replies.needsSevenBits()) {
        replies = converted(open, envelope, body).orElse(replies);
      }
      if (replies.reusable()) {
        open.quit();
      }
      return result(email, envelope, replies, open.tls().isPresent());
    } catch (SmtpException e) {
      var next = policy.next().orElse(null);
      if (e.phase() != Phase.STARTTLS || next == null) {
        throw e;
      }
      return send(endpoint, next, email, envelope, body, options); // RFC 7435 3
    }
  }

  private Optional<RecipientReplies> converted(
      SmtpClient open, Envelope envelope, ByteSource body) {
    try {
      var sevenBit = new Downgrade(keys.orElse(null)).convert(body, timer.now());
      return Optional.of(open.send(envelope.withBody(Envelope.Body.SEVEN_BIT), sevenBit));
    } catch (SevenBit.Unconvertible e) {
      return Optional.empty();
    }
  }

  /** What is signed is what goes over the wire: lines that end with CRLF. */
  private static byte[] clean(byte[] message) {
    if (new LineEnds().check(ByteBuffer.wrap(message))) {
      return message;
    }
    var clean = new ByteArrayOutputStream(message.length + message.length / 40);
    ByteSink sink =
        octets ->
            clean.write(
                octets.array(), octets.arrayOffset() + octets.position(), octets.remaining());
    var lines = DotStuffer.ofChunks();
    lines.write(ByteBuffer.wrap(message), sink);
    lines.complete(sink);
    return clean.toByteArray();
  }

  private byte[] signed(byte[] message, OutboundOptions options) {
    var domain = options.dkimDomain().orElse(null);
    if (domain == null) {
      return message;
    }
    try {
      var known =
          keys.orElseThrow(
              () -> new NoSuchElementException("no dkimCreator, so no key of " + domain));
      var signers =
          options
              .dkimSelector()
              .map(selector -> List.of(known.signer(domain, selector)))
              .orElseGet(() -> known.signers(domain));
      if (signers.isEmpty()) {
        throw new NoSuchElementException("no key signs for " + domain);
      }
      var signed = message;
      for (var signer : signers) {
        signed = signer.sign(signed);
      }
      return signed;
    } catch (NoSuchElementException e) {
      throw new IllegalArgumentException(e.getMessage(), e);
    }
  }

  private DnsResolver resolver() {
    return dns.orElseGet(SystemDnsResolver::shared);
  }

  private MxResolver.Host host(String host) {
    var hosts = new MxResolver(resolver(), true, Set.of(), address -> false, new Random());
    return switch (hosts.address(host)) {
      case MxResolver.Result.Hosts(var found) -> found.getFirst();
      case MxResolver.Result.Failed(var reply) ->
          throw new SmtpException(Phase.CONNECT, host + ": " + reply, null, null);
    };
  }

  private static SendResult result(
      Email email, Envelope envelope, RecipientReplies replies, boolean tls) {
    var accepted = new ArrayList<String>();
    var rejected = new LinkedHashMap<String, SmtpReply>();
    SmtpReply response = replies.replies().get(0);
    for (int i = 0; i < replies.replies().size(); i++) {
      var recipient = envelope.recipients().get(i).address().toAscii();
      var reply = replies.replies().get(i);
      if (reply.isPositive()) {
        accepted.add(recipient);
        response = reply;
      } else {
        rejected.put(recipient, reply);
      }
    }
    if (accepted.isEmpty()) {
      var phase = replies.uncertain() ? Phase.END_OF_DATA : Phase.RCPT;
      throw new SmtpException(phase, "nobody was accepted: " + response, response, null);
    }
    return new SendResult(
        accepted, rejected, response.textAfterCode().orElse(""), tls, email.messageId().orElse(""));
  }
}
