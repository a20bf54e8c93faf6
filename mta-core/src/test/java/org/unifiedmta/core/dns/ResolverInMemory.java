package org.unifiedmta.core.dns;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Executor;
import java.util.function.Function;
import org.xbill.DNS.EDNSOption;
import org.xbill.DNS.Message;
import org.xbill.DNS.Resolver;
import org.xbill.DNS.TSIG;

/** A server that no network leads to. */
record ResolverInMemory(Function<Message, CompletionStage<Message>> answers) implements Resolver {

  @Override
  public CompletionStage<Message> sendAsync(Message query, Executor executor) {
    return answers.apply(query);
  }

  @Override
  public void setPort(int port) {}

  @Override
  public void setTCP(boolean only) {}

  @Override
  public void setIgnoreTruncation(boolean ignore) {}

  @Override
  public void setEDNS(int version, int payload, int flags, List<EDNSOption> options) {}

  @Override
  public void setTSIGKey(TSIG key) {}

  @Override
  public void setTimeout(Duration timeout) {}
}
