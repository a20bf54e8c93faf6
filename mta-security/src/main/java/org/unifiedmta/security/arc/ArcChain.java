package org.unifiedmta.security.arc;

import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.ToIntFunction;
import org.jspecify.annotations.Nullable;
import org.unifiedmta.core.spool.HeaderSection;
import org.unifiedmta.core.spool.HeaderSection.Field;
import org.unifiedmta.security.dkim.SignatureTags;
import org.unifiedmta.security.dkim.SignatureTags.SyntaxException;

/** The ARC sets of a message in their order, or what is wrong with them (RFC 8617 4.2, 5.2). */
final class ArcChain {
  static final String SEAL = "ARC-Seal";
  static final String MESSAGE_SIGNATURE = "ARC-Message-Signature";
  static final String RESULTS = "ARC-Authentication-Results";

  /** What one handler added. */
  record Link(Field results, Field messageSignature, Field sealField, ArcSeal seal) {}

  /** A field and its i=, 0 where it has none. */
  private record Member(int instance, Field field, @Nullable SignatureTags tags) {}

  private final boolean empty;
  private final int highest;
  private final boolean endsInFail;
  private final List<Link> links;
  private final @Nullable ArcMessageSignature newest;
  private final @Nullable String fault;

  private ArcChain(
      boolean empty,
      int highest,
      boolean endsInFail,
      List<Link> links,
      @Nullable ArcMessageSignature newest,
      @Nullable String fault) {
    this.empty = empty;
    this.highest = highest;
    this.endsInFail = endsInFail;
    this.links = links;
    this.newest = newest;
    this.fault = fault;
  }

  static ArcChain of(HeaderSection header) {
    var seals = header.all(SEAL);
    var signatures = header.all(MESSAGE_SIGNATURE);
    var results = header.all(RESULTS);
    int most = Math.max(seals.size(), Math.max(signatures.size(), results.size()));
    if (most == 0) {
      return new ArcChain(true, 0, false, List.of(), null, null);
    }
    if (most > ArcTags.MAXIMUM_INSTANCE) { // 4.2.1; none of them is read
      return new ArcChain(
          false, ArcTags.MAXIMUM_INSTANCE, false, List.of(), null, "more than 50 sets");
    }
    return of(
        seals.stream().map(ArcChain::tagged).toList(),
        signatures.stream().map(ArcChain::tagged).toList(),
        results.stream()
            .map(field -> new Member(ArcTags.instanceOfResults(field.value()), field, null))
            .toList());
  }

  private static Member tagged(Field field) {
    try {
      var tags = SignatureTags.parse(field.value());
      return new Member(ArcTags.instance(tags.get("i")), field, tags);
    } catch (SyntaxException e) {
      return new Member(0, field, null);
    }
  }

  private static ArcChain of(List<Member> seals, List<Member> signatures, List<Member> results) {
    ToIntFunction<List<Member>> highestOf =
        members -> members.stream().mapToInt(Member::instance).max().orElse(0);
    int sealed = highestOf.applyAsInt(seals);
    int highest =
        Math.max(sealed, Math.max(highestOf.applyAsInt(signatures), highestOf.applyAsInt(results)));
    boolean endsInFail =
        seals.stream().anyMatch(seal -> seal.instance() == sealed && saysFail(seal));
    var links = new ArrayList<Link>();
    try {
      ArcMessageSignature newest = null;
      if (endsInFail) {
        throw new SyntaxException("the chain was broken before (cv=fail)"); // 5.2 step 2
      }
      var inOrderOfSeals = inOrder(seals, SEAL, highest);
      var inOrderOfSignatures = inOrder(signatures, MESSAGE_SIGNATURE, highest);
      var inOrderOfResults = inOrder(results, RESULTS, highest);
      for (int i = 1; i <= highest; i++) {
        var seal = inOrderOfSeals.get(i - 1);
        var signature = inOrderOfSignatures.get(i - 1);
        links.add(
            new Link(
                inOrderOfResults.get(i - 1).field(),
                signature.field(),
                seal.field(),
                seal(seal, i)));
        newest = signature(signature, i, i == highest);
      }
      return new ArcChain(false, highest, false, links, newest, null);
    } catch (SyntaxException e) {
      return new ArcChain(false, highest, endsInFail, List.of(), null, e.getMessage());
    }
  }

  private static boolean saysFail(Member seal) {
    try {
      return seal.tags() != null && ArcSeal.validation(seal.tags()) == ArcSeal.Validation.FAIL;
    } catch (SyntaxException e) {
      return false;
    }
  }

  /** One of each instance, and nothing else (5.2 step 3 A, B). */
  private static List<Member> inOrder(List<Member> members, String name, int highest)
      throws SyntaxException {
    var ordered = new Member[highest];
    for (var member : members) {
      int instance = member.instance();
      if (instance == 0) {
        throw new SyntaxException("no instance in " + name);
      }
      if (ordered[instance - 1] != null) {
        throw new SyntaxException("more than one " + name + " of i=" + instance);
      }
      ordered[instance - 1] = member;
    }
    for (int i = 0; i < highest; i++) {
      if (ordered[i] == null) {
        throw new SyntaxException("no " + name + " of i=" + (i + 1));
      }
    }
    return List.of(ordered);
  }

  /** 5.2 step 3 C, D. */
  private static ArcSeal seal(Member member, int instance) throws SyntaxException {
    try {
      var seal = ArcSeal.parse(Objects.requireNonNull(member.tags()));
      var wanted = instance == 1 ? ArcSeal.Validation.NONE : ArcSeal.Validation.PASS;
      if (seal.validation() != wanted) {
        throw new SyntaxException("cv=" + seal.validation().tagValue());
      }
      return seal;
    } catch (SyntaxException e) {
      throw new SyntaxException(SEAL + " i=" + instance + ": " + e.getMessage());
    }
  }

  /** Of older ones only what no valid chain has; the newest alone is to be verified. */
  private static @Nullable ArcMessageSignature signature(
      Member member, int instance, boolean isNewest) throws SyntaxException {
    try {
      var tags = Objects.requireNonNull(member.tags());
      ArcMessageSignature.headers(tags);
      return isNewest ? ArcMessageSignature.parse(tags) : null;
    } catch (SyntaxException e) {
      throw new SyntaxException(MESSAGE_SIGNATURE + " i=" + instance + ": " + e.getMessage());
    }
  }

  /** Whether the message has no field of ARC. */
  boolean isEmpty() {
    return empty;
  }

  /** The highest instance of any field, 0 for none. */
  int highest() {
    return highest;
  }

  /** Whether the newest seal says that the chain was broken then. */
  boolean endsInFail() {
    return endsInFail;
  }

  /** What is wrong with the sets as they are written, or null. */
  @Nullable String fault() {
    return fault;
  }

  /** From i=1 on; none where there is a fault. */
  List<Link> links() {
    return links;
  }

  /** The message signature that is to be verified; not where there is a fault. */
  ArcMessageSignature newest() {
    return Objects.requireNonNull(newest);
  }

  /** The fields of these sets as seals sign them (5.1.1), the last seal left out. */
  static List<Field> sealed(List<Link> links) {
    var fields = new ArrayList<Field>(3 * links.size());
    for (var link : links) {
      fields.add(link.results());
      fields.add(link.messageSignature());
      fields.add(link.sealField());
    }
    fields.removeLast();
    return fields;
  }
}
