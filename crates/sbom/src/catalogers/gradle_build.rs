//! What Gradle projects ask for: build scripts and version catalogs where no lockfile and no archive says what became of it.
//!
//! Follows the Gradle User Manual, "Declaring Dependencies" and "Version Catalogs". A build script is a program; what is read is coordinates in quotes.

use component::{PackageType, Scope, Technique};
use toml::{Table, Value};

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::documents::toml_table;
use crate::ecosystems::identity::Finder;
use crate::ecosystems::manifests::{self, Want};
use crate::view::View;

/// Gradle projects without a lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "gradle-build",
    summary: "what a build.gradle or libs.versions.toml asks for and nothing locks",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/*.{gradle,gradle.kts}"), keep: FILE },
        Claim { pattern: Pattern::Path("**/*.versions.toml"), keep: FILE },
    ],
    abilities: Abilities { packages: &[PackageType::JavaArchive], versions: Versions::Stated, edges: Edges::Flat, licenses: false, files: false, hashes: false },
    catalog,
};

const FILE: Keep = Keep::Bytes { limit_bytes: 1 << 20 };
const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Manifest };

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for file in view.files(0).filter(|file| manifests::is_of_project(file.path())) {
        let wants = String::from_utf8_lossy(file.bytes()).lines().filter_map(scripted).collect();
        manifests::declare(FINDER, PackageType::JavaArchive, file, wants, findings);
    }
    for file in view.files(1).filter(|file| manifests::is_of_project(file.path())) {
        let Some(table) = toml_table(file.bytes()) else {
            findings.unknown(file.location(), "a version catalog that is not TOML");
            continue;
        };
        let versions = table.get("versions").and_then(Value::as_table);
        let libraries = table.get("libraries").and_then(Value::as_table).into_iter().flat_map(Table::values);
        let wants = libraries.filter_map(|library| cataloged(library, versions)).collect();
        manifests::declare(FINDER, PackageType::JavaArchive, file, wants, findings);
    }
}

/// Reads a line such as `implementation("group:artifact:version")`.
fn scripted(line: &str) -> Option<Want> {
    let line = line.trim();
    let configuration = line.split(|character: char| !character.is_ascii_alphanumeric()).next()?;
    let behind = line[configuration.len()..].trim_start();
    let is_platform = behind.contains("platform(") || behind.contains("Platform(");
    let open = behind.find(['"', '\'']).filter(|_| !configuration.is_empty() && !is_platform && behind.starts_with(['(', '"', '\'']))?;
    let quote = behind[open..].chars().next()?;
    let text = behind[open + 1..].split(quote).next()?;
    let is_development = configuration.starts_with("test") || configuration.starts_with("androidTest") || configuration == "classpath";
    coordinates(text, if is_development { Scope::Development } else { Scope::Runtime })
}

/// Reads a library of a version catalog, as text or as a table.
fn cataloged(library: &Value, versions: Option<&Table>) -> Option<Want> {
    let field = |name: &str| library.get(name).and_then(Value::as_str);
    if let Some(text) = library.as_str() {
        return coordinates(text, Scope::Runtime);
    }
    let module = field("module").map(str::to_owned).or_else(|| Some(format!("{}:{}", field("group")?, field("name")?)))?;
    let stated = library.get("version");
    let shared = stated.and_then(|version| version.get("ref")?.as_str()).and_then(|name| versions?.get(name));
    let version = shared.or(stated).and_then(rich_version).unwrap_or_default();
    coordinates(&format!("{module}:{version}"), Scope::Runtime)
}

/// A version may say how strictly it is meant.
fn rich_version(version: &Value) -> Option<&str> {
    version.as_str().or_else(|| ["strictly", "require", "prefer"].iter().find_map(|key| version.get(*key)?.as_str()))
}

fn coordinates(text: &str, scope: Scope) -> Option<Want> {
    let text = text.split('@').next()?;
    let mut parts = text.split(':');
    let (group, artifact, range) = (parts.next()?, parts.next()?, parts.next().unwrap_or_default());
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if !is_word(group) || !is_word(artifact) {
        return None;
    }
    let range = range.trim_end_matches("!!");
    let is_exact = is_word(range) && range.starts_with(|first: char| first.is_ascii_alphanumeric()) && !range.starts_with("latest.");
    Some(Want { name: format!("{group}:{artifact}"), version: is_exact.then(|| range.to_owned()), range: range.to_owned(), scope })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{catalog, render};

    #[test]
    fn what_a_build_asks_for() {
        let files: &[(&str, &[u8])] = &[
            ("/app/build.gradle", br"plugins { id 'java' }
dependencies {
    implementation 'org.apache.logging.log4j:log4j-core:2.14.1'
    implementation('com.example:strict:1.0!!') { transitive = false }
    api platform('com.example:bom:1.0')
    runtimeOnly 'com.example:managed'
    implementation 'com.example:any:1.+'
    implementation 'com.example:classified:1.0:sources@zip'
    testImplementation 'junit:junit:4.12'
    implementation project(':own')
    implementation libs.some
    implementation 'not coordinates'
    println 'a b:c d'
}
"),
            ("/kts/build.gradle.kts", br#"dependencies { }
    implementation("com.example:kotlin:$version")
"#),
            ("/app/gradle/libs.versions.toml", b"[versions]\na = \"1.5\"\nb = { strictly = \"2.0\" }\n[libraries]\nfirst = { module = \"g.x:first\", version.ref = \"a\" }\nsecond = { group = \"g.x\", name = \"second\", version.ref = \"b\" }\nthird = \"g.x:third:3.0\"\nfourth = { module = \"g.x:fourth\" }\nlost = { module = \"g.x:lost\", version.ref = \"none\" }\n"),
            ("/bad/libs.versions.toml", b"="),
        ];
        insta::assert_snapshot!(render(&catalog(&CATALOGER, files)), @r#"
            java-archive any pkg:maven/com.example/any direct manifest:range="1.+" at /app/build.gradle
            java-archive classified@1.0 pkg:maven/com.example/classified@1.0 direct at /app/build.gradle
            java-archive first@1.5 pkg:maven/g.x/first@1.5 direct at /app/gradle/libs.versions.toml
            java-archive fourth pkg:maven/g.x/fourth direct at /app/gradle/libs.versions.toml
            java-archive junit@4.12 pkg:maven/junit/junit@4.12 development direct at /app/build.gradle
            java-archive kotlin pkg:maven/com.example/kotlin direct manifest:range="$version" at /kts/build.gradle.kts
            java-archive log4j-core@2.14.1 pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1 direct at /app/build.gradle
            java-archive lost pkg:maven/g.x/lost direct at /app/gradle/libs.versions.toml
            java-archive managed pkg:maven/com.example/managed direct at /app/build.gradle
            java-archive second@2.0 pkg:maven/g.x/second@2.0 direct at /app/gradle/libs.versions.toml
            java-archive strict@1.0 pkg:maven/com.example/strict@1.0 direct at /app/build.gradle
            java-archive third@3.0 pkg:maven/g.x/third@3.0 direct at /app/gradle/libs.versions.toml
            root -> any
            root -> classified@1.0
            root -> first@1.5
            root -> fourth
            root -development-> junit@4.12
            root -> kotlin
            root -> log4j-core@2.14.1
            root -> lost
            root -> managed
            root -> second@2.0
            root -> strict@1.0
            root -> third@3.0
            unknown /app/build.gradle: asks for any, classified, junit and 3 more: nothing here says which versions these get and what they need in turn
            unknown /app/gradle/libs.versions.toml: asks for first, fourth, lost and 2 more: nothing here says which versions these get and what they need in turn
            unknown /bad/libs.versions.toml: a version catalog that is not TOML
            unknown /kts/build.gradle.kts: asks for kotlin: nothing here says which versions these get and what they need in turn
            "#);
    }
}
