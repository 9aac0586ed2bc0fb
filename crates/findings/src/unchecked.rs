//! What a report says nothing about: what nothing in the database speaks of, and what was not read.

use std::collections::{BTreeMap, BTreeSet};

use component::{Component, ComponentIndex, Distribution, Inventory, PackageType, Purl, Subject, Unknown};
use sbom::formats::Repairs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vulndb::file::{Corrupt, Database};
use vulndb::{Ecosystem, Family, Named, matching};

use crate::table::counted;

/// The most of each kind that are told one by one; the count is of all.
pub const UNCHECKED_TOLD_MAX: usize = 20;

/// How many of a kind are told in words; more are counted: JSON has them.
const SHOWN: usize = 3;

/// Types of purls that name no packages of which somebody publishes advisories by these names: anything (`generic`), what a host of sources, images or charts
/// has, a stream of RPMs. Three of them are in use and not registered.
const SILENT_TYPES: [&str; 9] = ["bitbucket", "docker", "generic", "git", "github", "gitlab", "helm", "oci", "rpmmod"];

/// What a report says nothing about, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// Where they are in the inventory, for documents that list them all. The report's own has no place for that.
    #[serde(skip)]
    pub(crate) places: Vec<ComponentIndex>,
}

/// Why nothing in a database is known to speak of packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
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
    /// The system says of which distribution it is, and nothing lists its packages: their database is gone.
    NoPackages,
    /// A document names them without a purl, so that nobody knows of which ecosystem they are.
    NoPurl,
}

impl NoCoverage {
    /// Returns the word that documents have: `no-feed`.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::NoFeed => "no-feed",
            Self::NoPublisher => "no-publisher",
            Self::UnknownType => "unknown-type",
            Self::NoDistribution => "no-distribution",
            Self::NoOrder => "no-order",
            Self::NoVersion => "no-version",
            Self::NoSource => "no-source",
            Self::NoGroup => "no-group",
            Self::NoPackages => "no-packages",
            Self::NoPurl => "no-purl",
        }
    }
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
            NoCoverage::NoPackages => format!("nothing lists the packages of {ecosystem}"),
            NoCoverage::NoPurl => "nothing says of which ecosystem these are, by purl or CPE".to_owned(),
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
        packages.extend(without_source(database, inventory, placed(inventory))?);
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

    /// Returns the packages that were not checked, in the order of the inventory, each with the gravest of why.
    pub(crate) fn packages_in<'a>(&self, inventory: &'a Inventory) -> Vec<(&'a Component, &Uncovered)> {
        let grave = self.packages.iter().filter(|uncovered| uncovered.is_grave());
        let by_place = grave.flat_map(|uncovered| uncovered.places.iter().map(move |place| (*place, uncovered)));
        // Of several the first stays.
        let mut all: BTreeMap<ComponentIndex, &Uncovered> = BTreeMap::new();
        for (place, uncovered) in by_place {
            all.entry(place).or_insert(uncovered);
        }
        let component = |place: ComponentIndex| inventory.components.get(usize::try_from(place.0).ok()?);
        all.into_iter().filter_map(|(place, uncovered)| Some((component(place)?, uncovered))).collect()
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

/// Returns the components of an inventory with their places.
fn placed(inventory: &Inventory) -> impl Iterator<Item = (ComponentIndex, &Component)> {
    (0_u32..).map(ComponentIndex).zip(&inventory.components)
}

/// Returns of which packages of an inventory nothing in a database speaks: also of those of its distribution, none of which may have been found.
pub(crate) fn uncovered<B: AsRef<[u8]>>(database: &Database<B>, inventory: &Inventory) -> Vec<Uncovered> {
    // A document lists what its maker looked for, which need not be the packages of the system that it names.
    let is_looked_for = !matches!(inventory.subject, Subject::Document { .. });
    let own = inventory.distribution.as_ref().filter(|_| is_looked_for);
    let is_listed = inventory.components.iter().any(is_packaged);
    let gap = own.and_then(|distribution| match Ecosystem::of_distribution(distribution) {
        Some(ecosystem) if database.ecosystems().contains(&ecosystem) => {
            (!is_listed && !inventory.components.is_empty()).then(|| (NoCoverage::NoPackages, ecosystem.to_string()))
        }
        Some(ecosystem) => Some((NoCoverage::NoFeed, ecosystem.to_string())),
        None => Some((NoCoverage::NoPublisher, called(distribution))),
    });
    let mut found = Gaps::default();
    if let Some(gap) = gap {
        found.at(gap);
    }
    counted_gaps(database, inventory, placed(inventory), found)
}

/// Returns the same of some components.
pub(crate) fn uncovered_of<'a, B: AsRef<[u8]>>(
    database: &Database<B>,
    inventory: &Inventory,
    components: impl IntoIterator<Item = (ComponentIndex, &'a Component)>,
) -> Vec<Uncovered> {
    counted_gaps(database, inventory, components, Gaps::default())
}

type Gap = (NoCoverage, String);

/// Packages by what keeps them from being checked.
#[derive(Default)]
struct Gaps(BTreeMap<Gap, Uncovered>);

impl Gaps {
    fn at(&mut self, gap: Gap) -> &mut Uncovered {
        let (because, ecosystem) = gap.clone();
        let none = || Uncovered { ecosystem, components: 0, because, first: Vec::new(), places: Vec::new() };
        self.0.entry(gap).or_insert_with(none)
    }

    /// Counts a package.
    fn count(&mut self, gap: Gap, place: ComponentIndex) -> &mut Uncovered {
        let uncovered = self.at(gap);
        uncovered.components += 1;
        uncovered.places.push(place);
        uncovered
    }

    /// Counts a package, and tells it while there are few.
    fn tell(&mut self, gap: Gap, place: ComponentIndex, name: &str, version: &str) {
        let uncovered = self.count(gap, place);
        if uncovered.first.len() < UNCHECKED_TOLD_MAX {
            uncovered.first.push(format!("{name} {version}").trim_end().to_owned());
        }
    }
}

fn counted_gaps<'a, B: AsRef<[u8]>>(
    database: &Database<B>,
    inventory: &Inventory,
    components: impl IntoIterator<Item = (ComponentIndex, &'a Component)>,
    mut found: Gaps,
) -> Vec<Uncovered> {
    let known: BTreeSet<&Ecosystem> = database.ecosystems().iter().collect();
    let system = matching::distribution_of(inventory);
    let is_document = matches!(inventory.subject, Subject::Document { .. });
    for (place, component) in components {
        if is_document && is_unidentified(component) {
            let gap = (NoCoverage::NoPurl, PackageType::Unknown.name().to_owned());
            found.tell(gap, place, &component.name, component.version.as_deref().unwrap_or_default());
            continue;
        }
        let identities = matching::identities(component, system.as_deref());
        let gap = match identities.first() {
            Some(_) if identities.iter().any(|identity| known.contains(&identity.ecosystem)) => None,
            Some(identity) => Some((NoCoverage::NoFeed, identity.ecosystem.to_string())),
            None => unpublished(component, inventory.distribution.as_ref()),
        };
        if let Some(gap) = gap {
            found.count(gap, place);
        }
    }
    let mut uncovered: Vec<Uncovered> = found.0.into_values().collect();
    uncovered.sort_by_key(gravest_first);
    uncovered
}

/// Tells whether a document says nothing of a package but its name and version. What it says to be something else than a package, as the lockfile that
/// packages stand in, is none.
fn is_unidentified(component: &Component) -> bool {
    component.package_type == PackageType::Unknown
        && component.purl.is_none()
        && component.cpes.is_empty()
        && !component.properties.contains_key(sbom::formats::DOCUMENT_KIND)
}

fn gravest_first(uncovered: &Uncovered) -> impl Ord + use<> {
    std::cmp::Reverse((uncovered.is_grave(), uncovered.components))
}

/// Returns the packages of which the database speaks, and nobody knows whether it means their versions: those have no place in the order, or
/// are not stated.
fn unordered<B: AsRef<[u8]>>(database: &Database<B>, inventory: &Inventory) -> Result<Vec<Uncovered>, Corrupt> {
    let system = matching::distribution_of(inventory);
    let mut found = Gaps::default();
    for (place, component) in placed(inventory) {
        let Some(identity) = matching::undecided(database, component, system.as_deref())? else { continue };
        let ecosystem = identity.ecosystem.to_string();
        let because = if identity.version.is_empty() { NoCoverage::NoVersion } else { NoCoverage::NoOrder };
        found.tell((because, ecosystem), place, &component.name, &identity.version);
    }
    Ok(found.0.into_values().collect())
}

/// Returns those of some components of which a document does not say from which source they were built, of which the database does not speak: their
/// distributions speak of source packages, which go by other names. A document that names another one for some package leaves it out where the names are
/// the same.
pub(crate) fn without_source<'a, B: AsRef<[u8]>>(
    database: &Database<B>,
    inventory: &Inventory,
    components: impl IntoIterator<Item = (ComponentIndex, &'a Component)>,
) -> Result<Vec<Uncovered>, Corrupt> {
    let is_built = |component: &&Component| matches!(component.package_type, PackageType::Deb | PackageType::Apk);
    let is_silent = matches!(inventory.subject, Subject::Document { .. })
        && inventory.components.iter().filter(is_built).all(|component| component.other_source().is_none());
    if !is_silent {
        return Ok(Vec::new());
    }
    let mut found = Gaps::default();
    let system = matching::distribution_of(inventory);
    let is_unnamed = |component: &&Component| is_built(component) && component.source.is_none();
    for (place, component) in components.into_iter().filter(|(_, component)| is_unnamed(component)) {
        let identities = matching::identities(component, system.as_deref());
        let Some(source) = identities.into_iter().find(|identity| identity.named == Named::Source) else { continue };
        let is_covered = database.ecosystems().contains(&source.ecosystem);
        if !is_covered || database.find_package(&source.ecosystem, &source.name)?.is_some() {
            continue;
        }
        found.tell((NoCoverage::NoSource, source.ecosystem.to_string()), place, &component.name, &source.version);
    }
    Ok(found.0.into_values().collect())
}

/// Returns the artifacts of Maven that are known by their names alone, as archives often are, of those that the database speaks of in some group. One
/// that it speaks of in none has no advisory, whosever it is.
fn without_group<B: AsRef<[u8]>>(database: &Database<B>, inventory: &Inventory) -> Result<Option<Uncovered>, Corrupt> {
    let nameless = nameless(placed(inventory));
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
    nameless: &[(ComponentIndex, matching::Identity)],
    artifacts: impl IntoIterator<Item = &'a str>,
) -> Option<Uncovered> {
    let named = artifacts.into_iter().filter_map(|package| package.rsplit_once(':'));
    let named: BTreeSet<&str> = named.map(|(_, artifact)| artifact).collect();
    let mut found = Gaps::default();
    for (place, identity) in nameless.iter().filter(|(_, identity)| named.contains(identity.name.as_str())) {
        let gap = (NoCoverage::NoGroup, Family::Maven.as_str().to_owned());
        found.tell(gap, *place, &identity.name, &identity.version);
    }
    found.0.into_values().next()
}

/// Returns the artifacts of Maven without a group.
pub(crate) fn nameless<'a>(
    components: impl IntoIterator<Item = (ComponentIndex, &'a Component)>,
) -> Vec<(ComponentIndex, matching::Identity)> {
    let identities = components.into_iter().flat_map(|(place, component)| {
        matching::identities(component, None).into_iter().map(move |identity| (place, identity))
    });
    let is_nameless = |one: &matching::Identity| one.ecosystem.family == Family::Maven && !one.name.contains(':');
    identities.filter(|(_, identity)| is_nameless(identity)).collect()
}

/// Of what advisories could speak and do not: packages of a distribution, and of every type of purl but those that name none. What has no purl never has any.
fn unpublished(component: &Component, distribution: Option<&Distribution>) -> Option<Gap> {
    if !is_packaged(component) {
        let ty = component.purl.as_ref()?.purl_type();
        let name = ty.as_str();
        if SILENT_TYPES.contains(&name) || Ecosystem::of_purl_type(name).is_some() {
            return None;
        }
        let because = if ty.is_registered() { NoCoverage::NoPublisher } else { NoCoverage::UnknownType };
        return Some((because, name.to_owned()));
    }
    // One whose packages are of another kind says nothing of these.
    let system = Distribution::of_package(component.purl.as_ref(), distribution);
    Some(match system.as_deref().filter(|distribution| Ecosystem::of_distribution(distribution).is_none()) {
        Some(distribution) => (NoCoverage::NoPublisher, called(distribution)),
        None => (NoCoverage::NoDistribution, component.package_type.purl_type().to_owned()),
    })
}

pub(crate) fn is_packaged(component: &Component) -> bool {
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

/// Says what may hide packages: what was not read, or all of what names none.
pub(crate) fn hidden(inventory: &Inventory) -> Vec<String> {
    let unread = inventory.unknowns.iter().filter(|unknown| sbom::hides_packages(unknown));
    let unread = unread.map(|unknown| format!("not read, or not to its end: {}", place(unknown)));
    let nothing = lists_nothing(&inventory.subject, inventory.components.len());
    unread.take(UNCHECKED_TOLD_MAX).chain(nothing).collect()
}

/// Says that nothing was held against the advisories.
pub(crate) fn lists_nothing(source: &Subject, components: usize) -> Option<String> {
    let words = match source {
        _ if components > 0 => return None,
        Subject::Document { .. } => "the document lists",
        Subject::Image { .. } | Subject::Directory { .. } | Subject::File { .. } => "nothing in it names a package:",
    };
    Some(format!("{words} {}", counted(components, "component", "components")))
}
