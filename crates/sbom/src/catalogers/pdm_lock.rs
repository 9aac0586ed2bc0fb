//! PDM's lockfile, formats 3 and 4.

use std::collections::BTreeMap;

use component::{PackageType, Scope, Technique};
use serde::Deserialize;

use crate::Refusal;
use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::documents::from_toml;
use crate::ecosystems::identity::Finder;
use crate::ecosystems::pypi::{self, Requirement};
use crate::ecosystems::pyproject::{self, Project};
use crate::ecosystems::python_locks::{self, Archive, Locked, LockedNeed};
use crate::view::View;

/// PDM's lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "pdm-lock",
    summary: "pdm.lock, with pyproject.toml for what was asked for",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/pdm.lock"), keep: Keep::Bytes { limit_bytes: pypi::LOCK_BYTES_MAX } },
        Claim { pattern: Pattern::Path("**/pyproject.toml"), keep: Keep::Bytes { limit_bytes: pyproject::BYTES_MAX } },
    ],
    abilities: Abilities { packages: &[PackageType::Python], versions: Versions::Exact, edges: Edges::Complete, licenses: false, files: false, hashes: true },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Lockfile };

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Lock {
    package: Vec<Package>,
    metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    /// Up to format 4.2 the archives stand here, under `name version`.
    files: BTreeMap<String, Vec<Archive>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Package {
    name: String,
    version: Option<String>,
    groups: Vec<String>,
    marker: Option<String>,
    /// The extras of the distribution that this entry adds the dependencies of.
    extras: Vec<String>,
    dependencies: Vec<String>,
    files: Vec<Archive>,
    git: Option<String>,
    revision: Option<String>,
    url: Option<String>,
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    python_locks::catalog(view, findings, FINDER, parse);
}

fn parse(bytes: &[u8], project: Option<&Project>) -> Result<Vec<Locked>, Refusal> {
    let lock: Lock = from_toml(bytes)?;
    Ok(lock.package.iter().filter_map(|package| locked(package, &lock.metadata, project)).collect())
}

/// Returns what the groups are for. Which of them are extras of the project and which are for development, only its own file says; without it
/// those that are not the default count as optional.
fn stated(groups: &[String], project: Option<&Project>) -> Option<Scope> {
    let scope = |group: &String| match project {
        _ if group == "default" => Scope::Runtime,
        Some(project) if !project.extras.contains(group) => Scope::Development,
        _ => Scope::Optional,
    };
    groups.iter().map(scope).min()
}

fn locked(package: &Package, metadata: &Metadata, project: Option<&Project>) -> Option<Locked> {
    let qualifiers: Vec<(&str, String)> = match (&package.git, &package.revision, &package.url) {
        (Some(git), Some(revision), _) => vec![("vcs_url", format!("git+{git}@{revision}"))],
        (None, _, Some(url)) => vec![("download_url", url.clone())],
        _ => Vec::new(),
    };
    let version = package.version.as_deref()?;
    let mut component = pypi::component(FINDER, &package.name, Some(version), &qualifiers)?;
    let older = metadata.files.get(&format!("{} {version}", package.name)).into_iter().flatten();
    component.hashes = python_locks::hashes(package.files.iter().chain(older));
    let needs = package.dependencies.iter().filter_map(|text| Requirement::parse(text)).map(|requirement| LockedNeed {
        specifier: (!requirement.specifier.is_empty()).then(|| requirement.specifier.to_owned()),
        extras: requirement.extras.iter().map(|extra| (*extra).to_owned()).collect(),
        marker: requirement.marker.map(str::to_owned),
        name: requirement.name,
        // Each set of extras that is asked for together has an entry of its own.
        when: if package.extras.is_empty() { Vec::new() } else { vec![package.extras.clone()] },
        scope: None,
    });
    Some(Locked { component, stated: stated(&package.groups, project), marker: package.marker.clone(), needs: needs.collect() })
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
                ("/a/pdm.lock", r"["),
                ("/b/pdm.lock", r""),
                ("/c/pdm.lock", r#"[[package]]
name = "a"
"#),
            ]),
            @"unknown /a/pdm.lock: the lockfile is not TOML of the expected form"
        );
    }

    #[test]
    fn groups_are_told_apart_by_the_project() {
        insta::assert_snapshot!(
            check(&[
                ("/app/pdm.lock", r#"[metadata]
groups = ["default", "socks", "tests"]
lock_version = "4.5.0"
[[package]]
name = "requests"
version = "2.31.0"
groups = ["default"]
dependencies = ["idna<4,>=2.5", "colorama; sys_platform == \"win32\"", "none"]
files = [{url = "https://example.org/r.whl", hash = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]
[[package]]
name = "requests"
version = "2.31.0"
extras = ["socks"]
groups = ["socks"]
dependencies = ["PySocks!=1.5.7", "requests==2.31.0"]
[[package]]
name = "idna"
version = "3.0"
groups = ["default", "tests"]
[[package]]
name = "colorama"
version = "0.4"
groups = ["default"]
[[package]]
name = "pysocks"
version = "1.7"
groups = ["socks"]
[[package]]
name = "pytest"
version = "8.0"
groups = ["tests"]
"#),
                ("/app/pyproject.toml", r#"[project]
name = "app"
version = "1"
dependencies = ["requests"]
[project.optional-dependencies]
socks = ["requests[socks]"]
[tool.pdm.dev-dependencies]
tests = ["pytest"]
"#),
            ]),
            @r"
            python app@1 pkg:pypi/app@1 direct at /app/pdm.lock
            python colorama@0.4 pkg:pypi/colorama@0.4 transitive at /app/pdm.lock
            python idna@3.0 pkg:pypi/idna@3.0 transitive at /app/pdm.lock
            python pysocks@1.7 pkg:pypi/pysocks@1.7 optional transitive at /app/pdm.lock
            python pytest@8.0 pkg:pypi/pytest@8.0 development direct at /app/pdm.lock
            python requests@2.31.0 pkg:pypi/requests@2.31.0 direct Sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 at /app/pdm.lock
            root -> app@1
            app@1 -development-> pytest@8.0
            app@1 -> requests@2.31.0
            requests@2.31.0 -> colorama@0.4
            requests@2.31.0 -> idna@3.0
            requests@2.31.0 -optional-> pysocks@1.7
            "
        );
    }

    #[test]
    fn extras_that_are_asked_for_together() {
        insta::assert_snapshot!(
            check(&[
                ("/app/pdm.lock", r#"[[package]]
name = "web"
version = "1.0"
groups = ["default", "tests"]
[[package]]
name = "web"
version = "1.0"
extras = ["http2"]
groups = ["default"]
dependencies = ["h2", "web==1.0"]
[[package]]
name = "web"
version = "1.0"
extras = ["http2", "socks"]
groups = ["tests"]
dependencies = ["h2", "socksio", "web==1.0"]
[[package]]
name = "h2"
version = "4.1"
groups = ["default", "tests"]
[[package]]
name = "socksio"
version = "1.0"
groups = ["tests"]
"#),
                ("/app/pyproject.toml", r#"[project]
name = "app"
version = "1"
dependencies = ["web[http2]"]
[dependency-groups]
tests = ["web[socks,http2]"]
"#),
            ]),
            @r"
            python app@1 pkg:pypi/app@1 direct at /app/pdm.lock
            python h2@4.1 pkg:pypi/h2@4.1 transitive at /app/pdm.lock
            python socksio@1.0 pkg:pypi/socksio@1.0 development transitive at /app/pdm.lock
            python web@1.0 pkg:pypi/web@1.0 direct at /app/pdm.lock
            root -> app@1
            app@1 -> web@1.0
            web@1.0 -> h2@4.1
            web@1.0 -development-> socksio@1.0
            "
        );
    }
}
