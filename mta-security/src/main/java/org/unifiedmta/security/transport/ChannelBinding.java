package org.unifiedmta.security.transport;

import java.io.IOException;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.security.AlgorithmParameters;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.ExtendedSSLSession;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSession;
import org.jspecify.annotations.Nullable;

/** What both ends of a TLS connection know it by (RFC 5056). */
public final class ChannelBinding {
  /** The hash of the server's certificate (RFC 5929 4). */
  public static final String TLS_SERVER_END_POINT = "tls-server-end-point";

  /** Keying material that both ends derive from the connection (RFC 9266). */
  public static final String TLS_EXPORTER = "tls-exporter";

  private static final String EXPORTER_LABEL = "EXPORTER-Channel-Binding";
  private static final int EXPORTER_OCTETS = 32;
  // The JDK has it since 25.
  private static final @Nullable MethodHandle EXPORT = export();

  private ChannelBinding() {}

  private static @Nullable MethodHandle export() {
    try {
      return MethodHandles.publicLookup()
          .findVirtual(
              ExtendedSSLSession.class,
              "exportKeyingMaterialData",
              MethodType.methodType(byte[].class, String.class, byte[].class, int.class));
    } catch (NoSuchMethodException | IllegalAccessException e) {
      return null;
    }
  }

  /** Those that a server's session has once its handshake is done, by their names. */
  public static Map<String, byte[]> ofServer(SSLSession session) {
    var bindings = new HashMap<String, byte[]>();
    var chain = session.getLocalCertificates();
    if (chain != null && chain.length > 0 && chain[0] instanceof X509Certificate certificate) {
      serverEndPoint(certificate).ifPresent(hash -> bindings.put(TLS_SERVER_END_POINT, hash));
    }
    exporter(session).ifPresent(material -> bindings.put(TLS_EXPORTER, material));
    return bindings;
  }

  /**
   * The binding {@link #TLS_EXPORTER}, the same at both ends. Empty before JDK 25, and below TLS
   * 1.3: RFC 9266 4.2 wants an extended master secret there, of which the session does not tell.
   */
  public static Optional<byte[]> exporter(SSLSession session) {
    if (EXPORT == null
        || !session.getProtocol().equals("TLSv1.3")
        || !(session instanceof ExtendedSSLSession extended)) {
      return Optional.empty();
    }
    try {
      return Optional.of(
          (byte[]) EXPORT.invokeExact(extended, EXPORTER_LABEL, new byte[0], EXPORTER_OCTETS));
    } catch (SSLException | RuntimeException e) {
      return Optional.empty(); // another TLS than the JDK's
    } catch (Throwable e) {
      throw new IllegalStateException("cannot export keying material", e);
    }
  }

  /**
   * The binding {@link #TLS_SERVER_END_POINT}: the certificate hashed by the hash of its own
   * signature, or by SHA-256 where that is MD5 or SHA-1. Empty where the signature has no hash, as
   * with Ed25519, or two, for which RFC 5929 4.1 defines none.
   */
  public static Optional<byte[]> serverEndPoint(X509Certificate certificate) {
    try {
      var name = certificate.getSigAlgName().toUpperCase(Locale.ROOT);
      var hash =
          name.equals("RSASSA-PSS") ? hashOfPss(certificate.getSigAlgParams()) : hashIn(name);
      return hash == null
          ? Optional.empty()
          : Optional.of(MessageDigest.getInstance(hash).digest(certificate.getEncoded()));
    } catch (GeneralSecurityException | IOException e) {
      return Optional.empty(); // a hash that the JDK does not have
    }
  }

  /** The hash in {@code SHA256WITHRSA}, {@code SHA3-256WITHECDSA} and the like. */
  private static @Nullable String hashIn(String signature) {
    int end = signature.indexOf("WITH");
    if (end < 0) {
      return null;
    }
    var hash = signature.substring(0, end);
    return switch (hash) {
      case "MD5", "SHA", "SHA1" -> "SHA-256";
      default ->
          hash.startsWith("SHA") && !hash.startsWith("SHA3-") ? "SHA-" + hash.substring(3) : hash;
    };
  }

  private static @Nullable String hashOfPss(byte @Nullable [] parameters)
      throws GeneralSecurityException, IOException {
    if (parameters == null) {
      return "SHA-256"; // the default of RFC 4055 3.1 is SHA-1
    }
    var decoded = AlgorithmParameters.getInstance("RSASSA-PSS");
    decoded.init(parameters);
    var pss = decoded.getParameterSpec(PSSParameterSpec.class);
    var hash = pss.getDigestAlgorithm();
    if (!(pss.getMGFParameters() instanceof MGF1ParameterSpec mask)
        || !mask.getDigestAlgorithm().equals(hash)) {
      return null;
    }
    return hash.equals("SHA-1") ? "SHA-256" : hash;
  }
}
