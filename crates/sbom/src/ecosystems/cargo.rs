//! What a `Cargo.toml` asks for.
//!
//! Follows The Cargo Book, "Specifying Dependencies".

use component::Scope;
use toml::{Table, Value};

const GROUPS: [(&str, Scope); 3] = [
    ("dependencies", Scope::Runtime),
    ("build-dependencies", Scope::Development),
    ("dev-dependencies", Scope::Development),
];

/// One entry of a manifest's dependencies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need<'a> {
    /// The name that the package has for it.
    key: &'a str,
    value: &'a Value,
    /// What the workspace says of it, where it is inherited.
    inherited: Option<&'a Value>,
    scope: Scope,
}

/// Returns what a package asks for, for every target. `shared` is what its workspace says of dependencies.
pub(crate) fn needs<'a>(manifest: &'a Table, shared: Option<&'a Table>) -> impl Iterator<Item = Need<'a>> {
    let targets = manifest.get("target").and_then(Value::as_table).into_iter().flat_map(Table::values);
    let tables = std::iter::once(manifest).chain(targets.filter_map(Value::as_table));
    let groups = tables.flat_map(|table| {
        GROUPS.iter().filter_map(move |(group, scope)| Some((table.get(*group)?.as_table()?, *scope)))
    });
    groups.flat_map(move |(group, scope)| {
        group.iter().map(move |(key, value)| {
            let inherited = value.get("workspace").and_then(|_| shared?.get(key));
            Need { key, value, inherited, scope }
        })
    })
}

impl<'a> Need<'a> {
    /// Returns the name of the package that is meant, which may be another than that of the entry.
    pub(crate) fn name(&self) -> &'a str {
        self.said("package").and_then(Value::as_str).unwrap_or(self.key)
    }

    /// Returns what for.
    pub(crate) fn scope(&self) -> Scope {
        let is_optional = self.value.get("optional").and_then(Value::as_bool) == Some(true);
        if is_optional { self.scope.max(Scope::Optional) } else { self.scope }
    }

    /// Tells whether it is a package of the project itself.
    pub(crate) fn is_local(&self) -> bool {
        self.said("path").is_some()
    }

    /// Tells whether the workspace says what is meant.
    pub(crate) fn is_inherited(&self) -> bool {
        self.value.get("workspace").is_some()
    }

    /// Returns which versions are wanted; empty where nothing is said.
    pub(crate) fn requirement(&self) -> &'a str {
        let short = self.value.as_str().or_else(|| self.inherited?.as_str());
        short.or_else(|| self.said("version")?.as_str()).unwrap_or_default()
    }

    fn said(&self, field: &str) -> Option<&'a Value> {
        self.value.get(field).or_else(|| self.inherited?.get(field))
    }
}
