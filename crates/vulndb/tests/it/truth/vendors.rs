//! What distributions state of their own packages, read here a second time and plainly, against what is found in packages of the
//! versions around each statement. A finding that the vendor's own statement denies is a fault, and so is one that is not made.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use component::Scheme;
use vulndb::matching::{Certainty, match_component};
use vulndb::{Document, Ecosystem, Family, Records, ecosystem::ubuntu_number};

use super::{Advisories, database_of, package};
use crate::feeds::{files, find_reader, read_bundle};

/// What a statement says of the versions of a package in a release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Status {
    /// Versions before this one are affected, it and later ones are not.
    Mended(String),
    /// This version and later ones are not affected.
    CleanFrom(String),
    /// No version is affected.
    Clean,
    /// Every version is affected.
    Affected,
    /// Nobody knows yet.
    Unknown,
}

/// Who gets what the statement speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    Everybody,
    /// Those who have Ubuntu's extended maintenance, whose builds say `esm`.
    Extended,
}

/// All that is said of a vulnerability in a package of a release.
type Said = BTreeSet<(Who, Status)>;

/// By release and source package, then by vulnerability.
type Stated = BTreeMap<(String, String), BTreeMap<String, Said>>;

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    statements: usize,
    absent: usize,
    packages: usize,
    probes: usize,
    pairs: usize,
    at_their_bound: usize,
    denied: Vec<String>,
    missed: Vec<String>,
    unspoken: Vec<String>,
}

#[derive(Debug, PartialEq, Eq)]
enum Expected {
    Affected,
    NotKnown,
    Denied,
    Silence,
}

fn is_before(scheme: Scheme, version: &str, bound: &str) -> bool {
    scheme.compare(version, bound).unwrap().is_lt()
}

/// What the vendor says of one version, by all its statements.
fn expected(scheme: Scheme, said: &Said, version: &str) -> Expected {
    let is_extended_build = version.contains("esm");
    // What was mended twice was not mended until the later one.
    let is_before_another = |bound: &str| {
        said.iter().any(|(who, status)| match status {
            Status::Mended(other) => {
                *who == Who::Everybody && is_before(scheme, bound, other) && is_before(scheme, version, other)
            }
            _ => false,
        })
    };
    // A build for those who pay is mended when their own line says so.
    let is_before_own = said.iter().any(|(who, status)| match status {
        Status::Mended(own) => is_extended_build && *who == Who::Extended && is_before(scheme, version, own),
        _ => false,
    });
    let denies = |(who, status): &(Who, Status)| match status {
        Status::Mended(bound) if *who == Who::Extended => is_extended_build && !is_before(scheme, version, bound),
        Status::Mended(bound) => !is_before(scheme, version, bound) && !is_before_another(bound) && !is_before_own,
        Status::CleanFrom(bound) => !is_before(scheme, version, bound),
        Status::Clean => true,
        Status::Affected | Status::Unknown => false,
    };
    let affects = |(_, status): &(Who, Status)| match status {
        Status::Mended(bound) => is_before(scheme, version, bound),
        Status::Affected => true,
        _ => false,
    };
    if said.iter().any(denies) {
        Expected::Denied
    } else if said.iter().any(affects) {
        Expected::Affected
    } else if said.iter().any(|(_, status)| *status == Status::Unknown) {
        Expected::NotKnown
    } else {
        Expected::Silence
    }
}

/// The most comparisons of a package of a release: a kernel has thousands of statements and hundreds of versions.
const PAIRS_MAX: usize = 200_000;

/// Of how many packages one is taken: all in a release build (`cargo test --release -p garrison-vulndb --test it truth`), which
/// holds some ten million versions against their statements in a minute.
const SAMPLE: u32 = if cfg!(debug_assertions) { 16 } else { 1 };

fn is_sampled(package: &str) -> bool {
    let sum = package.bytes().fold(0_u32, |sum, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte)));
    sum % SAMPLE == 0
}

/// The counts of a sample are held by a snapshot; those of a whole set are printed.
#[expect(clippy::print_stderr, reason = "the counts are what a whole run is for")]
fn assert_report(name: &str, counts: &Counts) {
    assert!(counts.statements > 0 && counts.pairs > 0, "nothing was checked");
    if SAMPLE == 1 {
        eprintln!("{name}:\n{}", report(counts));
    } else {
        insta::assert_snapshot!(format!("{name}_sample"), report(counts));
    }
    assert!(counts.denied.is_empty() && counts.missed.is_empty() && counts.unspoken.is_empty());
}

/// Holds packages of versions below, at and above each bound against the database.
fn check(database: &Advisories, family: Family, stated: &Stated) -> Counts {
    let scheme = family.scheme().unwrap();
    let mut counts = Counts { packages: stated.len(), ..Counts::default() };
    for ((release, name), vulnerabilities) in stated {
        counts.statements += vulnerabilities.values().map(BTreeSet::len).sum::<usize>();
        let all = vulnerabilities.values().flatten();
        let bounds: BTreeSet<&str> = all
            .filter_map(|(_, status)| match status {
                Status::Mended(bound) | Status::CleanFrom(bound) => Some(bound.as_str()),
                _ => None,
            })
            .collect();
        // Evenly, where there are too many.
        let room = (PAIRS_MAX / vulnerabilities.len() / 3).max(2);
        let step = bounds.len().div_ceil(room).max(1);
        let probed: BTreeSet<&str> = bounds.iter().copied().step_by(step).collect();
        let own = |(_, status): &&(Who, Status)| match status {
            Status::Mended(bound) | Status::CleanFrom(bound) => probed.contains(bound.as_str()),
            _ => true,
        };
        counts.at_their_bound += vulnerabilities.values().flatten().filter(own).count();
        let around = |bound: &str| match family {
            Family::Alpine => vec![below_alpine(bound), bound.to_owned(), format!("{bound}9")],
            _ => vec![format!("{bound}~"), bound.to_owned(), format!("{bound}+0")],
        };
        let last = if family == Family::Alpine { "9999999-r0" } else { "99:0" };
        let ends = ["0.0.1".to_owned(), last.to_owned()];
        for version in probed.iter().flat_map(|bound| around(bound)).chain(ends) {
            counts.probes += 1;
            let (component, distribution) = package(&Ecosystem::release(family, release), name, &version);
            let findings = match_component(database, &component, distribution.as_ref()).unwrap();
            let mut found = BTreeMap::new();
            for finding in findings.iter().filter(|finding| finding.suppression.is_none()) {
                found.insert(database.vulnerability(finding.vulnerability).unwrap().name, finding.certainty);
            }
            for (id, said) in vulnerabilities {
                counts.pairs += 1;
                let what = || format!("{family:?} {release} {name} {version} {id} {said:?}");
                match (expected(scheme, said, &version), found.remove(id.as_str())) {
                    (Expected::Denied, Some(_)) => counts.denied.push(what()),
                    (Expected::Affected, None | Some(Certainty::UnderInvestigation)) | (Expected::NotKnown, None) => {
                        counts.missed.push(what());
                    }
                    (Expected::NotKnown, Some(Certainty::Affected)) | (Expected::Silence, Some(_)) => {
                        counts.unspoken.push(what());
                    }
                    _ => {}
                }
            }
            let unread = found.keys().filter(|id| id.starts_with("CVE-"));
            counts.unspoken.extend(unread.map(|id| format!("{release} {name} {version} {id}")));
        }
    }
    counts
}

/// The release number of a build is taken down by one, or the version becomes a prerelease.
fn below_alpine(bound: &str) -> String {
    match bound.rsplit_once("-r") {
        Some((version, build)) => match build.parse::<u32>() {
            Ok(build) if build > 0 => format!("{version}-r{}", build - 1),
            _ => format!("{version}_alpha-r{build}"),
        },
        None => format!("{bound}_alpha"),
    }
}

fn report(counts: &Counts) -> String {
    let mut text = String::new();
    for (count, what) in [
        (counts.statements, "statements"),
        (counts.absent, "statements that there is no such package, of which nothing may be found"),
        (counts.packages, "packages of releases"),
        (counts.probes, "versions of packages"),
        (counts.at_their_bound, "statements at their own bound"),
        (counts.pairs, "versions and vulnerabilities"),
        (counts.denied.len(), "findings that the vendor denies"),
        (counts.missed.len(), "that the vendor affirms and are not found"),
        (counts.unspoken.len(), "findings of which the vendor says nothing"),
    ] {
        writeln!(text, "{count} {what}").unwrap();
    }
    for list in [&counts.denied, &counts.missed, &counts.unspoken] {
        for line in list.iter().take(20) {
            writeln!(text, "{line}").unwrap();
        }
    }
    text
}

/// `released (1.2-3)` and the like; what is in brackets counts where it is a version.
fn ubuntu_status(status: &str, detail: &str) -> Option<Status> {
    let version = detail
        .starts_with(|first: char| first.is_ascii_digit())
        .then(|| detail.to_owned())
        .filter(|detail| Scheme::Deb.compare(detail, detail).is_ok());
    Some(match (status, version) {
        ("released" | "pending", Some(version)) => Status::Mended(version),
        ("not-affected", Some(version)) => Status::CleanFrom(version),
        ("not-affected", None) => Status::Clean,
        ("ignored", _) if detail.contains("was not-affected") => Status::Clean,
        ("needed" | "active" | "deferred" | "ignored" | "pending", _) => Status::Affected,
        ("needs-triage", _) => Status::Unknown,
        _ => return None,
    })
}

/// The number of a release, and who gets what is said of it.
fn ubuntu_release(text: &str) -> Option<(&'static str, Who)> {
    match text.split_once('/') {
        None => Some((ubuntu_number(text)?, Who::Everybody)),
        Some((name, "esm") | ("esm-infra" | "esm-apps" | "esm-infra-legacy" | "esm-apps-legacy", name)) => {
            Some((ubuntu_number(name)?, Who::Extended))
        }
        // Certified builds are matched by their version; they are left out here.
        Some(_) => None,
    }
}

#[test]
fn what_ubuntu_states_is_found_and_nothing_else() {
    let Some(bundle) = testkit::bundle("vulndb/ubuntu-cve-tracker") else { return };
    let reader = find_reader("ubuntu-tracker");
    let mut records = Records::default();
    let mut stated = Stated::new();
    let (mut absent, mut contradicted) = (0, Vec::new());
    for path in files(bundle.path()) {
        let shown = path.strip_prefix(bundle.path()).unwrap().to_str().unwrap();
        if !(reader.claims)(shown) {
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        reader.read(&Document { path: shown, bytes: &bytes }, &mut records);
        let text = String::from_utf8(bytes).unwrap();
        let id = records.advisories.last().unwrap().id.to_ascii_uppercase();
        let mut elsewhere = BTreeSet::new();
        let mut nowhere = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with([' ', '\t', '#'])) {
            let Some((head, value)) = line.split_once(':') else { continue };
            let Some((release, name)) = head.trim_end().split_once('_') else { continue };
            let Some((release, who)) = ubuntu_release(release).filter(|_| is_sampled(name)) else { continue };
            let (status, detail) = value.trim().split_once('(').unwrap_or((value.trim(), ""));
            let detail = detail.trim_end();
            let detail = detail.strip_suffix(')').map_or(detail, str::trim);
            if status.trim() == "DNE" {
                nowhere.push((release.to_owned(), name.to_owned()));
                continue;
            }
            let Some(status) = ubuntu_status(status.trim(), detail) else { continue };
            elsewhere.insert((release.to_owned(), name.to_owned()));
            let of_package = stated.entry((release.to_owned(), name.to_owned())).or_default();
            of_package.entry(id.clone()).or_default().insert((who, status));
        }
        absent += nowhere.len();
        let advisory = records.advisories.last_mut().unwrap();
        advisory.affected.retain(|affected| is_sampled(&affected.package));
        advisory.references.clear();
        advisory.details.clear();
        for (release, name) in nowhere.iter().filter(|package| !elsewhere.contains(package)) {
            let is_said = advisory.affected.iter().any(|affected| {
                affected.ecosystem.release.as_ref() == Some(release)
                    && affected.package == *name
                    && affected.qualifiers.channel != vulndb::Channel::Fips
            });
            if is_said {
                contradicted.push(format!("{id} {release} {name}"));
            }
        }
    }
    let database = database_of([("ubuntu", records)]);
    let mut counts = check(&database, Family::Ubuntu, &stated);
    counts.absent = absent;
    counts.denied.extend(contradicted);
    assert_report("ubuntu", &counts);
}

/// The CVEs that an entry names. One is written `CVE_2019-2426`; two go on after the number; one that had no number yet
/// (`CVE-????-?????  XSA-295`) is none.
fn alpine_ids(entry: &str) -> impl Iterator<Item = String> {
    let is_number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    entry.split_whitespace().filter_map(move |word| {
        let mut parts = word.strip_prefix("CVE")?.split(['-', '_', '.']).skip(1);
        let (year, number) = (parts.next().filter(is_number)?, parts.next().filter(is_number)?);
        Some(format!("CVE-{year}-{number}"))
    })
}

/// Versions of Alpine's lists that its own tool refuses, and what they mean: by other lines of the lists where those tell, else as far as they can be read.
const SLIPS: &[(&str, &str)] = &[
    ("0.12.5.-r0", "0.12.5-r0"),
    ("0.8.21.r2", "0.8.21-r2"),
    ("1.0.4.-r0", "1.0.4-r0"),
    ("1.11-20-r0", "1.11.20-r0"),
    ("1.18.-r2", "1.18-r2"),
    ("1.7.5.-r1", "1.7.5-r1"),
    ("10.2.22.r0", "10.2.22-r0"),
    ("10.2.24.r0", "10.2.24-r0"),
    ("10.2.26.r0", "10.2.26-r0"),
    ("2.15.r-r1", "2.15"),
    ("2.7.16-33", "2.7.16-r3"),
    ("4.10-1-r1", "4.10.1-r1"),
    ("4.8.0.-r1", "4.8.0-r1"),
    ("57-1-r2", "57.1-r2"),
];

#[test]
fn what_alpine_states_is_found_and_nothing_else() {
    let Some(bundle) = testkit::bundle("vulndb/alpine-secdb") else { return };
    let Some(records) = read_bundle("vulndb/alpine-secdb", "", "secdb") else { return };
    let mut stated = Stated::new();
    for path in files(bundle.path()) {
        let Some("yaml") = path.extension().and_then(|extension| extension.to_str()) else { continue };
        let text = std::fs::read_to_string(&path).unwrap();
        let file: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
        let release = file["distroversion"].as_str().unwrap().trim_start_matches('v').to_owned();
        for package in file["packages"].as_array().into_iter().flatten() {
            let name = package["pkg"]["name"].as_str().unwrap();
            if !is_sampled(name) {
                continue;
            }
            for (version, entries) in package["pkg"]["secfixes"].as_object().into_iter().flatten() {
                let status = match version.as_str() {
                    "0" => Status::Clean,
                    version if Scheme::Apk.compare(version, version).is_ok() => Status::Mended(version.to_owned()),
                    version => match SLIPS.iter().find(|(stated, _)| *stated == version) {
                        Some((_, meant)) => Status::Mended((*meant).to_owned()),
                        None => continue,
                    },
                };
                for entry in entries.as_array().into_iter().flatten().filter_map(|entry| entry.as_str()) {
                    for id in alpine_ids(entry) {
                        let of_package = stated.entry((release.clone(), name.to_owned())).or_default();
                        of_package.entry(id).or_default().insert((Who::Everybody, status.clone()));
                    }
                }
            }
        }
    }
    let database = database_of([("alpine", records)]);
    assert_report("alpine", &check(&database, Family::Alpine, &stated));
}
