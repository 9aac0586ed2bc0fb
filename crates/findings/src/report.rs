use std::cmp::Reverse;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use component::{Component, ComponentIndex, Distribution, Inventory, Layer, Subject};
use jiff::Timestamp;
use jiff::civil::Date;
use sbom::formats::Repairs;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vulndb::file::{AdvisoryIndex, Corrupt, Database, Text};
use vulndb::matching::{self, Hit};
use vulndb::{Channel, Ecosystem, Level, Nature, lifecycle};

use crate::address::record_address;
use crate::component::at;
use crate::decision::Judge;
use crate::facts::{Facts, Known, moment};
use crate::paths::Paths;
use crate::spoken::Spoken;
use crate::unchecked::{called, lists_nothing};
use crate::{
    Advised, Advisories, AffectedComponent, ComponentRef, Deciders, ExceptionUse, Finding, Fix, FixState, Named,
    Suppression, Suppressor, Unchecked, Upgrade, VexUse, address,
};

/// The name and version of the report's form. The version changes when a reader of the earlier one would go wrong; members may be
/// added at any time.
pub const SCHEMA: &str = "garrison/scan/1";

/// All that is known to be wrong with what an inventory lists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// The name and version of this form: `garrison/scan/1`.
    pub schema: String,
    /// What was looked into.
    pub source: Subject,
    /// The operating system, where there is one.
    pub distribution: Option<Distribution>,
    /// Until when the operating system is mended, where that is known.
    pub support: Option<Support>,
    /// Of which other operating systems its packages are by their own word, those first of which most are: a document may list packages of several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub systems: Vec<System>,
    /// How much was looked at.
    pub inventory: Counted,
    /// What was not looked at, about which the findings say nothing.
    #[serde(default)]
    pub unchecked: Unchecked,
    /// The layers of an image, lowest first; locations name them by their place.
    pub layers: Vec<Layer>,
    /// What it was held against.
    pub advisories: Advisories,
    /// Of an image in a hub, by what the hub has it matched; none of what was matched for this report alone.
    #[serde(default)]
    pub matched: Option<Matched>,
    /// What became of the exceptions that were given.
    pub exceptions: Vec<ExceptionUse>,
    /// What became of the VEX documents that were given.
    pub vex: Vec<VexUse>,
    /// The components that have findings, in the inventory's order.
    pub components: Vec<AffectedComponent>,
    /// The findings, worst first, those that do not count last.
    pub findings: Vec<Finding>,
}

/// By what a hub has an image matched, as its lists, totals and events have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ReportMatched")]
pub struct Matched {
    /// The digest of the database.
    pub database: String,
    /// The version of the matcher.
    pub matcher: u32,
    /// Whether all of it is.
    pub state: MatchedState,
    /// Since when the hub has everything matched by this database and matcher, or is about to.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub since: Timestamp,
}

/// Whether an image is matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MatchedState {
    /// It is.
    Done,
    /// Lists, totals and events still have of it what an earlier database said, or nothing.
    Pending,
}

/// An operating system that packages name as their own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "OtherSystem")]
pub struct System {
    /// Which.
    pub distribution: Distribution,
    /// Until when it is mended, where that is known.
    pub support: Option<Support>,
    /// How many packages name it.
    pub packages: usize,
}

/// The most other operating systems that a report tells.
pub const SYSTEMS_TOLD_MAX: usize = 20;

/// Until when an operating system is mended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Support {
    /// The last day on which everybody gets what mends it.
    #[schemars(with = "String", extend("format" = "date"))]
    pub until: Date,
    /// The last day on which those get it who pay for it.
    #[schemars(with = "Option<String>", extend("format" = "date"))]
    pub extended_until: Option<Date>,
}

/// How much was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Counted {
    /// Components.
    pub components: usize,
    /// Components of kinds that nobody here publishes advisories for, or that have no version.
    pub unmatched: usize,
}

/// What a report tells.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options<'a> {
    /// What others decide about findings.
    pub deciders: Deciders<'a>,
    /// Only what an upgrade mends.
    pub only_fixed: bool,
    /// With what each vulnerability is, in a line, for which texts are unpacked.
    pub with_summaries: bool,
    /// What was repaired or dropped in the document that the inventory was read from.
    pub repairs: Option<&'a Repairs>,
}

impl Report {
    /// Says in words of each distribution that was looked into and is past its end at a moment that it is.
    pub fn past_its_end(&self, now: Timestamp) -> Vec<String> {
        let today = jiff::tz::Offset::UTC.to_datetime(now).date();
        let own = self.distribution.as_ref().map(|distribution| (distribution, self.support));
        let others = self.systems.iter().map(|system| (&system.distribution, system.support));
        own.into_iter().chain(others).filter_map(|(release, support)| ended(release, support?, today)).collect()
    }

    /// Says in words what was not looked at, a line each.
    pub fn warnings(&self) -> Vec<String> {
        let nothing = lists_nothing(&self.source, self.inventory.components);
        self.unchecked.words().into_iter().chain(nothing).collect()
    }

    /// Says in words what keeps "no findings" from being an answer, the gravest first: packages of an ecosystem of which the database has
    /// nothing, package databases that were not read to their end, and a document, folder or file that names no package. None where the answer stands.
    pub fn blind(&self) -> Option<String> {
        self.unchecked.blind().or_else(|| lists_nothing(&self.source, self.inventory.components))
    }

    /// Holds an inventory against a database.
    pub fn of<B: AsRef<[u8]>>(
        database: &Database<B>,
        inventory: &Inventory,
        options: &Options<'_>,
    ) -> Result<Self, Corrupt> {
        let paths = Paths::of(inventory);
        let distribution = matching::distribution_of(inventory);
        let mut known = Known::new(database)?;
        let judge = Judge::new(options.deciders, inventory);
        let (mut components, mut findings) = (Vec::new(), Vec::new());
        for (index, matched) in matching::match_inventory(database, inventory)? {
            let Some(component) = at(inventory, index) else { continue };
            let spoken = Spoken::of(database, component, distribution.as_deref())?;
            let found = Found { index, place: components.len(), component, spoken: &spoken };
            let (mut told, mut open, mut decided) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
            for matched in &matched {
                let finding = finding(database, inventory, &mut known, &judge, &found, matched)?;
                if finding.counts() {
                    open.insert(matched.vulnerability);
                } else if finding.suppressions.iter().any(|suppression| suppression.by != Suppressor::Publisher) {
                    decided.insert(matched.vulnerability);
                }
                if !options.only_fixed || finding.fix.version.is_some() {
                    told.push(finding);
                }
            }
            if told.is_empty() {
                continue;
            }
            findings.extend(told);
            let upgrade = Upgrade::find(database, &spoken, &open, &decided)?;
            components.push(AffectedComponent::of(inventory, index, component, &paths, upgrade));
        }
        if options.with_summaries {
            summarise(database, &mut known, &mut findings)?;
        }
        findings.sort_by(|left, right| worst(left).cmp(&worst(right)));
        Ok(Self {
            schema: SCHEMA.to_owned(),
            source: inventory.subject.clone(),
            distribution: inventory.distribution.clone(),
            support: inventory.distribution.as_ref().and_then(support),
            systems: systems(inventory),
            inventory: counted(inventory),
            unchecked: Unchecked::of(database, inventory, options.repairs)?,
            matched: None,
            layers: inventory.layers.clone(),
            advisories: Advisories::of(database, &ecosystems(database, inventory), options.deciders.now)?,
            exceptions: judge.exceptions(),
            vex: judge.documents(),
            components,
            findings,
        })
    }

    /// Returns the component of a finding.
    pub fn component(&self, finding: &Finding) -> Option<&AffectedComponent> {
        self.components.get(finding.component.index)
    }
}

/// What is known to be exploited comes first, then what is most severe, then what is most probable.
fn worst(finding: &Finding) -> impl Ord {
    // Parts of 100,000, in which they are stated: floating point has no order.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100,000")]
    let parts = finding.epss.map(|epss| (epss.probability.clamp(0.0, 1.0) * 100_000.0) as u32);
    (
        !finding.counts(),
        finding.kev.is_none(),
        Reverse(finding.severity),
        Reverse(finding.score),
        Reverse(parts),
        &finding.vulnerability,
        finding.component.index,
    )
}

/// A component of which something was found.
struct Found<'a> {
    index: ComponentIndex,
    /// Its place among the report's components.
    place: usize,
    component: &'a Component,
    spoken: &'a Spoken<'a>,
}

fn finding<B: AsRef<[u8]>>(
    database: &Database<B>,
    inventory: &Inventory,
    known: &mut Known<'_, B>,
    judge: &Judge<'_>,
    Found { index, place, component, spoken }: &Found<'_>,
    found: &matching::Finding,
) -> Result<Finding, Corrupt> {
    let mut ratings = BTreeSet::new();
    let mut advised = BTreeSet::new();
    for hit in &found.hits {
        let head = database.advisory(hit.advisory)?;
        ratings.extend(hit.severities.iter().map(|severity| known.rating(&head, severity)));
        advised.insert(Advised {
            id: head.id.to_owned(),
            feed: known.feed(&head),
            published: head.published.and_then(moment),
            modified: head.modified.and_then(moment),
            ecosystem: hit.identity.ecosystem.to_string(),
            package: hit.identity.name.clone(),
            version: hit.identity.version.clone(),
            range: spoken.range(hit).unwrap_or_default(),
            fixed: hit.fixed.clone(),
            channel: hit.channel,
            address: record_address(hit.identity.ecosystem.family, head.id),
        });
    }
    let publisher = match &found.suppression {
        Some(suppression) => Some(suppressed(database, inventory, known, suppression)?),
        None => None,
    };
    let fix = fix(&found.hits);
    let rated = matching::severity(database, found)?;
    let is_malware = found.nature == Nature::Malware;
    let facts = known.facts(found.vulnerability)?;
    let decision = judge.decide(*index, component, &facts.names(), fix.version.is_some(), publisher);
    let Facts { name, aliases, ratings: stated, epss, kev, weaknesses, advisories: _ } = facts;
    ratings.extend(stated.iter().cloned());
    Ok(Finding {
        vulnerability: name.clone(),
        aliases: aliases.clone(),
        nature: found.nature,
        certainty: found.certainty,
        severity: if is_malware { Some(Level::Critical) } else { rated.level },
        score: rated.score,
        ratings: ratings.into_iter().collect(),
        epss: *epss,
        kev: *kev,
        fix,
        component: ComponentRef {
            index: *place,
            name: component.name.clone(),
            version: component.version.clone(),
            purl: component.purl.clone(),
        },
        suppressions: decision.suppressions,
        overruled: decision.overruled,
        vex: decision.vex,
        advisories: advised.into_iter().collect(),
        weaknesses: weaknesses.clone(),
        summary: None,
        address: address(name),
    })
}

/// Returns the smallest version that mends a finding, from what everybody gets if that is there.
pub(crate) fn fix(hits: &[Hit]) -> Fix {
    let mut best: Option<(&Hit, &str)> = None;
    for hit in hits {
        let Some(version) = hit.fixed.as_deref() else { continue };
        let is_better = best.is_none_or(|(known, known_version)| {
            let is_everyones = |hit: &Hit| hit.channel == Channel::Main;
            let scheme = hit.identity.ecosystem.family.scheme().filter(|_| {
                known.identity.ecosystem == hit.identity.ecosystem && is_everyones(known) == is_everyones(hit)
            });
            match scheme {
                Some(scheme) => scheme.compare(version, known_version).is_ok_and(std::cmp::Ordering::is_lt),
                None => is_everyones(hit) && !is_everyones(known),
            }
        });
        if is_better {
            best = Some((hit, version));
        }
    }
    let stated = hits.iter().map(|hit| hit.fix).find(|fix| *fix != vulndb::Fix::AsStated).unwrap_or_default();
    let state = match (best, stated) {
        (Some(_), _) => FixState::Fixed,
        (None, vulndb::Fix::AsStated) => FixState::NotFixed,
        (None, vulndb::Fix::WontFix) => FixState::WontFix,
        (None, vulndb::Fix::Deferred) => FixState::Deferred,
        (None, vulndb::Fix::EndOfLife) => FixState::EndOfLife,
    };
    Fix {
        state,
        version: best.map(|(_, version)| version.to_owned()),
        channel: best.map(|(hit, _)| hit.channel).unwrap_or_default(),
    }
}

/// Says why a finding does not count.
pub(crate) fn suppressed<B: AsRef<[u8]>>(
    database: &Database<B>,
    inventory: &Inventory,
    known: &Known<'_, B>,
    suppression: &matching::Suppression,
) -> Result<Suppression, Corrupt> {
    Ok(match suppression {
        matching::Suppression::NoCode => Suppression::new(
            Suppressor::NoCode,
            "the package's own file list".to_owned(),
            "it carries nothing that runs".to_owned(),
            None,
        ),
        matching::Suppression::NotAffected(advisory) => {
            let head = database.advisory(*advisory)?;
            let why = format!("{} says that this version is not affected", head.id);
            Suppression::new(Suppressor::Publisher, known.feed(&head), why, Some(head.id.to_owned()))
        }
        matching::Suppression::Owned { owner } => {
            let owner = at(inventory, *owner);
            let name = owner.map_or_else(String::new, |owner| Named::of(owner).to_string());
            let system =
                owner.and_then(|owner| Distribution::of_package(owner.purl.as_ref(), inventory.distribution.as_ref()));
            let who = system.map_or_else(String::new, |system| system.id.clone());
            let why = format!("the distribution speaks of {name}, which installed it");
            Suppression::new(Suppressor::Distribution, who, why, None)
        }
    })
}

/// Adds what each vulnerability is, from the first record that says it: one that makes the finding, else another about the same.
fn summarise<B: AsRef<[u8]>>(
    database: &Database<B>,
    known: &mut Known<'_, B>,
    findings: &mut [Finding],
) -> Result<(), Corrupt> {
    let mut about: BTreeMap<String, Vec<(AdvisoryIndex, &str)>> = BTreeMap::new();
    for finding in &*findings {
        if about.contains_key(&finding.vulnerability) {
            continue;
        }
        let mut advisories = Vec::new();
        for index in database.find_vulnerabilities(&finding.vulnerability)? {
            let facts = known.facts(index)?;
            if facts.name == finding.vulnerability {
                for advisory in &facts.advisories {
                    advisories.push((*advisory, database.advisory(*advisory)?.id));
                }
            }
        }
        about.insert(finding.vulnerability.clone(), advisories);
    }
    let in_order = |finding: &Finding| -> Vec<AdvisoryIndex> {
        let Some(advisories) = about.get(&finding.vulnerability) else { return Vec::new() };
        let is_own = |id: &str| finding.advisories.iter().any(|advised| advised.id == id);
        let (own, others): (Vec<_>, Vec<_>) = advisories.iter().partition(|(_, id)| is_own(id));
        own.into_iter().chain(others).map(|(index, _)| index).collect()
    };
    let mut lines: BTreeMap<AdvisoryIndex, Option<String>> = BTreeMap::new();
    for finding in &mut *findings {
        for index in in_order(finding) {
            let line = match lines.entry(index) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(line(&database.text(index)?)),
            };
            if line.is_some() {
                finding.summary.clone_from(line);
                break;
            }
        }
    }
    Ok(())
}

/// Returns the summary of a text, else the first line of it that says something.
pub(crate) fn line(text: &Text) -> Option<String> {
    let first = |text: &str| {
        let line = text.lines().map(|line| line.trim_matches(['#', ' ', '\t'])).find(|line| !line.is_empty())?;
        Some(line[..line.floor_char_boundary(SUMMARY_BYTES_MAX)].to_owned())
    };
    first(&text.summary).or_else(|| first(&text.details))
}

/// The most bytes of a line that says what a vulnerability is: those that code hosts show.
pub(crate) const SUMMARY_BYTES_MAX: usize = 1000;

fn systems(inventory: &Inventory) -> Vec<System> {
    let mut systems: Vec<(Distribution, usize)> = matching::other_systems(inventory).into_iter().collect();
    systems.sort_by_key(|(_, packages)| Reverse(*packages));
    systems.truncate(SYSTEMS_TOLD_MAX);
    let told = |(distribution, packages)| System { support: support(&distribution), distribution, packages };
    systems.into_iter().map(told).collect()
}

fn ended(release: &Distribution, support: Support, today: Date) -> Option<String> {
    let name = called(release);
    (support.until < today).then(|| match support.extended_until {
        Some(extended) if extended >= today => {
            format!("{name} has been mended since {} only for those who pay for it, until {extended}", support.until)
        }
        _ => format!("{name} has had no fixes since {}: what is found later is not mended there", support.until),
    })
}

fn support(distribution: &Distribution) -> Option<Support> {
    let lifecycle::Support { until, extended_until } = lifecycle::support(&lifecycle::release_of(distribution)?)?;
    Some(Support { until, extended_until })
}

/// Returns the ecosystems of which a database speaks that the components of an inventory are of.
fn ecosystems<B: AsRef<[u8]>>(database: &Database<B>, inventory: &Inventory) -> BTreeSet<Ecosystem> {
    let distribution = matching::distribution_of(inventory);
    let mut ecosystems = BTreeSet::new();
    for component in &inventory.components {
        for identity in matching::identities(component, distribution.as_deref()) {
            if !ecosystems.contains(&identity.ecosystem) && database.ecosystems().contains(&identity.ecosystem) {
                ecosystems.insert(identity.ecosystem);
            }
        }
    }
    ecosystems
}

fn counted(inventory: &Inventory) -> Counted {
    let distribution = matching::distribution_of(inventory);
    let is_unmatched = |component: &&Component| matching::identities(component, distribution.as_deref()).is_empty();
    Counted {
        components: inventory.components.len(),
        unmatched: inventory.components.iter().filter(is_unmatched).count(),
    }
}
