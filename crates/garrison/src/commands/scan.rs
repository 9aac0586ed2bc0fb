use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use component::{Component, ComponentIndex, Inventory};
use findings::{Finding, FixState, Options, Report};
use images::{Local, Source as Place};
use sbom::formats::Limits;
use serde_json::json;
use vulndb::matching::{self, Certainty, Outcome, Suppression};
use vulndb::{Level, Nature};

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

impl Scan {
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        let database = advisories::open(self.database.as_deref())?;
        let inventory = self.inventory(session)?;
        if let Some(name) = &self.explain {
            return explain(session, &database, &inventory, name);
        }
        let is_json = session.format() == Format::Json;
        let started = Instant::now();
        let options = Options { only_fixed: self.only_fixed, with_summaries: is_json };
        let report = Report::of(&database, &inventory, &options).map_err(damaged)?;
        if is_json {
            output::print_json(&report)?;
        } else {
            print(&report, started.elapsed().as_millis())?;
        }
        let fails = |finding: &Finding| {
            let is_counted = finding.counts() && matches!(finding.nature, Nature::Vulnerability | Nature::Malware);
            let is_severe = |least: Severity| finding.severity.is_some_and(|level| level >= least.level());
            is_counted && self.fail_on.is_some_and(is_severe)
        };
        if report.findings.iter().any(fails) { Err(CommandError::silent(Kind::No)) } else { Ok(()) }
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

fn shown(component: &Component) -> String {
    format!("{} {}", component.name, component.version.as_deref().unwrap_or("-"))
}

/// The first line answers, the second says by what, then the findings, worst first, and what to do next.
fn print(report: &Report, milliseconds: u128) -> Result<(), CommandError> {
    let open: Vec<&Finding> = report.findings.iter().filter(|finding| finding.counts()).collect();
    let mendable = open.iter().filter(|finding| finding.fix.version.is_some()).count();
    let source = report.source.name();
    output::print_line(&output::printable(&format!(
        "{source}: {mendable} to act on, {} without a fix, {} that do not count",
        open.len() - mendable,
        report.findings.len() - open.len(),
    )))?;
    let newest = report.advisories.newest.map_or("-".to_owned(), |time| time.strftime("%Y-%m-%d %H:%M").to_string());
    output::print_line(&format!(
        "advisories of {newest}, {} components, {milliseconds} ms",
        report.inventory.components
    ))?;
    for finding in &open {
        for line in lines(report, finding) {
            output::print_line(&output::printable(&line))?;
        }
    }
    if let Some(finding) = open.first() {
        let name = &finding.vulnerability;
        output::note(&output::printable(&format!(
            "hint: `garrison scan {source} --explain {name}` says why it matches"
        )));
    }
    Ok(())
}

/// A finding in a line, and who brought its component in another.
fn lines(report: &Report, finding: &Finding) -> Vec<String> {
    let fix = match (&finding.fix.version, finding.fix.state) {
        (Some(fixed), _) => format!(" -> {fixed}"),
        (None, FixState::NotFixed) => String::new(),
        (None, state) => format!("  ({})", state.words()),
    };
    let level = finding.severity.map_or("unknown", Level::as_str).to_uppercase();
    let component = report.component(finding);
    let name = &finding.component;
    let parts = [
        Some(format!(" {level:<10}  {:<16}  {name}{fix}", finding.vulnerability)),
        finding.kev.map(|_| "KEV".to_owned()),
        finding.epss.map(|epss| format!("EPSS {:.1} %", epss.probability * 100.0)),
        (finding.certainty == Certainty::UnderInvestigation).then(|| "(under investigation)".to_owned()),
        component.and_then(|component| component.locations.first()).map(|location| location.path.clone()),
    ];
    let mut lines = vec![parts.into_iter().flatten().collect::<Vec<_>>().join("  ")];
    if let Some([first, .., _]) = component.map(|component| component.path.as_slice()) {
        lines.push(format!("{:13}brought by {first}", ""));
    }
    lines
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
    let distribution = matching::distribution_of(inventory);
    let mut records = Vec::new();
    for component in &inventory.components {
        for told in
            matching::explain(database, component, distribution.as_deref(), &vulnerabilities).map_err(damaged)?
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
