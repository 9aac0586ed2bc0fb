//! What Python projects ask for: `pyproject.toml` and `Pipfile` where no lockfile and nothing installed says what became of it.
//!
//! Follows the PyPA specification "pyproject.toml" and the documentation of Poetry, uv and Pipenv.

use component::{PackageType, Scope, Technique};
use toml::{Table, Value};

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::documents::toml_table;
use crate::ecosystems::identity::Finder;
use crate::ecosystems::manifests::{self, Want};
use crate::ecosystems::pypi;
use crate::ecosystems::pyproject::{self, Project};
use crate::view::View;

/// Python projects without a lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "python-manifest",
    summary: "what a pyproject.toml or a Pipfile asks for and nothing locks or installs",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/pyproject.toml"), keep: Keep::Bytes { limit_bytes: pyproject::BYTES_MAX } },
        Claim { pattern: Pattern::Path("**/Pipfile"), keep: Keep::Bytes { limit_bytes: 1 << 20 } },
    ],
    abilities: Abilities { packages: &[PackageType::Python], versions: Versions::Stated, edges: Edges::Flat, licenses: false, files: false, hashes: false },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Manifest };

fn catalog(view: &View<'_>, findings: &mut Findings) {
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
}

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
            ("/bad/pyproject.toml", b"="),
            ("/bad/Pipfile", b"="),
        ];
        insta::assert_snapshot!(render(&catalog(&CATALOGER, files)), @r#"
            python all pkg:pypi/all direct at /pipenv/Pipfile
            python any pkg:pypi/any direct at /app/pyproject.toml
            python black pkg:pypi/black development direct at /pipenv/Pipfile
            python caret pkg:pypi/caret direct manifest:range=">=1.0,<2" at /poetry/pyproject.toml
            python django@3.2 pkg:pypi/django@3.2 direct at /app/pyproject.toml
            python flask@2.0.1 pkg:pypi/flask@2.0.1 direct at /poetry/pyproject.toml
            python jinja2@2.11.1 pkg:pypi/jinja2@2.11.1 direct at /pipenv/Pipfile
            python pytest@8.0.0 pkg:pypi/pytest@8.0.0 development direct at /app/pyproject.toml
            python requests pkg:pypi/requests direct manifest:range=">=2,<3" at /app/pyproject.toml
            python ruff pkg:pypi/ruff development direct at /poetry/pyproject.toml
            python star pkg:pypi/star direct manifest:range="==1.*" at /app/pyproject.toml
            python table pkg:pypi/table direct manifest:range=">=1" at /pipenv/Pipfile
            root -> all
            root -> any
            root -development-> black
            root -> caret
            root -> django@3.2
            root -> flask@2.0.1
            root -> jinja2@2.11.1
            root -development-> pytest@8.0.0
            root -> requests
            root -development-> ruff
            root -> star
            root -> table
            unknown /app/pyproject.toml: asks for any, requests and star: nothing here says which versions these get and what they and 2 more need in turn
            unknown /bad/Pipfile: a Pipfile that is not TOML
            unknown /bad/pyproject.toml: a pyproject.toml that is not TOML
            unknown /pipenv/Pipfile: asks for all, black and table: nothing here says which versions these get and what they and 1 more need in turn
            unknown /poetry/pyproject.toml: asks for caret and ruff: nothing here says which versions these get and what they and 1 more need in turn
            "#);
    }
}
