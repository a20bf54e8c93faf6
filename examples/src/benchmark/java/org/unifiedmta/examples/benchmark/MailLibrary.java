package org.unifiedmta.examples.benchmark;

import java.io.OutputStream;

/** A library that reads and writes messages, used as its own documentation does. */
interface MailLibrary {

  /**
   * Reads everything a reader shows.
   *
   * @param file takes what is attached, decoded
   */
  Letter read(byte[] message, OutputStream file) throws Exception;

  /** Reads what a list of messages shows, by the shortest way there is. */
  Letter.Heading readHeading(byte[] message) throws Exception;

  /**
   * Writes a message.
   *
   * @param file what is attached, if the letter names it
   */
  byte[] write(Letter letter, byte[] file) throws Exception;
}
