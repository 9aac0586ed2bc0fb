//! Which vulnerabilities a component has: by its publisher's rules, with the reason for each yes and each no.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use component::{Code, Component, Distribution, Inventory, Node, PackageType, Purl, Relation, Technique, Version};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cpe::Name;
use crate::cvss::{self, Score};
use crate::file::{AdvisoryIndex, Corrupt, Database, PackageEntry, Statement, VulnerabilityIndex};
use crate::surroundings::{find_system, may_have_one};
use crate::{Channel, Ecosystem, End, Family, Fix, Interval, Level, Named, Nature, Rating, Severity, Verdict};

pub use crate::surroundings::{distribution_of, needed_of, other_systems};

/// Raised with each change after which the same database says something else of the same component.
pub const MATCHER_VERSION: u32 = 14;

/// The name under which, and the version by which, advisories speak of a component.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// Whose package.
    pub ecosystem: Ecosystem,
    /// Its canonical name there.
    pub name: String,
    /// The version that is compared; empty where none is stated, of which only what is said of all versions is known to be meant.
    pub version: String,
    /// What the name names.
    pub named: Named,
    /// What is known of the version's epoch.
    pub epoch: Epoch,
}

/// What is known of the epoch of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Epoch {
    /// The version is stated with it, or has none.
    Stated,
    /// The version is that of a source RPM, whose file name leaves it out, or of a note in a program, which is written without: no epoch is compared, since
    /// every version is older than one with an epoch.
    Unstated,
}

impl Identity {
    /// Returns the version as bounds are held against it; none where it has no place in the order.
    pub fn ordered(&self) -> Option<Version<'_>> {
        // What `latest` or `unknown` is newer than cannot be told, and the order of products' versions would take either.
        let is_numbered = self.ecosystem.family != Family::Cpe
            || self.version.trim_start_matches('v').starts_with(|first: char| first.is_ascii_digit());
        let scheme = self.ecosystem.family.scheme().filter(|_| is_numbered && !self.version.is_empty())?;
        let version = Version::parse(scheme, &self.version).ok()?;
        Some(match self.epoch {
            Epoch::Stated => version,
            Epoch::Unstated => version.without_epoch(),
        })
    }
}

/// Returns the identities of a component: of a distribution's package both that of the binary and that of the source package;
/// of a program that belongs to no package manager the products that the evidence names.
/// None, when nobody publishes advisories for it.
pub fn identities(component: &Component, distribution: Option<&Distribution>) -> Vec<Identity> {
    match component.package_type {
        PackageType::Deb | PackageType::Apk | PackageType::Rpm => packaged(component, distribution),
        PackageType::Binary | PackageType::Unknown => match &component.purl {
            Some(purl) if purl.ty() != "generic" => Ecosystem::of_purl_type(purl.ty())
                .and_then(|ecosystem| published(component, ecosystem))
                .into_iter()
                .collect(),
            _ => products(component),
        },
        of_language => Ecosystem::of_package_type(of_language)
            .and_then(|ecosystem| published(component, ecosystem))
            .into_iter()
            .collect(),
    }
}

/// Returns the version of a component; what is only asked for has none.
fn stated_version(component: &Component) -> &str {
    component.version.as_deref().unwrap_or_default()
}

fn published(component: &Component, ecosystem: Ecosystem) -> Option<Identity> {
    let purl = component.purl.as_ref();
    if ecosystem.family == Family::CratesIo && !purl.is_none_or(is_of_crates_io) {
        return None;
    }
    let name = match purl {
        Some(purl) => ecosystem.name_of_purl(purl),
        None => ecosystem.canonical_name(&component.name),
    };
    let version = published_version(ecosystem.family, &name, stated_version(component)).into_owned();
    Some(Identity { ecosystem, name, version, named: Named::Binary, epoch: Epoch::Stated })
}

/// `RustSec` speaks of the crates of crates.io: another registry's, and what a repository holds, may go by their names.
fn is_of_crates_io(purl: &Purl) -> bool {
    const ADDRESSES: [&str; 4] =
        ["crates.io", "index.crates.io", "static.crates.io", "github.com/rust-lang/crates.io-index"];
    let is_there = |address: &str| {
        let place = address.split_once("://").map_or(address, |(_, place)| place);
        ADDRESSES.contains(&place.trim_end_matches('/'))
    };
    purl.qualifier("vcs_url").is_none() && purl.qualifier("repository_url").is_none_or(is_there)
}

/// The version as advisories write it: [`Scheme::version_of`](component::Scheme::version_of) what is stated, and Bitnami's builds of one version,
/// `7.0.5-3`, are not told apart.
fn published_version<'a>(family: Family, name: &str, version: &'a str) -> Cow<'a, str> {
    match (family, version.rsplit_once('-')) {
        (Family::Bitnami, Some((version, build)))
            if !build.is_empty() && build.bytes().all(|byte| byte.is_ascii_digit()) =>
        {
            Cow::Borrowed(version)
        }
        _ => family.scheme().map_or(Cow::Borrowed(version), |scheme| scheme.version_of(name, version)),
    }
}

fn packaged(component: &Component, distribution: Option<&Distribution>) -> Vec<Identity> {
    let own = Distribution::of_package(component.purl.as_ref(), distribution)
        .and_then(|system| Ecosystem::of_distribution(&system));
    let Some(ecosystem) = own.filter(|own| own.family.has_packages_of(component.package_type)) else {
        return Vec::new();
    };
    let full_version = with_epoch(component, stated_version(component));
    let is_without = is_of_note(component) && !full_version.contains(':');
    let own_epoch = if is_without { Epoch::Unstated } else { Epoch::Stated };
    let source = component.source.as_ref();
    let built_from = source.and_then(|source| unsigned_kernel(ecosystem.family, &source.name));
    // What signs a kernel has versions of its own; its binaries have the kernel's.
    let stated = source.filter(|_| built_from.is_none()).and_then(|source| source.version.as_deref());
    let (source_version, epoch) = match stated {
        Some(stated) => source_version(component.package_type, stated, &full_version),
        None => (full_version.as_str(), own_epoch),
    };
    let source_version = source_version.to_owned();
    let source_name =
        built_from.unwrap_or_else(|| source.map_or_else(|| component.name.clone(), |source| source.name.clone()));
    vec![
        Identity {
            name: ecosystem.canonical_name(&component.name),
            ecosystem: ecosystem.clone(),
            version: full_version,
            named: Named::Binary,
            epoch: own_epoch,
        },
        Identity {
            name: ecosystem.canonical_name(&source_name),
            ecosystem,
            version: source_version,
            named: Named::Source,
            epoch,
        },
    ]
}

/// Tells whether a package is known by the note that was linked into a program of it: its version is that of the spec file, without an epoch
/// (systemd's "Package Metadata for Executable Files").
pub fn is_of_note(component: &Component) -> bool {
    component.package_type == PackageType::Rpm && component.technique == Technique::Binary
}

/// Returns the version of a source package by what is stated of it. The file name of a source RPM states no epoch; that of a binary package with the
/// same version and release is the source's.
fn source_version<'a>(package_type: PackageType, stated: &'a str, binary: &'a str) -> (&'a str, Epoch) {
    let without_epoch = binary.split_once(':').map_or(binary, |(_, rest)| rest);
    match package_type {
        PackageType::Rpm if stated == without_epoch => (binary, Epoch::Stated),
        PackageType::Rpm if !stated.contains(':') => (stated, Epoch::Unstated),
        _ => (stated, Epoch::Stated),
    }
}

/// Debian and Ubuntu sign their kernels by source packages of their own, of which no tracker speaks: `linux-signed-amd64` and
/// `linux-signed-hwe-5.15` put signatures to what `linux` and `linux-hwe-5.15` build. Returns the source package of the kernel.
fn unsigned_kernel(family: Family, source: &str) -> Option<String> {
    const ARCHITECTURES: [&str; 3] = ["-amd64", "-arm64", "-i386"];
    let flavor = source.strip_prefix("linux-signed")?;
    if !matches!(family, Family::Debian | Family::Ubuntu) || !(flavor.is_empty() || flavor.starts_with('-')) {
        return None;
    }
    let flavor = ARCHITECTURES.iter().find_map(|architecture| flavor.strip_suffix(architecture)).unwrap_or(flavor);
    Some(format!("linux{flavor}"))
}

/// Only names that the evidence holds count: guesses from a package's name are what makes CPE wrong so often.
fn products(component: &Component) -> Vec<Identity> {
    let mut found: Vec<Identity> = Vec::new();
    for name in component.cpes.iter().filter_map(|text| Name::parse(text)).filter(|name| name.part == "a") {
        let stated = || Some(stated_version(component).to_owned()).filter(|version| !version.is_empty());
        let Some(version) = name.versions().into_iter().next().or_else(stated) else { continue };
        let ecosystem = Ecosystem::new(Family::Cpe);
        let identity =
            Identity { ecosystem, name: name.product(), version, named: Named::Binary, epoch: Epoch::Stated };
        if !found.contains(&identity) {
            found.push(identity);
        }
    }
    found
}

/// Other tools keep an RPM's epoch in the purl alone.
fn with_epoch(component: &Component, version: &str) -> String {
    let epoch = component.purl.as_ref().and_then(|purl| purl.qualifier("epoch"));
    match epoch {
        Some(epoch) if component.package_type == PackageType::Rpm && !version.is_empty() && !version.contains(':') => {
            format!("{epoch}:{version}")
        }
        _ => version.to_owned(),
    }
}

/// What a statement says of a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It speaks of this version; the interval that holds it, unless it is named by itself or all versions are meant.
    Meant(Option<usize>),
    /// It does not, for this reason.
    NotMeant(Reason),
}

impl Outcome {
    /// Tells whether the statement is about something else than the package, of whatever version.
    fn is_of_another(&self) -> bool {
        match self {
            Self::Meant(_) => false,
            Self::NotMeant(reason) => match reason {
                Reason::OtherKind
                | Reason::Architecture
                | Reason::Module
                | Reason::Channel
                | Reason::Surroundings
                | Reason::Withdrawn => true,
                Reason::Outside | Reason::Branch | Reason::Version(_) | Reason::Unversioned | Reason::Bound => false,
            },
        }
    }
}

/// Why a statement does not speak of a component.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// The version lies in no interval.
    #[error("the version lies outside of the ranges")]
    Outside,
    /// The version is a branch of a package of Composer, which lies in no interval.
    #[error("a branch lies in no range")]
    Branch,
    /// It is about source packages of that name, or about binary ones, and this is the other.
    #[error("it is about another kind of package of that name")]
    OtherKind,
    /// It is about other architectures.
    #[error("it is about other architectures")]
    Architecture,
    /// It is about another stream of a module, or about packages of no module.
    #[error("it is about another module")]
    Module,
    /// It is about builds that this is none of.
    #[error("it is about builds of another channel")]
    Channel,
    /// It is about other operating systems, or about what is made for other software.
    #[error("it is about other operating systems or software")]
    Surroundings,
    /// The component's version has no place in the order.
    #[error("the version `{0}` cannot be ordered")]
    Version(String),
    /// The component's version is not stated, and not all versions are meant.
    #[error("the version is not stated")]
    Unversioned,
    /// A bound of the statement has no place in the order.
    #[error("a bound of the ranges cannot be ordered")]
    Bound,
    /// The advisory was withdrawn.
    #[error("the advisory was withdrawn")]
    Withdrawn,
}

/// Holds a statement against a component, on the system that it was found on.
pub fn judge(
    statement: &Statement<'_>,
    component: &Component,
    distribution: Option<&Distribution>,
    identity: &Identity,
) -> Outcome {
    let qualifiers = &statement.qualifiers;
    if statement.named != identity.named {
        return Outcome::NotMeant(Reason::OtherKind);
    }
    let architecture = component.architecture.as_deref();
    if !qualifiers.architectures.is_empty()
        && architecture
            .is_some_and(|own| !qualifiers.architectures.iter().any(|meant| is_same_architecture(meant, own)))
    {
        return Outcome::NotMeant(Reason::Architecture);
    }
    if !is_of_module(statement, component, &identity.version) {
        return Outcome::NotMeant(Reason::Module);
    }
    if qualifiers.channel == Channel::Fips && !identity.version.to_ascii_lowercase().contains("fips") {
        return Outcome::NotMeant(Reason::Channel);
    }
    let is_here = may_have_one(&qualifiers.runs_on, distribution)
        && qualifiers.target_software.as_deref().is_none_or(|target| is_for(target, component, distribution, identity));
    if !is_here {
        return Outcome::NotMeant(Reason::Surroundings);
    }
    let is_of_all = statement.intervals.is_empty() && statement.versions.is_empty();
    if is_of_all || statement.versions.contains(&identity.version.as_str()) {
        return Outcome::Meant(None);
    }
    // One that cannot be ordered lies in that interval too.
    if let Some(index) = statement.intervals.iter().position(|interval| *interval == Interval::ALL) {
        return Outcome::Meant(Some(index));
    }
    if identity.version.is_empty() {
        return Outcome::NotMeant(Reason::Unversioned);
    }
    // Where nobody says how versions are ordered, those that are listed are all that is said if there are no bounds.
    if statement.intervals.is_empty() && identity.ecosystem.family.scheme().is_none() {
        return Outcome::NotMeant(Reason::Outside);
    }
    let Some(version) = identity.ordered() else {
        return Outcome::NotMeant(Reason::Version(identity.version.clone()));
    };
    match in_intervals(&statement.intervals, &version) {
        Outcome::NotMeant(_) if is_listed(&statement.versions, &version) => Outcome::Meant(None),
        outcome => outcome,
    }
}

fn in_intervals(intervals: &[Interval<&str>], version: &Version<'_>) -> Outcome {
    let mut reason = if version.is_branch() && !intervals.is_empty() { Reason::Branch } else { Reason::Outside };
    for (index, interval) in intervals.iter().enumerate() {
        match interval.contains(version) {
            Ok(true) => return Outcome::Meant(Some(index)),
            Ok(false) => {}
            Err(_) => reason = Reason::Bound,
        }
    }
    Outcome::NotMeant(reason)
}

/// Tells whether a version is one of those that are listed, by the rules of its ecosystem: `v1.0` is `1.0.0` where these say so.
fn is_listed(versions: &[&str], version: &Version<'_>) -> bool {
    let is_it = |listed: Version<'_>| version.order_by_bound(&listed).is_some_and(Ordering::is_eq);
    versions.iter().any(|listed| Version::parse(version.scheme(), listed).is_ok_and(is_it))
}

/// Tells whether a component is made for some software. Programs are made for none but the operating system, unless their own
/// name says so.
fn is_for(target: &str, component: &Component, distribution: Option<&Distribution>, identity: &Identity) -> bool {
    if let Some(system) = find_system(target) {
        return may_have_one(&[system.to_owned()], distribution);
    }
    if target == JRUBY {
        return may_be_for_jruby(component);
    }
    let names_it = |text: &String| {
        Name::parse(text).is_some_and(|name| name.product() == identity.name && name.target_software() == Some(target))
    };
    identity.ecosystem.family != Family::Cpe || component.cpes.iter().any(names_it)
}

/// The interpreter of Ruby for which some gems are built apart.
pub const JRUBY: &str = "jruby";

/// Gems for `JRuby` are built for `java`, as their purls or versions say, or lie among its files. What says neither is of the platform `ruby`
/// (package-url, "gem": the default of `platform`).
fn may_be_for_jruby(component: &Component) -> bool {
    let platform = component.purl.as_ref().and_then(|purl| purl.qualifier("platform"));
    match platform {
        Some(platform) => platform == "java",
        None => {
            component.name.starts_with(JRUBY) || stated_version(component).ends_with("-java") || is_in_jruby(component)
        }
    }
}

/// Tells whether a gem lies among the files of `JRuby`: all that matching asks of where a component lies.
pub fn is_in_jruby(component: &Component) -> bool {
    component.package_type == PackageType::Gem
        && component.locations.iter().any(|location| location.path.contains(JRUBY))
}

fn is_same_architecture(meant: &str, own: &str) -> bool {
    let canonical = |name: &str| match name {
        "x86_64" => "amd64".to_owned(),
        "aarch64" => "arm64".to_owned(),
        "x86" | "i386" | "i486" | "i586" | "i686" => "386".to_owned(),
        other => other.to_ascii_lowercase(),
    };
    own == "noarch" || own == "all" || canonical(meant) == canonical(own)
}

/// Modularity of RPM distributions: builds of a module's streams go by the same names and do not replace each other.
fn is_of_module(statement: &Statement<'_>, component: &Component, version: &str) -> bool {
    let Some(module) = statement.qualifiers.module.as_deref() else {
        // A publisher without labels tells a module's builds by their release alone.
        let is_module_fix = statement.intervals.iter().any(|interval| match interval.end {
            End::Fixed(bound) => is_module_build(bound),
            _ => false,
        });
        return component.package_type != PackageType::Rpm || !is_module_fix || is_module_build(version);
    };
    match component.module.as_deref() {
        _ if module.is_empty() => component.module.is_none() && !is_module_build(version),
        Some(label) => label.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with(':')),
        // Many tools leave the label out; a module's build without one may be of this stream.
        None => is_module_build(version),
    }
}

fn is_module_build(version: &str) -> bool {
    version.contains(".module_") || version.contains(".module+")
}

/// A vulnerability of a component, and what says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which.
    pub vulnerability: VulnerabilityIndex,
    /// What kind of statement makes it one: the worst of all.
    pub nature: Nature,
    /// Whether it is certain.
    pub certainty: Certainty,
    /// The statements that say so, in the order of their advisories.
    pub hits: Vec<Hit>,
    /// Why it does not count, if it does not.
    pub suppression: Option<Suppression>,
}

/// Whether a finding is certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Certainty {
    /// A publisher says that this version is affected.
    Affected,
    /// A publisher says that nobody knows yet.
    UnderInvestigation,
}

/// A statement that speaks of a component's version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Whose it is.
    pub advisory: AdvisoryIndex,
    /// The identity that it speaks of.
    pub identity: Identity,
    /// The first version that mends it, if one does.
    pub fixed: Option<String>,
    /// What is said about mending.
    pub fix: Fix,
    /// Where the fix is to be had.
    pub channel: Channel,
    /// How severe it is for this package, where that is said apart.
    pub severities: Vec<Severity>,
}

/// Why a finding does not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Suppression {
    /// By its own file list the package carries nothing that runs.
    NoCode,
    /// Its publisher says that this version is not affected.
    NotAffected(AdvisoryIndex),
    /// The distribution's package that installed it is what the distribution speaks of.
    Owned {
        /// The place of that package among the components.
        owner: component::ComponentIndex,
    },
}

/// Returns the vulnerabilities of one component, in order: what is a question of the component and its distribution alone.
pub fn match_component<B: AsRef<[u8]>>(
    database: &Database<B>,
    component: &Component,
    distribution: Option<&Distribution>,
) -> Result<Vec<Finding>, Corrupt> {
    let mut said: BTreeMap<VulnerabilityIndex, Said> = BTreeMap::new();
    for identity in identities(component, distribution) {
        let Some(package) = database.find_package(&identity.ecosystem, &identity.name)? else { continue };
        let mut is_of_other_builds = false;
        for statement in database.statements(&package)? {
            let statement = statement?;
            let outcome = judge(&statement, component, distribution, &identity);
            let is_meant = matches!(outcome, Outcome::Meant(_));
            is_of_other_builds |= is_meant && is_about_other_builds(&statement, &identity);
            if !is_meant && !is_mended_in_channel(&statement, &identity, &outcome) {
                continue;
            }
            let head = database.advisory(statement.advisory)?;
            if head.withdrawn.is_some() {
                continue;
            }
            for vulnerability in &head.vulnerabilities {
                let said = said.entry(*vulnerability).or_default();
                match (statement.verdict, is_meant) {
                    (_, false) | (Verdict::NotAffected, true) => {
                        said.clearing = said.clearing.or(Some(statement.advisory));
                    }
                    (Verdict::Affected(fix), true) => {
                        said.hits.push((Certainty::Affected, head.nature, hit(&statement, &outcome, &identity, fix)));
                    }
                    (Verdict::UnderInvestigation, true) => {
                        let hit = hit(&statement, &outcome, &identity, Fix::AsStated);
                        said.hits.push((Certainty::UnderInvestigation, head.nature, hit));
                    }
                }
            }
        }
        if is_of_other_builds {
            for vulnerability in mended_for_all(database, &package, component, distribution, &identity)? {
                if let Some(said) = said.get_mut(&vulnerability) {
                    said.hits
                        .retain(|(.., hit)| hit.identity != identity || is_of_channel(hit.channel, &identity.version));
                }
            }
        }
    }
    let has_no_code = component.code == Code::Absent;
    Ok(said.into_iter().filter_map(|(vulnerability, said)| said.finding(vulnerability, has_no_code)).collect())
}

/// Returns the identity of a component by which statements speak of it that cannot be held against its version, which is not stated or has no
/// place in the order: whether it has what they speak of nobody knows.
pub fn undecided<B: AsRef<[u8]>>(
    database: &Database<B>,
    component: &Component,
    distribution: Option<&Distribution>,
) -> Result<Option<Identity>, Corrupt> {
    for identity in identities(component, distribution).into_iter().filter(|identity| identity.ordered().is_none()) {
        let Some(package) = database.find_package(&identity.ecosystem, &identity.name)? else { continue };
        for statement in database.statements(&package)? {
            let statement = statement?;
            let outcome = judge(&statement, component, distribution, &identity);
            if matches!(outcome, Outcome::NotMeant(Reason::Version(_) | Reason::Unversioned))
                && database.advisory(statement.advisory)?.withdrawn.is_none()
            {
                return Ok(Some(identity));
            }
        }
    }
    Ok(None)
}

/// What publishers say of one vulnerability in one component.
#[derive(Default)]
struct Said {
    hits: Vec<(Certainty, Nature, Hit)>,
    clearing: Option<AdvisoryIndex>,
}

impl Said {
    fn finding(self, vulnerability: VulnerabilityIndex, has_no_code: bool) -> Option<Finding> {
        let certainty = self.hits.iter().map(|(certainty, ..)| *certainty).min()?;
        let nature = self.hits.iter().map(|(_, nature, _)| *nature).min()?;
        let suppression = match self.clearing {
            Some(advisory) => Some(Suppression::NotAffected(advisory)),
            None if has_no_code => Some(Suppression::NoCode),
            None => None,
        };
        let hits: BTreeSet<Hit> = self.hits.into_iter().map(|(.., hit)| hit).collect();
        Some(Finding { vulnerability, nature, certainty, hits: hits.into_iter().collect(), suppression })
    }
}

fn hit(statement: &Statement<'_>, outcome: &Outcome, identity: &Identity, fix: Fix) -> Hit {
    let interval = match outcome {
        Outcome::Meant(Some(index)) => statement.intervals.get(*index),
        _ => None,
    };
    let fixed = interval.and_then(|interval| match interval.end {
        End::Fixed(version) => Some(version.to_owned()),
        _ => None,
    });
    Hit {
        advisory: statement.advisory,
        identity: identity.clone(),
        fixed,
        fix,
        channel: statement.qualifiers.channel,
        severities: statement.severities.clone(),
    }
}

/// Tells whether a statement about a channel clears a version because that is a build of the channel and no longer in the
/// ranges.
pub fn is_mended_in_channel(statement: &Statement<'_>, identity: &Identity, outcome: &Outcome) -> bool {
    is_marked(statement.qualifiers.channel)
        && matches!(statement.verdict, Verdict::Affected(_))
        && *outcome == Outcome::NotMeant(Reason::Outside)
        && is_of_channel(statement.qualifiers.channel, &identity.version)
}

/// Returns the vulnerabilities of which a build that everybody gets is mended by what everybody gets. What a channel says of its own
/// builds, which have other versions, then says nothing of it.
pub fn mended_for_all<B: AsRef<[u8]>>(
    database: &Database<B>,
    package: &PackageEntry,
    component: &Component,
    distribution: Option<&Distribution>,
    identity: &Identity,
) -> Result<BTreeSet<VulnerabilityIndex>, Corrupt> {
    let mut mended = BTreeSet::new();
    for statement in database.statements(package)? {
        let statement = statement?;
        let outcome = judge(&statement, component, distribution, identity);
        if is_mended_for_all(&statement, identity, &outcome) {
            let head = database.advisory(statement.advisory)?;
            mended.extend(head.vulnerabilities.iter().filter(|_| head.withdrawn.is_none()));
        }
    }
    Ok(mended)
}

/// Tells whether a statement about what everybody gets says that a version is mended which is a build of no channel.
pub fn is_mended_for_all(statement: &Statement<'_>, identity: &Identity, outcome: &Outcome) -> bool {
    let is_of_one = || [Channel::Esm, Channel::Fips].iter().any(|channel| is_of_channel(*channel, &identity.version));
    statement.qualifiers.channel == Channel::Main
        && matches!(statement.verdict, Verdict::Affected(_))
        && *outcome == Outcome::NotMeant(Reason::Outside)
        && !is_of_one()
}

/// Tells whether a statement is about a channel that a version is no build of.
pub fn is_about_other_builds(statement: &Statement<'_>, identity: &Identity) -> bool {
    !is_of_channel(statement.qualifiers.channel, &identity.version)
}

/// Tells whether a channel's builds are marked in their versions: SUSE's go on counting.
fn is_marked(channel: Channel) -> bool {
    !matches!(channel, Channel::Main | Channel::Ltss)
}

/// Ubuntu marks builds of its extended maintenance in their versions.
fn is_of_channel(channel: Channel, version: &str) -> bool {
    match channel {
        Channel::Main | Channel::Ltss => true,
        Channel::Esm | Channel::EsmInfra | Channel::EsmApps => version.contains("esm"),
        Channel::Fips => version.to_ascii_lowercase().contains("fips"),
    }
}

/// Returns the findings of every component of an inventory, by its place.
///
/// Here the distribution's word is put above others': of a language's package that a package of the distribution installed, what
/// the distribution speaks of is told with that package, and what it says is not so does not count.
pub fn match_inventory<B: AsRef<[u8]>>(
    database: &Database<B>,
    inventory: &Inventory,
) -> Result<Vec<(component::ComponentIndex, Vec<Finding>)>, Corrupt> {
    let distribution = distribution_of(inventory);
    let distribution = distribution.as_deref();
    let mut all = Vec::new();
    for (index, component) in (0_u32..).zip(&inventory.components) {
        let findings = match_component(database, component, distribution)?;
        if !findings.is_empty() {
            all.push((component::ComponentIndex(index), findings));
        }
    }
    let owners: BTreeMap<component::ComponentIndex, component::ComponentIndex> = inventory
        .edges
        .iter()
        .filter_map(|edge| match edge {
            component::Edge { from: Node::Component(owner), to, relation: Relation::Owns } => Some((*to, *owner)),
            _ => None,
        })
        .collect();
    for (index, findings) in &mut all {
        let Some(owner) = owners.get(index) else { continue };
        let Some(component) = usize::try_from(owner.0).ok().and_then(|at| inventory.components.get(at)) else {
            continue;
        };
        let known = spoken_of(database, component, distribution)?;
        for finding in findings.iter_mut().filter(|finding| known.contains(&finding.vulnerability)) {
            finding.suppression.get_or_insert(Suppression::Owned { owner: *owner });
        }
    }
    Ok(all)
}

/// Returns the vulnerabilities that the distribution says anything about for a package, of whatever version. What it took back, or says of other
/// builds than this is one of, is nothing.
pub fn spoken_of<B: AsRef<[u8]>>(
    database: &Database<B>,
    component: &Component,
    distribution: Option<&Distribution>,
) -> Result<BTreeSet<VulnerabilityIndex>, Corrupt> {
    let mut known = BTreeSet::new();
    for identity in identities(component, distribution) {
        let Some(package) = database.find_package(&identity.ecosystem, &identity.name)? else { continue };
        for statement in database.statements(&package)? {
            let statement = statement?;
            if judge(&statement, component, distribution, &identity).is_of_another() {
                continue;
            }
            let head = database.advisory(statement.advisory)?;
            known.extend(head.vulnerabilities.iter().filter(|_| head.withdrawn.is_none()));
        }
    }
    Ok(known)
}

/// How severe a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rated {
    /// The level: the distribution's own for a package of it where it states one, else the worst that is stated or that a score
    /// comes to.
    pub level: Option<Level>,
    /// The highest score that a stated vector comes to.
    pub score: Option<Score>,
}

/// Returns how severe a finding is.
pub fn severity<B: AsRef<[u8]>>(database: &Database<B>, finding: &Finding) -> Result<Rated, Corrupt> {
    let mut own: Vec<Severity> = Vec::new();
    let mut others: Vec<Severity> = Vec::new();
    for hit in &finding.hits {
        let is_distribution = hit.identity.ecosystem.family.is_distribution();
        let stated = if is_distribution { &mut own } else { &mut others };
        stated.extend(hit.severities.iter().cloned());
        stated.extend(database.advisory(hit.advisory)?.severities);
    }
    // What others say of the same vulnerability counts where those who speak of the package state nothing, unless they took it back.
    if own.is_empty() && others.is_empty() {
        for advisory in database.vulnerability(finding.vulnerability)?.advisories {
            let head = database.advisory(advisory)?;
            others.extend(head.severities.into_iter().filter(|_| head.withdrawn.is_none()));
        }
    }
    let (mut own_level, mut level, mut score) = (None, None, None);
    for (severity, is_own) in own.iter().map(|severity| (severity, true)).chain(others.iter().map(|one| (one, false))) {
        match &severity.rating {
            Rating::Level(stated) => {
                level = level.max(Some(*stated));
                own_level = if is_own { own_level.max(Some(*stated)) } else { own_level };
            }
            // A vector that is none says nothing.
            Rating::Cvss(vector) => {
                let assessment = cvss::assess(vector).ok();
                level = level.max(assessment.map(cvss::Assessment::level));
                score = score.max(assessment.map(|assessment| assessment.score));
            }
        }
    }
    Ok(Rated { level: own_level.or(level), score })
}

/// Returns the smallest version that mends a finding, of those that its hits name.
pub fn upgrade(finding: &Finding) -> Option<String> {
    let mut smallest: Option<(&str, &Identity)> = None;
    for hit in &finding.hits {
        let Some(fixed) = hit.fixed.as_deref() else { continue };
        let is_smaller = match (smallest, hit.identity.ecosystem.family.scheme()) {
            (Some((known, identity)), Some(scheme)) if identity.ecosystem == hit.identity.ecosystem => {
                scheme.compare(fixed, known).is_ok_and(Ordering::is_lt)
            }
            (Some(_), _) => false,
            (None, _) => true,
        };
        if is_smaller {
            smallest = Some((fixed, &hit.identity));
        }
    }
    smallest.map(|(fixed, _)| fixed.to_owned())
}

/// What one statement says of one component, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Whose statement it is.
    pub advisory: AdvisoryIndex,
    /// The identity that it was held against.
    pub identity: Identity,
    /// What it says of the versions that it means, in words.
    pub verdict: &'static str,
    /// The versions that it means, in words.
    pub ranges: String,
    /// Whether it means this one.
    pub outcome: Outcome,
}

/// Returns what every statement about some vulnerabilities says of a component, whether that is a finding or not.
pub fn explain<B: AsRef<[u8]>>(
    database: &Database<B>,
    component: &Component,
    distribution: Option<&Distribution>,
    vulnerabilities: &[VulnerabilityIndex],
) -> Result<Vec<Told>, Corrupt> {
    let mut all = Vec::new();
    for identity in identities(component, distribution) {
        let Some(package) = database.find_package(&identity.ecosystem, &identity.name)? else { continue };
        for statement in database.statements(&package)? {
            let statement = statement?;
            let head = database.advisory(statement.advisory)?;
            if statement.named != identity.named
                || !head.vulnerabilities.iter().any(|index| vulnerabilities.contains(index))
            {
                continue;
            }
            let outcome = match head.withdrawn {
                Some(_) => Outcome::NotMeant(Reason::Withdrawn),
                None => judge(&statement, component, distribution, &identity),
            };
            let verdict = match statement.verdict {
                Verdict::Affected(_) => "affected are",
                Verdict::NotAffected => "not affected are",
                Verdict::UnderInvestigation => "not known yet of",
            };
            let ranges = ranges_in_words(&statement);
            all.push(Told { advisory: statement.advisory, identity: identity.clone(), verdict, ranges, outcome });
        }
    }
    Ok(all)
}

/// Returns the versions that a statement means, in words.
pub fn ranges_in_words(statement: &Statement<'_>) -> String {
    if statement.intervals.is_empty() && statement.versions.is_empty() {
        return "all versions".to_owned();
    }
    let intervals = statement.intervals.iter().map(ToString::to_string);
    intervals.chain(statement.versions.iter().map(ToString::to_string)).collect::<Vec<_>>().join(" or ")
}
