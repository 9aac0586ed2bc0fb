//! What Rust packages ask for: `Cargo.toml` where no lockfile says what became of it.
//!
//! Follows The Cargo Book, "Specifying Dependencies" and "Workspaces".

use component::{PackageType, Technique};
use toml::Table;

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::cargo::{self, Need};
use crate::ecosystems::documents::toml_table;
use crate::ecosystems::identity::Finder;
use crate::ecosystems::manifests::{self, Want};
use crate::ecosystems::paths;
use crate::view::View;

/// Rust packages without a lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "cargo-manifest",
    summary: "what a Cargo.toml asks for and no Cargo.lock locks",
    evidence: Evidence::Declared,
    claims: &[Claim { pattern: Pattern::Path("**/Cargo.toml"), keep: Keep::Bytes { limit_bytes: 4 << 20 } }],
    abilities: Abilities { packages: &[PackageType::RustCrate], versions: Versions::Stated, edges: Edges::Flat, licenses: false, files: false, hashes: false },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Manifest };

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for file in view.files(0).filter(|file| manifests::is_of_project(file.path())) {
        let Some(manifest) = toml_table(file.bytes()) else {
            findings.unknown(file.location(), "a Cargo.toml that is not TOML");
            continue;
        };
        let inherits = cargo::needs(&manifest, None).any(|need| need.is_inherited());
        let shared = if inherits { workspace(view, file.path()) } else { None };
        let needs = cargo::needs(&manifest, shared.as_ref()).filter(|need| !need.is_local());
        manifests::declare(FINDER, PackageType::RustCrate, file, needs.map(want).collect(), findings);
    }
}

/// Returns what the packages of a workspace share, by the nearest manifest around one of them that has it.
fn workspace(view: &View<'_>, path: &str) -> Option<Table> {
    let mut around = paths::ancestors(paths::folder(path)).filter_map(|folder| view.file(&format!("{folder}/Cargo.toml")));
    let shared = |table: Table| Some(table.get("workspace")?.get("dependencies")?.as_table()?.clone());
    around.find_map(|file| shared(toml_table(file.bytes())?))
}

fn want(need: Need<'_>) -> Want {
    let range = need.requirement();
    let exact = range.trim().strip_prefix('=').map(str::trim).filter(|version| version.split(['-', '+']).next().is_some_and(|numbers| numbers.split('.').count() == 3));
    Want {
        name: need.name().to_owned(),
        version: exact.filter(|version| !version.contains([',', ' ', '*'])).map(str::to_owned),
        range: range.to_owned(),
        scope: need.scope(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{catalog, render};

    #[test]
    fn what_a_package_asks_for() {
        let files: &[(&str, &[u8])] = &[
            ("/app/Cargo.toml", b"[package]\nname = \"app\"\n[dependencies]\nsmallvec = \"=0.6.10\"\nserde = { version = \"1\", features = [] }\nshort = \"=1.2\"\nown = { path = \"../own\" }\nnew = { package = \"old\", version = \"= 1.2.3\" }\nmaybe = { version = \"1\", optional = true }\n[dev-dependencies]\nproptest = \"1\"\n[target.'cfg(unix)'.dependencies]\nlibc = \"0.2\"\n"),
            ("/w/Cargo.toml", b"[workspace.dependencies]\nrand = \"=0.8.5\"\ninner = { path = \"inner\" }\n"),
            ("/w/a/Cargo.toml", b"[dependencies]\nrand.workspace = true\ninner.workspace = true\nlost.workspace = true\n"),
            ("/root/.cargo/registry/src/index/b-1.0.0/Cargo.toml", b"[dependencies]\ngone = \"1\"\n"),
            ("/bad/Cargo.toml", b"x"),
        ];
        insta::assert_snapshot!(render(&catalog(&CATALOGER, files)), @r#"
            rust-crate libc pkg:cargo/libc direct manifest:range="0.2" at /app/Cargo.toml
            rust-crate lost pkg:cargo/lost direct at /w/a/Cargo.toml
            rust-crate old@1.2.3 pkg:cargo/old@1.2.3 direct at /app/Cargo.toml
            rust-crate proptest pkg:cargo/proptest development direct manifest:range="1" at /app/Cargo.toml
            rust-crate rand@0.8.5 pkg:cargo/rand@0.8.5 direct at /w/a/Cargo.toml
            rust-crate serde pkg:cargo/serde direct manifest:range="1" at /app/Cargo.toml
            rust-crate short pkg:cargo/short direct manifest:range="=1.2" at /app/Cargo.toml
            rust-crate smallvec@0.6.10 pkg:cargo/smallvec@0.6.10 direct at /app/Cargo.toml
            root -> libc
            root -> lost
            root -> old@1.2.3
            root -development-> proptest
            root -> rand@0.8.5
            root -> serde
            root -> short
            root -> smallvec@0.6.10
            unknown /app/Cargo.toml: asks for libc, proptest, serde and 1 more: nothing here says which versions these get and what they and 2 more need in turn
            unknown /bad/Cargo.toml: a Cargo.toml that is not TOML
            unknown /w/a/Cargo.toml: asks for lost: nothing here says which versions these get and what they and 1 more need in turn
            "#);
    }
}
