//! What a report says nothing about: what nothing in the database speaks of, and what was not read.

use std::collections::{BTreeMap, BTreeSet};

use component::{Component, Distribution, Inventory, PackageType, Purl, Subject, Unknown};
use sbom::formats::Repairs;
use serde::{Deserialize, Serialize};
use vulndb::file::{Corrupt, Database};
use vulndb::{Ecosystem, Family, Named, matching};

use crate::table::counted;

/// The most of each kind that are told one by one; the count is of all.
pub const UNCHECKED_TOLD_MAX: usize = 20;

/// How many of a kind are told in words; more are counted: JSON has them.
const SHOWN: usize = 3;

/// Types of purls whose packages somebody publishes advisories of, none of which is read here: Arch's tracker, `CPANSec`, OSV's of the others.
const UNREAD_TYPES: [&str; 8] = ["alpm", "cpan", "cran", "hackage", "julia", "opam", "otp", "vscode-extension"];

/// Types that are not registered and in use, of what nobody publishes advisories of: what a host of sources or of charts has, a stream of RPMs.
const SILENT_TYPES: [&str; 3] = ["gitlab", "helm", "rpmmod"];

/// What a report says nothing about, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unchecked {
    /// The packages that nothing in the database speaks of, and those of which nobody knows whether it speaks, by whose they are. Kinds that
    /// nobody publishes advisories for are none of them.
    pub packages: Vec<Uncovered>,
    /// What was not read, or not to its end, or not understood: that first which may hide packages of the operating system.
    pub unread: Told<Unknown>,
    /// How many of those may hide packages of the operating system.
    pub unread_databases: usize,
    /// What was dropped from the document that was read.
    pub dropped: Told<String>,
}

/// Some things, of which the first are told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told<T> {
    /// How many there are.
    pub count: usize,
    /// The first [`UNCHECKED_TOLD_MAX`].
    pub first: Vec<T>,
}

impl<T> Default for Told<T> {
    fn default() -> Self {
        Self { count: 0, first: Vec::new() }
    }
}

/// Packages of one publisher that nothing in the database speaks of, or of which nobody knows whether it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncovered {
    /// Whose they are: the name of an ecosystem, of a distribution, or of a purl's type.
    pub ecosystem: String,
    /// How many components.
    pub components: usize,
    /// Why.
    pub because: NoCoverage,
    /// Where that is their versions, or that nothing says whose they are, the first [`UNCHECKED_TOLD_MAX`] of them with their versions.
    #[serde(default)]
    pub first: Vec<String>,
}

/// Why nothing in a database is known to speak of packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NoCoverage {
    /// The database was made without a feed of theirs.
    NoFeed,
    /// There is no feed of theirs that is read.
    NoPublisher,
    /// Their purls have a type that is none of the registered ones.
    UnknownType,
    /// Nothing says of which distribution and release they are.
    NoDistribution,
    /// There are advisories of these packages, and their versions have no place in the order by which ranges are held against them.
    NoOrder,
    /// There are advisories of these packages, and no version is stated, as of what a manifest only asks for.
    NoVersion,
    /// Their distribution's advisories speak of source packages, and the document says of none from which it was built.
    NoSource,
    /// There are advisories of packages of these names, and nothing says of which group these are.
    NoGroup,
}

impl Uncovered {
    /// Tells whether it is a gap that no answer can be given over: not what CPE alone names, which few databases speak of.
    pub(crate) fn is_grave(&self) -> bool {
        self.ecosystem != Family::Cpe.as_str()
    }

    pub(crate) fn words(&self) -> String {
        let (packages, one, several) = match (self.components, self.is_grave()) {
            (0, _) => return format!("{}: no package of it was found", self.reason()),
            (count, true) => (count, "package", "packages"),
            (count, false) => (count, "program", "programs"),
        };
        let told = format!("{}: {} not checked", self.reason(), counted(packages, one, several));
        let first = self.first.iter().take(SHOWN).cloned();
        let untold = self.components.saturating_sub(self.first.len().min(SHOWN));
        let names: Vec<String> = first.chain((untold > 0).then(|| format!("and {untold} more"))).collect();
        if self.first.is_empty() { told } else { format!("{told} ({})", names.join("; ")) }
    }

    /// Says in words why nothing speaks of them.
    pub(crate) fn reason(&self) -> String {
        let Self { ecosystem, because, .. } = self;
        match because {
            NoCoverage::NoFeed if !self.is_grave() => "no feed in the database names products by CPE".to_owned(),
            NoCoverage::NoFeed => format!("no feed in the database speaks of {ecosystem}"),
            NoCoverage::NoPublisher => format!("no feed that is read here speaks of {ecosystem}"),
            NoCoverage::UnknownType => {
                let purl_type = Purl::builder(ecosystem, "any").build();
                let meant = purl_type.ok().and_then(|purl| purl.purl_type().intended());
                let meant = meant.map(|ty| format!(" (did you mean `{ty}`?)")).unwrap_or_default();
                format!("no package type that is known here is called `{ecosystem}`{meant}")
            }
            NoCoverage::NoDistribution => {
                format!("nothing says of which distribution and release its {ecosystem} packages are")
            }
            NoCoverage::NoOrder => format!("{ecosystem} has no order for these versions"),
            NoCoverage::NoVersion => format!("nothing states the versions of these packages of {ecosystem}"),
            NoCoverage::NoSource => format!("nothing says from which source packages these of {ecosystem} were built"),
            NoCoverage::NoGroup => format!("nothing says of which group these artifacts of {ecosystem} are"),
        }
    }
}

impl Unchecked {
    /// Says what is not checked of an inventory.
    pub(crate) fn of<B: AsRef<[u8]>>(
        database: &Database<B>,
        inventory: &Inventory,
        repairs: Option<&Repairs>,
    ) -> Result<Self, Corrupt> {
        let mut unread: Vec<&Unknown> = inventory.unknowns.iter().filter(|unknown| sbom::is_unread(unknown)).collect();
        unread.sort_by_key(|unknown| !sbom::hides_packages(unknown));
        let mut packages = uncovered(database, inventory);
        packages.extend(unordered(database, inventory)?);
        packages.extend(without_source(database, inventory, &inventory.components)?);
        packages.extend(without_group(database, inventory)?);
        packages.sort_by_key(gravest_first);
        Ok(Self {
            packages,
            unread_databases: unread.iter().filter(|unknown| sbom::hides_packages(unknown)).count(),
            unread: Told { count: unread.len(), first: unread.into_iter().take(UNCHECKED_TOLD_MAX).cloned().collect() },
            dropped: repairs.map(dropped).unwrap_or_default(),
        })
    }

    /// Says in words what keeps "no findings" from being an answer, the gravest first: packages of an ecosystem of which the database has
    /// nothing, and package databases that were not read to their end. None where the answer stands.
    pub(crate) fn blind(&self) -> Option<String> {
        let packages = self.packages.iter().find(|uncovered| uncovered.is_grave()).map(Uncovered::words);
        let database = || {
            let unknown = self.unread.first.first().filter(|_| self.unread_databases > 0)?;
            Some(format!("not read, or not to its end: {}", place(unknown)))
        };
        packages.or_else(database)
    }

    /// Returns the packages of distributions that nothing in the database speaks of, each with whose they are.
    pub(crate) fn packages_in<'a>(&self, inventory: &'a Inventory) -> Vec<(&'a Component, &Uncovered)> {
        let system = matching::distribution_of(inventory);
        let is_gap = |component: &Component, one: &Uncovered| {
            let identities = matching::identities(component, system.as_deref());
            let gap = match identities.first() {
                Some(identity) => Some((NoCoverage::NoFeed, identity.ecosystem.to_string())),
                None => unpublished(component, inventory.distribution.as_ref()),
            };
            gap.is_some_and(|(because, ecosystem)| because == one.because && ecosystem == one.ecosystem)
        };
        let packaged = inventory.components.iter().filter(|component| is_packaged(component));
        packaged
            .filter_map(|component| Some((component, self.packages.iter().find(|one| is_gap(component, one))?)))
            .collect()
    }

    /// Says in words what was not checked, a line each.
    pub fn words(&self) -> Vec<String> {
        let mut lines: Vec<String> = self.packages.iter().map(Uncovered::words).collect();
        lines.extend(self.unread.words("not read, or not to its end", place));
        lines.extend(self.dropped.words("dropped from the document", String::clone));
        lines
    }

    /// Tells whether there is a feed that would speak of what is not checked.
    pub fn wants_feed(&self) -> bool {
        self.packages.iter().any(|uncovered| uncovered.is_grave() && uncovered.because == NoCoverage::NoFeed)
    }
}

impl<T> Told<T> {
    fn words(&self, what: &str, word: impl Fn(&T) -> String) -> Option<String> {
        let mut words: Vec<String> = self.first.iter().take(SHOWN).map(word).collect();
        let untold = self.count.saturating_sub(words.len());
        if untold > 0 {
            words.push(format!("and {untold} more"));
        }
        (self.count > 0).then(|| format!("{what}: {}", words.join("; ")))
    }
}

fn place(unknown: &Unknown) -> String {
    format!("{} ({})", unknown.location, unknown.reason)
}

/// Returns of which packages of an inventory nothing in a database speaks: also of those of its distribution, none of which may have been found.
pub(crate) fn uncovered<B: AsRef<[u8]>>(database: &Database<B>, inventory: &Inventory) -> Vec<Uncovered> {
    // A document lists what its maker looked for, which need not be the packages of the system that it names.
    let is_looked_for = !matches!(inventory.subject, Subject::Document { .. });
    let own = inventory.distribution.as_ref().filter(|_| is_looked_for);
    let gap = own.and_then(|distribution| match Ecosystem::of_distribution(distribution) {
        Some(ecosystem) if database.ecosystems().contains(&ecosystem) => None,
        Some(ecosystem) => Some((NoCoverage::NoFeed, ecosystem.to_string())),
        None => Some((NoCoverage::NoPublisher, called(distribution))),
    });
    counted_gaps(database, inventory, &inventory.components, gap.map(|gap| (gap, 0)).into_iter().collect())
}

/// Returns the same of some components.
pub(crate) fn uncovered_of<'a, B: AsRef<[u8]>>(
    database: &Database<B>,
    inventory: &Inventory,
    components: impl IntoIterator<Item = &'a Component>,
) -> Vec<Uncovered> {
    counted_gaps(database, inventory, components, BTreeMap::new())
}

type Gap = (NoCoverage, String);

/// Packages that are told by their names, by what keeps them from being checked.
#[derive(Default)]
struct Gaps(BTreeMap<Gap, Uncovered>);

impl Gaps {
    /// Counts a package, and tells it while there are few.
    fn add(&mut self, gap: Gap, name: &str, version: &str) {
        let none = |(because, ecosystem)| Uncovered { ecosystem, components: 0, because, first: Vec::new() };
        let uncovered = self.0.entry(gap.clone()).or_insert_with(|| none(gap));
        uncovered.components += 1;
        if uncovered.first.len() < UNCHECKED_TOLD_MAX {
            uncovered.first.push(format!("{name} {version}").trim_end().to_owned());
        }
    }
}

fn counted_gaps<'a, B: AsRef<[u8]>>(
    database: &Database<B>,
    inventory: &Inventory,
    components: impl IntoIterator<Item = &'a Component>,
    mut counts: BTreeMap<Gap, usize>,
) -> Vec<Uncovered> {
    let known: BTreeSet<&Ecosystem> = database.ecosystems().iter().collect();
    let system = matching::distribution_of(inventory);
    for component in components {
        let identities = matching::identities(component, system.as_deref());
        let gap = match identities.first() {
            Some(_) if identities.iter().any(|identity| known.contains(&identity.ecosystem)) => None,
            Some(identity) => Some((NoCoverage::NoFeed, identity.ecosystem.to_string())),
            None => unpublished(component, inventory.distribution.as_ref()),
        };
        if let Some(gap) = gap {
            *counts.entry(gap).or_default() += 1;
        }
    }
    let told = |((because, ecosystem), components)| Uncovered { ecosystem, components, because, first: Vec::new() };
    let mut uncovered: Vec<Uncovered> = counts.into_iter().map(told).collect();
    uncovered.sort_by_key(gravest_first);
    uncovered
}

fn gravest_first(uncovered: &Uncovered) -> impl Ord + use<> {
    std::cmp::Reverse((uncovered.is_grave(), uncovered.components))
}

/// Returns the packages of which the database speaks, and nobody knows whether it means their versions: those have no place in the order, or
/// are not stated.
fn unordered<B: AsRef<[u8]>>(database: &Database<B>, inventory: &Inventory) -> Result<Vec<Uncovered>, Corrupt> {
    let system = matching::distribution_of(inventory);
    let mut found = Gaps::default();
    for component in &inventory.components {
        let Some(identity) = matching::undecided(database, component, system.as_deref())? else { continue };
        let ecosystem = identity.ecosystem.to_string();
        let because = if identity.version.is_empty() { NoCoverage::NoVersion } else { NoCoverage::NoOrder };
        found.add((because, ecosystem), &component.name, &identity.version);
    }
    Ok(found.0.into_values().collect())
}

/// Returns those of some components of a document that says of no package from which source it was built, of which the database does not speak: their
/// distributions speak of source packages, which go by other names. Where a document says it of one, it leaves it out where the names are the same.
pub(crate) fn without_source<'a, B: AsRef<[u8]>>(
    database: &Database<B>,
    inventory: &Inventory,
    components: impl IntoIterator<Item = &'a Component>,
) -> Result<Vec<Uncovered>, Corrupt> {
    let is_built = |component: &&Component| matches!(component.package_type, PackageType::Deb | PackageType::Apk);
    let is_silent = matches!(inventory.subject, Subject::Document { .. })
        && inventory.components.iter().filter(is_built).all(|component| component.source.is_none());
    if !is_silent {
        return Ok(Vec::new());
    }
    let mut found = Gaps::default();
    let system = matching::distribution_of(inventory);
    for component in components.into_iter().filter(is_built) {
        let identities = matching::identities(component, system.as_deref());
        let Some(source) = identities.into_iter().find(|identity| identity.named == Named::Source) else { continue };
        let is_covered = database.ecosystems().contains(&source.ecosystem);
        if !is_covered || database.find_package(&source.ecosystem, &source.name)?.is_some() {
            continue;
        }
        found.add((NoCoverage::NoSource, source.ecosystem.to_string()), &component.name, &source.version);
    }
    Ok(found.0.into_values().collect())
}

/// Returns the artifacts of Maven that are known by their names alone, as archives often are, of those that the database speaks of in some group. One
/// that it speaks of in none has no advisory, whosever it is.
fn without_group<B: AsRef<[u8]>>(database: &Database<B>, inventory: &Inventory) -> Result<Option<Uncovered>, Corrupt> {
    let nameless = nameless(&inventory.components);
    if nameless.is_empty() {
        return Ok(None);
    }
    let mut spoken_of = Vec::new();
    for package in database.packages() {
        let (ecosystem, name) = database.package_name(&package?)?;
        spoken_of.extend((ecosystem.family == Family::Maven).then_some(name));
    }
    Ok(without_group_of(&nameless, spoken_of))
}

/// Returns those that share their name with one of some artifacts, `group:artifact`.
pub(crate) fn without_group_of<'a>(
    nameless: &[matching::Identity],
    artifacts: impl IntoIterator<Item = &'a str>,
) -> Option<Uncovered> {
    let named = artifacts.into_iter().filter_map(|package| package.rsplit_once(':'));
    let named: BTreeSet<&str> = named.map(|(_, artifact)| artifact).collect();
    let mut found = Gaps::default();
    for identity in nameless.iter().filter(|identity| named.contains(identity.name.as_str())) {
        found.add((NoCoverage::NoGroup, Family::Maven.as_str().to_owned()), &identity.name, &identity.version);
    }
    found.0.into_values().next()
}

/// Returns the artifacts of Maven without a group.
pub(crate) fn nameless<'a>(components: impl IntoIterator<Item = &'a Component>) -> Vec<matching::Identity> {
    let identities = components.into_iter().flat_map(|component| matching::identities(component, None));
    let is_nameless = |one: &matching::Identity| one.ecosystem.family == Family::Maven && !one.name.contains(':');
    identities.filter(is_nameless).collect()
}

/// Of what advisories could speak and do not: packages of a distribution, and of types that others read advisories of or that nobody knows. Other kinds
/// without an identity never have any.
fn unpublished(component: &Component, distribution: Option<&Distribution>) -> Option<Gap> {
    if !is_packaged(component) {
        let ty = component.purl.as_ref()?.purl_type();
        let name = ty.as_str();
        let is_known = ty.is_registered() || SILENT_TYPES.contains(&name) || Ecosystem::of_purl_type(name).is_some();
        let because = match is_known {
            true if UNREAD_TYPES.contains(&name) => NoCoverage::NoPublisher,
            true => return None,
            false => NoCoverage::UnknownType,
        };
        return Some((because, name.to_owned()));
    }
    // One whose packages are of another kind says nothing of these.
    let system = Distribution::of_package(component.purl.as_ref(), distribution);
    Some(match system.as_deref().filter(|distribution| Ecosystem::of_distribution(distribution).is_none()) {
        Some(distribution) => (NoCoverage::NoPublisher, called(distribution)),
        None => (NoCoverage::NoDistribution, component.package_type.purl_type().to_owned()),
    })
}

fn is_packaged(component: &Component) -> bool {
    matches!(component.package_type, PackageType::Deb | PackageType::Apk | PackageType::Rpm)
}

/// What people call a distribution.
pub(crate) fn called(distribution: &Distribution) -> String {
    let by_id = || {
        let version = distribution.version_id.as_deref().or(distribution.codename.as_deref()).unwrap_or_default();
        format!("{} {version}", distribution.id).trim().to_owned()
    };
    distribution.pretty_name.clone().unwrap_or_else(by_id)
}

fn dropped(repairs: &Repairs) -> Told<String> {
    let lost: Vec<String> =
        repairs.listed.iter().filter(|repair| repair.kind.loses()).map(ToString::to_string).collect();
    Told {
        // Of what is not listed nobody knows what it was.
        count: lost.len() + usize::try_from(repairs.unlisted).unwrap_or(usize::MAX),
        first: lost.into_iter().take(UNCHECKED_TOLD_MAX).collect(),
    }
}

/// Says that nothing was held against the advisories. Images may hold a program and nothing else.
pub(crate) fn lists_nothing(source: &Subject, components: usize) -> Option<String> {
    let words = match source {
        _ if components > 0 => return None,
        Subject::Image { .. } => return None,
        Subject::Document { .. } => "the document lists",
        Subject::Directory { .. } | Subject::File { .. } => "nothing in it names a package:",
    };
    Some(format!("{words} {}", counted(components, "component", "components")))
}
