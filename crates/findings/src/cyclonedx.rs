//! `CycloneDX` with vulnerabilities (ECMA-424, clause "vulnerabilities"; 1.4 to 1.6): the document of the inventory, and what is known to be
//! wrong with its components.

use std::collections::{BTreeMap, BTreeSet};

use component::Inventory;
use sbom::formats::{CycloneDxVersion, Format, WriteOptions, write_with_vulnerabilities};
use serde::Serialize;
use serde_json::value::RawValue;
use vex::Justification;
use vulndb::matching::Certainty;
use vulndb::{Level, cvss};

use crate::address::Files;
use crate::{Finding, Rating, Report, Suppression, Suppressor, address};

/// Writes a report and the inventory that it is of; the layout and the time of a build are taken from the options.
///
/// A vulnerability that counts in one component and not in another is told twice, each with what is said of it.
pub fn cyclonedx(report: &Report, inventory: &Inventory, version: CycloneDxVersion, options: &WriteOptions) -> Vec<u8> {
    let options = WriteOptions { format: Format::CycloneDx(version), ..options.clone() };
    write_with_vulnerabilities(inventory, version, &options, |references| {
        let entries = entries(report, version, references);
        serde_json::value::to_raw_value(&entries).unwrap_or_else(|_| RawValue::NULL.to_owned())
    })
}

fn entries<'a>(report: &'a Report, version: CycloneDxVersion, references: &'a [String]) -> Vec<Entry<'a>> {
    let mut entries: Vec<Entry<'a>> = Vec::new();
    let mut places: BTreeMap<(&str, &[Suppression], Certainty), usize> = BTreeMap::new();
    for finding in &report.findings {
        let Some(component) = report.component(finding) else { continue };
        let Some(reference) = usize::try_from(component.place).ok().and_then(|place| references.get(place)) else {
            continue;
        };
        let key = (finding.vulnerability.as_str(), finding.suppressions.as_slice(), finding.certainty);
        let place = *places.entry(key).or_insert_with(|| {
            entries.push(Entry::of(finding, version, entries.len()));
            entries.len() - 1
        });
        let entry = &mut entries[place];
        entry.affects.push(Affects {
            reference,
            versions: component
                .version
                .as_deref()
                .map(|version| AffectedVersion {
                    version,
                    status: match (finding.counts(), finding.certainty) {
                        (false, _) if finding.suppressions[0].by != Suppressor::Exception => "unaffected",
                        (_, Certainty::Affected) => "affected",
                        (_, Certainty::UnderInvestigation) => "unknown",
                    },
                })
                .into_iter()
                .collect(),
        });
        if let Some(fixed) = &finding.fix.version {
            entry.fixes.insert(format!("{} {fixed}", finding.component.name));
        }
        entry
            .advisories
            .extend(finding.advisories.iter().map(|advised| (advised.address.as_str(), advised.id.as_str())));
    }
    entries
}

#[derive(Serialize)]
struct Entry<'a> {
    #[serde(rename = "bom-ref")]
    reference: String,
    id: &'a str,
    source: Source,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    references: Vec<Reference<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ratings: Vec<RatingOut<'a>>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    cwes: &'a BTreeSet<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(rename = "recommendation", serialize_with = "recommendation", skip_serializing_if = "BTreeSet::is_empty")]
    fixes: BTreeSet<String>,
    #[serde(serialize_with = "advisories", skip_serializing_if = "BTreeMap::is_empty")]
    advisories: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    published: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    updated: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    analysis: Option<Analysis>,
    affects: Vec<Affects<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    properties: Vec<Property>,
}

fn recommendation<S: serde::Serializer>(fixes: &BTreeSet<String>, serializer: S) -> Result<S::Ok, S::Error> {
    let fixes: Vec<&str> = fixes.iter().map(String::as_str).collect();
    serializer.serialize_str(&format!("Upgrade to {}", fixes.join(", ")))
}

fn advisories<S: serde::Serializer>(advisories: &BTreeMap<&str, &str>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(advisories.iter().map(|(url, title)| Link { title, url }))
}

#[derive(Serialize)]
struct Link<'a> {
    title: &'a str,
    url: &'a str,
}

#[derive(Serialize)]
struct Source {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

#[derive(Serialize)]
struct Reference<'a> {
    id: &'a str,
    source: Source,
}

#[derive(Serialize)]
struct RatingOut<'a> {
    source: Source,
    #[serde(skip_serializing_if = "Option::is_none")]
    score: Option<cvss::Score>,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vector: Option<&'a str>,
}

#[derive(Serialize)]
struct Analysis {
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    justification: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response: Option<[&'static str; 1]>,
    detail: String,
}

#[derive(Serialize)]
struct Affects<'a> {
    #[serde(rename = "ref")]
    reference: &'a str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    versions: Vec<AffectedVersion<'a>>,
}

#[derive(Serialize)]
struct AffectedVersion<'a> {
    version: &'a str,
    status: &'static str,
}

#[derive(Serialize)]
struct Property {
    name: &'static str,
    value: String,
}

impl<'a> Entry<'a> {
    fn of(finding: &'a Finding, version: CycloneDxVersion, number: usize) -> Self {
        let mut properties = Vec::new();
        let mut add = |name, value| properties.push(Property { name, value });
        if let Some(epss) = finding.epss {
            add("garrison:epss:probability", epss.probability.to_string());
            add("garrison:epss:percentile", epss.percentile.to_string());
        }
        if let Some(kev) = finding.kev {
            add("garrison:kev:added", kev.added.map(|date| date.to_string()).unwrap_or_default());
        }
        let published = finding.advisories.iter().filter_map(|advised| advised.published).min();
        let updated = finding.advisories.iter().filter_map(|advised| advised.modified).max();
        Self {
            reference: format!("vulnerability:{number}:{}", finding.vulnerability),
            id: &finding.vulnerability,
            source: Source { name: publisher(&finding.vulnerability).to_owned(), url: Some(finding.address.clone()) },
            references: finding
                .aliases
                .iter()
                .map(|id| Reference { id, source: Source { name: publisher(id).to_owned(), url: Some(address(id)) } })
                .collect(),
            ratings: finding.ratings.iter().map(|rating| RatingOut::of(rating, version)).collect(),
            cwes: &finding.weaknesses,
            description: finding.summary.as_deref(),
            fixes: BTreeSet::new(),
            advisories: BTreeMap::new(),
            published: published.map(|moment| moment.to_string()),
            updated: updated.map(|moment| moment.to_string()),
            analysis: analysis(finding),
            affects: Vec::new(),
            properties,
        }
    }
}

/// Returns who gives names of that kind.
fn publisher(name: &str) -> &'static str {
    if let Some(files) = Files::of(name) {
        return files.publisher();
    }
    match name.split('-').next().unwrap_or_default() {
        "CVE" => "NVD",
        "GHSA" => "GitHub",
        "RUSTSEC" => "RustSec",
        "GO" => "Go",
        "PYSEC" => "PyPA",
        "DSA" | "DLA" | "TEMP" => "Debian",
        "USN" => "Ubuntu",
        "RHSA" | "RHBA" | "RHEA" => "Red Hat",
        _ => "OSV",
    }
}

impl<'a> RatingOut<'a> {
    fn of(rating: &'a Rating, version: CycloneDxVersion) -> Self {
        let method = rating.cvss.map(|cvss| match cvss {
            cvss::Version::V2_0 => "CVSSv2",
            cvss::Version::V3_0 => "CVSSv3",
            cvss::Version::V3_1 => "CVSSv31",
            // 1.4 is older than CVSS 4.0.
            cvss::Version::V4_0 if version == CycloneDxVersion::V1_4 => "other",
            cvss::Version::V4_0 => "CVSSv4",
        });
        Self {
            source: Source { name: rating.source.clone(), url: None },
            score: rating.score,
            severity: match rating.level {
                None => "unknown",
                Some(Level::Negligible) => "info",
                Some(level) => level.as_str(),
            },
            method,
            vector: rating.vector.as_deref(),
        }
    }
}

fn analysis(finding: &Finding) -> Option<Analysis> {
    let Some(suppression) = finding.suppressions.first() else {
        return (finding.certainty == Certainty::UnderInvestigation).then(|| Analysis {
            state: "in_triage",
            justification: None,
            response: None,
            detail: "Its publisher does not know yet whether this version is affected".to_owned(),
        });
    };
    let (state, justification) = match suppression.by {
        Suppressor::Exception => ("exploitable", None),
        Suppressor::Vex if suppression.status.as_deref() == Some("fixed") => ("resolved", None),
        Suppressor::Vex => ("not_affected", suppression.justification.map(justification)),
        Suppressor::NoCode => ("not_affected", Some("code_not_present")),
        Suppressor::Publisher => ("not_affected", None),
        Suppressor::Distribution => ("false_positive", None),
    };
    // Who decides that something does not count here does not mend it.
    let response = (suppression.by == Suppressor::Exception).then_some(["will_not_fix"]);
    Some(Analysis { state, justification, response, detail: format!("{}: {}", suppression.who, suppression.why) })
}

/// The words of CycloneDX for those of OpenVEX and CSAF.
fn justification(justification: Justification) -> &'static str {
    match justification {
        Justification::ComponentNotPresent | Justification::VulnerableCodeNotPresent => "code_not_present",
        Justification::VulnerableCodeNotInExecutePath => "code_not_reachable",
        Justification::RequiresConfiguration => "requires_configuration",
        Justification::RequiresDependency => "requires_dependency",
        Justification::RequiresEnvironment => "requires_environment",
        Justification::ProtectedByCompiler => "protected_by_compiler",
        Justification::ProtectedAtRuntime => "protected_at_runtime",
        Justification::ProtectedAtPerimeter => "protected_at_perimeter",
        Justification::VulnerableCodeCannotBeControlledByAdversary
        | Justification::InlineMitigationsAlreadyExist
        | Justification::ProtectedByMitigatingControl => "protected_by_mitigating_control",
    }
}
