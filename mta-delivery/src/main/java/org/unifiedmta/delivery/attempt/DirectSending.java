package org.unifiedmta.delivery.attempt;

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
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.spool.ByteSource;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.routing.route.MxResolver;
import org.unifiedmta.routing.route.OutboundOptions;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.smtp.client.Endpoint;
import org.unifiedmta.smtp.client.RecipientReplies;
import org.unifiedmta.smtp.client.SmtpClient;
import org.unifiedmta.smtp.client.SmtpException;
import org.unifiedmta.smtp.client.SmtpException.Phase;

/** Sends one message to one host at once; nothing is kept, nothing is tried again. */
public final class DirectSending {
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
    var body = ByteSource.of(signed(email.toBytes(), options));
    SmtpException last = null;
    for (var endpoint : endpoints(host, port)) {
      try (var client =
          SmtpClient.open(endpoint, DeliveryAttempt.clientOptions(heloName, options), timer)) {
        var replies = client.send(envelope, body);
        if (replies.reusable()) {
          client.quit();
        }
        return result(email, envelope, replies, client.tls().isPresent());
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

  private List<Endpoint> endpoints(String host, int port) {
    var resolver = dns.orElseGet(SystemDnsResolver::shared);
    var found = new MxResolver(resolver, true, Set.of(), new Random()).address(host);
    return switch (found) {
      case MxResolver.Result.Hosts(var hosts) ->
          hosts.get(0).addresses().stream()
              .map(address -> new Endpoint(host, address, port))
              .toList();
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
