//! The CVE tracker of Ubuntu's security team: a text file a CVE, as its repository `ubuntu-cve-tracker` holds them in `active`,
//! `retired` and `ignored`. The format's document is the `README` there ("Package Status", "Ubuntu Priorities", "CVSS").
//!
//! What a status means here:
//! - `released (VERSION)` and `pending (VERSION)`: versions before that one are affected.
//! - `needed` and `active`: every version is. `needs-triage`: nobody knows yet.
//! - `not-affected (VERSION)`: versions from that one on are not; of earlier ones the file says nothing. The team writes the
//!   version that mended it when others than they did so before the release, or the one that they looked at. With any other
//!   remark, or none, no version is affected.
//! - `ignored (REASON)`: every version is affected and stays so, for one of two reasons ([`Fix::EndOfLife`], [`Fix::WontFix`]),
//!   unless the reason recalls that it was `not-affected` before.
//! - `deferred`: every version is affected. `DNE`: there is no such package in the release, so nothing is said.
//!
//! Two of its releases are none that a machine has, and what is said of them is left out: `upstream` is the project's own, and
//! `devel` is whichever release is being made, a name that moves; the release's own lines appear when it has a name.

use std::collections::BTreeMap;

use component::{Scheme, Version};

use crate::ecosystem::ubuntu_number;
use crate::{
    Advisory, Affected, Channel, Document, Ecosystem, End, Family, Fix, Interval, Level, Named, Problem, Qualifiers,
    Rating, Reader, Records, Reference, Severity, Start, Time, Verdict,
};

/// The largest file; the longest of 46,773 has 76 KB.
const DOCUMENT_BYTES_MAX: u64 = 1 << 20;

/// The most lines about a release and a package that are read of one file: a flaw of Linux has 3,000, for every kernel.
const STATEMENTS_MAX: usize = 20_000;

/// The most addresses of one file.
const REFERENCES_MAX: usize = 1_000;

/// The most vectors of CVSS of one file: the publishers that have ever given one are ten.
const VECTORS_MAX: usize = 32;

/// Releases that are products of their own, whose packages are not those of the distribution of that name.
const PRODUCTS: &[&str] = &["vivid/stable-phone-overlay", "vivid/ubuntu-core"];

/// Archives that are products of their own, as in `ros-esm/xenial`.
const PRODUCT_ARCHIVES: &[&str] = &["bluefield", "realtime", "ros-esm"];

pub(crate) const READER: Reader = Reader {
    name: "ubuntu-tracker",
    summary: "Ubuntu's CVE tracker, a text file a CVE",
    claims,
    document_bytes_max: DOCUMENT_BYTES_MAX,
    read,
};

/// The files of a CVE; `00boilerplate` files and `not-for-us.txt` lie beside them.
fn claims(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let is_record = parts.next().is_some_and(|name| name.starts_with("CVE-") && !name.contains('.'));
    is_record && matches!(parts.next(), Some("active" | "retired" | "ignored"))
}

fn read(document: &Document<'_>, records: &mut Records) {
    let Ok(text) = std::str::from_utf8(document.bytes) else {
        return records.refuse(Problem::Format, document.path);
    };
    let file = File::split(text, document.path, records);
    if file.fields == 0 {
        return records.refuse(Problem::Format, document.path);
    }
    let advisory = file.advisory(document.path, records);
    records.advisories.push(advisory);
}

/// A file, taken apart.
#[derive(Default)]
struct File<'a> {
    /// How many fields it has of those that every file has.
    fields: usize,
    candidate: &'a str,
    published: &'a str,
    priority: &'a str,
    description: Vec<&'a str>,
    own_description: Vec<&'a str>,
    references: Vec<Reference>,
    vectors: Vec<Severity>,
    /// By what they are about: `firefox`, or `linux_trusty/esm`.
    priorities: BTreeMap<&'a str, &'a str>,
    statements: Vec<Statement<'a>>,
}

/// A line of a release and a package.
struct Statement<'a> {
    release: &'a str,
    package: &'a str,
    status: &'a str,
    /// What stands in brackets.
    detail: &'a str,
}

/// The field that an indented line goes on with.
#[derive(Clone, Copy)]
enum Field {
    References,
    Bugs,
    Patches,
    Description,
    OwnDescription,
    Cvss,
    /// One of which only the first line counts, or nothing.
    Other,
}

impl<'a> File<'a> {
    fn split(text: &'a str, path: &str, records: &mut Records) -> Self {
        let mut file = Self::default();
        let mut field = Field::Other;
        for line in text.lines() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if line.starts_with([' ', '\t']) {
                file.go_on(field, line.trim(), records);
            } else if let Some((name, value)) = line.split_once(':') {
                field = file.begin(name.trim_end(), value.trim(), path, records);
                file.go_on(field, value.trim(), records);
            } else {
                records.refuse(Problem::Word("line"), path);
            }
        }
        file
    }

    fn begin(&mut self, name: &'a str, value: &'a str, path: &str, records: &mut Records) -> Field {
        match name {
            "Candidate" => self.candidate = value,
            "PublicDate" => self.published = value,
            "Priority" => self.priority = value,
            "References" => return self.counted(Field::References),
            "Description" => return self.counted(Field::Description),
            "Bugs" => return Field::Bugs,
            "Ubuntu-Description" => return Field::OwnDescription,
            "CVSS" => return Field::Cvss,
            "Notes" | "Mitigation" | "Discovered-by" | "Assigned-to" | "PublicDateAtUSN" | "CRD" | "Tags" => {
                return Field::Other;
            }
            _ => return self.begin_of_package(name, value, path, records),
        }
        self.counted(Field::Other)
    }

    fn counted(&mut self, field: Field) -> Field {
        self.fields += 1;
        field
    }

    fn begin_of_package(&mut self, name: &'a str, value: &'a str, path: &str, records: &mut Records) -> Field {
        match name.split_once('_') {
            Some(("Priority", about)) => {
                self.priorities.insert(about, value);
            }
            Some(("Patches", _)) => return Field::Patches,
            Some(("Tags", _)) => {}
            Some((release, package)) if !package.is_empty() => {
                if self.statements.len() < STATEMENTS_MAX {
                    self.statements.extend(statement(release, package, value));
                } else {
                    records.refuse(Problem::TooMany("statements"), path);
                }
            }
            _ => records.refuse(Problem::Word("field"), name),
        }
        Field::Other
    }

    fn go_on(&mut self, field: Field, value: &'a str, records: &mut Records) {
        if value.is_empty() {
            return;
        }
        match field {
            Field::Other => {}
            Field::Description => self.description.push(value),
            Field::OwnDescription => self.own_description.push(value),
            Field::References => self.refer(if is_notice(value) { "ADVISORY" } else { "WEB" }, value, records),
            Field::Bugs => self.refer("REPORT", value, records),
            Field::Patches => {
                // `upstream: https://...`, after which there may be remarks.
                let address = value.split_once(':').map(|(_, address)| address.trim()).unwrap_or_default();
                self.refer("FIX", address, records);
            }
            Field::Cvss => self.rate(value, records),
        }
    }

    fn refer(&mut self, kind: &str, value: &str, records: &mut Records) {
        let Some(url) = value.split_whitespace().next().filter(|url| url.starts_with("http")) else { return };
        if self.references.len() < REFERENCES_MAX {
            self.references.push(Reference { kind: kind.to_owned(), url: url.to_owned() });
        } else {
            records.refuse(Problem::TooMany("references"), value);
        }
    }

    /// `nvd: CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H [7.8 HIGH]`
    fn rate(&mut self, value: &str, records: &mut Records) {
        let vector = value.split_once(':').and_then(|(source, rest)| Some((source, rest.split_whitespace().next()?)));
        match vector {
            Some((source, vector)) if vector.starts_with("CVSS:") && self.vectors.len() < VECTORS_MAX => {
                let source = Some(source).filter(|source| *source != "ubuntu").map(str::to_owned);
                self.vectors.push(Severity { source, rating: Rating::Cvss(vector.to_owned()) });
            }
            Some((_, vector)) if vector.starts_with("CVSS:") => records.refuse(Problem::TooMany("vectors"), value),
            _ => records.refuse(Problem::Word("score"), value),
        }
    }

    fn advisory(mut self, path: &str, records: &mut Records) -> Advisory {
        let name = path.rsplit('/').next().unwrap_or(path);
        let id = if self.candidate.is_empty() { name } else { self.candidate };
        let published = parse_date(self.published);
        if published.is_none() && !matches!(self.published, "" | "unknown") {
            records.refuse(Problem::Word("date"), path);
        }
        let own = severity(self.priority, path, records);
        let severities = own.into_iter().chain(std::mem::take(&mut self.vectors)).collect();
        let levels: BTreeMap<&str, Severity> = std::mem::take(&mut self.priorities)
            .into_iter()
            .filter_map(|(about, word)| Some((about, severity(word, path, records)?)))
            .collect();
        let mut affected = Vec::new();
        for statement in &self.statements {
            match statement.affected(&levels) {
                Ok(found) => affected.extend(found),
                Err(problem) => records.refuse(problem, path),
            }
        }
        let text = if self.own_description.is_empty() { &self.description } else { &self.own_description };
        Advisory {
            id: id.to_owned(),
            published,
            details: text.join("\n"),
            severities,
            references: self.references,
            affected,
            ..Advisory::default()
        }
    }
}

fn is_notice(url: &str) -> bool {
    url.contains("ubuntu.com/security/notices/") || url.contains("ubuntu.com/usn/")
}

/// Returns the line's parts, unless it says that there is no such package: that is most lines.
fn statement<'a>(release: &'a str, package: &'a str, value: &'a str) -> Option<Statement<'a>> {
    let (status, detail) = value.split_once('(').unwrap_or((value, ""));
    let status = status.trim_end();
    (status != "DNE").then(|| {
        let detail = match detail.rsplit_once(')') {
            Some((detail, rest)) if rest.trim().is_empty() => detail.trim(),
            // One that nobody closed, or after which there is more: a remark, never a version.
            _ => detail,
        };
        Statement { release, package, status, detail }
    })
}

impl Statement<'_> {
    fn affected(&self, levels: &BTreeMap<&str, Severity>) -> Result<Option<Affected>, Problem> {
        let Some((number, channel)) = release(self.release)? else { return Ok(None) };
        let (verdict, interval) = self.verdict()?;
        let of_package = || levels.get(self.package);
        let level = if levels.is_empty() {
            None
        } else {
            levels.get(format!("{}_{}", self.package, self.release).as_str()).or_else(of_package)
        };
        Ok(Some(Affected {
            ecosystem: Ecosystem::release(Family::Ubuntu, number),
            package: self.package.to_owned(),
            named: Named::Source,
            verdict,
            intervals: interval.into_iter().collect(),
            versions: Vec::new(),
            qualifiers: Qualifiers { channel, ..Qualifiers::default() },
            severities: level.cloned().into_iter().collect(),
        }))
    }

    fn verdict(&self) -> Result<(Verdict, Option<Interval>), Problem> {
        let version = is_version(self.detail).then(|| self.detail.to_owned());
        let before = |version| Interval { start: Start::Unbounded, end: End::Fixed(version) };
        let from = |version| Interval { start: Start::At(version), end: End::Unbounded };
        Ok(match self.status {
            "released" => {
                (Verdict::Affected(Fix::AsStated), Some(version.map(before).ok_or(Problem::Version)?))
            }
            "pending" => (Verdict::Affected(Fix::AsStated), version.map(before)),
            "needed" | "active" => (Verdict::Affected(Fix::AsStated), None),
            "not-affected" => (Verdict::NotAffected, version.map(from)),
            "needs-triage" => (Verdict::UnderInvestigation, None),
            "deferred" => (Verdict::Affected(Fix::Deferred), None),
            "ignored" => (ignored(self.detail), None),
            _ => return Err(Problem::Word("status")),
        })
    }
}

/// Words by which a package, a kernel or a release is past its end.
const ENDED: &[&str] = &[
    "end of",
    "end-of-life",
    "superseded",
    "superceded",
    "replaced by",
    "converted to",
    "abandoned",
    "no longer supported",
    "no longer maintained",
];

fn ignored(reason: &str) -> Verdict {
    if reason.contains("was not-affected") {
        Verdict::NotAffected
    } else if ENDED.iter().any(|word| reason.contains(word)) {
        Verdict::Affected(Fix::EndOfLife)
    } else {
        Verdict::Affected(Fix::WontFix)
    }
}

fn is_version(text: &str) -> bool {
    text.starts_with(|character: char| character.is_ascii_digit()) && Version::parse(Scheme::Deb, text).is_ok()
}

/// Returns the number of a release and the channel, from its word in the tracker; none for what is no release.
fn release(word: &str) -> Result<Option<(&'static str, Channel)>, Problem> {
    if matches!(word, "upstream" | "devel") {
        return Ok(None);
    }
    if word == "snap" || PRODUCTS.contains(&word) {
        return Err(Problem::Ecosystem(format!("Ubuntu:{word}")));
    }
    let (codename, channel) = match word.split_once('/') {
        None => (word, Channel::Main),
        Some((codename, "esm")) => (codename, Channel::Esm),
        Some(("esm-infra" | "esm-infra-legacy", codename)) => (codename, Channel::EsmInfra),
        Some(("esm-apps" | "esm-apps-legacy", codename)) => (codename, Channel::EsmApps),
        Some(("fips" | "fips-updates" | "fips-preview", codename)) => (codename, Channel::Fips),
        Some((archive, _)) if PRODUCT_ARCHIVES.contains(&archive) => {
            return Err(Problem::Ecosystem(format!("Ubuntu:{archive}")));
        }
        Some(_) => return Err(Problem::Word("release")),
    };
    ubuntu_number(codename).map(|number| Some((number, channel))).ok_or(Problem::Word("release"))
}

fn severity(word: &str, path: &str, records: &mut Records) -> Option<Severity> {
    let level = match word {
        "negligible" => Level::Negligible,
        "low" => Level::Low,
        "medium" => Level::Medium,
        "high" => Level::High,
        "critical" => Level::Critical,
        "untriaged" | "" => return None,
        _ => {
            records.refuse(Problem::Word("priority"), path);
            return None;
        }
    };
    Some(Severity { source: None, rating: Rating::Level(level) })
}

/// `2023-10-03 18:15:00 UTC`, or the day alone.
fn parse_date(text: &str) -> Option<Time> {
    let text = text.strip_suffix("UTC").unwrap_or(text).trim();
    let date: jiff::civil::DateTime = text.parse().ok()?;
    Some(format!("{date}Z").parse::<jiff::Timestamp>().ok()?.as_second())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn read_text(text: &str) -> Records {
        let mut records = Records::default();
        READER.read(&Document { path: "active/CVE-2024-0001", bytes: text.as_bytes() }, &mut records);
        records
    }

    /// One line of a release and a package, as it is understood.
    fn show(line: &str) -> String {
        let records = read_text(&format!("Candidate: CVE-2024-0001\nPriority: medium\n{line}\n"));
        if let Some(problem) = records.problems.keys().next() {
            return problem.to_string();
        }
        let Some(affected) = records.advisories[0].affected.first() else { return "nothing".to_owned() };
        let interval = match affected.intervals.as_slice() {
            [] => "all".to_owned(),
            [Interval { start: Start::Unbounded, end: End::Fixed(version) }] => format!("before {version}"),
            [Interval { start: Start::At(version), end: End::Unbounded }] => format!("from {version}"),
            other => format!("{other:?}"),
        };
        let Affected { ecosystem, package, verdict, qualifiers, .. } = affected;
        format!("{ecosystem} {:?} {package} {verdict:?} {interval}", qualifiers.channel)
    }

    #[test]
    fn a_line_is_understood_as_the_tracker_means_it() {
        let check = |line: &str, expected: &str| assert_eq!(show(line), expected, "{line}");
        check("jammy_x: DNE", "nothing");
        check("jammy_x: DNE (trusty was needed)", "nothing");
        check("upstream_x: released (2.0)", "nothing");
        check("devel_x: released (2.0-1ubuntu1)", "nothing");
        check("jammy_x:", "it has an unknown status");
        check("jammy_x: 87.0", "it has an unknown status");
        check("jammy_x: Released (1)", "it has an unknown status");
        check("jammy_x: released", "a version in it has no place in the order of its ecosystem");
        check("jammy_x: released (1.0, 2.0)", "a version in it has no place in the order of its ecosystem");
        check("jammy_x: released (.11-1)", "a version in it has no place in the order of its ecosystem");
        check("jammy_x: released (1.0-1", "Ubuntu:22.04 Main x Affected(AsStated) before 1.0-1");
        check("jammyx_x: needed", "it has an unknown release");
        check("esm-infra/jammyx_x: needed", "it has an unknown release");
        check("esm-else/jammy_x: needed", "it has an unknown release");
        check("jammy_: needed", "it has an unknown field");
        check("jammy: needed", "it has an unknown field");
        check("snap_x: needed", "nothing is known of the ecosystem `Ubuntu:snap`");
        check("ros-esm/xenial_x: needed", "nothing is known of the ecosystem `Ubuntu:ros-esm`");
        check("vivid/ubuntu-core_x: needed", "nothing is known of the ecosystem `Ubuntu:vivid/ubuntu-core`");
        check("jammy_glibc: released (2.35-0ubuntu3.4)", "Ubuntu:22.04 Main glibc Affected(AsStated) before 2.35-0ubuntu3.4");
        check("jammy_x: released ( 1:2-3 ) ", "Ubuntu:22.04 Main x Affected(AsStated) before 1:2-3");
        check("jammy_x: pending (2-3)", "Ubuntu:22.04 Main x Affected(AsStated) before 2-3");
        check("jammy_x: pending", "Ubuntu:22.04 Main x Affected(AsStated) all");
        check("jammy_x: needed", "Ubuntu:22.04 Main x Affected(AsStated) all");
        check("jammy_x: needed (1.2-3)", "Ubuntu:22.04 Main x Affected(AsStated) all");
        check("jammy_x: active", "Ubuntu:22.04 Main x Affected(AsStated) all");
        check("jammy_x: needs-triage", "Ubuntu:22.04 Main x UnderInvestigation all");
        check("jammy_x: deferred (2024-01-01)", "Ubuntu:22.04 Main x Affected(Deferred) all");
        check("jammy_x: not-affected", "Ubuntu:22.04 Main x NotAffected all");
        check("jammy_x: not-affected (code not present)", "Ubuntu:22.04 Main x NotAffected all");
        check("jammy_x: not-affected (8.0 only)", "Ubuntu:22.04 Main x NotAffected all");
        check("jammy_x: not-affected (1.2-3)", "Ubuntu:22.04 Main x NotAffected from 1.2-3");
        check("jammy_x: not-affected (1.2-3)Candidate: CVE-1", "Ubuntu:22.04 Main x NotAffected all");
        check("jammy_x: ignored", "Ubuntu:22.04 Main x Affected(WontFix) all");
        check("jammy_x: ignored (changes too intrusive)", "Ubuntu:22.04 Main x Affected(WontFix) all");
        check("jammy_x: ignored (end of life, was needed)", "Ubuntu:22.04 Main x Affected(EndOfLife) all");
        check("jammy_x: ignored (was needs-triage now end-of-life)", "Ubuntu:22.04 Main x Affected(EndOfLife) all");
        check("jammy_x: ignored (superseded by linux-hwe-6.5)", "Ubuntu:22.04 Main x Affected(EndOfLife) all");
        check("jammy_x: ignored (end of life, was not-affected)", "Ubuntu:22.04 Main x NotAffected all");
        check("trusty/esm_x: needed", "Ubuntu:14.04 Esm x Affected(AsStated) all");
        check("esm-infra/xenial_x: needed", "Ubuntu:16.04 EsmInfra x Affected(AsStated) all");
        check("esm-infra-legacy/trusty_x: needed", "Ubuntu:14.04 EsmInfra x Affected(AsStated) all");
        check("esm-apps/focal_x: needed", "Ubuntu:20.04 EsmApps x Affected(AsStated) all");
        check("fips-updates/bionic_x: needed", "Ubuntu:18.04 Fips x Affected(AsStated) all");
        check("hardy_x: needed", "Ubuntu:8.04 Main x Affected(AsStated) all");
        check("dapper_x: needed", "Ubuntu:6.06 Main x Affected(AsStated) all");
    }

    #[test]
    fn a_file_is_read_into_an_advisory() {
        let records = read_text(
            "Candidate: CVE-2024-0001\nPublicDate: 2024-01-02 03:04:05 UTC\nReferences:\n https://example.org/a remark\n \
             https://ubuntu.com/security/notices/USN-1-1\n not an address\nDescription:\n One.\n Two.\n\
             Ubuntu-Description:\nNotes:\n someone> jammy_x: needed\nBugs:\n https://bugs.example.org/1\nPriority: low\n \
             Few have it.\nPriority_x: high\nPriority_x_focal: negligible\nCVSS:\n nvd: \
             CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H [7.8 HIGH]\n ubuntu: CVSS:3.1/AV:N [0 NONE]\n\nPatches_x:\n \
             upstream: https://example.org/fix\nTags_x: universe-binary\njammy_x: needed\nfocal_x: needed\njammy_y: needed\n",
        );
        assert_eq!(records.problems, BTreeMap::new());
        let [advisory] = records.advisories.as_slice() else { panic!("one file is one advisory") };
        assert_eq!((advisory.id.as_str(), advisory.published), ("CVE-2024-0001", Some(1_704_164_645)));
        assert_eq!(advisory.details, "One.\nTwo.");
        let level = |level| Severity { source: None, rating: Rating::Level(level) };
        let vector = |source: Option<&str>, vector: &str| Severity {
            source: source.map(str::to_owned),
            rating: Rating::Cvss(vector.to_owned()),
        };
        let expected = [
            level(Level::Low),
            vector(Some("nvd"), "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H"),
            vector(None, "CVSS:3.1/AV:N"),
        ];
        assert_eq!(advisory.severities, expected);
        let references: Vec<_> = advisory.references.iter().map(|found| (found.kind.as_str(), found.url.as_str())).collect();
        let expected = [
            ("WEB", "https://example.org/a"),
            ("ADVISORY", "https://ubuntu.com/security/notices/USN-1-1"),
            ("REPORT", "https://bugs.example.org/1"),
            ("FIX", "https://example.org/fix"),
        ];
        assert_eq!(references, expected);
        let severities: Vec<_> = advisory.affected.iter().map(|affected| affected.severities.clone()).collect();
        assert_eq!(severities, [vec![level(Level::High)], vec![level(Level::Negligible)], vec![]]);
    }

    #[test]
    fn the_teams_own_words_come_first() {
        let records = read_text("Candidate: CVE-1\nDescription:\n Theirs.\nUbuntu-Description:\n Ours.\n");
        assert_eq!(records.advisories[0].details, "Ours.");
    }

    #[test]
    fn a_file_without_its_name_in_it_has_the_name_of_the_file() {
        assert_eq!(read_text("Priority: low\n").advisories[0].id, "CVE-2024-0001");
    }

    #[test]
    fn what_is_not_understood_is_counted() {
        let check = |text: &str, expected: &[(Problem, u64)]| {
            let records = read_text(text);
            let found: Vec<_> = records.problems.into_iter().map(|(problem, (count, _))| (problem, count)).collect();
            assert_eq!(found, expected, "{text:?}");
        };
        check("", &[(Problem::Format, 1)]);
        check("{\"id\": 1}", &[(Problem::Format, 1), (Problem::Word("field"), 1)]);
        check("Priority: low\nno field\n", &[(Problem::Word("line"), 1)]);
        check("Priority: lowest\nPriority_x: no\n", &[(Problem::Word("priority"), 2)]);
        check("PublicDate: yesterday\n", &[(Problem::Word("date"), 1)]);
        check("PublicDate: unknown\n", &[]);
        check("Priority: low\n#dapper_PKG:\n", &[]);
        check("Priority: low\nCVSS:\n nvd: 7.8\n", &[(Problem::Word("score"), 1)]);
        let mut records = Records::default();
        READER.read(&Document { path: "active/CVE-1", bytes: b"Priority: \xff" }, &mut records);
        assert_eq!(records.problems[&Problem::Format].0, 1);
    }

    #[test]
    fn files_of_cves_are_claimed() {
        let check = |path: &str, expected: bool| assert_eq!(claims(path), expected, "{path}");
        check("README", false);
        check("ignored/not-for-us.txt", false);
        check("active/00boilerplate.linux", false);
        check("active/CVE-2024-0001.swp", false);
        check("subprojects/esm/CVE-2024-0001", false);
        check("CVE-2024-0001", false);
        check("active/CVE-2024-0001", true);
        check("ubuntu-cve-tracker/retired/CVE-2008-NNN0", true);
    }

    #[test]
    fn limits_hold_on_both_sides() {
        let check = |head: &str, line: &str, limit: usize, problem: &Problem| {
            for count in [limit - 1, limit, limit + 1] {
                let records = read_text(&format!("Priority: low\n{head}{}", line.repeat(count)));
                let refused = records.problems.get(problem).map_or(0, |(count, _)| *count);
                assert_eq!(refused, u64::from(count > limit), "{count} of {line}");
                let advisory = &records.advisories[0];
                let kept = advisory.affected.len() + advisory.references.len() + advisory.severities.len() - 1;
                assert_eq!(kept, count.min(limit));
            }
        };
        check("", "jammy_x: needed\n", STATEMENTS_MAX, &Problem::TooMany("statements"));
        check("References:\n", " https://example.org\n", REFERENCES_MAX, &Problem::TooMany("references"));
        check("CVSS:\n", " nvd: CVSS:3.1/AV:N [9]\n", VECTORS_MAX, &Problem::TooMany("vectors"));
        for size in [DOCUMENT_BYTES_MAX - 1, DOCUMENT_BYTES_MAX, DOCUMENT_BYTES_MAX + 1] {
            let mut text = "Priority: low\n".to_owned();
            text.push_str(&"\n".repeat(usize::try_from(size).expect("it fits") - text.len()));
            let is_refused = read_text(&text).problems.contains_key(&Problem::TooLarge(DOCUMENT_BYTES_MAX));
            assert_eq!(is_refused, size > DOCUMENT_BYTES_MAX);
        }
    }

    #[test]
    fn the_whole_tracker_is_read() {
        let Some(bundle) = testkit::bundle("vulndb/ubuntu-cve-tracker") else { return };
        let mut found: BTreeMap<String, u64> = BTreeMap::new();
        for folder in ["active", "retired"] {
            let entries = fs::read_dir(bundle.path().join(folder)).expect("the bundle has the folder");
            let mut paths: Vec<_> = entries.map(|entry| entry.expect("the folder can be read").path()).collect();
            paths.sort();
            for path in paths {
                let name = path.to_string_lossy();
                assert!(claims(&name), "{name}");
                let bytes = fs::read(&path).expect("the file can be read");
                let mut records = Records::default();
                READER.read(&Document { path: &name, bytes: &bytes }, &mut records);
                *found.entry("files".to_owned()).or_default() += 1;
                for advisory in &records.advisories {
                    *found.entry("advisories".to_owned()).or_default() += 1;
                    *found.entry("dated".to_owned()).or_default() += u64::from(advisory.published.is_some());
                    *found.entry("severities".to_owned()).or_default() += advisory.severities.len() as u64;
                    *found.entry("references".to_owned()).or_default() += advisory.references.len() as u64;
                    for affected in &advisory.affected {
                        let bound = if affected.intervals.is_empty() { "" } else { ", of some versions" };
                        *found.entry(format!("{:?}{bound}", affected.verdict)).or_default() += 1;
                    }
                }
                for (problem, (count, _)) in records.problems {
                    *found.entry(format!("problem: {problem}")).or_default() += count;
                }
            }
        }
        // The releases that are unknown are slips of the pen: `-- Tags_xen` in 16 files, `PPatches_chromium-browser` in one. The
        // versions are `released` without one (103 lines), or with two, or with words.
        let report: Vec<_> = found.iter().map(|(what, count)| format!("{count} {what}")).collect();
        insta::assert_snapshot!(report.join("\n"), @r#"
        17030 Affected(AsStated)
        200803 Affected(AsStated), of some versions
        2948 Affected(Deferred)
        312929 Affected(EndOfLife)
        23817 Affected(WontFix)
        145353 NotAffected
        191372 NotAffected, of some versions
        64047 UnderInvestigation
        46773 advisories
        46773 dated
        46773 files
        109 problem: a version in it has no place in the order of its ecosystem
        17 problem: it has an unknown release
        3 problem: nothing is known of the ecosystem `Ubuntu:ros-esm`
        30 problem: nothing is known of the ecosystem `Ubuntu:snap`
        3945 problem: nothing is known of the ecosystem `Ubuntu:vivid/stable-phone-overlay`
        2724 problem: nothing is known of the ecosystem `Ubuntu:vivid/ubuntu-core`
        178238 references
        75925 severities
        "#);
    }
}
