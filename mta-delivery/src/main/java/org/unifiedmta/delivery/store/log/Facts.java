package org.unifiedmta.delivery.store.log;

import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.EmailAddress;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.security.SecurityResults;
import org.unifiedmta.security.arc.ArcResult;
import org.unifiedmta.security.authres.AuthenticationResults;
import org.unifiedmta.security.dkim.DkimResult;
import org.unifiedmta.security.dmarc.DmarcResult;
import org.unifiedmta.security.reputation.IPReputationChecker.Reputation;
import org.unifiedmta.security.scan.ContentScanner.Finding;
import org.unifiedmta.security.scan.ContentScanner.Scan;
import org.unifiedmta.security.scan.ContentScanner.Threat;
import org.unifiedmta.security.spf.SpfResult;
import org.unifiedmta.security.transport.TlsFacts;
import org.unifiedmta.smtp.server.SessionFacts;
import org.unifiedmta.smtp.server.SessionFacts.Hello;

/** What earlier stages found out about a message, as fields. Tags are never used again. */
final class Facts {
  private Facts() {}

  static <T> T required(@Nullable T value) {
    if (value == null) {
      throw new IllegalArgumentException("a record lacks a field that it cannot do without");
    }
    return value;
  }

  // ---- envelope -------------------------------------------------------------------------------

  static void put(Fields out, Envelope envelope) {
    var mailFrom = envelope.mailFrom();
    if (mailFrom != null) {
      out.nested(1, fields -> put(fields, mailFrom));
    }
    for (var recipient : envelope.recipients()) {
      out.nested(2, fields -> put(fields, recipient));
    }
    out.text(3, envelope.envelopeId()).name(4, envelope.ret()).name(5, envelope.body());
    out.flag(6, envelope.smtpUtf8()).flag(7, envelope.requireTls());
    out.number(8, envelope.priority()).time(9, envelope.holdUntil());
    var deliverBy = envelope.deliverBy();
    if (deliverBy != null) {
      out.nested(
          10,
          fields ->
              fields
                  .time(1, deliverBy.by())
                  .flag(2, deliverBy.returnIfLate())
                  .flag(3, deliverBy.trace()));
    }
  }

  static Envelope envelope(Fields.Reader in) {
    EmailAddress mailFrom = null;
    var recipients = new ArrayList<Recipient>();
    String envelopeId = null;
    var ret = Envelope.Ret.UNSET;
    var body = Envelope.Body.SEVEN_BIT;
    boolean smtpUtf8 = false;
    boolean requireTls = false;
    int priority = 0;
    Instant holdUntil = null;
    Envelope.DeliverBy deliverBy = null;
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> mailFrom = in.nested(Facts::address);
        case 2 -> recipients.add(in.nested(Facts::recipient));
        case 3 -> envelopeId = in.text();
        case 4 -> ret = in.name(Envelope.Ret.class);
        case 5 -> body = in.name(Envelope.Body.class);
        case 6 -> smtpUtf8 = in.flag();
        case 7 -> requireTls = in.flag();
        case 8 -> priority = in.integer();
        case 9 -> holdUntil = in.time();
        case 10 -> deliverBy = in.nested(Facts::deliverBy);
        default -> {}
      }
    }
    return new Envelope(
        mailFrom,
        recipients,
        envelopeId,
        ret,
        body,
        smtpUtf8,
        requireTls,
        priority,
        holdUntil,
        deliverBy);
  }

  private static Envelope.DeliverBy deliverBy(Fields.Reader in) {
    var by = Instant.EPOCH;
    boolean returnIfLate = false;
    boolean trace = false;
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> by = in.time();
        case 2 -> returnIfLate = in.flag();
        case 3 -> trace = in.flag();
        default -> {}
      }
    }
    return new Envelope.DeliverBy(by, returnIfLate, trace);
  }

  private static void put(Fields out, EmailAddress address) {
    out.text(1, address.localPart()).text(2, address.domain());
  }

  private static EmailAddress address(Fields.Reader in) {
    var localPart = "";
    var domain = "";
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> localPart = in.text();
        case 2 -> domain = in.text();
        default -> {}
      }
    }
    return new EmailAddress(localPart, domain);
  }

  static void put(Fields out, Recipient recipient) {
    out.nested(1, fields -> put(fields, recipient.address()));
    recipient.notifyOn().forEach(notify -> out.name(2, notify));
    out.text(3, recipient.originalRecipient());
  }

  static Recipient recipient(Fields.Reader in) {
    EmailAddress address = null;
    Set<Recipient.Notify> notifyOn = EnumSet.noneOf(Recipient.Notify.class);
    String originalRecipient = null;
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> address = in.nested(Facts::address);
        case 2 -> notifyOn.add(in.name(Recipient.Notify.class));
        case 3 -> originalRecipient = in.text();
        default -> {}
      }
    }
    return new Recipient(required(address), notifyOn, originalRecipient);
  }

  // ---- session --------------------------------------------------------------------------------

  static void put(Fields out, SessionFacts session) {
    out.text(1, session.id());
    out.nested(2, fields -> put(fields, session.remote()));
    out.nested(3, fields -> put(fields, session.local()));
    out.text(4, session.helo());
    var tls = session.tls();
    if (tls != null) {
      out.nested(
          5,
          fields ->
              fields
                  .text(1, tls.protocol())
                  .text(2, tls.cipher())
                  .text(3, tls.peerName())
                  .text(4, tls.sni()));
    }
    out.text(6, session.authenticatedUser()).text(7, session.listener());
    out.flag(8, session.hello() == Hello.EHLO).flag(9, session.hello() == Hello.LHLO);
  }

  static SessionFacts session(Fields.Reader in) {
    var id = "";
    InetSocketAddress remote = null;
    InetSocketAddress local = null;
    String helo = null;
    TlsFacts tls = null;
    String user = null;
    var listener = "";
    var hello = Hello.HELO;
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> id = in.text();
        case 2 -> remote = in.nested(Facts::socketAddress);
        case 3 -> local = in.nested(Facts::socketAddress);
        case 4 -> helo = in.text();
        case 5 -> tls = in.nested(Facts::tls);
        case 6 -> user = in.text();
        case 7 -> listener = in.text();
        case 8 -> hello = in.flag() ? Hello.EHLO : hello;
        case 9 -> hello = in.flag() ? Hello.LHLO : hello;
        default -> {}
      }
    }
    return new SessionFacts(
        id, required(remote), required(local), helo, tls, user, listener, hello);
  }

  private static TlsFacts tls(Fields.Reader in) {
    var protocol = "";
    var cipher = "";
    String peerName = null;
    String sni = null;
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> protocol = in.text();
        case 2 -> cipher = in.text();
        case 3 -> peerName = in.text();
        case 4 -> sni = in.text();
        default -> {}
      }
    }
    return new TlsFacts(protocol, cipher, peerName, sni);
  }

  /** By number alone: asking for the host's name could ask the DNS. */
  private static void put(Fields out, InetSocketAddress address) {
    if (address.isUnresolved()) {
      out.text(1, address.getHostString());
    } else {
      out.bytes(2, address.getAddress().getAddress());
    }
    out.number(3, address.getPort());
  }

  private static InetSocketAddress socketAddress(Fields.Reader in) {
    var host = "";
    InetAddress ip = null;
    int port = 0;
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> host = in.text();
        case 2 -> ip = ip(in);
        case 3 -> port = in.integer();
        default -> {}
      }
    }
    return ip == null
        ? InetSocketAddress.createUnresolved(host, port)
        : new InetSocketAddress(ip, port);
  }

  private static InetAddress ip(Fields.Reader in) {
    try {
      return InetAddress.getByAddress(in.bytes());
    } catch (UnknownHostException e) {
      throw new IllegalArgumentException("an address of the wrong length", e);
    }
  }

  // ---- security -------------------------------------------------------------------------------

  static void put(Fields out, SecurityResults security) {
    var authentication = security.authentication();
    out.nested(1, fields -> put(fields, authentication.spf()));
    for (var dkim : authentication.dkim()) {
      out.nested(2, fields -> put(fields, dkim));
    }
    var arc = authentication.arc();
    out.nested(
        3, fields -> fields.name(1, arc.status()).number(2, arc.instance()).text(3, arc.reason()));
    out.nested(4, fields -> put(fields, authentication.dmarc()));
    var scan = security.scan();
    if (scan != null) {
      out.nested(5, fields -> put(fields, scan));
    }
    var reputation = security.reputation();
    if (reputation != null) {
      out.nested(6, fields -> put(fields, reputation));
    }
  }

  static SecurityResults security(Fields.Reader in) {
    SpfResult spf = null;
    var dkim = new ArrayList<DkimResult>();
    var arc = ArcResult.none();
    var dmarc = DmarcResult.none();
    Scan scan = null;
    Reputation reputation = null;
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> spf = in.nested(Facts::spf);
        case 2 -> dkim.add(in.nested(Facts::dkim));
        case 3 -> arc = in.nested(Facts::arc);
        case 4 -> dmarc = in.nested(Facts::dmarc);
        case 5 -> scan = in.nested(Facts::scan);
        case 6 -> reputation = in.nested(Facts::reputation);
        default -> {}
      }
    }
    return new SecurityResults(
        new AuthenticationResults(required(spf), dkim, arc, dmarc), scan, reputation);
  }

  private static void put(Fields out, SpfResult spf) {
    out.name(1, spf.result()).text(2, spf.domain()).bytes(3, spf.ip().getAddress());
    out.text(4, spf.explanation()).text(5, spf.reason());
  }

  private static SpfResult spf(Fields.Reader in) {
    var result = SpfResult.Result.NONE;
    var domain = "";
    InetAddress ip = null;
    String explanation = null;
    String reason = null;
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> result = in.name(SpfResult.Result.class);
        case 2 -> domain = in.text();
        case 3 -> ip = ip(in);
        case 4 -> explanation = in.text();
        case 5 -> reason = in.text();
        default -> {}
      }
    }
    return new SpfResult(result, domain, required(ip), explanation, reason);
  }

  private static void put(Fields out, DkimResult dkim) {
    out.name(1, dkim.status()).text(2, dkim.domain()).text(3, dkim.selector());
    out.text(4, dkim.reason()).flag(5, dkim.testing());
  }

  private static DkimResult dkim(Fields.Reader in) {
    var status = DkimResult.Status.NEUTRAL;
    String domain = null;
    String selector = null;
    String reason = null;
    boolean testing = false;
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> status = in.name(DkimResult.Status.class);
        case 2 -> domain = in.text();
        case 3 -> selector = in.text();
        case 4 -> reason = in.text();
        case 5 -> testing = in.flag();
        default -> {}
      }
    }
    return new DkimResult(status, domain, selector, reason, testing);
  }

  private static ArcResult arc(Fields.Reader in) {
    var status = ArcResult.Status.NONE;
    int instance = 0;
    String reason = null;
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> status = in.name(ArcResult.Status.class);
        case 2 -> instance = in.integer();
        case 3 -> reason = in.text();
        default -> {}
      }
    }
    return new ArcResult(status, instance, reason);
  }

  private static void put(Fields out, DmarcResult dmarc) {
    out.name(1, dmarc.action()).name(2, dmarc.policy());
    out.flag(3, dmarc.spfDomainAligned()).flag(4, dmarc.dkimDomainAligned());
    out.text(5, dmarc.recordDomain());
  }

  private static DmarcResult dmarc(Fields.Reader in) {
    var action = DmarcResult.Action.NONE;
    var policy = DmarcResult.Policy.ABSENT;
    boolean spfAligned = false;
    boolean dkimAligned = false;
    String recordDomain = null;
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> action = in.name(DmarcResult.Action.class);
        case 2 -> policy = in.name(DmarcResult.Policy.class);
        case 3 -> spfAligned = in.flag();
        case 4 -> dkimAligned = in.flag();
        case 5 -> recordDomain = in.text();
        default -> {}
      }
    }
    return new DmarcResult(action, policy, spfAligned, dkimAligned, recordDomain);
  }

  private static void put(Fields out, Scan scan) {
    out.number(1, scan.score());
    for (var finding : scan.findings()) {
      out.nested(
          2,
          fields ->
              fields
                  .name(1, finding.threat())
                  .text(2, finding.rule())
                  .number(3, finding.score())
                  .text(4, finding.detail()));
    }
  }

  private static Scan scan(Fields.Reader in) {
    int score = 0;
    List<Finding> findings = new ArrayList<>();
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> score = in.integer();
        case 2 -> findings.add(in.nested(Facts::finding));
        default -> {}
      }
    }
    return new Scan(score, findings);
  }

  private static Finding finding(Fields.Reader in) {
    var threat = Threat.SPAM;
    var rule = "";
    int score = 0;
    var detail = "";
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> threat = in.name(Threat.class);
        case 2 -> rule = in.text();
        case 3 -> score = in.integer();
        case 4 -> detail = in.text();
        default -> {}
      }
    }
    return new Finding(threat, rule, score, detail);
  }

  private static void put(Fields out, Reputation reputation) {
    out.number(1, reputation.score());
    reputation.listedBy().forEach(zone -> out.text(2, zone));
    reputation.kinds().forEach(kind -> out.name(3, kind));
  }

  private static Reputation reputation(Fields.Reader in) {
    int score = 0;
    var listedBy = new ArrayList<String>();
    Set<Reputation.Kind> kinds = EnumSet.noneOf(Reputation.Kind.class);
    while (in.next()) {
      switch (in.tag()) {
        case 1 -> score = in.integer();
        case 2 -> listedBy.add(in.text());
        case 3 -> kinds.add(in.name(Reputation.Kind.class));
        default -> {}
      }
    }
    return new Reputation(score, listedBy, kinds);
  }
}
