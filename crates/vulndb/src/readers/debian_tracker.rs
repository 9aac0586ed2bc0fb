//! The tracker of Debian's security team, as it serves all of it in one JSON document
//! (<https://security-tracker.debian.org/tracker/data/json>): by source package, by vulnerability, by release. The words are those
//! of its documentation, "Debian Security Tracker": <https://security-team.debian.org/security_tracker.html>.
//!
//! What is said of a release means here:
//! - `resolved` in a `fixed_version`: versions before that one are affected. `0` says that none ever was.
//! - `open`: the version that the release has is affected, and so is every other before the one that mends it in unstable, if one
//!   does: who takes a package from there has what mends it. `end-of-life`, `ignored` and `postponed` say what becomes of it.
//! - `undetermined`: nobody knows yet.

use std::collections::BTreeMap;
use std::fmt;

use component::{Scheme, Version};
use serde::de::{DeserializeSeed, Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::ecosystem::debian_number;
use crate::{
    Advisory, Affected, Document, Ecosystem, End, Family, Fix, Interval, Level, Named, Problem, Qualifiers, Rating,
    Reader, Records, Reference, Severity, Start, Verdict,
};

/// The largest document; it has 70 MB today.
const DOCUMENT_BYTES_MAX: u64 = 512 << 20;

/// The most statements about a release and a package; there are 300,000 today. Each takes some 400 bytes until it is written.
const STATEMENTS_MAX: usize = 4_000_000;

/// The release that every other comes from.
const UNSTABLE: &str = "sid";

pub(crate) const READER: Reader = Reader {
    name: "debian-tracker",
    summary: "Debian's security tracker, one JSON document",
    claims: |path| path.rsplit_once('.').is_some_and(|(_, extension)| extension == "json"),
    document_bytes_max: DOCUMENT_BYTES_MAX,
    read: |document, records| read(document, records, STATEMENTS_MAX),
};

fn read(document: &Document<'_>, records: &mut Records, statements_max: usize) {
    let mut gathered = Gathered { advisories: BTreeMap::new(), statements: 0, statements_max, records };
    let mut json = serde_json::Deserializer::from_slice(document.bytes);
    let outcome = Packages(&mut gathered).deserialize(&mut json).and_then(|()| json.end());
    let advisories = std::mem::take(&mut gathered.advisories);
    if outcome.is_err() {
        // What came before the fault stays: one fault costs no more than what comes after it.
        records.refuse(Problem::Format, document.path);
    }
    records.advisories.extend(advisories.into_values());
}

/// The advisories so far: the document is sorted by package, and most vulnerabilities are in more than one.
struct Gathered<'a> {
    advisories: BTreeMap<String, Advisory>,
    statements: usize,
    statements_max: usize,
    records: &'a mut Records,
}

/// What the document says of a vulnerability in a package.
#[derive(Deserialize)]
struct Issue {
    #[serde(default)]
    description: String,
    debianbug: Option<u64>,
    #[serde(default)]
    releases: BTreeMap<String, Release>,
}

#[derive(Deserialize)]
struct Release {
    status: String,
    fixed_version: Option<String>,
    #[serde(default)]
    urgency: String,
    nodsa_reason: Option<String>,
}

impl Gathered<'_> {
    fn add(&mut self, package: &str, id: String, issue: &Issue) {
        let mended = issue.releases.get(UNSTABLE).and_then(Release::mended);
        let mut affected = Vec::new();
        for (codename, release) in &issue.releases {
            if self.statements == self.statements_max {
                self.records.refuse(Problem::TooMany("statements"), &id);
                break;
            }
            match release.affected(package, codename, mended) {
                Ok(found) => {
                    self.statements += 1;
                    affected.push(found);
                }
                Err(problem) => self.records.refuse(problem, &format!("{package} {id} {codename}")),
            }
        }
        let named = |id: &String| Advisory { id: id.clone(), ..Advisory::default() };
        let advisory = self.advisories.entry(id).or_insert_with_key(named);
        if advisory.details.is_empty() {
            advisory.details.clone_from(&issue.description);
        }
        if let Some(bug) = issue.debianbug {
            let reference = Reference { kind: "REPORT".to_owned(), url: format!("https://bugs.debian.org/{bug}") };
            if !advisory.references.contains(&reference) {
                advisory.references.push(reference);
            }
        }
        advisory.affected.append(&mut affected);
    }
}

impl Release {
    /// Returns the version that mends it there.
    fn mended(&self) -> Option<&str> {
        let version = self.fixed_version.as_deref().filter(|version| self.status == "resolved" && *version != "0")?;
        Version::parse(Scheme::Deb, version).is_ok().then_some(version)
    }

    fn affected(&self, package: &str, codename: &str, mended: Option<&str>) -> Result<Affected, Problem> {
        let number = debian_number(codename).ok_or(Problem::Word("release"))?;
        let (verdict, interval) = self.verdict(mended)?;
        let severity = self.level()?.map(|level| Severity { source: None, rating: Rating::Level(level) });
        Ok(Affected {
            ecosystem: Ecosystem::release(Family::Debian, number),
            package: package.to_owned(),
            named: Named::Source,
            verdict,
            intervals: interval.into_iter().collect(),
            versions: Vec::new(),
            qualifiers: Qualifiers::default(),
            severities: severity.into_iter().collect(),
        })
    }

    fn verdict(&self, mended: Option<&str>) -> Result<(Verdict, Option<Interval>), Problem> {
        match (self.status.as_str(), self.fixed_version.as_deref()) {
            ("resolved", Some("0")) => Ok((Verdict::NotAffected, None)),
            ("resolved", Some(version)) if Version::parse(Scheme::Deb, version).is_ok() => {
                let before = Interval { start: Start::Unbounded, end: End::Fixed(version.to_owned()) };
                Ok((Verdict::Affected(Fix::AsStated), Some(before)))
            }
            ("resolved", _) => Err(Problem::Version),
            ("open", _) => {
                // Not a fix: this release does not have it.
                let before = |version: &str| Interval { start: Start::Unbounded, end: End::Before(version.to_owned()) };
                Ok((Verdict::Affected(self.fix()?), mended.map(before)))
            }
            ("undetermined", _) => Ok((Verdict::UnderInvestigation, None)),
            _ => Err(Problem::Word("status")),
        }
    }

    fn fix(&self) -> Result<Fix, Problem> {
        match self.nodsa_reason.as_deref() {
            _ if self.urgency == "end-of-life" => Ok(Fix::EndOfLife),
            Some("ignored") => Ok(Fix::WontFix),
            Some("postponed") => Ok(Fix::Deferred),
            // Without a reason it is of too little weight for an advisory of its own, and may come with a point release.
            None | Some("") => Ok(Fix::AsStated),
            Some(_) => Err(Problem::Word("reason")),
        }
    }

    fn level(&self) -> Result<Option<Level>, Problem> {
        // Stars mark what was not set by hand.
        match self.urgency.trim_end_matches('*') {
            "unimportant" => Ok(Some(Level::Negligible)),
            "low" => Ok(Some(Level::Low)),
            "medium" => Ok(Some(Level::Medium)),
            "high" => Ok(Some(Level::High)),
            "not yet assigned" | "end-of-life" | "" => Ok(None),
            _ => Err(Problem::Word("urgency")),
        }
    }
}

/// Reads the packages of the document, one by one.
struct Packages<'a, 'r>(&'a mut Gathered<'r>);

impl<'de> DeserializeSeed<'de> for Packages<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Packages<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("packages by name")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(package) = map.next_key::<String>()? {
            map.next_value_seed(Issues { package, gathered: &mut *self.0 })?;
        }
        Ok(())
    }
}

/// Reads the vulnerabilities of a package, one by one.
struct Issues<'a, 'r> {
    package: String,
    gathered: &'a mut Gathered<'r>,
}

impl<'de> DeserializeSeed<'de> for Issues<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Issues<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("vulnerabilities by name")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<(), M::Error> {
        while let Some(id) = map.next_key::<String>()? {
            // By way of a value, so that one record in a form of its own does not end the document.
            let value: serde_json::Value = map.next_value()?;
            match Issue::deserialize(value) {
                Ok(issue) if is_id(&id) => self.gathered.add(&self.package, id, &issue),
                // Then it is another document altogether.
                Ok(_) => return Err(M::Error::custom("a vulnerability has a name")),
                Err(_) => self.gathered.records.refuse(Problem::Format, &format!("{} {id}", self.package)),
            }
        }
        Ok(())
    }
}

/// `CVE-2021-33560`; `TEMP-0000000-4FB12F` until there is such a name.
fn is_id(id: &str) -> bool {
    id.starts_with("CVE-") || id.starts_with("TEMP-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Records {
        let mut records = Records::default();
        READER.read(&Document { path: "json", bytes: text.as_bytes() }, &mut records);
        records
    }

    fn show(affected: &Affected) -> String {
        let bound = match affected.intervals.as_slice() {
            [] => "all".to_owned(),
            [Interval { start: Start::Unbounded, end: End::Fixed(version) }] => format!("before {version}"),
            [Interval { start: Start::Unbounded, end: End::Before(version) }] => format!("until {version}"),
            other => format!("{other:?}"),
        };
        let level = match affected.severities.as_slice() {
            [Severity { source: None, rating: Rating::Level(level) }] => format!(" {level:?}"),
            _ => String::new(),
        };
        format!("{} {} {:?} {bound}{level}", affected.ecosystem, affected.package, affected.verdict)
    }

    #[test]
    fn a_release_is_understood_as_the_tracker_means_it() {
        let check = |release: &str, expected: &str| {
            let records = read_text(&format!(r#"{{"x": {{"CVE-2024-1": {{"releases": {{{release}}}}}}}}}"#));
            let found = match records.problems.keys().next() {
                Some(problem) => problem.to_string(),
                None => show(&records.advisories[0].affected[0]),
            };
            assert_eq!(found, expected, "{release}");
        };
        let format = "it is not in the feed's format";
        let version = "a version in it has no place in the order of its ecosystem";
        check(r#""sid": {}"#, format);
        check(r#""sid": {"status": 1}"#, format);
        check(r#""sid": {"status": "closed"}"#, "it has an unknown status");
        check(r#""forked": {"status": "open"}"#, "it has an unknown release");
        check(r#""sid": {"status": "open", "urgency": "dire"}"#, "it has an unknown urgency");
        check(r#""sid": {"status": "open", "nodsa_reason": "tired"}"#, "it has an unknown reason");
        check(r#""sid": {"status": "resolved"}"#, version);
        check(r#""sid": {"status": "resolved", "fixed_version": ""}"#, version);
        check(r#""sid": {"status": "resolved", "fixed_version": "1 2"}"#, version);
        check(r#""sid": {"status": "resolved", "fixed_version": "0"}"#, "Debian:sid x NotAffected all");
        check(
            r#""bookworm": {"status": "resolved", "fixed_version": "3.0.11-1~deb12u2", "urgency": "not yet assigned"}"#,
            "Debian:12 x Affected(AsStated) before 3.0.11-1~deb12u2",
        );
        check(
            r#""bookworm": {"status": "resolved", "fixed_version": "1:2", "urgency": "high**"}"#,
            "Debian:12 x Affected(AsStated) before 1:2 High",
        );
        check(r#""trixie": {"status": "undetermined"}"#, "Debian:13 x UnderInvestigation all");
        check(
            r#""bullseye": {"status": "open", "urgency": "unimportant"}"#,
            "Debian:11 x Affected(AsStated) all Negligible",
        );
        check(
            r#""buster": {"status": "open", "urgency": "end-of-life", "nodsa_reason": "ignored"}"#,
            "Debian:10 x Affected(EndOfLife) all",
        );
        check(
            r#""bookworm": {"status": "open", "urgency": "low", "nodsa": "Minor issue", "nodsa_reason": ""}"#,
            "Debian:12 x Affected(AsStated) all Low",
        );
        check(
            r#""bookworm": {"status": "open", "nodsa": "Too intrusive", "nodsa_reason": "ignored"}"#,
            "Debian:12 x Affected(WontFix) all",
        );
        check(
            r#""bookworm": {"status": "open", "nodsa": "Minor", "nodsa_reason": "postponed"}"#,
            "Debian:12 x Affected(Deferred) all",
        );
    }

    #[test]
    fn what_is_open_ends_where_unstable_mends_it() {
        let check = |sid: &str, expected: &str| {
            let releases = format!(r#""bookworm": {{"status": "open"}}, "sid": {sid}"#);
            let records = read_text(&format!(r#"{{"x": {{"CVE-2024-1": {{"releases": {{{releases}}}}}}}}}"#));
            assert_eq!(show(&records.advisories[0].affected[0]), expected, "{sid}");
        };
        check(r#"{"status": "open"}"#, "Debian:12 x Affected(AsStated) all");
        check(r#"{"status": "undetermined"}"#, "Debian:12 x Affected(AsStated) all");
        check(r#"{"status": "resolved", "fixed_version": "0"}"#, "Debian:12 x Affected(AsStated) all");
        check(r#"{"status": "resolved", "fixed_version": "1 2"}"#, "Debian:12 x Affected(AsStated) all");
        check(r#"{"status": "resolved", "fixed_version": "2-1"}"#, "Debian:12 x Affected(AsStated) until 2-1");
    }

    #[test]
    fn a_vulnerability_of_many_packages_is_one_advisory() {
        let records = read_text(
            r#"{
              "a": {
                "TEMP-0000000-4FB12F": {"releases": {"sid": {"status": "open"}}},
                "CVE-2024-1": {"description": "One.", "debianbug": 7, "scope": "remote", "releases": {
                    "sid": {"status": "open", "repositories": {"sid": "1"}}}}
              },
              "b": {"CVE-2024-1": {"description": "Two.", "debianbug": 7, "releases": {"bookworm": {"status": "open"}}}}
            }"#,
        );
        assert_eq!(records.problems, BTreeMap::new());
        let found: Vec<_> = records.advisories.iter().map(|found| (found.id.as_str(), found.details.as_str())).collect();
        // Debian's own order of names is not kept: the same records make the same bytes.
        assert_eq!(found, [("CVE-2024-1", "One."), ("TEMP-0000000-4FB12F", "")]);
        let affected: Vec<_> = records.advisories[0].affected.iter().map(show).collect();
        assert_eq!(affected, ["Debian:sid a Affected(AsStated) all", "Debian:12 b Affected(AsStated) all"]);
        let bug = Reference { kind: "REPORT".to_owned(), url: "https://bugs.debian.org/7".to_owned() };
        assert_eq!(records.advisories[0].references, [bug]);
    }

    #[test]
    fn a_fault_costs_nothing_that_came_before_it() {
        let check = |text: &str, advisories: usize, problems: u64| {
            let records = read_text(text);
            assert_eq!(records.advisories.len(), advisories, "{text}");
            assert_eq!(records.problems.get(&Problem::Format).map_or(0, |(count, _)| *count), problems, "{text}");
        };
        check("", 0, 1);
        check("[]", 0, 1);
        check("{}", 0, 0);
        check(r#"{"x": 1}"#, 0, 1);
        check(r#"{"vulnerabilities": {"one": {}}}"#, 0, 1);
        check(r#"{"x": {"CVE-1": {}}} {}"#, 1, 1);
        check(r#"{"x": {"CVE-1": {}, "CVE-2": [], "CVE-3": {}}}"#, 2, 1);
        check(r#"{"x": {"CVE-1": {}, "CVE-2": {"releases""#, 1, 1);
    }

    #[test]
    fn limits_hold_on_both_sides() {
        let releases = r#""sid": {"status": "open"}, "trixie": {"status": "open"}, "bookworm": {"status": "open"}"#;
        let text = format!(r#"{{"x": {{"CVE-1": {{"releases": {{{releases}}}}}}}}}"#);
        for limit in [2, 3, 4] {
            let mut records = Records::default();
            read(&Document { path: "json", bytes: text.as_bytes() }, &mut records, limit);
            assert_eq!(records.advisories[0].affected.len(), limit.min(3));
            assert_eq!(records.problems.contains_key(&Problem::TooMany("statements")), limit < 3);
        }
        assert_eq!((READER.document_bytes_max, STATEMENTS_MAX), (536_870_912, 4_000_000));
    }
}
