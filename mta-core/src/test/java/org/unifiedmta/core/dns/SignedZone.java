package org.unifiedmta.core.dns;

import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.spec.ECGenParameterSpec;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.Map;
import org.xbill.DNS.DClass;
import org.xbill.DNS.DNSKEYRecord;
import org.xbill.DNS.DNSSEC;
import org.xbill.DNS.DNSSEC.DNSSECException;
import org.xbill.DNS.DSRecord;
import org.xbill.DNS.Flags;
import org.xbill.DNS.Message;
import org.xbill.DNS.NSECRecord;
import org.xbill.DNS.Name;
import org.xbill.DNS.RRset;
import org.xbill.DNS.Rcode;
import org.xbill.DNS.Record;
import org.xbill.DNS.Section;
import org.xbill.DNS.TextParseException;
import org.xbill.DNS.Type;

/** A zone with a key of its own, whose answers a server can give. */
final class SignedZone {
  private static final long TTL = 300;

  private final Name origin;
  private final KeyPair keys;
  private final DNSKEYRecord key;
  private final Instant now;
  private final Map<String, RRset> sets = new HashMap<>();

  SignedZone(String origin, Instant now)
      throws GeneralSecurityException, DNSSECException, TextParseException {
    this.origin = Name.fromString(origin + ".");
    this.now = now;
    var generator = KeyPairGenerator.getInstance("EC");
    generator.initialize(new ECGenParameterSpec("secp256r1"));
    keys = generator.generateKeyPair();
    key =
        new DNSKEYRecord(
            this.origin,
            DClass.IN,
            TTL,
            DNSKEYRecord.Flags.ZONE_KEY | DNSKEYRecord.Flags.SEP_KEY,
            DNSKEYRecord.Protocol.DNSSEC,
            DNSSEC.Algorithm.ECDSAP256SHA256,
            keys.getPublic());
    put(key);
    put(record(origin + ". SOA ns." + origin + ". h." + origin + ". 1 2 3 4 60"));
  }

  /** The trust anchor in the master format. */
  String anchor() {
    return new DSRecord(origin, DClass.IN, TTL, DSRecord.Digest.SHA256, key).toString();
  }

  /** Records of the master format; those of one name and type together. */
  SignedZone with(String... lines) {
    for (var line : lines) {
      put(record(line));
    }
    return this;
  }

  private void put(Record record) {
    sets.computeIfAbsent(record.getName() + " " + record.getType(), name -> new RRset())
        .addRR(record);
  }

  private static Record record(String line) {
    var message = new Message();
    var tokens = line.split(" ", 2);
    TestNameServer.add(message, Section.ANSWER, tokens[0] + " " + TTL + " " + tokens[1]);
    return message.getSection(Section.ANSWER).get(0);
  }

  /** What it says to a question, with all proofs; also that a name is not there. */
  void answer(Message message) {
    var question = message.getQuestion();
    var set = sets.get(question.getName() + " " + question.getType());
    message.getHeader().setFlag(Flags.AA);
    if (set != null) {
      add(message, Section.ANSWER, set);
      return;
    }
    boolean exists = sets.keySet().stream().anyMatch(of -> of.startsWith(question.getName() + " "));
    if (!exists) {
      message.getHeader().setRcode(Rcode.NXDOMAIN);
    }
    add(message, Section.AUTHORITY, sets.get(origin + " " + Type.SOA));
    // One record tells what the name has, or that there is nothing between the zone's two ends.
    var owner = exists ? question.getName() : origin;
    add(
        message,
        Section.AUTHORITY,
        new RRset(new NSECRecord(owner, DClass.IN, TTL, origin, types(owner))));
  }

  private int[] types(Name name) {
    return java.util.stream.IntStream.concat(
            sets.values().stream()
                .filter(set -> set.getName().equals(name))
                .mapToInt(RRset::getType),
            java.util.stream.IntStream.of(Type.RRSIG, Type.NSEC))
        .toArray();
  }

  void add(Message message, int section, RRset set) {
    set.rrs().forEach(record -> message.addRecord(record, section));
    if (set.getType() != Type.NS || set.getName().equals(origin)) {
      message.addRecord(signature(set), section);
    }
  }

  private Record signature(RRset set) {
    var from = now.minus(Duration.ofHours(1));
    try {
      return DNSSEC.sign(set, key, keys.getPrivate(), from, now.plus(Duration.ofDays(1)));
    } catch (DNSSECException e) {
      throw new IllegalStateException(e);
    }
  }
}
