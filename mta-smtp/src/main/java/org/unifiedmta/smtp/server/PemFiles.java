package org.unifiedmta.smtp.server;

import io.netty.handler.ssl.SslContext;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.unifiedmta.core.ConfigException;

/** A certificate and its key in files that somebody renews. */
final class PemFiles implements Supplier<SslContext> {
  private static final Logger log = LoggerFactory.getLogger(PemFiles.class);

  private record Stamp(FileTime certificate, FileTime key) {}

  private final Path certificate;
  private final Path key;
  private final ClientCertificates clients;
  private final long interval; // nanoseconds
  private final AtomicLong looked = new AtomicLong(System.nanoTime());
  private volatile Stamp read;
  private volatile SslContext context;
  private volatile @Nullable Stamp complainedOf;

  PemFiles(Path certificate, Path key, Duration interval, ClientCertificates clients) {
    this.certificate = certificate;
    this.key = key;
    this.clients = clients;
    this.interval = interval.toNanos();
    try {
      this.read = stamp();
      this.context = Certificates.read(certificate, key, clients);
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      throw new ConfigException(
          "cannot use certificate " + certificate + " with key " + key + ": " + e.getMessage());
    }
  }

  @Override
  public SslContext get() {
    long last = looked.get();
    long now = System.nanoTime();
    if (now - last >= interval && looked.compareAndSet(last, now)) {
      // Files may be slow, and this is an event loop.
      Thread.ofVirtual().name("mta-tls-reload").start(this::rereadIfChanged);
    }
    return context;
  }

  private void rereadIfChanged() {
    Stamp found = null;
    try {
      found = stamp();
      if (!found.equals(read)) {
        context = Certificates.read(certificate, key, clients);
        read = found;
        log.info("read the renewed certificate {}", certificate);
      }
    } catch (IOException | GeneralSecurityException | RuntimeException e) {
      // Between the writing of the two files they do not match; the next look will tell.
      if (found == null || !found.equals(complainedOf)) {
        complainedOf = found;
        log.warn("certificate {} cannot be read anew, the old one stays", certificate, e);
      }
    }
  }

  private Stamp stamp() throws IOException {
    return new Stamp(Files.getLastModifiedTime(certificate), Files.getLastModifiedTime(key));
  }
}
