package org.unifiedmta.delivery.server;

import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiFunction;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.unifiedmta.core.ConfigException;
import org.unifiedmta.core.limit.UnifiedRateLimiter.Limits;
import org.unifiedmta.delivery.inbound.InboundPolicy;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Auth;
import org.unifiedmta.delivery.server.UnifiedEmailServerConfig.Builder;
import org.unifiedmta.routing.domain.DomainConfig;
import org.unifiedmta.routing.zone.RetryPolicy;
import org.unifiedmta.security.dkim.DKIMCreator;
import org.unifiedmta.smtp.server.TlsConfig;

/** Settings as text, by the names of the builder's methods. */
final class ConfigProperties {
  private final Map<String, String> left;
  private final List<String> problems = new ArrayList<>();
  private Limits limits = Builder.STANDARD_LIMITS;

  private ConfigProperties(Map<String, String> properties) {
    left = new TreeMap<>(properties);
  }

  static Builder read(Map<String, String> properties) {
    var reader = new ConfigProperties(properties);
    var builder = reader.builder();
    if (!reader.problems.isEmpty()) {
      throw new ConfigException(reader.problems);
    }
    return builder;
  }

  private Builder builder() {
    var builder = UnifiedEmailServerConfig.builder();
    take("hostname", builder::hostname);
    take("ports", value -> list(value).forEach(port -> builder.ports(Integer.parseInt(port))));
    take("domains", value -> list(value).forEach(name -> builder.domains(DomainConfig.of(name))));
    take("dataDirectory", value -> builder.dataDirectory(Path.of(value)));
    take("maxMessageSize", value -> builder.maxMessageSize(Long.parseLong(value)));
    take("maxClients", value -> builder.maxClients(Integer.parseInt(value)));
    take("maxRecipients", value -> builder.maxRecipients(Integer.parseInt(value)));
    take("commandTimeout", value -> builder.commandTimeout(duration(value)));
    take("dataTimeout", value -> builder.dataTimeout(duration(value)));
    take("messageTimeout", value -> builder.messageTimeout(duration(value)));
    take("minDataRate", value -> builder.minDataRate(Integer.parseInt(value)));
    take("sessionTimeout", value -> builder.sessionTimeout(duration(value)));
    take("greetingDelay", value -> builder.greetingDelay(duration(value)));
    take("failedLoginDelay", value -> builder.failedLoginDelay(duration(value)));
    take("maxLineLength", value -> builder.maxLineLength(Integer.parseInt(value)));
    take("normalizeLineEnds", value -> builder.normalizeLineEnds(flag(value)));
    take("verify", value -> builder.verify(flag(value)));
    take("minFreeDisk", value -> builder.minFreeDisk(Integer.parseInt(value)));
    take("bufferMemory", value -> builder.bufferMemory(Long.parseLong(value)));
    take("trustedNetworks", value -> list(value).forEach(builder::trustedNetworks));
    take("trustedProxies", value -> list(value).forEach(builder::trustedProxies));
    take("mxPort", value -> builder.mxPort(Integer.parseInt(value)));
    take("maxAttempts", value -> builder.maxAttempts(Integer.parseInt(value)));
    take("allowPrivateTargets", value -> builder.allowPrivateTargets(flag(value)));
    take("shutdownTimeout", value -> builder.shutdownTimeout(duration(value)));
    take("retry", value -> builder.retry(RetryPolicy.parse(value)));
    take("mtaSts", value -> builder.mtaSts(flag(value)));
    take("inboundPolicy", value -> builder.inboundPolicy(policy(value)));
    take("dkimKeys", value -> builder.dkimCreator(new DKIMCreator(Path.of(value))));
    take("auth.withoutTls", value -> builder.authWithoutTls(flag(value)));
    rateLimits(builder);
    auth(builder);
    tls(builder);
    left.keySet().forEach(key -> problems.add("unknown setting " + key));
    return builder;
  }

  private static InboundPolicy policy(String name) {
    return switch (name) {
      case "off" -> InboundPolicy.off();
      case "report" -> InboundPolicy.report();
      case "enforce" -> InboundPolicy.enforce();
      default -> throw new IllegalArgumentException("none of off, report, enforce: " + name);
    };
  }

  private void rateLimits(Builder builder) {
    take(
        "rateLimits",
        value -> {
          if (!flag(value)) {
            limits = Limits.unlimited();
          }
        });
    limit("maxMessagesPerMinute", Limits::withMaxMessagesPerMinute);
    limit("maxRecipientsPerMessage", Limits::withMaxRecipientsPerMessage);
    limit("maxConnectionsPerIP", Limits::withMaxConnectionsPerIP);
    limit("maxConnectionsPerMinute", Limits::withMaxConnectionsPerMinute);
    limit("maxErrorsPerIP", Limits::withMaxErrorsPerIP);
    limit("maxAuthFailuresPerIP", Limits::withMaxAuthFailuresPerIP);
    take("rateLimits.blockDuration", value -> limits = limits.withBlockDuration(duration(value)));
    builder.rateLimits(limits);
  }

  private void limit(String name, BiFunction<Limits, Integer, Limits> setting) {
    take("rateLimits." + name, value -> limits = setting.apply(limits, Integer.valueOf(value)));
  }

  private void auth(Builder builder) {
    var required = left.remove("auth.required");
    var methods = left.remove("auth.methods");
    take(
        "auth.users",
        value -> {
          var auth = Auth.users(users(value)).withRequired(required != null && flag(required));
          builder.auth(
              methods == null ? auth : auth.withMethods(list(methods).toArray(String[]::new)));
        });
  }

  private void tls(Builder builder) {
    var key = left.remove("tls.key");
    var authorities = left.remove("tls.clientAuthorities");
    take(
        "tls.certificate",
        value -> {
          if (key == null) {
            throw new IllegalArgumentException("tls.key is missing");
          }
          var tls = TlsConfig.ofPem(Path.of(value), Path.of(key));
          builder.tls(authorities == null ? tls : tls.withClientCertificates(Path.of(authorities)));
        });
  }

  private void take(String key, Consumer<String> setting) {
    var value = left.remove(key);
    if (value == null) {
      return;
    }
    try {
      setting.accept(value.strip());
    } catch (NumberFormatException e) {
      problems.add(key + ": no number: " + value);
    } catch (ConfigException e) {
      problems.addAll(e.problems());
    } catch (IllegalArgumentException e) {
      problems.add(key + ": " + e.getMessage());
    }
  }

  private static List<String> list(String value) {
    return Stream.of(value.split(",")).map(String::strip).filter(part -> !part.isEmpty()).toList();
  }

  private static boolean flag(String value) {
    return switch (value.toLowerCase(Locale.ROOT)) {
      case "true", "yes", "on" -> true;
      case "false", "no", "off" -> false;
      default -> throw new IllegalArgumentException("neither true nor false: " + value);
    };
  }

  /** {@code user:password,user:password}. */
  static Map<String, String> users(String value) {
    var users = new LinkedHashMap<String, String>();
    for (var login : list(value)) {
      int colon = login.indexOf(':');
      if (colon <= 0) {
        throw new IllegalArgumentException("no user:password in the list of logins");
      }
      users.put(login.substring(0, colon), login.substring(colon + 1));
    }
    return users;
  }

  /** {@code 500ms}, {@code 30s}, {@code 5m}, {@code 4h} or {@code 2d}. */
  static Duration duration(String value) {
    int unit = 0;
    while (unit < value.length() && Character.isDigit(value.charAt(unit))) {
      unit++;
    }
    if (unit == 0 || unit > 9) {
      throw new IllegalArgumentException("no duration: " + value);
    }
    long number = Long.parseLong(value.substring(0, unit));
    return switch (value.substring(unit).strip()) {
      case "ms" -> Duration.ofMillis(number);
      case "s" -> Duration.ofSeconds(number);
      case "m" -> Duration.ofMinutes(number);
      case "h" -> Duration.ofHours(number);
      case "d" -> Duration.ofDays(number);
      default -> throw new IllegalArgumentException("no duration: " + value);
    };
  }
}
