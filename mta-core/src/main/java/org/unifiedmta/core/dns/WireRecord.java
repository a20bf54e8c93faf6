package org.unifiedmta.core.dns;

import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.xbill.DNS.AAAARecord;
import org.xbill.DNS.ARecord;
import org.xbill.DNS.CNAMERecord;
import org.xbill.DNS.MXRecord;
import org.xbill.DNS.Name;
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
          new WireRecord("MX", new DnsResolver.Mx(mx.getPriority(), name(mx.getTarget())));
      case TXTRecord txt -> new WireRecord("TXT", joined(txt));
      case PTRRecord ptr -> new WireRecord("PTR", name(ptr.getTarget()));
      case CNAMERecord cname -> new WireRecord("CNAME", name(cname.getTarget()));
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

  /** In lower case, since names are compared (RFC 4343); empty for the root. */
  private static String name(Name target) {
    return target.equals(Name.root) ? "" : target.toString(true).toLowerCase(Locale.ROOT);
  }

  /** RFC 7208 3.3: the strings of one record, joined without blanks. */
  private static String joined(TXTRecord txt) {
    var bytes = new ByteArrayOutputStream();
    txt.getStringsAsByteArrays().forEach(bytes::writeBytes);
    return bytes.toString(StandardCharsets.UTF_8);
  }
}
