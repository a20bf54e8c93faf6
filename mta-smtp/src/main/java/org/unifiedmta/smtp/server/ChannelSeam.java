package org.unifiedmta.smtp.server;

import io.netty.channel.ChannelPipeline;

/**
 * Where a test puts faults between the socket and the server: slow lines, a cut at an octet, broken
 * TLS.
 */
public interface ChannelSeam {

  /** Called on the event loop for each connection; what is added now sits at the socket's end. */
  void connected(ChannelPipeline pipeline);

  /** Adds nothing. */
  static ChannelSeam none() {
    return pipeline -> {};
  }
}
