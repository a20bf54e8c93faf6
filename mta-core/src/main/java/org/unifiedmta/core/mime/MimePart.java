package org.unifiedmta.core.mime;

import java.util.List;
import org.unifiedmta.core.spool.ByteSource;

/** A part that is to be written. */
public sealed interface MimePart {

  /**
   * A part with content of its own.
   *
   * @param contentType with its parameters, as it will stand in the field
   * @param fields further fields, complete but for the line end, folded where needed
   * @param text whether the content is lines of text: CR LF line ends, quoted-printable where that
   *     is shorter
   */
  record Leaf(String contentType, List<String> fields, ByteSource content, boolean text)
      implements MimePart {
    public Leaf {
      fields = List.copyOf(fields);
    }
  }

  /**
   * A multipart.
   *
   * @param contentType without the boundary, such as {@code multipart/alternative}
   */
  record Multipart(String contentType, List<MimePart> parts) implements MimePart {
    public Multipart {
      parts = List.copyOf(parts);
    }
  }
}
