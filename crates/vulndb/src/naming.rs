//! Which vulnerability a record is about: publishers name one thing differently, and one record may be about several.

use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The names by which one record knows what it is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names<'a> {
    /// The record's own.
    pub(crate) id: &'a str,
    /// Other names of the same.
    pub(crate) aliases: &'a [&'a str],
    /// What it is about, where that is not itself.
    pub(crate) upstream: &'a [&'a str],
}

/// Names the vulnerabilities that each record is about; at least one each, in order.
///
/// A vulnerability is called by its CVE where any record gives one, else by the first of its names in the order of [`rank`].
/// Names that records hold for the same are the same, but two CVEs never are: a record with two is about both.
pub(crate) fn vulnerabilities(records: &[Names<'_>]) -> Vec<Vec<String>> {
    let mut groups = Groups::default();
    for record in records {
        let mut first = None;
        for name in std::iter::once(record.id).chain(record.aliases.iter().copied()) {
            if !is_cve(name) {
                let group = groups.group(name);
                first = Some(first.map_or(group, |first| groups.unite(first, group)));
            }
        }
        let Some(group) = first else { continue };
        for name in std::iter::once(record.id).chain(record.aliases.iter().copied()).filter(|name| is_cve(name)) {
            groups.cves.entry(group).or_default().insert(name.to_ascii_uppercase());
        }
    }
    groups.flatten();
    let called = groups.called();
    let name_all = |name: &str| -> BTreeSet<String> {
        match groups.indices.get(name) {
            _ if is_cve(name) => BTreeSet::from([name.to_ascii_uppercase()]),
            Some(index) => {
                called.get(&groups.parents[*index]).cloned().unwrap_or_else(|| BTreeSet::from([name.to_owned()]))
            }
            None => BTreeSet::from([name.to_owned()]),
        }
    };
    records
        .iter()
        .map(|record| {
            let own: BTreeSet<String> = std::iter::once(record.id)
                .chain(record.aliases.iter().copied())
                .filter(|name| is_cve(name))
                .map(str::to_ascii_uppercase)
                .collect();
            let about = if !record.upstream.is_empty() {
                record.upstream.iter().flat_map(|name| name_all(name)).collect()
            } else if own.is_empty() {
                name_all(record.id)
            } else {
                own
            };
            about.into_iter().collect()
        })
        .collect()
}

/// Tells whether a name is one of CVE's, in either case.
pub(crate) fn is_cve(name: &str) -> bool {
    cve_number(name).is_some()
}

/// Returns a CVE's year and number.
pub(crate) fn cve_number(name: &str) -> Option<(u16, u32)> {
    let prefix = name.get(..4).filter(|prefix| prefix.eq_ignore_ascii_case("CVE-"))?;
    let (year, number) = name[prefix.len()..].split_once('-')?;
    let is_number = |text: &str| (4..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    (year.len() == 4 && is_number(year) && is_number(number)).then_some(())?;
    Some((year.parse().ok()?, number.parse().ok()?))
}

/// GitHub's names are the best known of those that are no CVE; then the shortest, then the first.
fn rank(name: &str) -> (bool, usize, &str) {
    (!name.starts_with("GHSA-"), name.len(), name)
}

/// Names that mean the same, as a forest.
#[derive(Default)]
struct Groups<'a> {
    indices: HashMap<&'a str, usize>,
    names: Vec<&'a str>,
    parents: Vec<usize>,
    cves: BTreeMap<usize, BTreeSet<String>>,
}

impl<'a> Groups<'a> {
    fn group(&mut self, name: &'a str) -> usize {
        let next = self.parents.len();
        let index = *self.indices.entry(name).or_insert(next);
        if index == next {
            self.parents.push(next);
            self.names.push(name);
        }
        self.root(index)
    }

    /// Halves the path on its way, so that long chains of names cost little.
    fn root(&mut self, mut index: usize) -> usize {
        while self.parents[index] != index {
            self.parents[index] = self.parents[self.parents[index]];
            index = self.parents[index];
        }
        index
    }

    /// Makes every name a child of its root.
    fn flatten(&mut self) {
        for index in 0..self.parents.len() {
            self.parents[index] = self.root(index);
        }
    }

    /// The root is that of the lesser name, whatever the order of records.
    fn unite(&mut self, left: usize, right: usize) -> usize {
        let (root, child) =
            if rank(self.names[left]) <= rank(self.names[right]) { (left, right) } else { (right, left) };
        self.parents[child] = root;
        if child != root
            && let Some(cves) = self.cves.remove(&child)
        {
            self.cves.entry(root).or_default().extend(cves);
        }
        root
    }

    /// What each group is called: its CVEs, or its root's name.
    fn called(&self) -> BTreeMap<usize, BTreeSet<String>> {
        let roots = (0..self.parents.len()).filter(|index| self.parents[*index] == *index);
        roots
            .map(|root| {
                let named = || BTreeSet::from([self.names[root].to_owned()]);
                (root, self.cves.get(&root).cloned().unwrap_or_else(named))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_about_what_they_name() {
        let check = |records: &[(&str, &[&str], &[&str])], expected: &[&[&str]]| {
            let names = |order: &[usize]| -> Vec<Vec<String>> {
                let named = |at: &usize| {
                    let (id, aliases, upstream) = records[*at];
                    Names { id, aliases, upstream }
                };
                let records: Vec<_> = order.iter().map(named).collect();
                vulnerabilities(&records)
            };
            let forward: Vec<usize> = (0..records.len()).collect();
            let backward: Vec<usize> = forward.iter().rev().copied().collect();
            let found = names(&forward);
            assert_eq!(found, expected.iter().map(|names| names.to_vec()).collect::<Vec<_>>(), "{records:?}");
            let mut reversed = names(&backward);
            reversed.reverse();
            assert_eq!(found, reversed, "the order of records counts: {records:?}");
        };
        check(&[("OWN-1", &[], &[])], &[&["OWN-1"]]);
        check(&[("cve-2024-12345", &[], &[])], &[&["CVE-2024-12345"]]);
        check(&[("GHSA-b", &["CVE-2024-0001"], &[])], &[&["CVE-2024-0001"]]);
        // A name without a CVE of its own goes by that of another record.
        check(
            &[("PYSEC-1", &["GHSA-b"], &[]), ("GHSA-b", &["CVE-2024-0001"], &[])],
            &[&["CVE-2024-0001"], &["CVE-2024-0001"]],
        );
        // Names without any CVE: GitHub's is taken.
        check(&[("GO-1", &["GHSA-b", "A-1"], &[]), ("A-1", &[], &[])], &[&["GHSA-b"], &["GHSA-b"]]);
        // Two CVEs are two vulnerabilities; who knows only their common name is about both.
        check(
            &[
                ("GO-1", &["CVE-2024-0001", "CVE-2024-0002"], &[]),
                ("CVE-2024-0001", &["GO-1"], &[]),
                ("X-1", &["GO-1"], &[]),
            ],
            &[&["CVE-2024-0001", "CVE-2024-0002"], &["CVE-2024-0001"], &["CVE-2024-0001", "CVE-2024-0002"]],
        );
        // An erratum is about others.
        check(
            &[("DSA-1-1", &[], &["CVE-2024-0001", "GHSA-b"]), ("GHSA-b", &["CVE-2024-0009"], &[])],
            &[&["CVE-2024-0001", "CVE-2024-0009"], &["CVE-2024-0009"]],
        );
    }

    #[test]
    fn a_cve_has_a_year_and_a_number() {
        let check = |name: &str, expected: Option<(u16, u32)>| assert_eq!(cve_number(name), expected, "{name}");
        check("CVE-2021-44228", Some((2021, 44228)));
        check("cve-1999-0001", Some((1999, 1)));
        check("CVE-2024-123456789", Some((2024, 123_456_789)));
        check("CVE-2024-1234567890", None);
        check("CVE-2024-123", None);
        check("CVE-24-1234", None);
        check("CVE-2024", None);
        check("CVE-2024-12x4", None);
        check("ÄVE-2024-1234", None);
    }
}
