//! People's labels of what a scanner found in images, as inputs: packages rebuilt from the labels, and who of the tools is right.
//!
//! A label has neither the kind of its package nor its source package. The release is taken from the version of the image's C library, the
//! source of a binary package as the one that Ubuntu names for most of its labels, the kind of any other package as the one that the
//! records speak of. What a distribution built of a language's package is no package of that language, and left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use anyhow::Result;
use serde_json::Value;

use super::advisories::{Advisories, canonical, files};
use super::distributions;
use super::documents::Package;
use super::tools::Found;
use super::ubuntu::Tracker;

/// Ubuntu's releases by the version of the C library that they began with.
const LIBRARIES: &[(&str, &str)] = &[
    ("2.15-0ubuntu10", "12.04"),
    ("2.19-", "14.04"),
    ("2.23-", "16.04"),
    ("2.27-", "18.04"),
    ("2.31-", "20.04"),
    ("2.35-", "22.04"),
];

/// A label of a package whose kind is known.
pub(super) struct Label {
    pub(super) ecosystem: String,
    pub(super) name: String,
    pub(super) version: String,
    pub(super) id: String,
    pub(super) is_true: bool,
}

/// As it is written, with the image that it is of.
struct Stated {
    package: String,
    version: String,
    id: String,
    is_true: bool,
}

/// Returns the labels of each image. None when they are not there.
fn read() -> Result<Vec<Vec<Stated>>> {
    let Some(bundle) = testkit::bundle("matching/anchore-match-labels") else { return Ok(Vec::new()) };
    let mut images = Vec::new();
    for path in files(&bundle.path().join("labels"))? {
        let mut labels = Vec::new();
        for line in fs::read_to_string(&path)?.lines() {
            let label: Value = serde_json::from_str(line)?;
            let package = &label["package"];
            let id = label["effective_cve"].as_str().or(label["vulnerability_id"].as_str());
            let is_true = match label["label"].as_str() {
                Some("TP") => true,
                Some("FP") => false,
                _ => continue,
            };
            if let (Some(package), Some(version), Some(id)) =
                (package["name"].as_str(), package["version"].as_str(), id)
            {
                labels.push(Stated {
                    package: package.to_owned(),
                    version: version.to_owned(),
                    id: id.to_owned(),
                    is_true,
                });
            }
        }
        images.push(labels);
    }
    Ok(images)
}

/// A package of a distribution, where it cannot be one of a language: its version says whose it is.
fn says_whose_it_is(version: &str) -> bool {
    let marks = ["ubuntu", "+deb", ".el", ".fc", ".amzn", ".module", ".cm"];
    let is_of_alpine = || {
        version
            .rsplit_once("-r")
            .is_some_and(|(_, build)| !build.is_empty() && build.bytes().all(|byte| byte.is_ascii_digit()))
    };
    marks.iter().any(|mark| version.contains(mark)) || is_of_alpine()
}

/// A package of Ubuntu: its versions have a revision, or say whose they are.
fn is_packaged(label: &Stated) -> bool {
    let is_program = label.package.contains('/') || label.version.ends_with("DEVELOPMENT");
    !is_program && (label.version.contains('-') || label.version.contains("ubuntu"))
}

/// Which enterprise release a build is of: `.el8`.
fn enterprise_release(version: &str) -> Option<&str> {
    let start = version.find(".el")?;
    version.get(start..start + ".el8".len())
}

/// Whether the image, or another of the same release, has a package of the distribution that is this one: `python3-urllib3 1.24.2-4.el8` is
/// `urllib3 1.24.2`.
fn is_built_by_distribution(label: &Stated, image: &[Stated], all: &[Vec<Stated>]) -> bool {
    let name = label.package.to_ascii_lowercase();
    let bare = name.trim_start_matches("py");
    let release = image.iter().find_map(|label| enterprise_release(&label.version));
    let is_own = |other: &Stated| {
        let of_language = ["python-", "python2-", "python3-", "rubygem-", "ruby-", "php-"];
        let mut own = of_language.iter().filter_map(|prefix| other.package.strip_prefix(prefix));
        own.any(|own| own == name || own == bare)
            && other.version.strip_prefix(label.version.as_str()).is_some_and(|rest| rest.starts_with('-'))
    };
    let of_release = |other: &Stated| release.is_some() && enterprise_release(&other.version) == release;
    image.iter().any(is_own) || all.iter().flatten().any(|other| is_own(other) && of_release(other))
}

/// Returns the labels of languages' packages of which the records speak, each once.
pub(super) fn of_languages(advisories: &Advisories) -> Result<Vec<Label>> {
    let images = read()?;
    let mut labels = BTreeMap::new();
    for (image, label) in images.iter().flat_map(|image| image.iter().map(move |label| (image, label))) {
        if says_whose_it_is(&label.version) || is_built_by_distribution(label, image, &images) {
            continue;
        }
        if let Some(ecosystem) = advisories.speaks_of(&label.package, &label.id) {
            let version = if ecosystem == "Go" { label.version.trim_start_matches('v') } else { &label.version };
            let key = (ecosystem, canonical(ecosystem, &label.package), version.to_owned(), label.id.clone());
            labels.insert(key, label.is_true);
        }
    }
    let label = |((ecosystem, name, version, id), is_true): ((&str, String, String, String), bool)| Label {
        ecosystem: ecosystem.to_owned(),
        name,
        version,
        id: advisories.call(&id).to_owned(),
        is_true,
    };
    Ok(labels.into_iter().map(label).collect())
}

/// Returns the labels of packages of Ubuntu's releases, by the source package, each once; the ecosystem is the release.
pub(super) fn of_ubuntu(tracker: &Tracker) -> Result<Vec<Label>> {
    let mut all = BTreeMap::new();
    for labels in read()? {
        let library = labels.iter().find(|label| matches!(label.package.as_str(), "libc6" | "libc-bin"));
        let library =
            library.filter(|library| library.version.contains("ubuntu")).map(|library| library.version.as_str());
        let known = LIBRARIES.iter().find(|(version, _)| library.is_some_and(|library| library.starts_with(version)));
        let Some((_, release)) = known else { continue };
        for label in labels.iter().filter(|label| is_packaged(label)) {
            let ids = labels.iter().filter(|other| other.package == label.package).map(|other| other.id.as_str());
            let Some(source) = tracker.source_of(release, &label.package, ids) else { continue };
            if tracker.speaks_of(release, &source, &label.id) {
                let key = ((*release).to_owned(), source, label.version.clone(), label.id.clone());
                all.insert(key, label.is_true);
            }
        }
    }
    let label = |((ecosystem, name, version, id), is_true)| Label { ecosystem, name, version, id, is_true };
    Ok(all.into_iter().map(label).collect())
}

/// The enterprise releases by the mark of their builds. Whose builds they are a label does not say; they are held against `AlmaLinux`'s
/// records, which is the rebuild whose records are at hand.
const ENTERPRISE: &[(&str, &str)] = &[(".el8", "8"), (".el9", "9")];

/// Returns the labels of builds for an enterprise release of which `AlmaLinux`'s records speak, each once; the ecosystem is the release. Those
/// of which only records of a module's builds speak, where this is none, come apart: the erratum is about other packages of that name.
pub(super) fn of_enterprise(records: &[Value]) -> Result<(Vec<Label>, Vec<Label>)> {
    let mut spoken: BTreeMap<(&str, &str, &str), bool> = BTreeMap::new();
    for one in distributions::in_force(records) {
        let is_of_module = one.fixed.is_some_and(distributions::is_of_module);
        for name in &one.names {
            *spoken.entry((one.release, one.package, name)).or_insert(true) &= is_of_module;
        }
    }
    let (mut own, mut of_others) = (BTreeMap::new(), BTreeMap::new());
    for label in read()?.into_iter().flatten() {
        let Some((_, release)) = ENTERPRISE.iter().find(|(mark, _)| label.version.contains(mark)) else { continue };
        let Some(is_of_modules) = spoken.get(&(*release, label.package.as_str(), label.id.as_str())) else { continue };
        let is_of_other = *is_of_modules && !distributions::is_of_module(&label.version);
        let labels = if is_of_other { &mut of_others } else { &mut own };
        labels.insert(((*release).to_owned(), label.package, label.version, label.id), label.is_true);
    }
    let label = |((ecosystem, name, version, id), is_true)| Label { ecosystem, name, version, id, is_true };
    Ok((own.into_iter().map(label).collect(), of_others.into_iter().map(label).collect()))
}

/// Alpine's releases by the versions of packages that only they have.
const OF_ALPINE: &[(&str, &str, &str)] = &[("musl", "1.1.19-r", "3.8"), ("ssl_client", "1.31.1-r11", "3.11")];

/// Returns the labels of packages of Alpine's releases, by the source package, each once; the ecosystem is the release.
pub(super) fn of_alpine(records: &[Value]) -> Result<Vec<Label>> {
    let mut all = BTreeMap::new();
    for labels in read()? {
        let is_of = |(package, version, _): &&(&str, &str, &str)| {
            labels.iter().any(|label| label.package == *package && label.version.starts_with(version))
        };
        let Some((_, _, release)) = OF_ALPINE.iter().find(is_of) else { continue };
        for label in labels.iter().filter(|label| says_whose_it_is(&label.version)) {
            let ids = labels.iter().filter(|other| other.package == label.package).map(|other| other.id.as_str());
            let Some(source) = distributions::source_of(records, release, &label.package, ids) else { continue };
            let is_spoken_of = distributions::in_force(records)
                .any(|one| one.release == *release && one.package == source && one.names.contains(&label.id.as_str()));
            if is_spoken_of {
                let key = ((*release).to_owned(), source.to_owned(), label.version.clone(), label.id.clone());
                all.insert(key, label.is_true);
            }
        }
    }
    let label = |((ecosystem, name, version, id), is_true)| Label { ecosystem, name, version, id, is_true };
    Ok(all.into_iter().map(label).collect())
}

/// Returns how many labels there are of images, and how many of those no publisher at hand can speak of, by what their versions say.
pub(super) fn elsewhere() -> Result<BTreeMap<&'static str, usize>> {
    const MARKS: &[(&str, &str)] = &[
        ("+deb", "Debian (records of 13 source packages alone)"),
        (".amzn", "Amazon Linux (no records)"),
        (".el6", "Enterprise Linux 6 (no records)"),
        (".el7", "Enterprise Linux 7 (no records)"),
        (".cm", "CBL-Mariner 2.0 (no records)"),
    ];
    let mut counts = BTreeMap::new();
    for label in read()?.into_iter().flatten() {
        if let Some((_, whose)) = MARKS.iter().find(|(mark, _)| label.version.contains(mark)) {
            *counts.entry(*whose).or_default() += 1;
        }
    }
    Ok(counts)
}

/// Returns every identifier that is labelled.
pub(super) fn labelled() -> Result<BTreeSet<String>> {
    Ok(read()?.into_iter().flatten().map(|label| label.id).collect())
}

/// Writes how right each tool is, also but for what the publisher denies, and each label of which Garrison and another say different things.
pub(super) fn judged(
    labels: &[Label],
    answers: &[(&str, Result<Found>)],
    is_denied: impl Fn(&Label) -> bool,
    told: impl Fn(&Label) -> String,
) -> String {
    let mut text = String::from(
        "\n| labels of | labels | tool | true found | true not found | false found | precision | recall | F1 |\n|---|---|---|---|---|---|---|---|---|\n",
    );
    let ecosystems: BTreeSet<&str> = labels.iter().map(|label| label.ecosystem.as_str()).collect();
    for ecosystem in ecosystems {
        let own: Vec<&Label> = labels.iter().filter(|label| label.ecosystem == ecosystem).collect();
        score(ecosystem, &own, answers, &mut text);
    }
    score("all", &labels.iter().collect::<Vec<_>>(), answers, &mut text);
    let undenied: Vec<&Label> = labels.iter().filter(|label| !label.is_true || !is_denied(label)).collect();
    if undenied.len() < labels.len() {
        let name = format!("all but {} true ones that the publisher denies", labels.len() - undenied.len());
        score(&name, &undenied, answers, &mut text);
    }
    text.push_str("\nLabels on which tools differ:\n\n");
    for label in labels {
        let says = |(_, found): &&(&str, Result<Found>)| found.as_ref().is_ok_and(|found| label.is_in(found));
        let by: Vec<&str> = answers.iter().filter(says).map(|(tool, _)| *tool).collect();
        if !by.is_empty() && by.len() < answers.len() {
            let Label { ecosystem, name, version, id, is_true } = label;
            let truth = if *is_true { "true" } else { "false" };
            let denied = if is_denied(label) { ", denied" } else { "" };
            let told: String = told(label).chars().take(300).collect();
            let _infallible = writeln!(
                text,
                "- {ecosystem} {name} {version} {id} labelled {truth}{denied}, found by {}: {told}",
                by.join(", ")
            );
        }
    }
    text
}

impl Label {
    fn is_in(&self, found: &Found) -> bool {
        let Self { ecosystem, name, version, id, .. } = self;
        found.contains(&(ecosystem.clone(), name.clone(), version.clone(), id.clone()))
    }
}

/// Writes a row a tool.
fn score(name: &str, labels: &[&Label], answers: &[(&str, Result<Found>)], text: &mut String) {
    for (tool, found) in answers {
        let Ok(found) = found else {
            let _infallible = writeln!(text, "| {name} | {} | {tool} | failed | | | | | |", labels.len());
            continue;
        };
        let count = |is_true: bool, is_found: bool| {
            labels.iter().filter(|label| label.is_true == is_true && label.is_in(found) == is_found).count()
        };
        let (hit, missed, wrong) = (count(true, true), count(true, false), count(false, true));
        let share = |part: usize, whole: usize| if whole == 0 { 1.0 } else { part as f64 / whole as f64 };
        let (precision, recall) = (share(hit, hit + wrong), share(hit, hit + missed));
        let f1 = share(2 * hit, 2 * hit + wrong + missed);
        let _infallible = writeln!(
            text,
            "| {name} | {} | {tool} | {hit} | {missed} | {wrong} | {precision:.3} | {recall:.3} | {f1:.3} |",
            labels.len()
        );
    }
}

/// The packages that labels are of.
pub(super) fn packages(labels: &[Label]) -> Vec<Package> {
    let of = |label: &Label| (label.ecosystem.clone(), label.name.clone(), label.version.clone());
    let packages: BTreeSet<_> = labels.iter().map(of).collect();
    packages.into_iter().collect()
}
