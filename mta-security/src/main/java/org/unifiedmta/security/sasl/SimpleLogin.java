package org.unifiedmta.security.sasl;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** A login that says what it has, whatever the server says. */
final class SimpleLogin implements ClientLogin.Exchange {
  private final String mechanism;
  private final @Nullable String initial;
  private final Deque<String> answers;

  private SimpleLogin(String mechanism, @Nullable String initial, List<String> answers) {
    this.mechanism = mechanism;
    this.initial = initial;
    this.answers = new ArrayDeque<>(answers);
  }

  /** RFC 4616 2: {@code message = [authzid] NUL authcid NUL passwd}. */
  static SimpleLogin plain(ClientLogin.Password login) {
    return new SimpleLogin("PLAIN", "\0" + login.user() + "\0" + login.password(), List.of());
  }

  /** Never a standard: first the name, then the password. */
  static SimpleLogin login(ClientLogin.Password login) {
    return new SimpleLogin("LOGIN", null, List.of(login.user(), login.password()));
  }

  /** RFC 7628 3.1; what the server says of a refused token is answered with {@code ^A} (3.2.3). */
  static SimpleLogin oauthbearer(ClientLogin.Token login) {
    var user = login.user().replace("=", "=3D").replace(",", "=2C"); // RFC 5801 4
    return new SimpleLogin(
        "OAUTHBEARER",
        "n,a=" + user + ",\1auth=Bearer " + login.token().get() + "\1\1",
        List.of("\1"));
  }

  /** As Google and Microsoft wrote it down. */
  static SimpleLogin xoauth2(ClientLogin.Token login) {
    return new SimpleLogin(
        "XOAUTH2",
        "user=" + login.user() + "\1auth=Bearer " + login.token().get() + "\1\1",
        List.of(""));
  }

  @Override
  public String mechanism() {
    return mechanism;
  }

  @Override
  public byte @Nullable [] initialResponse() {
    return initial == null ? null : initial.getBytes(UTF_8);
  }

  @Override
  public byte @Nullable [] answer(byte[] challenge) {
    var answer = answers.poll();
    return answer == null ? null : answer.getBytes(UTF_8);
  }

  @Override
  public boolean isComplete() {
    return true;
  }
}
