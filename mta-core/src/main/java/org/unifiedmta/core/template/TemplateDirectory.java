package org.unifiedmta.core.template;

import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.template.TemplateManager.EmailTemplate;

/** Reads templates from files, see {@link TemplateManager#loadDirectory}. */
final class TemplateDirectory {
  private static final int MAXIMUM_FILE = 4 * 1024 * 1024; // 1 M characters are not more
  private static final int MAXIMUM_FILES = 30_000;
  private static final String PROPERTIES = ".properties";
  private static final String HTML = ".html";
  private static final String TEXT = ".txt";
  private static final Set<String> KEYS =
      Set.of("subject", "from", "name", "description", "category");

  private final Path directory;
  private final Set<String> files;

  private TemplateDirectory(Path directory, Set<String> files) {
    this.directory = directory;
    this.files = files;
  }

  static List<Letter> read(Path directory) {
    var files = new TreeSet<String>();
    try (var entries = Files.list(directory)) {
      entries
          .filter(Files::isRegularFile)
          .map(file -> String.valueOf(file.getFileName()))
          .filter(name -> !name.startsWith("."))
          .limit(MAXIMUM_FILES + 1L)
          .forEach(files::add);
    } catch (IOException e) {
      throw unreadable(directory, e);
    }
    if (files.size() > MAXIMUM_FILES) {
      throw new TemplateException(directory + ": more than " + MAXIMUM_FILES + " files");
    }
    return new TemplateDirectory(directory, files).letters();
  }

  private List<Letter> letters() {
    var letters = new ArrayList<Letter>();
    for (var file : files) {
      if (file.endsWith(PROPERTIES)) {
        letters.add(letter(withoutEnd(file, PROPERTIES)));
      }
      for (var end : List.of(HTML, TEXT)) {
        if (file.endsWith(end) && !files.contains(withoutEnd(file, end) + PROPERTIES)) {
          throw new TemplateException(
              directory.resolve(file)
                  + ": a body without "
                  + withoutEnd(file, end)
                  + PROPERTIES
                  + ", which says the subject");
        }
      }
    }
    return letters;
  }

  private static String withoutEnd(String file, String end) {
    return file.substring(0, file.length() - end.length());
  }

  private Letter letter(String id) {
    var file = directory.resolve(id + PROPERTIES);
    var properties = properties(file);
    var subject = properties.getProperty("subject");
    if (subject == null) {
      throw new TemplateException(file + ": no subject");
    }
    if (!files.contains(id + HTML) && !files.contains(id + TEXT)) {
      throw new TemplateException(file + ": neither " + id + HTML + " nor " + id + TEXT);
    }
    var what = "template " + TemplateManager.shown(id) + ", ";
    return Letter.of(
        new EmailTemplate(
            id,
            properties.getProperty("name", id),
            properties.getProperty("description", ""),
            properties.getProperty("from"),
            subject,
            body(id + HTML),
            body(id + TEXT),
            properties.getProperty("category", "")),
        new Letter.Names(
            what + "subject in " + file,
            what + "from in " + file,
            what + directory.resolve(id + HTML),
            what + directory.resolve(id + TEXT)));
  }

  private static Properties properties(Path file) {
    var properties = new Properties();
    try {
      properties.load(new StringReader(text(file)));
    } catch (IllegalArgumentException | IOException e) {
      throw new TemplateException(file + ": " + e.getMessage(), e);
    }
    for (var key : properties.stringPropertyNames()) {
      if (!KEYS.contains(key)) {
        throw new TemplateException(
            file + ": unknown property " + key + ", known are " + new TreeSet<>(KEYS));
      }
    }
    return properties;
  }

  private @Nullable String body(String name) {
    return files.contains(name) ? text(directory.resolve(name)) : null;
  }

  private static String text(Path file) {
    byte[] octets;
    try (var in = Files.newInputStream(file)) {
      octets = in.readNBytes(MAXIMUM_FILE + 1);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
    if (octets.length > MAXIMUM_FILE) {
      throw new TemplateException(file + ": more than " + MAXIMUM_FILE + " octets");
    }
    try {
      var text = StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(octets)).toString();
      return text.startsWith("\uFEFF") ? text.substring(1) : text; // as some editors put it there
    } catch (CharacterCodingException e) {
      throw new TemplateException(file + ": not UTF-8", e);
    }
  }

  private static UncheckedIOException unreadable(Path path, IOException why) {
    return new UncheckedIOException(path + " cannot be read: " + why, why);
  }
}
