//! Gradle's dependency locks: `gradle.lockfile`, and the older one file a configuration.

use std::collections::BTreeMap;

use component::{Component, PackageType, Purl, Scope, Technique};

use crate::{Abilities, Cataloger, Claim, Edges, Evidence, File, Findings, Keep, Pattern, Versions, View};

const NAME: &str = "gradle-lock";

/// Finds the modules that Gradle locked.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: NAME,
    summary: "Gradle projects: the modules in gradle.lockfile",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/gradle.lockfile"), keep: KEEP },
        Claim { pattern: Pattern::Path("**/{buildscript-gradle,settings-gradle}.lockfile"), keep: KEEP },
        Claim { pattern: Pattern::Path("**/gradle/dependency-locks/*.lockfile"), keep: KEEP },
    ],
    abilities: Abilities { packages: &[PackageType::JavaArchive], versions: Versions::Exact, edges: Edges::None, licenses: false, files: false, hashes: false },
    catalog,
};

const KEEP: Keep = Keep::Bytes { limit_bytes: FILE_BYTES_MAX };

/// The largest lock; ten thousand modules in twenty configurations have a fifth of it.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The longest line; a module of a build with a hundred configurations has a tenth of it.
const LINE_BYTES_MAX: usize = 64 << 10;

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for file in view.files(0) {
        modules(&file, findings, |configurations| configurations.split(',').map(scope).min());
    }
    for file in view.files(1) {
        modules(&file, findings, |_| Some(Scope::Development));
    }
    for file in view.files(2) {
        let configuration = file.path().rsplit_once('/').map_or("", |(_, name)| name).trim_end_matches(".lockfile");
        let scope = scope(configuration);
        modules(&file, findings, |_| Some(scope));
    }
}

/// Reads lines `group:artifact:version=configuration,configuration`.
fn modules(file: &File<'_>, findings: &mut Findings, scope_of: impl Fn(&str) -> Option<Scope>) {
    let Ok(text) = std::str::from_utf8(file.bytes()) else {
        findings.unknown(file.location(), "a Gradle lock that is no text");
        return;
    };
    let mut damaged = 0_usize;
    let mut modules: BTreeMap<(&str, &str, &str), Scope> = BTreeMap::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (module, configurations) = line.split_once('=').unwrap_or((line, ""));
        if module == "empty" {
            continue;
        }
        let mut parts = module.split(':');
        let (Some(group), Some(artifact), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            damaged += 1;
            continue;
        };
        if line.len() > LINE_BYTES_MAX || [group, artifact, version].contains(&"") {
            damaged += 1;
            continue;
        }
        let scope = scope_of(configurations).unwrap_or(Scope::Runtime);
        modules.entry((group, artifact, version)).and_modify(|known| *known = scope.min(*known)).or_insert(scope);
    }
    for ((group, artifact, version), scope) in modules {
        let mut component = Component::new(PackageType::JavaArchive, artifact, NAME, Technique::Lockfile);
        component.version = Some(version.to_owned());
        component.purl = Purl::builder("maven", artifact).namespace(group).version(version).build().ok();
        component.scope = scope;
        component.locations.push(file.location());
        findings.add(component);
    }
    if damaged > 0 {
        findings.unknown(file.location(), format!("{damaged} lines of a Gradle lock name no module"));
    }
}

/// What a configuration is for. A name that plugins or users chose may well be for running, so it counts as that.
fn scope(configuration: &str) -> Scope {
    const TOOLS: &[&str] = &[
        "annotationprocessor", "checkstyle", "classpath", "codenarc", "developmentonly", "errorprone", "jacocoagent", "jacocoant", "jacocotool", "kapt",
        "kotlinbuildtools", "kotlincompiler", "kotlinklib", "kotlinnative", "kotlinscript", "ksp", "ktlint", "detekt", "pmd", "spotbugs", "spotless", "zinc",
    ];
    let name = configuration.trim().to_ascii_lowercase();
    let is_test = name.contains("test") || name.contains("jmh") || name.contains("benchmark");
    let is_tool = TOOLS.iter().any(|tool| name.starts_with(tool)) || name.ends_with("annotationprocessor");
    if is_test || is_tool || name.ends_with("compileclasspath") || name.ends_with("compileonly") { Scope::Development } else { Scope::Runtime }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{catalog, render};

    #[test]
    fn lines_end_at_the_limit() {
        for (bytes, is_read) in [(LINE_BYTES_MAX - 1, true), (LINE_BYTES_MAX, true), (LINE_BYTES_MAX + 1, false)] {
            let start = "org.example:a:1.0=";
            let line = format!("{start}{}", "x".repeat(bytes - start.len()));
            let found = render(&catalog(&CATALOGER, &[("/gradle.lockfile", line.as_bytes())]));
            assert_eq!(found.contains("java-archive a@1.0"), is_read, "{bytes}");
            assert_eq!(found.starts_with("unknown /gradle.lockfile"), !is_read, "{bytes}");
        }
    }

    #[test]
    fn configurations_become_scopes() {
        let lock = "# comment\njoda-time:joda-time:2.2=compileClasspath,runtimeClasspath,testRuntimeClasspath\n\
            junit:junit:4.12=testCompileClasspath,testRuntimeClasspath\norg.example:only-compiled:1.0=compileClasspath\n\
            org.example:own:1.0=ownConfiguration\nempty=annotationProcessor\nbroken\n";
        let script: &[u8] = b"org.example:plugin:3.0=classpath\nempty=\n";
        let old: &[u8] = b"org.example:old:1.0\n";
        let files: [(&str, &[u8]); 5] = [
            ("/app/gradle.lockfile", lock.as_bytes()),
            ("/app/buildscript-gradle.lockfile", script),
            ("/old/gradle/dependency-locks/runtimeClasspath.lockfile", old),
            ("/old/gradle/dependency-locks/testRuntimeClasspath.lockfile", old),
            ("/bad/gradle.lockfile", b"\xff"),
        ];
        insta::assert_snapshot!(render(&catalog(&CATALOGER, &files)), @r"
        java-archive joda-time@2.2 pkg:maven/joda-time/joda-time@2.2 at /app/gradle.lockfile
        java-archive junit@4.12 pkg:maven/junit/junit@4.12 development at /app/gradle.lockfile
        java-archive old@1.0 pkg:maven/org.example/old@1.0 at /old/gradle/dependency-locks/runtimeClasspath.lockfile at /old/gradle/dependency-locks/testRuntimeClasspath.lockfile
        java-archive only-compiled@1.0 pkg:maven/org.example/only-compiled@1.0 development at /app/gradle.lockfile
        java-archive own@1.0 pkg:maven/org.example/own@1.0 at /app/gradle.lockfile
        java-archive plugin@3.0 pkg:maven/org.example/plugin@3.0 development at /app/buildscript-gradle.lockfile
        unknown /app/gradle.lockfile: 1 lines of a Gradle lock name no module
        unknown /bad/gradle.lockfile: a Gradle lock that is no text
        ");
    }

    #[test]
    fn configurations() {
        let of = |names: &[&str]| names.iter().map(|name| scope(name)).collect::<Vec<_>>();
        assert!(of(&["runtimeClasspath", "productionRuntimeClasspath", "debugRuntimeClasspath", "default", "runtime"]).iter().all(|scope| *scope == Scope::Runtime));
        assert!(of(&["testRuntimeClasspath", "androidTestImplementation", "kaptDebug", "checkstyle", "compileClasspath", "kotlinCompilerClasspath"])
            .iter()
            .all(|scope| *scope == Scope::Development));
    }
}
