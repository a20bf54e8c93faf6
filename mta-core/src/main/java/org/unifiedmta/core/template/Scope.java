package org.unifiedmta.core.template;

import java.lang.reflect.Array;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.math.BigDecimal;
import java.net.URI;
import java.time.temporal.TemporalAccessor;
import java.util.Arrays;
import java.util.Collections;
import java.util.Iterator;
import java.util.Map;
import java.util.UUID;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * All that jmustache gets to see of the variables: a value, and around it those of the sections it
 * is in. Only maps and records have members, nothing else of an object can be reached.
 */
final class Scope {
  private static final Object ABSENT = new Object();

  private static final ClassValue<Map<String, Method>> COMPONENTS =
      new ClassValue<>() {
        @Override
        protected Map<String, Method> computeValue(Class<?> type) {
          var components =
              Arrays.stream(type.getRecordComponents())
                  .map(component -> component.getAccessor())
                  .collect(Collectors.toMap(Method::getName, Function.identity()));
          components.values().forEach(Method::trySetAccessible);
          return components;
        }
      };

  private final Rendering rendering;
  private final @Nullable Scope outer;
  private final String name;
  private final @Nullable Object value;

  private Scope(Rendering rendering, @Nullable Scope outer, String name, @Nullable Object value) {
    this.rendering = rendering;
    this.outer = outer;
    this.name = name;
    this.value = value;
  }

  static Scope of(Map<String, ?> variables, Rendering rendering) {
    return new Scope(rendering, null, ".", variables);
  }

  /**
   * What a tag such as {@code name} or {@code user.name|friend} stands for.
   *
   * @return a scope, or a Boolean, for which jmustache opens none
   */
  Object find(String tag) {
    int bar = tag.indexOf('|');
    var wanted = bar < 0 ? tag : tag.substring(0, bar).trim();
    var found = lookUp(wanted);
    if (bar >= 0 && isEmpty(found)) {
      found = tag.substring(bar + 1).trim();
    }
    return found instanceof Boolean ? found : new Scope(rendering, this, wanted, found);
  }

  private @Nullable Object lookUp(String wanted) {
    if (wanted.equals(".")) {
      return value;
    }
    var found = inAnyScope(wanted); // a map may well have the key "user.name"
    int dot = wanted.indexOf('.');
    if (found == ABSENT && dot >= 0) {
      found = inAnyScope(wanted.substring(0, dot));
      for (var part : wanted.substring(dot + 1).split("\\.")) {
        found = member(found, part);
      }
    }
    return found == ABSENT ? null : found;
  }

  private @Nullable Object inAnyScope(String wanted) {
    for (Scope scope = this; scope != null; scope = scope.outer) {
      var found = scope.member(scope.value, wanted);
      if (found != ABSENT) {
        return found;
      }
    }
    return ABSENT;
  }

  private @Nullable Object member(@Nullable Object of, String wanted) {
    if (of instanceof Map<?, ?> map) {
      try {
        return map.containsKey(wanted) ? map.get(wanted) : ABSENT;
      } catch (ClassCastException e) {
        return ABSENT; // a sorted map of other keys
      }
    }
    if (of instanceof Record) {
      var accessor = COMPONENTS.get(of.getClass()).get(wanted);
      return accessor == null ? ABSENT : component(of, accessor);
    }
    return ABSENT;
  }

  private @Nullable Object component(Object of, Method accessor) {
    try {
      return accessor.invoke(of);
    } catch (IllegalAccessException e) {
      throw rendering.failure(
          "the module of the record " + of.getClass().getName() + " does not open its package");
    } catch (InvocationTargetException e) {
      var failure = rendering.failure("the variable \"" + accessor.getName() + "\" cannot be read");
      failure.initCause(e.getCause());
      throw failure;
    }
  }

  private static boolean isEmpty(@Nullable Object value) {
    return value == null || (value instanceof CharSequence text && text.isEmpty());
  }

  /**
   * How often a section is shown, and in which scope.
   *
   * @return null for once, in the scope of the value itself
   */
  @Nullable Iterator<Scope> elements() {
    if (isEmpty(value) || Boolean.FALSE.equals(value)) {
      return Collections.emptyIterator();
    }
    if (value instanceof Iterable<?> all) {
      return each(all.iterator());
    }
    if (value != null && value.getClass().isArray()) {
      return each(arrayIterator(value));
    }
    return null;
  }

  private Iterator<Scope> each(Iterator<?> all) {
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return all.hasNext();
      }

      @Override
      public Scope next() {
        rendering.countElement();
        return new Scope(rendering, outer, name, all.next());
      }
    };
  }

  private static Iterator<?> arrayIterator(Object array) {
    return IntStream.range(0, Array.getLength(array)).mapToObj(i -> Array.get(array, i)).iterator();
  }

  /** The value as text, if it is a plain one. */
  String text() {
    return switch (value) {
      case null -> throw rendering.failure("no variable \"" + name + "\"");
      case BigDecimal number -> number.toPlainString();
      case Double number when Double.isFinite(number) -> BigDecimal.valueOf(number).toPlainString();
      case CharSequence text -> text.toString();
      case Number number -> number.toString();
      case Boolean truth -> truth.toString();
      case Character character -> character.toString();
      case Enum<?> constant -> constant.toString();
      case TemporalAccessor time -> time.toString();
      case UUID id -> id.toString();
      case URI uri -> uri.toString();
      case Map<?, ?> map -> throw notPlain("a map: name one of its keys");
      case Record record -> throw notPlain("a record: name one of its components");
      case Iterable<?> list -> throw notPlain("a list: use a section");
      case Object array when array.getClass().isArray() ->
          throw notPlain("an array: use a section");
      case Object other -> throw notPlain("a " + other.getClass().getName() + ": give its text");
    };
  }

  private TemplateException notPlain(String what) {
    return rendering.failure("the variable \"" + name + "\" is " + what);
  }
}
