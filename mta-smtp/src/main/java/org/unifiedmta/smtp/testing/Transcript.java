package org.unifiedmta.smtp.testing;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** What was said on one connection: lines {@code C: …} and {@code S: …}, and the messages taken. */
public final class Transcript {
  private final List<String> lines = Collections.synchronizedList(new ArrayList<>());
  private final List<byte[]> messages = Collections.synchronizedList(new ArrayList<>());

  Transcript() {}

  void client(String line) {
    lines.add("C: " + line);
  }

  void server(String line) {
    lines.add("S: " + line);
  }

  void message(byte[] message) {
    messages.add(message);
  }

  /** The lines so far; message data is not among them. */
  public List<String> lines() {
    synchronized (lines) {
      return List.copyOf(lines);
    }
  }

  /** The messages so far, dots unstuffed. */
  public List<byte[]> messages() {
    synchronized (messages) {
      return List.copyOf(messages);
    }
  }

  @Override
  public String toString() {
    return String.join("\n", lines());
  }
}
