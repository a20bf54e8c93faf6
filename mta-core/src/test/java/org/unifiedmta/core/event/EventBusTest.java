package org.unifiedmta.core.event;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class EventBusTest {
  private sealed interface Happened extends MtaEvent {}

  private record Numbered(int number) implements Happened {}

  private record Other() implements Happened {}

  private final EventBus bus = new EventBus();
  private final BlockingQueue<MtaEvent> heard = new LinkedBlockingQueue<>();

  @AfterEach
  void close() {
    bus.close();
  }

  @Test
  void eventsAreHeardInTheOrderOfTheirPublication() throws InterruptedException {
    bus.on(Numbered.class, heard::add);
    IntStream.range(0, 5_000).forEach(this::publish);
    assertThat(take(5_000)).isEqualTo(IntStream.range(0, 5_000).boxed().toList());
  }

  @Test
  void aListenerHearsItsClassAndItsSubclassesOnly() throws InterruptedException {
    var all = new LinkedBlockingQueue<MtaEvent>();
    bus.on(Numbered.class, heard::add);
    bus.on(MtaEvent.class, all::add);
    bus.publish(Other.class, Other::new);
    publish(1);
    assertThat(all.take()).isEqualTo(new Other());
    assertThat(all.take()).isEqualTo(new Numbered(1));
    assertThat(take(1)).containsExactly(1);
    assertThat(heard).isEmpty();
  }

  @Test
  void everythingIsHeardWhenTheListenerHasReturned() {
    var go = new CountDownLatch(1);
    var returned = new ArrayList<Integer>();
    bus.on(
        Numbered.class,
        event -> {
          try {
            go.await();
          } catch (InterruptedException e) {
            throw new IllegalStateException(e);
          }
          assertThat(bus.awaitHeard(Duration.ofSeconds(10))).isTrue(); // not for itself
          returned.add(event.number());
        });
    assertThat(bus.awaitHeard(Duration.ZERO.plusSeconds(10))).isTrue();
    publish(1);
    publish(2);
    assertThat(bus.awaitHeard(Duration.ofMillis(1))).isFalse();
    go.countDown();
    assertThat(bus.awaitHeard(Duration.ofSeconds(10))).isTrue();
    assertThat(returned).containsExactly(1, 2);
  }

  @Test
  void withoutAListenerNoEventIsBuilt() throws InterruptedException {
    var subscription = bus.on(Other.class, heard::add);
    bus.publish(
        Numbered.class,
        () -> {
          throw new AssertionError("built");
        });
    subscription.close();
    bus.publish(
        Other.class,
        () -> {
          throw new AssertionError("built");
        });
  }

  @Test
  void oneEventIsBuiltForAllListeners() throws InterruptedException {
    bus.on(Numbered.class, heard::add);
    bus.on(Numbered.class, heard::add);
    publish(7);
    assertThat(heard.take()).isSameAs(heard.take());
  }

  @Test
  void aSlowListenerLosesTheOldestAndIsToldHowMany() throws InterruptedException {
    var started = new CountDownLatch(1);
    var go = new CountDownLatch(1);
    var subscription =
        bus.on(
            Numbered.class,
            event -> {
              started.countDown();
              await(go);
              heard.add(event);
            });
    publish(0);
    started.await();
    IntStream.rangeClosed(1, 10_003).forEach(this::publish);
    assertThat(subscription.dropped()).isEqualTo(3);
    go.countDown();
    var numbers = take(10_001);
    assertThat(numbers.subList(0, 2)).containsExactly(0, 4);
    assertThat(numbers.get(10_000)).isEqualTo(10_003);
  }

  @Test
  void aSlowListenerDelaysNoOther() throws InterruptedException {
    var never = new CountDownLatch(1);
    var slow = bus.on(Numbered.class, event -> await(never));
    bus.on(Numbered.class, heard::add);
    publish(1);
    publish(2);
    assertThat(take(2)).containsExactly(1, 2);
    never.countDown();
    slow.close();
  }

  @Test
  void aListenerThatThrowsGoesOn() throws InterruptedException {
    bus.on(
        Numbered.class,
        event -> {
          heard.add(event);
          if (event.number() == 0) {
            throw new IllegalStateException("a listener's own trouble");
          }
          throw new AssertionError("and an error");
        });
    IntStream.range(0, 3).forEach(this::publish);
    assertThat(take(3)).containsExactly(0, 1, 2);
  }

  @Test
  void aListenerMayCloseItself() throws InterruptedException {
    var own = new Subscription[1];
    var ready = new CountDownLatch(1);
    own[0] =
        bus.on(
            Numbered.class,
            event -> {
              await(ready);
              heard.add(event);
              own[0].close();
            });
    ready.countDown();
    publish(1);
    publish(2);
    assertThat(take(1)).containsExactly(1);
    bus.close();
    assertThat(heard).isEmpty();
  }

  @Test
  void closingTheBusLetsListenersHearWhatIsWaiting() throws InterruptedException {
    var started = new CountDownLatch(1);
    bus.on(
        Numbered.class,
        event -> {
          started.countDown();
          heard.add(event);
        });
    IntStream.range(0, 1_000).forEach(this::publish);
    bus.close();
    assertThat(take(1_000)).hasSize(1_000);
    publish(1_000);
    assertThat(heard).isEmpty();
  }

  @Test
  void closingTheBusEndsAListenerThatSleeps() throws InterruptedException {
    var threads = new LinkedBlockingQueue<Thread>();
    bus.on(
        Numbered.class,
        event -> {
          threads.add(Thread.currentThread());
          await(new CountDownLatch(1));
        });
    publish(1);
    var thread = threads.take();
    assertThat(thread.getName()).startsWith("mta-events-");
    assertThat(thread.isDaemon()).isTrue();
    bus.close();
    assertThat(thread.join(Duration.ofSeconds(10))).isTrue();
  }

  private void publish(int number) {
    bus.publish(Numbered.class, () -> new Numbered(number));
  }

  private List<Integer> take(int count) throws InterruptedException {
    var numbers = new ArrayList<Integer>();
    while (numbers.size() < count) {
      if (heard.poll(10, TimeUnit.SECONDS) instanceof Numbered numbered) {
        numbers.add(numbered.number());
      } else {
        throw new AssertionError("heard only " + numbers.size());
      }
    }
    return numbers;
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
