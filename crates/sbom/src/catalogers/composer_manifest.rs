//! What PHP projects ask for: `composer.json` where no lockfile and nothing installed says what became of it.
//!
//! Follows Composer's documentation, "The composer.json schema" and "Versions and constraints".

use component::{PackageType, Scope, Technique};

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::composer::{self, Package};
use crate::ecosystems::documents::{from_json, refusal};
use crate::ecosystems::identity::Finder;
use crate::ecosystems::manifests::{self, Want};
use crate::view::View;

/// PHP projects without a lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "composer-manifest",
    summary: "what a composer.json asks for and nothing locks or installs",
    evidence: Evidence::Declared,
    claims: &[Claim { pattern: Pattern::Path("**/composer.json"), keep: Keep::Bytes { limit_bytes: composer::MANIFEST_BYTES_MAX } }],
    abilities: Abilities { packages: &[PackageType::PhpComposer], versions: Versions::Stated, edges: Edges::Flat, licenses: false, files: false, hashes: false },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Manifest };

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for file in view.files(0).filter(|file| manifests::is_of_project(file.path())) {
        let project: Package = match from_json(file.bytes()) {
            Ok(project) => project,
            Err(error) => {
                findings.unknown(file.location(), refusal("composer.json", &error).0);
                continue;
            }
        };
        let groups = [(&project.require, Scope::Runtime), (&project.require_dev, Scope::Development)];
        let wants = groups.into_iter().flat_map(|(group, scope)| group.0.iter().map(move |(name, range)| (name, range, scope)));
        let wants = wants.filter_map(|(name, range, scope)| want(name, range, scope)).collect();
        manifests::declare(FINDER, PackageType::PhpComposer, file, wants, findings);
    }
}

fn want(name: &str, range: &str, scope: Scope) -> Option<Want> {
    // What others stand in for is no package by itself.
    if !composer::is_name(name) || name.ends_with("-implementation") {
        return None;
    }
    let stated = range.trim().trim_start_matches('=').trim();
    let is_exact = stated.trim_start_matches('v').starts_with(|first: char| first.is_ascii_digit())
        && stated.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_+".contains(&byte))
        && !stated.split(['.', '-']).any(|part| part == "x");
    Some(Want { name: name.to_ascii_lowercase(), version: is_exact.then(|| stated.to_owned()), range: range.to_owned(), scope })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{catalog, render};

    #[test]
    fn what_a_project_asks_for() {
        let files: &[(&str, &[u8])] = &[
            ("/app/composer.json", br#"{"name": "a/app", "require": {"php": ">=8", "ext-json": "*", "Acme/Kit": "1.2.3", "a/caret": "^1.0", "a/v": "=v2.0", "a/any": "1.*", "a/x": "1.x", "a/dev": "dev-main", "psr/log-implementation": "1"},
                "require-dev": {"a/test": "1.0.0"}}"#),
            ("/app/vendor/a/b/composer.json", br#"{"require": {"a/gone": "1.0.0"}}"#),
            ("/bad/composer.json", br"x"),
        ];
        insta::assert_snapshot!(render(&catalog(&CATALOGER, files)), @r#"
            php-composer a/any pkg:composer/a/any direct manifest:range="1.*" at /app/composer.json
            php-composer a/caret pkg:composer/a/caret direct manifest:range="^1.0" at /app/composer.json
            php-composer a/dev pkg:composer/a/dev direct manifest:range="dev-main" at /app/composer.json
            php-composer a/test@1.0.0 pkg:composer/a/test@1.0.0 development direct at /app/composer.json
            php-composer a/v@v2.0 pkg:composer/a/v@v2.0 direct at /app/composer.json
            php-composer a/x pkg:composer/a/x direct manifest:range="1.x" at /app/composer.json
            php-composer acme/kit@1.2.3 pkg:composer/acme/kit@1.2.3 direct at /app/composer.json
            root -> a/any
            root -> a/caret
            root -> a/dev
            root -development-> a/test@1.0.0
            root -> a/v@v2.0
            root -> a/x
            root -> acme/kit@1.2.3
            unknown /app/composer.json: asks for a/any, a/caret, a/dev and 1 more: nothing here says which versions these get and what they and 3 more need in turn
            unknown /bad/composer.json: the composer.json is not JSON (line 1)
            "#);
    }
}
