//! Go's `go.mod`, with the hashes of `go.sum`.
//!
//! Follows "Go Modules Reference", "go.mod files". Since Go 1.17 a `go.mod` lists every module of the build; what needs what it does not say.

use std::collections::{BTreeMap, BTreeSet};

use component::{PackageType, Hash, Scope, Technique};

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::golang;
use crate::ecosystems::graph::Graph;
use crate::ecosystems::identity::Finder;
use crate::ecosystems::paths;
use crate::view::View;

/// Go's modules.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "go-mod",
    summary: "go.mod, with the hashes of go.sum",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/go.mod"), keep: Keep::Bytes { limit_bytes: 16 << 20 } },
        Claim { pattern: Pattern::Path("**/go.sum"), keep: Keep::Bytes { limit_bytes: 64 << 20 } },
    ],
    abilities: Abilities { packages: &[PackageType::GoModule], versions: Versions::Exact, edges: Edges::Flat, licenses: false, files: false, hashes: true },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Manifest };

/// The most directives of one file.
const DIRECTIVES_MAX: usize = 200_000;

/// What a `go.mod` says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Module {
    requires: Vec<Require>,
    /// By the old path, and the old version where only that one is replaced: the new path, and the new version where that is no folder.
    replaces: BTreeMap<(String, Option<String>), (String, Option<String>)>,
    excludes: BTreeSet<(String, String)>,
}

#[derive(Debug, PartialEq, Eq)]
struct Require {
    path: String,
    version: String,
    is_indirect: bool,
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for file in view.files(0) {
        let module = parse(&String::from_utf8_lossy(file.bytes()));
        let sums = view.file(&format!("{}/go.sum", paths::folder(file.path())));
        let sums = sums.map(|file| sums_in(&String::from_utf8_lossy(file.bytes()))).unwrap_or_default();
        let mut graph = graph(&module, &sums);
        graph.locate(&file.location());
        graph.report(findings);
    }
}

fn parse(text: &str) -> Module {
    let mut module = Module::default();
    let mut block: Option<String> = None;
    for line in text.lines().take(DIRECTIVES_MAX) {
        let (content, comment) = line.split_once("//").map_or((line, ""), |(content, comment)| (content, comment.trim()));
        let mut words: Vec<String> = words(content);
        if words.is_empty() {
            continue;
        }
        if words == [")"] {
            block = None;
            continue;
        }
        let directive = match &block {
            Some(block) => block.clone(),
            None => words.remove(0),
        };
        if words.first().is_some_and(|word| word == "(") {
            block = Some(directive);
            continue;
        }
        match (directive.as_str(), words.as_slice()) {
            ("require", [path, version]) => {
                let is_indirect = comment == "indirect" || comment.starts_with("indirect;");
                module.requires.push(Require { path: path.clone(), version: version.clone(), is_indirect });
            }
            ("exclude", [path, version]) => {
                module.excludes.insert((path.clone(), version.clone()));
            }
            ("replace", words) => {
                let Some(arrow) = words.iter().position(|word| word == "=>") else {
                    continue;
                };
                let (old, new) = (&words[..arrow], &words[arrow + 1..]);
                if let ([old, from @ ..], [new, to @ ..]) = (old, new) {
                    module.replaces.insert((old.clone(), from.first().cloned()), (new.clone(), to.first().cloned()));
                }
            }
            _ => {}
        }
    }
    module
}

/// Splits a line into words, of which some may stand in quotes.
fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(|word| word.trim_matches(['"', '`']).to_owned()).collect()
}

/// Reads `path version h1:hash` lines; those of `go.mod` files themselves are left.
fn sums_in(text: &str) -> BTreeMap<(String, String), Hash> {
    let mut sums = BTreeMap::new();
    for line in text.lines().take(DIRECTIVES_MAX) {
        let mut words = line.split_whitespace();
        if let (Some(path), Some(version), Some(hash)) = (words.next(), words.next(), words.next().and_then(golang::parse_hash))
            && !version.ends_with("/go.mod")
        {
            sums.insert((path.to_owned(), version.to_owned()), hash);
        }
    }
    sums
}

fn graph(module: &Module, sums: &BTreeMap<(String, String), Hash>) -> Graph {
    let mut graph = Graph::default();
    for require in &module.requires {
        let is_excluded = module.excludes.contains(&(require.path.clone(), require.version.clone()));
        let replaced = |version: Option<String>| module.replaces.get(&(require.path.clone(), version));
        let (path, version, property) = match replaced(Some(require.version.clone())).or_else(|| replaced(None)) {
            Some((new, Some(version))) => {
                let property = (*new != require.path).then_some(("go:replaces", require.path.as_str()));
                (new.as_str(), Some(version.as_str()), property)
            }
            // The folder is what is built, and says nothing of its version.
            Some((folder, None)) => (require.path.as_str(), None, Some(("go:replaced-by", folder.as_str()))),
            // Another version than the excluded one is built, and only the network knows which.
            None if is_excluded => continue,
            None => (require.path.as_str(), Some(require.version.as_str()), None),
        };
        let Some(mut component) = golang::component(FINDER, path, version) else {
            continue;
        };
        let sum = version.and_then(|version| sums.get(&(path.to_owned(), version.to_owned())));
        component.hashes = sum.cloned().into_iter().collect();
        component.direct = Some(!require.is_indirect);
        if let Some((name, value)) = property {
            component.properties.insert(name.into(), value.to_owned());
        }
        let node = graph.package(component);
        if !require.is_indirect {
            graph.direct(node, Scope::Runtime);
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
    fn directives_end_at_the_limit() {
        for (before, expected) in [(DIRECTIVES_MAX - 2, 2), (DIRECTIVES_MAX - 1, 1), (DIRECTIVES_MAX, 0)] {
            let blank = "\n".repeat(before);
            let module = parse(&format!("{blank}require example.org/a v1.0.0\nrequire example.org/b v1.0.0\n"));
            assert_eq!(module.requires.len(), expected, "{before}");
            let hash = "h1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
            let sums = sums_in(&format!("{blank}example.org/a v1.0.0 {hash}\nexample.org/b v1.0.0 {hash}\n"));
            assert_eq!(sums.len(), expected, "{before}");
        }
    }

    #[test]
    fn what_is_no_module_is_nothing() {
        insta::assert_snapshot!(
            check(&[
                ("/a/go.mod", r"bogus"),
                ("/b/go.mod", r""),
                ("/c/go.mod", r"require (
	a b
	../x v1.0.0
	https://x v1.0.0
)
require x
replace y =>
replace => z
"),
            ]),
            @""
        );
    }

    #[test]
    fn requires_replaces_and_excludes() {
        insta::assert_snapshot!(
            check(&[
                ("/app/go.mod", r#"module example.org/app

go 1.22

toolchain go1.23.2

require example.org/one v1.0.0

require (
	example.org/Two/v2 v2.1.0 // indirect
	"example.org/three" v0.0.0-20200624184116-66aa578126db // why
	//example.org/none v9.9.9
	example.org/four v1.0.0 // indirect; for tests
	example.org/five v1.0.0
	example.org/six v1.0.0
)

replace (
	example.org/four v1.0.0 => example.org/fork v1.5.0
	example.org/four v0.9.0 => example.org/wrong v1.0.0
	example.org/five => ../five
)

replace example.org/one => example.org/one v1.0.1

exclude example.org/six v1.0.0
"#),
                ("/app/go.sum", r"example.org/one v1.0.1 h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
example.org/one v1.0.1/go.mod h1:X7DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=
example.org/three h1:x
broken
"),
            ]),
            @r#"
            go-module example.org/Two/v2@v2.1.0 pkg:golang/example.org/two/v2@v2.1.0 transitive at /app/go.mod
            go-module example.org/five pkg:golang/example.org/five direct go:replaced-by="../five" at /app/go.mod
            go-module example.org/fork@v1.5.0 pkg:golang/example.org/fork@v1.5.0 transitive go:replaces="example.org/four" at /app/go.mod
            go-module example.org/one@v1.0.1 pkg:golang/example.org/one@v1.0.1 direct Sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 at /app/go.mod
            go-module example.org/three@v0.0.0-20200624184116-66aa578126db pkg:golang/example.org/three@v0.0.0-20200624184116-66aa578126db direct at /app/go.mod
            root -> example.org/five
            root -> example.org/one@v1.0.1
            root -> example.org/three@v0.0.0-20200624184116-66aa578126db
            "#
        );
    }
}
