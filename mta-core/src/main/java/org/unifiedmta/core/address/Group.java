package org.unifiedmta.core.address;

import java.util.List;

/**
 * Several mailboxes under one name, or none as in {@code undisclosed-recipients:;} (RFC 5322 3.4).
 */
public record Group(String name, List<Mailbox> members) implements Address {
  public Group {
    if (Mailbox.hasControl(name)) {
      throw new IllegalArgumentException("control character in a group's name");
    }
    members = List.copyOf(members);
  }
}
