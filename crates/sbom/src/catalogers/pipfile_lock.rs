//! Pipenv's lockfile, version 6. It is flat: what needs what it does not say.

use std::collections::{BTreeMap, BTreeSet};

use component::{PackageType, Scope, Technique};

use crate::Refusal;
use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::digests;
use crate::ecosystems::documents::{Entries, Text, Words, document, from_json, refusal, toml_table};
use crate::ecosystems::graph::Graph;
use crate::ecosystems::identity::Finder;
use crate::ecosystems::paths;
use crate::ecosystems::pypi;
use crate::view::View;

/// Pipenv's lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "pipfile-lock",
    summary: "Pipfile.lock, with Pipfile for what was asked for",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/Pipfile.lock"), keep: Keep::Bytes { limit_bytes: pypi::LOCK_BYTES_MAX } },
        Claim { pattern: Pattern::Path("**/Pipfile"), keep: Keep::Bytes { limit_bytes: 1 << 20 } },
    ],
    abilities: Abilities { packages: &[PackageType::Python], versions: Versions::Exact, edges: Edges::Flat, licenses: false, files: false, hashes: true },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Lockfile };

document! {
    struct Locked {
        version: Text = "version",
        hashes: Words = "hashes",
        git: Text = "git",
        reference: Text = "ref",
        file: Text = "file",
    }
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for file in view.files(0).filter(|file| !file.bytes().is_empty()) {
        let pipfile = view.file(&format!("{}/Pipfile", paths::folder(file.path())));
        let asked = pipfile.and_then(|file| asked(file.bytes()));
        match graph(file.bytes(), asked.as_ref()) {
            Ok(mut graph) => {
                graph.locate(&file.location());
                graph.report(findings);
            }
            Err(refusal) => findings.unknown(file.location(), refusal.0),
        }
    }
}

/// Returns the normal names that each group of a Pipfile asks for, by the group's name in the lockfile.
fn asked(bytes: &[u8]) -> Option<BTreeMap<String, BTreeSet<String>>> {
    let pipfile = toml_table(bytes)?;
    // Beside the two groups that all have there may be others of the project's own.
    let settings = ["source", "requires", "pipenv", "scripts"];
    let groups = pipfile.iter().filter(|(name, _)| !settings.contains(&name.as_str())).filter_map(|(name, group)| Some((name, group.as_table()?)));
    let locked = |name: &str| match name {
        "packages" => "default".to_owned(),
        "dev-packages" => "develop".to_owned(),
        name => name.to_owned(),
    };
    Some(groups.map(|(name, group)| (locked(name), group.keys().map(|name| pypi::normalize(name)).collect())).collect())
}

fn graph(bytes: &[u8], asked: Option<&BTreeMap<String, BTreeSet<String>>>) -> Result<Graph, Refusal> {
    let lock: Entries<Entries<Locked>> = from_json(bytes).map_err(|error| refusal("lockfile", &error))?;
    let mut graph = Graph::default();
    for (group, packages) in lock.0.iter().filter(|(group, _)| *group != "_meta") {
        // What is in no group but those of the project's own is installed only where that group is asked for.
        let scope = if group == "default" { Scope::Runtime } else { Scope::Development };
        for (name, locked) in packages.0.iter() {
            let version = locked.version.get().map(|version| version.trim_start_matches('=').trim());
            let qualifiers: Vec<(&str, String)> = match (locked.git.get(), locked.reference.get(), locked.file.get()) {
                (Some(git), Some(reference), _) => vec![("vcs_url", format!("git+{}@{reference}", git.trim_start_matches("git+")))],
                (None, _, Some(file)) if file.starts_with("http") => vec![("download_url", file.to_owned())],
                _ => Vec::new(),
            };
            let Some(mut component) = pypi::component(FINDER, name, version, &qualifiers) else {
                continue;
            };
            if component.version.is_none() && qualifiers.is_empty() {
                continue;
            }
            component.hashes = digests::bounded(locked.hashes.0.iter().filter_map(|hash| digests::parse_prefixed(hash)));
            let is_direct = asked.map(|asked| asked.get(group).is_some_and(|names| names.contains(&component.name)));
            component.direct = is_direct;
            let node = graph.scoped_package(component, scope);
            if is_direct == Some(true) {
                graph.direct(node, scope);
            }
        }
    }
    Ok(graph)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::found;

    fn check(files: &[(&str, &str)]) -> String {
        found(&CATALOGER, files)
    }

    #[test]
    fn what_is_no_lockfile_is_unknown() {
        insta::assert_snapshot!(
            check(&[
                ("/a/Pipfile.lock", r"x"),
                ("/b/Pipfile.lock", r""),
                ("/c/Pipfile.lock", r#"{"default": {"a b": {"version": "==1"}, "c": {"version": "*"}, "d": {}}}"#),
            ]),
            @"unknown /a/Pipfile.lock: the lockfile is not JSON (line 1)"
        );
    }

    #[test]
    fn the_pipfile_says_what_was_asked_for() {
        insta::assert_snapshot!(
            check(&[
                ("/app/Pipfile.lock", r#"{"default": {"a": {"version": "==1.0", "hashes": ["sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "x"]}, "b": {"version": "==1.0"}, "git": {"git": "https://example.org/o/git.git", "ref": "0123"}}, "develop": {"t": {"version": "==2.0"}}, "docs": {"b": {"version": "==1.0"}, "c": {"version": "==3.0"}}, "_meta": {"sources": [], "hash": {"version": "==1"}}}"#),
                ("/app/Pipfile", r#"[[source]]
name = "pypi"
[packages]
A = "*"
[dev-packages]
t = "*"
[docs]
b = "*"
"#),
            ]),
            @r"
            python a@1.0 pkg:pypi/a@1.0 direct Sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 at /app/Pipfile.lock
            python b@1.0 pkg:pypi/b@1.0 direct at /app/Pipfile.lock
            python c@3.0 pkg:pypi/c@3.0 development transitive at /app/Pipfile.lock
            python git pkg:pypi/git?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fo%2Fgit.git%400123 transitive at /app/Pipfile.lock
            python t@2.0 pkg:pypi/t@2.0 development direct at /app/Pipfile.lock
            root -> a@1.0
            root -development-> b@1.0
            root -development-> t@2.0
            "
        );
    }
}
