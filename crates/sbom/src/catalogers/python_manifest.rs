//! What Python projects ask for: `pyproject.toml`, `Pipfile`, `setup.py` and `setup.cfg` where no lockfile and nothing installed says what became of it.
//!
//! Follows the PyPA specification "pyproject.toml" and the documentation of Poetry, uv and Pipenv.

use std::cell::LazyCell;
use std::collections::BTreeSet;

use component::{PackageType, Scope, Technique};
use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::{Table, Value};

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::documents::{from_toml, toml_table};
use crate::ecosystems::identity::Finder;
use crate::ecosystems::manifests::{self, Want};
use crate::ecosystems::paths;
use crate::ecosystems::pypi::{self, Requirement};
use crate::ecosystems::pyproject::{self, Project};
use crate::ecosystems::setup_script::{self, Asked};
use crate::unread::{UNDECIDED_IN_IMAGE, UNWRITTEN};
use crate::view::{File, View};

/// Python projects without a lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "python-manifest",
    summary: "what a pyproject.toml, a Pipfile, a setup.py or a setup.cfg asks for and nothing locks or installs",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/pyproject.toml"), keep: Keep::Bytes { limit_bytes: pyproject::BYTES_MAX } },
        Claim { pattern: Pattern::Path("**/Pipfile"), keep: SMALL },
        Claim { pattern: Pattern::Path("**/setup.py"), keep: SMALL },
        Claim { pattern: Pattern::Path("**/setup.cfg"), keep: SMALL },
        Claim { pattern: Pattern::Path("**/uv.lock"), keep: LOCK },
        Claim { pattern: Pattern::Path("**/poetry.lock"), keep: LOCK },
        Claim { pattern: Pattern::Path("**/pdm.lock"), keep: LOCK },
        Claim { pattern: Pattern::Path("**/{pylock.toml,pylock.*.toml}"), keep: LOCK },
    ],
    abilities: Abilities { packages: &[PackageType::Python], versions: Versions::Stated, edges: Edges::Flat, licenses: false, files: false, hashes: false },
    catalog,
};

const LOCK: Keep = Keep::Bytes { limit_bytes: pypi::LOCK_BYTES_MAX };
const SMALL: Keep = Keep::Bytes { limit_bytes: 1 << 20 };
const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Manifest };

fn catalog(view: &View<'_>, findings: &mut Findings) {
    let locked = LazyCell::new(|| locked(view));
    for file in view.files(0).filter(|file| manifests::is_of_project(file.path())) {
        let Some(table) = toml_table(file.bytes()) else {
            findings.unknown(file.location(), "a pyproject.toml that is not TOML");
            continue;
        };
        let Some(project) = Project::parse(file.bytes()) else { continue };
        let local = local(&table);
        let needs = project.needs.into_iter().filter(|need| !local.contains(&need.name));
        let wants = needs.map(|need| want(need.name, need.specifier.unwrap_or_default(), need.scope)).collect();
        manifests::declare(FINDER, PackageType::Python, file, wants, findings);
        let elsewhere = elsewhere(&table, view, file.path());
        if elsewhere.is_empty() || locked.contains(paths::folder(file.path())) {
            continue;
        }
        for other in elsewhere {
            manifests::tell_list(file, &other, findings);
        }
    }
    for file in view.files(1).filter(|file| manifests::is_of_project(file.path())) {
        let Some(table) = toml_table(file.bytes()) else {
            findings.unknown(file.location(), "a Pipfile that is not TOML");
            continue;
        };
        let groups = [("packages", Scope::Runtime), ("dev-packages", Scope::Development)];
        let asked = groups.into_iter().flat_map(|(group, scope)| table.get(group).and_then(Value::as_table).into_iter().flatten().map(move |entry| (entry, scope)));
        let asked = asked.filter(|((name, value), _)| pypi::is_name(name) && !is_local(value));
        let wants = asked.map(|((name, value), scope)| {
            let range = value.as_str().or_else(|| value.get("version")?.as_str()).unwrap_or_default();
            want(pypi::normalize(name), range.trim_matches('*').to_owned(), scope)
        });
        manifests::declare(FINDER, PackageType::Python, file, wants.collect(), findings);
    }
    let scripts = view.files(2).map(|file| (file, setup_script::scripted(&String::from_utf8_lossy(file.bytes()))));
    let configurations =
        view.files(3).map(|file| (file, setup_script::configured(&String::from_utf8_lossy(file.bytes()))));
    for (file, mut asked) in scripts.chain(configurations).filter(|(file, _)| manifests::is_of_project(file.path())) {
        asked.unread = asked.unread.filter(|_| !locked.contains(paths::folder(file.path())));
        ask(file, asked, findings);
    }
}

/// Returns the folders of the projects that a lockfile is of, which says what they need, wherever they say it themselves: uv's names them.
fn locked(view: &View<'_>) -> BTreeSet<String> {
    #[derive(Deserialize)]
    struct Lock {
        #[serde(default)]
        package: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        #[serde(default)]
        source: Source,
    }
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Source {
        editable: Option<String>,
        r#virtual: Option<String>,
        directory: Option<String>,
    }
    let mut folders = BTreeSet::new();
    for file in view.files(4) {
        let packages = from_toml::<Lock>(file.bytes()).map_or_else(|_| Vec::new(), |lock| lock.package);
        let places = packages.into_iter().filter_map(|Package { source }| source.editable.or(source.r#virtual).or(source.directory));
        folders.extend(places.map(|place| paths::join(paths::folder(file.path()), &place)));
    }
    let others = (5..CATALOGER.claims.len()).flat_map(|claim| view.files(claim));
    let readable = others.filter(|file| !file.bytes().is_empty() && from_toml::<IgnoredAny>(file.bytes()).is_ok());
    folders.extend(readable.map(|file| paths::folder(file.path()).to_owned()));
    folders
}

/// Returns where else a project says what it needs (the PyPA specification "pyproject.toml", `dynamic`; setuptools, "Dynamic metadata"; hatch-requirements-txt), but for
/// what is read as a file of requirements and beside a script of setuptools.
fn elsewhere(project: &Table, view: &View<'_>, path: &str) -> Vec<String> {
    let dynamic = project.get("project").and_then(|project| project.get("dynamic")).and_then(Value::as_array);
    if !dynamic.is_some_and(|names| names.iter().any(|name| name.as_str() == Some("dependencies"))) {
        return Vec::new();
    }
    let tool = project.get("tool");
    let setuptools = tool.and_then(|tool| tool.get("setuptools")?.get("dynamic")?.get("dependencies")?.get("file"));
    let hatch = || tool.and_then(|tool| tool.get("hatch")?.get("metadata")?.get("hooks")?.get("requirements_txt")?.get("files"));
    let is_poetry = tool.and_then(|tool| tool.get("poetry")?.get("dependencies")).is_some();
    let files: Vec<&str> = match setuptools.or_else(hatch) {
        None if is_poetry => return Vec::new(),
        Some(Value::String(file)) => vec![file],
        Some(Value::Array(files)) => files.iter().filter_map(Value::as_str).collect(),
        _ => {
            let beside = |name: &str| view.file(&paths::join(paths::folder(path), name)).is_some();
            let is_scripted = beside("setup.py") || beside("setup.cfg");
            return if is_scripted { Vec::new() } else { vec![r#"dynamic = ["dependencies"]"#.to_owned()] };
        }
    };
    let is_unread = |file: &&str| !pypi::is_called_requirements(&paths::join(paths::folder(path), file));
    files.into_iter().filter(is_unread).take(LISTS_MAX).map(str::to_owned).collect()
}

/// The most files that are told of a project that names them.
const LISTS_MAX: usize = 100;

/// Declares what setuptools is asked for, and tells what is not written out.
fn ask(file: File<'_>, Asked { requirements, mut unread }: Asked, findings: &mut Findings) {
    let mut wants = Vec::new();
    for text in requirements {
        match Requirement::parse(&text) {
            Some(requirement) => wants.push(want(requirement.name, requirement.specifier.trim().to_owned(), Scope::Runtime)),
            None => unread = unread.or(Some(text.chars().filter(|character| !character.is_control()).take(TOLD_CHARACTERS_MAX).collect())),
        }
    }
    manifests::declare(FINDER, PackageType::Python, file, wants, findings);
    if let Some(text) = unread {
        let location = file.location();
        let unknown = if location.layer.is_some() { UNDECIDED_IN_IMAGE } else { UNWRITTEN };
        findings.unknown(location, format!("asks for what it does not name, `{text}`{unknown}"));
    }
}

/// The longest requirement that is told.
const TOLD_CHARACTERS_MAX: usize = 60;

/// Returns the normal names of what stands in the project itself: paths and members of a workspace, by uv's sources and Poetry's dependencies.
fn local(project: &Table) -> Vec<String> {
    let tool = |name: &str| project.get("tool").and_then(|tool| tool.get(name));
    let sources = tool("uv").and_then(|uv| uv.get("sources"));
    let groups = tool("poetry").and_then(|poetry| poetry.get("group")).and_then(Value::as_table).into_iter().flat_map(Table::values);
    let poetry = tool("poetry").into_iter().chain(groups).flat_map(|table| [table.get("dependencies"), table.get("dev-dependencies")]);
    let tables = std::iter::once(sources).chain(poetry).flatten().filter_map(Value::as_table).flatten();
    tables.filter(|(_, value)| is_local(value)).map(|(name, _)| pypi::normalize(name)).collect()
}

fn is_local(value: &Value) -> bool {
    value.get("path").is_some() || value.get("workspace").is_some()
}

fn want(name: String, range: String, scope: Scope) -> Want {
    Want { name, version: pypi::pinned(&range).map(str::to_owned), range, scope }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{catalog, render};

    #[test]
    fn what_a_project_asks_for() {
        let files: &[(&str, &[u8])] = &[
            ("/app/pyproject.toml", b"[project]\nname = \"app\"\nversion = \"1\"\ndependencies = [\"Django==3.2\", \"requests>=2,<3\", \"any\", \"star==1.*\", \"sibling\"]\n[project.optional-dependencies]\nx = [\"extra==1\"]\n[dependency-groups]\ntest = [\"pytest==8.0.0\"]\n[tool.uv.sources]\nsibling = { workspace = true }\n"),
            ("/poetry/pyproject.toml", b"[tool.poetry.dependencies]\npython = \"^3.9\"\nflask = \"2.0.1\"\ncaret = \"^1.0\"\nown = { path = \"../own\" }\n[tool.poetry.group.dev.dependencies]\nruff = \"*\"\n"),
            ("/pipenv/Pipfile", b"[[source]]\nurl = \"x\"\n[packages]\nJinja2 = \"==2.11.1\"\nall = \"*\"\ntable = { version = \">=1\", extras = [] }\nown = { path = \".\", editable = true }\n[dev-packages]\nblack = \"*\"\n"),
            ("/usr/lib/python3/dist-packages/x/pyproject.toml", b"[project]\ndependencies = [\"gone\"]\n"),
            ("/setup/setup.py", b"from setuptools import setup\nsetup(name='x', install_requires=['Attrs==20.1.0', \"numpy>=1 ; python_version > '3'\", 'at @ https://example.org/at.zip'])\n"),
            ("/setup/setup.cfg", b"[options]\ninstall_requires =\n  flask-cors>=1\n"),
            ("/made/setup.py", b"setup(install_requires=open('r').read().split())\n"),
            ("/bad/setup.py", b"setup(install_requires=['-r other.txt'])\n"),
            ("/usr/lib/python3/dist-packages/x/setup.py", b"setup(install_requires=['gone'])\n"),
            ("/bad/pyproject.toml", b"="),
            ("/bad/Pipfile", b"="),
            ("/lists/pyproject.toml", b"[project]\ndynamic = [\"version\", \"dependencies\"]\n[tool.setuptools.dynamic]\ndependencies = {file = [\"deps.txt\", \"requirements.txt\", \"requirements/base.txt\"]}\n"),
            ("/list/pyproject.toml", b"[project]\ndynamic = [\"dependencies\"]\n[tool.setuptools.dynamic]\ndependencies = {file = \"deps.in\"}\n"),
            ("/plugin/pyproject.toml", b"[project]\ndynamic = [\"dependencies\"]\n"),
            ("/version/pyproject.toml", b"[project]\ndynamic = [\"version\"]\n"),
            ("/setup/pyproject.toml", b"[project]\ndynamic = [\"dependencies\"]\n"),
        ];
        insta::assert_snapshot!(render(&catalog(&CATALOGER, files)), @r#"
            python all pkg:pypi/all direct at /pipenv/Pipfile
            python any pkg:pypi/any direct at /app/pyproject.toml
            python at pkg:pypi/at direct at /setup/setup.py
            python attrs@20.1.0 pkg:pypi/attrs@20.1.0 direct at /setup/setup.py
            python black pkg:pypi/black development direct at /pipenv/Pipfile
            python caret pkg:pypi/caret direct manifest:range=">=1.0,<2" at /poetry/pyproject.toml
            python django@3.2 pkg:pypi/django@3.2 direct at /app/pyproject.toml
            python flask@2.0.1 pkg:pypi/flask@2.0.1 direct at /poetry/pyproject.toml
            python flask-cors pkg:pypi/flask-cors direct manifest:range=">=1" at /setup/setup.cfg
            python jinja2@2.11.1 pkg:pypi/jinja2@2.11.1 direct at /pipenv/Pipfile
            python numpy pkg:pypi/numpy direct manifest:range=">=1" at /setup/setup.py
            python pytest@8.0.0 pkg:pypi/pytest@8.0.0 development direct at /app/pyproject.toml
            python requests pkg:pypi/requests direct manifest:range=">=2,<3" at /app/pyproject.toml
            python ruff pkg:pypi/ruff development direct at /poetry/pyproject.toml
            python star pkg:pypi/star direct manifest:range="==1.*" at /app/pyproject.toml
            python table pkg:pypi/table direct manifest:range=">=1" at /pipenv/Pipfile
            root -> all
            root -> any
            root -> at
            root -> attrs@20.1.0
            root -development-> black
            root -> caret
            root -> django@3.2
            root -> flask@2.0.1
            root -> flask-cors
            root -> jinja2@2.11.1
            root -> numpy
            root -development-> pytest@8.0.0
            root -> requests
            root -development-> ruff
            root -> star
            root -> table
            unknown /app/pyproject.toml: asks for any, requests and star: nothing here says which versions these get and what they and 2 more need in turn
            unknown /bad/Pipfile: a Pipfile that is not TOML
            unknown /bad/pyproject.toml: a pyproject.toml that is not TOML
            unknown /bad/setup.py: asks for what it does not name, `-r other.txt`: nothing here says which packages these are
            unknown /list/pyproject.toml: asks for what `deps.in` lists: nothing here says which packages these are
            unknown /lists/pyproject.toml: asks for what `deps.txt` lists: nothing here says which packages these are
            unknown /made/setup.py: asks for what it does not name, `install_requires=open('r').read().split())`: nothing here says which packages these are
            unknown /pipenv/Pipfile: asks for all, black and table: nothing here says which versions these get and what they and 1 more need in turn
            unknown /plugin/pyproject.toml: asks for what `dynamic = ["dependencies"]` lists: nothing here says which packages these are
            unknown /poetry/pyproject.toml: asks for caret and ruff: nothing here says which versions these get and what they and 1 more need in turn
            unknown /setup/setup.cfg: asks for flask-cors: nothing here says which versions these get and what they need in turn
            unknown /setup/setup.py: asks for at and numpy: nothing here says which versions these get and what they and 1 more need in turn
            "#);
    }

    #[test]
    fn a_lockfile_says_what_a_project_needs_that_says_it_elsewhere() {
        let dynamic = "[project]\nname = \"x\"\ndynamic = [\"version\", \"dependencies\"]\n";
        let listed = format!("{dynamic}[tool.setuptools.dynamic]\ndependencies = {{file = [\"deps.txt\"]}}\n");
        let script = "setup(install_requires=made_up())";
        let uv = "version = 1\n[[package]]\nname = \"a\"\nsource = { editable = \".\" }\n[[package]]\nname = \"b\"\nsource = { virtual = \"packages/b\" }\n[[package]]\nname = \"c\"\nversion = \"1\"\nsource = { registry = \"x\" }\n";
        let files = [
            ("/uv/pyproject.toml", listed.as_str()),
            ("/uv/setup.py", script),
            ("/uv/uv.lock", uv),
            ("/uv/packages/b/pyproject.toml", &listed),
            ("/uv/packages/other/pyproject.toml", &listed),
            ("/uv/packages/other/setup.py", script),
            ("/poetry/pyproject.toml", dynamic),
            ("/poetry/poetry.lock", "[metadata]\nlock-version = \"2.1\"\n"),
            ("/pdm/pyproject.toml", dynamic),
            ("/pdm/pdm.lock", "[metadata]\n"),
            ("/pylock/pyproject.toml", dynamic),
            ("/pylock/pylock.dev.toml", "lock-version = \"1.0\"\n"),
            ("/broken/pyproject.toml", dynamic),
            ("/broken/uv.lock", "="),
            ("/broken/poetry.lock", "="),
            ("/empty/pyproject.toml", dynamic),
            ("/empty/pdm.lock", ""),
            ("/unlocked/pyproject.toml", &format!("{dynamic}[tool.poetry.dependencies]\nflask = \"2.0.1\"\n")),
            ("/hatch/pyproject.toml", &format!("{dynamic}[tool.hatch.metadata.hooks.requirements_txt]\nfiles = [\"requirements.txt\", \"deps.in\"]\n")),
        ];
        let files = files.map(|(path, text)| (path, text.as_bytes()));
        insta::assert_snapshot!(render(&catalog(&CATALOGER, &files)), @r#"
            python flask@2.0.1 pkg:pypi/flask@2.0.1 direct at /unlocked/pyproject.toml
            root -> flask@2.0.1
            unknown /broken/pyproject.toml: asks for what `dynamic = ["dependencies"]` lists: nothing here says which packages these are
            unknown /empty/pyproject.toml: asks for what `dynamic = ["dependencies"]` lists: nothing here says which packages these are
            unknown /hatch/pyproject.toml: asks for what `deps.in` lists: nothing here says which packages these are
            unknown /unlocked/pyproject.toml: asks for flask 2.0.1: nothing here says what these need in turn
            unknown /uv/packages/other/pyproject.toml: asks for what `deps.txt` lists: nothing here says which packages these are
            unknown /uv/packages/other/setup.py: asks for what it does not name, `install_requires=made_up())`: nothing here says which packages these are
            "#);
    }
}
