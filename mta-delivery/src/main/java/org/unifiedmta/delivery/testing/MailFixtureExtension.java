package org.unifiedmta.delivery.testing;

import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.BeforeEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ExtensionContext.Namespace;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/**
 * One {@link MailFixture} for a test class and those nested in it, reset before each test, as a
 * parameter of tests and of lifecycle methods. By {@link MailTest}, or with settings in a static
 * field:
 *
 * <pre>{@code
 * @RegisterExtension
 * static final MailFixtureExtension MAIL =
 *     new MailFixtureExtension(MailFixture.builder().user("ann", "secret"));
 * }</pre>
 */
public final class MailFixtureExtension
    implements BeforeAllCallback, BeforeEachCallback, AfterAllCallback, ParameterResolver {
  private static final Namespace NAMESPACE = Namespace.create(MailFixtureExtension.class);

  private final MailFixture.Builder builder;

  /** With nothing set. */
  public MailFixtureExtension() {
    this(MailFixture.builder());
  }

  public MailFixtureExtension(MailFixture.Builder builder) {
    this.builder = builder;
  }

  @Override
  public void beforeAll(ExtensionContext context) {
    if (find(context) == null) { // that of the enclosing class is found too
      context.getStore(NAMESPACE).put(MailFixture.class, builder.start());
    }
  }

  @Override
  public void beforeEach(ExtensionContext context) {
    fixture(context).reset();
  }

  @Override
  public void afterAll(ExtensionContext context) {
    var ours = context.getStore(NAMESPACE).remove(MailFixture.class, MailFixture.class);
    if (ours != null) {
      ours.close();
    }
  }

  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == MailFixture.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    return fixture(context);
  }

  private static MailFixture fixture(ExtensionContext context) {
    var fixture = find(context);
    if (fixture == null) {
      throw new IllegalStateException(
          "register MailFixtureExtension by @MailTest or in a static field");
    }
    return fixture;
  }

  private static @Nullable MailFixture find(ExtensionContext context) {
    return context.getStore(NAMESPACE).get(MailFixture.class, MailFixture.class);
  }
}
