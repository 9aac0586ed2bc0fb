//! PHP packages that Composer installed: `vendor/composer/installed.json`, of Composer 1 and 2.

use std::collections::BTreeSet;
use std::fmt;

use component::{PackageType, Scope, Technique};
use serde::Deserialize;
use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use crate::Refusal;
use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::composer::{self, Package};
use crate::ecosystems::documents::{List, Words, document, from_json};
use crate::ecosystems::graph::Graph;
use crate::ecosystems::identity::Finder;
use crate::ecosystems::paths;
use crate::view::View;

/// PHP packages that Composer installed.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "composer-installed",
    summary: "PHP packages in vendor, by Composer's installed.json",
    evidence: Evidence::Installed,
    claims: &[
        Claim { pattern: Pattern::Path("**/installed.json"), keep: Keep::Bytes { limit_bytes: composer::LOCK_BYTES_MAX } },
        Claim { pattern: Pattern::Path("**/composer.json"), keep: Keep::Bytes { limit_bytes: composer::MANIFEST_BYTES_MAX } },
    ],
    abilities: Abilities { packages: &[PackageType::PhpComposer], versions: Versions::Exact, edges: Edges::Complete, licenses: true, files: false, hashes: true },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::PackageDatabase };

document! {
    struct Second {
        packages: List<Package> = "packages",
        dev_package_names: Words = "dev-package-names",
    }
}

/// Composer 1 wrote the list alone.
struct Installed(Second);

impl<'de> Deserialize<'de> for Installed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Shape;
        impl<'de> Visitor<'de> for Shape {
            type Value = Installed;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a list of packages, or an object that has one")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Installed, A::Error> {
                let packages = List::deserialize(SeqAccessDeserializer::new(list))?;
                Ok(Installed(Second { packages, ..Second::default() }))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Installed, A::Error> {
                Second::deserialize(MapAccessDeserializer::new(map)).map(Installed)
            }
        }
        deserializer.deserialize_any(Shape)
    }
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for file in view.files(0).filter(|file| !file.bytes().is_empty()) {
        let folder = paths::folder(file.path());
        // `vendor/composer/installed.json` belongs to the project that `vendor` is in.
        let root = paths::folder(paths::folder(folder));
        let manifest = view.file(&format!("{root}/composer.json"));
        let project: Option<Package> = manifest.and_then(|file| from_json(file.bytes()).ok());
        match graph(file.bytes(), project.as_ref()) {
            Ok(mut graph) => {
                graph.locate(&file.location());
                graph.report(findings);
            }
            // Other programs have files of this name.
            Err(refusal) if paths::split(folder).1 == "composer" => findings.unknown(file.location(), refusal.0),
            Err(_) => {}
        }
    }
}

fn graph(bytes: &[u8], project: Option<&Package>) -> Result<Graph, Refusal> {
    let refused = |error: serde_json::Error| Refusal::new(format!("the list is not JSON of the expected form (line {})", error.line()));
    let Installed(installed) = from_json(bytes).map_err(refused)?;
    let development: BTreeSet<&str> = installed.dev_package_names.0.iter().map(String::as_str).collect();
    let packages = installed.packages.0.iter().map(|package| {
        let is_development = package.name.get().is_some_and(|name| development.contains(name));
        (package, if is_development { Scope::Development } else { Scope::Runtime })
    });
    Ok(composer::graph(FINDER, packages, project))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::found;

    fn check(files: &[(&str, &str)]) -> String {
        found(&CATALOGER, files)
    }

    #[test]
    fn other_files_of_the_name_are_nobodys() {
        insta::assert_snapshot!(
            check(&[
                ("/a/installed.json", r"bogus"),
                ("/b/vendor/composer/installed.json", r"bogus"),
                ("/c/installed.json", r#"{"x": 1}"#),
                ("/d/installed.json", r"[1]"),
            ]),
            @"unknown /b/vendor/composer/installed.json: the list is not JSON of the expected form (line 1)"
        );
    }

    #[test]
    fn composer_1() {
        insta::assert_snapshot!(
            check(&[
                ("/app/vendor/composer/installed.json", r#"[{"name": "acme/kit", "version": "1.0.0", "require": {"acme/log": "^1"}}, {"name": "acme/log", "version": "1.2.0"}]"#),
            ]),
            @r"
            php-composer acme/kit@1.0.0 pkg:composer/acme/kit@1.0.0 at /app/vendor/composer/installed.json
            php-composer acme/log@1.2.0 pkg:composer/acme/log@1.2.0 at /app/vendor/composer/installed.json
            acme/kit@1.0.0 -> acme/log@1.2.0
            "
        );
    }

    #[test]
    fn composer_2() {
        insta::assert_snapshot!(
            check(&[
                ("/app/vendor/composer/installed.json", r#"{"packages": [{"name": "acme/kit", "version": "1.0.0", "require": {"acme/log": "^1"}}, {"name": "acme/log", "version": "1.2.0"}, {"name": "acme/test", "version": "1.0"}], "dev": true, "dev-package-names": ["acme/test"]}"#),
                ("/app/composer.json", r#"{"name": "acme/site", "version": "3.0", "require": {"acme/kit": "*"}}"#),
            ]),
            @r"
            php-composer acme/kit@1.0.0 pkg:composer/acme/kit@1.0.0 direct at /app/vendor/composer/installed.json
            php-composer acme/log@1.2.0 pkg:composer/acme/log@1.2.0 transitive at /app/vendor/composer/installed.json
            php-composer acme/site@3.0 pkg:composer/acme/site@3.0 direct at /app/vendor/composer/installed.json
            php-composer acme/test@1.0 pkg:composer/acme/test@1.0 development at /app/vendor/composer/installed.json
            root -> acme/site@3.0
            acme/kit@1.0.0 -> acme/log@1.2.0
            acme/site@3.0 -> acme/kit@1.0.0
            "
        );
    }
}
