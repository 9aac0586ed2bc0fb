use component::{Component, ComponentIndex, Inventory, Location, PackageType, Purl, Scope, SourcePackage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Upgrade;
use crate::paths::Paths;

/// A component that something is known of, with where it is and how it came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AffectedComponent {
    /// Its place among the components of the inventory.
    pub place: u32,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: Option<String>,
    /// What kind of package it is.
    #[serde(rename = "type")]
    pub package_type: PackageType,
    /// Its package URL.
    #[schemars(with = "Option<String>")]
    pub purl: Option<Purl>,
    /// The source package that it was built from, by which distributions speak of it.
    pub source: Option<SourcePackage>,
    /// What it is needed for.
    pub scope: Scope,
    /// Whether someone asked for it itself, where that is known.
    pub direct: Option<bool>,
    /// Where the evidence is; a layer is a place among the report's layers.
    pub locations: Vec<Location>,
    /// Who brought it in: the shortest path from what someone asked for down to it, which is the last. Empty, when that is not
    /// known.
    pub path: Vec<Named>,
    /// The smallest version that clears what a version can clear of it. None, when there is none.
    pub upgrade: Option<Upgrade>,
}

/// A component by its name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "NamedComponent")]
pub struct Named {
    /// The name.
    pub name: String,
    /// The version.
    pub version: Option<String>,
    /// The package URL.
    #[schemars(with = "Option<String>")]
    pub purl: Option<Purl>,
}

impl Named {
    pub(crate) fn of(component: &Component) -> Self {
        Self { name: component.name.clone(), version: component.version.clone(), purl: component.purl.clone() }
    }
}

/// As people write it: `log4j-core 2.14.1`.
impl std::fmt::Display for Named {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.name)?;
        self.version.as_deref().map_or(Ok(()), |version| write!(formatter, " {version}"))
    }
}

impl AffectedComponent {
    pub(crate) fn of(
        inventory: &Inventory,
        index: ComponentIndex,
        component: &Component,
        paths: &Paths,
        upgrade: Option<Upgrade>,
    ) -> Self {
        let path = paths.to(index);
        Self {
            place: index.0,
            name: component.name.clone(),
            version: component.version.clone(),
            package_type: component.package_type,
            purl: component.purl.clone(),
            source: component.other_source().cloned(),
            scope: component.scope,
            direct: component.direct,
            locations: component.locations.clone(),
            path: path.iter().filter_map(|index| at(inventory, *index)).map(Named::of).collect(),
            upgrade,
        }
    }
}

/// Returns a component by its place.
pub(crate) fn at(inventory: &Inventory, index: ComponentIndex) -> Option<&Component> {
    usize::try_from(index.0).ok().and_then(|at| inventory.components.get(at))
}
