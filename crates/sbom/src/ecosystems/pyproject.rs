//! `pyproject.toml`: what a Python project is called and what it asks for.
//!
//! Follows the PyPA specifications "pyproject.toml" and "Dependency Groups" (PEP 621, 735), and the documentation of Poetry and PDM.

use std::collections::BTreeMap;

use component::{Component, Scope};
use serde::Deserialize;
use toml::Value;

use crate::ecosystems::identity::Finder;
use crate::ecosystems::pypi::{self, Requirement};

/// The largest project file.
pub(crate) const BYTES_MAX: u64 = 4 << 20;

/// What a project asks for.
#[derive(Debug, Default)]
pub(crate) struct Project {
    name: Option<String>,
    version: Option<String>,
    /// What it asks for, by the normal name.
    pub(crate) needs: Vec<ProjectNeed>,
    /// The groups that are extras of the project; the others are for development.
    pub(crate) extras: Vec<String>,
}

/// One thing that a project asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ProjectNeed {
    /// The normal name.
    pub(crate) name: String,
    /// The extras that are wanted of it.
    pub(crate) extras: Vec<String>,
    /// The versions that will do, in the notation of PEP 440.
    pub(crate) specifier: Option<String>,
    /// Where it is wanted.
    pub(crate) marker: Option<String>,
    /// What for.
    pub(crate) scope: Scope,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct File {
    project: Option<Value>,
    tool: Option<Value>,
    dependency_groups: BTreeMap<String, Value>,
}

impl Project {
    /// Reads a `pyproject.toml`.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let file: File = toml::from_str(std::str::from_utf8(bytes).ok()?).ok()?;
        let mut found = Self::default();
        let poetry = file.tool.as_ref().and_then(|tool| tool.get("poetry"));
        for table in file.project.as_ref().into_iter().chain(poetry) {
            let text = |key: &str| table.get(key).and_then(Value::as_str).map(str::to_owned);
            found.name = found.name.take().or_else(|| text("name"));
            found.version = found.version.take().or_else(|| text("version"));
        }
        if let Some(project) = &file.project {
            found.list(project.get("dependencies"), Scope::Runtime);
            for (extra, list) in project.get("optional-dependencies").and_then(Value::as_table).into_iter().flatten() {
                found.extras.push(extra.clone());
                found.list(Some(list), Scope::Optional);
            }
        }
        for list in file.dependency_groups.values() {
            found.list(Some(list), Scope::Development);
        }
        if let Some(poetry) = poetry {
            found.table(poetry.get("dependencies"), Scope::Runtime);
            found.table(poetry.get("dev-dependencies"), Scope::Development);
            for (name, group) in poetry.get("group").and_then(Value::as_table).into_iter().flatten() {
                let scope = if name == "main" { Scope::Runtime } else { Scope::Development };
                found.table(group.get("dependencies"), scope);
            }
            found.extras.extend(
                poetry.get("extras").and_then(Value::as_table).into_iter().flatten().map(|(extra, _)| extra.clone()),
            );
        }
        if let Some(tool) = &file.tool {
            for (_, list) in tool
                .get("pdm")
                .and_then(|pdm| pdm.get("dev-dependencies"))
                .and_then(Value::as_table)
                .into_iter()
                .flatten()
            {
                found.list(Some(list), Scope::Development);
            }
            found.list(tool.get("uv").and_then(|uv| uv.get("dev-dependencies")), Scope::Development);
        }
        Some(found)
    }

    /// A list of requirements; other things in it, such as references to other groups, are left.
    fn list(&mut self, list: Option<&Value>, scope: Scope) {
        for requirement in list
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .filter_map(Requirement::parse)
        {
            self.needs.push(ProjectNeed {
                name: requirement.name,
                extras: requirement.extras.iter().map(|extra| (*extra).to_owned()).collect(),
                specifier: Some(requirement.specifier.to_owned()).filter(|specifier| !specifier.is_empty()),
                marker: requirement.marker.map(str::to_owned),
                scope,
            });
        }
    }

    /// Poetry's table of names with constraints.
    fn table(&mut self, table: Option<&Value>, scope: Scope) {
        for (name, constraint) in table.and_then(Value::as_table).into_iter().flatten() {
            if name == "python" || !pypi::is_name(name) {
                continue;
            }
            for choice in constraint.as_array().map_or(std::slice::from_ref(constraint), Vec::as_slice) {
                let is_optional = choice.get("optional").and_then(Value::as_bool) == Some(true);
                let extras = choice.get("extras").and_then(Value::as_array).into_iter().flatten();
                let version = choice.as_str().or_else(|| choice.get("version")?.as_str());
                self.needs.push(ProjectNeed {
                    name: pypi::normalize(name),
                    extras: extras.filter_map(Value::as_str).map(str::to_owned).collect(),
                    specifier: version.map(poetry_specifier).filter(|specifier| !specifier.is_empty()),
                    marker: poetry_marker(choice),
                    scope: if is_optional { scope.max(Scope::Optional) } else { scope },
                });
            }
        }
    }

    /// Returns the project's component, if it has a name and a version.
    pub(crate) fn component(&self, finder: Finder) -> Option<Component> {
        pypi::component(finder, self.name.as_deref()?, Some(self.version.as_deref()?), &[])
    }
}

/// Writes a constraint of Poetry in the notation of PEP 440: its documentation, "Dependency specification". What it means no limit by is empty.
fn poetry_specifier(constraint: &str) -> String {
    let alternatives = constraint.split("||").map(|alternative| {
        let terms =
            alternative.split(',').map(str::trim).filter(|term| !term.is_empty() && *term != "*").map(poetry_term);
        terms.collect::<Vec<_>>().join(",")
    });
    let alternatives: Vec<String> = alternatives.collect();
    if alternatives.iter().any(String::is_empty) { String::new() } else { alternatives.join(" || ") }
}

/// Returns where a dependency of Poetry is wanted: its marker, and the versions of Python that it is for.
fn poetry_marker(choice: &Value) -> Option<String> {
    let text = |key: &str| choice.get(key).and_then(Value::as_str);
    let of_python =
        text("python").map(poetry_specifier).filter(|versions| !versions.is_empty() && !versions.contains("||"));
    let of_python = of_python.into_iter().flat_map(|versions| {
        let compare = |term: &str| {
            let number = term.trim_start_matches(['<', '>', '=', '!', '~']);
            format!("python_version {} '{}'", &term[..term.len() - number.len()], number.trim())
        };
        versions.split(',').map(compare).collect::<Vec<_>>()
    });
    let terms: Vec<String> = text("markers").map(|marker| format!("({marker})")).into_iter().chain(of_python).collect();
    (!terms.is_empty()).then(|| terms.join(" and "))
}

fn poetry_term(term: &str) -> String {
    let next = |numbers: &[u64], place: usize| {
        let mut upper: Vec<String> = numbers[..place].iter().map(u64::to_string).collect();
        upper.push(numbers[place].saturating_add(1).to_string());
        upper.join(".")
    };
    let numbers = |version: &str| -> Option<Vec<u64>> {
        let release = version.split(|character: char| !character.is_ascii_digit() && character != '.').next()?;
        let numbers: Vec<u64> = release.split('.').map_while(|number| number.parse().ok()).collect();
        (!numbers.is_empty()).then_some(numbers)
    };
    if let Some(version) = term.strip_prefix('^').map(str::trim)
        && let Some(numbers) = numbers(version)
    {
        let place = numbers.iter().position(|number| *number > 0).unwrap_or(numbers.len() - 1);
        return format!(">={version},<{}", next(&numbers, place));
    }
    if let Some(version) = term.strip_prefix('~').filter(|rest| !rest.starts_with('=')).map(str::trim)
        && let Some(numbers) = numbers(version)
    {
        return format!(">={version},<{}", next(&numbers, usize::from(numbers.len() > 1)));
    }
    if term.starts_with(|first: char| first.is_ascii_digit()) { format!("=={term}") } else { term.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn constraints_of_poetry() {
        for (constraint, expected) in [
            ("*", ""),
            ("", ""),
            ("1.2 || *", ""),
            ("^1.2.3", ">=1.2.3,<2"),
            ("^0.2.3", ">=0.2.3,<0.3"),
            ("^0.0", ">=0.0,<0.1"),
            ("^1.0rc1", ">=1.0rc1,<2"),
            ("~1", ">=1,<2"),
            ("~1.2.3", ">=1.2.3,<1.3"),
            ("~=1.2", "~=1.2"),
            ("1.2.*", "==1.2.*"),
            ("1.2", "==1.2"),
            (">=1, <2,!=1.5", ">=1,<2,!=1.5"),
            ("^1 || 3", ">=1,<2 || ==3"),
            ("^", "^"),
            ("^x", "^x"),
            ("^99999999999999999999", "^99999999999999999999"),
        ] {
            assert_eq!(poetry_specifier(constraint), expected, "{constraint}");
        }
    }

    #[test]
    fn markers_of_poetry() {
        for (choice, expected) in [
            ("'^1'", None),
            ("{version = '1'}", None),
            ("{python = '*'}", None),
            ("{python = '^3.9 || ^4'}", None),
            ("{python = '<3.12'}", Some("python_version < '3.12'")),
            (
                "{python = '^3.9', markers = \"a == 'b'\"}",
                Some("(a == 'b') and python_version >= '3.9' and python_version < '4'"),
            ),
        ] {
            let table: toml::Table = format!("x = {choice}").parse().unwrap();
            assert_eq!(poetry_marker(&table["x"]).as_deref(), expected, "{choice}");
        }
    }

    #[test]
    fn dialects_of_projects() {
        let check = |text: &str, expected: &[(&str, &[&str], Scope)]| {
            let project = Project::parse(text.as_bytes()).unwrap();
            let found: Vec<(&str, Vec<&str>, Scope)> = project
                .needs
                .iter()
                .map(|need| (need.name.as_str(), need.extras.iter().map(String::as_str).collect(), need.scope))
                .collect();
            let expected: Vec<(&str, Vec<&str>, Scope)> =
                expected.iter().map(|(name, extras, scope)| (*name, extras.to_vec(), *scope)).collect();
            assert_eq!(found, expected);
        };
        check("", &[]);
        check("project = 1\ntool = []\n", &[]);
        check(
            "[project]\nname = 'x'\nversion = '1'\ndependencies = ['A_b[c]>=1', 1]\noptional-dependencies.o = ['d']\n[dependency-groups]\ntest = ['e', {include-group = 'o'}]\n",
            &[("a-b", &["c"], Scope::Runtime), ("d", &[], Scope::Optional), ("e", &[], Scope::Development)],
        );
        check(
            "[tool.poetry.dependencies]\npython = '^3'\na = '^1'\nb = {version = '1', optional = true, extras = ['x']}\n[tool.poetry.group.dev.dependencies]\nc = '*'\n[tool.poetry.dev-dependencies]\nd = '*'\n",
            &[
                ("a", &[], Scope::Runtime),
                ("b", &["x"], Scope::Optional),
                ("d", &[], Scope::Development),
                ("c", &[], Scope::Development),
            ],
        );
        check(
            "[tool.pdm.dev-dependencies]\nt = ['a']\n[tool.uv]\ndev-dependencies = ['b']\n",
            &[("a", &[], Scope::Development), ("b", &[], Scope::Development)],
        );
        assert!(Project::parse(b"[").is_none());
        assert!(Project::parse(b"\xff").is_none());
    }
}
