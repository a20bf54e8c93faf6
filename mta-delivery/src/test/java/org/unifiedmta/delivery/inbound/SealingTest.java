package org.unifiedmta.delivery.inbound;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.time.Clock;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.spool.SpooledMessage;
import org.unifiedmta.core.storage.StorageManager;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.queue.Edits;
import org.unifiedmta.delivery.queue.MemoryQueueStore;
import org.unifiedmta.delivery.submission.Signing.BodyHash;
import org.unifiedmta.security.arc.ArcResult;
import org.unifiedmta.security.authres.AuthenticationResults;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.security.dkim.DkimKeyStore;
import org.unifiedmta.security.dmarc.DmarcResult;
import org.unifiedmta.security.spf.SpfResult;

class SealingTest {
  private static final Edits RECEIVED =
      new Edits("Received: from x\r\nX: y\r\n".getBytes(US_ASCII), List.of());

  private final DKIMCreator keys =
      new DKIMCreator(DkimKeyStore.in(StorageManager.inMemory()), Clock.systemUTC());
  private final Sealing sealing = new Sealing(keys, "ours.test", "mx.ours.test", Clock.systemUTC());

  private static SpooledMessage message(int fields) {
    var text = "A: b\r\n".repeat(fields - 1) + "From: ann@far.test\r\n\r\nHello\r\n";
    try (var store = new MemoryQueueStore(Timer.system());
        var writer = store.spool().open(-1)) {
      writer.write(ByteBuffer.wrap(text.getBytes(US_ASCII)));
      return writer.finish();
    }
  }

  private Edits sealed(SpooledMessage message) {
    var client = InetAddress.getLoopbackAddress();
    var found =
        new AuthenticationResults(
            new SpfResult(SpfResult.Result.NONE, "far.test", client, null, null),
            List.of(),
            ArcResult.none(),
            DmarcResult.none());
    return sealing.seal(message, RECEIVED, new BodyHash(), found);
  }

  @Test
  void aSetIsPutInFrontOfAllElse() {
    keys.handleDKIMKeysForDomain("ours.test");
    assertThat(new String(sealed(message(10)).prefix(), US_ASCII))
        .startsWith("ARC-Seal:")
        .endsWith("\r\nReceived: from x\r\nX: y\r\n");
  }

  /** With two fields in front the last two would be beyond what is read of a header section. */
  @Test
  void whereNotAllFieldsCanBeSeenNothingIsSealed() {
    keys.handleDKIMKeysForDomain("ours.test");
    assertThat(sealed(message(1_998)).prefix()).isNotEqualTo(RECEIVED.prefix());
    assertThat(sealed(message(2_000))).isSameAs(RECEIVED);
  }

  @Test
  void withoutAKeyNothingIsSealed() {
    assertThat(sealed(message(10))).isSameAs(RECEIVED);
  }
}
