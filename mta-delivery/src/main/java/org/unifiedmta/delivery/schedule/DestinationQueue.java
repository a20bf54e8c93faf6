package org.unifiedmta.delivery.schedule;

import java.time.Duration;
import java.time.Instant;
import java.util.LinkedHashSet;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.reply.SmtpReply;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.routing.route.Destinations;

/**
 * One destination of one zone with something to do: how much of its window is in use, whether it
 * rests, and when to look again. Touched by the scheduler's thread only, but for {@link #state}.
 * What waits for it is in the store.
 *
 * <p>The window begins with one attempt and doubles whenever somebody is reached, up to its bound.
 * When nobody is reached the destination rests; then one attempt finds out whether that is over.
 */
final class DestinationQueue {
  private static final Duration FIRST_REST = Duration.ofMinutes(1);
  private static final Duration LONGEST_REST = Duration.ofMinutes(30);
  private static final int REMEMBERED = 10;

  /** Two destinations by the same name in different zones have nothing in common. */
  record Key(String zone, String destination) {}

  private final Key key;
  private final Destinations.Target target;
  private int widest;
  private int window;
  private int running;
  private boolean puttingOff;
  private boolean ready;
  private @Nullable Instant wakeAt;
  private Timer.@Nullable Handle wake;

  // since somebody was reached last
  private int rests;
  private Instant restEnds = Instant.MIN;
  private @Nullable SmtpReply failure;

  /** Some of the messages that wait only because nobody could be reached. */
  private final LinkedHashSet<String> waiting = new LinkedHashSet<>();

  private boolean moreWait;
  private String triedLast = "";
  private volatile @Nullable Gate waitsAt;
  private volatile @Nullable String receiver;
  private volatile DestinationState state;

  /**
   * @param window how many attempts there may be at a time, at the most
   */
  DestinationQueue(Key key, Destinations.Target target, int window) {
    this.key = key;
    this.target = target;
    this.widest = window;
    this.window = isHere() ? window : 1;
    this.state = tell();
  }

  /** Whether it is nobody else's: local delivery and reports. */
  boolean isHere() {
    return target instanceof Destinations.Target.Local
        || target instanceof Destinations.Target.Report;
  }

  Key key() {
    return key;
  }

  Destinations.Target target() {
    return target;
  }

  /** As it was after the last change; for any thread. */
  DestinationState state() {
    return state;
  }

  private DestinationState tell() {
    boolean rests = this.rests > 0;
    return new DestinationState(
        rests ? DestinationState.Status.RESTING : DestinationState.Status.ACTIVE,
        running,
        window,
        rests && restEnds.isAfter(Instant.MIN) ? restEnds : null,
        failure);
  }

  boolean hasRoom() {
    return running < Math.min(window, widest);
  }

  /** From now on at the most so many attempts at a time. */
  void setWidest(int most) {
    widest = most;
  }

  /** Who was behind it when it was last looked up, by name; null before. For any thread. */
  @Nullable String receiver() {
    return receiver;
  }

  void setReceiver(String name) {
    receiver = name;
  }

  /** Where it waits for a part of what it shares with others; null for nowhere. */
  @Nullable Gate waitsAt() {
    return waitsAt;
  }

  void setWaitsAt(@Nullable Gate gate) {
    waitsAt = gate;
  }

  void started() {
    running++;
    state = tell();
  }

  // ---- what attempts find

  /** An attempt learnt nothing. */
  void finished() {
    running--;
    state = tell();
  }

  /** It has too much to do for one of several attempts. */
  void refused() {
    running--;
    window = Math.max(1, window - 1);
    state = tell();
  }

  /** Somebody was reached by an attempt for this message. */
  void reached(String id) {
    running--;
    waiting.remove(id);
    window = Math.min(widest, window * 2);
    rests = 0;
    restEnds = Instant.MIN;
    failure = null;
    state = tell();
  }

  /**
   * Nobody was reached.
   *
   * @param began when the attempt did: what began before the rest was over says nothing new
   * @param again when the message will be tried again, or null; no rest is longer than that
   */
  void notReached(String id, Instant began, Instant now, SmtpReply reply, @Nullable Instant again) {
    running--;
    window = 1;
    failure = reply;
    triedLast = id;
    if (again != null) {
      waits(id);
    }
    if (!began.isBefore(restEnds)) {
      rests++;
      restEnds = now.plus(length());
    }
    if (again != null && again.isBefore(restEnds)) {
      restEnds = again;
    }
    state = tell();
  }

  /** Twice as long each time, give or take a quarter, which differs by destination. */
  private Duration length() {
    var length = FIRST_REST;
    for (int i = 1; i < rests && length.compareTo(LONGEST_REST) < 0; i++) {
      length = length.multipliedBy(2);
    }
    length = length.compareTo(LONGEST_REST) < 0 ? length : LONGEST_REST;
    int percent = 75 + Math.floorMod(31 * key.hashCode() + 7 * rests, 51);
    return length.multipliedBy(percent).dividedBy(100);
  }

  // ---- rest

  /** Why nothing is to be tried at this time, or null. */
  @Nullable SmtpReply restsFor(Instant now) {
    return rests > 0 && now.isBefore(restEnds) ? failure : null;
  }

  /** Whether nobody has been reached since it failed. */
  boolean isDown() {
    return rests > 0;
  }

  /** Whether somebody else is being served there, as far as is known. */
  boolean isBusy() {
    return running > 1 && !isDown();
  }

  /** One message may find out now. */
  void endRest() {
    restEnds = Instant.MIN;
    state = tell();
  }

  Instant restEnds() {
    return restEnds;
  }

  /** A message is put off, because nobody can be reached or somebody wants it so. */
  void waits(String id) {
    waiting.remove(id);
    if (waiting.size() < REMEMBERED) {
      waiting.add(id);
    } else {
      moreWait = true;
    }
  }

  /** Whether there are messages that were put off. */
  boolean hasWaiting() {
    return moreWait || !waiting.isEmpty();
  }

  /** Whether there may be more than {@link #waiting} says. */
  boolean hasMoreWaiting() {
    return moreWait;
  }

  /** Some of them. */
  List<String> waiting() {
    return List.copyOf(waiting);
  }

  void forgetWaiting() {
    waiting.clear();
    moreWait = false;
  }

  /**
   * Those of them of which one can be tried before its time, to see whether somebody is there now:
   * all but the one that was tried last, so that a message that is alone keeps to its own times.
   */
  List<String> scouts() {
    return waiting.stream().filter(id -> !id.equals(triedLast)).toList();
  }

  boolean isPuttingOff() {
    return puttingOff;
  }

  void setPuttingOff(boolean goesOn) {
    puttingOff = goesOn;
  }

  // ---- its place in the line

  int running() {
    return running;
  }

  /** Whether it stands in the line of those to be looked at. */
  boolean isReady() {
    return ready;
  }

  void setReady(boolean inLine) {
    ready = inLine;
  }

  /** Whether nothing would be lost with this object. */
  boolean isIdle() {
    return running == 0 && !puttingOff && !ready && waitsAt == null && wake == null;
  }

  /** Makes sure that the task runs at this time, or before. */
  void wakeBy(Instant time, Timer timer, Runnable task) {
    if (wakeAt != null && !time.isBefore(wakeAt)) {
      return;
    }
    if (wake != null) {
      wake.cancel();
    }
    wakeAt = time;
    wake = timer.at(time, task);
  }

  void awake() {
    if (wake != null) {
      wake.cancel();
    }
    wake = null;
    wakeAt = null;
  }
}
