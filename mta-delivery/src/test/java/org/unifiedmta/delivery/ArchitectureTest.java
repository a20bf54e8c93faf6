package org.unifiedmta.delivery;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.Architectures.layeredArchitecture;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

/** The arrows between modules and packages: down by call, up by port. */
@AnalyzeClasses(packages = "org.unifiedmta", importOptions = ImportOption.DoNotIncludeTests.class)
class ArchitectureTest {

  @ArchTest
  static final ArchRule modulesKnowOnlyThoseBelow =
      layeredArchitecture()
          .consideringOnlyDependenciesInLayers()
          .layer("core")
          .definedBy("org.unifiedmta.core..")
          .layer("security")
          .definedBy("org.unifiedmta.security..")
          .layer("smtp")
          .definedBy("org.unifiedmta.smtp..")
          .layer("routing")
          .definedBy("org.unifiedmta.routing..")
          .layer("delivery")
          .definedBy("org.unifiedmta.delivery..")
          .whereLayer("delivery")
          .mayNotBeAccessedByAnyLayer()
          .whereLayer("smtp")
          .mayOnlyBeAccessedByLayers("delivery")
          .whereLayer("routing")
          .mayOnlyBeAccessedByLayers("delivery")
          .whereLayer("security")
          .mayOnlyBeAccessedByLayers("smtp", "routing", "delivery");

  @ArchTest
  static final ArchRule packagesHaveNoCycles =
      slices().matching("org.unifiedmta.(*.*)..").should().beFreeOfCycles();

  @ArchTest
  static final ArchRule onlyTheFixtureKnowsTheServer =
      classes()
          .that()
          .resideInAPackage("org.unifiedmta.delivery.server")
          .should()
          .onlyHaveDependentClassesThat()
          .resideInAnyPackage(
              "org.unifiedmta.delivery.server", "org.unifiedmta.delivery.testing..");

  @ArchTest
  static final ArchRule theSessionIsAPureFunction =
      noClasses()
          .that()
          .haveNameMatching("org\\.unifiedmta\\.smtp\\.server\\.SmtpSession(\\$.*)?")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage("io.netty..", "java.net.http..", "java.nio.channels..")
          .orShould()
          .dependOnClassesThat()
          .areAssignableTo(Thread.class);

  @ArchTest
  static final ArchRule mime4jIsASecretOfMime =
      onlyIn("org.unifiedmta.core.mime..", "org.apache.james.mime4j..");

  @ArchTest
  static final ArchRule icuIsASecretOfAddresses =
      onlyIn("org.unifiedmta.core.address..", "com.ibm.icu..");

  @ArchTest
  static final ArchRule mustacheAndJsoupAreSecretsOfTemplates =
      onlyIn("org.unifiedmta.core.template..", "com.samskivert.mustache..", "org.jsoup..");

  @ArchTest
  static final ArchRule mvStoreIsASecretOfTheLog =
      onlyIn("org.unifiedmta.delivery.store.log..", "org.h2..");

  @ArchTest
  static final ArchRule bucketsAreASecretOfLimits =
      onlyIn("org.unifiedmta.core.limit..", "io.github.bucket4j..");

  private static ArchRule onlyIn(String ours, String... theirs) {
    return noClasses()
        .that()
        .resideOutsideOfPackage(ours)
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(theirs);
  }

  @ArchTest
  static final ArchRule nettyIsASecretOfTheServerAndOfPolicyHosts =
      noClasses()
          .that()
          .resideOutsideOfPackages(
              "org.unifiedmta.smtp.server..",
              "org.unifiedmta.smtp.codec..",
              "org.unifiedmta.security.transport..",
              "org.unifiedmta.delivery.testing..")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("io.netty..");
}
