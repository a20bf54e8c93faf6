package org.unifiedmta.delivery.inbound;

/** Whether a host's object does what its port leaves to a default. */
final class Overridden {
  private Overridden() {}

  static boolean is(Object object, Class<?> port, String method, Class<?>... parameters) {
    try {
      return object.getClass().getMethod(method, parameters).getDeclaringClass() != port;
    } catch (NoSuchMethodException e) {
      return true;
    }
  }
}
