package org.unifiedmta.delivery.docs;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.delivery.queue.DeliveryStatus;
import org.unifiedmta.delivery.queue.UnifiedDeliveryQueue.Filter;
import org.unifiedmta.delivery.server.UnifiedEmailServer;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig;
import org.unifiedmta.delivery.submission.SubmitOptions;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Destinations.Target;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.Route;

/** Runs what docs/queue.md shows, and holds the two together. */
class QueueDocTest {
  @TempDir Path directory;

  @Test
  void everythingThatIsShownIsCompiled() {
    Snippets.areCompiled("docs/queue.md", 2, QueueDocTest.class);
  }

  @Test
  void mailIsSubmittedOnceAndSentAnotherWay() {
    var log = new ArrayList<String>();
    var config =
        UnifiedEmailServerConfig.builder()
            .hostname("mail.example.com")
            .dataDirectory(directory.resolve("queue"))
            .maxAttempts(0)
            .routes(Route.of("out", 0, Match.any(), Action.forward("mx.example.org", 25)));
    try (var server = new UnifiedEmailServer(config.build()).start()) {
      var email =
          Email.builder()
              .from("ann@example.com")
              .to("bob@example.org")
              .subject("x")
              .text("x")
              .build();
      var options = SubmitOptions.builder().idempotencyKey("invoice 4711").build();
      var id = server.sendEmail(email, options);
      var again = server.sendEmail(email, options); // the same id; nothing is queued
      assertThat(again).isEqualTo(id);
      var queue = server.deliveryQueue();
      var toDeadHost = new Filter(null, "mx.example.org:25", null, null);
      queue.hold(toDeadHost); // and release
      queue.reroute(toDeadHost, "default", new Target.Host("smart.example.com", 25));
      queue.retryNow(toDeadHost);
      queue.cancel(new Filter(null, null, DeliveryStatus.DEFERRED, "robot@example.com"));
      for (var recipient : queue.explain(id).recipients()) {
        log.add(recipient.address() + ": " + recipient.reason() + ", " + recipient.history());
      }
      assertThat(log).containsExactly("bob@example.org: on hold until somebody releases it, []");
      assertThat(queue.getItem(id).orElseThrow().destination()).isEqualTo("smart.example.com:25");
    }
  }
}
