//! ruby-advisory-db: advisories about gems, YAML ("Schema" in its README).
//!
//! An advisory lists the versions that are *not* affected, as requirements of `RubyGems` (`Gem::Requirement`). It has no name of
//! its own; its place in the database is one: `rails/CVE-2013-0156`.

use component::Scheme;
use serde::Deserialize;

use crate::interval::complement;
use crate::matching::JRUBY;
use crate::requirement::{REQUIREMENTS_MAX, intersect, is_version, split_comparison};
use crate::wording::{self, DETAILS_BYTES_MAX, NAME_BYTES_MAX, SUMMARY_BYTES_MAX};
use crate::{
    Advisory, Affected, Document, Ecosystem, End, Family, Fix, Interval, Level, Named, Problem, Qualifiers, Rating,
    Reader, Records, Severity, Start, Verdict, yaml,
};

/// The largest document. The largest seen has 15 kB.
const DOCUMENT_BYTES_MAX: u64 = 1024 * 1024;

/// The most references of one advisory. The most seen is 28.
const REFERENCES_MAX: usize = 1024;

pub(crate) const READER: Reader = Reader {
    name: "ruby-advisory-db",
    summary: "The Ruby community's database of advisories about gems",
    claims: is_claimed,
    document_bytes_max: DOCUMENT_BYTES_MAX,
    read,
};

/// `gems/rails/CVE-2013-0156.yml`, and `rubies/ruby/CVE-2013-4164.yml` for the interpreters.
fn is_claimed(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let (name, _, collection) = (parts.next(), parts.next(), parts.next());
    name.is_some_and(|name| wording::has_extension(name, "yml")) && matches!(collection, Some("gems" | "rubies"))
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
    gem: Option<String>,
    engine: Option<String>,
    platform: Option<String>,
    cve: Option<String>,
    ghsa: Option<String>,
    osvdb: Option<String>,
    url: Option<String>,
    title: Option<String>,
    date: Option<String>,
    description: Option<String>,
    cvss_v2: Option<f32>,
    cvss_v3: Option<f32>,
    cvss_v4: Option<f32>,
    patched_versions: Option<Vec<String>>,
    unaffected_versions: Option<Vec<String>>,
    related: Option<Related>,
}

#[derive(Deserialize, Default)]
struct Related {
    url: Option<Vec<String>>,
}

impl Stated {
    fn read(self, path: &str) -> Result<Advisory, Problem> {
        // Interpreters come in no package of an ecosystem; those of distributions have their distribution's advisories.
        if self.engine.is_some() && self.gem.is_none() {
            return Err(Problem::Ecosystem("Ruby interpreters".to_owned()));
        }
        let package = self.gem.clone().filter(|gem| !gem.is_empty()).ok_or(Problem::NoPackage)?;
        if package.len() > NAME_BYTES_MAX {
            return Err(Problem::TooMany("bytes of a name"));
        }
        let further = self.related.as_ref().and_then(|related| related.url.as_deref()).unwrap_or_default();
        if further.len() > REFERENCES_MAX {
            return Err(Problem::TooMany("references"));
        }
        let mut summary = self.title.clone().unwrap_or_default();
        let mut details = self.description.clone().unwrap_or_default();
        wording::cut(&mut summary, SUMMARY_BYTES_MAX);
        if wording::cut(&mut details, DETAILS_BYTES_MAX) {
            return Err(Problem::TooMany("bytes of text"));
        }
        let url = self.url.iter().filter_map(|url| wording::reference("ADVISORY", url));
        Ok(Advisory {
            id: identity(path, &package),
            aliases: self.aliases(),
            published: self.date.as_deref().and_then(wording::time),
            summary,
            details,
            severities: self.severities(),
            references: url.chain(further.iter().filter_map(|url| wording::reference("WEB", url))).collect(),
            affected: vec![Affected {
                ecosystem: Ecosystem::new(Family::RubyGems),
                package,
                named: Named::Binary,
                verdict: Verdict::Affected(Fix::AsStated),
                intervals: self.affected()?,
                versions: Vec::new(),
                qualifiers: self.qualifiers()?,
                severities: Vec::new(),
            }],
            ..Advisory::default()
        })
    }

    /// The only platform that is named is `JRuby`.
    fn qualifiers(&self) -> Result<Qualifiers, Problem> {
        match self.platform.as_deref() {
            None | Some("") => Ok(Qualifiers::default()),
            Some(JRUBY) => Ok(Qualifiers { target_software: Some(JRUBY.to_owned()), ..Qualifiers::default() }),
            Some(_) => Err(Problem::Word("platform")),
        }
    }

    fn aliases(&self) -> Vec<String> {
        let named = [("CVE", &self.cve), ("GHSA", &self.ghsa), ("OSVDB", &self.osvdb)];
        let all = named.into_iter().filter_map(|(kind, number)| Some((kind, number.as_deref()?.trim())));
        all.filter(|(_, number)| !number.is_empty()).map(|(kind, number)| format!("{kind}-{number}")).collect()
    }

    /// Scores without vectors. Their levels are those of CVSS 3.1 and 4.0 ("Qualitative severity rating scale"), and of NVD for 2.0.
    fn severities(&self) -> Vec<Severity> {
        let high_of_old = |score: f32| if score >= 7.0 { Level::High } else { of_score(score).min(Level::Medium) };
        let newer = [self.cvss_v4, self.cvss_v3].into_iter().flatten().map(of_score);
        let all = newer.chain(self.cvss_v2.map(|score| high_of_old(score).max(Level::Low)));
        all.map(|level| Severity { source: None, rating: Rating::Level(level) }).collect()
    }

    fn affected(&self) -> Result<Vec<Interval>, Problem> {
        let unaffected = self.unaffected_versions.as_deref().unwrap_or_default();
        let patched = self.patched_versions.as_deref().unwrap_or_default();
        if unaffected.len() + patched.len() > REQUIREMENTS_MAX {
            return Err(Problem::TooMany("requirements"));
        }
        let mut intervals = Vec::new();
        for (requirements, is_fix) in [(unaffected, false), (patched, true)] {
            for requirement in requirements {
                intervals.push((read_requirement(requirement)?, is_fix));
            }
        }
        let affected = complement(Scheme::Gem, &intervals).map_err(|_| Problem::Version)?;
        // No interval would mean every version.
        if affected.is_empty() { Err(Problem::NoPackage) } else { Ok(affected) }
    }
}

fn identity(path: &str, package: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let mut identity = format!("{package}/{}", name.strip_suffix(".yml").unwrap_or(name));
    wording::cut(&mut identity, NAME_BYTES_MAX);
    identity
}

fn of_score(score: f32) -> Level {
    match score {
        score if score >= 9.0 => Level::Critical,
        score if score >= 7.0 => Level::High,
        score if score >= 4.0 => Level::Medium,
        score if score > 0.0 => Level::Low,
        _ => Level::Negligible,
    }
}

/// `~> 2.3.0, >= 2.3.0.1`: all of them must hold.
fn read_requirement(text: &str) -> Result<Interval, Problem> {
    let mut interval = Interval::ALL;
    for comparison in text.split(',') {
        let (operator, version) = split_comparison(comparison);
        if !is_version(Scheme::Gem, version) {
            return Err(Problem::Version);
        }
        let version = version.to_owned();
        let bound = match operator {
            ">=" => Interval { start: Start::At(version), end: End::Unbounded },
            ">" => Interval { start: Start::After(version), end: End::Unbounded },
            "<" => Interval { start: Start::Unbounded, end: End::Before(version) },
            "<=" => Interval { start: Start::Unbounded, end: End::Through(version) },
            "" | "=" => Interval { start: Start::At(version.clone()), end: End::Through(version) },
            "~>" => {
                let end = End::Before(next(&version).ok_or(Problem::Version)?);
                Interval { start: Start::At(version), end }
            }
            _ => return Err(Problem::Word("requirement")),
        };
        interval = intersect(Scheme::Gem, interval, bound).map_err(|_| Problem::Version)?;
    }
    Ok(interval)
}

/// `~> 2.3.1` holds for releases before 2.4 and for none of 2.4's prereleases, of which `2.4.a` is before all that are in use
/// ("Pessimistic version constraint" in the documentation of `Gem::Version`).
fn next(version: &str) -> Option<String> {
    let end = version.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(version.len());
    let mut numbers =
        version[..end].split('.').filter(|number| !number.is_empty()).map(|number| number.parse::<u64>().ok());
    let mut numbers = numbers.by_ref().collect::<Option<Vec<u64>>>()?;
    if numbers.len() > 1 {
        numbers.pop();
    }
    let last = numbers.last_mut()?;
    *last = last.checked_add(1)?;
    let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
    Some(format!("{}.a", numbers.join(".")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Records {
        let mut records = Records::default();
        READER.read(&Document { path: "gems/p/CVE-2020-1.yml", bytes: text.as_bytes() }, &mut records);
        records
    }

    fn show(interval: &Interval) -> String {
        format!("{:?} {:?}", interval.start, interval.end).replace("Unbounded", "").replace('"', "")
    }

    #[test]
    fn what_is_no_advisory_is_refused() {
        let check = |text: &str, expected: Problem| {
            let records = read_text(text);
            assert_eq!(records.problems.keys().collect::<Vec<_>>(), [&expected], "{text}");
            assert_eq!(records.advisories, [], "{text}");
        };
        check("", Problem::NoPackage);
        check("gem: [", Problem::Format);
        check("- gem: p", Problem::Format);
        check("cvss_v3: high", Problem::Format);
        check("gem: ''", Problem::NoPackage);
        check("engine: ruby", Problem::Ecosystem("Ruby interpreters".to_owned()));
        check("gem: p\npatched_versions: ['>= one']", Problem::Version);
        check("gem: p\npatched_versions: ['']", Problem::Version);
        check("gem: p\npatched_versions: ['~> 18446744073709551616.1']", Problem::Version);
        check("gem: p\npatched_versions: ['!= 1']", Problem::Word("requirement"));
        check("gem: p\npatched_versions: ['>= 1', '< 1']", Problem::NoPackage);
        check("gem: p\nplatform: mruby", Problem::Word("platform"));
        let many = |count: usize| format!("gem: p\npatched_versions: {:?}", vec![">= 1"; count]);
        check(&many(REQUIREMENTS_MAX + 1), Problem::TooMany("requirements"));
        assert_eq!(read_text(&many(REQUIREMENTS_MAX)).advisories.len(), 1);
        let many = |count: usize| format!("gem: p\nrelated: {{url: {:?}}}", vec!["u"; count]);
        check(&many(REFERENCES_MAX + 1), Problem::TooMany("references"));
        assert_eq!(read_text(&many(REFERENCES_MAX)).advisories.len(), 1);
    }

    #[test]
    fn a_platform_is_what_the_gem_is_for() {
        let target = |text: &str| read_text(text).advisories[0].affected[0].qualifiers.target_software.clone();
        assert_eq!(target("gem: p"), None);
        assert_eq!(target("gem: p\nplatform: jruby").as_deref(), Some("jruby"));
    }

    #[test]
    fn affected_is_what_no_requirement_holds() {
        let check = |unaffected: &[&str], patched: &[&str], expected: &[&str]| {
            let records =
                read_text(&format!("gem: p\nunaffected_versions: {unaffected:?}\npatched_versions: {patched:?}"));
            let found: Vec<_> = records.advisories[0].affected[0].intervals.iter().map(show).collect();
            assert_eq!(found, expected, "{unaffected:?} {patched:?}");
        };
        check(&[], &[], &[" "]);
        check(&[], &[">= 2.2.1"], &[" Fixed(2.2.1)"]);
        check(&[], &["> 2.2.1"], &[" Through(2.2.1)"]);
        check(&[], &["= 2.2.1"], &[" Fixed(2.2.1)", "After(2.2.1) "]);
        check(&["< 2.0"], &[">= 2.2.1"], &["At(2.0) Fixed(2.2.1)"]);
        check(&["<= 2.0"], &[], &["After(2.0) "]);
        check(&[], &["~> 2.2.1", ">= 2.3.4"], &[" Fixed(2.2.1)", "At(2.3.a) Fixed(2.3.4)"]);
        check(&[], &["~> 2"], &[" Fixed(2)", "At(3.a) "]);
        check(&[], &["~> 2.2"], &[" Fixed(2.2)", "At(3.a) "]);
        check(&[], &["~> 2.2.1.rc1"], &[" Fixed(2.2.1.rc1)", "At(2.3.a) "]);
        check(&[], &["~> 2.2.1-rc1"], &[" Fixed(2.2.1-rc1)", "At(2.3.a) "]);
        check(&[], &["~> 2.2.1, >= 2.2.1.1"], &[" Fixed(2.2.1.1)", "At(2.3.a) "]);
        check(&[], &["~> 2.9.9", ">= 3.0.0.beta1"], &[" Fixed(2.9.9)", "At(2.10.a) Fixed(3.0.0.beta1)"]);
    }

    #[test]
    fn the_rest_of_an_advisory_is_read() {
        let records = read_text(
            "---\ngem: p\ncve: 2020-1\nghsa: a-b-c\nosvdb: 7\nurl: https://example.org/1\ntitle: t\ndate: 1970-01-02\n\
             description: |\n  text\ncvss_v2: 9.5\ncvss_v3: 9.5\ncvss_v4: 0.0\nrelated:\n  url: [https://example.org/2]\n",
        );
        assert_eq!(records.problems.len(), 0);
        let advisory = &records.advisories[0];
        assert_eq!(advisory.id, "p/CVE-2020-1");
        assert_eq!(advisory.aliases, ["CVE-2020-1", "GHSA-a-b-c", "OSVDB-7"]);
        assert_eq!((advisory.summary.as_str(), advisory.details.as_str()), ("t", "text\n"));
        assert_eq!((advisory.published, advisory.references.len()), (Some(86_400), 2));
        let levels = [Level::Negligible, Level::Critical, Level::High];
        assert_eq!(advisory.severities.iter().map(|one| &one.rating).collect::<Vec<_>>(), levels.map(Rating::Level).iter().collect::<Vec<_>>());
    }

    #[test]
    fn claims_are_advisories_of_gems_and_interpreters() {
        for (path, expected) in [
            ("README.md", false),
            (".rubocop.yml", false),
            ("gems/p/CVE-2020-1.yml", true),
            ("ruby-advisory-db-master/gems/p/CVE-2020-1.yml", true),
            ("rubies/ruby/CVE-2020-1.yml", true),
        ] {
            assert_eq!((READER.claims)(path), expected, "{path}");
        }
    }
}
