//! OSV: the Open Source Vulnerability format, schema 1.x (<https://ossf.github.io/osv-schema/>), as JSON and as YAML: one
//! record, an array of records, or a record a line.
//!
//! Ranges are read by the schema's evaluation, whatever bounds a publisher names beside them (Go's `custom_ranges`): those who
//! match by the schema match the same versions. With one exception: a range of GitHub's that no event ends, because nothing
//! mends it *in that package*, ends where `last_known_affected_version_range` says. GitHub's own page and alerts end there; the
//! schema has no event for a bound that is not itself a version (`< 0.7.3`).

use component::{Scheme, Version};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use self::events::{Event, intervals};
use crate::requirement::split_comparison;
use crate::wording::{self, DETAILS_BYTES_MAX, NAME_BYTES_MAX, SUMMARY_BYTES_MAX};
use crate::{
    Advisory, Affected, Channel, Document, Ecosystem, End, Family, Fix, Interval, Named, Nature, Problem, Qualifiers,
    Rating, Reader, Records, Severity, Start, Symbols, Verdict, surroundings, yaml,
};

#[path = "osv/events.rs"]
mod events;
#[path = "osv/suse.rs"]
mod suse;

/// The largest document. A record of Ubuntu's kernel has 5 MB; what publishers serve as one document of many has 20.
const DOCUMENT_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// The most packages of one record. The most seen is 516; errata of Red Hat's kernel have some thousands.
const AFFECTED_MAX: usize = 16_384;

/// The most events of one range. The most seen is 118.
const EVENTS_MAX: usize = 1024;

/// The most versions that are named for one package. The most seen is 2,385.
const VERSIONS_MAX: usize = 16_384;

/// The most names of one record, of each kind. The most seen is 495.
const NAMES_MAX: usize = 2048;

/// The most references of one record. The most seen is 352.
const REFERENCES_MAX: usize = 2048;

/// What the identifiers of malicious packages begin with.
const MALICIOUS: &str = "MAL-";

/// The digits of the sum of a report.
const SUM_DIGITS: usize = 64;

pub(crate) const READER: Reader = Reader {
    name: "osv",
    summary: "OSV records: GitHub, PyPA, Go, RustSec, Bitnami, Kubernetes, AlmaLinux, Rocky Linux, Ubuntu, Debian and others",
    claims: is_claimed,
    document_bytes_max: DOCUMENT_BYTES_MAX,
    read,
};

/// The Kubernetes feed has a file that says when it was made.
fn is_claimed(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    ["json", "jsonl", "ndjson", "yaml", "yml"].iter().any(|known| wording::has_extension(name, known)) && name != "last_updated.json"
}

fn read(document: &Document<'_>, records: &mut Records) {
    let bytes = document.bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document.bytes).trim_ascii();
    let first_line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_lines = first_line.len() < bytes.len() && serde_json::from_slice::<IgnoredAny>(first_line).is_ok();
    match bytes.first() {
        Some(b'[') if !is_lines => match serde_json::from_slice::<Vec<&serde_json::value::RawValue>>(bytes) {
            Ok(all) => all.iter().for_each(|one| read_json(one.get().as_bytes(), document.path, records)),
            Err(_) => records.refuse(Problem::Format, document.path),
        },
        Some(b'{') if !is_lines => read_json(bytes, document.path, records),
        Some(b'{' | b'[') => {
            let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
            lines.for_each(|line| read_json(line, document.path, records));
        }
        _ => take(yaml::document(bytes), document.path, records),
    }
}

fn read_json(bytes: &[u8], path: &str, records: &mut Records) {
    take(serde_json::from_slice(bytes).ok(), path, records);
}

fn take(record: Option<Record>, path: &str, records: &mut Records) {
    match record {
        Some(record) if !record.id.is_empty() && record.id.len() <= NAME_BYTES_MAX => record.read(records),
        _ => records.refuse(Problem::Format, path),
    }
}

#[derive(Deserialize)]
struct Record {
    id: String,
    #[serde(default, deserialize_with = "or_default")]
    aliases: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    upstream: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    related: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    published: String,
    #[serde(default, deserialize_with = "or_default")]
    modified: String,
    #[serde(default, deserialize_with = "or_default")]
    withdrawn: String,
    #[serde(default, deserialize_with = "or_default")]
    summary: String,
    #[serde(default, deserialize_with = "or_default")]
    details: String,
    #[serde(default, deserialize_with = "or_default")]
    severity: Vec<StatedSeverity>,
    #[serde(default, deserialize_with = "or_default")]
    references: Vec<StatedReference>,
    #[serde(default, deserialize_with = "or_default")]
    affected: Vec<StatedAffected>,
    #[serde(default)]
    database_specific: Value,
}

#[derive(Deserialize)]
struct StatedSeverity {
    r#type: String,
    score: String,
}

#[derive(Deserialize)]
struct StatedReference {
    #[serde(default)]
    r#type: String,
    url: String,
}

#[derive(Deserialize)]
struct StatedAffected {
    package: Option<Package>,
    #[serde(default, deserialize_with = "or_default")]
    ranges: Vec<Range>,
    #[serde(default, deserialize_with = "or_default")]
    versions: Vec<String>,
    #[serde(default, deserialize_with = "or_default")]
    severity: Vec<StatedSeverity>,
    #[serde(default)]
    ecosystem_specific: Value,
    #[serde(default)]
    database_specific: Value,
}

#[derive(Deserialize)]
struct Package {
    ecosystem: String,
    name: String,
    #[serde(default, deserialize_with = "or_default")]
    purl: String,
}

#[derive(Deserialize)]
struct Range {
    r#type: String,
    #[serde(default, deserialize_with = "or_default")]
    events: Vec<StatedEvent>,
}

#[derive(Deserialize)]
struct StatedEvent {
    introduced: Option<String>,
    fixed: Option<String>,
    last_affected: Option<String>,
    limit: Option<String>,
}

impl Range {
    /// Fixed before there was any version: what Alpine's database says of packages that never had the vulnerability.
    fn is_denial(&self) -> bool {
        self.events.iter().any(|event| event.fixed.as_deref() == Some("0"))
    }
}

/// Leaves out the sums of the reports that a record of a malicious package was made of: `## Source: NAME (SUM)`. They say nothing to
/// whoever has no report, and of what is packed of such a record they would be more than half.
fn without_sums(details: &str) -> String {
    let kept = |line| {
        let named = str::strip_suffix(line, ")").filter(|line| line.starts_with("## Source: "));
        let is_sum = |sum: &str| sum.len() == SUM_DIGITS && sum.bytes().all(|digit| digit.is_ascii_hexdigit());
        named.and_then(|line| line.rsplit_once(" (")).filter(|(_, sum)| is_sum(sum)).map_or(line, |(name, _)| name)
    };
    details.split('\n').map(kept).collect::<Vec<_>>().join("\n")
}

/// Publishers write `null` for what they do not state.
fn or_default<'de, T: DeserializeOwned + Default, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

impl Record {
    fn read(mut self, records: &mut Records) {
        if self.affected.len() > AFFECTED_MAX {
            return records.refuse(Problem::TooMany("affected packages"), &self.id);
        }
        if self.affected.is_empty() {
            return records.refuse(Problem::NoPackage, &self.id);
        }
        let stated = std::mem::take(&mut self.affected);
        let mut nature = if self.id.starts_with(MALICIOUS) { Nature::Malware } else { Nature::Vulnerability };
        let mut weaknesses = weaknesses_of(&self.database_specific["cwe_ids"], |cwe| cwe);
        let mut affected = Vec::with_capacity(stated.len());
        let mut products_of_suse = Vec::new();
        for one in stated {
            let product = one.package.as_ref().map(|package| package.ecosystem.clone()).unwrap_or_default();
            weaknesses.extend(weaknesses_of(&one.database_specific["cwes"], |cwe| &cwe["cweId"]));
            if let Some(informational) = one.database_specific["informational"].as_str() {
                nature = read_informational(informational, &self.id, records);
            }
            match self.read_affected(one, records) {
                Ok(one) => {
                    affected.extend(suse::of_service_packs(&product, &one));
                    affected.push(one);
                }
                Err(problem) => records.refuse(problem, &self.id),
            }
            products_of_suse.extend(Some(product).filter(|name| name.starts_with("SUSE:")));
        }
        if affected.is_empty() {
            return;
        }
        suse::mark_extended(&products_of_suse, &mut affected);
        let family = affected[0].ecosystem.family;
        self.take_related(family);
        if self.is_bug_fix(family) {
            nature = Nature::Notice;
        }
        let severities = self.read_severities(family, records);
        weaknesses.sort_unstable();
        weaknesses.dedup();
        if self.id.starts_with(MALICIOUS) {
            self.details = without_sums(&self.details);
        }
        if wording::cut(&mut self.summary, SUMMARY_BYTES_MAX) | wording::cut(&mut self.details, DETAILS_BYTES_MAX) {
            records.refuse(Problem::TooMany("bytes of text"), &self.id);
        }
        let references = self.read_references(records);
        let aliases = names(self.aliases, &self.id, records);
        let upstream = names(self.upstream, &self.id, records);
        records.advisories.push(Advisory {
            aliases,
            upstream,
            nature,
            published: wording::time(&self.published),
            modified: wording::time(&self.modified),
            withdrawn: wording::time(&self.withdrawn),
            summary: self.summary,
            details: self.details,
            severities,
            references,
            weaknesses,
            affected,
            id: self.id,
        });
    }

    fn read_affected(&self, stated: StatedAffected, records: &mut Records) -> Result<Affected, Problem> {
        let StatedAffected { package, ranges, versions, severity, ecosystem_specific, database_specific } = stated;
        let package = package.ok_or(Problem::NoPackage)?;
        let (ecosystem, channel) = parse_ecosystem(&package.ecosystem)?;
        if ecosystem.family.has_releases() && ecosystem.release.is_none() {
            return Err(Problem::Release(ecosystem.family.as_str()));
        }
        if package.name.is_empty() {
            return Err(Problem::NoPackage);
        }
        if package.name.len() > NAME_BYTES_MAX {
            return Err(Problem::TooMany("bytes of a name"));
        }
        if versions.iter().any(|version| version.len() > NAME_BYTES_MAX) {
            return Err(Problem::Version);
        }
        if versions.len() > VERSIONS_MAX {
            return Err(Problem::TooMany("versions"));
        }
        let scheme = ecosystem.family.scheme();
        let mut intervals = Vec::new();
        // What remains unread of a package that is taken for the rest of it.
        let mut problem = None;
        let is_denied = ecosystem.family.is_distribution() && ranges.iter().any(Range::is_denial);
        for range in ranges.into_iter().filter(|range| range.r#type != "GIT") {
            match read_range(scheme, range) {
                Ok(found) => intervals.extend(found),
                Err(found) => problem = problem.or(Some(found)),
            }
        }
        let is_cut = last_known(&database_specific).is_some_and(|end| cut_open(scheme, &mut intervals, &end));
        // Versions that can be ordered are computed from the ranges where the publisher is GitHub.
        let is_computed = |version: &str| is_cut && scheme.is_some_and(|scheme| Version::parse(scheme, version).is_ok());
        let versions: Vec<String> = versions
            .into_iter()
            .filter(|version| !is_computed(version) && !is_in_any(scheme, version, &intervals))
            .collect();
        let is_empty = intervals.is_empty() && versions.is_empty();
        if is_empty && is_denied {
            intervals.push(Interval::ALL);
        } else if is_empty {
            return Err(problem.unwrap_or(Problem::NoPackage));
        }
        if let Some(problem) = problem {
            records.refuse(problem, &self.id);
        }
        let mut severities = Vec::new();
        for one in &severity {
            severities.extend(read_severity(one, &self.id, records));
        }
        let priority = [&ecosystem_specific, &database_specific].map(|specific| specific["ubuntu_priority"].as_str());
        let urgency = ecosystem_specific["urgency"].as_str().or(ecosystem_specific["severity"].as_str());
        for word in priority.into_iter().flatten().chain(urgency) {
            severities.extend(read_level(word, &self.id, records));
        }
        let fix = if urgency == Some("end-of-life") { Fix::EndOfLife } else { Fix::AsStated };
        Ok(Affected {
            package: ecosystem.canonical_name(&package.name),
            named: read_named(ecosystem.family, &package, &ecosystem_specific),
            verdict: if is_empty { Verdict::NotAffected } else { Verdict::Affected(fix) },
            qualifiers: Qualifiers {
                architectures: read_words(&ecosystem_specific, "goarch", "arch"),
                module: self.module(ecosystem.family, &intervals),
                channel: refine_channel(channel, &package.purl),
                symbols: read_symbols(&ecosystem_specific["imports"]),
                runs_on: surroundings::systems(&read_words(&ecosystem_specific, "goos", "os")),
                ..Qualifiers::default()
            },
            ecosystem,
            intervals,
            versions,
            severities,
        })
    }

    /// Errata of distributions name what they are about in `related` where their publishers do not write `upstream` yet.
    fn take_related(&mut self, family: Family) {
        if is_errata_family(family) {
            self.upstream.extend(self.related.iter().filter(|name| name.starts_with("CVE-")).cloned());
        }
    }

    /// Errata that mend bugs and add things are published beside those that mend vulnerabilities: `ALBA-2021:1099`.
    fn is_bug_fix(&self, family: Family) -> bool {
        const BEGINNINGS: &[&str] = &["ALBA-", "ALEA-", "RLBA-", "RLEA-", "RHBA-", "RHEA-"];
        let is_one = BEGINNINGS.iter().any(|beginning| self.id.starts_with(beginning));
        is_one && is_errata_family(family) && self.upstream.is_empty() && self.aliases.is_empty()
    }

    /// An erratum for a module's builds names the stream in its title (`Moderate: container-tools:4.0 security update`), and
    /// nowhere else. A title that names two (`virt:rhel and virt-devel:rhel`) does not say which package is of which.
    fn module(&self, family: Family, intervals: &[Interval]) -> Option<String> {
        let is_module_build = intervals.iter().any(|interval| match &interval.end {
            crate::End::Fixed(version) => version.contains(".module"),
            _ => false,
        });
        if !is_module_build || !is_errata_family(family) {
            return None;
        }
        let mut streams = self.summary.split([' ', ',']).filter(|word| is_stream(word));
        let stream = streams.next()?;
        streams.all(|other| other == stream).then(|| stream.to_owned())
    }

    fn read_severities(&self, family: Family, records: &mut Records) -> Vec<Severity> {
        let mut severities = Vec::new();
        for one in &self.severity {
            severities.extend(read_severity(one, &self.id, records));
        }
        if let Some(word) = self.database_specific["severity"].as_str() {
            severities.extend(read_level(word, &self.id, records));
        }
        // Errata of Red Hat and of those who rebuild them have their severity at the beginning of the title.
        let word = self.summary.split_once(':').map(|(word, _)| word).filter(|_| is_errata_family(family));
        if let Some(word @ ("Low" | "Moderate" | "Important" | "Critical")) = word {
            severities.extend(read_level(word, &self.id, records));
        }
        severities
    }

    fn read_references(&mut self, records: &mut Records) -> Vec<crate::Reference> {
        let stated = std::mem::take(&mut self.references);
        if stated.len() > REFERENCES_MAX {
            records.refuse(Problem::TooMany("references"), &self.id);
        }
        stated.iter().take(REFERENCES_MAX).filter_map(|one| wording::reference(&one.r#type, &one.url)).collect()
    }
}

/// The distributions whose errata list the vulnerabilities that they mend.
fn is_errata_family(family: Family) -> bool {
    matches!(family, Family::AlmaLinux | Family::RockyLinux | Family::RedHat | Family::Suse | Family::OpenSuse)
}

/// `container-tools:4.0`.
fn is_stream(word: &str) -> bool {
    let is_name = |text: &str| {
        !text.is_empty() && text.chars().all(|character| character.is_ascii_alphanumeric() || "+-._".contains(character))
    };
    word.split_once(':').is_some_and(|(module, stream)| is_name(module) && is_name(stream))
}

/// The Kubernetes feed writes the name in lower case.
fn parse_ecosystem(name: &str) -> Result<(Ecosystem, Channel), Problem> {
    let name = if name == "kubernetes" { Family::Kubernetes.as_str() } else { name };
    Ecosystem::parse_osv(name).map_err(|mut unknown| {
        wording::cut(&mut unknown.name, Problem::EXAMPLE_BYTES_MAX);
        Problem::Ecosystem(unknown.name)
    })
}

fn read_range(scheme: Option<Scheme>, range: Range) -> Result<Vec<Interval>, Problem> {
    let scheme = match range.r#type.as_str() {
        "SEMVER" => scheme.or(Some(Scheme::Semver)),
        "ECOSYSTEM" => scheme,
        _ => return Err(Problem::Word("type of range")),
    };
    if range.events.len() > EVENTS_MAX {
        return Err(Problem::TooMany("events"));
    }
    let mut events = Vec::with_capacity(range.events.len());
    for StatedEvent { introduced, fixed, last_affected, limit } in range.events {
        let found = introduced.map(Event::Introduced).into_iter();
        let found = found.chain(fixed.map(Event::Fixed)).chain(last_affected.map(Event::LastAffected));
        let before = events.len();
        events.extend(found.chain(limit.map(Event::Limit)).map(|event| event.completed(scheme)));
        if events.len() == before {
            return Err(Problem::Word("event of a range"));
        }
    }
    if events.iter().any(|event| event.version().len() > NAME_BYTES_MAX) {
        return Err(Problem::Version);
    }
    intervals(scheme, &events).map_err(|_| Problem::Version)
}

/// Tells whether an interval holds the version already; not so for a version or an interval that cannot be ordered.
fn is_in_any(scheme: Option<Scheme>, version: &str, intervals: &[Interval]) -> bool {
    let Some(Ok(version)) = scheme.map(|scheme| Version::parse(scheme, version)) else { return false };
    intervals.iter().any(|interval| interval.contains(&version) == Ok(true))
}

/// `<= 1.19.0`, or `< 0.7.3` where that was never published.
fn last_known(database_specific: &Value) -> Option<End> {
    let (operator, version) = split_comparison(database_specific["last_known_affected_version_range"].as_str()?);
    if version.is_empty() || version.len() > NAME_BYTES_MAX {
        return None;
    }
    match operator {
        "<=" | "=" => Some(End::Through(version.to_owned())),
        "<" => Some(End::Before(version.to_owned())),
        _ => None,
    }
}

/// Ends the intervals that do not end, unless they begin after that. Tells whether there was one.
fn cut_open(scheme: Option<Scheme>, intervals: &mut [Interval], end: &End) -> bool {
    let (End::Through(bound) | End::Before(bound)) = end else { return false };
    let begins_before = |interval: &Interval| match &interval.start {
        Start::Unbounded => scheme.is_some_and(|scheme| Version::parse(scheme, bound).is_ok()),
        Start::At(start) | Start::After(start) => {
            scheme.is_some_and(|scheme| scheme.compare(start, bound).is_ok_and(std::cmp::Ordering::is_lt))
        }
    };
    let mut is_cut = false;
    for interval in intervals.iter_mut().filter(|interval| interval.end == End::Unbounded && begins_before(interval)) {
        interval.end = end.clone();
        is_cut = true;
    }
    is_cut
}

fn read_severity(stated: &StatedSeverity, id: &str, records: &mut Records) -> Option<Severity> {
    match stated.r#type.as_str() {
        "CVSS_V2" | "CVSS_V3" | "CVSS_V4" if stated.score.len() <= NAME_BYTES_MAX => {
            Some(Severity { source: None, rating: Rating::Cvss(stated.score.trim().to_owned()) })
        }
        "Ubuntu" => read_level(&stated.score, id, records),
        _ => {
            records.refuse(Problem::Word("type of severity"), id);
            None
        }
    }
}

fn read_level(word: &str, id: &str, records: &mut Records) -> Option<Severity> {
    let level = wording::level(word).unwrap_or_else(|problem| {
        records.refuse(problem, id);
        None
    });
    Some(Severity { source: None, rating: Rating::Level(level?) })
}

fn read_informational(word: &str, id: &str, records: &mut Records) -> Nature {
    match word {
        "unmaintained" => Nature::Unmaintained,
        "unsound" => Nature::Unsound,
        "notice" => Nature::Notice,
        _ => {
            records.refuse(Problem::Word("kind of advisory"), id);
            Nature::Notice
        }
    }
}

/// A purl says `arch=source` where the package is a source package, and a list of what is built from it says so too
/// (`binaries` of SUSE and Ubuntu, `src` of openEuler). Records of Rocky Linux name source packages without saying so: one
/// `kernel` where the erratum has thirty packages.
fn read_named(family: Family, package: &Package, ecosystem_specific: &Value) -> Named {
    let says_source = package.purl.contains("arch=source") || package.purl.contains("arch=src");
    let is_built_from = ecosystem_specific["binaries"].is_array() || ecosystem_specific["src"].is_array();
    if says_source || is_built_from || family == Family::RockyLinux { Named::Source } else { family.named() }
}

/// Ubuntu's purls name the part of Ubuntu Pro, which the ecosystem does not: `distro=esm-apps/jammy`.
fn refine_channel(channel: Channel, purl: &str) -> Channel {
    let distribution = purl.split_once("distro=").map_or("", |(_, rest)| rest);
    match channel {
        Channel::Esm if distribution.starts_with("esm-infra") => Channel::EsmInfra,
        Channel::Esm if distribution.starts_with("esm-apps") => Channel::EsmApps,
        _ => channel,
    }
}

fn read_symbols(imports: &Value) -> Vec<Symbols> {
    let Some(imports) = imports.as_array() else { return Vec::new() };
    let texts = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(|name| name.as_str().map(str::to_owned)).collect()
    };
    let read_one = |import: &Value| {
        Some(Symbols { path: import["path"].as_str()?.to_owned(), names: texts(&import["symbols"]) })
    };
    imports.iter().filter_map(read_one).collect()
}

/// Systems or architectures: Go's by the package that holds the vulnerable code, of which each must name some, or else all are
/// meant; `RustSec`'s for the whole crate.
fn read_words(ecosystem_specific: &Value, of_go: &str, of_rust: &str) -> Vec<String> {
    let texts = |list: &Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let mut words = texts(&ecosystem_specific["affects"][of_rust]);
    for import in ecosystem_specific["imports"].as_array().into_iter().flatten() {
        let stated = texts(&import[of_go]);
        if stated.is_empty() {
            return Vec::new();
        }
        words.extend(stated);
    }
    words.sort_unstable();
    words.dedup();
    words
}

fn weaknesses_of(list: &Value, name: fn(&Value) -> &Value) -> Vec<u32> {
    let all = list.as_array().into_iter().flatten().filter_map(|cwe| name(cwe).as_str());
    all.filter_map(wording::weakness).collect()
}

/// Sorted, each once, without the record's own.
fn names(mut names: Vec<String>, id: &str, records: &mut Records) -> Vec<String> {
    names.retain(|name| !name.is_empty() && name.len() <= NAME_BYTES_MAX && name != id);
    names.sort_unstable();
    names.dedup();
    if names.len() > NAMES_MAX {
        records.refuse(Problem::TooMany("names"), id);
        names.truncate(NAMES_MAX);
    }
    names
}

#[cfg(test)]
#[path = "osv/tests.rs"]
mod tests;
