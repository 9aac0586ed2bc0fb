//! Poetry's lockfile, formats 1.0 to 2.1.

use std::collections::BTreeMap;

use component::{PackageType, Scope, Technique};
use serde::Deserialize;
use toml::Value;

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::documents::from_toml;
use crate::ecosystems::identity::Finder;
use crate::ecosystems::pypi::{self, Environment, Requirement, Wanted};
use crate::ecosystems::pyproject;
use crate::ecosystems::python_locks::{self, Archive, Locked, LockedNeed};
use crate::view::View;
use crate::Refusal;

/// Poetry's lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "poetry-lock",
    summary: "poetry.lock, with pyproject.toml for what was asked for",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/poetry.lock"), keep: Keep::Bytes { limit_bytes: pypi::LOCK_BYTES_MAX } },
        Claim { pattern: Pattern::Path("**/pyproject.toml"), keep: Keep::Bytes { limit_bytes: pyproject::BYTES_MAX } },
    ],
    abilities: Abilities { packages: &[PackageType::Python], versions: Versions::Exact, edges: Edges::Complete, licenses: false, files: false, hashes: true },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Lockfile };

/// The most choices of one dependency, each for each of the extras that switch it on, that are told apart. Real ones have up to five.
const CHOICES_MAX: usize = 1024;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Lock {
    package: Vec<Package>,
    metadata: Metadata,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Metadata {
    /// Up to format 1.1 the archives stand here.
    files: BTreeMap<String, Vec<Archive>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Package {
    name: String,
    version: String,
    /// Up to format 1.1: `main` or `dev`.
    category: Option<String>,
    /// From format 2.1 on.
    groups: Vec<String>,
    optional: bool,
    /// From format 2.1 on.
    markers: Option<Value>,
    dependencies: BTreeMap<String, Value>,
    extras: BTreeMap<String, Vec<String>>,
    files: Vec<Archive>,
    source: Option<Source>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Source {
    r#type: String,
    url: String,
    resolved_reference: Option<String>,
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    python_locks::catalog(view, findings, FINDER, |bytes, _| parse(bytes));
}

fn parse(bytes: &[u8]) -> Result<Vec<Locked>, Refusal> {
    let lock: Lock = from_toml(bytes)?;
    Ok(lock.package.iter().filter_map(|package| locked(package, &lock.metadata)).collect())
}

fn locked(package: &Package, metadata: &Metadata) -> Option<Locked> {
    let qualifiers: Vec<(&str, String)> = match &package.source {
        Some(Source { r#type, url, resolved_reference: Some(reference) }) if r#type == "git" => {
            vec![("vcs_url", format!("git+{url}@{reference}"))]
        }
        Some(Source { r#type, url, .. }) if r#type == "url" => vec![("download_url", url.clone())],
        _ => Vec::new(),
    };
    let mut component = pypi::component(FINDER, &package.name, Some(&package.version), &qualifiers)?;
    let older = metadata.files.get(&package.name).into_iter().flatten();
    component.hashes = python_locks::hashes(package.files.iter().chain(older));
    if package.optional {
        component.scope = Scope::Optional;
    }
    let is_main = package.groups.iter().any(|group| group == "main") || package.category.as_deref() == Some("main");
    let is_optional = package.optional || is_for_extra(package.markers.as_ref());
    let stated = match (is_main, is_optional) {
        _ if package.groups.is_empty() && package.category.is_none() => None,
        (true, false) => Some(Scope::Runtime),
        (true, true) => Some(Scope::Optional),
        (false, _) => Some(Scope::Development),
    };

    // The requirements of each extra repeat those of the dependencies that it switches on, or name other extras of the distribution itself.
    let mut extras: BTreeMap<String, Vec<&String>> = BTreeMap::new();
    let mut needs: Vec<LockedNeed> = Vec::new();
    for (extra, list) in &package.extras {
        for requirement in list.iter().filter_map(|text| Requirement::parse(text)) {
            if requirement.name == component.name {
                needs.push(LockedNeed {
                    name: requirement.name,
                    extras: requirement.extras.iter().map(|extra| (*extra).to_owned()).collect(),
                    when: vec![vec![extra.clone()]],
                    ..LockedNeed::default()
                });
            } else {
                extras.entry(requirement.name).or_default().push(extra);
            }
        }
    }
    for (name, constraint) in package.dependencies.iter().filter(|(name, _)| pypi::is_name(name)) {
        let name = pypi::normalize(name);
        let choices = constraint.as_array().map_or(std::slice::from_ref(constraint), Vec::as_slice);
        let is_optional = choices.iter().all(|choice| choice.get("optional").and_then(Value::as_bool) == Some(true));
        let when: Vec<Vec<String>> = match extras.get(&name) {
            Some(extras) if is_optional => extras.iter().map(|extra| vec![(*extra).clone()]).collect(),
            _ => Vec::new(),
        };
        let need = LockedNeed {
            scope: (is_optional && when.is_empty()).then_some(Scope::Optional),
            when,
            name,
            ..LockedNeed::default()
        };
        if choices.len() * need.when.len().max(1) > CHOICES_MAX {
            needs.push(LockedNeed { extras: choices.iter().flat_map(asked).collect(), ..need });
            continue;
        }
        needs.extend(choices.iter().map(|choice| {
            let text = |key: &str| choice.get(key).and_then(Value::as_str).map(str::to_owned);
            LockedNeed {
                specifier: choice.as_str().map(str::to_owned).or_else(|| text("version")),
                extras: asked(choice).collect(),
                marker: text("markers"),
                name: need.name.clone(),
                when: need.when.clone(),
                ..need
            }
        }));
    }
    Some(Locked { component, stated, marker: marker(package), needs })
}

/// Returns the extras that a choice asks for.
fn asked(choice: &Value) -> impl Iterator<Item = String> {
    let extras = choice.get("extras").and_then(Value::as_array).into_iter().flatten();
    extras.filter_map(Value::as_str).map(str::to_owned)
}

/// Returns where the distribution is needed: the markers of its groups, where each of them has one.
fn marker(package: &Package) -> Option<String> {
    let markers = package.markers.as_ref()?;
    if let Some(marker) = markers.as_str() {
        return Some(marker.to_owned());
    }
    let of_groups = package.groups.iter().map(|group| Some(format!("({})", markers.get(group)?.as_str()?)));
    Some(of_groups.collect::<Option<Vec<String>>>()?.join(" or "))
}

/// Returns whether what is needed to run needs this only for an extra of the project. The marker is one for all groups, or one for each.
fn is_for_extra(markers: Option<&Value>) -> bool {
    let marker = markers.and_then(|markers| markers.as_str().or_else(|| markers.get("main")?.as_str()));
    marker.is_some_and(|marker| Environment::default().evaluate(Some(marker)) == Wanted::ForExtra)
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
                ("/a/poetry.lock", r"["),
                ("/b/poetry.lock", r""),
                ("/c/poetry.lock", r#"[[package]]
name = "a b"
version = "1"
[[package]]
name = "c"
version = "*"
"#),
                ("/d/poetry.lock", r"package = 1
"),
            ]),
            @r"
            unknown /a/poetry.lock: the lockfile is not TOML of the expected form
            unknown /d/poetry.lock: the lockfile is not TOML of the expected form
            "
        );
    }

    #[test]
    fn extras_switch_dependencies_on() {
        insta::assert_snapshot!(
            check(&[
                ("/app/poetry.lock", r#"[[package]]
name = "httpx"
version = "0.27.0"
optional = false
files = [{file = "httpx.whl", hash = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]

[package.dependencies]
anyio = "*"
h2 = {version = ">=3,<5", optional = true, markers = "extra == 'http2'"}
socksio = {version = "==1.*", optional = true, markers = "extra == 'socks'"}
numpy = [
    {version = "1.24.0", markers = "python_version < '3.9'"},
    {version = "2.0.0", markers = "python_version >= '3.9'"},
]
odd = [[{version = "1"}]]

[package.extras]
http2 = ["h2 (>=3,<5)"]
socks = ["socksio (==1.*)"]

[[package]]
name = "anyio"
version = "4.3.0"

[package.dependencies]
numpy = "2.0.0"

[[package]]
name = "h2"
version = "4.1.0"
optional = true

[[package]]
name = "socksio"
version = "1.0.0"
optional = true

[[package]]
name = "numpy"
version = "1.24.0"

[[package]]
name = "numpy"
version = "2.0.0"

[[package]]
name = "Pytest"
version = "8.0"

[[package]]
name = "forked"
version = "1.0"
[package.source]
type = "git"
url = "https://example.org/o/forked.git"
reference = "main"
resolved_reference = "0123"
"#),
                ("/app/pyproject.toml", r#"[tool.poetry]
name = "App"
version = "0.1.0"
[tool.poetry.dependencies]
python = "^3.11"
httpx = {version = "^0.27", extras = ["http2"]}
[tool.poetry.group.dev.dependencies]
pytest = "*"
"#),
            ]),
            @r"
            python anyio@4.3.0 pkg:pypi/anyio@4.3.0 transitive at /app/poetry.lock
            python app@0.1.0 pkg:pypi/app@0.1.0 direct at /app/poetry.lock
            python forked@1.0 pkg:pypi/forked@1.0?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fo%2Fforked.git%400123 at /app/poetry.lock
            python h2@4.1.0 pkg:pypi/h2@4.1.0 transitive at /app/poetry.lock
            python httpx@0.27.0 pkg:pypi/httpx@0.27.0 direct Sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 at /app/poetry.lock
            python numpy@1.24.0 pkg:pypi/numpy@1.24.0 transitive at /app/poetry.lock
            python numpy@2.0.0 pkg:pypi/numpy@2.0.0 transitive at /app/poetry.lock
            python pytest@8.0 pkg:pypi/pytest@8.0 development direct at /app/poetry.lock
            python socksio@1.0.0 pkg:pypi/socksio@1.0.0 optional transitive at /app/poetry.lock
            root -> app@0.1.0
            anyio@4.3.0 -> numpy@2.0.0
            app@0.1.0 -> httpx@0.27.0
            app@0.1.0 -development-> pytest@8.0
            httpx@0.27.0 -> anyio@4.3.0
            httpx@0.27.0 -> h2@4.1.0
            httpx@0.27.0 -> numpy@1.24.0
            httpx@0.27.0 -> numpy@2.0.0
            httpx@0.27.0 -optional-> socksio@1.0.0
            "
        );
    }

    #[test]
    fn the_lockfile_states_scopes() {
        insta::assert_snapshot!(
            check(&[
                ("/app/poetry.lock", r#"[[package]]
name = "a"
version = "1"
category = "main"
[[package]]
name = "b"
version = "1"
category = "dev"
[[package]]
name = "c"
version = "1"
groups = ["dev", "main"]
optional = true
[[package]]
name = "d"
version = "1"
groups = ["test"]
[metadata.files]
a = [{file = "a.whl", hash = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}]
"#),
            ]),
            @r"
            python a@1 pkg:pypi/a@1 Sha256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 at /app/poetry.lock
            python b@1 pkg:pypi/b@1 development at /app/poetry.lock
            python c@1 pkg:pypi/c@1 optional at /app/poetry.lock
            python d@1 pkg:pypi/d@1 development at /app/poetry.lock
            "
        );
    }

    #[test]
    fn extras_are_for_what_they_are_asked_for() {
        insta::assert_snapshot!(
            check(&[
                ("/app/poetry.lock", r#"[[package]]
name = "web"
version = "1.0"
groups = ["main", "dev"]
[package.dependencies]
h2 = {version = "*", optional = true, markers = "extra == 'http2'"}
socksio = {version = "*", optional = true, markers = "extra == 'socks'"}
[package.extras]
all = ["web[http2,socks]"]
http2 = ["h2"]
socks = ["socksio"]
[[package]]
name = "h2"
version = "4.1"
groups = ["main"]
[[package]]
name = "socksio"
version = "1.0"
groups = ["main", "dev"]
markers = {main = "extra == \"proxy\""}
[[package]]
name = "tests"
version = "1.0"
groups = ["dev"]
[package.dependencies]
web = {version = "*", extras = ["all"]}
[[package]]
name = "core"
version = "1.0"
groups = ["main"]
[[package]]
name = "core"
version = "2.0"
groups = ["dev"]
"#),
                ("/app/pyproject.toml", r#"[tool.poetry]
name = "app"
version = "1"
[tool.poetry.dependencies]
web = {version = "*", extras = ["http2"]}
core = "^1.0"
[tool.poetry.group.dev.dependencies]
tests = "*"
"#),
            ]),
            @r"
            python app@1 pkg:pypi/app@1 direct at /app/poetry.lock
            python core@1.0 pkg:pypi/core@1.0 direct at /app/poetry.lock
            python core@2.0 pkg:pypi/core@2.0 development at /app/poetry.lock
            python h2@4.1 pkg:pypi/h2@4.1 transitive at /app/poetry.lock
            python socksio@1.0 pkg:pypi/socksio@1.0 optional transitive at /app/poetry.lock
            python tests@1.0 pkg:pypi/tests@1.0 development direct at /app/poetry.lock
            python web@1.0 pkg:pypi/web@1.0 direct at /app/poetry.lock
            root -> app@1
            app@1 -> core@1.0
            app@1 -development-> tests@1.0
            app@1 -> web@1.0
            tests@1.0 -> web@1.0
            web@1.0 -> h2@4.1
            web@1.0 -development-> socksio@1.0
            "
        );
    }

    #[test]
    fn choices_end_at_the_limit() {
        for (written, is_read) in [(CHOICES_MAX - 1, true), (CHOICES_MAX, true), (CHOICES_MAX + 1, false)] {
            let choices = vec![r#"{version = "1.0"}"#; written].join(", ");
            let lock = format!(
                "[[package]]\nname = \"a\"\nversion = \"1\"\n[package.dependencies]\nb = [{choices}]\n\
                [[package]]\nname = \"b\"\nversion = \"1.0\"\n[[package]]\nname = \"b\"\nversion = \"2.0\"\n"
            );
            // What is not told apart may mean each version.
            assert_eq!(check(&[("/poetry.lock", &lock)]).contains("a@1 -> b@2.0"), !is_read, "{written}");
        }
    }

    #[test]
    fn versions_that_are_needed_elsewhere_are_not_meant() {
        insta::assert_snapshot!(
            check(&[
                ("/app/poetry.lock", r#"[[package]]
name = "newer"
version = "1.0"
groups = ["main", "dev"]
markers = {main = "python_version >= '3.12'", dev = "python_version >= '3.13'"}
[package.dependencies]
num = "*"
[[package]]
name = "both"
version = "1.0"
groups = ["main"]
[package.dependencies]
num = [{version = "*", markers = "python_version < '3.12' and sys_platform == 'win32'"}]
frame = "*"
[[package]]
name = "num"
version = "1.26"
groups = ["main"]
markers = "python_version < '3.12'"
[[package]]
name = "num"
version = "2.1"
groups = ["main"]
markers = "python_version >= '3.12'"
[[package]]
name = "frame"
version = "1.0"
groups = ["main", "dev"]
markers = {main = "sys_platform == 'win32'"}
[[package]]
name = "frame"
version = "2.0"
groups = ["main"]
markers = "sys_platform != 'win32'"
"#),
                ("/app/pyproject.toml", r#"[tool.poetry]
name = "app"
version = "1"
[tool.poetry.dependencies]
newer = {version = "*", python = ">=3.12"}
both = "*"
num = [{version = "*", python = "<3.12"}]
"#),
            ]),
            @r"
            python app@1 pkg:pypi/app@1 direct at /app/poetry.lock
            python both@1.0 pkg:pypi/both@1.0 direct at /app/poetry.lock
            python frame@1.0 pkg:pypi/frame@1.0 transitive at /app/poetry.lock
            python frame@2.0 pkg:pypi/frame@2.0 transitive at /app/poetry.lock
            python newer@1.0 pkg:pypi/newer@1.0 direct at /app/poetry.lock
            python num@1.26 pkg:pypi/num@1.26 direct at /app/poetry.lock
            python num@2.1 pkg:pypi/num@2.1 transitive at /app/poetry.lock
            root -> app@1
            app@1 -> both@1.0
            app@1 -> newer@1.0
            app@1 -> num@1.26
            both@1.0 -> frame@1.0
            both@1.0 -> frame@2.0
            both@1.0 -> num@1.26
            newer@1.0 -> num@2.1
            "
        );
    }
}
