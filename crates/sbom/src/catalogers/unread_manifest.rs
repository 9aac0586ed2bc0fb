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

const KINDS: [Kind; 22] = [
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

/// Tells whether an environment of conda has a list of what pip installs.
fn asks_for_pip(_: &View<'_>, file: &File<'_>) -> bool {
    let lines = String::from_utf8_lossy(file.bytes());
    lines.lines().any(|line| line.split('#').next().unwrap_or_default().split_whitespace().eq(["-", "pip:"]))
}

/// Tells whether requirements ask for something, and pip-compile has not written beside them what that became.
fn is_not_compiled(view: &View<'_>, file: &File<'_>) -> bool {
    let compiled = format!("{}/requirements.txt", paths::folder(file.path()));
    let text = String::from_utf8_lossy(file.bytes());
    let asks = text.lines().map(str::trim).any(|line| !line.is_empty() && !line.starts_with('#'));
    asks && view.entry(&compiled).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{catalog, render};

    #[test]
    fn what_no_cataloger_reads_is_told() {
        let names = KINDS.map(|kind| kind.pattern.replace("**", "/app"));
        let text = b"dependencies:\n  - numpy\n  - pip: # more\n    - django==3.2\n";
        let files: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), text.as_slice())).collect();
        insta::assert_snapshot!(render(&catalog(&CATALOGER, &files)), @"
        unknown /app/Cartfile.resolved: a lockfile of Carthage: no cataloger reads such a file
        unknown /app/Package.resolved: a lockfile of Swift: no cataloger reads such a file
        unknown /app/Podfile.lock: a lockfile of CocoaPods: no cataloger reads such a file
        unknown /app/build.sbt: a build of sbt: no cataloger reads such a file
        unknown /app/build.sbt.lock: a lockfile of sbt: no cataloger reads such a file
        unknown /app/bun.lockb: a binary lockfile of Bun: no cataloger reads such a file
        unknown /app/cabal.project.freeze: a lockfile of Cabal: no cataloger reads such a file
        unknown /app/conan.lock: a lockfile of Conan: no cataloger reads such a file
        unknown /app/conda-lock.yml: a lockfile of conda: no cataloger reads such a file
        unknown /app/cpanfile.snapshot: a lockfile of Perl: no cataloger reads such a file
        unknown /app/deno.lock: a lockfile of Deno: no cataloger reads such a file
        unknown /app/environment.yaml: an environment of conda with packages of pip: no cataloger reads such a file
        unknown /app/environment.yml: an environment of conda with packages of pip: no cataloger reads such a file
        unknown /app/ivy.xml: a manifest of Ivy: no cataloger reads such a file
        unknown /app/maven_install.json: a lockfile of Bazel: no cataloger reads such a file
        unknown /app/mix.lock: a lockfile of Elixir: no cataloger reads such a file
        unknown /app/paket.lock: a lockfile of Paket: no cataloger reads such a file
        unknown /app/pubspec.lock: a lockfile of Dart: no cataloger reads such a file
        unknown /app/rebar.lock: a lockfile of Erlang: no cataloger reads such a file
        unknown /app/renv.lock: a lockfile of R: no cataloger reads such a file
        unknown /app/requirements.in: requirements without a requirements.txt beside them: no cataloger reads such a file
        unknown /app/stack.yaml.lock: a lockfile of Stack: no cataloger reads such a file
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
        ];
        insta::assert_snapshot!(render(&catalog(&CATALOGER, files)), @"");
    }
}
