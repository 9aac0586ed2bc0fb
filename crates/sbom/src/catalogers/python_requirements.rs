//! pip's requirements files, as people write them and as pip-compile and uv do.
//!
//! Follows pip's documentation "Requirements File Format".

use std::collections::BTreeMap;

use component::{PackageType, Component, Hash, Scope, Technique};

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::digests;
use crate::ecosystems::graph::{Graph, NodeId};
use crate::ecosystems::identity::{Finder, is_word};
use crate::ecosystems::paths;
use crate::ecosystems::pypi::{self, Requirement};
use crate::view::View;

/// pip's requirements files.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "python-requirements",
    summary: "requirements files of pip, with the edges that pip-compile notes in them",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/*requirements*.txt"), keep: FILE },
        Claim { pattern: Pattern::Path("**/requirements/*.txt"), keep: FILE },
    ],
    abilities: Abilities { packages: &[PackageType::Python], versions: Versions::Stated, edges: Edges::Complete, licenses: false, files: false, hashes: true },
    catalog,
};

const FILE: Keep = Keep::Bytes { limit_bytes: 16 << 20 };
const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Manifest };

/// The most requirements of one file.
const REQUIREMENTS_MAX: usize = 100_000;

/// The most names in one comment of pip-compile.
const VIA_MAX: usize = 10_000;

/// What a file says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Requirements {
    pinned: Vec<Pinned>,
    /// The other files that it refers to.
    includes: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Pinned {
    component: Component,
    /// Who wants it, in the words of pip-compile: names of distributions, or files with an option in front.
    via: Vec<String>,
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    let second = view.files(1).filter(|file| !paths::split(file.path()).1.contains("requirements"));
    for file in view.files(0).chain(second) {
        // A wheel's own list of what its tests want is about nothing that is here.
        if file.path().contains("/site-packages/") || file.path().contains("/dist-packages/") {
            continue;
        }
        let (folder, name) = paths::split(file.path());
        let requirements = parse(&String::from_utf8_lossy(file.bytes()));
        for include in &requirements.includes {
            if view.file(&paths::join(folder, include)).is_none() {
                findings.unknown(file.location(), format!("refers to `{include}`, which was not read"));
            }
        }
        let mut graph = graph(requirements.pinned, scope(name));
        graph.locate(&file.location());
        graph.report(findings);
    }
}

/// Returns what a file's requirements are for, by its name: `requirements-dev.txt`, `test.txt`.
fn scope(name: &str) -> Scope {
    let mut words = name.trim_end_matches(".txt").split(|character: char| !character.is_ascii_alphanumeric());
    let development = ["dev", "develop", "development", "test", "tests", "testing", "doc", "docs", "lint", "typing", "ci", "build"];
    if words.any(|word| development.contains(&word)) { Scope::Development } else { Scope::Runtime }
}

fn parse(text: &str) -> Requirements {
    let mut requirements = Requirements::default();
    let mut logical = String::new();
    // Whether the comment lines that follow belong to the last requirement.
    let mut in_via = false;
    for line in text.trim_start_matches('\u{feff}').lines() {
        let trimmed = line.trim();
        if logical.is_empty()
            && let Some(comment) = trimmed.strip_prefix('#')
        {
            let comment = comment.trim();
            // pip-compile indents what it notes of a requirement.
            let is_note = line.starts_with([' ', '\t']);
            let names = match comment.strip_prefix("via") {
                Some(names) if is_note => {
                    in_via = true;
                    names
                }
                _ if is_note && in_via => comment,
                _ => {
                    in_via = false;
                    continue;
                }
            };
            if let Some(pinned) = requirements.pinned.last_mut() {
                let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
                pinned.via.extend(names.map(str::to_owned).take(VIA_MAX.saturating_sub(pinned.via.len())));
            }
            continue;
        }
        in_via = false;
        match trimmed.strip_suffix('\\') {
            Some(front) => {
                logical.push_str(front);
                logical.push(' ');
                continue;
            }
            None => logical.push_str(trimmed),
        }
        requirement(&std::mem::take(&mut logical), &mut requirements);
    }
    requirement(&logical, &mut requirements);
    requirements
}

fn requirement(line: &str, requirements: &mut Requirements) {
    // A comment begins at a `#` after white space.
    let (line, comment) = match line.match_indices('#').find(|(at, _)| line[..*at].ends_with(char::is_whitespace) || *at == 0) {
        Some((at, _)) => (&line[..at], line[at + 1..].trim()),
        None => (line, ""),
    };
    let line = line.trim();
    if line.starts_with('-') {
        let option = line.split_once([' ', '=']).map(|(option, value)| (option, value.trim()));
        let file = match option {
            Some(("-r" | "--requirement" | "--requirements" | "-c" | "--constraint", file)) => Some(file),
            _ => line.strip_prefix("-r").or(line.strip_prefix("-c")).filter(|file| !file.starts_with('-')),
        };
        if let Some(file) = file.filter(|file| is_word(file)) {
            requirements.includes.push(file.to_owned());
        }
        return;
    }
    if requirements.pinned.len() == REQUIREMENTS_MAX {
        return;
    }
    let (declared, options) = match line.find(" --") {
        Some(at) => (&line[..at], &line[at..]),
        None => (line, ""),
    };
    let Some(requirement) = Requirement::parse(declared) else {
        return;
    };
    let hash = |option: &str| -> Option<Hash> { digests::parse_prefixed(option.strip_prefix("--hash")?.trim_start_matches(['=', ' '])) };
    let hashes = digests::bounded(options.replace("--hash ", "--hash=").split_ascii_whitespace().filter_map(hash));
    let qualifiers: Vec<(&str, String)> = match requirement.url {
        Some(url) if url.starts_with("git+") => vec![("vcs_url", url.to_owned())],
        Some(url) if url.starts_with("https://") || url.starts_with("http://") => vec![("download_url", url.to_owned())],
        _ => Vec::new(),
    };
    let pinned = requirement.pinned();
    let finder = if pinned.is_some() && !hashes.is_empty() { FINDER.with(Technique::Lockfile) } else { FINDER };
    let Some(mut component) = pypi::component(finder, &requirement.name, pinned, &qualifiers) else {
        return;
    };
    component.hashes = hashes;
    if pinned.is_none() && !requirement.specifier.is_empty() {
        component.properties.insert("python:specifier".into(), requirement.specifier.split_whitespace().collect());
    }
    if let Some(marker) = requirement.marker {
        component.properties.insert("python:marker".into(), marker.to_owned());
    }
    let via = comment.strip_prefix("via ").into_iter().flat_map(|names| names.split(',')).map(|name| name.trim().to_owned());
    requirements.pinned.push(Pinned { component, via: via.take(VIA_MAX).collect() });
}

fn graph(pinned: Vec<Pinned>, scope: Scope) -> Graph {
    let mut graph = Graph::default();
    let mut nodes: BTreeMap<String, NodeId> = BTreeMap::new();
    let is_compiled = pinned.iter().any(|pinned| !pinned.via.is_empty());
    let mut wanted: Vec<(NodeId, Vec<String>)> = Vec::new();
    for Pinned { component, via } in pinned {
        let name = component.name.clone();
        let node = graph.scoped_package(component, scope);
        nodes.insert(name, node);
        wanted.push((node, via));
    }
    for (node, via) in wanted {
        if !is_compiled {
            graph.direct(node, scope);
        }
        for via in via {
            if let Some(from) = nodes.get(&pypi::normalize(&via)) {
                graph.depends_on(*from, node, Scope::Runtime);
            } else if via.starts_with('-') || via.contains('(') {
                // `-r requirements.in`, or `project (pyproject.toml)`: it stands in a file of the project.
                graph.direct(node, scope);
            }
        }
    }
    graph
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{catalog, render};

    fn check(files: &[(&str, &str)]) -> String {
        let files: Vec<(&str, &[u8])> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
        render(&catalog(&CATALOGER, &files))
    }

    #[test]
    fn lists_end_at_their_limits() {
        for (written, kept) in [(REQUIREMENTS_MAX - 1, 99_999), (REQUIREMENTS_MAX, 100_000), (REQUIREMENTS_MAX + 1, 100_000)] {
            assert_eq!(parse(&"a==1\n".repeat(written)).pinned.len(), kept, "{written}");
        }
        for (written, kept) in [(VIA_MAX - 1, 9_999), (VIA_MAX, 10_000), (VIA_MAX + 1, 10_000)] {
            let names = vec!["b"; written].join(",");
            for text in [format!("a==1  # via {names}\n"), format!("a==1\n    # via {names}\n")] {
                assert_eq!(parse(&text).pinned[0].via.len(), kept, "{written}");
            }
        }
    }

    #[test]
    fn as_people_write_them() {
        insta::assert_snapshot!(
            check(&[
                ("/app/requirements.txt", r#" Flask == 4.0.0
# a comment
sqlalchemy >= 1.0, \
  != 3.0  # another
-e https://example.org/a.git
-r other.txt
-c seen-requirements.txt
--requirement=../more.txt
==2.3.4
celery[redis, pytest] == 4.4.7
a == 1.0 ; python_version < "3.8"
b @ git+https://example.org/o/b@v1
argh==0.26.2 \
  --hash=sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 \
  --hash=sha256:x
not a requirement
"#),
                ("/app/seen-requirements.txt", r"c==1"),
                ("/app/requirements/dev.txt", r"d==1
"),
                ("/usr/lib/python3/site-packages/x/requirements.txt", r"e==1"),
            ]),
            @r#"
            python a@1.0 pkg:pypi/a@1.0 direct python:marker="python_version < \"3.8\"" at /app/requirements.txt
            python argh@0.26.2 pkg:pypi/argh@0.26.2 direct Sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 at /app/requirements.txt
            python b pkg:pypi/b?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fo%2Fb%40v1 direct at /app/requirements.txt
            python c@1 pkg:pypi/c@1 direct at /app/seen-requirements.txt
            python celery@4.4.7 pkg:pypi/celery@4.4.7 direct at /app/requirements.txt
            python d@1 pkg:pypi/d@1 development direct at /app/requirements/dev.txt
            python flask@4.0.0 pkg:pypi/flask@4.0.0 direct at /app/requirements.txt
            python sqlalchemy pkg:pypi/sqlalchemy direct python:specifier=">=1.0,!=3.0" at /app/requirements.txt
            root -> a@1.0
            root -> argh@0.26.2
            root -> b
            root -> c@1
            root -> celery@4.4.7
            root -development-> d@1
            root -> flask@4.0.0
            root -> sqlalchemy
            unknown /app/requirements.txt: refers to `../more.txt`, which was not read
            unknown /app/requirements.txt: refers to `other.txt`, which was not read
            "#
        );
    }

    #[test]
    fn as_pip_compile_writes_them() {
        insta::assert_snapshot!(
            check(&[
                ("/app/requirements.txt", r"#
# This file is autogenerated
#
click==8.1.7
    # via flask
flask==3.0.0
    # via
    #   -r requirements.in
    #   app (pyproject.toml)
jinja2==3.1.2
    # via flask, other
# not via anyone
markupsafe==2.1.3    # via jinja2
"),
            ]),
            @r"
            python click@8.1.7 pkg:pypi/click@8.1.7 transitive at /app/requirements.txt
            python flask@3.0.0 pkg:pypi/flask@3.0.0 direct at /app/requirements.txt
            python jinja2@3.1.2 pkg:pypi/jinja2@3.1.2 transitive at /app/requirements.txt
            python markupsafe@2.1.3 pkg:pypi/markupsafe@2.1.3 transitive at /app/requirements.txt
            root -> flask@3.0.0
            flask@3.0.0 -> click@8.1.7
            flask@3.0.0 -> jinja2@3.1.2
            jinja2@3.1.2 -> markupsafe@2.1.3
            "
        );
    }
}
