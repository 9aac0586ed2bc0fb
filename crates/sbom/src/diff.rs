//! The differences of two inventories, by component and by edge.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use component::{Component, Edge, Inventory, Node, PackageType, Relation, Scope};
use serde::Serialize;

/// What changed from one inventory to another. Everything is sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// Components that only the second has.
    pub added: Vec<Entry>,
    /// Components that only the first has.
    pub removed: Vec<Entry>,
    /// Components that both have, in another version.
    pub changed: Vec<Change>,
    /// Edges that only the second has.
    pub edges_added: Vec<EdgeEntry>,
    /// Edges that only the first has.
    pub edges_removed: Vec<EdgeEntry>,
}

/// A component that one inventory has and the other has not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Entry {
    /// The package, without its version.
    #[serde(flatten)]
    pub package: Package,
    /// The version.
    pub version: Option<String>,
}

/// A component whose version changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    /// The package, without its version.
    #[serde(flatten)]
    pub package: Package,
    /// The version in the first inventory.
    pub from: Option<String>,
    /// The version in the second.
    pub to: Option<String>,
}

/// An edge between packages. The versions of its ends do not count, else an upgrade would change every edge around it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EdgeEntry {
    /// Where it begins; `None` is the subject.
    pub from: Option<Package>,
    /// Where it ends.
    pub to: Package,
    /// How the two are related.
    pub relation: Relation,
}

/// A package whatever its version: what tells components apart otherwise.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Package {
    /// The kind of package.
    #[serde(rename = "type")]
    pub package_type: PackageType,
    /// The name, with the purl's namespace where the name alone does not tell: `org.apache.commons/commons-text`.
    pub name: String,
    /// The architecture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub architecture: Option<String>,
}

impl Package {
    fn new(component: &Component) -> Self {
        let namespace = component.purl.as_ref().and_then(|purl| purl.namespace());
        let is_grouped = matches!(component.package_type, PackageType::JavaArchive | PackageType::JenkinsPlugin);
        let name = match namespace.filter(|_| is_grouped) {
            Some(namespace) => format!("{namespace}/{}", component.name),
            None => component.name.clone(),
        };
        Self { package_type: component.package_type, name, architecture: component.architecture.clone() }
    }
}

/// Compares two inventories. Where a package has several versions, those that both have cancel out, and what is left is paired in order.
pub fn diff(from: &Inventory, to: &Inventory) -> Diff {
    let mut versions: BTreeMap<Package, [BTreeSet<Option<&str>>; 2]> = BTreeMap::new();
    for (side, inventory) in [from, to].into_iter().enumerate() {
        for component in &inventory.components {
            versions.entry(Package::new(component)).or_default()[side].insert(component.version.as_deref());
        }
    }

    let mut diff = Diff::default();
    for (package, [old, new]) in versions {
        let mut removed: Vec<_> = old.difference(&new).map(|version| version.map(ToOwned::to_owned)).collect();
        let mut added: Vec<_> = new.difference(&old).map(|version| version.map(ToOwned::to_owned)).collect();
        let pairs = removed.len().min(added.len());
        let changes = removed.drain(..pairs).zip(added.drain(..pairs));
        diff.changed.extend(changes.map(|(from, to)| Change { package: package.clone(), from, to }));
        let entry = |version| Entry { package: package.clone(), version };
        diff.removed.extend(removed.into_iter().map(entry));
        diff.added.extend(added.into_iter().map(entry));
    }

    let (old, new) = (edges(from), edges(to));
    diff.edges_removed = old.difference(&new).cloned().collect();
    diff.edges_added = new.difference(&old).cloned().collect();
    diff
}

fn edges(inventory: &Inventory) -> BTreeSet<EdgeEntry> {
    let packages: Vec<_> = inventory.components.iter().map(Package::new).collect();
    let entry = |edge: &Edge| {
        let from = match edge.from {
            Node::Root => None,
            Node::Component(index) => Some(packages.get(index.0 as usize)?.clone()),
        };
        Some(EdgeEntry { from, to: packages.get(edge.to.0 as usize)?.clone(), relation: edge.relation })
    };
    inventory.edges.iter().filter_map(entry).collect()
}

impl Diff {
    /// Tells whether the inventories have the same packages in the same versions, with the same edges.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the differences as one line of JSON.
    pub fn to_json(&self) -> String {
        // Texts and lists always have a spelling in JSON.
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl fmt::Display for Package {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.package_type, self.name.escape_debug())?;
        let architecture = self.architecture.as_deref();
        architecture.map_or(Ok(()), |architecture| write!(formatter, " ({})", architecture.escape_debug()))
    }
}

impl fmt::Display for EdgeEntry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.from {
            Some(from) => write!(formatter, "{from}")?,
            None => formatter.write_str("the subject")?,
        }
        formatter.write_str(match self.relation {
            Relation::DependsOn(Scope::Runtime) => " needs ",
            Relation::DependsOn(Scope::Optional) => " may use ",
            Relation::DependsOn(Scope::Development) => " is developed with ",
            Relation::Contains => " contains ",
            Relation::Owns => " owns ",
        })?;
        write!(formatter, "{}", self.to)
    }
}

/// For people: one difference a line, `+` added, `-` removed, `~` changed; nothing when there is none.
impl fmt::Display for Diff {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = |version: &Option<String>| match version {
            Some(version) => version.escape_debug().to_string(),
            None => "no version".to_owned(),
        };
        for Entry { package, version: found } in &self.removed {
            writeln!(formatter, "- {package} {}", version(found))?;
        }
        for Entry { package, version: found } in &self.added {
            writeln!(formatter, "+ {package} {}", version(found))?;
        }
        for Change { package, from, to } in &self.changed {
            writeln!(formatter, "~ {package} {} -> {}", version(from), version(to))?;
        }
        for edge in &self.edges_removed {
            writeln!(formatter, "- {edge}")?;
        }
        for edge in &self.edges_added {
            writeln!(formatter, "+ {edge}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use component::{ComponentIndex, Subject, Technique};
    use insta::assert_snapshot;

    use super::*;

    /// Makes an inventory of `TYPE NAME VERSION` lines, and edges by the places of these lines; 0 is the subject.
    fn inventory(lines: &[&str], edges: &[(u32, u32)]) -> Inventory {
        let node = |place| if place == 0 { Node::Root } else { Node::Component(ComponentIndex(place - 1)) };
        let components = lines.iter().map(|line| {
            let words: Vec<_> = line.split(' ').collect();
            let mut component = Component::new(words[0].parse().unwrap(), words[1], "test", Technique::Lockfile);
            component.version = words.get(2).map(ToString::to_string);
            component.architecture = words.get(3).map(ToString::to_string);
            component
        });
        Inventory {
            subject: Subject::Directory { name: ".".into() },
            distribution: None,
            layers: Vec::new(),
            components: components.collect(),
            edges: edges
                .iter()
                .map(|(from, to)| Edge {
                    from: node(*from),
                    to: ComponentIndex(to - 1),
                    relation: Relation::DependsOn(Scope::Runtime),
                })
                .collect(),
            unknowns: Vec::new(),
            created: None,
        }
    }

    #[test]
    fn equal_inventories_do_not_differ() {
        let one = inventory(&["npm a 1", "npm b 2"], &[(0, 1), (1, 2)]);
        assert!(diff(&one, &one).is_empty());
        assert_eq!(diff(&one, &one).to_string(), "");
    }

    #[test]
    fn components_are_added_removed_and_changed() {
        let old = inventory(
            &["deb libc6 2.36 amd64", "npm a 1", "npm b 1", "npm b 2", "npm gone 1"],
            &[(0, 2), (2, 3), (2, 5)],
        );
        let new = inventory(
            &["deb libc6 2.36 arm64", "npm a 2", "npm b 2", "npm b 3", "npm b 4", "npm new"],
            &[(0, 2), (2, 3), (0, 6)],
        );
        let found = diff(&old, &new);
        assert_snapshot!(found.to_string(), @r"
        - deb libc6 (amd64) 2.36
        - npm gone 1
        + deb libc6 (arm64) 2.36
        + npm b 4
        + npm new no version
        ~ npm a 1 -> 2
        ~ npm b 1 -> 3
        - npm a needs npm gone
        + the subject needs npm new
        ");
        assert_snapshot!(found.to_json(), @r#"{"added":[{"type":"deb","name":"libc6","architecture":"arm64","version":"2.36"},{"type":"npm","name":"b","version":"4"},{"type":"npm","name":"new","version":null}],"removed":[{"type":"deb","name":"libc6","architecture":"amd64","version":"2.36"},{"type":"npm","name":"gone","version":"1"}],"changed":[{"type":"npm","name":"a","from":"1","to":"2"},{"type":"npm","name":"b","from":"1","to":"3"}],"edges_added":[{"from":null,"to":{"type":"npm","name":"new"},"relation":{"depends-on":"runtime"}}],"edges_removed":[{"from":{"type":"npm","name":"a"},"to":{"type":"npm","name":"gone"},"relation":{"depends-on":"runtime"}}]}"#);
    }
}
