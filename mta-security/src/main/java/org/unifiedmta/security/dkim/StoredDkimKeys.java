package org.unifiedmta.security.dkim;

import java.io.IOException;
import java.io.StringReader;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.interfaces.EdECPrivateKey;
import java.security.interfaces.RSAPrivateCrtKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.RSAPublicKeySpec;
import java.security.spec.X509EncodedKeySpec;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.bouncycastle.asn1.edec.EdECObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.SubjectPublicKeyInfo;
import org.bouncycastle.crypto.params.Ed25519PrivateKeyParameters;
import org.bouncycastle.openssl.PEMKeyPair;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.util.io.pem.PemObject;
import org.bouncycastle.util.io.pem.PemWriter;
import org.unifiedmta.core.storage.StorageManager;

/**
 * Signing keys among other small values, {@code dkim/DOMAIN/SELECTOR}: two lines of what is known
 * of it, and the private key in PEM (PKCS#8). A key is written with its state in one value, so that
 * a crash leaves the old state or the new one.
 */
final class StoredDkimKeys implements DkimKeyStore {
  private static final String PREFIX = "dkim/";
  private static final String STATE = "State: ";
  private static final String CREATED = "Created: ";

  private final StorageManager storage;

  StoredDkimKeys(StorageManager storage) {
    this.storage = storage;
  }

  @Override
  public List<Entry> entries(String domain) {
    var prefix = PREFIX + domain + "/";
    var entries = new ArrayList<Entry>();
    for (var key : storage.list(prefix)) {
      storage
          .get(key)
          .map(bytes -> new String(bytes, StandardCharsets.US_ASCII))
          .ifPresent(text -> entries.add(read(domain, key.substring(prefix.length()), text)));
    }
    entries.sort(Comparator.comparing(Entry::createdAt));
    return entries;
  }

  private static Entry read(String domain, String selector, String text) {
    var state = Entry.State.SIGNING;
    var created = Instant.EPOCH;
    for (var line : text.lines().toList()) {
      if (line.startsWith(STATE)) {
        state = Entry.State.valueOf(line.substring(STATE.length()));
      } else if (line.startsWith(CREATED)) {
        created = Instant.parse(line.substring(CREATED.length()));
      }
    }
    return new Entry(domain, selector, pair(text), created, state);
  }

  @Override
  public void save(Entry entry) {
    var text = new StringWriter();
    text.append(STATE).append(entry.state().name()).append('\n');
    text.append(CREATED).append(entry.createdAt().toString()).append('\n');
    try (var pem = new PemWriter(text)) {
      pem.writeObject(new PemObject("PRIVATE KEY", entry.keys().getPrivate().getEncoded()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    storage.set(
        PREFIX + entry.domain() + "/" + entry.selector(),
        text.toString().getBytes(StandardCharsets.US_ASCII));
  }

  /**
   * Reads a private key in PEM, of PKCS#8 or PKCS#1, with whatever text around it.
   *
   * @throws IllegalArgumentException if there is none of RSA or Ed25519
   */
  static KeyPair pair(String text) {
    try (var pem = new PEMParser(new StringReader(text))) {
      var found = pem.readObject();
      var info =
          switch (found) {
            case PEMKeyPair pair -> pair.getPrivateKeyInfo();
            case PrivateKeyInfo key -> key;
            case null -> throw new IllegalArgumentException("no key in PEM");
            default ->
                throw new IllegalArgumentException(
                    "no key that can be read: " + found.getClass().getSimpleName());
          };
      return pair(info);
    } catch (IOException | GeneralSecurityException e) {
      throw new IllegalArgumentException("no key that can be read: " + e.getMessage(), e);
    }
  }

  private static KeyPair pair(PrivateKeyInfo info) throws IOException, GeneralSecurityException {
    boolean edwards =
        info.getPrivateKeyAlgorithm().getAlgorithm().equals(EdECObjectIdentifiers.id_Ed25519);
    var key =
        KeyFactory.getInstance(edwards ? "Ed25519" : "RSA")
            .generatePrivate(new PKCS8EncodedKeySpec(info.getEncoded()));
    return new KeyPair(publicOf(key), key);
  }

  private static PublicKey publicOf(PrivateKey key) throws IOException, GeneralSecurityException {
    if (key instanceof RSAPrivateCrtKey rsa) {
      return KeyFactory.getInstance("RSA")
          .generatePublic(new RSAPublicKeySpec(rsa.getModulus(), rsa.getPublicExponent()));
    }
    if (key instanceof EdECPrivateKey edwards) {
      var octets = new Ed25519PrivateKeyParameters(edwards.getBytes().orElseThrow());
      var info =
          new SubjectPublicKeyInfo(
              new AlgorithmIdentifier(EdECObjectIdentifiers.id_Ed25519),
              octets.generatePublicKey().getEncoded());
      return KeyFactory.getInstance("Ed25519")
          .generatePublic(new X509EncodedKeySpec(info.getEncoded()));
    }
    throw new GeneralSecurityException("neither RSA nor Ed25519");
  }
}
