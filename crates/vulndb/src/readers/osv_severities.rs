//! OSV's records of a distribution, for how severe vulnerabilities are and nothing else: what the distribution itself publishes has no such
//! thing (Alpine's security database) or little of it (Debian's tracker), and is the truth of everything that is said of packages.
//!
//! OSV makes such records (`ALPINE-CVE-2025-0001`, `DEBIAN-CVE-2025-0001`) of what the distribution publishes, with the vectors of CVSS
//! that the vulnerability has elsewhere.

use super::osv;
use crate::{Document, Family, Reader, Records};

pub(crate) const READER: Reader = Reader {
    name: "osv-severities",
    summary: "OSV records, for how severe vulnerabilities are and nothing of packages",
    read,
    ..osv::READER
};

fn read(document: &Document<'_>, records: &mut Records) {
    let mut whole = Records::default();
    osv::READER.read(document, &mut whole);
    for (problem, (count, example)) in whole.problems {
        records.problems.entry(problem).or_insert((0, example)).0 += count;
    }
    for mut advisory in whole.advisories {
        if advisory.severities.is_empty() || advisory.withdrawn.is_some() {
            continue;
        }
        // Debian's tracker has the text, its form of OSV repeats it; Alpine's database has none.
        if advisory.affected.iter().any(|affected| affected.ecosystem.family == Family::Debian) {
            (advisory.summary, advisory.details) = (String::new(), String::new());
        }
        advisory.references.clear();
        advisory.affected.clear();
        records.advisories.push(advisory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(ecosystem: &str, severity: &str, more: &str) -> String {
        format!(
            r#"{{"id":"X-CVE-2026-0001","upstream":["CVE-2026-0001"],"modified":"2026-11-01T00:00:00Z","details":"Text.",{severity}
            "references":[{{"type":"WEB","url":"https://example.org/"}}],"affected":[{{"package":{{"ecosystem":"{ecosystem}","name":"x"}},
            "ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}}]}}]}}]{more}}}"#
        )
    }

    #[test]
    fn severities_are_taken_and_nothing_of_packages() {
        let vector = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
        let severity = format!(r#""severity":[{{"type":"CVSS_V3","score":"{vector}"}}],"#);
        let check = |text: &str, expected: &[&str]| {
            let mut records = Records::default();
            READER.read(&Document { path: "a.json", bytes: text.as_bytes() }, &mut records);
            assert!(records.advisories.iter().all(|one| one.affected.is_empty() && one.references.is_empty()), "{text}");
            let told = records.advisories.iter().map(|one| {
                format!("{} {:?} {} {}", one.id, one.upstream, one.severities.len(), one.details)
            });
            assert_eq!(told.collect::<Vec<_>>(), expected, "{text}");
        };
        let alpine = r#"X-CVE-2026-0001 ["CVE-2026-0001"] 1 Text."#;
        check(&record("Alpine:v3.20", &severity, ""), &[alpine]);
        check(&record("Debian:12", &severity, ""), &[r#"X-CVE-2026-0001 ["CVE-2026-0001"] 1 "#]);
        check(&record("Alpine:v3.20", "", ""), &[]);
        check(&record("Alpine:v3.20", &severity, r#","withdrawn":"2026-11-02T00:00:00Z""#), &[]);
        check("{", &[]);
    }

    #[test]
    fn what_is_not_understood_is_counted() {
        let mut records = Records::default();
        READER.read(&Document { path: "a.json", bytes: b"{" }, &mut records);
        READER.read(&Document { path: "b.json", bytes: b"{" }, &mut records);
        assert_eq!(records.problems.into_values().collect::<Vec<_>>(), [(2, "a.json".to_owned())]);
    }
}
