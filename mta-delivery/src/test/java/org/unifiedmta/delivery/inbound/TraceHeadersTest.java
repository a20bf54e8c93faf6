package org.unifiedmta.delivery.inbound;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.unifiedmta.core.address.Envelope;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.delivery.queue.Edits;
import org.unifiedmta.smtp.server.SessionFacts;

/** What is left of the fields that came with a message (RFC 8601 5). */
class TraceHeadersTest {

  private static Edits edits(String hostname, String message) {
    var address = new InetSocketAddress("192.0.2.1", 25);
    return new TraceHeaders(hostname)
        .edits(
            HeaderSection.of(message.getBytes(StandardCharsets.ISO_8859_1)),
            new SessionFacts("1", address, address, null, null, null, "in"),
            Envelope.of("ann@far.test", "bob@here.test"),
            "1",
            Instant.EPOCH,
            null);
  }

  private static String applied(Edits edits, String message) {
    var received = new ByteArrayInputStream(message.getBytes(StandardCharsets.ISO_8859_1));
    try (var in = edits.applyTo(received)) {
      return new String(in.readAllBytes(), StandardCharsets.ISO_8859_1);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String rest(String hostname, String message) {
    return applied(new Edits(new byte[0], edits(hostname, message).cuts()), message);
  }

  /** RFC 5322 2.2.3: else it would go on what we put in front of it. */
  @Test
  void aFirstLineThatBeginsWithABlankIsOfTheBody() {
    for (var message : List.of(" by evil.test\r\nX: y\r\n\r\nbody\r\n", "\tx\r\n", " ")) {
      var went = applied(edits("mx.here.test", message), message);
      assertThat(went).endsWith("\r\n\r\n" + message);
      assertThat(HeaderSection.of(went.getBytes(StandardCharsets.ISO_8859_1)).fields())
          .singleElement()
          .satisfies(field -> assertThat(field.value()).doesNotContain("evil"));
    }
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
