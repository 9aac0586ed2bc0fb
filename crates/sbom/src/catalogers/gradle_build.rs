//! What Gradle projects ask for: build scripts and version catalogs where no lockfile and no archive says what became of it.
//!
//! Follows the Gradle User Manual, "Declaring Dependencies" and "Version Catalogs"; scripts are read by [`gradle_script`].

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use component::{PackageType, Scope, Technique};
use toml::{Table, Value};

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::documents::toml_table;
use crate::ecosystems::gradle_script::{self, Script, coordinates};
use crate::ecosystems::gradle_tokens::Dialect;
use crate::ecosystems::gradle_values::{LOOKUPS_MAX, Lookup, Values};
use crate::ecosystems::identity::Finder;
use crate::ecosystems::manifests::{self, Want};
use crate::ecosystems::paths;
use crate::unread::{UNDECIDED_IN_IMAGE, UNWRITTEN};
use crate::view::{File, View};

/// Gradle projects without a lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "gradle-build",
    summary: "what a build.gradle or libs.versions.toml asks for and nothing locks",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/*.{gradle,gradle.kts}"), keep: FILE },
        Claim { pattern: Pattern::Path("**/*.versions.toml"), keep: FILE },
        Claim { pattern: Pattern::Path("**/gradle.properties"), keep: FILE },
    ],
    abilities: Abilities { packages: &[PackageType::JavaArchive], versions: Versions::Stated, edges: Edges::Flat, licenses: false, files: false, hashes: false },
    catalog,
};

const FILE: Keep = Keep::Bytes { limit_bytes: 1 << 20 };
const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Manifest };

fn catalog(view: &View<'_>, findings: &mut Findings) {
    let catalog_name = |file: File<'_>| paths::split(file.path()).1.strip_suffix(".versions.toml").map(str::to_owned);
    let mut catalogs: BTreeSet<String> = view.files(1).filter_map(catalog_name).collect();
    let mut unread = Vec::new();
    let scripts: Vec<BuildScript<'_>> =
        view.files(0).filter(|file| manifests::is_of_project(file.path())).map(BuildScript::read).collect();
    let shared = shared(view, &scripts);
    let left = Cell::new(LOOKUPS_MAX);
    for BuildScript { file, text, dialect, values } in &scripts {
        let file = *file;
        let around = paths::ancestors(paths::folder(file.path())).filter_map(|folder| shared.get(folder));
        let lookup = Lookup::new(values, around.collect(), &left);
        let Script { wants, unread: lines, catalogs: made, .. } = gradle_script::read(text, *dialect, &lookup);
        manifests::declare(FINDER, PackageType::JavaArchive, file, wants, findings);
        catalogs.extend(made);
        // What became of it a lockfile says.
        let is_locked = view.entry(&format!("{}/gradle.lockfile", paths::folder(file.path()))).is_some();
        unread.extend(Some((file, lines)).filter(|(_, lines)| !is_locked && !lines.is_empty()));
    }
    for (file, mut lines) in unread {
        // A catalog that is read says it itself.
        lines.retain(|unread| !catalogs.contains(&unread.word));
        lines.dedup_by_key(|unread| unread.line);
        let Some(first) = lines.first() else { continue };
        let more = if lines.len() > 1 { format!(", and in {} more", lines.len() - 1) } else { String::new() };
        let location = file.location();
        let unknown = if location.layer.is_some() { UNDECIDED_IN_IMAGE } else { UNWRITTEN };
        findings.unknown(location, format!("asks in line {} for what it does not name, `{}`{more}{unknown}", first.line, first.text.trim_end()));
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

/// A build script, and what names stand for in it.
struct BuildScript<'a> {
    file: File<'a>,
    text: Cow<'a, str>,
    dialect: Dialect,
    values: Values,
}

impl<'a> BuildScript<'a> {
    fn read(file: File<'a>) -> Self {
        let is_kotlin = file.path().rsplit_once('.').is_some_and(|(_, ending)| ending == "kts");
        let dialect = if is_kotlin { Dialect::Kotlin } else { Dialect::Groovy };
        let text = String::from_utf8_lossy(file.bytes());
        let values = Values::of_script(&text, dialect);
        Self { file, text, dialect, values }
    }
}

/// Returns what the scripts and the properties of each folder say to those below. What is in a folder `gradle` is of the one around it.
fn shared<'a>(view: &View<'a>, scripts: &[BuildScript<'a>]) -> BTreeMap<&'a str, Values> {
    let mut shared: BTreeMap<&str, Values> = BTreeMap::new();
    for script in scripts {
        let folder = paths::folder(script.file.path());
        let folder = folder.strip_suffix("/gradle").unwrap_or(folder);
        shared.entry(folder).or_default().share(&script.values);
    }
    for file in view.files(2).filter(|file| manifests::is_of_project(file.path())) {
        let values = Values::of_properties(&String::from_utf8_lossy(file.bytes()));
        shared.entry(paths::folder(file.path())).or_default().share(&values);
    }
    shared
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
    /* implementation 'org.example:none:1.0'
    implementation 'org.example:none:1.1' */
    implementation group: 'com.h2database', name: 'h2', version: '1.4.197'
    implementation 'com.example:one:1.0', 'com.example:two:2.0'
    implementation deps.unseen
    implementation deps.more // and more
}
"),
            ("/kts/build.gradle.kts", br#"dependencies { }
    implementation("com.example:kotlin:$version")
dependencies { runtimeOnly(group = "com.h2database", name = "h2", version = "1.4.199"); runtimeOnly("com.h2database", "h2", "1.4.198") }
"#),
            ("/locked/build.gradle", b"dependencies { implementation deps.unseen }"),
            ("/locked/gradle.lockfile", b""),
            ("/unlocked/build.gradle.kts", b"dependencies { implementation(deps.unseen) }"),
            ("/app/gradle/libs.versions.toml", b"[versions]\na = \"1.5\"\nb = { strictly = \"2.0\" }\n[libraries]\nfirst = { module = \"g.x:first\", version.ref = \"a\" }\nsecond = { group = \"g.x\", name = \"second\", version.ref = \"b\" }\nthird = \"g.x:third:3.0\"\nfourth = { module = \"g.x:fourth\" }\nlost = { module = \"g.x:lost\", version.ref = \"none\" }\n"),
            ("/bad/libs.versions.toml", b"="),
        ];
        insta::assert_snapshot!(render(&catalog(&CATALOGER, files)), @r#"
            java-archive any pkg:maven/com.example/any direct manifest:range="1.+" at /app/build.gradle
            java-archive classified@1.0 pkg:maven/com.example/classified@1.0 direct at /app/build.gradle
            java-archive first@1.5 pkg:maven/g.x/first@1.5 direct at /app/gradle/libs.versions.toml
            java-archive fourth pkg:maven/g.x/fourth direct at /app/gradle/libs.versions.toml
            java-archive h2@1.4.197 pkg:maven/com.h2database/h2@1.4.197 direct at /app/build.gradle
            java-archive h2@1.4.198 pkg:maven/com.h2database/h2@1.4.198 direct at /kts/build.gradle.kts
            java-archive h2@1.4.199 pkg:maven/com.h2database/h2@1.4.199 direct at /kts/build.gradle.kts
            java-archive junit@4.12 pkg:maven/junit/junit@4.12 development direct at /app/build.gradle
            java-archive kotlin pkg:maven/com.example/kotlin direct manifest:range="$version" at /kts/build.gradle.kts
            java-archive log4j-core@2.14.1 pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1 direct at /app/build.gradle
            java-archive lost pkg:maven/g.x/lost direct at /app/gradle/libs.versions.toml
            java-archive managed pkg:maven/com.example/managed direct at /app/build.gradle
            java-archive one@1.0 pkg:maven/com.example/one@1.0 direct at /app/build.gradle
            java-archive second@2.0 pkg:maven/g.x/second@2.0 direct at /app/gradle/libs.versions.toml
            java-archive strict@1.0 pkg:maven/com.example/strict@1.0 direct at /app/build.gradle
            java-archive third@3.0 pkg:maven/g.x/third@3.0 direct at /app/gradle/libs.versions.toml
            java-archive two@2.0 pkg:maven/com.example/two@2.0 direct at /app/build.gradle
            root -> any
            root -> classified@1.0
            root -> first@1.5
            root -> fourth
            root -> h2@1.4.197
            root -> h2@1.4.198
            root -> h2@1.4.199
            root -development-> junit@4.12
            root -> kotlin
            root -> log4j-core@2.14.1
            root -> lost
            root -> managed
            root -> one@1.0
            root -> second@2.0
            root -> strict@1.0
            root -> third@3.0
            root -> two@2.0
            unknown /app/build.gradle: asks for any and managed: nothing here says which versions these get and what they and 7 more need in turn
            unknown /app/build.gradle: asks in line 12 for what it does not name, `implementation 'not coordinates'`, and in 2 more: nothing here says which packages these are
            unknown /app/gradle/libs.versions.toml: asks for fourth and lost: nothing here says which versions these get and what they and 3 more need in turn
            unknown /bad/libs.versions.toml: a version catalog that is not TOML
            unknown /kts/build.gradle.kts: asks for kotlin: nothing here says which versions these get and what they and 2 more need in turn
            unknown /unlocked/build.gradle.kts: asks in line 1 for what it does not name, `implementation(deps.unseen) }`: nothing here says which packages these are
            "#);
    }

    #[test]
    fn what_names_stand_for_around_a_build() {
        let files: &[(&str, &[u8])] = &[
            ("/gradle.properties", b"h2Version=1.4.197\nboth=1\n"),
            ("/build.gradle", b"ext { both = '2' }\next.jackson = '2.9.8'\ndef hidden = '1'\n"),
            ("/gradle/dependencies.gradle", b"ext.libs = [h2: \"com.h2database:h2:$h2Version\", all: ['g:a:1', 'g:b:2']]\n"),
            ("/app/build.gradle", b"dependencies {\n  implementation libs.h2\n  api rootProject.ext.libs.all\n  api \"g:jackson:${jackson}\", \"g:hidden:$hidden\", \"g:both:$both\"\n  api libs.none\n}\n"),
            ("/app/own/build.gradle.kts", b"val jackson = \"3\"\ndependencies { api(\"g:own:$jackson\") }\n"),
        ];
        insta::assert_snapshot!(render(&catalog(&CATALOGER, files)), @r#"
            java-archive a@1 pkg:maven/g/a@1 direct at /app/build.gradle
            java-archive b@2 pkg:maven/g/b@2 direct at /app/build.gradle
            java-archive both pkg:maven/g/both direct manifest:range="$both" at /app/build.gradle
            java-archive h2@1.4.197 pkg:maven/com.h2database/h2@1.4.197 direct at /app/build.gradle
            java-archive hidden pkg:maven/g/hidden direct manifest:range="$hidden" at /app/build.gradle
            java-archive jackson@2.9.8 pkg:maven/g/jackson@2.9.8 direct at /app/build.gradle
            java-archive own@3 pkg:maven/g/own@3 direct at /app/own/build.gradle.kts
            root -> a@1
            root -> b@2
            root -> both
            root -> h2@1.4.197
            root -> hidden
            root -> jackson@2.9.8
            root -> own@3
            unknown /app/build.gradle: asks for both and hidden: nothing here says which versions these get and what they and 4 more need in turn
            unknown /app/build.gradle: asks in line 5 for what it does not name, `api libs.none`: nothing here says which packages these are
            unknown /app/own/build.gradle.kts: asks for own 3: nothing here says what these need in turn
            "#);
    }
}
