//! The packages of a document, so named that documents of several tools can be compared.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;

/// `name@version` by the type of their purls, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Packages(BTreeMap<String, BTreeSet<String>>);

impl Packages {
    /// Reads a document of Syft's own format or of CycloneDX.
    pub(super) fn read(document: &Path) -> Result<Self> {
        let document: Value = serde_json::from_reader(BufReader::new(File::open(document)?))
            .with_context(|| format!("`{}` is not JSON", document.display()))?;
        let listed = document["artifacts"].as_array().or(document["components"].as_array());
        Ok(Self::of(listed.into_iter().flatten().filter_map(|package| package["purl"].as_str())))
    }

    fn of<'a>(purls: impl Iterator<Item = &'a str>) -> Self {
        let mut packages = Self::default();
        for (kind, label) in purls.filter_map(named) {
            packages.0.entry(kind).or_default().insert(label);
        }
        packages
    }

    /// Returns how many there are of each type, in words.
    pub(super) fn counts(&self) -> String {
        let counts: Vec<String> = self.0.iter().map(|(kind, labels)| format!("{kind} {}", labels.len())).collect();
        counts.join(", ")
    }

    fn has(&self, kind: &str, label: &str) -> bool {
        self.0.get(kind).is_some_and(|labels| labels.contains(label))
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(kind, labels)| labels.iter().map(|label| (kind.as_str(), label.as_str())))
    }
}

/// Says what all peers together have and we have not, with who has it, and then what only we have.
pub(super) fn differences(ours: &Packages, peers: &[(&str, &Packages)]) -> Vec<String> {
    let mut missed: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for (peer, packages) in peers {
        for (kind, label) in packages.iter().filter(|(kind, label)| !ours.has(kind, label)) {
            missed.entry((kind, label)).or_default().push(peer);
        }
    }
    let missed = missed.into_iter().map(|((kind, label), who)| format!("{kind} {label}: only {}", who.join(" and ")));
    let more = ours
        .iter()
        .filter(|(kind, label)| !peers.iter().any(|(_, packages)| packages.has(kind, label)))
        .map(|(kind, label)| format!("{kind} {label}: only garrison"));
    missed.chain(more).collect()
}

/// Returns the type of a purl, and what it names in the spelling that all tools can be brought to: without qualifiers but for the
/// epoch, which belongs to the version.
fn named(purl: &str) -> Option<(String, String)> {
    let rest = purl.strip_prefix("pkg:")?.split('#').next()?;
    let (rest, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
    let (kind, rest) = rest.split_once('/')?;
    let kind = kind.to_lowercase();
    // The version's `@` is the last one: that of a scope is percent-encoded, or comes first.
    let (name, version) = match rest.rsplit_once('@') {
        Some((name, version)) if !name.is_empty() && !version.contains('/') => (name, version),
        _ => (rest, ""),
    };
    let (mut name, mut version) = (decoded(name), decoded(version));
    match kind.as_str() {
        "pypi" => name = name.to_lowercase().replace(['_', '.'], "-"),
        // Some write the `v` of the standard library's version, some do not.
        "golang" => {
            name = name.to_lowercase();
            version = version.trim_start_matches('v').to_owned();
        }
        _ => {}
    }
    let epoch =
        qualifiers.split('&').find_map(|qualifier| qualifier.strip_prefix("epoch=")).filter(|epoch| *epoch != "0");
    if let Some(epoch) = epoch.filter(|epoch| !version.starts_with(&format!("{epoch}:"))) {
        version = format!("{epoch}:{version}");
    }
    Some((kind, if version.is_empty() { name } else { format!("{name}@{version}") }))
}

/// Undoes percent-encoding; what is none stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, tail)) = rest.split_first() {
        let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let byte = digits.filter(|_| *first == b'%').and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purls_of_all_tools_name_a_package_alike() {
        let check = |purls: &[&str], expected: &str| {
            for purl in purls {
                let (kind, label) = named(purl).unwrap();
                assert_eq!(format!("{kind} {label}"), expected, "{purl}");
            }
        };
        assert_eq!(named("bash"), None);
        assert_eq!(named("pkg:deb"), None);
        check(
            &["pkg:deb/debian/git@1%3A2.39.5?arch=amd64", "pkg:deb/debian/git@2.39.5?epoch=1&arch=amd64"],
            "deb debian/git@1:2.39.5",
        );
        check(&["pkg:npm/%40babel/core@7.1.0", "pkg:npm/@babel/core@7.1.0"], "npm @babel/core@7.1.0");
        check(&["pkg:pypi/Jaraco.text@1", "pkg:pypi/jaraco-text@1"], "pypi jaraco-text@1");
        check(&["pkg:golang/stdlib@v1.26.8", "pkg:golang/stdlib@1.26.8"], "golang stdlib@1.26.8");
        check(&["pkg:maven/a.b/c", "pkg:maven/a.b/c?type=jar#x"], "maven a.b/c");
        check(&["pkg:npm/@scope/name", "pkg:npm/%40scope/name"], "npm @scope/name");
        check(&["pkg:generic/100%@1%2", "pkg:generic/100%25@1%252"], "generic 100%@1%2");
    }

    #[test]
    fn differences_say_who_has_what() {
        let of = |purls: &[&str]| Packages::of(purls.iter().copied());
        let ours = of(&["pkg:gem/a@1", "pkg:gem/b@1"]);
        let (one, two) = (of(&["pkg:gem/a@1", "pkg:gem/c@1"]), of(&["pkg:gem/c@1", "pkg:npm/d@1"]));
        let lines = differences(&ours, &[("syft", &one), ("trivy", &two)]);
        assert_eq!(lines, ["gem c@1: only syft and trivy", "npm d@1: only trivy", "gem b@1: only garrison"]);
        assert_eq!(ours.counts(), "gem 2");
    }
}
