use std::path::PathBuf;
use std::time::Instant;

use component::Inventory;
use findings::{Answer, Condition, Explanation, Matched, MatchedState, Options, Report, explanation_table};

use crate::advisories::{self, damaged};
use crate::commands::sbom::Reading;
use crate::error::{CommandError, Kind};
use crate::inventory::{self, InHub, Reader};
use crate::output;
use crate::session::Session;

mod decisions;
mod outputs;
mod source;

use decisions::Decisions;
use outputs::Outputs;

/// Find what is known to be wrong with an image, a directory, or what an SBOM of any tool lists.
///
/// An image of a hub that you are logged in to is answered by the hub, with what is decided there. Anything else is matched here, against
/// the database of advisories in use on this machine; nothing is sent anywhere. Each finding is a vulnerability of a component by the rules
/// of its publisher: a distribution's own word counts for what it built.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  garrison scan 127.0.0.1:5000/team/api:1.4
  garrison scan . --fail-on high --only-fixed
  syft -o json alpine:3.20 | garrison scan -
  garrison scan . --fail-on critical --fail-on epss=0.1,fixable
  garrison scan api.tar -o table -o sarif=scan.sarif -o json=scan.json
  garrison scan api.tar --exceptions exceptions.yaml --vex vendor.openvex.json --vex team.csaf.json
  garrison scan --explain CVE-2023-4911 oci:image
  garrison scan --explain CVE-2023-4911 oci:image pkg:deb/debian/libc6

Sources: as of `garrison sbom`, and SBOMs (CycloneDX, SPDX, Syft-JSON, lists of purls), from files and through pipes.
Formats: table, json, grype-json, sarif, cyclonedx-json (@1.4, @1.5, @1.6).
Exit codes: 0 nothing that --fail-on means, 1 something, 2 not understood, 3 the source or the database could not be read, or with
--fail-on nothing was found and not all of it could be looked at.")]
pub(crate) struct Scan {
    /// What to look into
    source: String,
    /// With `--explain`, the one component to speak of: its purl, with or without a version, or its name
    #[arg(value_name = "COMPONENT", requires = "explain")]
    component: Option<String>,
    #[command(flatten)]
    reading: Reading,
    #[command(flatten)]
    outputs: Outputs,
    #[command(flatten)]
    decisions: Decisions,
    /// Database of advisories instead of the one in use
    #[arg(long, value_name = "FILE")]
    database: Option<PathBuf>,
    /// What makes the exit code 1: a least severity (negligible, low, medium, high, critical), `epss=0.1`, `kev`, `fixable`, `any`, or
    /// several of them with commas, which must all hold; may be given several times, and one is enough
    #[arg(long, value_name = "CONDITION")]
    fail_on: Vec<Condition>,
    /// Let what could be looked at decide: with `--fail-on`, packages that no feed of the database speaks of, package databases that
    /// cannot be read, and an SBOM that lists nothing, are an error otherwise
    #[arg(long, requires = "fail_on")]
    accept_unread: bool,
    /// Only what an upgrade mends
    #[arg(long)]
    only_fixed: bool,
    /// Say of one vulnerability why it was found, or why not
    #[arg(long, value_name = "VULNERABILITY", conflicts_with_all = ["fail_on", "only_fixed"])]
    explain: Option<String>,
}

impl Scan {
    pub(crate) fn run(self, session: &Session) -> Result<(), CommandError> {
        // Before anything is read: a mistake in a flag should not cost minutes.
        if let Some(package) = self.explain.as_deref().filter(|name| name.starts_with("pkg:")) {
            let asked = self.component.as_deref().unwrap_or("VULNERABILITY");
            let meant = format!("garrison scan --explain {asked} {} {package}", self.source);
            let hint =
                format!("`--explain` takes the vulnerability, and the package comes after the source: `{meant}`");
            return Err(
                CommandError::new(Kind::Usage, format!("`{package}` is a package, no vulnerability")).hint(hint)
            );
        }
        let outputs = self.outputs.parse()?;
        let files = self.decisions.read()?;
        let given = self.database.as_deref().map(|path| advisories::open(Some(path))).transpose()?;
        let reader = self.reading.reader(session)?;
        let place = inventory::resolve(session, &self.source)?;
        let looked = source::look(&reader, &place).map_err(|error| inventory::or_path(error, &self.source))?;
        if let Some(flag) = self.reading.for_sources_alone().filter(|_| looked.repairs.is_some()) {
            return Err(CommandError::new(
                Kind::Usage,
                format!("`{flag}` is for what is looked into, and this is an SBOM"),
            )
            .hint("an SBOM lists what its maker looked for; leave the flag out"));
        }
        let inventory = &looked.inventory;
        advisories::remember(inventory);
        // Of what is given here the hub knows nothing.
        let hub = looked.in_hub.as_ref().filter(|_| given.is_none() && self.decisions.are_none());
        let database = || given.map_or_else(|| advisories::open_for(inventory), Ok);
        if let Some(name) = &self.explain {
            let asked = self.component.as_deref();
            let answer = ask(&reader, hub, |hub| hub.explanation(name, asked));
            let explanation = if let Some(explanation) = answer {
                explanation
            } else {
                let database = database()?;
                let decisions = self.decisions.complete(files, &reader, &place, &looked)?;
                Explanation::of(&database, inventory, &decisions.deciders(), name, asked).map_err(damaged)?
            };
            return tell(&explanation, outputs.is_json()?);
        }
        let mut started = Instant::now();
        let answer = ask(&reader, hub, |hub| hub.report(self.only_fixed));
        let (report, remarks) = if let Some(report) = answer {
            let mut remarks = decisions::remarks_of_hub(&report.exceptions, &report.vex);
            remarks.extend(report.matched.as_ref().and_then(pending));
            // What it is called here, and where: the hub knows it by its repository.
            (Report { source: inventory.subject.clone(), layers: inventory.layers.clone(), ..report }, remarks)
        } else {
            let database = database()?;
            let decisions = self.decisions.complete(files, &reader, &place, &looked)?;
            started = Instant::now();
            let options = Options {
                deciders: decisions.deciders(),
                only_fixed: self.only_fixed,
                with_summaries: outputs.need_summaries(),
                repairs: looked.repairs.as_ref(),
            };
            let mut report = Report::of(&database, inventory, &options).map_err(damaged)?;
            // What was fetched is of this machine, not of a file.
            if self.database.is_none() {
                advisories::check(&mut report.advisories, jiff::Timestamp::now());
            }
            let remarks = decisions.remarks(&report);
            (report, remarks)
        };
        let milliseconds = u64::try_from(started.elapsed().as_millis()).ok();
        for left_out in outputs.write(&report, inventory, milliseconds)? {
            reader.note(&left_out);
        }
        if !outputs.have_table() {
            for warning in report.warnings() {
                reader.note(&warning);
            }
            for old in report.advisories.old_in_words(jiff::Timestamp::now()) {
                reader.note(&format!("warning: {old}"));
            }
        }
        for remark in remarks {
            reader.note(&remark);
        }
        if let Some(finding) = report.findings.iter().find(|finding| finding.counts()) {
            let (name, source) = (&finding.vulnerability, &self.source);
            reader.note(&format!("hint: `garrison scan --explain {name} {source}` says why it matches"));
        }
        let failing = report.findings.iter().filter(|finding| self.fail_on.iter().any(|fails| fails.holds(finding)));
        if let Some(unrated) = unrated(&report, inventory, &self.fail_on) {
            reader.note(&unrated);
        }
        match failing.count() {
            0 => self.stand(&report, &reader),
            count => {
                reader.note(&reason(count, &self.fail_on));
                Err(CommandError::silent(Kind::No))
            }
        }
    }
}

impl Scan {
    /// Nothing that was found fails. That is an answer only if there was something to find it by.
    fn stand(&self, report: &Report, reader: &Reader) -> Result<(), CommandError> {
        let of_feeds = match report.matched {
            Some(_) => {
                "`garrison db feeds` lists what there is; the hub fetches what its setting `advisories_feeds` names"
            }
            None => {
                "`garrison db update` fetches what scans on this machine need; `garrison db feeds` lists what there is"
            }
        };
        let of_feeds = Some(of_feeds).filter(|_| report.unchecked.wants_feed());
        let Some(blind) = report.blind().filter(|_| !self.fail_on.is_empty() && !self.accept_unread) else {
            if let Some(hint) = of_feeds {
                reader.note(&format!("hint: {hint}"));
            }
            return Ok(());
        };
        let mut hints: Vec<String> = of_feeds.map(str::to_owned).into_iter().collect();
        hints.push("`--accept-unread` lets what could be looked at decide".to_owned());
        let error = format!("nothing was found that --fail-on means, and not all could be looked at: {blind}");
        Err(CommandError::new(Kind::Environment, error).with_hints(hints))
    }
}

/// Asks the hub that has an image. What it does not answer is matched here.
fn ask<T>(reader: &Reader, hub: Option<&InHub>, ask: impl FnOnce(&InHub) -> Result<T, String>) -> Option<T> {
    match ask(hub?) {
        Ok(answer) => {
            reader.note("Matched by the hub, by its advisories; `--no-cache` matches here.");
            Some(answer)
        }
        Err(reason) => {
            reader.note(&format!("Matching here: {reason}."));
            None
        }
    }
}

/// Says that the hub's lists lag behind this answer.
fn pending(matched: &Matched) -> Option<String> {
    let since = matched.since.strftime("%Y-%m-%d %H:%M");
    (matched.state == MatchedState::Pending).then(|| {
        format!("The hub is matching this image by a database that came at {since}: its lists, totals and events do not have all of this yet.")
    })
}

/// Says what fails by no severity because nobody states one.
fn unrated(report: &Report, inventory: &Inventory, conditions: &[Condition]) -> Option<String> {
    let condition = conditions.iter().find(|condition| condition.is_severity())?;
    let is_unrated = |finding: &&findings::Finding| finding.counts() && finding.severity.is_none();
    let unrated: Vec<&findings::Finding> = report.findings.iter().filter(is_unrated).collect();
    let told = match unrated.len() {
        0 => return None,
        1 => format!("1 finding has no severity that is known: `--fail-on {condition}` does not hold for it"),
        count => {
            format!("{count} findings have no severity that is known: `--fail-on {condition}` does not hold for them")
        }
    };
    let places = unrated.iter().filter_map(|finding| usize::try_from(report.component(finding)?.place).ok());
    let families = advisories::families(inventory, places.filter_map(|place| inventory.components.get(place)));
    let feeds = report.advisories.feeds.iter();
    let feeds: Vec<(&str, &str)> = feeds.map(|feed| (feed.name.as_str(), feed.reader.as_str())).collect();
    let why = advisories::lack_severities(&families, &feeds);
    Some(format!("warning: {}", [told.as_str()].into_iter().chain(why).collect::<Vec<_>>().join("; ")))
}

/// The last line: why the exit code is 1.
fn reason(count: usize, conditions: &[Condition]) -> String {
    let findings = if count == 1 { "1 finding".to_owned() } else { format!("{count} findings") };
    let given: Vec<String> = conditions.iter().map(|condition| format!("--fail-on {condition}")).collect();
    let relation = match conditions {
        [only] if only.is_severity() => "at or above",
        _ => "by",
    };
    format!("exit 1 ({findings} {relation} {})", given.join(" or "))
}

/// What nobody knows and what is not here is no answer to why.
fn tell(explanation: &Explanation, is_json: bool) -> Result<(), CommandError> {
    if is_json {
        output::print_json(explanation)?;
    } else {
        output::print_line(explanation_table(explanation).trim_end())?;
    }
    match explanation.answer {
        Answer::Unknown | Answer::NoSuchComponent | Answer::NotCovered | Answer::NotOrdered => {
            Err(CommandError::silent(Kind::No))
        }
        Answer::Affected | Answer::Suppressed | Answer::NotAffected | Answer::NotHere => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_still_to_be_matched_is_told() {
        let matched = |state| Matched {
            database: "sha256:ab".to_owned(),
            matcher: 1,
            state,
            since: jiff::Timestamp::from_second(1_700_000_000).unwrap(),
        };
        assert_eq!(pending(&matched(MatchedState::Done)), None);
        assert_eq!(
            pending(&matched(MatchedState::Pending)).as_deref(),
            Some(
                "The hub is matching this image by a database that came at 2023-11-14 22:13: its lists, totals and events do not have all of this yet."
            )
        );
    }
}
