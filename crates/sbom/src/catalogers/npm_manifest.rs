//! What JavaScript projects ask for: `package.json` where no lockfile and nothing installed says what became of it.
//!
//! Follows npm's documentation of `package.json`, "dependencies".

use component::{PackageType, Technique};

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::documents::from_json;
use crate::ecosystems::identity::Finder;
use crate::ecosystems::manifests::{self, Want};
use crate::ecosystems::npm::{self, Manifest, Need, Role};
use crate::view::View;

/// JavaScript projects without a lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "npm-manifest",
    summary: "what a package.json asks for and nothing locks or installs",
    evidence: Evidence::Declared,
    claims: &[Claim { pattern: Pattern::Path("**/package.json"), keep: Keep::Bytes { limit_bytes: npm::MANIFEST_BYTES_MAX } }],
    abilities: Abilities { packages: &[PackageType::Npm], versions: Versions::Stated, edges: Edges::Flat, licenses: false, files: false, hashes: false },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Manifest };

/// What stands in front of what is in the project itself.
const LOCAL: [&str; 7] = ["file:", "link:", "portal:", "workspace:", ".", "/", "~/"];

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for file in view.files(0).filter(|file| manifests::is_of_project(file.path())) {
        // One that cannot be read another cataloger tells.
        let Ok(manifest) = from_json::<Manifest>(file.bytes()) else { continue };
        let wants = manifest.needs(Role::Project).into_iter().filter_map(|(name, need)| want(name, need)).collect();
        manifests::declare(FINDER, PackageType::Npm, file, wants, findings);
    }
}

fn want(name: &str, need: Need<'_>) -> Option<Want> {
    let is_local = LOCAL.iter().any(|start| need.range.starts_with(start));
    let (name, range) = match need.range.strip_prefix("npm:") {
        Some(alias) => npm::split_at_version(alias).unwrap_or((alias, "")),
        None => (name, need.range),
    };
    if is_local || need.is_peer || !npm::is_name(name) {
        return None;
    }
    // A version is one of three numbers; what has fewer is a range.
    let stated = npm::clean_version(range).filter(|version| version.split(['-', '+']).next().is_some_and(|numbers| numbers.split('.').count() == 3));
    let version = stated.filter(|version| !version.split(['-', '+', '.']).any(|part| ["x", "X", "*", ""].contains(&part)));
    Some(Want { name: name.to_owned(), version: version.map(str::to_owned), range: range.to_owned(), scope: need.scope })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{catalog, render};

    #[test]
    fn what_a_project_asks_for() {
        let files: &[(&str, &[u8])] = &[
            ("/app/package.json", br#"{"name": "app", "version": "1.0.0", "dependencies": {"lodash": "4.17.10", "express": "^4.0.0", "left": "1.x", "two": "2.0",
                "@scope/x": "=1.2.3-rc.1", "own": "file:../own", "work": "workspace:*", "alias": "npm:real@1.0.0", "git": "git+https://example.org/o/git.git", "bad name": "1"},
                "devDependencies": {"jest": "29.0.0"}, "optionalDependencies": {"fsevents": "*"}, "peerDependencies": {"react": "18"}}"#),
            ("/app/node_modules/lib/package.json", br#"{"name": "lib", "version": "1.0.0", "dependencies": {"gone": "1"}}"#),
            ("/b/package.json", br#"{"dependencies": {}}"#),
            ("/c/package.json", br"x"),
        ];
        insta::assert_snapshot!(render(&catalog(&CATALOGER, files)), @r#"
            npm @scope/x@1.2.3-rc.1 pkg:npm/%40scope/x@1.2.3-rc.1 direct at /app/package.json
            npm express pkg:npm/express direct manifest:range="^4.0.0" at /app/package.json
            npm git pkg:npm/git direct manifest:range="git+https://example.org/o/git.git" at /app/package.json
            npm jest@29.0.0 pkg:npm/jest@29.0.0 development direct at /app/package.json
            npm left pkg:npm/left direct manifest:range="1.x" at /app/package.json
            npm lodash@4.17.10 pkg:npm/lodash@4.17.10 direct at /app/package.json
            npm real@1.0.0 pkg:npm/real@1.0.0 direct at /app/package.json
            npm two pkg:npm/two direct manifest:range="2.0" at /app/package.json
            root -> @scope/x@1.2.3-rc.1
            root -> express
            root -> git
            root -development-> jest@29.0.0
            root -> left
            root -> lodash@4.17.10
            root -> real@1.0.0
            root -> two
            unknown /app/package.json: asks for express, git, left and 1 more: nothing here says which versions these get and what they and 4 more need in turn
            "#);
    }
}
