//! Records made for the purpose, about what is installed in images whose distributions' advisories are not at hand: one for each question
//! that a matcher can get wrong, with the answer known beforehand.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::documents::{Installed, Package, split_epoch};

/// What a record asks of a matcher.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Question {
    FixedBelow,
    FixedAtIt,
    FixedAbove,
    NotFixed,
    Withdrawn,
    OtherRelease,
    OfTheBinaryName,
    HigherEpoch,
    LowerEpoch,
    RebuiltSinceTheFix,
}

/// Every question, in words, and whether what is installed is affected.
pub(super) const QUESTIONS: &[(Question, &str, bool)] = &[
    (Question::FixedBelow, "mended in a version before it", false),
    (Question::FixedAtIt, "mended in this version", false),
    (Question::FixedAbove, "mended in the next version", true),
    (Question::NotFixed, "mended in none", true),
    (Question::Withdrawn, "mended in the next version, withdrawn", false),
    (Question::OtherRelease, "of another release", false),
    (Question::OfTheBinaryName, "of a source package that has the name of a binary one", false),
    (Question::HigherEpoch, "mended in an older version of a higher epoch", true),
    (Question::LowerEpoch, "mended in a newer version of a lower epoch", false),
    (Question::RebuiltSinceTheFix, "mended in a source version between the source's and the rebuilt binary's", true),
];

/// The records, and what each asks.
pub(super) struct Made {
    pub(super) records: Vec<Value>,
    /// By vulnerability: the question, the distribution, and the source package with its version.
    asked: BTreeMap<String, (Question, String, String, String)>,
}

/// Distributions of which records are made: the images have packages of these.
const MADE_OF: &[(&str, &str)] = &[("debian", "Debian"), ("rocky", "Rocky Linux")];

impl Made {
    /// Makes records about installed packages.
    pub(super) fn new(installed: &[Installed]) -> Self {
        let mut made = Self { records: Vec::new(), asked: BTreeMap::new() };
        let sources: BTreeSet<&str> = installed.iter().map(|one| one.source.as_str()).collect();
        let mut seen = BTreeSet::new();
        for one in installed {
            let Some((_, ecosystem)) = MADE_OF.iter().find(|(id, _)| *id == one.distribution.0) else { continue };
            if !seen.insert((ecosystem, &one.source, &one.source_version)) {
                continue;
            }
            let built: Vec<&Installed> = installed.iter().filter(|other| other.source == one.source).collect();
            made.ask(ecosystem, one, &built, &sources);
        }
        made
    }

    fn ask(&mut self, ecosystem: &str, one: &Installed, built: &[&Installed], sources: &BTreeSet<&str>) {
        let version = one.source_version.as_str();
        let (epoch, bare) = split_epoch(version);
        let (below, above) = (format!("{version}~"), format!("{version}.1"));
        let major = one.distribution.1.split('.').next().unwrap_or_default();
        let mut add = |question: Question, package: &str, release: &str, fixed: Option<&str>| {
            let number = 100_000 + self.records.len();
            let name = format!("CVE-2020-{number}");
            let id = match one.ty.as_str() {
                "deb" => format!("DEBIAN-{name}"),
                _ => format!("RLSA-2020:{number}"),
            };
            let mut events = vec![json!({"introduced": "0"})];
            events.extend(fixed.map(|fixed| json!({"fixed": fixed})));
            let mut record = json!({
                "schema_version": "1.6.0", "id": id, "upstream": [name], "summary": "Moderate: made for a comparison",
                "modified": "2020-01-01T00:00:00Z", "published": "2020-01-01T00:00:00Z",
                "affected": [{
                    "package": {"ecosystem": format!("{ecosystem}:{release}"), "name": package},
                    "ranges": [{"type": "ECOSYSTEM", "events": events}],
                }],
            });
            if question == Question::Withdrawn {
                record["withdrawn"] = json!("2020-01-02T00:00:00Z");
            }
            self.records.push(record);
            let about = (question, one.distribution.0.clone(), one.source.clone(), version.to_owned());
            self.asked.insert(name, about);
        };
        add(Question::FixedBelow, &one.source, major, Some(&below));
        add(Question::FixedAtIt, &one.source, major, Some(version));
        add(Question::FixedAbove, &one.source, major, Some(&above));
        // Errata of an rpm distribution are about what is mended.
        if one.ty == "deb" {
            add(Question::NotFixed, &one.source, major, None);
        }
        add(Question::Withdrawn, &one.source, major, Some(&above));
        let other = if one.ty == "deb" { "11" } else { "8" };
        add(Question::OtherRelease, &one.source, other, Some(&above));
        if let Some(binary) = built.iter().find(|binary| !sources.contains(binary.name.as_str())) {
            add(Question::OfTheBinaryName, &binary.name, major, Some(&above));
        }
        let epoch: u32 = epoch.parse().unwrap_or_default();
        add(Question::HigherEpoch, &one.source, major, Some(&format!("{}:0.0.1-1", epoch + 1)));
        if epoch > 0 {
            add(Question::LowerEpoch, &one.source, major, Some(&format!("{}:9{bare}", epoch - 1)));
        }
        // `5.2.15-2+b13` is built from 5.2.15-2 without another change to it.
        let rebuilt = built.iter().find_map(|binary| binary.version.strip_prefix(version)?.strip_prefix("+b"));
        if let Some(rebuild) = rebuilt.filter(|_| one.ty == "deb") {
            add(Question::RebuiltSinceTheFix, &one.source, major, Some(&format!("{version}+b{rebuild}")));
        }
    }

    /// Returns what a vulnerability asks of a package, and whether that is affected: nothing where the record was made of another version.
    pub(super) fn question(&self, installed: &Installed, name: &str) -> Option<(Question, bool)> {
        let (question, distribution, source, version) = self.asked.get(name)?;
        let is_its = *distribution == installed.distribution.0 && *version == installed.source_version;
        if !is_its || *source != installed.source {
            return None;
        }
        let (_, _, is_affected) = QUESTIONS.iter().find(|(known, _, _)| known == question)?;
        Some((*question, *is_affected))
    }

    /// Returns every vulnerability that is asked about a package, with its question.
    pub(super) fn questions(&self, installed: &Installed) -> Vec<(Package, &str, Question, bool)> {
        let all = self.asked.keys().filter_map(|name| {
            let (question, is_affected) = self.question(installed, name)?;
            Some((installed.package(), name.as_str(), question, is_affected))
        });
        all.collect()
    }
}
