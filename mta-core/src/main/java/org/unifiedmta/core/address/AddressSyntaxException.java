package org.unifiedmta.core.address;

/** What is wrong with an address, and at which offset of the text. */
public final class AddressSyntaxException extends Exception {
  private static final long serialVersionUID = 1L;

  private final int offset;

  AddressSyntaxException(String what, int offset) {
    super(what + " at offset " + offset, null, false, false);
    this.offset = offset;
  }

  /** The offset, in UTF-16 units, of the first character that does not fit. */
  public int offset() {
    return offset;
  }
}
