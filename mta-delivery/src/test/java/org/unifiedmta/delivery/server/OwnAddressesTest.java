package org.unifiedmta.delivery.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.net.InetSocketAddress;
import java.net.NetworkInterface;
import java.net.SocketException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.unifiedmta.core.time.Timer;
import org.unifiedmta.delivery.server.UnifiedEmailServer.BoundListener;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Mode;

class OwnAddressesTest {
  private static OwnAddresses listening(String address, int port) {
    var bound = new InetSocketAddress(address, port);
    return new OwnAddresses(
        () -> List.of(new BoundListener("smtp", bound, Mode.PLAIN)), Timer.system());
  }

  @ParameterizedTest
  @CsvSource({
    "127.0.0.1, 127.0.0.1, 25, true",
    "127.0.0.1, 127.0.0.1, 26, false",
    "127.0.0.1, 127.0.0.2, 25, false",
    "0.0.0.0, 127.0.0.2, 25, true",
    "0.0.0.0, 0.0.0.0, 25, true",
    "'::', ::1, 25, true",
    "'::', 127.0.0.1, 25, true",
    "0.0.0.0, 192.0.2.1, 25, false",
    "0.0.0.0, 127.0.0.1, 26, false"
  })
  void whereWeListenIsOurs(String listener, String address, int port, boolean ours) {
    assertThat(listening(listener, 25).contains(new InetSocketAddress(address, port)))
        .isEqualTo(ours);
  }

  @Test
  void whereWeListenEverywhereEachAddressOfTheMachineIsOurs() throws SocketException {
    var addresses = listening("0.0.0.0", 25);
    var ofTheMachine =
        NetworkInterface.networkInterfaces().flatMap(NetworkInterface::inetAddresses).toList();
    assertThat(ofTheMachine)
        .isNotEmpty()
        .allMatch(address -> addresses.contains(new InetSocketAddress(address, 25)))
        .noneMatch(address -> addresses.contains(new InetSocketAddress(address, 26)));
  }
}
