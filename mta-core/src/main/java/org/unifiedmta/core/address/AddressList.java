package org.unifiedmta.core.address;

import java.util.ArrayList;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/**
 * The mailboxes and groups of a field such as To, read as people write them (RFC 5322 3.4, 4.4).
 *
 * @param addresses in the order of the field, at most 10,000 mailboxes
 * @param defects what was odd, in words: what is no address is left out, the others are read
 */
public record AddressList(List<Address> addresses, List<String> defects) {
  private static final AddressList EMPTY = new AddressList(List.of(), List.of());

  public AddressList {
    addresses = List.copyOf(addresses);
    defects = List.copyOf(defects);
  }

  /**
   * Reads the text of a field. Never throws; names are taken as they stand.
   *
   * @param text unfolded; encoded words (RFC 2047) must still be encoded, since what they hold is
   *     no syntax
   */
  public static AddressList parse(String text) {
    return parse(text, UnaryOperator.identity());
  }

  /**
   * As {@link #parse(String)}.
   *
   * @param decoder what makes a name of the phrase that stands for it
   */
  public static AddressList parse(String text, UnaryOperator<String> decoder) {
    return text.isBlank() ? EMPTY : new AddressListParser(text, decoder).parse();
  }

  /** No addresses. */
  public static AddressList empty() {
    return EMPTY;
  }

  /** The mailboxes, those of groups among them. */
  public List<Mailbox> mailboxes() {
    return addresses.stream()
        .flatMap(address ->
            switch (address) {
              case Mailbox mailbox -> Stream.of(mailbox);
              case Group group -> group.members().stream();
            })
        .toList();
  }

  /** These and those. */
  public AddressList and(AddressList other) {
    if (this == EMPTY) {
      return other;
    }
    var all = new ArrayList<>(addresses);
    all.addAll(other.addresses);
    var odd = new ArrayList<>(defects);
    odd.addAll(other.defects);
    return new AddressList(all, odd);
  }
}
