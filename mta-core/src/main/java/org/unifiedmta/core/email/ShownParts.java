package org.unifiedmta.core.email;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.mime.MimeReader;

/**
 * Which parts a mail reader shows, as text or as HTML, and which it offers as files: the algorithm
 * of RFC 8621 4.1.4.
 */
final class ShownParts {
  private static final String HTML = "text/html";
  private static final String TEXT = "text/plain";
  private static final String ALTERNATIVE = "multipart/alternative";
  private static final int MAXIMUM_SIZE = 16 * 1024 * 1024; // octets as encoded, of all parts

  private final List<MimeReader.Part> text = new ArrayList<>();
  private final List<MimeReader.Part> html = new ArrayList<>();
  private final Set<MimeReader.Part> shown = Collections.newSetFromMap(new IdentityHashMap<>());
  private long size;
  private boolean complete = true;

  ShownParts(MimeReader.Part root) {
    walk(List.of(root), "", false, text, html);
    // A part that stands for itself in both lists is read in its own form only.
    text.removeIf(part -> part.mimeType().equals(HTML));
    html.removeIf(part -> part.mimeType().equals(TEXT));
    shown.addAll(text);
    shown.addAll(html);
  }

  /** The parts in plain text, in wire order. */
  List<MimeReader.Part> text() {
    return text;
  }

  /** The parts in HTML, in wire order. */
  List<MimeReader.Part> html() {
    return html;
  }

  /** Whether it is this very part that is shown, in either form. */
  boolean contains(MimeReader.Part part) {
    return shown.contains(part);
  }

  /** Whether no part is left out because the text gets too long. */
  boolean isComplete() {
    return complete;
  }

  /**
   * @param multipart the type of what the parts are in
   * @param text where text goes, or null where another form of it is shown
   * @param html where HTML goes, or null likewise
   */
  private void walk(
      List<MimeReader.Part> parts,
      String multipart,
      boolean inAlternative,
      @Nullable List<MimeReader.Part> text,
      @Nullable List<MimeReader.Part> html) {
    boolean alternative = multipart.equals(ALTERNATIVE);
    int textBefore = text == null ? 0 : text.size();
    int htmlBefore = html == null ? 0 : html.size();
    for (int i = 0; i < parts.size(); i++) {
      var part = parts.get(i);
      if (part.isMultipart()) {
        walk(part.parts(), part.mimeType(), inAlternative || alternative, text, html);
      } else if (isShown(part, i == 0, multipart)) {
        boolean isHtml = part.mimeType().equals(HTML);
        if (inAlternative && !alternative) { // the other form of it is elsewhere
          text = isHtml ? null : text;
          html = isHtml ? html : null;
        }
        if (text != null && !(alternative && isHtml)) {
          text.add(part);
        }
        if (html != null && (!alternative || isHtml)) {
          html.add(part);
        }
      }
    }
    if (alternative && text != null && html != null) { // one form only: it is shown in both
      boolean noText = text.size() == textBefore;
      boolean noHtml = html.size() == htmlBefore;
      if (noText && !noHtml) {
        text.addAll(html.subList(htmlBefore, html.size()));
      } else if (noHtml && !noText) {
        html.addAll(text.subList(textBefore, text.size()));
      }
    }
  }

  /** What has a name is a file, unless it comes first, where some mailers name the text itself. */
  private boolean isShown(MimeReader.Part part, boolean first, String multipart) {
    boolean isText = part.mimeType().equals(TEXT) || part.mimeType().equals(HTML);
    boolean inPlace = first || (part.fileName() == null && !multipart.equals("multipart/related"));
    if (!isText || part.attachment() || !inPlace) {
      return false;
    }
    size += part.encodedSize();
    complete &= size <= MAXIMUM_SIZE;
    return size <= MAXIMUM_SIZE;
  }
}
