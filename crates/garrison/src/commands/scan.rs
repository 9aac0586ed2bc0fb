use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use component::{Component, ComponentIndex, Edge, Inventory, Node, Relation};
use images::{Local, Source as Place};
use sbom::formats::Limits;
use serde_json::{Value, json};
use vulndb::cvss::Score;
use vulndb::file::Feed;
use vulndb::matching::{self, Certainty, Finding, Outcome, Suppression};
use vulndb::{Fix, Level, Nature};

use crate::advisories::{self, Advisories, damaged};
use crate::commands::sbom::{Reading, read_document};
use crate::error::{CommandError, Kind};
use crate::inventory;
use crate::output::{self, Format};
use crate::session::Session;

/// Find what is known to be wrong with an image, a directory, or what an SBOM of any tool lists.
///
/// Matched against the database of advisories in use on this machine; nothing is sent anywhere. Each finding is a vulnerability of a
/// component by the rules of its publisher: a distribution's own word counts for what it built.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison scan 127.0.0.1:5000/team/api:1.4
  garrison scan . --fail-on high --only-fixed
  garrison scan api.cdx.json -o json
  garrison scan --explain CVE-2023-4911 oci:image

Sources: as of `garrison sbom`, and SBOMs (CycloneDX, SPDX, Syft-JSON, lists of purls).
Exit codes: 0 nothing at or above --fail-on, 1 something, 2 not understood, 3 the source or the database could not be read.")]
pub(crate) struct Scan {
    /// What to look into
    source: String,
    #[command(flatten)]
    reading: Reading,
    /// Database of advisories instead of the one in use
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
    /// Least severity that makes the exit code 1; without it findings do not
    #[arg(long, value_enum, value_name = "SEVERITY")]
    fail_on: Option<Severity>,
    /// Only what an upgrade mends
    #[arg(long)]
    only_fixed: bool,
    /// Say of one vulnerability why it was found, or why not
    #[arg(long, value_name = "VULNERABILITY")]
    explain: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Severity {
    Negligible,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    fn level(self) -> Level {
        match self {
            Self::Negligible => Level::Negligible,
            Self::Low => Level::Low,
            Self::Medium => Level::Medium,
            Self::High => Level::High,
            Self::Critical => Level::Critical,
        }
    }
}

/// A finding with all that people ask about it.
struct Row<'a> {
    index: ComponentIndex,
    component: &'a Component,
    name: String,
    aliases: BTreeSet<String>,
    level: Option<Level>,
    score: Option<Score>,
    probability: Option<f32>,
    is_exploited: bool,
    fixed: Option<String>,
    fix: Fix,
    suppressed: Option<String>,
    finding: Finding,
}

impl Scan {
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        let database = advisories::open(self.database.as_deref())?;
        let inventory = self.inventory(session)?;
        if let Some(name) = &self.explain {
            return explain(session, &database, &inventory, name);
        }
        let started = Instant::now();
        let matched = matching::match_inventory(&database, &inventory).map_err(damaged)?;
        let elapsed = started.elapsed();
        let mut rows = Vec::new();
        for (index, findings) in matched {
            let Some(component) = component_at(&inventory, index) else { continue };
            for finding in findings {
                rows.push(row(&database, &inventory, index, component, finding)?);
            }
        }
        rows.retain(|row| !self.only_fixed || row.fixed.is_some());
        rows.sort_by(|left, right| {
            let worst = |row: &Row<'_>| (row.suppressed.is_some(), !row.is_exploited, std::cmp::Reverse(row.level));
            worst(left).cmp(&worst(right)).then_with(|| (&left.name, left.index).cmp(&(&right.name, right.index)))
        });
        let paths = Paths::of(&inventory);
        match session.format() {
            Format::Json => output::print_json(&document(&database, &inventory, &rows, &paths)?)?,
            Format::Table => print(&database, &inventory, &rows, &paths, elapsed.as_millis())?,
        }
        let fails = |row: &Row<'_>| {
            let is_counted =
                row.suppressed.is_none() && matches!(row.finding.nature, Nature::Vulnerability | Nature::Malware);
            is_counted && self.fail_on.is_some_and(|least| row.level.is_some_and(|level| level >= least.level()))
        };
        if rows.iter().any(fails) { Err(CommandError::silent(Kind::No)) } else { Ok(()) }
    }

    fn inventory(&self, session: &Session) -> Result<Inventory, CommandError> {
        let reader = self.reading.reader()?;
        let place = inventory::resolve(session, &self.source)?;
        match &place {
            Place::Local(Local::Path(path)) if is_document(path) => Ok(read_document(&self.source)?.inventory),
            place => reader.read(place),
        }
    }
}

/// Tells whether a file is an SBOM, by its beginning.
fn is_document(path: &Path) -> bool {
    let is_small =
        path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() <= Limits::DOCUMENT_BYTES_MAX as u64);
    let mut bytes = Vec::new();
    is_small
        && File::open(path).and_then(|file| file.take(DOCUMENT_BEGINNING_BYTES).read_to_end(&mut bytes)).is_ok()
        && {
            let text = String::from_utf8_lossy(&bytes);
            let text = text.trim_start_matches('\u{feff}').trim_start();
            text.starts_with("pkg:")
                || (text.starts_with('{')
                    && ["\"bomFormat\"", "\"spdxVersion\"", "\"SPDXID\"", "\"artifacts\""]
                        .iter()
                        .any(|key| text.contains(key)))
        }
}

/// Documents name their format near their beginning.
const DOCUMENT_BEGINNING_BYTES: u64 = 64 << 10;

fn component_at(inventory: &Inventory, index: ComponentIndex) -> Option<&Component> {
    usize::try_from(index.0).ok().and_then(|at| inventory.components.get(at))
}

fn row<'a>(
    database: &Advisories,
    inventory: &Inventory,
    index: ComponentIndex,
    component: &'a Component,
    finding: Finding,
) -> Result<Row<'a>, CommandError> {
    let vulnerability = database.vulnerability(finding.vulnerability).map_err(damaged)?;
    let mut aliases = BTreeSet::new();
    for advisory in &vulnerability.advisories {
        let head = database.advisory(*advisory).map_err(damaged)?;
        aliases.insert(head.id.to_owned());
        aliases.extend(head.aliases.iter().map(ToString::to_string));
    }
    aliases.remove(vulnerability.name);
    let rated = matching::severity(database, &finding).map_err(damaged)?;
    let suppressed = match &finding.suppression {
        Some(suppression) => Some(told_suppression(database, inventory, suppression)?),
        None => None,
    };
    let fix = finding.hits.iter().map(|hit| hit.fix).find(|fix| *fix != Fix::AsStated).unwrap_or_default();
    Ok(Row {
        index,
        component,
        aliases,
        level: rated.level,
        score: rated.score,
        probability: database.find_probability(vulnerability.name).map_err(damaged)?.map(|found| found.probability),
        is_exploited: database.find_exploited(vulnerability.name).map_err(damaged)?.is_some(),
        fixed: matching::upgrade(&finding),
        fix,
        suppressed,
        name: vulnerability.name.to_owned(),
        finding,
    })
}

/// Says why a finding does not count.
fn told_suppression(
    database: &Advisories,
    inventory: &Inventory,
    suppression: &Suppression,
) -> Result<String, CommandError> {
    Ok(match suppression {
        Suppression::NoCode => "it carries nothing that runs".to_owned(),
        Suppression::NotAffected(advisory) => {
            let head = database.advisory(*advisory).map_err(damaged)?;
            format!("{} says that it is not affected", head.id)
        }
        Suppression::Owned { owner } => {
            let owner = component_at(inventory, *owner).map_or("", |owner| &owner.name);
            format!("the distribution speaks of {owner}, which installed it")
        }
    })
}

/// How each component came in: the one that the shortest path from the root has before it.
struct Paths {
    before: BTreeMap<ComponentIndex, Option<ComponentIndex>>,
}

impl Paths {
    fn of(inventory: &Inventory) -> Self {
        let mut edges: BTreeMap<Node, Vec<ComponentIndex>> = BTreeMap::new();
        for Edge { from, to, relation } in &inventory.edges {
            if matches!(relation, Relation::DependsOn(_) | Relation::Contains) {
                edges.entry(*from).or_default().push(*to);
            }
        }
        let mut before = BTreeMap::new();
        let mut queue = VecDeque::from([Node::Root]);
        while let Some(node) = queue.pop_front() {
            for to in edges.get(&node).into_iter().flatten() {
                let from = match node {
                    Node::Root => None,
                    Node::Component(index) => Some(index),
                };
                if let std::collections::btree_map::Entry::Vacant(entry) = before.entry(*to) {
                    entry.insert(from);
                    queue.push_back(Node::Component(*to));
                }
            }
        }
        Self { before }
    }

    /// Returns the components from the one that someone asked for down to this, which is the last.
    fn to(&self, index: ComponentIndex) -> Vec<ComponentIndex> {
        let mut path = Vec::new();
        let mut next = self.before.contains_key(&index).then_some(index);
        while let Some(index) = next {
            path.push(index);
            next = self.before.get(&index).copied().flatten();
        }
        path.reverse();
        path
    }
}

fn shown(component: &Component) -> String {
    format!("{} {}", component.name, component.version.as_deref().unwrap_or("-"))
}

fn level_word(level: Option<Level>) -> &'static str {
    match level {
        None => "unknown",
        Some(Level::Negligible) => "negligible",
        Some(Level::Low) => "low",
        Some(Level::Medium) => "medium",
        Some(Level::High) => "high",
        Some(Level::Critical) => "critical",
    }
}

fn fix_word(fix: Fix) -> Option<&'static str> {
    match fix {
        Fix::AsStated => None,
        Fix::WontFix => Some("will not be fixed"),
        Fix::Deferred => Some("fix deferred"),
        Fix::EndOfLife => Some("end of life"),
    }
}

/// The first line answers, the second says by what, then the findings, worst first, and what to do next.
fn print(
    database: &Advisories,
    inventory: &Inventory,
    rows: &[Row<'_>],
    paths: &Paths,
    milliseconds: u128,
) -> Result<(), CommandError> {
    let open: Vec<&Row<'_>> = rows.iter().filter(|row| row.suppressed.is_none()).collect();
    let is_mendable = |row: &&&Row<'_>| row.fixed.is_some();
    let (mendable, others) =
        (open.iter().filter(is_mendable).count(), open.iter().filter(|row| row.fixed.is_none()).count());
    let feeds = database.feeds().map_err(damaged)?;
    output::print_line(&output::printable(&format!(
        "{}: {mendable} to act on, {others} without a fix, {} that do not count",
        inventory.subject.name(),
        rows.len() - open.len(),
    )))?;
    output::print_line(&format!(
        "advisories of {}, {} components, {milliseconds} ms",
        advisories::moment(advisories::newest(&feeds)),
        inventory.components.len()
    ))?;
    for row in &open {
        for line in lines(inventory, row, paths) {
            output::print_line(&output::printable(&line))?;
        }
    }
    if let Some(row) = open.first() {
        let (name, source) = (&row.name, inventory.subject.name());
        output::note(&output::printable(&format!(
            "hint: `garrison scan {source} --explain {name}` says why it matches"
        )));
    }
    Ok(())
}

/// A finding in a line, and who brought its component in another.
fn lines(inventory: &Inventory, row: &Row<'_>, paths: &Paths) -> Vec<String> {
    let fix = match (&row.fixed, fix_word(row.fix)) {
        (Some(fixed), _) => format!(" -> {fixed}"),
        (None, Some(word)) => format!("  ({word})"),
        (None, None) => String::new(),
    };
    let level = level_word(row.level).to_uppercase();
    let parts = [
        Some(format!(" {level:<10}  {:<16}  {}{fix}", row.name, shown(row.component))),
        row.is_exploited.then(|| "KEV".to_owned()),
        row.probability.map(|probability| format!("EPSS {:.1} %", probability * 100.0)),
        (row.finding.certainty == Certainty::UnderInvestigation).then(|| "(under investigation)".to_owned()),
        row.component.locations.first().map(|location| location.path.clone()),
    ];
    let mut lines = vec![parts.into_iter().flatten().collect::<Vec<_>>().join("  ")];
    if let [first, .., _] = paths.to(row.index).as_slice()
        && let Some(first) = component_at(inventory, *first)
    {
        lines.push(format!("{:13}brought by {}", "", shown(first)));
    }
    lines
}

fn document(
    database: &Advisories,
    inventory: &Inventory,
    rows: &[Row<'_>],
    paths: &Paths,
) -> Result<Value, CommandError> {
    let feeds = database.feeds().map_err(damaged)?;
    let findings =
        rows.iter().map(|row| finding_json(database, &feeds, inventory, row, paths)).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({
        "source": inventory.subject,
        "distribution": inventory.distribution,
        "advisories": {
            "newest": advisories::newest(&feeds).and_then(|seconds| jiff::Timestamp::from_second(seconds).ok()),
            "feeds": feeds.iter().map(|feed| json!({ "name": feed.name, "records": feed.advisories })).collect::<Vec<_>>(),
        },
        "components": inventory.components.len(),
        "findings": findings,
    }))
}

fn finding_json(
    database: &Advisories,
    feeds: &[Feed],
    inventory: &Inventory,
    row: &Row<'_>,
    paths: &Paths,
) -> Result<Value, CommandError> {
    let mut hits = Vec::new();
    for hit in &row.finding.hits {
        let head = database.advisory(hit.advisory).map_err(damaged)?;
        hits.push(json!({
            "id": head.id,
            "feed": feeds.get(usize::from(head.feed.0)).map(|feed| &feed.name),
            "ecosystem": hit.identity.ecosystem.to_string(),
            "package": hit.identity.name,
            "version": hit.identity.version,
            "fixed": hit.fixed,
        }));
    }
    let path = paths.to(row.index);
    Ok(json!({
        "vulnerability": row.name,
        "aliases": row.aliases,
        "nature": format!("{:?}", row.finding.nature).to_lowercase(),
        "severity": level_word(row.level),
        "score": row.score.map(|score| score.to_string()),
        "epss": row.probability,
        "kev": row.is_exploited,
        "state": match row.finding.certainty {
            Certainty::Affected => "affected",
            Certainty::UnderInvestigation => "under_investigation",
        },
        "suppressed": row.suppressed,
        "component": {
            "name": row.component.name,
            "version": row.component.version,
            "type": row.component.package_type.name(),
            "purl": row.component.purl.as_ref().map(ToString::to_string),
            "locations": row.component.locations,
        },
        "fixed": row.fixed,
        "fix": fix_word(row.fix),
        "path": path.iter().filter_map(|index| component_at(inventory, *index)).map(shown).collect::<Vec<_>>(),
        "advisories": hits,
    }))
}

/// Says of one vulnerability what each record says of each component, and why that is a finding or not.
fn explain(session: &Session, database: &Advisories, inventory: &Inventory, name: &str) -> Result<(), CommandError> {
    let vulnerabilities = database.find_vulnerabilities(name).map_err(damaged)?;
    let feeds = database.feeds().map_err(damaged)?;
    let feed_names: Vec<&str> = feeds.iter().map(|feed| feed.name.as_str()).collect();
    if vulnerabilities.is_empty() {
        let listed = feed_names.join(", ");
        return Err(CommandError::new(Kind::No, format!("no feed knows `{}`", output::printable(name)))
            .hint(format!("feeds: {listed}; `garrison db status` says how old they are")));
    }
    // What counts is what a scan counts: a record that means a version may be outweighed by another.
    let (mut is_affected, mut outweighed) = (false, Vec::new());
    for (index, findings) in matching::match_inventory(database, inventory).map_err(damaged)? {
        for finding in findings.iter().filter(|finding| vulnerabilities.contains(&finding.vulnerability)) {
            is_affected |= finding.suppression.is_none();
            if let (Some(suppression), Some(component)) = (&finding.suppression, component_at(inventory, index)) {
                outweighed.push((shown(component), told_suppression(database, inventory, suppression)?));
            }
        }
    }
    let mut records = Vec::new();
    for component in &inventory.components {
        for told in matching::explain(database, component, inventory.distribution.as_ref(), &vulnerabilities)
            .map_err(damaged)?
        {
            let head = database.advisory(told.advisory).map_err(damaged)?;
            let because = match &told.outcome {
                Outcome::Meant(_) => "the version lies in the ranges".to_owned(),
                Outcome::NotMeant(reason) => reason.to_string(),
            };
            records.push(json!({
                "record": head.id,
                "feed": feed_names.get(usize::from(head.feed.0)),
                "component": shown(component),
                "package": told.identity.name,
                "ecosystem": told.identity.ecosystem.to_string(),
                "version": told.identity.version,
                "says": told.verdict,
                "ranges": told.ranges,
                "meant": matches!(told.outcome, Outcome::Meant(_)),
                "because": because,
                "location": component.locations.first(),
            }));
        }
    }
    let packages = matching::packages_of(database, &vulnerabilities).map_err(damaged)?;
    let answer = match (is_affected, records.is_empty()) {
        (true, _) => "Affected.",
        (false, false) => "Not affected.",
        (false, true) => "Not affected: none of its packages is here.",
    };
    match session.format() {
        Format::Json => output::print_json(&json!({
            "vulnerability": name,
            "affected": is_affected,
            "records": records,
            "outweighed": outweighed
                .iter()
                .map(|(component, reason)| json!({ "component": component, "because": reason }))
                .collect::<Vec<_>>(),
            "packages": packages.iter().map(|(ecosystem, package)| format!("{ecosystem} {package}")).collect::<Vec<_>>(),
        })),
        Format::Table => {
            output::print_line(answer)?;
            for record in &records {
                let text = |key: &str| record[key].as_str().unwrap_or("-").to_owned();
                let lines = [
                    (
                        "record",
                        format!(
                            "{} of {} {}, feed {}",
                            text("record"),
                            text("ecosystem"),
                            text("package"),
                            text("feed")
                        ),
                    ),
                    ("says", format!("{} {}", text("says"), text("ranges"))),
                    ("present", format!("{}, compared as {}", text("component"), text("version"))),
                    ("because", text("because")),
                ];
                for (title, value) in lines {
                    output::print_line(&output::printable(&format!(" {title:<10}  {value}")))?;
                }
                output::print_line("")?;
            }
            for (component, reason) in &outweighed {
                let text = format!(" does not count  {component}: {reason}");
                output::print_line(&output::printable(&text))?;
            }
            if records.is_empty() {
                let listed: Vec<_> = packages
                    .iter()
                    .take(PACKAGES_SHOWN)
                    .map(|(ecosystem, name)| format!("{ecosystem} {name}"))
                    .collect();
                output::print_line(&output::printable(&format!(" known of    {}", listed.join(", "))))?;
            }
            Ok(())
        }
    }
}

/// The most packages that are named of a vulnerability that is not here.
const PACKAGES_SHOWN: usize = 20;
