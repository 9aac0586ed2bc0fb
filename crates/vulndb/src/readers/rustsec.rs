//! `RustSec`: advisories about crates, TOML before Markdown ("Advisory Format", `EXAMPLE_ADVISORY.md` of the database).
//!
//! An advisory lists the versions that are *not* affected, as requirements of Cargo. They are taken as the database's own tools
//! take them: each is one run of versions by their order, with prereleases where their order puts them, and `^1.2` ends before
//! the first prerelease of `2.0.0`.

use std::collections::BTreeMap;

use component::Scheme;
use serde::Deserialize;

use crate::interval::complement;
use crate::requirement::{REQUIREMENTS_MAX, intersect, is_version, split_comparison};
use crate::wording::{self, DETAILS_BYTES_MAX, NAME_BYTES_MAX, SUMMARY_BYTES_MAX};
use crate::{
    Advisory, Affected, Document, Ecosystem, End, Family, Fix, Interval, Named, Nature, Problem, Qualifiers, Rating,
    Reader, Records, Severity, Start, Symbols, Verdict, surroundings,
};

/// The largest document. The largest seen has 13 kB.
const DOCUMENT_BYTES_MAX: u64 = 1024 * 1024;

/// The most names, references, functions, systems and architectures of one advisory, of each kind. The most seen is 40.
const NAMES_MAX: usize = 1024;

pub(crate) const READER: Reader = Reader {
    name: "rustsec",
    summary: "RustSec's database of advisories about crates",
    claims: is_claimed,
    document_bytes_max: DOCUMENT_BYTES_MAX,
    read,
};

/// `crates/NAME/RUSTSEC-2021-0001.md`, and `rust/std/CVE-2021-29922.md` for what comes with the compiler.
fn is_claimed(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let (name, _, collection) = (parts.next(), parts.next(), parts.next());
    name.is_some_and(|name| wording::has_extension(name, "md")) && matches!(collection, Some("crates" | "rust"))
}

fn read(document: &Document<'_>, records: &mut Records) {
    let Some((front, markdown)) = split(document.bytes) else {
        return records.refuse(Problem::Format, document.path);
    };
    match toml::from_str::<Front>(front) {
        Ok(front) if document.path.contains("rust/") && !document.path.contains("crates/") => {
            // No component is one of the compiler's own crates: they have no version of their own in a binary.
            records.refuse(Problem::Ecosystem("Rust".to_owned()), &front.advisory.id);
        }
        Ok(front) => match front.read(markdown) {
            Ok(advisory) => records.advisories.push(advisory),
            Err(problem) => records.refuse(problem, document.path),
        },
        Err(_) => records.refuse(Problem::Format, document.path),
    }
}

/// The TOML between the fences at the beginning, and the Markdown after it.
fn split(bytes: &[u8]) -> Option<(&str, &str)> {
    let text = std::str::from_utf8(bytes).ok()?.trim_start();
    let (front, markdown) = text.strip_prefix("```toml")?.split_once("\n```")?;
    Some((front, markdown))
}

#[derive(Deserialize)]
struct Front {
    advisory: Stated,
    versions: Versions,
    #[serde(default)]
    affected: StatedAffected,
}

#[derive(Deserialize)]
struct Stated {
    id: String,
    package: String,
    date: String,
    withdrawn: Option<String>,
    url: Option<String>,
    informational: Option<String>,
    cvss: Option<String>,
    #[serde(default)]
    aliases: Vec<String>,
    #[serde(default)]
    references: Vec<String>,
}

#[derive(Deserialize)]
struct Versions {
    patched: Vec<String>,
    #[serde(default)]
    unaffected: Vec<String>,
}

#[derive(Deserialize, Default)]
struct StatedAffected {
    #[serde(default)]
    functions: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    os: Vec<String>,
    #[serde(default)]
    arch: Vec<String>,
}

impl Front {
    fn read(self, markdown: &str) -> Result<Advisory, Problem> {
        let Self { advisory: stated, versions, affected } = self;
        let names_count = [
            stated.aliases.len(),
            stated.references.len(),
            affected.functions.len(),
            affected.os.len(),
            affected.arch.len(),
        ];
        let names_count = names_count.into_iter().max().unwrap_or_default();
        if names_count > NAMES_MAX {
            return Err(Problem::TooMany("names"));
        }
        if stated.id.is_empty() || stated.package.is_empty() || stated.package.len() > NAME_BYTES_MAX {
            return Err(Problem::Format);
        }
        let nature = match stated.informational.as_deref() {
            None => Nature::Vulnerability,
            Some("unmaintained") => Nature::Unmaintained,
            Some("unsound") => Nature::Unsound,
            Some("notice") => Nature::Notice,
            Some(_) => return Err(Problem::Word("kind of advisory")),
        };
        let (mut summary, mut details) = split_title(markdown);
        wording::cut(&mut summary, SUMMARY_BYTES_MAX);
        if wording::cut(&mut details, DETAILS_BYTES_MAX) {
            return Err(Problem::TooMany("bytes of text"));
        }
        let url = stated.url.iter().filter_map(|url| wording::reference("ADVISORY", url));
        let further = stated.references.iter().filter_map(|url| wording::reference("WEB", url));
        let rating = stated.cvss.map(|vector| Severity { source: None, rating: Rating::Cvss(vector) });
        Ok(Advisory {
            aliases: stated.aliases,
            nature,
            published: wording::time(&stated.date),
            withdrawn: stated.withdrawn.as_deref().and_then(wording::time),
            summary,
            details,
            severities: rating.into_iter().collect(),
            references: url.chain(further).collect(),
            affected: vec![Affected {
                ecosystem: Ecosystem::new(Family::CratesIo),
                named: Named::Binary,
                verdict: Verdict::Affected(Fix::AsStated),
                intervals: versions.affected()?,
                versions: Vec::new(),
                qualifiers: Qualifiers {
                    symbols: read_functions(&stated.package, &affected.functions),
                    runs_on: surroundings::systems(&affected.os),
                    architectures: affected.arch,
                    ..Qualifiers::default()
                },
                severities: Vec::new(),
                package: stated.package,
            }],
            id: stated.id,
            ..Advisory::default()
        })
    }
}

impl Versions {
    fn affected(&self) -> Result<Vec<Interval>, Problem> {
        if self.patched.len() + self.unaffected.len() > REQUIREMENTS_MAX {
            return Err(Problem::TooMany("requirements"));
        }
        let mut intervals = Vec::new();
        for (requirements, is_fix) in [(&self.unaffected, false), (&self.patched, true)] {
            for requirement in requirements {
                intervals.push((read_requirement(requirement)?, is_fix));
            }
        }
        let affected = complement(Scheme::Semver, &intervals).map_err(|_| Problem::Version)?;
        // No interval would mean every version.
        if affected.is_empty() { Err(Problem::NoPackage) } else { Ok(affected) }
    }
}

/// A requirement is one or two bounds, or one `=`, `^` or `~` alone.
fn read_requirement(text: &str) -> Result<Interval, Problem> {
    let comparisons: Vec<(&str, &str)> = text.split(',').map(split_comparison).collect();
    let is_alone = comparisons.len() == 1;
    let mut interval = Interval::ALL;
    for (operator, stated) in comparisons {
        let numbers = stated.split(['-', '+']).next().unwrap_or_default().split('.').count();
        let version = complete(stated, numbers).ok_or(Problem::Version)?;
        let bound = match operator {
            ">=" => Interval { start: Start::At(version), end: End::Unbounded },
            ">" => Interval { start: Start::After(version), end: End::Unbounded },
            "<" => Interval { start: Start::Unbounded, end: End::Before(version) },
            "<=" => Interval { start: Start::Unbounded, end: End::Through(version) },
            "=" if is_alone => Interval { start: Start::At(version.clone()), end: End::Through(version) },
            "" | "^" if is_alone => {
                let end = End::Before(next_incompatible(&version, numbers).ok_or(Problem::Version)?);
                Interval { start: Start::At(version), end }
            }
            "~" if is_alone => {
                let end = End::Before(raised(&version, numbers.min(2)).ok_or(Problem::Version)?);
                Interval { start: Start::At(version), end }
            }
            _ => return Err(Problem::Word("requirement")),
        };
        interval = intersect(Scheme::Semver, interval, bound).map_err(|_| Problem::Version)?;
    }
    Ok(interval)
}

/// `1.2` is `1.2.0`.
fn complete(stated: &str, numbers: usize) -> Option<String> {
    let version = format!("{stated}{}", ".0".repeat(3usize.checked_sub(numbers)?));
    is_version(Scheme::Semver, &version).then_some(version)
}

/// The first number that is not zero must stay, of those that are stated.
fn next_incompatible(version: &str, numbers: usize) -> Option<String> {
    let core = version.split(['-', '+']).next()?;
    let zeros = core.split('.').take_while(|number| *number == "0").count();
    raised(version, (zeros + 1).min(numbers))
}

/// Raises the number at a place, counted from one. `-0` is before every other prerelease of that version.
fn raised(version: &str, place: usize) -> Option<String> {
    let core = version.split(['-', '+']).next()?;
    let mut numbers = [0_u64; 3];
    for (number, text) in numbers.iter_mut().zip(core.split('.')).take(place) {
        *number = text.parse().ok()?;
    }
    let last = numbers.get_mut(place.checked_sub(1)?)?;
    *last = last.checked_add(1)?;
    let [major, minor, patch] = numbers;
    Some(format!("{major}.{minor}.{patch}-0"))
}

/// The first heading is the title.
fn split_title(markdown: &str) -> (String, String) {
    let markdown = markdown.trim();
    let (first, rest) = markdown.split_once('\n').unwrap_or((markdown, ""));
    match first.strip_prefix('#') {
        Some(title) => (title.trim_start_matches('#').trim().to_owned(), rest.trim().to_owned()),
        None => (String::new(), markdown.to_owned()),
    }
}

fn read_functions(package: &str, functions: &BTreeMap<String, Vec<String>>) -> Vec<Symbols> {
    if functions.is_empty() {
        return Vec::new();
    }
    vec![Symbols { path: package.to_owned(), names: functions.keys().cloned().collect() }]
}

#[cfg(test)]
#[path = "rustsec/tests.rs"]
mod tests;
