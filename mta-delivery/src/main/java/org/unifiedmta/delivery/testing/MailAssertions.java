package org.unifiedmta.delivery.testing;

/** Assertions on mail, for AssertJ. */
public final class MailAssertions {
  private MailAssertions() {}

  public static ReceivedMessageAssert assertThat(ReceivedMessage actual) {
    return new ReceivedMessageAssert(actual);
  }
}
