package org.unifiedmta.delivery.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.SpooledMessage;
import org.unifiedmta.delivery.submission.Signing;
import org.unifiedmta.smtp.server.SessionFacts;

/** What is left of the fields that came with a message (RFC 8601 5). */
class TraceHeadersTest {

  private record Message(byte[] octets, List<Cut> cuts) implements SpooledMessage {
    @Override
    public HeaderSection header() {
      return HeaderSection.of(octets);
    }

    @Override
    public SpooledMessage edited(byte[] prefix, List<Cut> without) {
      return new Message(octets, without);
    }

    @Override
    public long size() {
      return octets.length;
    }

    @Override
    public InputStream open() {
      return new ByteArrayInputStream(octets);
    }

    @Override
    public void close() {}

    /** As it came, but for what is cut. */
    String rest() {
      var rest = new StringBuilder();
      int from = 0;
      var text = new String(octets, StandardCharsets.ISO_8859_1);
      for (var cut : cuts) {
        rest.append(text, from, (int) cut.from());
        from = (int) cut.to();
      }
      return rest.append(text.substring(from)).toString();
    }
  }

  private static String rest(String hostname, String message) {
    var address = new InetSocketAddress("192.0.2.1", 25);
    var session = new SessionFacts("1", address, address, null, null, null, "in");
    var edited =
        new TraceHeaders(hostname, new Signing(null))
            .edit(
                new Message(message.getBytes(StandardCharsets.ISO_8859_1), List.of()),
                session,
                Envelope.of("ann@far.test", "bob@here.test"),
                "1",
                Instant.EPOCH,
                null);
    return ((Message) edited).rest();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Authentication-Results: mx.here.test; dmarc=pass",
        "authentication-results:mx.here.test;dmarc=pass",
        "AUTHENTICATION-RESULTS: MX.Here.TEST; dmarc=pass",
        "Authentication-Results : mx.here.test; dmarc=pass",
        "Authentication-Results\t: mx.here.test; dmarc=pass",
        "Authentication-Results: mx.here.test.; dmarc=pass",
        "Authentication-Results: \"mx.here.test\"; dmarc=pass",
        "Authentication-Results: \"mx\\.here.test.\"; dmarc=pass",
        "Authentication-Results: mx.here.test 1; dmarc=pass",
        "Authentication-Results: mx.here.test\t1 ; dmarc=pass",
        "Authentication-Results: mx.here.test(c); dmarc=pass",
        "Authentication-Results: (other.test;) mx.here.test; dmarc=pass",
        "Authentication-Results: (a (b \\) c)) mx.here.test; dmarc=pass",
        "Authentication-Results:\r\n\tmx.here.test;\r\n dmarc=pass",
        "Authentication-Results: (a\r\n b)\r\n mx.here.test\r\n\t; dmarc=pass",
        "Authentication-Results: mx.here.test",
        "Authentication-Results: mx.here.test; none\r\n\t; dmarc=pass"
      })
  void whatClaimsToBeOursIsTakenOut(String field) {
    var message = "X: y\r\n" + field + "\r\nFrom: ann@far.test\r\n\r\nbody\r\n";
    assertThat(rest("mx.here.test", message)).isEqualTo(message.replace(field + "\r\n", ""));
    var behindNoField = message.replace("X: y", "no field");
    assertThat(rest("mx.here.test", behindNoField))
        .isEqualTo(behindNoField.replace(field + "\r\n", ""));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "Authentication-Results: other.test; dmarc=pass (mx.here.test)",
        "Authentication-Results: mx.here.test.evil.test; dmarc=pass",
        "Authentication-Results: amx.here.test; dmarc=pass",
        "Authentication-Results: here.test; dmarc=pass",
        "Authentication-Results: a.mx.here.test; dmarc=pass",
        "Authentication-Results: \"mx.here.test x\"; dmarc=pass",
        "Authentication-Results: (mx.here.test;) other.test; dmarc=pass",
        "Authentication-Results: (mx.here.test; dmarc=pass",
        "Authentication-Results: ; mx.here.test; dmarc=pass",
        "Authentication-Results:",
        "X-Authentication-Results: mx.here.test; dmarc=pass",
        "ARC-Authentication-Results: i=1; mx.here.test; dmarc=pass",
        "Subject: Authentication-Results: mx.here.test; dmarc=pass"
      })
  void whatOthersFoundIsLeft(String field) {
    var message = "X: y\r\n" + field + "\r\nFrom: ann@far.test\r\n\r\nbody\r\n";
    assertThat(rest("mx.here.test", message)).isEqualTo(message);
  }

  @Test
  void aThousandAreTakenOutAndNothingElse() {
    var one = "Authentication-Results: mx.here.test; dmarc=pass\r\n";
    var other = "Authentication-Results: mx.other.test; dmarc=pass\r\n";
    var message = (one + other).repeat(990) + "From: ann@far.test\r\n\r\n" + one;
    assertThat(rest("mx.here.test", message))
        .isEqualTo(other.repeat(990) + "From: ann@far.test\r\n\r\n" + one);
  }

  /** RFC 8601 2.2 with RFC 6532: a name may be written in U-labels. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "mx.b\u00c3\u00bccher.test",
        "MX.B\u00c3\u009cCHER.test.",
        "\"mx.b\u00c3\u00bccher.test\"",
        "mx.XN--bcher-kva.test"
      })
  void aNameInULabelsIsTheSameName(String id) {
    var field = "Authentication-Results: " + id + "; dmarc=pass\r\n";
    assertThat(rest("mx.xn--bcher-kva.test", field + "X: y\r\n\r\n")).isEqualTo("X: y\r\n\r\n");
  }
}
