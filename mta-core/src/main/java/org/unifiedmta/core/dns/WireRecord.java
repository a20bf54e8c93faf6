package org.unifiedmta.core.dns;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.AAAARecord;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.CNAMERecord;
import org.xbill.DNS.MXRecord;
import org.xbill.DNS.PTRRecord;
import org.xbill.DNS.Record;
import org.xbill.DNS.TLSARecord;
import org.xbill.DNS.TXTRecord;

/** A record of dnsjava in our own words. */
record WireRecord(String type, Object value) {

  /** Null for a type that nobody here asks for. */
  static @Nullable WireRecord read(Record wire) {
    return switch (wire) {
      case ARecord a -> new WireRecord("A", a.getAddress());
      case AAAARecord aaaa -> new WireRecord("AAAA", aaaa.getAddress());
      case MXRecord mx ->
          new WireRecord("MX", new DnsResolver.Mx(mx.getPriority(), mx.getTarget().toString(true)));
      case TXTRecord txt -> new WireRecord("TXT", joined(txt));
      case PTRRecord ptr -> new WireRecord("PTR", ptr.getTarget().toString(true));
      case CNAMERecord cname -> new WireRecord("CNAME", cname.getTarget().toString(true));
      case TLSARecord tlsa ->
          new WireRecord(
              "TLSA",
              new DnsResolver.Tlsa(
                  tlsa.getCertificateUsage(),
                  tlsa.getSelector(),
                  tlsa.getMatchingType(),
                  tlsa.getCertificateAssociationData()));
      default -> null;
    };
  }

  /** RFC 7208 3.3: the strings of one record, joined without blanks. */
  private static String joined(TXTRecord txt) {
    var bytes = new ByteArrayOutputStream();
    txt.getStringsAsByteArrays().forEach(bytes::writeBytes);
    return bytes.toString(StandardCharsets.UTF_8);
  }
}
