//! Composer's lockfile.

use component::{PackageType, Scope, Technique};

use crate::Refusal;
use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::composer::{self, Package};
use crate::ecosystems::documents::{List, document, from_json};
use crate::ecosystems::graph::Graph;
use crate::ecosystems::identity::Finder;
use crate::ecosystems::paths;
use crate::view::View;

/// Composer's lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "composer-lock",
    summary: "composer.lock, with composer.json for what was asked for",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/composer.lock"), keep: Keep::Bytes { limit_bytes: composer::LOCK_BYTES_MAX } },
        Claim { pattern: Pattern::Path("**/composer.json"), keep: Keep::Bytes { limit_bytes: composer::MANIFEST_BYTES_MAX } },
    ],
    abilities: Abilities { packages: &[PackageType::PhpComposer], versions: Versions::Exact, edges: Edges::Complete, licenses: true, files: false, hashes: true },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Lockfile };

document! {
    struct Lock {
        packages: List<Package> = "packages",
        packages_dev: Option<List<Package>> = "packages-dev",
    }
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for file in view.files(0).filter(|file| !file.bytes().is_empty()) {
        let manifest = view.file(&format!("{}/composer.json", paths::folder(file.path())));
        let project: Option<Package> = manifest.and_then(|file| from_json(file.bytes()).ok());
        match graph(file.bytes(), project.as_ref()) {
            Ok(mut graph) => {
                graph.locate(&file.location());
                graph.report(findings);
            }
            Err(refusal) => findings.unknown(file.location(), refusal.0),
        }
    }
}

fn graph(bytes: &[u8], project: Option<&Package>) -> Result<Graph, Refusal> {
    let lock: Lock = from_json(bytes).map_err(|error| Refusal::new(format!("the lockfile is not JSON of the expected form (line {})", error.line())))?;
    let development = lock.packages_dev.iter().flat_map(|packages| &packages.0).map(|package| (package, Scope::Development));
    Ok(composer::graph(FINDER, lock.packages.0.iter().map(|package| (package, Scope::Runtime)).chain(development), project))
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
                ("/a/composer.lock", r"x"),
                ("/b/composer.lock", r""),
                ("/c/composer.lock", r#"{"packages": [{"name": "a", "version": "1"}, {"name": "a/b"}, 1]}"#),
            ]),
            @"unknown /a/composer.lock: the lockfile is not JSON of the expected form (line 1)"
        );
    }

    #[test]
    fn development_and_stand_ins() {
        insta::assert_snapshot!(
            check(&[
                ("/app/composer.lock", r#"{"packages": [
 {"name": "Acme/App-Kit", "version": "v1.0.0", "require": {"php": ">=8", "ext-json": "*", "acme/log": "^1", "psr/log-implementation": "1.0"}, "license": ["MIT", "GPL-2.0-only"], "authors": [{"name": "A", "email": "a@b.c"}], "dist": {"type": "zip", "shasum": "aea74d5e61c1f899613bf64bda66d4c78f2fd17d"}},
 {"name": "acme/log", "version": "1.2.0", "provide": {"psr/log-implementation": "1.0"}, "license": ["proprietary"]}],
 "packages-dev": [{"name": "acme/test", "version": "dev-main", "require": {"acme/log": "*"}, "dist": {"shasum": ""}}]}"#),
                ("/app/composer.json", r#"{"name": "acme/site", "require": {"php": ">=8", "acme/app-kit": "^1"}, "require-dev": {"acme/test": "*"}}"#),
            ]),
            @r#"
            php-composer acme/app-kit@v1.0.0 pkg:composer/acme/app-kit@v1.0.0 direct license="MIT OR GPL-2.0-only" supplier="A <a@b.c>" Sha1=aea74d5e61c1f899613bf64bda66d4c78f2fd17d at /app/composer.lock
            php-composer acme/log@1.2.0 pkg:composer/acme/log@1.2.0 transitive license="proprietary" at /app/composer.lock
            php-composer acme/test@dev-main pkg:composer/acme/test@dev-main development direct at /app/composer.lock
            root -> acme/app-kit@v1.0.0
            root -development-> acme/test@dev-main
            acme/app-kit@v1.0.0 -> acme/log@1.2.0
            acme/test@dev-main -> acme/log@1.2.0
            "#
        );
    }

    #[test]
    fn who_stands_in() {
        insta::assert_snapshot!(
            check(&[
                ("/app/composer.lock", r#"{"packages": [
 {"name": "a/kit", "version": "1.0.0", "require": {"v/log": "1.0", "a/old": "*"}},
 {"name": "a/log", "version": "1.0.0", "provide": {"v/log": "1.0"}, "replace": {"a/old": "*"}}],
 "packages-dev": [{"name": "a/test", "version": "1.0.0", "provide": {"v/log": "1.0"}, "require": {"v/log": "1.0"}}]}"#),
                ("/app/composer.json", r#"{"name": "a/site", "version": "1.0.0", "require": {"a/kit": "^1", "v/log": "*"}, "require-dev": {"a/test": "*", "a/old": "*"}}"#),
            ]),
            @r"
            php-composer a/kit@1.0.0 pkg:composer/a/kit@1.0.0 direct at /app/composer.lock
            php-composer a/log@1.0.0 pkg:composer/a/log@1.0.0 transitive at /app/composer.lock
            php-composer a/site@1.0.0 pkg:composer/a/site@1.0.0 direct at /app/composer.lock
            php-composer a/test@1.0.0 pkg:composer/a/test@1.0.0 development direct at /app/composer.lock
            root -> a/site@1.0.0
            a/kit@1.0.0 -> a/log@1.0.0
            a/site@1.0.0 -> a/kit@1.0.0
            a/site@1.0.0 -development-> a/test@1.0.0
            a/test@1.0.0 -> a/log@1.0.0
            "
        );
    }
}
