//! Trivy's own end-to-end cases: its small database, and the reports that it must give. The images are not at hand; each package of a
//! report is held against the whole database, and must have the vulnerabilities that the report lists for it and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use component::{Purl, SourcePackage};
use serde_json::Value;
use vulndb::matching::match_component;
use vulndb::{Advisory, Affected, Ecosystem, End, Family, Fix, Interval, Qualifiers, Records, Start, Verdict};

use super::{Advisories, Differences, database_of, package};
use crate::feeds::files;

/// The ecosystem of one of the database's buckets; none for those that have none here.
fn ecosystem_of(bucket: &str) -> Option<Ecosystem> {
    if let Some((language, _)) = bucket.split_once("::") {
        return Some(Ecosystem::new(match language {
            "composer" => Family::Packagist,
            "npm" => Family::Npm,
            "nuget" => Family::NuGet,
            "pip" => Family::PyPi,
            "rubygems" => Family::RubyGems,
            "cargo" => Family::CratesIo,
            "erlang" => Family::Hex,
            "go" => Family::Go,
            "maven" => Family::Maven,
            "pub" => Family::Pub,
            "swift" => Family::SwiftUrl,
            _ => return None,
        }));
    }
    let (name, release) = bucket.rsplit_once(' ')?;
    let family = match name {
        "alpine" => Family::Alpine,
        "debian" => Family::Debian,
        "ubuntu" => Family::Ubuntu,
        "alma" => Family::AlmaLinux,
        "rocky" => Family::RockyLinux,
        "openSUSE Leap" | "openSUSE" => Family::OpenSuse,
        "CBL-Mariner" => Family::AzureLinux,
        _ => return None,
    };
    Some(Ecosystem::release(family, release.to_ascii_lowercase()))
}

/// `>= 1.0, < 1.2`, of which `||` separates several.
pub(super) fn intervals(text: &str) -> Vec<Interval> {
    let one = |text: &str| {
        let mut interval = Interval::ALL;
        // GitLab's form for Maven.
        let bounds = text.trim().strip_prefix('[').and_then(|rest| rest.strip_suffix(')')?.split_once(','));
        if let Some((from, to)) = bounds {
            return Interval { start: Start::At(from.to_owned()), end: End::Fixed(to.to_owned()) };
        }
        for comparison in text.split(',').map(str::trim).filter(|comparison| !comparison.is_empty()) {
            let (operator, version) = comparison.split_at(comparison.find(|found| !"<>=".contains(found)).unwrap());
            let version = version.trim().to_owned();
            match operator {
                "<" => interval.end = End::Fixed(version),
                "<=" => interval.end = End::Through(version),
                ">" => interval.start = Start::After(version),
                ">=" => interval.start = Start::At(version),
                _ => interval = Interval { start: Start::At(version.clone()), end: End::Through(version) },
            }
        }
        interval
    };
    text.split("||").map(one).collect()
}

fn affected(ecosystem: &Ecosystem, name: &str, value: &Value) -> Affected {
    let before = |version: &str| Interval { start: Start::Unbounded, end: End::Fixed(version.to_owned()) };
    let stated = value["VulnerableVersions"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let mut ranges: Vec<Interval> = stated.flat_map(intervals).collect();
    ranges.extend(value["FixedVersion"].as_str().filter(|version| !version.is_empty()).map(before));
    Affected {
        ecosystem: ecosystem.clone(),
        package: ecosystem.canonical_name(name),
        named: ecosystem.family.named(),
        verdict: Verdict::Affected(Fix::AsStated),
        intervals: ranges,
        versions: Vec::new(),
        qualifiers: Qualifiers::default(),
        severities: Vec::new(),
    }
}

type Sources = BTreeMap<(Ecosystem, String), BTreeSet<String>>;

/// The database's records, and which packages each is about.
fn read(folder: &std::path::Path) -> (Records, Sources) {
    let (mut records, mut sources) = (BTreeMap::<String, Advisory>::new(), Sources::new());
    for path in files(folder) {
        let value: Value = serde_saphyr::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        for bucket in value.as_array().into_iter().flatten() {
            let Some(ecosystem) = bucket["bucket"].as_str().and_then(ecosystem_of) else { continue };
            for package in bucket["pairs"].as_array().into_iter().flatten() {
                let Some(name) = package["bucket"].as_str() else { continue };
                for pair in package["pairs"].as_array().into_iter().flatten() {
                    let Some(id) = pair["key"].as_str() else { continue };
                    let advisory = records
                        .entry(id.to_owned())
                        .or_insert_with_key(|id| Advisory { id: id.clone(), ..Advisory::default() });
                    advisory.affected.push(affected(&ecosystem, name, &pair["value"]));
                    sources.entry((ecosystem.clone(), id.to_owned())).or_default().insert(name.to_owned());
                }
            }
        }
    }
    (Records { advisories: records.into_values().collect(), ..Records::default() }, sources)
}

/// The ecosystem of a package of a report.
fn ecosystem_of_purl(purl: &Purl, operating_system: &Value) -> Option<Ecosystem> {
    if let Some(ecosystem) = Ecosystem::of_purl_type(purl.ty()) {
        return Some(ecosystem);
    }
    let release = operating_system["Name"].as_str().unwrap_or_default();
    let parts: Vec<&str> = release.split('.').collect();
    Some(match operating_system["Family"].as_str()? {
        "alpine" => Ecosystem::release(Family::Alpine, parts.get(..2)?.join(".")),
        "debian" => Ecosystem::release(Family::Debian, *parts.first()?),
        "ubuntu" => Ecosystem::release(Family::Ubuntu, parts.get(..2)?.join(".")),
        "alma" => Ecosystem::release(Family::AlmaLinux, *parts.first()?),
        "rocky" => Ecosystem::release(Family::RockyLinux, *parts.first()?),
        "opensuse-leap" => Ecosystem::release(Family::OpenSuse, release),
        "opensuse-tumbleweed" => Ecosystem::release(Family::OpenSuse, "tumbleweed"),
        _ => return None,
    })
}

fn found(database: &Advisories, ecosystem: &Ecosystem, name: &str, binary: &str, version: &str) -> BTreeSet<String> {
    let (mut component, distribution) = package(ecosystem, name, version);
    if let Some(source) = &mut component.source {
        *source = SourcePackage { name: name.to_owned(), version: None };
        binary.clone_into(&mut component.name);
    }
    let distribution = distribution.map(|mut distribution| {
        if distribution.version_id.as_deref() == Some("tumbleweed") {
            "opensuse-tumbleweed".clone_into(&mut distribution.id);
        }
        distribution
    });
    let findings = match_component(database, &component, distribution.as_ref()).unwrap();
    findings.iter().map(|finding| database.vulnerability(finding.vulnerability).unwrap().name.to_owned()).collect()
}

#[test]
fn reports_of_end_to_end_cases_are_given_from_their_own_database() {
    let Some(bundle) = testkit::bundle("matching/trivy-integration-goldens") else { return };
    let root = bundle.path().join("integration/testdata");
    let (records, sources) = read(&root.join("fixtures/db"));
    let database = database_of([("goldens", records)]);
    let (mut reports, mut listed, mut agreed, mut elsewhere) = (0, 0, 0, BTreeMap::<String, usize>::new());
    let mut differences = Differences::default();
    for path in files(&root) {
        let Some(case) = path.file_name().unwrap().to_str().unwrap().strip_suffix(".json.golden") else { continue };
        let Ok(report) = serde_json::from_str::<Value>(&std::fs::read_to_string(&path).unwrap()) else { continue };
        let mut packages: BTreeMap<(Ecosystem, String, String, String), BTreeSet<String>> = BTreeMap::new();
        let results = report["Results"].as_array().into_iter().flatten();
        for vulnerability in results.flat_map(|result| result["Vulnerabilities"].as_array().into_iter().flatten()) {
            let id = vulnerability["VulnerabilityID"].as_str().unwrap().to_owned();
            let text = vulnerability["PkgIdentifier"]["PURL"].as_str().unwrap_or_default();
            let purl = text.parse::<Purl>().ok();
            let ecosystem = purl.as_ref().and_then(|purl| ecosystem_of_purl(purl, &report["Metadata"]["OS"]));
            let source = ecosystem.as_ref().and_then(|ecosystem| sources.get(&(ecosystem.clone(), id.clone())));
            let (Some(ecosystem), Some(purl), Some(source)) = (ecosystem, purl, source) else {
                let kind = text.split(['/', ':']).nth(1).unwrap_or_default();
                *elsewhere.entry(format!("{case}: {kind}")).or_default() += 1;
                continue;
            };
            let binary = vulnerability["PkgName"].as_str().unwrap().to_owned();
            let own = ecosystem.name_of_purl(&purl);
            let known = |name: &&String| ecosystem.canonical_name(name) == own;
            let name = source.iter().find(known).or_else(|| source.first()).unwrap().clone();
            let version = vulnerability["InstalledVersion"].as_str().unwrap().to_owned();
            packages.entry((ecosystem, name, binary, version)).or_default().insert(id);
        }
        reports += usize::from(!packages.is_empty());
        for ((ecosystem, name, binary, version), expected) in packages {
            let found = found(&database, &ecosystem, &name, &binary, &version);
            listed += expected.len();
            agreed += expected.intersection(&found).count();
            for id in expected.symmetric_difference(&found) {
                let kind = if found.contains(id) { "only here" } else { "only there" };
                differences.add(&format!("{case} {ecosystem} {name} {binary} {version} {id} {kind}"), None);
            }
        }
    }
    assert!(listed > 0, "no report lists anything");
    let mut head = format!(
        "{reports} reports, {listed} vulnerabilities of packages, {agreed} of them found; not asked, for want of an ecosystem:\n"
    );
    for (what, count) in &elsewhere {
        writeln!(head, "  {count} {what}").unwrap();
    }
    insta::assert_snapshot!(differences.report(&head));
}
