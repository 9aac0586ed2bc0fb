use std::collections::HashMap;

use component::{Component, Location, Pattern};

use crate::{Time, Versions};

/// The exceptions of a document, ready to be asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exceptions {
    entries: Vec<Exception>,
    /// The entries that name a vulnerability in full, by it in upper case.
    by_name: HashMap<String, Vec<usize>>,
    /// The entries with a wildcard among their vulnerabilities.
    with_wildcard: Vec<usize>,
}

/// An owner's decision that some findings do not count.
#[derive(Debug, Clone, PartialEq)]
pub struct Exception {
    /// Its name, which no other of the document has.
    pub id: String,
    /// The vulnerabilities, by any of their names, in any letter case.
    pub vulnerabilities: Vec<Pattern>,
    /// The packages: held against a component's purl without its version; with it, where the pattern has an `@`; and whole, where it has
    /// qualifiers. Empty: all.
    pub purls: Vec<Pattern>,
    /// The versions of them. `None`: all.
    pub versions: Option<Versions>,
    /// Where the component is; it counts only where every place of it is one of these. Empty: anywhere.
    pub paths: Vec<Pattern>,
    /// The repositories. Empty: any, and what lies in none.
    pub scope: Vec<Pattern>,
    /// Who decided.
    pub owner: String,
    /// Why.
    pub reason: String,
    /// From when on it counts.
    pub created: Time,
    /// From when on it counts no more.
    pub expires: Time,
    /// What must be so besides.
    pub condition: Option<Condition>,
}

/// What must be so for an exception to count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Condition {
    /// There is no version that mends it.
    OnlyWithoutFix,
}

impl Condition {
    /// Returns the word that documents have: `only-without-fix`.
    pub fn name(self) -> &'static str {
        match self {
            Self::OnlyWithoutFix => "only-without-fix",
        }
    }
}

/// Whether there is a version that mends a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fix {
    /// There is.
    Available,
    /// There is none, or none that is known.
    None,
}

/// A finding, as exceptions are asked about it.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The repository in full, without tag or digest; none for what lies in none.
    pub repository: Option<&'a str>,
    /// The component.
    pub component: &'a Component,
    /// All names of the vulnerability.
    pub vulnerabilities: &'a [&'a str],
    /// Where the component is: mostly its locations.
    pub locations: &'a [Location],
    /// Whether there is a fix.
    pub fix: Fix,
}

impl Exceptions {
    /// Makes exceptions ready to be asked.
    pub fn new(entries: Vec<Exception>) -> Self {
        let mut exceptions = Self { entries: Vec::new(), ..Self::default() };
        for (index, entry) in entries.iter().enumerate() {
            for pattern in &entry.vulnerabilities {
                if pattern.is_literal() {
                    exceptions.by_name.entry(pattern.as_str().to_ascii_uppercase()).or_default().push(index);
                } else {
                    exceptions.with_wildcard.push(index);
                }
            }
        }
        Self { entries, ..exceptions }
    }

    /// Returns the exceptions in the order of the document.
    pub fn entries(&self) -> &[Exception] {
        &self.entries
    }

    /// Tells whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the first exception that covers a finding at a moment.
    pub fn covers(&self, question: &Question<'_>, now: Time) -> Option<&Exception> {
        self.covering(question, now).into_iter().next()
    }

    /// Returns all exceptions that cover a finding at a moment, in the order of the document.
    pub fn covering(&self, question: &Question<'_>, now: Time) -> Vec<&Exception> {
        let upper_case = question.vulnerabilities.iter().map(|name| name.trim().to_ascii_uppercase());
        let named = upper_case.filter_map(|name| self.by_name.get(&name)).flatten();
        let mut candidates: Vec<usize> = named.chain(&self.with_wildcard).copied().collect();
        candidates.sort_unstable();
        candidates.dedup();
        candidates.into_iter().map(|index| &self.entries[index]).filter(|entry| entry.covers(question, now)).collect()
    }

    /// Returns the exceptions that count no more.
    pub fn expired(&self, now: Time) -> impl Iterator<Item = &Exception> {
        self.entries.iter().filter(move |entry| entry.expires <= now)
    }

    /// Returns the exceptions that count and that were never used; `is_used` tells by the id which were.
    pub fn unused(&self, now: Time, is_used: impl Fn(&str) -> bool) -> impl Iterator<Item = &Exception> {
        self.entries.iter().filter(move |entry| entry.counts(now) && !is_used(&entry.id))
    }
}

impl Exception {
    /// Tells whether it has begun and has not ended.
    pub fn counts(&self, now: Time) -> bool {
        self.created <= now && now < self.expires
    }

    /// Tells whether it covers a finding at a moment.
    pub fn covers(&self, question: &Question<'_>, now: Time) -> bool {
        self.counts(now)
            && match self.condition {
                Some(Condition::OnlyWithoutFix) => question.fix == Fix::None,
                None => true,
            }
            && self.has_vulnerability(question.vulnerabilities)
            && self.has_repository(question.repository)
            && self.has_component(question.component)
            && self.has_locations(question.locations)
    }

    fn has_vulnerability(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.vulnerabilities.iter().any(|one| one.matches_ignoring_case(name.trim())))
    }

    fn has_repository(&self, repository: Option<&str>) -> bool {
        self.scope.is_empty() || repository.is_some_and(|name| self.scope.iter().any(|one| one.matches(name)))
    }

    fn has_component(&self, component: &Component) -> bool {
        let is_version =
            |versions: &Versions| component.version.as_deref().is_some_and(|version| versions.contains(version));
        (self.purls.is_empty() || self.has_purl(component)) && self.versions.as_ref().is_none_or(is_version)
    }

    /// A pattern is held against as much of the purl as it speaks of, so that a star does not reach into a version.
    fn has_purl(&self, component: &Component) -> bool {
        let Some(purl) = &component.purl else { return false };
        let package = purl.package();
        let versioned = purl.version().and_then(|version| package.with_version(version).ok());
        let (whole, package) = (purl.to_string(), package.to_string());
        let versioned = versioned.map_or_else(|| package.clone(), |purl| purl.to_string());
        self.purls.iter().any(|one| match one.as_str() {
            text if text.contains('?') && text.contains('=') => one.matches(&whole),
            text if text.contains('@') => one.matches(&versioned),
            _ => one.matches(&package),
        })
    }

    /// One place that is not excepted is enough for a finding to count.
    fn has_locations(&self, locations: &[Location]) -> bool {
        let has_path = |path: &str| self.paths.iter().any(|one| one.matches(path));
        let has = |location: &Location| {
            has_path(&location.path)
                || !location.inside.is_empty() && has_path(&format!("{}/{}", location.path, location.inside.join("/")))
        };
        self.paths.is_empty() || !locations.is_empty() && locations.iter().all(has)
    }
}
