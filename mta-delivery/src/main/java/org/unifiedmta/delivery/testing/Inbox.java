package org.unifiedmta.delivery.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.address.Recipient;
import org.unifiedmta.core.email.Email;
import org.unifiedmta.delivery.attempt.IncomingMail;
import org.unifiedmta.delivery.attempt.MailHandler;
import org.unifiedmta.delivery.attempt.RecipientVerdict;

/** Keeps what is delivered, each message once, and lets tests wait for it. */
final class Inbox implements MailHandler {
  private final boolean checked;
  private final Map<String, ReceivedMessage> byId = new LinkedHashMap<>();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition arrived = lock.newCondition();
  private String watermark = "";

  /**
   * @param checked whether the results of authentication checks mean anything
   */
  Inbox(boolean checked) {
    this.checked = checked;
  }

  @Override
  public RecipientVerdict handle(Recipient recipient, IncomingMail mail) {
    var message = received(mail);
    lock.lock();
    try {
      // Ids grow, so those up to the mark belong to what was forgotten.
      if (mail.id().compareTo(watermark) > 0 && byId.putIfAbsent(mail.id(), message) == null) {
        arrived.signalAll();
      }
    } finally {
      lock.unlock();
    }
    return RecipientVerdict.delivered();
  }

  private ReceivedMessage received(IncomingMail mail) {
    try (var in = mail.open()) {
      var raw = in.readAllBytes();
      return new ReceivedMessage(
          mail.envelope(),
          Email.parse(raw),
          raw,
          mail.session(),
          checked ? mail.security() : null,
          Instant.now());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  List<ReceivedMessage> messages() {
    lock.lock();
    try {
      return List.copyOf(byId.values());
    } finally {
      lock.unlock();
    }
  }

  /** Forgets everything up to this id, also what is still on its way. */
  void forget(String upTo) {
    lock.lock();
    try {
      watermark = upTo;
      byId.clear();
    } finally {
      lock.unlock();
    }
  }

  /**
   * What is looked for among all messages, as soon as it is there; null if it does not come in
   * time.
   *
   * @param search gives null while it is not there
   */
  <T> @Nullable T await(Duration atMost, Function<List<ReceivedMessage>, @Nullable T> search) {
    long left = atMost.toNanos();
    lock.lock();
    try {
      while (true) {
        var found = search.apply(new ArrayList<>(byId.values()));
        if (found != null || left <= 0) {
          return found;
        }
        left = arrived.awaitNanos(left);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return null;
    } finally {
      lock.unlock();
    }
  }
}
