package org.unifiedmta.examples.benchmark;

import java.io.ByteArrayInputStream;
import java.io.InputStream;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.time.Clock;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.SpooledMessage;
import org.unifiedmta.security.arc.ArcVerifier;
import org.unifiedmta.security.authres.AuthenticationResults;
import org.unifiedmta.security.authres.MessageAuthentication;
import org.unifiedmta.security.dkim.DKIMSigner;
import org.unifiedmta.security.dkim.DKIMVerifier;
import org.unifiedmta.security.dkim.DkimResult;
import org.unifiedmta.security.dmarc.DmarcVerifier;
import org.unifiedmta.security.spf.SpfResult;
import org.unifiedmta.security.spf.SpfVerifier;

/**
 * Signing and verifying, SPF with ten includes, and all that is done with a message that comes in;
 * each answer of the DNS is at hand.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class AuthenticationBenchmark {
  private static final InetAddress CLIENT = InetAddress.getLoopbackAddress();

  /** With which key. */
  public enum Key {
    RSA_2048,
    ED25519;

    KeyPair pair() {
      try {
        var generator = KeyPairGenerator.getInstance(this == RSA_2048 ? "RSA" : "Ed25519");
        if (this == RSA_2048) {
          generator.initialize(2048);
        }
        return generator.generateKeyPair();
      } catch (GeneralSecurityException e) {
        throw new IllegalStateException(e);
      }
    }

    String record(KeyPair pair) {
      var octets = pair.getPublic().getEncoded();
      if (this == ED25519) {
        octets = Arrays.copyOfRange(octets, octets.length - 32, octets.length);
      }
      return "v=DKIM1; k="
          + (this == RSA_2048 ? "rsa" : "ed25519")
          + "; p="
          + Base64.getEncoder().encodeToString(octets);
    }
  }

  @Param public Key key = Key.RSA_2048;

  @Param({"4096", "1048576"})
  public int octets = 4096;

  private byte[] message = new byte[0];
  private byte[] signed = new byte[0];
  private SpooledMessage spooled = new InMemory(message);
  private DKIMSigner signer;
  private DKIMVerifier verifier;
  private SpfVerifier spf;
  private MessageAuthentication all;
  private ExecutorService threads;

  @Setup
  public void prepare() {
    var pair = key.pair();
    var zone =
        ZoneResolver.builder()
            .txt("s._domainkey.example.org", key.record(pair))
            .txt("_dmarc.example.org", "v=DMARC1; p=reject")
            .txt("example.org", "v=spf1 include:0.example.org -all");
    for (int i = 0; i < 9; i++) {
      var next = i == 8 ? "ip4:127.0.0.1" : "include:" + (i + 1) + ".example.org";
      zone.txt(i + ".example.org", "v=spf1 ip4:192.0.2." + i + " " + next + " -all");
    }
    var dns = zone.build();
    message = message(octets);
    signer = DKIMSigner.builder("example.org", "s", pair.getPrivate()).build();
    signed = signer.sign(message);
    spooled = new InMemory(signed);
    verifier = new DKIMVerifier(dns);
    spf = new SpfVerifier(dns);
    threads = Executors.newVirtualThreadPerTaskExecutor();
    all =
        new MessageAuthentication(
            spf,
            verifier,
            new DmarcVerifier(dns),
            new ArcVerifier(dns, Clock.systemUTC(), DKIMVerifier.Policy.rfc8301()),
            threads,
            Duration.ofSeconds(20));
    if (!verify().getFirst().isValid() || spf().result() != SpfResult.Result.PASS) {
      throw new IllegalStateException(verify() + " " + spf());
    }
  }

  @TearDown
  public void end() {
    threads.shutdownNow();
  }

  private static byte[] message(int octets) {
    var text =
        new StringBuilder(
            "From: Ann <ann@example.org>\r\nTo: bob@example.net\r\nSubject: Load\r\n"
                + "Date: Thu, 26 Nov 2026 12:00:00 +0000\r\nMessage-ID: <load@example.org>\r\n\r\n");
    while (text.length() < octets) {
      text.append("A line of text as people write them, with some blanks.  \r\n");
    }
    return text.toString().getBytes(StandardCharsets.US_ASCII);
  }

  @Benchmark
  public byte[] sign() {
    return signer.sign(message);
  }

  @Benchmark
  public List<DkimResult> verify() {
    return verifier.verify(signed);
  }

  @Benchmark
  public SpfResult spf() {
    return spf.check("ann@example.org", CLIENT, "mail.example.org");
  }

  @Benchmark
  public AuthenticationResults all() {
    return all.check(spooled, "ann@example.org", CLIENT, "mail.example.org");
  }

  private record InMemory(byte[] octets) implements SpooledMessage {
    @Override
    public HeaderSection header() {
      return HeaderSection.of(octets);
    }

    @Override
    public SpooledMessage edited(byte[] prefix, List<Cut> cuts) {
      throw new UnsupportedOperationException();
    }

    @Override
    public InputStream open() {
      return new ByteArrayInputStream(octets);
    }

    @Override
    public long size() {
      return octets.length;
    }

    @Override
    public void close() {}
  }
}
