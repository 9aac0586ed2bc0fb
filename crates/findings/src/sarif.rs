//! SARIF 2.1.0 (OASIS), in the subset that code hosts read (GitHub, "SARIF support for code scanning").
//!
//! A vulnerability is a rule, a finding is a result. What does not count is left out, since code hosts would open an alert for it.

use std::collections::{BTreeMap, BTreeSet};

use component::{Location, Subject};
use serde::Serialize;
use vulndb::{Level, Nature};

use crate::{AffectedComponent, Finding, Report, fingerprint};

/// The most results: GitHub refuses a file with more ("SARIF results exceed limits"). Those beyond are the least severe.
pub const RESULTS_MAX: usize = 25_000;

/// The most locations of a result that are told: GitHub shows no more.
pub const LOCATIONS_MAX: usize = 100;

/// The most tags of a rule: GitHub shows no more.
pub const TAGS_MAX: usize = 10;

/// The most characters of a rule's description that are shown.
const DESCRIPTION_MAX: usize = 1024;

/// The most bytes of a rule's help: a record of many publishers has some hundred ratings.
const HELP_BYTES_MAX: usize = 8 << 10;

/// A document, and what it leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sarif {
    /// The document.
    pub text: String,
    /// What a code host would not have taken, in words; nothing, when all of it is there.
    pub left_out: Option<String>,
}

/// Writes a report.
pub fn sarif(report: &Report) -> Sarif {
    let counted = || report.findings.iter().filter(|finding| finding.counts());
    let total = counted().count();
    let told: Vec<&Finding> = counted().take(RESULTS_MAX).collect();
    let left_out = (total > told.len()).then(|| {
        format!(
            "{} of {total} findings are left out, the least severe: code hosts take {RESULTS_MAX}",
            total - told.len()
        )
    });
    let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
    let mut descriptors: Vec<Rule<'_>> = Vec::new();
    for finding in &told {
        rules.entry(&finding.vulnerability).or_insert_with(|| {
            descriptors.push(Rule::of(finding));
            descriptors.len() - 1
        });
    }
    let results = told.iter().filter_map(|finding| {
        let component = report.component(finding)?;
        Some(ResultOut::of(report, component, finding, rules[finding.vulnerability.as_str()]))
    });
    let is_image = matches!(report.source, Subject::Image { .. });
    let run = Run {
        tool: Tool {
            driver: Driver { name: "Garrison", semantic_version: env!("CARGO_PKG_VERSION"), rules: descriptors },
        },
        original_uri_base_ids: is_image.then(|| BTreeMap::from([(IMAGE_ROOT, Uri { uri: "file:///" })])),
        results: results.collect(),
        invocations: [Invocation {
            execution_successful: true,
            tool_execution_notifications: left_out
                .iter()
                .cloned()
                .chain(report.warnings())
                .map(|text| Notification { level: "warning", message: Message { text } })
                .collect(),
        }],
        column_kind: "unicodeCodePoints",
        properties: RunProperties {
            source: report.source.name(),
            advisories: report.advisories.newest.map(|newest| newest.to_string()),
            suppressed: report.findings.iter().filter(|finding| !finding.counts()).count(),
        },
    };
    let document = Document {
        schema: "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        version: "2.1.0",
        runs: [run],
    };
    Sarif { text: crate::written(&document), left_out }
}

/// What paths inside of an image are relative to.
const IMAGE_ROOT: &str = "ROOTPATH";

#[derive(Serialize)]
struct Document<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_uri_base_ids: Option<BTreeMap<&'static str, Uri>>,
    results: Vec<ResultOut<'a>>,
    invocations: [Invocation; 1],
    column_kind: &'static str,
    properties: RunProperties<'a>,
}

#[derive(Serialize)]
struct Uri {
    uri: &'static str,
}

#[derive(Serialize)]
struct RunProperties<'a> {
    source: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    advisories: Option<String>,
    suppressed: usize,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    id: &'a str,
    name: &'static str,
    short_description: Message,
    full_description: Message,
    help_uri: &'a str,
    help: Help,
    default_configuration: Configuration,
    properties: RuleProperties,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
struct Help {
    text: String,
    markdown: String,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct RuleProperties {
    tags: Vec<String>,
    precision: &'static str,
    #[serde(rename = "security-severity", skip_serializing_if = "Option::is_none")]
    security_severity: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultOut<'a> {
    rule_id: &'a str,
    rule_index: usize,
    level: &'static str,
    message: Message,
    locations: Vec<LocationOut>,
    partial_fingerprints: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LocationOut {
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<LogicalLocation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
    kind: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactLocation {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

/// Code hosts want a line; which one it is, package databases and archives do not say.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Message,
}

impl<'a> Rule<'a> {
    fn of(finding: &'a Finding) -> Self {
        let short = finding.summary.clone().unwrap_or_else(|| finding.vulnerability.clone());
        let full = match &finding.summary {
            Some(summary) => format!("{}: {summary}", finding.vulnerability),
            None => finding.vulnerability.clone(),
        };
        Self {
            id: &finding.vulnerability,
            name: match finding.nature {
                Nature::Malware => "Malware",
                Nature::Vulnerability => "Vulnerability",
                Nature::Unmaintained => "Unmaintained",
                Nature::Unsound => "Unsound",
                Nature::Notice => "Notice",
            },
            short_description: Message { text: cut(&short) },
            full_description: Message { text: cut(&full) },
            help_uri: &finding.address,
            help: help(finding),
            default_configuration: Configuration { level: level(finding.severity) },
            properties: RuleProperties {
                tags: tags(finding),
                precision: "high",
                security_severity: security_severity(finding),
            },
        }
    }
}

fn level(severity: Option<Level>) -> &'static str {
    match severity {
        Some(Level::Critical | Level::High) => "error",
        Some(Level::Medium) | None => "warning",
        Some(Level::Low | Level::Negligible) => "note",
    }
}

/// What a code host sorts by: over 9.0 is critical there, from 7.0 high, from 4.0 medium. Our level decides; a score that says
/// the same says it more exactly.
fn security_severity(finding: &Finding) -> Option<String> {
    let (least, most, middle) = match finding.severity? {
        Level::Critical => (91, 100, "9.5"),
        Level::High => (70, 90, "8.0"),
        Level::Medium => (40, 69, "5.5"),
        Level::Low => (1, 39, "2.0"),
        Level::Negligible => return Some("0.0".to_owned()),
    };
    let exact = finding.score.filter(|score| (least..=most).contains(&score.tenths()));
    Some(exact.map_or_else(|| middle.to_owned(), |score| score.to_string()))
}

fn tags(finding: &Finding) -> Vec<String> {
    let mut tags = vec!["security".to_owned(), finding.nature.as_str().to_owned()];
    if finding.kev.is_some() {
        tags.push("known-exploited".to_owned());
    }
    tags.extend(finding.weaknesses.iter().map(|number| format!("external/cwe/cwe-{number:03}")));
    tags.truncate(TAGS_MAX);
    tags
}

fn help(finding: &Finding) -> Help {
    let mut lines: Vec<(String, String)> = Vec::new();
    let mut add = |title: &str, value: String| lines.push((title.to_owned(), value));
    if !finding.aliases.is_empty() {
        add("Also called", finding.aliases.iter().cloned().collect::<Vec<_>>().join(", "));
    }
    if let Some(level) = finding.severity {
        let score = finding.score.map(|score| format!(" ({score})")).unwrap_or_default();
        add("Severity", format!("{}{score}", level.as_str()));
    }
    for rating in &finding.ratings {
        let said = [rating.level.map(|level| level.as_str().to_owned()), rating.vector.clone()];
        add(&format!("By {}", rating.source), said.into_iter().flatten().collect::<Vec<_>>().join(", "));
    }
    if let Some(epss) = finding.epss {
        add("EPSS", format!("{:.1} %", epss.probability * 100.0));
    }
    if let Some(kev) = finding.kev {
        let since = kev.added.map(|date| format!(" since {date}")).unwrap_or_default();
        add("Known to be exploited", format!("yes{since}"));
    }
    let mut seen = BTreeSet::new();
    for advised in finding.advisories.iter().filter(|advised| seen.insert(&advised.address)) {
        add("Record", advised.address.clone());
    }
    let written = |line: &dyn Fn(&(String, String)) -> String, beginning: String| {
        let mut text = beginning;
        for line in lines.iter().map(line) {
            if text.len() + line.len() <= HELP_BYTES_MAX {
                text.push_str(&line);
            }
        }
        text
    };
    let summary = finding.summary.as_deref().unwrap_or(&finding.vulnerability);
    Help {
        text: written(&|(title, value)| format!("\n{title}: {value}"), summary.to_owned()),
        // What others wrote stands in code, where it means nothing.
        markdown: written(
            &|(title, value)| format!("\n| {title} | {} |", marked(value)),
            format!("{}\n\n| | |\n|---|---|", marked(summary)),
        ),
    }
}

/// Returns a text of others for Markdown: an address as it is, anything else as code.
fn marked(text: &str) -> String {
    if text.starts_with("https://") && !text.contains(['|', ')', ' ']) {
        return format!("<{text}>");
    }
    let plain: String = text.chars().filter(|character| !matches!(character, '`' | '|' | '\r' | '\n')).collect();
    format!("`{plain}`")
}

fn cut(text: &str) -> String {
    text.chars().take(DESCRIPTION_MAX).collect()
}

impl<'a> ResultOut<'a> {
    fn of(report: &Report, component: &AffectedComponent, finding: &'a Finding, rule_index: usize) -> Self {
        let place = fingerprint::of_place(component, component.locations.first());
        let print = fingerprint::of(&format!("{}\n{place}", finding.vulnerability));
        let mut locations: Vec<LocationOut> = component
            .locations
            .iter()
            .take(LOCATIONS_MAX)
            .map(|location| LocationOut::of(report, component, location))
            .collect();
        if locations.is_empty() {
            // A result without a place is no result to a code host.
            locations.push(LocationOut::of(report, component, &Location::new("", None)));
        }
        Self {
            rule_id: &finding.vulnerability,
            rule_index,
            level: level(finding.severity),
            message: Message { text: message(component, finding) },
            locations,
            // The second is the one that GitHub tells alerts apart by; a number after it counts equal ones.
            partial_fingerprints: BTreeMap::from([
                ("garrison/v1", print.clone()),
                ("primaryLocationLineHash", format!("{print}:1")),
            ]),
        }
    }
}

fn message(component: &AffectedComponent, finding: &Finding) -> String {
    let severity = finding.severity.map(|level| format!(" ({})", level.as_str())).unwrap_or_default();
    let mut parts = vec![match &finding.summary {
        Some(summary) => {
            format!("{} has {}{severity}: {}", finding.component, finding.vulnerability, summary.trim_end_matches('.'))
        }
        None => format!("{} has {}{severity}", finding.component, finding.vulnerability),
    }];
    parts.push(match &finding.fix.version {
        Some(version) => format!("{version} mends it"),
        None => format!(
            "There is {}",
            match finding.fix.state {
                crate::FixState::Fixed | crate::FixState::NotFixed => "no fix",
                crate::FixState::WontFix => "no fix, and there will be none",
                crate::FixState::Deferred => "no fix yet",
                crate::FixState::EndOfLife => "no fix, since that release is no longer looked after",
            }
        ),
    });
    if let Some(upgrade) = &component.upgrade
        && finding.fix.version.as_ref() != Some(&upgrade.version)
        && upgrade.clears.contains(&finding.vulnerability)
    {
        parts.push(match upgrade.remaining.len() {
            0 => format!("{} clears all that is known of the component", upgrade.version),
            remaining => format!("{} leaves {remaining} of what is known of the component", upgrade.version),
        });
    }
    if let [first, .., _] = component.path.as_slice() {
        parts.push(format!("Brought by {first}"));
    }
    let mut text = parts.join(". ");
    text.push('.');
    text
}

impl LocationOut {
    fn of(report: &Report, component: &AffectedComponent, location: &Location) -> Self {
        let (uri, is_in_image) = match &report.source {
            Subject::Image { .. } => (relative(&location.path), true),
            Subject::Directory { name } => (relative(&format!("{}/{}", below(name), location.path)), false),
            Subject::File { name, .. } => (relative(below(name)), false),
            Subject::Document { .. } => (relative(&location.path), false),
        };
        let purl = component.purl.as_ref().map(ToString::to_string);
        let inside = (!location.inside.is_empty()).then(|| Message { text: location.to_string() });
        Self {
            physical_location: PhysicalLocation {
                artifact_location: ArtifactLocation {
                    uri: if uri.is_empty() { ".".to_owned() } else { uri },
                    uri_base_id: is_in_image.then_some(IMAGE_ROOT),
                },
                region: Region { start_line: 1 },
            },
            logical_locations: purl
                .map(|fully_qualified_name| LogicalLocation { fully_qualified_name, kind: "package" })
                .into_iter()
                .collect(),
            message: inside,
        }
    }
}

/// What was scanned is told as it was asked for; a code host knows paths below its repository alone.
fn below(name: &str) -> &str {
    if name.starts_with('/') || name.split('/').any(|part| part == "..") { "" } else { name }
}

/// Returns a path as a relative reference (RFC 3986, section 4.2).
fn relative(path: &str) -> String {
    let parts = path.split('/').filter(|part| !part.is_empty() && *part != ".");
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=@".contains(&byte);
    let escaped = parts.map(|part| {
        part.bytes()
            .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
            .collect::<String>()
    });
    escaped.collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_relative_reference() {
        for (path, expected) in [
            ("", ""),
            ("/", ""),
            ("./services/api//Cargo.lock", "services/api/Cargo.lock"),
            ("/a b/c:d#e?f%", "a%20b/c%3Ad%23e%3Ff%25"),
            ("/\u{e9}", "%C3%A9"),
        ] {
            assert_eq!(relative(path), expected, "{path}");
        }
    }

    #[test]
    fn what_others_wrote_means_nothing_in_markdown() {
        for (text, expected) in [
            ("plain", "`plain`"),
            ("<img src=x> | `code`\n# head", "`<img src=x>  code# head`"),
            ("https://a.example/b", "<https://a.example/b>"),
            ("https://a.example/b) [x](y", "`https://a.example/b) [x](y`"),
        ] {
            assert_eq!(marked(text), expected, "{text}");
        }
    }
}
