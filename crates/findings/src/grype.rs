//! The JSON document of Grype (`grype -o json`), whose users have templates and scripts that read it: its members, under its names.
//!
//! Follows the models of Grype 0.116. What it has and a report has not (the text of a whole record, a configuration) is left out. What was not looked at
//! it has a place for only where that is packages of distributions (`alertsByPackage`).

use std::collections::BTreeMap;

use component::{Component, Distribution, Inventory, PackageType, Subject};
use serde::Serialize;
use vulndb::{Channel, Level};

use crate::component::at;
use crate::unchecked::{NoCoverage, Uncovered, is_packaged};
use crate::{Advised, AffectedComponent, Finding, FixState, Rating, Report, Suppression, address, fingerprint};

/// Writes a report and the inventory that it is of.
pub fn grype(report: &Report, inventory: &Inventory) -> String {
    let (open, suppressed): (Vec<_>, Vec<_>) = report.findings.iter().partition(|finding| finding.counts());
    let matched = |finding| Match::of(report, inventory, finding);
    let document = Document {
        matches: open.into_iter().filter_map(matched).collect(),
        ignored_matches: suppressed
            .into_iter()
            .filter_map(|finding| {
                let rules = finding.suppressions.iter().map(|suppression| rule(finding, suppression));
                Some(IgnoredMatch { matched: matched(finding)?, applied_ignore_rules: rules.collect() })
            })
            .collect(),
        alerts_by_package: report
            .unchecked
            .packages_in(inventory)
            .into_iter()
            .map(|(component, uncovered)| PackageAlerts::of(report, component, uncovered))
            .collect(),
        source: Source::of(report),
        distro: Distro::of(report),
        descriptor: Descriptor::of(report),
    };
    crate::written(&document)
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    matches: Vec<Match<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignored_matches: Vec<IgnoredMatch<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    alerts_by_package: Vec<PackageAlerts<'a>>,
    source: Source<'a>,
    distro: Distro<'a>,
    descriptor: Descriptor<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Match<'a> {
    vulnerability: Vulnerability<'a>,
    related_vulnerabilities: Vec<Vulnerability<'a>>,
    #[serde(rename = "matchDetails")]
    details: Vec<MatchDetail<'a>>,
    artifact: Artifact<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IgnoredMatch<'a> {
    #[serde(flatten)]
    matched: Match<'a>,
    applied_ignore_rules: Vec<IgnoreRule<'a>>,
}

#[derive(Serialize)]
struct PackageAlerts<'a> {
    package: Artifact<'a>,
    alerts: [Alert; 1],
}

#[derive(Serialize)]
struct Alert {
    #[serde(rename = "type")]
    kind: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<AlertedDistro>,
}

#[derive(Serialize)]
struct AlertedDistro {
    name: String,
    version: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Vulnerability<'a> {
    id: &'a str,
    data_source: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    namespace: String,
    severity: &'static str,
    urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    cvss: Vec<Cvss<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    known_exploited: Vec<KnownExploited<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    epss: Vec<Epss<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cwes: Vec<Cwe<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<FixOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    advisories: Option<Vec<Link<'a>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk: Option<f64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cvss<'a> {
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    version: &'static str,
    vector: &'a str,
    metrics: Metrics,
    vendor_metadata: Nothing,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metrics {
    base_score: vulndb::cvss::Score,
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KnownExploited<'a> {
    cve: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    date_added: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    due_date: Option<String>,
    known_ransomware_campaign_use: &'static str,
}

#[derive(Serialize)]
struct Epss<'a> {
    cve: &'a str,
    #[serde(rename = "epss")]
    probability: f32,
    percentile: f32,
}

#[derive(Serialize)]
struct Cwe<'a> {
    cve: &'a str,
    cwe: String,
}

#[derive(Serialize)]
struct FixOut<'a> {
    versions: Vec<&'a str>,
    state: &'static str,
}

#[derive(Serialize)]
struct Link<'a> {
    id: &'a str,
    link: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MatchDetail<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    matcher: &'static str,
    searched_by: SearchedBy<'a>,
    found: Found<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<Suggested<'a>>,
}

#[derive(Serialize)]
struct SearchedBy<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    distro: Option<SearchedDistro>,
    #[serde(skip_serializing_if = "Option::is_none")]
    language: Option<&'static str>,
    namespace: String,
    package: SearchedPackage<'a>,
}

#[derive(Serialize)]
struct SearchedDistro {
    #[serde(rename = "type")]
    kind: String,
    version: String,
}

#[derive(Serialize)]
struct SearchedPackage<'a> {
    name: &'a str,
    version: &'a str,
}

#[derive(Serialize)]
struct Found<'a> {
    #[serde(rename = "versionConstraint")]
    version_constraint: String,
    #[serde(rename = "vulnerabilityID")]
    vulnerability_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Suggested<'a> {
    suggested_version: &'a str,
}

#[derive(Serialize)]
struct Artifact<'a> {
    id: String,
    name: &'a str,
    version: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    locations: Vec<LocationOut<'a>>,
    language: &'static str,
    licenses: Vec<&'a str>,
    cpes: &'a [String],
    purl: String,
    upstreams: Vec<Upstream<'a>>,
}

#[derive(Serialize)]
struct LocationOut<'a> {
    path: &'a str,
    #[serde(rename = "layerID", skip_serializing_if = "Option::is_none")]
    layer_id: Option<&'a str>,
    #[serde(rename = "accessPath")]
    access_path: String,
}

#[derive(Serialize)]
struct Upstream<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct IgnoreRule<'a> {
    vulnerability: &'a str,
    reason: String,
    namespace: &'static str,
    fix_state: &'static str,
    package: RulePackage<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vex_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vex_justification: Option<&'static str>,
}

#[derive(Serialize)]
struct RulePackage<'a> {
    name: &'a str,
    version: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
}

#[derive(Serialize)]
struct Source<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    target: Target<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Target<'a> {
    Image(Box<ImageTarget<'a>>),
    Path(&'a str),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ImageTarget<'a> {
    user_input: &'a str,
    #[serde(rename = "imageID")]
    image_id: &'static str,
    manifest_digest: &'a str,
    media_type: &'static str,
    tags: Vec<&'a str>,
    image_size: u64,
    layers: Vec<LayerOut<'a>>,
    repo_digests: Vec<String>,
    architecture: &'a str,
    os: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LayerOut<'a> {
    media_type: &'static str,
    digest: &'a str,
    size: u64,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Distro<'a> {
    name: &'a str,
    version: &'a str,
    id_like: &'a [String],
}

#[derive(Serialize)]
struct Descriptor<'a> {
    name: &'static str,
    version: &'static str,
    db: Db<'a>,
}

#[derive(Serialize)]
struct Db<'a> {
    /// Where databases of version 5 had it; since version 6 it is in the status.
    #[serde(skip_serializing_if = "Option::is_none")]
    built: Option<String>,
    status: Status,
    providers: BTreeMap<&'a str, Provider>,
}

#[derive(Serialize)]
struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    built: Option<String>,
    valid: bool,
}

#[derive(Serialize)]
struct Provider {
    #[serde(skip_serializing_if = "Option::is_none")]
    captured: Option<String>,
}

impl<'a> Match<'a> {
    fn of(report: &'a Report, inventory: &'a Inventory, finding: &'a Finding) -> Option<Self> {
        let affected = report.component(finding)?;
        let component = at(inventory, component::ComponentIndex(affected.place))?;
        // Grype calls a match by the record's name, and the CVE is what it is related to.
        let record = finding.advisories.first();
        let id = record.map_or(finding.vulnerability.as_str(), |advised| &advised.id);
        // Of names that are of one publisher's record alone, as those of `ruby-advisory-db`, only the records of this package count.
        let is_told =
            |name: &&String| !name.contains('/') || finding.advisories.iter().any(|advised| advised.id == **name);
        let others =
            std::iter::once(&finding.vulnerability).chain(&finding.aliases).filter(|name| *name != id).filter(is_told);
        let namespace = record.map(|advised| namespace(report, affected, advised)).unwrap_or_default();
        Some(Self {
            vulnerability: Vulnerability {
                id,
                data_source: record.map_or_else(|| finding.address.clone(), |advised| advised.address.clone()),
                namespace,
                fix: Some(FixOut {
                    versions: finding.fix.version.as_deref().into_iter().collect(),
                    state: match finding.fix.state {
                        FixState::Fixed => "fixed",
                        FixState::NotFixed | FixState::Deferred => "not-fixed",
                        FixState::WontFix | FixState::EndOfLife => "wont-fix",
                    },
                }),
                advisories: Some(
                    finding.advisories.iter().map(|advised| Link { id: &advised.id, link: &advised.address }).collect(),
                ),
                risk: Some(risk(finding)),
                ..Vulnerability::of(finding, id, &|_| true)
            },
            related_vulnerabilities: others
                .map(|name| {
                    let is_cve = name.starts_with("CVE-");
                    let is_own = |rating: &Rating| rating.advisory == *name || (is_cve && rating.source == "nvd");
                    let namespace = if is_cve { "nvd:cpe" } else { "" };
                    Vulnerability { namespace: namespace.to_owned(), ..Vulnerability::of(finding, name, &is_own) }
                })
                .collect(),
            details: finding.advisories.iter().map(|advised| MatchDetail::of(report, affected, advised)).collect(),
            artifact: Artifact::of(report, component),
        })
    }
}

impl<'a> Vulnerability<'a> {
    fn of(finding: &'a Finding, id: &'a str, is_told: &dyn Fn(&Rating) -> bool) -> Self {
        let name = finding.vulnerability.as_str();
        let kev = finding.kev.iter().map(|kev| KnownExploited {
            cve: name,
            date_added: kev.added.map(|date| date.to_string()),
            due_date: kev.due.map(|date| date.to_string()),
            known_ransomware_campaign_use: if kev.ransomware { "Known" } else { "Unknown" },
        });
        let epss = finding.epss.iter().map(|epss| Epss {
            cve: name,
            probability: epss.probability,
            percentile: epss.percentile,
        });
        Self {
            id,
            data_source: address(id),
            namespace: String::new(),
            severity: severity(finding.severity),
            urls: vec![address(id)],
            description: finding.summary.as_deref(),
            cvss: finding.ratings.iter().filter(|rating| is_told(rating)).filter_map(cvss).collect(),
            known_exploited: kev.collect(),
            epss: epss.collect(),
            cwes: finding.weaknesses.iter().map(|number| Cwe { cve: name, cwe: format!("CWE-{number}") }).collect(),
            fix: None,
            advisories: None,
            risk: None,
        }
    }
}

fn cvss(rating: &Rating) -> Option<Cvss<'_>> {
    Some(Cvss {
        source: &rating.source,
        kind: if rating.source == "nvd" { "Primary" } else { "Secondary" },
        version: rating.cvss?.as_str(),
        vector: rating.vector.as_deref()?,
        metrics: Metrics { base_score: rating.score? },
        vendor_metadata: Nothing {},
    })
}

fn severity(level: Option<Level>) -> &'static str {
    match level {
        None => "Unknown",
        Some(Level::Negligible) => "Negligible",
        Some(Level::Low) => "Low",
        Some(Level::Medium) => "Medium",
        Some(Level::High) => "High",
        Some(Level::Critical) => "Critical",
    }
}

/// Returns Grype's risk, from 0 to 100: how probable an attack is, by how severe it would be.
fn risk(finding: &Finding) -> f64 {
    let threat = match (&finding.kev, &finding.epss) {
        (Some(_), _) => 1.0,
        (None, Some(epss)) => f64::from(epss.probability),
        (None, None) => 0.0,
    };
    let middle = match finding.severity {
        Some(Level::Negligible) => 0.5,
        Some(Level::Low) => 3.0,
        None | Some(Level::Medium) => 5.0,
        Some(Level::High) => 7.5,
        Some(Level::Critical) => 9.0,
    };
    let severe = finding.score.map_or(middle, |score| f64::midpoint(middle, f64::from(score))) / 10.0;
    let known = match finding.kev {
        None => 1.0,
        Some(kev) if kev.ransomware => 1.1,
        Some(_) => 1.05,
    };
    // Two digits: more would say what nobody knows.
    ((threat * severe * known).min(1.0) * 10_000.0).round() / 100.0
}

fn namespace(report: &Report, component: &AffectedComponent, advised: &Advised) -> String {
    let system = Distribution::of_package(component.purl.as_ref(), report.distribution.as_ref());
    match (component.package_type.language(), system) {
        (Some(language), _) => format!("{}:language:{language}", advised.feed),
        (None, Some(distribution)) => {
            let version = distribution.version_id.as_deref().unwrap_or_default();
            format!("{}:distro:{}:{version}", advised.feed, distribution.id)
        }
        (None, None) => advised.feed.clone(),
    }
}

impl<'a> MatchDetail<'a> {
    fn of(report: &'a Report, component: &'a AffectedComponent, advised: &'a Advised) -> Self {
        let language = component.package_type.language();
        let system = Distribution::of_package(component.purl.as_ref(), report.distribution.as_ref());
        let is_of_source = component.source.as_ref().is_some_and(|source| source.name == advised.package);
        Self {
            kind: if is_of_source { "exact-indirect-match" } else { "exact-direct-match" },
            matcher: matcher(component.package_type),
            searched_by: SearchedBy {
                distro: system.filter(|_| language.is_none()).map(|distribution| SearchedDistro {
                    kind: distribution.id.clone(),
                    version: distribution.version_id.clone().unwrap_or_default(),
                }),
                language,
                namespace: namespace(report, component, advised),
                package: SearchedPackage { name: &advised.package, version: &advised.version },
            },
            found: Found {
                version_constraint: format!("{} ({})", advised.range, form(component.package_type)),
                vulnerability_id: &advised.id,
            },
            fix: advised
                .fixed
                .as_deref()
                .filter(|_| advised.channel == Channel::Main)
                .map(|suggested_version| Suggested { suggested_version }),
        }
    }
}

/// The names of Grype's matchers.
fn matcher(package_type: PackageType) -> &'static str {
    match package_type {
        PackageType::Deb => "dpkg-matcher",
        PackageType::Apk => "apk-matcher",
        PackageType::Rpm => "rpm-matcher",
        PackageType::Python => "python-matcher",
        PackageType::Npm => "javascript-matcher",
        PackageType::JavaArchive | PackageType::JenkinsPlugin => "java-matcher",
        PackageType::GoModule => "go-module-matcher",
        PackageType::RustCrate => "rust-matcher",
        PackageType::Gem => "ruby-gem-matcher",
        PackageType::Dotnet => "dotnet-matcher",
        PackageType::PhpComposer | PackageType::Conda | PackageType::Binary | PackageType::Unknown => "stock-matcher",
    }
}

/// The names of Grype's formats of versions.
fn form(package_type: PackageType) -> &'static str {
    match package_type {
        PackageType::Deb => "deb",
        PackageType::Apk => "apk",
        PackageType::Rpm => "rpm",
        PackageType::Python => "python",
        PackageType::JavaArchive | PackageType::JenkinsPlugin => "maven",
        PackageType::GoModule => "go",
        PackageType::Gem => "gem",
        PackageType::Npm | PackageType::RustCrate | PackageType::PhpComposer | PackageType::Dotnet => "semantic",
        PackageType::Conda | PackageType::Binary | PackageType::Unknown => "unknown",
    }
}

impl<'a> Artifact<'a> {
    fn of(report: &'a Report, component: &'a Component) -> Self {
        let place = fingerprint::of_component(component);
        let version = component.version.as_deref().unwrap_or_default();
        Self {
            id: fingerprint::of(&format!("{place}\n{version}"))[..16].to_owned(),
            name: &component.name,
            version,
            kind: component.package_type.name(),
            locations: component
                .locations
                .iter()
                .map(|location| LocationOut {
                    path: &location.path,
                    layer_id: location
                        .layer
                        .and_then(|layer| report.layers.get(usize::from(layer)))
                        .map(|layer| layer.diff_id.as_str()),
                    access_path: location
                        .inside
                        .iter()
                        .fold(location.path.clone(), |path, step| format!("{path}:{step}")),
                })
                .collect(),
            language: component.package_type.language().unwrap_or_default(),
            licenses: component.licenses.iter().map(component::License::text).collect(),
            cpes: &component.cpes,
            purl: component.purl.as_ref().map(ToString::to_string).unwrap_or_default(),
            upstreams: component
                .other_source()
                .into_iter()
                .map(|source| Upstream { name: &source.name, version: source.version.as_deref() })
                .collect(),
        }
    }
}

impl<'a> PackageAlerts<'a> {
    fn of(report: &'a Report, component: &'a Component, uncovered: &Uncovered) -> Self {
        let is_packaged = is_packaged(component);
        let system = Distribution::of_package(component.purl.as_ref(), report.distribution.as_ref());
        let system = system.filter(|_| is_packaged);
        let metadata = system.map(|distribution| AlertedDistro {
            name: distribution.id.clone(),
            version: distribution.version_id.clone().unwrap_or_default(),
        });
        let kind = match uncovered.because {
            // Grype's word for packages of distributions that are not matched at all; it has none for others.
            NoCoverage::NoFeed | NoCoverage::NoPublisher | NoCoverage::NoDistribution if is_packaged => {
                "distro-disabled"
            }
            because => because.word(),
        };
        let alert = Alert { kind, message: uncovered.reason(), metadata };
        Self { package: Artifact::of(report, component), alerts: [alert] }
    }
}

fn rule<'a>(finding: &'a Finding, suppression: &Suppression) -> IgnoreRule<'a> {
    IgnoreRule {
        vulnerability: &finding.vulnerability,
        reason: format!("{}: {}", suppression.who, suppression.why),
        namespace: "",
        fix_state: "",
        package: RulePackage {
            name: &finding.component.name,
            version: finding.component.version.as_deref().unwrap_or_default(),
            kind: "",
        },
        vex_status: suppression.status.clone(),
        vex_justification: suppression.justification.map(vex::Justification::name),
    }
}

impl<'a> Source<'a> {
    fn of(report: &'a Report) -> Self {
        match &report.source {
            Subject::Image { name, digest, platform } => {
                let mut parts = platform.as_deref().unwrap_or_default().splitn(2, '/');
                let os = parts.next().unwrap_or_default();
                let architecture = parts.next().unwrap_or_default();
                let layers = report.layers.iter().map(|layer| LayerOut {
                    media_type: "",
                    digest: &layer.diff_id,
                    size: layer.size_bytes,
                });
                Self {
                    kind: "image",
                    target: Target::Image(Box::new(ImageTarget {
                        user_input: name,
                        image_id: "",
                        manifest_digest: digest,
                        media_type: "",
                        tags: Vec::new(),
                        image_size: report.layers.iter().map(|layer| layer.size_bytes).sum(),
                        layers: layers.collect(),
                        repo_digests: Vec::new(),
                        architecture,
                        os,
                    })),
                }
            }
            Subject::Directory { name } => Self { kind: "directory", target: Target::Path(name) },
            Subject::File { name, .. } | Subject::Document { name, .. } => {
                Self { kind: "file", target: Target::Path(name) }
            }
        }
    }
}

impl<'a> Distro<'a> {
    fn of(report: &'a Report) -> Self {
        match &report.distribution {
            Some(distribution) => Self {
                name: &distribution.id,
                version: distribution.version_id.as_deref().unwrap_or_default(),
                id_like: &distribution.id_like,
            },
            None => Self { name: "", version: "", id_like: &[] },
        }
    }
}

impl<'a> Descriptor<'a> {
    fn of(report: &'a Report) -> Self {
        let text = |moment: jiff::Timestamp| moment.to_string();
        let providers = report.advisories.feeds.iter();
        Self {
            name: "garrison",
            version: env!("CARGO_PKG_VERSION"),
            db: Db {
                built: report.advisories.newest.map(text),
                status: Status { built: report.advisories.newest.map(text), valid: true },
                providers: providers
                    .map(|feed| (feed.name.as_str(), Provider { captured: feed.newest.map(text) }))
                    .collect(),
            },
        }
    }
}
