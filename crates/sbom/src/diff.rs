//! The differences of two inventories, by component, by edge and by what advisories are held against.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use component::{Component, Distribution, Edge, Inventory, Node, PackageType, Relation, Scheme, Scope};
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
    /// The distribution, where both say that they are of one and it is not the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution: Option<Pair>,
    /// Components that both have in the same version, of which something else differs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub altered: Vec<Alteration>,
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

/// What two inventories say of the same.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Pair {
    /// In the first.
    pub from: String,
    /// In the second.
    pub to: String,
}

/// A component of which something else than the version changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Alteration {
    /// The package, without its version.
    #[serde(flatten)]
    pub package: Package,
    /// The version.
    pub version: Option<String>,
    /// What changed.
    pub property: Property,
    /// From what to what.
    #[serde(flatten)]
    pub values: Pair,
}

/// What is compared of a component besides its version. It differs where both inventories state it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Property {
    /// Whose it is among packages of its type: the purl's namespace.
    Namespace,
    /// The distribution and release that it is of.
    Distribution,
    /// The stream of a module of RPMs.
    Module,
    /// What it is needed for.
    Scope,
    /// Its licences.
    Licences,
    /// Its digests.
    Hashes,
}

impl Property {
    const ALL: [Self; 6] =
        [Self::Namespace, Self::Distribution, Self::Module, Self::Scope, Self::Licences, Self::Hashes];

    /// Returns its name, which people read and JSON has.
    pub fn name(self) -> &'static str {
        match self {
            Self::Namespace => "namespace",
            Self::Distribution => "distribution",
            Self::Module => "module",
            Self::Scope => "scope",
            Self::Licences => "licences",
            Self::Hashes => "hashes",
        }
    }

    /// Returns it as a component states it; nothing where none is stated, and an empty text where it is stated that there is none.
    fn of(self, component: &Component, system: Option<&Distribution>) -> Option<String> {
        let purl = component.purl.as_ref();
        let is_packaged = matches!(component.package_type, PackageType::Deb | PackageType::Apk | PackageType::Rpm);
        match self {
            Self::Namespace => {
                purl.filter(|_| !is_grouped(component)).map(|purl| purl.namespace().unwrap_or_default().to_owned())
            }
            Self::Distribution => {
                Distribution::of_package(purl, system).filter(|_| is_packaged).map(|system| called(&system))
            }
            Self::Module => {
                let is_rpm = component.package_type == PackageType::Rpm;
                is_rpm.then(|| component.module.clone().unwrap_or_default())
            }
            Self::Scope => Some(scope(component.scope).to_owned()),
            Self::Licences => joined(component.licenses.iter().map(|license| license.text().to_owned())),
            Self::Hashes => joined(component.hashes.iter().map(|hash| format!("{:?} {}", hash.algorithm, hash.hex))),
        }
    }
}

fn joined(texts: impl Iterator<Item = String>) -> Option<String> {
    let texts: BTreeSet<String> = texts.collect();
    (!texts.is_empty()).then(|| texts.into_iter().collect::<Vec<_>>().join(", "))
}

fn scope(scope: Scope) -> &'static str {
    match scope {
        Scope::Runtime => "runtime",
        Scope::Optional => "optional",
        Scope::Development => "development",
    }
}

fn called(system: &Distribution) -> String {
    format!("{} {}", system.id, system.version_id.as_deref().unwrap_or_default()).trim_end().to_owned()
}

fn is_grouped(component: &Component) -> bool {
    matches!(component.package_type, PackageType::JavaArchive | PackageType::JenkinsPlugin)
}

/// An edge between packages. The versions of its ends do not count, else an upgrade would change every edge around it, but where a package has
/// several versions, of which both inventories have this one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct EdgeEntry {
    /// Where it begins; `None` is the subject.
    pub from: Option<End>,
    /// Where it ends.
    pub to: End,
    /// How the two are related.
    pub relation: Relation,
}

/// An end of an edge.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct End {
    /// The package.
    #[serde(flatten)]
    pub package: Package,
    /// The version, where it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
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
        let name = match namespace.filter(|_| is_grouped(component)) {
            Some(namespace) => format!("{namespace}/{}", component.name),
            None => component.name.clone(),
        };
        Self { package_type: component.package_type, name, architecture: component.architecture.clone() }
    }
}

/// Compares two inventories. Where a package has several versions, those that both have cancel out, and what is left is paired in order.
pub fn diff(from: &Inventory, to: &Inventory) -> Diff {
    let mut versions = Versions::new();
    for (side, inventory) in [from, to].into_iter().enumerate() {
        for component in &inventory.components {
            versions.entry(Package::new(component)).or_default()[side].insert(component.version.as_deref());
        }
    }

    let mut diff = Diff::default();
    for (package, [old, new]) in &versions {
        let mut removed = in_order(package.package_type, old.difference(new).copied());
        let mut added = in_order(package.package_type, new.difference(old).copied());
        let pairs = removed.len().min(added.len());
        let changes = removed.drain(..pairs).zip(added.drain(..pairs));
        diff.changed.extend(changes.map(|(from, to)| Change { package: package.clone(), from, to }));
        let entry = |version| Entry { package: package.clone(), version };
        diff.removed.extend(removed.into_iter().map(entry));
        diff.added.extend(added.into_iter().map(entry));
    }

    diff.distribution = match (from.distribution.as_ref().map(called), to.distribution.as_ref().map(called)) {
        (Some(from), Some(to)) if from != to => Some(Pair { from, to }),
        _ => None,
    };
    diff.altered = altered(from, to, diff.distribution.as_ref());

    let (old, new) = (edges(from, &versions), edges(to, &versions));
    diff.edges_removed = old.difference(&new).cloned().collect();
    diff.edges_added = new.difference(&old).cloned().collect();
    diff
}

/// The versions of each package in the first inventory and in the second.
type Versions<'a> = BTreeMap<Package, [BTreeSet<Option<&'a str>>; 2]>;

/// Returns versions in the order of their ecosystem; in that of their letters, where that has no place for them.
fn in_order<'a>(package_type: PackageType, versions: impl Iterator<Item = Option<&'a str>>) -> Vec<Option<String>> {
    let mut versions: Vec<Option<&str>> = versions.collect();
    if let Some(scheme) = Scheme::of_purl_type(package_type.purl_type()) {
        versions.sort_by(|one, other| match (one, other) {
            (Some(one), Some(other)) => scheme.compare(one, other).unwrap_or_else(|_| one.cmp(other)),
            _ => one.cmp(other),
        });
    }
    versions.into_iter().map(|version| version.map(ToOwned::to_owned)).collect()
}

/// What is stated of the components of one package in one version.
type Stated<'a> = BTreeMap<(Package, Option<&'a str>), BTreeMap<Property, BTreeSet<String>>>;

fn stated(inventory: &Inventory) -> Stated<'_> {
    let mut all = Stated::new();
    for component in &inventory.components {
        let properties = all.entry((Package::new(component), component.version.as_deref())).or_default();
        for property in Property::ALL {
            let value = property.of(component, inventory.distribution.as_ref());
            properties.entry(property).or_default().extend(value);
        }
    }
    all
}

/// Returns what else differs of components that both have. What follows from the distribution that all are of is told once.
fn altered(from: &Inventory, to: &Inventory, system: Option<&Pair>) -> Vec<Alteration> {
    let (old, new) = (stated(from), stated(to));
    let text = |values: &BTreeSet<String>| values.iter().map(String::as_str).collect::<Vec<_>>().join(" and ");
    let mut altered = Vec::new();
    for (key, before) in &old {
        let Some(after) = new.get(key) else { continue };
        for (property, before) in before {
            let Some(after) = after.get(property).filter(|after| *after != before) else { continue };
            let values = Pair { from: text(before), to: text(after) };
            let is_told = *property == Property::Distribution && system == Some(&values);
            if before.is_empty() || after.is_empty() || is_told {
                continue;
            }
            let (package, version) = (key.0.clone(), key.1.map(ToOwned::to_owned));
            altered.push(Alteration { package, version, property: *property, values });
        }
    }
    altered
}

fn edges(inventory: &Inventory, versions: &Versions<'_>) -> BTreeSet<EdgeEntry> {
    let end = |component: &Component| {
        let package = Package::new(component);
        let version = component.version.as_deref();
        let counts = versions.get(&package).is_some_and(|[old, new]| {
            (old.len() > 1 || new.len() > 1) && old.contains(&version) && new.contains(&version)
        });
        End { package, version: version.filter(|_| counts).map(ToOwned::to_owned) }
    };
    let ends: Vec<_> = inventory.components.iter().map(end).collect();
    let entry = |edge: &Edge| {
        let from = match edge.from {
            Node::Root => None,
            Node::Component(index) => Some(ends.get(index.0 as usize)?.clone()),
        };
        Some(EdgeEntry { from, to: ends.get(edge.to.0 as usize)?.clone(), relation: edge.relation })
    };
    inventory.edges.iter().filter_map(entry).collect()
}

impl Diff {
    /// Tells whether the inventories have the same packages in the same versions, of the same distribution, with the same edges, and say the same of them.
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

impl fmt::Display for End {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.package)?;
        self.version.as_deref().map_or(Ok(()), |version| write!(formatter, " {}", version.escape_debug()))
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
        let value = |value: &str| if value.is_empty() { "none".to_owned() } else { value.escape_debug().to_string() };
        if let Some(Pair { from, to }) = &self.distribution {
            writeln!(formatter, "~ distribution: {} -> {}", value(from), value(to))?;
        }
        for Alteration { package, version: found, property, values: Pair { from, to } } in &self.altered {
            let (found, from, to) = (version(found), value(from), value(to));
            writeln!(formatter, "~ {package} {found} {}: {from} -> {to}", property.name())?;
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
    fn what_else_differs_of_a_component_is_told() {
        let of = |release: &str, purl: &str, change: fn(&mut Component)| {
            let mut one = inventory(&["rpm nodejs 14-1 x86_64"], &[]);
            one.distribution = (!release.is_empty()).then(|| Distribution {
                id: "rhel".into(),
                version_id: Some(release.into()),
                ..Distribution::default()
            });
            one.components[0].purl = Some(purl.parse().unwrap());
            change(&mut one.components[0]);
            one
        };
        let nodejs = "pkg:rpm/redhat/nodejs@14-1";
        let check = |old: &Inventory, new: &Inventory, expected: &str| assert_eq!(diff(old, new).to_string(), expected);
        let plain = of("8", nodejs, |_| ());
        check(&plain, &plain.clone(), "");
        check(&plain, &of("9", nodejs, |_| ()), "~ distribution: rhel 8 -> rhel 9\n");
        // What only one of both states is no difference.
        check(&plain, &of("", nodejs, |_| ()), "");
        let hashed: fn(&mut Component) = |one| {
            one.hashes = vec![component::Hash { algorithm: component::HashAlgorithm::Sha256, hex: "ab".into() }];
        };
        check(&plain, &of("8", nodejs, hashed), "");
        let node = "~ rpm nodejs (x86_64) 14-1";
        check(&plain, &of("8", "pkg:rpm/fedora/nodejs@14-1", |_| ()), &format!("{node} namespace: redhat -> fedora\n"));
        let elsewhere = of("8", "pkg:rpm/redhat/nodejs@14-1?distro=rhel-9", |_| ());
        check(&plain, &elsewhere, &format!("{node} distribution: rhel 8 -> rhel 9\n"));
        let module = of("8", nodejs, |one| one.module = Some("nodejs:16".into()));
        check(&plain, &module, &format!("{node} module: none -> nodejs:16\n"));
        let scoped = of("8", nodejs, |one| one.scope = Scope::Development);
        check(&plain, &scoped, &format!("{node} scope: runtime -> development\n"));
        let licensed = |license: &str| {
            let mut one = plain.clone();
            one.components[0].licenses = component::License::parse(license).into_iter().collect();
            one
        };
        check(&licensed("MIT"), &licensed("ISC"), &format!("{node} licences: MIT -> ISC\n"));
        let json = diff(&plain, &module).to_json();
        assert!(json.contains(r#""altered":[{"type":"rpm","name":"nodejs","architecture":"x86_64","version":"14-1","property":"module","from":"","to":"nodejs:16"}]"#), "{json}");
    }

    #[test]
    fn versions_are_paired_in_their_own_order_and_told_where_an_edge_moved_between_them() {
        let check = |old: (&[&str], &[(u32, u32)]), new: (&[&str], &[(u32, u32)]), expected: &str| {
            assert_eq!(diff(&inventory(old.0, old.1), &inventory(new.0, new.1)).to_string(), expected);
        };
        let both: &[&str] = &["npm a 1", "npm b 1", "npm b 2"];
        check((both, &[(1, 2)]), (both, &[(1, 3)]), "- npm a needs npm b 1\n+ npm a needs npm b 2\n");
        check((both, &[(1, 2)]), (both, &[(1, 2)]), "");
        // What both have in one version each is upgraded, its edges with it.
        check((&["npm a 1", "npm b 1"], &[(1, 2)]), (&["npm a 1", "npm b 2"], &[(1, 2)]), "~ npm b 1 -> 2\n");
        let upgraded = "~ npm a 2.0.0 -> 2.1.0\n~ npm a 10.0.0 -> 10.1.0\n";
        check((&["npm a 10.0.0", "npm a 2.0.0"], &[]), (&["npm a 10.1.0", "npm a 2.1.0"], &[]), upgraded);
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
        - npm a needs npm b
        - npm a needs npm gone
        + the subject needs npm new
        + npm a needs npm b 2
        ");
        assert_snapshot!(found.to_json(), @r#"{"added":[{"type":"deb","name":"libc6","architecture":"arm64","version":"2.36"},{"type":"npm","name":"b","version":"4"},{"type":"npm","name":"new","version":null}],"removed":[{"type":"deb","name":"libc6","architecture":"amd64","version":"2.36"},{"type":"npm","name":"gone","version":"1"}],"changed":[{"type":"npm","name":"a","from":"1","to":"2"},{"type":"npm","name":"b","from":"1","to":"3"}],"edges_added":[{"from":null,"to":{"type":"npm","name":"new"},"relation":{"depends-on":"runtime"}},{"from":{"type":"npm","name":"a"},"to":{"type":"npm","name":"b","version":"2"},"relation":{"depends-on":"runtime"}}],"edges_removed":[{"from":{"type":"npm","name":"a"},"to":{"type":"npm","name":"b"},"relation":{"depends-on":"runtime"}},{"from":{"type":"npm","name":"a"},"to":{"type":"npm","name":"gone"},"relation":{"depends-on":"runtime"}}]}"#);
    }
}
