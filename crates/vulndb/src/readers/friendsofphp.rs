//! The PHP Security Advisories Database (`FriendsOfPHP/security-advisories`), YAML ("Contributing Advisories" in its README).
//!
//! An advisory lists the affected versions of each branch. It has no name of its own; its place in the database is one, which is
//! what Composer calls it by: `symfony/http-kernel/CVE-2020-15094`.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::requirement::split_comparison;
use crate::wording::{self, NAME_BYTES_MAX, SUMMARY_BYTES_MAX};
use crate::{
    Advisory, Affected, Document, Ecosystem, End, Family, Fix, Interval, Named, Problem, Qualifiers, Reader, Records,
    Start, Verdict, yaml,
};

/// The largest document. The largest seen has 6 kB.
const DOCUMENT_BYTES_MAX: u64 = 1024 * 1024;

/// The most branches of one advisory. The most seen is 47.
const BRANCHES_MAX: usize = 1024;

pub(crate) const READER: Reader = Reader {
    name: "friendsofphp",
    summary: "The PHP community's database of advisories about packages of Composer",
    claims: is_claimed,
    document_bytes_max: DOCUMENT_BYTES_MAX,
    read,
};

/// `symfony/http-kernel/CVE-2020-15094.yaml`.
fn is_claimed(path: &str) -> bool {
    wording::has_extension(path, "yaml") && path.split('/').count() >= 3 && !path.split('/').any(|part| part.starts_with('.'))
}

fn read(document: &Document<'_>, records: &mut Records) {
    let Some(stated) = yaml::document::<Stated>(document.bytes) else {
        return records.refuse(Problem::Format, document.path);
    };
    match stated.read(document.path) {
        Ok(advisory) => records.advisories.push(advisory),
        Err(problem) => records.refuse(problem, document.path),
    }
}

#[derive(Deserialize)]
struct Stated {
    title: Option<String>,
    link: Option<String>,
    cve: Option<String>,
    reference: Option<String>,
    #[serde(default)]
    branches: BTreeMap<String, Branch>,
}

#[derive(Deserialize)]
struct Branch {
    /// When it was mended; none when it was not.
    time: Option<String>,
    #[serde(default)]
    versions: Vec<String>,
}

impl Stated {
    fn read(self, path: &str) -> Result<Advisory, Problem> {
        let reference = self.reference.as_deref().and_then(|reference| reference.strip_prefix("composer://"));
        let package = reference.filter(|package| !package.is_empty()).ok_or(Problem::NoPackage)?;
        if package.len() > NAME_BYTES_MAX {
            return Err(Problem::TooMany("bytes of a name"));
        }
        if self.branches.len() > BRANCHES_MAX {
            return Err(Problem::TooMany("branches"));
        }
        let intervals = self.branches.values().map(Branch::read).collect::<Result<Vec<_>, _>>()?;
        if intervals.is_empty() {
            return Err(Problem::NoPackage);
        }
        let times = self.branches.values().filter_map(|branch| wording::time(branch.time.as_deref()?));
        let mut summary = self.title.clone().unwrap_or_default();
        wording::cut(&mut summary, SUMMARY_BYTES_MAX);
        let ecosystem = Ecosystem::new(Family::Packagist);
        Ok(Advisory {
            id: identity(path),
            aliases: self.cve.iter().map(|cve| cve.trim().to_owned()).filter(|cve| cve.starts_with("CVE-")).collect(),
            published: times.min(),
            summary,
            references: self.link.iter().filter_map(|link| wording::reference("ADVISORY", link)).collect(),
            affected: vec![Affected {
                package: ecosystem.canonical_name(package),
                ecosystem,
                named: Named::Binary,
                verdict: Verdict::Affected(Fix::AsStated),
                intervals,
                versions: Vec::new(),
                qualifiers: Qualifiers::default(),
                severities: Vec::new(),
            }],
            ..Advisory::default()
        })
    }
}

impl Branch {
    /// The end of a branch that was mended is the version that mends it.
    fn read(&self) -> Result<Interval, Problem> {
        let mut interval = Interval::ALL;
        if self.versions.is_empty() {
            return Err(Problem::NoPackage);
        }
        for comparison in &self.versions {
            let (operator, version) = split_comparison(comparison);
            if version.is_empty() || version.len() > NAME_BYTES_MAX || version.contains(char::is_whitespace) {
                return Err(Problem::Version);
            }
            let version = version.to_owned();
            let (start, end) = match operator {
                ">=" => (Some(Start::At(version)), None),
                ">" => (Some(Start::After(version)), None),
                "<" if self.time.is_some() => (None, Some(End::Fixed(version))),
                "<" => (None, Some(End::Before(version))),
                "<=" => (None, Some(End::Through(version))),
                "" | "=" | "==" => (Some(Start::At(version.clone())), Some(End::Through(version))),
                _ => return Err(Problem::Word("comparison")),
            };
            // There is no order here to choose the narrower of two bounds by.
            if (start.is_some() && interval.start != Start::Unbounded)
                || (end.is_some() && interval.end != End::Unbounded)
            {
                return Err(Problem::Word("pair of comparisons"));
            }
            interval = Interval { start: start.unwrap_or(interval.start), end: end.unwrap_or(interval.end) };
        }
        Ok(interval)
    }
}

/// The last three parts of the path.
fn identity(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').collect();
    let last = parts.get(parts.len().saturating_sub(3)..).unwrap_or_default().join("/");
    let mut identity = last.strip_suffix(".yaml").unwrap_or(&last).to_owned();
    wording::cut(&mut identity, NAME_BYTES_MAX);
    identity
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Records {
        let mut records = Records::default();
        READER.read(&Document { path: "a/v/p/CVE-2020-1.yaml", bytes: text.as_bytes() }, &mut records);
        records
    }

    #[test]
    fn what_is_no_advisory_is_refused() {
        let check = |text: &str, expected: Problem| {
            let records = read_text(text);
            assert_eq!(records.problems.keys().collect::<Vec<_>>(), [&expected], "{text}");
            assert_eq!(records.advisories, [], "{text}");
        };
        let branch = |versions: &str| format!("reference: composer://v/p\nbranches: {{1.x: {{versions: {versions}}}}}");
        check("", Problem::NoPackage);
        check("a: [", Problem::Format);
        check("branches: []", Problem::Format);
        check("reference: pear://v/p", Problem::NoPackage);
        check("reference: composer://", Problem::NoPackage);
        check("reference: composer://v/p", Problem::NoPackage);
        check(&branch("[]"), Problem::NoPackage);
        check(&branch("['>=']"), Problem::Version);
        check(&branch("['>=1 2']"), Problem::Version);
        check(&branch("['^1']"), Problem::Word("comparison"));
        check(&branch("['>=1', '>=2']"), Problem::Word("pair of comparisons"));
        check(&branch("['<1', '<=2']"), Problem::Word("pair of comparisons"));
        let many = |count: usize| {
            let branches: Vec<_> = (0..count).map(|at| format!("b{at}: {{versions: ['<1']}}")).collect();
            format!("reference: composer://v/p\nbranches: {{{}}}", branches.join(", "))
        };
        check(&many(BRANCHES_MAX + 1), Problem::TooMany("branches"));
        assert_eq!(read_text(&many(BRANCHES_MAX)).advisories.len(), 1);
        let named = |bytes: usize| format!("reference: composer://{}\nbranches: {{a: {{versions: ['<1']}}}}", "n".repeat(bytes));
        check(&named(NAME_BYTES_MAX + 1), Problem::TooMany("bytes of a name"));
        assert_eq!(read_text(&named(NAME_BYTES_MAX)).advisories.len(), 1);
    }

    #[test]
    fn branches_are_intervals() {
        let records = read_text(
            "title: t\nlink: https://example.org/\ncve: CVE-2020-1\nreference: composer://V/P\nbranches:\n    \
             1.x:\n        time: 1970-01-02 00:00:01\n        versions: ['>=1.0', '<1.2']\n    \
             2.x:\n        time: ~\n        versions: ['>2.0-beta1', '<2.2']\n    \
             3.x:\n        time: 1970-01-03\n        versions: ['<=3.1']\n    \
             4.x:\n        versions: ['4.1']\n",
        );
        assert_eq!(records.problems.len(), 0);
        let advisory = &records.advisories[0];
        assert_eq!((advisory.id.as_str(), advisory.aliases.as_slice()), ("v/p/CVE-2020-1", ["CVE-2020-1".to_owned()].as_slice()));
        assert_eq!((advisory.published, advisory.affected[0].package.as_str()), (Some(86_401), "v/p"));
        let text = |version: &str| version.to_owned();
        let expected = [
            Interval { start: Start::At(text("1.0")), end: End::Fixed(text("1.2")) },
            Interval { start: Start::After(text("2.0-beta1")), end: End::Before(text("2.2")) },
            Interval { start: Start::Unbounded, end: End::Through(text("3.1")) },
            Interval { start: Start::At(text("4.1")), end: End::Through(text("4.1")) },
        ];
        assert_eq!(advisory.affected[0].intervals, expected);
    }

    #[test]
    fn claims_are_advisories_of_packages() {
        for (path, expected) in [
            ("README.md", false),
            ("docker-compose.yaml", false),
            (".github/workflows/a.yaml", false),
            ("v/p/CVE-2020-1.yaml", true),
            ("security-advisories-master/v/p/2015-08-06.yaml", true),
        ] {
            assert_eq!((READER.claims)(path), expected, "{path}");
        }
    }
}
