package org.unifiedmta.examples;

import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.ConfigException;
import org.unifiedmta.core.dns.ZoneResolver;
import org.unifiedmta.delivery.attempt.MailHandler;
import org.unifiedmta.delivery.attempt.Maildir;
import org.unifiedmta.delivery.attempt.RecipientVerdict;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Auth;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Listener;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Mode;
import org.unifiedmta.routing.route.Action;
import org.unifiedmta.routing.route.Match;
import org.unifiedmta.routing.route.Route;
import org.unifiedmta.smtp.server.TlsConfig;

/** Turns the short keys {@code mta.…} into the library's settings; other keys are its own. */
final class StandaloneConfig {
  private final Map<String, String> shortKeys = new TreeMap<>();
  private final Map<String, String> library = new HashMap<>();

  private StandaloneConfig(Map<String, String> settings) {
    settings.forEach(
        (key, value) -> (key.startsWith("mta.") ? shortKeys : library).put(key, value.strip()));
  }

  /**
   * Reads the settings; whoever is on this machine may relay if nothing was said at all.
   *
   * @throws ConfigException with every problem found
   * @throws IOException if a file that they name cannot be read
   */
  static UnifiedEmailServerConfig read(Map<String, String> settings) throws IOException {
    return new StandaloneConfig(settings).config(settings.isEmpty());
  }

  private UnifiedEmailServerConfig config(boolean bare) throws IOException {
    rename("mta.hostname", "hostname", "localhost");
    rename("mta.domains", "domains", null);
    rename("mta.trusted", "trustedNetworks", bare ? "127.0.0.0/8,::1" : null);
    rename("mta.retry", "retry", null);
    rename("mta.mx-port", "mxPort", null);
    rename("mta.private-targets", "allowPrivateTargets", null);
    var data = take("mta.data", "memory");
    if (!data.equals("memory")) {
      library.put("dataDirectory", data);
    }
    var deliver = take("mta.deliver", "discard");
    if (deliver.equals("hold")) {
      library.put("maxAttempts", "0");
    }
    if (isOff("mta.limits")) {
      library.putIfAbsent("maxClients", "5000");
      library.putIfAbsent("rateLimits", "off");
    }
    if (isOff("mta.checks")) {
      library.putIfAbsent("inboundPolicy", "off");
    }
    var bind = take("mta.bind", "127.0.0.1");
    var ports = list(take("mta.ports", "2525"));
    var users = Set.copyOf(list(take("mta.users", "").toLowerCase(Locale.ROOT)));
    var relay = take("mta.relay", "");
    var tls = take("mta.tls", "");
    var logins = take("mta.auth", "");
    var dns = take("mta.dns", "system");
    if (!shortKeys.isEmpty()) {
      throw new ConfigException(
          shortKeys.keySet().stream().map(key -> "unknown setting " + key).toList());
    }
    var read = UnifiedEmailServerConfig.fromProperties(library);
    var builder = read.toBuilder().mailHandler(handler(deliver, users));
    ports.forEach(port -> builder.listen(listener(bind, port)));
    if (!tls.isEmpty()) {
      builder.tls(certificate(tls, read.hostname()));
    }
    if (!logins.isEmpty()) {
      builder.auth(Auth.users(passwords(logins)));
    }
    if (!dns.equals("system")) {
      builder.dnsResolver(ZoneResolver.parse(Files.readString(Path.of(dns))));
    }
    if (!relay.isEmpty()) {
      var domains = read.domains().stream().map(domain -> domain.domain()).toList();
      builder.routes(relayRoutes(relay, domains, users));
    }
    return builder.build();
  }

  private void rename(String key, String name, @Nullable String otherwise) {
    var value = shortKeys.remove(key);
    if (value != null) {
      library.put(name, value);
    } else if (otherwise != null) {
      library.putIfAbsent(name, otherwise);
    }
  }

  private String take(String key, String otherwise) {
    var value = shortKeys.remove(key);
    return value == null ? otherwise : value;
  }

  private boolean isOff(String key) {
    var value = take(key, "on");
    if (!value.equals("on") && !value.equals("off")) {
      throw new ConfigException(key + ": neither on nor off: " + value);
    }
    return value.equals("off");
  }

  private static List<String> list(String value) {
    return Stream.of(value.split(",")).map(String::strip).filter(part -> !part.isEmpty()).toList();
  }

  private static Map<String, String> passwords(String value) {
    return list(value).stream()
        .peek(login -> {
          if (login.indexOf(':') <= 0) {
            throw new ConfigException("mta.auth: no user:password");
          }
        })
        .collect(
            Collectors.toMap(
                login -> login.substring(0, login.indexOf(':')),
                login -> login.substring(login.indexOf(':') + 1),
                (first, second) -> second));
  }

  /** {@code 2525}, {@code tls:4650} or {@code lmtp:2424}. */
  private static Listener listener(String bind, String port) {
    boolean tls = port.startsWith("tls:");
    boolean lmtp = port.startsWith("lmtp:");
    var number = tls || lmtp ? port.substring(port.indexOf(':') + 1) : port;
    try {
      return Listener.of(
              (tls ? "smtps-" : lmtp ? "lmtp-" : "smtp-") + number,
              new InetSocketAddress(bind, Integer.parseInt(number)),
              tls ? Mode.IMPLICIT_TLS : Mode.STARTTLS)
          .withLmtp(lmtp);
    } catch (IllegalArgumentException e) {
      throw new ConfigException("mta.ports: neither PORT nor tls:PORT nor lmtp:PORT: " + port);
    }
  }

  private static TlsConfig certificate(String tls, String hostname) {
    if (tls.equals("selfsigned")) {
      return TlsConfig.selfSigned(hostname);
    }
    var files = list(tls);
    if (files.size() != 2) {
      throw new ConfigException("mta.tls: neither selfsigned nor cert.pem,key.pem: " + tls);
    }
    return TlsConfig.ofPem(Path.of(files.get(0)), Path.of(files.get(1)));
  }

  /** All mail that is taken goes to one host; what else is for our domains is nobody's. */
  private static List<Route> relayRoutes(String relay, List<String> domains, Set<String> users) {
    int colon = relay.lastIndexOf(':');
    Action.Forward forward;
    try {
      forward =
          Action.forward(
              relay.substring(0, Math.max(colon, 0)), Integer.parseInt(relay.substring(colon + 1)));
    } catch (IllegalArgumentException e) {
      throw new ConfigException("mta.relay: no host:port: " + relay);
    }
    var routes = new ArrayList<Route>();
    if (!domains.isEmpty() && !users.isEmpty()) {
      var known =
          domains.stream()
              .flatMap(domain ->
                  Stream.concat(users.stream(), Stream.of("postmaster"))
                      .map(user -> user.indexOf('@') < 0 ? user + "@" + domain : user))
              .distinct()
              .toArray(String[]::new);
      var ours = domains.stream().map(domain -> "*@" + domain).toArray(String[]::new);
      routes.add(Route.of("users", 20, Match.recipients(known), forward));
      routes.add(
          Route.of(
              "unknown", 10, Match.recipients(ours), Action.reject(550, "5.1.1 No such mailbox")));
    }
    routes.add(Route.of("relay", 0, Match.any(), forward));
    return routes;
  }

  private static MailHandler handler(String deliver, Set<String> users) {
    MailHandler handler;
    if (deliver.startsWith("maildir:")) {
      handler = new Maildir(Path.of(deliver.substring("maildir:".length())));
    } else if (deliver.equals("discard") || deliver.equals("hold")) {
      handler = (recipient, mail) -> RecipientVerdict.delivered();
    } else {
      throw new ConfigException("mta.deliver: discard, hold or maildir:DIR: " + deliver);
    }
    return users.isEmpty() ? handler : new KnownUsers(handler, users);
  }
}
