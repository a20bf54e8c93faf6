package org.unifiedmta.security.authres;

import java.net.InetAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.mime.HeaderText;
import org.unifiedmta.security.arc.ArcResult;
import org.unifiedmta.security.dkim.DkimResult;
import org.unifiedmta.security.dmarc.DmarcResult;
import org.unifiedmta.security.spf.SpfResult;

/**
 * The results of all authentication methods for one message (RFC 8601).
 *
 * @param dkim one for each signature, top to bottom
 */
public record AuthenticationResults(
    SpfResult spf, List<DkimResult> dkim, ArcResult arc, DmarcResult dmarc) {
  private static final int MAXIMUM = 300; // characters of a value
  private static final int MAXIMUM_SIGNATURES = 20; // that are written down, of however many

  public AuthenticationResults {
    dkim = List.copyOf(dkim);
  }

  /** Nothing was checked. */
  public static AuthenticationResults none() {
    return new AuthenticationResults(
        new SpfResult(
            SpfResult.Result.NONE, "", InetAddress.getLoopbackAddress(), null, "not checked"),
        List.of(),
        ArcResult.none(),
        DmarcResult.none());
  }

  /**
   * The Authentication-Results field (RFC 8601 2.2), folded, without the line break at its end.
   *
   * @param authservId our own name
   */
  public String header(String authservId) {
    return HeaderText.fold("Authentication-Results", value(authservId) + "; " + results());
  }

  /** What follows the authserv-id, on one line: {@code spf=pass smtp.mailfrom=example.org; …}. */
  public String results() {
    var results = new ArrayList<String>();
    results.add(
        "spf="
            + word(spf.result())
            + (spf.domain().isEmpty() ? "" : " smtp.mailfrom=" + value(spf.domain())));
    for (var signature : writtenDown()) {
      results.add(
          "dkim="
              + word(signature.status())
              + reason(signature)
              + property(" header.d=", signature.domain())
              + property(" header.s=", signature.selector()));
    }
    if (dkim.isEmpty()) {
      results.add("dkim=none");
    }
    results.add("arc=" + arcText());
    results.add(
        "dmarc="
            + dmarcWord()
            + (dmarc.policy() == DmarcResult.Policy.ABSENT
                ? ""
                : " (p=" + word(dmarc.policy()) + ")")
            + property(" policy.domain=", dmarc.recordDomain()));
    return String.join("; ", results);
  }

  /** A sender may add thousands that nobody looks at. */
  private List<DkimResult> writtenDown() {
    return dkim.size() > MAXIMUM_SIGNATURES ? dkim.subList(0, MAXIMUM_SIGNATURES) : dkim;
  }

  /** {@code pass (i=2)}, {@code fail (reason)} or {@code none}. */
  private String arcText() {
    var reason = arc.reason();
    var comment =
        switch (arc.status()) {
          case NONE -> null;
          case PASS -> "i=" + arc.instance();
          case FAIL, TEMPERROR -> reason == null ? null : shown(reason);
        };
    return word(arc.status()) + (comment == null ? "" : " (" + comment + ")");
  }

  /** RFC 9989 11.1, RFC 8601 2.7. */
  private String dmarcWord() {
    return switch (dmarc.action()) {
      case PASS -> "pass";
      case TEMPERROR -> "temperror";
      case NONE, QUARANTINE, REJECT ->
          dmarc.policy() == DmarcResult.Policy.ABSENT ? "none" : "fail";
    };
  }

  /** {@code pass (domain=d; selector=s)}, one for each of the first 20 signatures. */
  public List<String> dkimTexts() {
    return writtenDown().stream()
        .map(signature ->
            word(signature.status())
                + " (domain="
                + shown(signature.domain())
                + "; selector="
                + shown(signature.selector())
                + ")")
        .toList();
  }

  /** {@code pass (action=none; policy=reject; spf=aligned; dkim=unaligned)}. */
  public String dmarcText() {
    return dmarcWord()
        + " (action="
        + word(dmarc.action())
        + "; policy="
        + word(dmarc.policy())
        + "; spf="
        + aligned(dmarc.spfDomainAligned())
        + "; dkim="
        + aligned(dmarc.dkimDomainAligned())
        + ")";
  }

  private static String aligned(boolean is) {
    return is ? "aligned" : "unaligned";
  }

  private static String word(Enum<?> value) {
    return value.name().toLowerCase(Locale.ROOT);
  }

  private static String property(String name, @Nullable String text) {
    return text == null ? "" : name + value(text);
  }

  private static String reason(DkimResult signature) {
    var text =
        signature.status() != DkimResult.Status.PASS
            ? signature.reason()
            : signature.testing() ? "the key is in testing (t=y)" : null;
    return text == null ? "" : " reason=" + quoted(text);
  }

  /**
   * {@code value = token / quoted-string} (RFC 2045 5.1): whatever it is, it ends where it ends.
   */
  private static String value(String text) {
    boolean token = !text.isEmpty() && text.length() <= MAXIMUM;
    for (int i = 0; token && i < text.length(); i++) {
      char c = text.charAt(i);
      token = c > ' ' && c < 127 && "()<>@,;:\\\"/[]?=".indexOf(c) < 0;
    }
    return token ? text : quoted(text);
  }

  private static String quoted(String text) {
    return "\"" + printable(text).replace("\\", "\\\\").replace("\"", "\\\"") + "\"";
  }

  /** In a comment of ours. */
  private static String shown(@Nullable String text) {
    return text == null
        ? "?"
        : printable(text).replace('(', '?').replace(')', '?').replace('\\', '?').replace(';', '?');
  }

  private static String printable(String text) {
    var line = new StringBuilder();
    for (int i = 0; i < text.length() && i < MAXIMUM; i++) {
      char c = text.charAt(i);
      line.append(c >= ' ' && c < 127 ? c : '?');
    }
    return line.toString();
  }
}
