package org.unifiedmta.delivery.testing;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedDeque;
import java.util.concurrent.locks.ReentrantLock;

/** What was said on the latest connections, one after the other in the order they were made. */
final class Dialogues {
  private static final int CONNECTIONS = 100;
  private static final int LINES = 1_000;
  private static final int WIDTH = 500;

  /** One connection; when there is too much, its first lines are forgotten. */
  static final class Dialogue {
    private final Deque<String> lines = new ArrayDeque<>();
    private final ReentrantLock lock = new ReentrantLock();

    void client(String line) {
      add("C: " + line);
    }

    void server(String line) {
      add("S: " + line);
    }

    private void add(String line) {
      lock.lock();
      try {
        if (lines.size() == LINES) {
          lines.removeFirst();
        }
        lines.addLast(line.length() > WIDTH ? line.substring(0, WIDTH) + "…" : line);
      } finally {
        lock.unlock();
      }
    }

    private List<String> lines() {
      lock.lock();
      try {
        return List.copyOf(lines);
      } finally {
        lock.unlock();
      }
    }

    private void clear() {
      lock.lock();
      try {
        lines.clear();
      } finally {
        lock.unlock();
      }
    }
  }

  private final Deque<Dialogue> dialogues = new ConcurrentLinkedDeque<>();

  Dialogue open() {
    var dialogue = new Dialogue();
    dialogues.addLast(dialogue);
    if (dialogues.size() > CONNECTIONS) {
      dialogues.pollFirst();
    }
    return dialogue;
  }

  List<String> lines() {
    return dialogues.stream().flatMap(dialogue -> dialogue.lines().stream()).toList();
  }

  /** Connections that are still open go on with no lines. */
  void clear() {
    dialogues.forEach(Dialogue::clear);
  }
}
