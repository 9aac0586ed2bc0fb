use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use component::{Component, Location, Pattern, PurlPattern};

use crate::{Time, Versions};

/// The exceptions of a document, ready to be asked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exceptions {
    entries: Vec<Exception>,
    /// The entries that name a vulnerability in full, by it in upper case.
    by_name: HashMap<String, Vec<usize>>,
    /// The entries with a wildcard among their vulnerabilities.
    with_wildcard: Vec<usize>,
    remembered: Remembered,
}

/// Which entries speak of a vulnerability, by all its names. With thousands of wildcards that is dear to find out, and a vulnerability
/// is asked about once for each component of each image that has it.
#[derive(Debug, Default)]
struct Remembered(Mutex<HashMap<String, Arc<[usize]>>>);

/// Vulnerabilities that are remembered; past that, all are forgotten. A database has some 300,000, of which images have a tenth.
const REMEMBERED_MAX: usize = 50_000;

impl Clone for Remembered {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// What is remembered can be found out again, and tells nothing apart.
impl PartialEq for Remembered {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// An owner's decision that some findings do not count.
#[derive(Debug, Clone, PartialEq)]
pub struct Exception {
    /// Its name, which no other of the document has.
    pub id: String,
    /// The vulnerabilities, by any of their names, in any letter case.
    pub vulnerabilities: Vec<Pattern>,
    /// The packages. Empty: all.
    pub purls: Vec<PurlPattern>,
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
                } else if exceptions.with_wildcard.last() != Some(&index) {
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
        self.covering_at(question, now).into_iter().map(|index| &self.entries[index]).collect()
    }

    /// Returns the places of all exceptions that cover a finding at a moment, in the order of the document.
    pub fn covering_at(&self, question: &Question<'_>, now: Time) -> Vec<usize> {
        let about = self.about(question.vulnerabilities);
        about.iter().copied().filter(|index| self.entries[*index].covers_one_of_its(question, now)).collect()
    }

    /// Returns the places of the exceptions that speak of a vulnerability, by any of its names.
    pub fn about(&self, names: &[&str]) -> Arc<[usize]> {
        if self.with_wildcard.is_empty() {
            return self.find_about(names).into();
        }
        let key = names.join("\n");
        let remembered = || self.remembered.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = remembered().get(&key) {
            return Arc::clone(known);
        }
        let found: Arc<[usize]> = self.find_about(names).into();
        let mut remembered = remembered();
        if remembered.len() >= REMEMBERED_MAX {
            remembered.clear();
        }
        remembered.insert(key, Arc::clone(&found));
        found
    }

    fn find_about(&self, names: &[&str]) -> Vec<usize> {
        let upper_case = names.iter().map(|name| name.trim().to_ascii_uppercase());
        let literal = upper_case.filter_map(|name| self.by_name.get(&name)).flatten().copied();
        let meant = self.with_wildcard.iter().copied().filter(|index| self.entries[*index].has_vulnerability(names));
        let mut found: Vec<usize> = literal.chain(meant).collect();
        found.sort_unstable();
        found.dedup();
        found
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
        self.has_vulnerability(question.vulnerabilities) && self.covers_one_of_its(question, now)
    }

    /// Tells whether it covers a finding of a vulnerability that it speaks of.
    fn covers_one_of_its(&self, question: &Question<'_>, now: Time) -> bool {
        self.counts(now)
            && match self.condition {
                Some(Condition::OnlyWithoutFix) => question.fix == Fix::None,
                None => true,
            }
            && self.has_repository(question.repository)
            && self.has_component(question.component)
            && self.has_locations(question.locations)
    }

    /// Tells whether it speaks of a vulnerability, by any of its names.
    pub fn speaks_of(&self, vulnerabilities: &[&str]) -> bool {
        self.has_vulnerability(vulnerabilities)
    }

    /// Tells whether it may cover a finding of a component, of a vulnerability that it speaks of: whatever the time, the repository, and where in
    /// it the component is.
    pub fn may_cover(&self, component: &Component, fix: Fix) -> bool {
        (self.condition != Some(Condition::OnlyWithoutFix) || fix == Fix::None) && self.has_component(component)
    }

    /// The same, of a component at these places.
    pub fn may_cover_at(&self, component: &Component, locations: &[Location], fix: Fix) -> bool {
        self.may_cover(component, fix) && self.has_locations(locations)
    }

    /// Tells whether it is about a repository.
    pub fn has_repository(&self, repository: Option<&str>) -> bool {
        self.scope.is_empty() || repository.is_some_and(|name| self.scope.iter().any(|one| one.matches(name)))
    }

    fn has_vulnerability(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.vulnerabilities.iter().any(|one| one.matches_ignoring_case(name.trim())))
    }

    fn has_component(&self, component: &Component) -> bool {
        let is_version =
            |versions: &Versions| component.version.as_deref().is_some_and(|version| versions.contains(version));
        let has_purl = || component.purl.as_ref().is_some_and(|purl| self.purls.iter().any(|one| one.matches(purl)));
        (self.purls.is_empty() || has_purl()) && self.versions.as_ref().is_none_or(is_version)
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
