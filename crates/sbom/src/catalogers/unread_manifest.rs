//! Lockfiles and manifests by well-known names of ecosystems that no cataloger reads: seen, and told as unknown.

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Extractor, Findings, Keep, Pattern, Versions};
use crate::ecosystems::{manifests, paths};
use crate::unread::{UNCATALOGED, UNCATALOGED_IN_IMAGE};
use crate::view::{File, View};

/// What is not read.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "unread-manifest",
    summary: "lockfiles and manifests that no cataloger reads, by their names: told as unknown",
    evidence: Evidence::Declared,
    claims: &CLAIMS,
    abilities: Abilities { packages: &[], versions: Versions::Stated, edges: Edges::None, licenses: false, files: false, hashes: false },
    catalog,
};

/// Files of one name.
struct Kind {
    pattern: &'static str,
    /// What they are.
    what: &'static str,
    keep: Keep,
    /// Whether one is that, or only called so.
    is_it: fn(&View<'_>, &File<'_>) -> bool,
}

/// What is known by its name alone.
const fn named(pattern: &'static str, what: &'static str) -> Kind {
    Kind { pattern, what, keep: Keep::Record(&NAMED), is_it: |_, _| true }
}

/// What is known by its text.
const fn read(pattern: &'static str, what: &'static str, is_it: fn(&View<'_>, &File<'_>) -> bool) -> Kind {
    Kind { pattern, what, keep: Keep::Bytes { limit_bytes: 1 << 20 }, is_it }
}

const KINDS: [Kind; 34] = [
    named("**/pubspec.lock", "a lockfile of Dart"),
    named("**/mix.lock", "a lockfile of Elixir"),
    named("**/rebar.lock", "a lockfile of Erlang"),
    named("**/deno.lock", "a lockfile of Deno"),
    named("**/bun.lockb", "a binary lockfile of Bun"),
    named("**/build.sbt", "a build of sbt"),
    named("**/build.sbt.lock", "a lockfile of sbt"),
    named("**/ivy.xml", "a manifest of Ivy"),
    named("**/maven_install.json", "a lockfile of Bazel"),
    named("**/paket.lock", "a lockfile of Paket"),
    named("**/Podfile.lock", "a lockfile of CocoaPods"),
    named("**/Package.resolved", "a lockfile of Swift"),
    named("**/Cartfile.resolved", "a lockfile of Carthage"),
    named("**/conan.lock", "a lockfile of Conan"),
    named("**/conda-lock.yml", "a lockfile of conda"),
    named("**/renv.lock", "a lockfile of R"),
    named("**/stack.yaml.lock", "a lockfile of Stack"),
    named("**/cabal.project.freeze", "a lockfile of Cabal"),
    named("**/cpanfile.snapshot", "a lockfile of Perl"),
    named("**/Gopkg.lock", "a lockfile of dep"),
    named("**/glide.lock", "a lockfile of Glide"),
    named("**/*.deb", "a package of Debian"),
    named("**/*.rpm", "a package of RPM"),
    named("**/*.apk", "a package of Alpine or of Android"),
    read("**/mix.exs", "a project of Elixir", |view, file| says(file, &["{:"]) && !is_beside(view, file, "mix.lock")),
    read("**/rebar.config", "a project of Erlang", |view, file| says(file, &["deps"]) && !is_beside(view, file, "rebar.lock")),
    read("**/pubspec.yaml", "a project of Dart", |view, file| says(file, &["dependencies:"]) && !is_beside(view, file, "pubspec.lock")),
    read("**/Package.swift", "a project of Swift", |view, file| says(file, &[".package("]) && !is_beside(view, file, "Package.resolved")),
    read("**/Podfile", "a project of CocoaPods", |view, file| says(file, &["pod "]) && !is_beside(view, file, "Podfile.lock")),
    read("**/*.gemspec", "the manifest of a gem", is_gem),
    read("**/paket.dependencies", "a project of Paket", |view, file| says(file, &["nuget "]) && !is_beside(view, file, "paket.lock")),
    read("**/environment.yml", "an environment of conda with packages of pip", asks_for_pip),
    read("**/environment.yaml", "an environment of conda with packages of pip", asks_for_pip),
    read("**/requirements.in", "requirements without a requirements.txt beside them", is_not_compiled),
];

const CLAIMS: [Claim; KINDS.len()] = {
    let mut claims = [const { Claim { pattern: Pattern::Path(""), keep: Keep::Record(&NAMED) } }; KINDS.len()];
    let mut at = 0;
    while at < KINDS.len() {
        claims[at] = Claim { pattern: Pattern::Path(KINDS[at].pattern), keep: KINDS[at].keep };
        at += 1;
    }
    claims
};

/// The largest file; lockfiles have some megabytes.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Keeps nothing but that the file is there, unless it is empty.
static NAMED: Extractor = Extractor {
    name: "named-file",
    version: 1,
    limit_bytes: FILE_BYTES_MAX,
    extract: |content| Ok((!content.is_empty()).then(Vec::new)),
};

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for (claim, kind) in KINDS.iter().enumerate() {
        let files = view.files(claim).filter(|file| manifests::is_of_project(file.path()) && (kind.is_it)(view, file));
        for file in files {
            let location = file.location();
            // In an image what is installed counts, not what was asked for. A file that a package owns is its matter.
            let end = if location.layer.is_some() { UNCATALOGED_IN_IMAGE } else { UNCATALOGED };
            findings.unidentified(location, format!("{}{end}", kind.what));
        }
    }
}

/// Tells whether a text has one of these in it.
fn says(file: &File<'_>, words: &[&str]) -> bool {
    let text = String::from_utf8_lossy(file.bytes());
    words.iter().any(|word| text.contains(word))
}

/// Tells whether something lies beside a file.
fn is_beside(view: &View<'_>, file: &File<'_>, name: &str) -> bool {
    view.entry(&format!("{}/{name}", paths::folder(file.path()))).is_some()
}

/// Tells whether a specification is that of a gem in its source, which needs others, and no lockfile says what became of that.
fn is_gem(view: &View<'_>, file: &File<'_>) -> bool {
    let needs = ["add_dependency", "add_runtime_dependency", "add_development_dependency"];
    let is_locked = || ["Gemfile.lock", "gems.locked"].iter().any(|name| is_beside(view, file, name));
    !file.path().contains("/specifications/") && says(file, &needs) && !is_locked()
}

/// Tells whether an environment of conda has a list of what pip installs.
fn asks_for_pip(_: &View<'_>, file: &File<'_>) -> bool {
    let lines = String::from_utf8_lossy(file.bytes());
    lines.lines().any(|line| line.split('#').next().unwrap_or_default().split_whitespace().eq(["-", "pip:"]))
}

/// Tells whether requirements ask for something, and pip-compile has not written beside them what that became.
fn is_not_compiled(view: &View<'_>, file: &File<'_>) -> bool {
    let text = String::from_utf8_lossy(file.bytes());
    let asks = text.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with('#'));
    asks && !is_beside(view, file, "requirements.txt")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{catalog, render};

    #[test]
    fn what_no_cataloger_reads_is_told() {
        let names = KINDS.map(|kind| {
            let name = kind.pattern.trim_start_matches("**/").replace('*', "x");
            format!("/{}/{name}", name.replace('.', "-"))
        });
        let text = b"dependencies:\n  - numpy\n  - pip: # more\n    - django==3.2\n{:a, .package( pod nuget deps add_dependency ";
        let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), text.as_slice())).collect();
        insta::assert_snapshot!(render(&catalog(&CATALOGER, &files)), @r"
            unknown /Cartfile-resolved/Cartfile.resolved: a lockfile of Carthage: no cataloger reads such a file
            unknown /Gopkg-lock/Gopkg.lock: a lockfile of dep: no cataloger reads such a file
            unknown /Package-resolved/Package.resolved: a lockfile of Swift: no cataloger reads such a file
            unknown /Package-swift/Package.swift: a project of Swift: no cataloger reads such a file
            unknown /Podfile-lock/Podfile.lock: a lockfile of CocoaPods: no cataloger reads such a file
            unknown /Podfile/Podfile: a project of CocoaPods: no cataloger reads such a file
            unknown /build-sbt-lock/build.sbt.lock: a lockfile of sbt: no cataloger reads such a file
            unknown /build-sbt/build.sbt: a build of sbt: no cataloger reads such a file
            unknown /bun-lockb/bun.lockb: a binary lockfile of Bun: no cataloger reads such a file
            unknown /cabal-project-freeze/cabal.project.freeze: a lockfile of Cabal: no cataloger reads such a file
            unknown /conan-lock/conan.lock: a lockfile of Conan: no cataloger reads such a file
            unknown /conda-lock-yml/conda-lock.yml: a lockfile of conda: no cataloger reads such a file
            unknown /cpanfile-snapshot/cpanfile.snapshot: a lockfile of Perl: no cataloger reads such a file
            unknown /deno-lock/deno.lock: a lockfile of Deno: no cataloger reads such a file
            unknown /environment-yaml/environment.yaml: an environment of conda with packages of pip: no cataloger reads such a file
            unknown /environment-yml/environment.yml: an environment of conda with packages of pip: no cataloger reads such a file
            unknown /glide-lock/glide.lock: a lockfile of Glide: no cataloger reads such a file
            unknown /ivy-xml/ivy.xml: a manifest of Ivy: no cataloger reads such a file
            unknown /maven_install-json/maven_install.json: a lockfile of Bazel: no cataloger reads such a file
            unknown /mix-exs/mix.exs: a project of Elixir: no cataloger reads such a file
            unknown /mix-lock/mix.lock: a lockfile of Elixir: no cataloger reads such a file
            unknown /paket-dependencies/paket.dependencies: a project of Paket: no cataloger reads such a file
            unknown /paket-lock/paket.lock: a lockfile of Paket: no cataloger reads such a file
            unknown /pubspec-lock/pubspec.lock: a lockfile of Dart: no cataloger reads such a file
            unknown /pubspec-yaml/pubspec.yaml: a project of Dart: no cataloger reads such a file
            unknown /rebar-config/rebar.config: a project of Erlang: no cataloger reads such a file
            unknown /rebar-lock/rebar.lock: a lockfile of Erlang: no cataloger reads such a file
            unknown /renv-lock/renv.lock: a lockfile of R: no cataloger reads such a file
            unknown /requirements-in/requirements.in: requirements without a requirements.txt beside them: no cataloger reads such a file
            unknown /stack-yaml-lock/stack.yaml.lock: a lockfile of Stack: no cataloger reads such a file
            unknown /x-apk/x.apk: a package of Alpine or of Android: no cataloger reads such a file
            unknown /x-deb/x.deb: a package of Debian: no cataloger reads such a file
            unknown /x-gemspec/x.gemspec: the manifest of a gem: no cataloger reads such a file
            unknown /x-rpm/x.rpm: a package of RPM: no cataloger reads such a file
            ");
    }

    #[test]
    fn what_is_empty_or_of_others_or_read_elsewhere_is_not() {
        let files: &[(&str, &[u8])] = &[
            ("/a/mix.lock", b""),
            ("/a/node_modules/x/Podfile.lock", b"PODS:\n"),
            ("/a/vendor/x/deno.lock", b"{}"),
            ("/a/environment.yml", b"dependencies:\n  - numpy\n  - pip\n"),
            ("/a/requirements.in", b"django\n"),
            ("/a/requirements.txt", b""),
            ("/b/requirements.in", b"# nothing\n\n"),
            ("/b/requirements.txt.in", b"django\n"),
            ("/c/mix.exs", b"{:phoenix, \"1.4.0\"}"),
            ("/c/mix.lock", b""),
            ("/c/x.gemspec", b"s.add_dependency 'rack'"),
            ("/c/Gemfile.lock", b""),
            ("/c/Package.swift", b"let package = Package(name: \"x\")"),
            ("/c/pubspec.yaml", b"name: x\n"),
            ("/var/lib/gems/specifications/x.gemspec", b"s.add_dependency 'rack'"),
            ("/usr/local/bundle/gems/x-1/x.gemspec", b"s.add_dependency 'rack'"),
        ];
        insta::assert_snapshot!(render(&catalog(&CATALOGER, files)), @"");
    }
}
