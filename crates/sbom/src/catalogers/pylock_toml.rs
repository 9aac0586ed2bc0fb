//! Python's own format of lockfiles: `pylock.toml` and `pylock.NAME.toml`, as pip, uv and PDM write them.
//!
//! Follows the `PyPA` specification "pylock.toml" (PEP 751), version 1.0.

use std::collections::BTreeMap;

use component::{PackageType, Scope, Technique};
use serde::Deserialize;

use crate::Refusal;
use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::digests;
use crate::ecosystems::documents::from_toml;
use crate::ecosystems::identity::Finder;
use crate::ecosystems::pypi::{self, Environment, Marker, Selection};
use crate::ecosystems::pyproject::{self, Project};
use crate::ecosystems::python_locks::{self, Locked, LockedNeed};
use crate::view::View;

/// Python's own lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "pylock-toml",
    summary: "pylock.toml and pylock.NAME.toml, with pyproject.toml for what was asked for",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/{pylock.toml,pylock.*.toml}"), keep: Keep::Bytes { limit_bytes: pypi::LOCK_BYTES_MAX } },
        Claim { pattern: Pattern::Path("**/pyproject.toml"), keep: Keep::Bytes { limit_bytes: pyproject::BYTES_MAX } },
    ],
    abilities: Abilities { packages: &[PackageType::Python], versions: Versions::Exact, edges: Edges::Complete, licenses: false, files: false, hashes: true },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Lockfile };

/// The most bytes of markers of one file that are read for what they select; those of real ones have a hundred kilobytes.
const MARKERS_BYTES_MAX: usize = 8 << 20;

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Lock {
    #[serde(rename = "lock-version")]
    version: Option<String>,
    extras: Vec<String>,
    dependency_groups: Vec<String>,
    /// The groups that are installed where nobody says which.
    default_groups: Vec<String>,
    packages: Vec<Package>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Package {
    name: String,
    version: Option<String>,
    marker: Option<String>,
    dependencies: Vec<Need>,
    vcs: Option<Repository>,
    directory: Option<Directory>,
    archive: Option<Archive>,
    sdist: Option<Archive>,
    wheels: Vec<Archive>,
}

/// As much of another package as tells it from those of the same name.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Need {
    name: String,
    version: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Repository {
    r#type: String,
    url: Option<String>,
    commit_id: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Directory {
    path: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Archive {
    url: Option<String>,
    hashes: BTreeMap<String, String>,
}

impl Archive {
    fn hashes(&self) -> impl Iterator<Item = component::Hash> {
        self.hashes.iter().filter_map(|(algorithm, digits)| digests::from_hex(algorithm, digits))
    }
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    python_locks::catalog(view, findings, FINDER, parse);
}

fn parse(bytes: &[u8], _: Option<&Project>) -> Result<Vec<Locked>, Refusal> {
    let lock: Lock = from_toml(bytes)?;
    if let Some(version) = lock.version.as_deref().filter(|version| version.split('.').next() != Some("1")) {
        let version: String = version.chars().take(32).collect();
        return Err(Refusal::new(format!("the lockfile has version `{version}` of its format, and 1 is what is known")));
    }
    let mut markers_left_bytes = MARKERS_BYTES_MAX;
    Ok(lock.packages.iter().filter_map(|package| locked(package, &lock, &mut markers_left_bytes)).collect())
}

fn locked(package: &Package, lock: &Lock, markers_left_bytes: &mut usize) -> Option<Locked> {
    // The project itself.
    if package.directory.as_ref().is_some_and(|directory| matches!(directory.path.as_str(), "." | "./")) {
        return None;
    }
    let qualifiers: Vec<(&str, String)> = match (&package.vcs, &package.archive) {
        (Some(Repository { r#type, url: Some(url), commit_id }), _) => vec![("vcs_url", format!("{type}+{url}@{commit_id}"))],
        (_, Some(Archive { url: Some(url), .. })) => vec![("download_url", url.clone())],
        _ => Vec::new(),
    };
    let mut component = pypi::component(FINDER, &package.name, package.version.as_deref(), &qualifiers)?;
    let archives = package.archive.iter().chain(&package.sdist).chain(&package.wheels);
    component.hashes = digests::bounded(archives.flat_map(Archive::hashes));
    let needs = package.dependencies.iter().filter(|need| pypi::is_name(&need.name)).map(|need| LockedNeed {
        name: pypi::normalize(&need.name),
        specifier: need.version.as_ref().map(|version| format!("=={version}")),
        ..LockedNeed::default()
    });
    let marker = package.marker.as_deref().filter(|marker| marker.len() <= *markers_left_bytes);
    *markers_left_bytes -= marker.map_or(0, str::len);
    Some(Locked { component, stated: stated(marker, lock), marker: package.marker.clone(), needs: needs.collect() })
}

/// Returns what a package is for: to run where it is installed unless somebody asks for extras or groups, optional where extras bring it, else for development.
/// A lockfile that knows neither says nothing of it.
fn stated(marker: Option<&str>, lock: &Lock) -> Option<Scope> {
    if lock.extras.is_empty() && lock.dependency_groups.is_empty() && lock.default_groups.is_empty() {
        return None;
    }
    let Some(marker) = marker.and_then(Marker::parse) else { return Some(Scope::Runtime) };
    let environment = Environment::default();
    let may_hold = |has_extras: bool, groups: Option<&[String]>| marker.may_hold(&environment, Selection { has_extras, groups });
    let default_groups = Some(lock.default_groups.as_slice());
    if may_hold(false, default_groups) || !may_hold(true, None) {
        Some(Scope::Runtime)
    } else if may_hold(true, default_groups) {
        Some(Scope::Optional)
    } else {
        Some(Scope::Development)
    }
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
                ("/a/pylock.toml", "["),
                ("/b/pylock.toml", ""),
                ("/c/pylock.toml", "[[packages]]\nname = \"a b\"\nversion = \"1\"\n"),
                ("/d/pylock.toml", "lock-version = \"2.0\"\n[[packages]]\nname = \"a\"\n"),
                ("/e/my.pylock.toml", "["),
            ]),
            @"
            unknown /a/pylock.toml: the lockfile is not TOML of the expected form
            unknown /d/pylock.toml: the lockfile has version `2.0` of its format, and 1 is what is known
            "
        );
    }

    /// As uv exports and as pip writes it: without edges, and without a word of what brings what.
    #[test]
    fn what_tools_write() {
        insta::assert_snapshot!(
            check(&[
                ("/app/pylock.toml", r#"# This file was autogenerated by uv via the following command:
lock-version = "1.0"
created-by = "uv"
requires-python = ">=3.10"

[[packages]]
name = "app"
directory = { path = ".", editable = true }

[[packages]]
name = "colorama"
version = "0.4.6"
marker = "sys_platform == 'win32'"
index = "https://pypi.org/simple"
sdist = { url = "https://example.org/colorama-0.4.6.tar.gz", upload-time = 2022-10-25T02:36:22Z, size = 27697, hashes = { sha256 = "08695f5cb7ed6e0531a20572697297273c47b8cae5a63ffc6d6ed5c201be6e44" } }
wheels = [{ url = "https://example.org/colorama-0.4.6-py2.py3-none-any.whl", size = 25335, hashes = { sha256 = "4f1d9991f5acc0ca119f9d443620b77f9d6b33703e51011c16baf57afb285fc6", other = "x" } }]

[[packages]]
name = "iniconfig"
version = "2.0.0"

[[packages]]
name = "Requests"
version = "2.32.3"
"#),
                ("/app/pyproject.toml", r#"[project]
name = "app"
version = "0.1.0"
dependencies = ["requests==2.32.3", "colorama; sys_platform == 'win32'"]
[dependency-groups]
dev = ["iniconfig==2.0.0"]
"#),
                ("/pip/pylock.dev.toml", r#"lock-version = "1.0"
created-by = "pip"

[[packages]]
name = "idna"
version = "3.20"

[[packages.wheels]]
name = "idna-3.20-py3-none-any.whl"
url = "https://example.org/idna-3.20-py3-none-any.whl"

[packages.wheels.hashes]
sha256 = "ab7ae7122974553370f0bdb919e1a960b2cd1bc1ef0276416d896db81c14582c"

[[packages]]
name = "forked"
[packages.vcs]
type = "git"
url = "https://example.org/o/forked"
commit-id = "0123"

[[packages]]
name = "zipped"
version = "1.0"
[packages.archive]
url = "https://example.org/zipped-1.0.zip"
hashes = { sha256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" }

[[packages]]
name = "beside"
[packages.directory]
path = "../beside"
"#),
            ]),
            @"
            python app@0.1.0 pkg:pypi/app@0.1.0 direct at /app/pylock.toml
            python beside pkg:pypi/beside at /pip/pylock.dev.toml
            python colorama@0.4.6 pkg:pypi/colorama@0.4.6 direct Sha256=08695f5cb7ed6e0531a20572697297273c47b8cae5a63ffc6d6ed5c201be6e44 Sha256=4f1d9991f5acc0ca119f9d443620b77f9d6b33703e51011c16baf57afb285fc6 at /app/pylock.toml
            python forked pkg:pypi/forked?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fo%2Fforked%400123 at /pip/pylock.dev.toml
            python idna@3.20 pkg:pypi/idna@3.20 Sha256=ab7ae7122974553370f0bdb919e1a960b2cd1bc1ef0276416d896db81c14582c at /pip/pylock.dev.toml
            python iniconfig@2.0.0 pkg:pypi/iniconfig@2.0.0 development direct at /app/pylock.toml
            python requests@2.32.3 pkg:pypi/requests@2.32.3 direct at /app/pylock.toml
            python zipped@1.0 pkg:pypi/zipped@1.0?download_url=https:%2F%2Fexample.org%2Fzipped-1.0.zip Sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 at /pip/pylock.dev.toml
            root -> app@0.1.0
            app@0.1.0 -> colorama@0.4.6
            app@0.1.0 -development-> iniconfig@2.0.0
            app@0.1.0 -> requests@2.32.3
            "
        );
    }

    #[test]
    fn extras_and_groups_are_for_what_markers_say() {
        insta::assert_snapshot!(
            check(&[("/app/pylock.toml", r#"lock-version = "1.0"
extras = ["socks"]
dependency-groups = ["default", "dev"]
default-groups = ["default"]
created-by = "pdm"
[[packages]]
name = "requests"
version = "2.32.3"
marker = "\"default\" in dependency_groups"
dependencies = [{ name = "idna" }, { name = "colorama", version = "0.4.6" }, { name = "none" }]
[[packages]]
name = "idna"
version = "3.20"
marker = "\"default\" in dependency_groups or \"dev\" in dependency_groups"
[[packages]]
name = "colorama"
version = "0.4.5"
marker = "sys_platform == \"win32\" and python_version < \"3.9\" and 'default' in dependency_groups"
[[packages]]
name = "colorama"
version = "0.4.6"
marker = "sys_platform == \"win32\" and python_version >= \"3.9\" and 'default' in dependency_groups"
[[packages]]
name = "pysocks"
version = "1.7"
marker = "\"socks\" in extras"
[[packages]]
name = "pytest"
version = "8.0"
marker = "\"dev\" in dependency_groups"
[[packages]]
name = "without"
version = "1.0"
marker = "'socks' not in extras"
[[packages]]
name = "both"
version = "1.0"
marker = "'socks' in extras and 'dev' in dependency_groups"
[[packages]]
name = "always"
version = "1.0"
"#)]),
            @"
            python always@1.0 pkg:pypi/always@1.0 at /app/pylock.toml
            python both@1.0 pkg:pypi/both@1.0 development at /app/pylock.toml
            python colorama@0.4.5 pkg:pypi/colorama@0.4.5 at /app/pylock.toml
            python colorama@0.4.6 pkg:pypi/colorama@0.4.6 at /app/pylock.toml
            python idna@3.20 pkg:pypi/idna@3.20 at /app/pylock.toml
            python pysocks@1.7 pkg:pypi/pysocks@1.7 optional at /app/pylock.toml
            python pytest@8.0 pkg:pypi/pytest@8.0 development at /app/pylock.toml
            python requests@2.32.3 pkg:pypi/requests@2.32.3 at /app/pylock.toml
            python without@1.0 pkg:pypi/without@1.0 at /app/pylock.toml
            requests@2.32.3 -> colorama@0.4.6
            requests@2.32.3 -> idna@3.20
            "
        );
    }

    #[test]
    fn markers_end_at_the_limit() {
        let marker = "'dev' in dependency_groups";
        for (left, scope) in [(marker.len() + 1, Scope::Development), (marker.len(), Scope::Development), (marker.len() - 1, Scope::Runtime)] {
            let lock = Lock { dependency_groups: vec!["dev".to_owned()], ..Lock::default() };
            let package = Package { name: "a".to_owned(), marker: Some(marker.to_owned()), ..Package::default() };
            assert_eq!(locked(&package, &lock, &mut left.clone()).unwrap().stated, Some(scope), "{left}");
        }
    }
}
