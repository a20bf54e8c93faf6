package org.unifiedmta.security.transport;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class HttpAnswerTest {
  private static final int MAXIMUM = 4096;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "HTTP/1.1 200 OK~Content-Type: text/plain~Content-Length: 5~~hello",
        "HTTP/1.1 200~content-type: TEXT/Plain ; charset=utf-8~content-length: 5~~hello, and more",
        "HTTP/1.1 200 OK~Content-Type: text/plain~Transfer-Encoding: chunked~~2~he~3;x=y~llo~0~~",
        "HTTP/1.1 200 OK~Content-Type: text/plain~Transfer-Encoding: chunked~~5~hello~0~X: y~~",
        "HTTP/1.0 200 OK~Content-Type: text/plain~~hello", // until the connection is closed
        "HTTP/1.1 103 Early Hints~Link: x~~HTTP/1.1 200 OK~Content-Type: text/plain~"
            + "Content-Length: 5~~hello",
      })
  void theseAreTheSameAnswer(String text) throws IOException {
    for (int atOnce : new int[] {1, 7, 10_000}) {
      var answer = HttpAnswer.read(pieces(octets(text), atOnce), MAXIMUM);
      assertThat(answer.status()).isEqualTo(200);
      assertThat(answer.mediaType()).isEqualTo("text/plain");
      assertThat(answer.body()).asString().isEqualTo("hello");
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "version: STSv1~mode: none~max_age: 1~~",
        "220 mail.example ESMTP~~",
        "HTTP/1.1 OK~~",
        "HTTP/1.1 200 OK",
        "HTTP/1.1 200 OK~Content-Length: 5~~hell",
        "HTTP/1.1 200 OK~Content-Length: 5~Content-Length: 6~~hello!",
        "HTTP/1.1 200 OK~Content-Length: -1~~hello",
        "HTTP/1.1 200 OK~Content-Length: 5x~~hello",
        "HTTP/1.1 200 OK~Transfer-Encoding: chunked~~5~hello~",
        "HTTP/1.1 200 OK~Transfer-Encoding: chunked~~hello~0~~",
        "HTTP/1.1 200 OK~Transfer-Encoding: chunked~~-5~hello~0~~",
        "HTTP/1.1 200 OK~Transfer-Encoding: chunked~~fffffffffffffffff~hello~0~~",
        "HTTP/1.1 200 OK~Content-Encoding: gzip~Content-Length: 5~~hello",
        "HTTP/1.1 100 Continue~~",
      })
  void theseAreNone(String text) {
    for (int atOnce : new int[] {1, 10_000}) {
      assertThatThrownBy(() -> HttpAnswer.read(pieces(octets(text), atOnce), MAXIMUM))
          .isInstanceOf(IOException.class);
    }
  }

  @Test
  void aBodyHasAtMostSoManyOctetsHoweverItIsFramed() throws IOException {
    for (int more = 0; more <= 1; more++) {
      var body = "x".repeat(MAXIMUM + more);
      var chunk = Integer.toHexString(body.length());
      for (var answer :
          new String[] {
            "HTTP/1.1 200 OK~Content-Length: " + body.length() + "~~" + body,
            "HTTP/1.1 200 OK~Transfer-Encoding: chunked~~" + chunk + "~" + body + "~0~~",
            "HTTP/1.1 200 OK~Transfer-Encoding: chunked~~" + "1~x~".repeat(body.length()) + "0~~",
            "HTTP/1.1 200 OK~~" + body
          }) {
        var in = pieces(octets(answer), 10_000);
        if (more == 0) {
          assertThat(HttpAnswer.read(in, MAXIMUM).body()).hasSize(MAXIMUM);
        } else {
          assertThatThrownBy(() -> HttpAnswer.read(in, MAXIMUM))
              .isInstanceOf(IOException.class)
              .hasMessage("a body of more than 4096 octets");
        }
      }
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "HTTP/1.1 100 Continue~~",
        "X: y~",
        "xxxxxxxx",
        "HTTP/1.1 200 OK~Transfer-Encoding: chunked~~1;",
        "~"
      })
  void anAnswerWithoutAnEndIsGivenUp(String repeated) {
    var octets = octets(repeated);
    for (var start : new String[] {"", "HTTP/1.1 200 OK~"}) {
      var first = new ByteArrayInputStream(octets(start));
      var endless =
          new InputStream() {
            private int at;

            @Override
            public int read() {
              int c = first.read();
              return c >= 0 ? c : octets[at++ % octets.length];
            }
          };
      assertThatThrownBy(() -> HttpAnswer.read(endless, MAXIMUM)).isInstanceOf(IOException.class);
    }
  }

  @Test
  void nothingThatAServerSaysBreaksReading() {
    var random = new Random(9112);
    var answer =
        octets("HTTP/1.1 200 OK~Content-Type: a~Transfer-Encoding: chunked~~2~he~3~llo~0~~");
    for (int i = 0; i < 5_000; i++) {
      var broken = answer.clone();
      for (int n = random.nextInt(4); n >= 0; n--) {
        broken[random.nextInt(broken.length)] = (byte) random.nextInt(256);
      }
      try {
        HttpAnswer.read(pieces(broken, 1 + random.nextInt(40)), 3 + random.nextInt(10));
      } catch (IOException e) {
        // as it should be
      }
    }
  }

  private static byte[] octets(String text) {
    return text.replace("~", "\r\n").getBytes(StandardCharsets.ISO_8859_1);
  }

  private static InputStream pieces(byte[] octets, int atOnce) {
    return new ByteArrayInputStream(octets) {
      @Override
      public int read(byte[] buffer) {
        return read(buffer, 0, Math.min(buffer.length, atOnce));
      }
    };
  }
}
