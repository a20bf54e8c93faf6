package org.unifiedmta.security.dkim;

import static java.nio.file.attribute.PosixFilePermission.GROUP_WRITE;
import static java.nio.file.attribute.PosixFilePermission.OTHERS_WRITE;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Collections;
import java.util.List;
import java.util.Set;

/** Files of keys that others than their owner can get at. */
final class LooseFiles {
  private static final int MOST = 100; // told of; they have one cause
  private static final int DEPTH = 8;
  private static final Set<PosixFilePermission> NOBODY_ELSE =
      PosixFilePermissions.fromString("---rwxrwx");

  /** A directory may be read, since the names in it are in the DNS, too. */
  private static final Set<PosixFilePermission> NO_OTHER_WRITER = Set.of(GROUP_WRITE, OTHERS_WRITE);

  private LooseFiles() {}

  /** Files that others can read or change, and directories that they can change; sorted. */
  static List<Path> below(Path directory) {
    try (var paths = Files.walk(directory, DEPTH)) {
      return paths.filter(LooseFiles::isLoose).limit(MOST).sorted().toList();
    } catch (IOException | UncheckedIOException e) {
      return List.of(); // whoever reads the keys will say why he cannot
    }
  }

  private static boolean isLoose(Path path) {
    var view =
        Files.getFileAttributeView(path, PosixFileAttributeView.class, LinkOption.NOFOLLOW_LINKS);
    if (view == null) {
      return false; // a file system without POSIX permissions
    }
    try {
      var found = view.readAttributes();
      var unwanted = found.isDirectory() ? NO_OTHER_WRITER : NOBODY_ELSE;
      return !found.isSymbolicLink() && !Collections.disjoint(found.permissions(), unwanted);
    } catch (IOException e) {
      return false;
    }
  }
}
