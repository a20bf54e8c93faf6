package org.unifiedmta.security.testing;

import java.net.InetAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.unifiedmta.core.dns.DnsResolver;
import org.unifiedmta.core.dns.ZoneResolver;

/** Passes questions on and remembers them: {@code TXT example.org}. */
public class CountingResolver implements DnsResolver {
  private final DnsResolver answering;
  private final List<String> questions = Collections.synchronizedList(new ArrayList<>());

  public CountingResolver(DnsResolver answering) {
    this.answering = answering;
  }

  /** Has this text, and nothing else, by every name. */
  public static CountingResolver withText(String record) {
    return new CountingResolver(ZoneResolver.builder().build()) {
      @Override
      public Answer<String> txt(String name) {
        asked("TXT " + name);
        return new Answer<>(Status.OK, List.of(record), Duration.ofHours(1), false);
      }
    };
  }

  public List<String> questions() {
    return List.copyOf(questions);
  }

  /** For tests that make something of a question. */
  protected void asked(String question) {
    questions.add(question);
  }

  @Override
  public Answer<Mx> mx(String name) {
    asked("MX " + name);
    return answering.mx(name);
  }

  @Override
  public Answer<String> txt(String name) {
    asked("TXT " + name);
    return answering.txt(name);
  }

  @Override
  public Answer<InetAddress> a(String name) {
    asked("A " + name);
    return answering.a(name);
  }

  @Override
  public Answer<InetAddress> aaaa(String name) {
    asked("AAAA " + name);
    return answering.aaaa(name);
  }

  @Override
  public Answer<String> ptr(InetAddress address) {
    asked("PTR " + address.getHostAddress());
    return answering.ptr(address);
  }

  @Override
  public Answer<String> cname(String name) {
    asked("CNAME " + name);
    return answering.cname(name);
  }

  @Override
  public Answer<Tlsa> tlsa(String name) {
    asked("TLSA " + name);
    return answering.tlsa(name);
  }
}
