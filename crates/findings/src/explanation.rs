//! Why one vulnerability was found in an inventory, or why not.

use std::collections::{BTreeMap, BTreeSet};

use component::{Component, ComponentIndex, Inventory, Location, PackageType, Purl};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vulndb::file::{AdvisoryIndex, Corrupt, Database, Statement};
use vulndb::matching::{self, Identity, Outcome, Reason};
use vulndb::{Asked, Channel, Ecosystem, Family, Interval, Named as NamedBy, Verdict};

use crate::address::record_address;
use crate::decision::{Decision, Judge};
use crate::facts::{Known, moment};
use crate::report::{line, suppressed};
use crate::unchecked::{Uncovered, hidden, nameless, uncovered, uncovered_of, without_group_of, without_source};
use crate::{
    Advisories, Comparison, Deciders, ExceptionUse, Exploitation, Exploited, Named, Suppression, VexUse, VexWord,
};

/// The name and version of an explanation's form; see [`SCHEMA`](crate::SCHEMA).
pub const EXPLANATION_SCHEMA: &str = "garrison/explanation/1";

/// The most statements about packages that are not here that are told; a vulnerability of a kernel is in hundreds.
pub const ELSEWHERE_MAX: usize = 50;

/// Why a vulnerability was found, or why not.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "FindingExplanation")]
pub struct Explanation {
    /// The name and version of this form: `garrison/explanation/1`.
    pub schema: String,
    /// What was asked for.
    pub asked: String,
    /// What the database calls it; several where one name is of several. Empty when no feed knows it.
    pub vulnerabilities: Vec<String>,
    /// The answer.
    pub answer: Answer,
    /// What it is, in a line.
    pub summary: Option<String>,
    /// Its name that is most like the one that nobody knows.
    pub nearest: Option<String>,
    /// How probable it is that it is exploited.
    pub epss: Option<Exploitation>,
    /// That it is known to be exploited.
    pub kev: Option<Exploited>,
    /// What was held against it.
    pub advisories: Advisories,
    /// The feeds that have a record of it.
    pub known_to: Vec<String>,
    /// The feeds that have none.
    pub unknown_to: Vec<String>,
    /// What each record says of components that are here.
    pub records: Vec<Held>,
    /// The packages that nothing in the database speaks of, of those that were asked for, and those that may be what records speak of.
    #[serde(default)]
    pub uncovered: Vec<Uncovered>,
    /// What may hide packages, in words: package databases that were not read to their end, or that nothing names a package. Empty where one component was
    /// asked about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
    /// The findings of which somebody says more than that they are, with all who do, in the order in which that is decided.
    pub decided: Vec<Decided>,
    /// What VEX says of components that by no record have it: that they are affected, or may be. It makes no finding.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Otherwise>,
    /// What became of the exceptions that were given.
    pub exceptions: Vec<ExceptionUse>,
    /// What became of the VEX documents that were given.
    pub vex: Vec<VexUse>,
    /// What records about it say of packages that are not here, or in other ecosystems.
    pub elsewhere: Vec<Elsewhere>,
    /// How many of those are not told.
    pub elsewhere_untold: usize,
}

/// The answer to whether a vulnerability is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It is, and counts.
    Affected,
    /// It is, and somebody whose word is taken says that it does not count.
    Suppressed,
    /// Records speak of what is here, and none means this version.
    NotAffected,
    /// Records speak of what is here, none is known to mean this version, and of some nobody knows: it is not stated, or it or a bound has no place in the
    /// order.
    NotOrdered,
    /// No record speaks of anything that is here.
    NotHere,
    /// No record speaks of anything that is here, and there is no feed of some of it, or something was not read: about that it says nothing.
    NotCovered,
    /// The component that was asked for is not here.
    NoSuchComponent,
    /// No feed knows it.
    Unknown,
}

/// A record's statement, held against components that are here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Held {
    /// The record's own name.
    pub record: String,
    /// The feed that it came from.
    pub feed: String,
    /// When the newest record of that feed was made or changed.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub feed_newest: Option<Timestamp>,
    /// When this record was changed last.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub modified: Option<Timestamp>,
    /// Where people read it.
    pub address: String,
    /// Whose packages it speaks of.
    pub ecosystem: String,
    /// The package that it speaks of.
    pub package: String,
    /// Whether that is a source package.
    pub is_source: bool,
    /// What it says of the versions that it means: `affected`, `not-affected` or `under-investigation`.
    pub says: String,
    /// The versions that it means, in words.
    pub ranges: String,
    /// What else must hold, in words.
    pub qualifiers: Vec<String>,
    /// The components that it was held against: all of one version.
    pub present: Vec<Present>,
    /// Whether it means them.
    pub meant: bool,
    /// Why, in words.
    pub because: String,
    /// The comparison that decides.
    pub comparison: Option<Comparison>,
}

/// A component that is here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Present {
    /// Which.
    pub component: Named,
    /// The source package that it was built from.
    pub source: Option<String>,
    /// The first place where the evidence is; a layer is a place among those of the inventory.
    pub location: Option<Location>,
}

/// What is said of a finding, by exceptions, by VEX and by its publisher.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decided {
    /// Of which component.
    pub component: Named,
    /// Why it does not count, the first of which decides. It counts when there is none.
    pub suppressions: Vec<Suppression>,
    /// What would make it not count, had VEX not said that it is affected.
    pub overruled: Vec<Suppression>,
    /// All that VEX documents say of it, that which holds first.
    pub vex: Vec<VexWord>,
}

/// What VEX says of a component that by no record has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Otherwise {
    /// The component.
    pub component: Named,
    /// All that VEX documents say of it, that which holds first.
    pub vex: Vec<VexWord>,
}

/// What a record says of a package that is not here.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Elsewhere {
    /// The record's own name.
    pub record: String,
    /// The feed that it came from.
    pub feed: String,
    /// Whose package.
    pub ecosystem: String,
    /// The package.
    pub package: String,
    /// What it says of the versions that it means.
    pub says: String,
    /// The versions, in words.
    pub ranges: String,
}

impl Explanation {
    /// Explains one vulnerability, of all components or of those that a purl or a name means.
    pub fn of<B: AsRef<[u8]>>(
        database: &Database<B>,
        inventory: &Inventory,
        deciders: &Deciders<'_>,
        name: &str,
        component: Option<&str>,
    ) -> Result<Self, Corrupt> {
        let chosen: Vec<(ComponentIndex, &Component)> = (0_u32..)
            .map(ComponentIndex)
            .zip(&inventory.components)
            .filter(|(_, found)| component.is_none_or(|asked| is_asked(asked, found)))
            .collect();
        let mut known = Known::new(database)?;
        let mut explanation = Self::empty(name, Advisories::of(database, [], deciders.now)?);
        let Some(asked) = Asked::find(database, name)? else {
            explanation.nearest = nearest(database, name)?;
            explanation.unknown_to = feeds_with_advisories(&explanation.advisories);
            let judge = Judge::new(*deciders, inventory);
            explanation.tell_otherwise(&judge, &chosen, &BTreeSet::new(), &[name]);
            explanation.exceptions = judge.exceptions();
            explanation.vex = judge.documents();
            return Ok(explanation);
        };
        explanation.tell_vulnerabilities(database, &mut known, &asked)?;
        let mut told = BTreeSet::new();
        let mut is_undecided = false;
        for (_, found) in &chosen {
            is_undecided |= explanation.hold(database, &known, inventory, found, &asked, &mut told)?;
        }
        // What is said of a package that is here says more than what is said of others.
        for (advisory, ..) in &told {
            if let Some(summary) = line(&database.text(*advisory)?) {
                explanation.summary = Some(summary);
                break;
            }
        }
        let judge = Judge::new(*deciders, inventory);
        let is_open = explanation.tell_decided(database, &mut known, &judge, inventory, &chosen, &asked)?;
        explanation.exceptions = judge.exceptions();
        explanation.vex = judge.documents();
        let near = nearness(inventory, component.is_some().then_some(&chosen));
        explanation.tell_elsewhere(database, &known, &asked, &told, &near)?;
        explanation.uncovered = match component {
            Some(_) => uncovered_of(database, inventory, chosen.iter().copied()),
            None => uncovered(database, inventory),
        };
        explanation.uncovered.extend(without_source(database, inventory, chosen.iter().copied())?);
        let of_maven = explanation.elsewhere.iter().filter(|elsewhere| elsewhere.ecosystem == Family::Maven.as_str());
        let artifacts = of_maven.map(|elsewhere| elsewhere.package.as_str());
        let nameless = nameless(chosen.iter().copied());
        explanation.uncovered.extend(without_group_of(&nameless, artifacts));
        if component.is_none() {
            explanation.unread = hidden(inventory);
        }
        let is_blind = !explanation.unread.is_empty() || explanation.uncovered.iter().any(Uncovered::is_grave);
        explanation.answer = match () {
            () if is_open => Answer::Affected,
            () if !explanation.decided.is_empty() => Answer::Suppressed,
            () if chosen.is_empty() && component.is_some() => Answer::NoSuchComponent,
            () if explanation.records.is_empty() && is_blind => Answer::NotCovered,
            () if explanation.records.is_empty() => Answer::NotHere,
            () if is_undecided => Answer::NotOrdered,
            () => Answer::NotAffected,
        };
        Ok(explanation)
    }

    fn empty(name: &str, advisories: Advisories) -> Self {
        Self {
            schema: EXPLANATION_SCHEMA.to_owned(),
            asked: name.to_owned(),
            vulnerabilities: Vec::new(),
            answer: Answer::Unknown,
            summary: None,
            nearest: None,
            epss: None,
            kev: None,
            advisories,
            known_to: Vec::new(),
            unknown_to: Vec::new(),
            records: Vec::new(),
            uncovered: Vec::new(),
            unread: Vec::new(),
            decided: Vec::new(),
            otherwise: Vec::new(),
            exceptions: Vec::new(),
            vex: Vec::new(),
            elsewhere: Vec::new(),
            elsewhere_untold: 0,
        }
    }

    fn tell_vulnerabilities<B: AsRef<[u8]>>(
        &mut self,
        database: &Database<B>,
        known: &mut Known<'_, B>,
        asked: &Asked,
    ) -> Result<(), Corrupt> {
        let mut feeds = BTreeSet::new();
        for index in &asked.vulnerabilities {
            let facts = known.facts(*index)?;
            self.vulnerabilities.push(facts.name.clone());
            self.epss = self.epss.or(facts.epss);
            self.kev = self.kev.or(facts.kev);
        }
        for record in &asked.records {
            feeds.insert(known.feed(&database.advisory(*record)?));
        }
        for record in &asked.records {
            if self.summary.is_none() {
                self.summary = line(&database.text(*record)?);
            }
        }
        self.unknown_to = feeds_with_advisories(&self.advisories);
        self.unknown_to.retain(|feed| !feeds.contains(feed));
        self.known_to = feeds.into_iter().collect();
        Ok(())
    }

    /// Holds every statement that is meant against a component. Tells whether there is one of which nobody knows whether it means it.
    fn hold<B: AsRef<[u8]>>(
        &mut self,
        database: &Database<B>,
        known: &Known<'_, B>,
        inventory: &Inventory,
        component: &Component,
        asked: &Asked,
        told: &mut BTreeSet<(AdvisoryIndex, Ecosystem, String)>,
    ) -> Result<bool, Corrupt> {
        let mut is_undecided = false;
        let distribution = matching::distribution_of(inventory);
        for identity in matching::identities(component, distribution.as_deref()) {
            let Some(package) = database.find_package(&identity.ecosystem, &identity.name)? else { continue };
            let system = distribution.as_deref();
            let mended = matching::mended_for_all(database, &package, component, system, &identity)?;
            for statement in database.statements(&package)? {
                let statement = statement?;
                let head = database.advisory(statement.advisory)?;
                if statement.named != identity.named || !asked.records.contains(&statement.advisory) {
                    continue;
                }
                told.insert((statement.advisory, identity.ecosystem.clone(), identity.name.clone()));
                let outcome = match head.withdrawn {
                    Some(_) => Outcome::NotMeant(Reason::Withdrawn),
                    None if matching::is_about_other_builds(&statement, &identity)
                        && head.vulnerabilities.iter().all(|index| mended.contains(index)) =>
                    {
                        Outcome::NotMeant(Reason::Channel)
                    }
                    None => matching::judge(&statement, component, system, &identity),
                };
                is_undecided |=
                    matches!(&outcome, Outcome::NotMeant(Reason::Version(_) | Reason::Unversioned | Reason::Bound));
                let feed = known.feed(&head);
                let said = Held {
                    record: head.id.to_owned(),
                    feed_newest: self
                        .advisories
                        .feeds
                        .iter()
                        .find(|known| known.name == feed)
                        .and_then(|feed| feed.newest),
                    feed,
                    modified: head.modified.and_then(moment),
                    address: record_address(identity.ecosystem.family, head.id),
                    ecosystem: identity.ecosystem.to_string(),
                    package: identity.name.clone(),
                    is_source: identity.named == NamedBy::Source,
                    says: says(statement.verdict).to_owned(),
                    ranges: matching::ranges_in_words(&statement),
                    qualifiers: qualifiers(&statement),
                    present: vec![present(component)],
                    meant: matches!(outcome, Outcome::Meant(_)),
                    because: because(&statement, component, &identity, &outcome),
                    comparison: Comparison::of(&statement, &identity, &outcome),
                };
                match self.records.iter_mut().find(|other| is_same(other, &said)) {
                    // A record may say the same twice, for two channels of a distribution.
                    Some(other) if other.present.last() == said.present.last() => {}
                    Some(other) => other.present.extend(said.present),
                    None => self.records.push(said),
                }
            }
        }
        Ok(is_undecided)
    }

    /// Tells what is decided about each finding. Tells whether one counts: what counts is what a scan counts.
    fn tell_decided<B: AsRef<[u8]>>(
        &mut self,
        database: &Database<B>,
        known: &mut Known<'_, B>,
        judge: &Judge<'_>,
        inventory: &Inventory,
        chosen: &[(ComponentIndex, &Component)],
        asked: &Asked,
    ) -> Result<bool, Corrupt> {
        let by_index: BTreeMap<ComponentIndex, &Component> = chosen.iter().copied().collect();
        let (mut is_open, mut having, mut names) = (false, BTreeSet::new(), BTreeSet::new());
        for index in &asked.vulnerabilities {
            names.extend(known.facts(*index)?.names().into_iter().map(str::to_owned));
        }
        for (index, findings) in matching::match_inventory(database, inventory)? {
            let Some(component) = by_index.get(&index) else { continue };
            for finding in findings.iter().filter(|finding| asked.means(finding)) {
                having.insert(index);
                let publisher = match &finding.suppression {
                    Some(suppression) => Some(suppressed(database, inventory, known, suppression)?),
                    None => None,
                };
                let facts = known.facts(finding.vulnerability)?;
                let is_fixable = finding.hits.iter().any(|hit| hit.fixed.is_some());
                let decision = judge.decide(index, component, &facts.names(), is_fixable, publisher);
                is_open |= decision.suppressions.is_empty();
                let Decision { suppressions, overruled, vex } = decision;
                if !suppressions.is_empty() || !overruled.is_empty() || !vex.is_empty() {
                    self.decided.push(Decided { component: Named::of(component), suppressions, overruled, vex });
                }
            }
        }
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        self.tell_otherwise(judge, chosen, &having, &names);
        Ok(is_open)
    }

    /// Tells what VEX says of components that have no finding.
    fn tell_otherwise(
        &mut self,
        judge: &Judge<'_>,
        chosen: &[(ComponentIndex, &Component)],
        having: &BTreeSet<ComponentIndex>,
        names: &[&str],
    ) {
        for (index, component) in chosen.iter().filter(|(index, _)| !having.contains(index)) {
            let vex = judge.otherwise(*index, component, names);
            if !vex.is_empty() {
                self.otherwise.push(Otherwise { component: Named::of(component), vex });
            }
        }
    }

    /// Tells what records about the vulnerabilities say of other packages. There is no index for that: of all packages it is read which
    /// records speak of them, and of those that it is about what they say.
    fn tell_elsewhere<B: AsRef<[u8]>>(
        &mut self,
        database: &Database<B>,
        known: &Known<'_, B>,
        Asked { records, .. }: &Asked,
        told: &BTreeSet<(AdvisoryIndex, Ecosystem, String)>,
        near: &[BTreeSet<Ecosystem>],
    ) -> Result<(), Corrupt> {
        let mut all = BTreeSet::new();
        for package in database.packages() {
            let package = package?;
            if !database.is_spoken_of(&package, records)? {
                continue;
            }
            for statement in database.statements(&package)? {
                let statement = statement?;
                if !records.contains(&statement.advisory) {
                    continue;
                }
                let (ecosystem, name) = database.package_name(&package)?;
                if told.contains(&(statement.advisory, ecosystem.clone(), name.to_owned())) {
                    continue;
                }
                let head = database.advisory(statement.advisory)?;
                let distance = near.iter().position(|ecosystems| ecosystems.contains(ecosystem));
                let elsewhere = Elsewhere {
                    record: head.id.to_owned(),
                    feed: known.feed(&head),
                    ecosystem: ecosystem.to_string(),
                    package: name.to_owned(),
                    says: says(statement.verdict).to_owned(),
                    ranges: matching::ranges_in_words(&statement),
                };
                all.insert((distance.unwrap_or(near.len()), elsewhere));
            }
        }
        self.elsewhere_untold = all.len().saturating_sub(ELSEWHERE_MAX);
        self.elsewhere = all.into_iter().take(ELSEWHERE_MAX).map(|(_, elsewhere)| elsewhere).collect();
        Ok(())
    }
}

/// Returns the ecosystems whose packages say most about why a vulnerability is not here, nearest first: of the components that were asked for, of the system, and
/// of all that is here.
fn nearness(inventory: &Inventory, asked: Option<&Vec<(ComponentIndex, &Component)>>) -> [BTreeSet<Ecosystem>; 3] {
    let system = matching::distribution_of(inventory);
    let of =
        |component: &Component| matching::identities(component, system.as_deref()).into_iter().map(|one| one.ecosystem);
    let asked = asked.into_iter().flatten().flat_map(|(_, component)| of(component)).collect();
    let of_system = system.as_deref().and_then(Ecosystem::of_distribution).into_iter().collect();
    [asked, of_system, inventory.components.iter().flat_map(of).collect()]
}

/// Tells whether a component is what a purl or a name means: a purl without a version means all of them, and one without
/// qualifiers those with any.
fn is_asked(asked: &str, component: &Component) -> bool {
    let Ok(asked) = asked.parse::<Purl>() else { return is_called(asked, component) };
    component.purl.as_ref().is_some_and(|own| {
        let is_same = |left: Option<&str>, right: Option<&str>| left.is_none() || left == right;
        own.ty() == asked.ty()
            && own.namespace() == asked.namespace()
            && own.name() == asked.name()
            && is_same(asked.version(), own.version())
            && asked.qualifiers().all(|(key, value)| own.qualifier(key) == Some(value))
    })
}

/// Tells whether a component has a name, as its ecosystem compares them: PyPI, NuGet and Packagist have no letter case.
fn is_called(asked: &str, component: &Component) -> bool {
    let normal = |name: &str| name.to_ascii_lowercase().replace(['_', '.'], "-");
    component.name == asked
        || match component.package_type {
            PackageType::Python => normal(&component.name) == normal(asked),
            PackageType::Dotnet | PackageType::PhpComposer => component.name.eq_ignore_ascii_case(asked),
            _ => false,
        }
}

fn is_same(left: &Held, right: &Held) -> bool {
    let version = |held: &Held| held.present.first().and_then(|present| present.component.version.clone());
    (&left.record, &left.feed, &left.ecosystem, &left.package, &left.ranges, &left.says, left.is_source, left.meant)
        == (
            &right.record,
            &right.feed,
            &right.ecosystem,
            &right.package,
            &right.ranges,
            &right.says,
            right.is_source,
            right.meant,
        )
        && left.comparison == right.comparison
        && left.because == right.because
        && version(left) == version(right)
}

fn present(component: &Component) -> Present {
    Present {
        component: Named::of(component),
        source: component.other_source().map(|source| source.name.clone()),
        location: component.locations.first().cloned(),
    }
}

fn says(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Affected(_) => "affected",
        Verdict::NotAffected => "not-affected",
        Verdict::UnderInvestigation => "under-investigation",
    }
}

fn because(statement: &Statement<'_>, component: &Component, identity: &Identity, outcome: &Outcome) -> String {
    let because = because_of_version(statement, identity, outcome);
    let is_of_module = statement.qualifiers.module.as_deref().is_some_and(|module| !module.is_empty());
    // Such a build may be of any stream.
    let is_unlabelled = is_of_module && component.module.is_none() && matches!(outcome, Outcome::Meant(_));
    if is_unlabelled { format!("{because}, and nothing says of which module this build is") } else { because }
}

fn because_of_version(statement: &Statement<'_>, identity: &Identity, outcome: &Outcome) -> String {
    let all = || match statement.verdict {
        Verdict::UnderInvestigation => "it is under investigation".to_owned(),
        _ => "every version is meant".to_owned(),
    };
    match outcome {
        Outcome::Meant(Some(place)) => match statement.intervals.get(*place) {
            Some(interval) if *interval == Interval::ALL => all(),
            Some(interval) => format!("{} lies in {interval}", identity.version),
            None => "the version lies in the ranges".to_owned(),
        },
        Outcome::Meant(None) if statement.versions.is_empty() => all(),
        Outcome::Meant(None) => format!("{} is named", identity.version),
        _ if matching::is_mended_in_channel(statement, identity, outcome) => {
            format!("{} is a build of the channel that mends it", identity.version)
        }
        Outcome::NotMeant(reason) => reason.to_string(),
    }
}

/// What must hold besides the version, in words.
fn qualifiers(statement: &Statement<'_>) -> Vec<String> {
    let qualifiers = &statement.qualifiers;
    let mut words = Vec::new();
    if !qualifiers.architectures.is_empty() {
        words.push(format!("on {}", qualifiers.architectures.join(", ")));
    }
    match qualifiers.module.as_deref() {
        None => {}
        Some("") => words.push("of no module".to_owned()),
        Some(module) => words.push(format!("of module {module}")),
    }
    if qualifiers.channel != Channel::Main {
        words.push(format!("mended in {}", qualifiers.channel.as_str()));
    }
    if let Some(target) = &qualifiers.target_software {
        words.push(format!("made for {target}"));
    }
    if !qualifiers.runs_on.is_empty() {
        words.push(format!("running on {}", qualifiers.runs_on.join(" or ")));
    }
    if !qualifiers.symbols.is_empty() {
        let paths: Vec<&str> = qualifiers.symbols.iter().map(|symbols| symbols.path.as_str()).collect();
        words.push(format!("in {}", paths.join(", ")));
    }
    words
}

/// Feeds of scores alone have no records that could lack one.
fn feeds_with_advisories(advisories: &Advisories) -> Vec<String> {
    advisories.feeds.iter().filter(|feed| feed.advisories > 0).map(|feed| feed.name.clone()).collect()
}

/// Finds the name that differs least from one that nobody knows, by what a finger does wrong; none where several differ as little, as in a year with
/// thousands of numbers. Of another year it is another vulnerability.
fn nearest<B: AsRef<[u8]>>(database: &Database<B>, name: &str) -> Result<Option<String>, Corrupt> {
    /// More is another name.
    const DISTANCE_MAX: usize = 2;
    /// Longer ones are no names, and the work grows with both lengths.
    const NAME_BYTES_MAX: usize = 64;
    if name.len() > NAME_BYTES_MAX {
        return Ok(None);
    }
    let asked = name.to_ascii_uppercase();
    let mut least = DISTANCE_MAX;
    let mut nearest: Vec<String> = Vec::new();
    for known in database.names()? {
        let known = known?;
        if known.len().abs_diff(name.len()) > least || !year(known).is_none_or(|year| asked.contains(year)) {
            continue;
        }
        let distance = strsim::osa_distance(&asked, &known.to_ascii_uppercase());
        if distance < least {
            nearest.clear();
            least = distance;
        }
        if distance == least && nearest.len() < 2 {
            nearest.push(known.to_owned());
        }
    }
    Ok(nearest.pop().filter(|_| nearest.is_empty()))
}

/// Returns the year in a name: `2021` in `CVE-2021-44228`.
fn year(name: &str) -> Option<&str> {
    // Numbers of Debian's have as many digits.
    let is_year = |part: &&str| {
        part.len() == 4 && part.bytes().all(|byte| byte.is_ascii_digit()) && ("1990".."2100").contains(part)
    };
    name.split(['-', ':']).skip(1).find(is_year)
}
