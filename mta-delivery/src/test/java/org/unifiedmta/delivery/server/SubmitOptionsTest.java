package org.unifiedmta.delivery.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.delivery.event.MailEvent;
import org.unifiedmta.delivery.queue.Mail;
import org.unifiedmta.delivery.queue.QueueItem;
import org.unifiedmta.delivery.queue.UnifiedDeliveryQueue.Filter;
import org.unifiedmta.delivery.submission.SubmitOptions;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.routing.zone.SendingZone;

/** What can be said of a message beside the message. */
class SubmitOptionsTest {

  private static UnifiedEmailServer server() {
    return new UnifiedEmailServer(
        UnifiedEmailServerConfig.builder()
            .hostname("mail.example.test")
            .maxAttempts(0)
            .zones(SendingZone.builder("slow").build())
            .routes(
                Route.of("here", 1, Match.recipients("*@here.test"), Action.deliver()),
                Route.of("bulk", 0, Match.any(), Action.process().withQueue(Action.Queue.BULK)))
            .build());
  }

  private static Email email(String... to) {
    return Email.builder().from("ann@example.test").to(to).subject("x").text("x").build();
  }

  @Test
  void anotherZoneIsForMailThatLeaves() {
    try (var server = server().start()) {
      var options = SubmitOptions.builder().zone("slow").build();
      var id = server.sendEmail(email("bob@far.test", "cyd@here.test"), options);
      assertThat(server.deliveryQueue().getItems(id))
          .extracting(QueueItem::zone)
          .containsExactly("slow", "default");
      assertThat(server.deliveryQueue().explain(id).recipients())
          .extracting(recipient -> recipient.priority())
          .containsExactly(-4, 0);
      var unknown = SubmitOptions.builder().zone("unknown").build();
      assertThat(server.deliveryQueue().getItems(server.sendEmail(email("bob@far.test"), unknown)))
          .extracting(QueueItem::zone)
          .containsExactly("default");
    }
  }

  @Test
  void aMessageThatWasSubmittedBeforeIsNotToldOfAgain() {
    var server = server();
    var accepted = new CopyOnWriteArrayList<String>();
    server.on(MailEvent.Accepted.class, event -> accepted.add(event.queueId()));
    try (server) {
      server.start();
      var options = SubmitOptions.builder().idempotencyKey("order 1").build();
      var ids = new ArrayList<String>();
      for (int i = 0; i < 3; i++) {
        ids.add(server.sendEmail(email("bob@far.test"), options));
      }
      ids.add(server.sendEmail(email("bob@far.test")));
      assertThat(ids.subList(0, 3)).containsOnly(ids.getFirst());
      assertThat(ids.getLast()).isNotEqualTo(ids.getFirst());
      assertThat(server.deliveryQueue().list(Filter.all(), null, 9).items()).hasSize(2);
      Mail.await(() -> accepted.contains(ids.getLast()));
      assertThat(accepted).isEqualTo(List.of(ids.getFirst(), ids.getLast()));
    }
  }

  @Test
  void aKeyHasItsBounds() {
    assertThatThrownBy(() -> SubmitOptions.builder().idempotencyKey(""))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> SubmitOptions.builder().idempotencyKey("x".repeat(256)))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(SubmitOptions.builder().idempotencyKey("x".repeat(255)).build().idempotencyKey())
        .isPresent();
  }
}
