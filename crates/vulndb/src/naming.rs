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
/// Names that records hold for the same are the same, but two CVEs never are: a record with two is about both. What a record is about by another record is
/// what that one is about.
pub(crate) fn vulnerabilities(records: &[Names<'_>]) -> Vec<Vec<String>> {
    let meanings = Meanings::of(records);
    let about = |record: &Names<'_>| -> BTreeSet<String> {
        let mut about: BTreeSet<String> =
            record.own().filter(|name| is_cve(name)).map(str::to_ascii_uppercase).collect();
        meanings.add_upstream(record.upstream, UPSTREAM_DEPTH_MAX, &mut Seen::new(), &mut about);
        if about.is_empty() {
            meanings.add(record.id, UPSTREAM_DEPTH_MAX, &mut Seen::new(), &mut about);
        }
        about
    };
    records.iter().map(|record| about(record).into_iter().collect()).collect()
}

/// How many records lead from one to the name of what it is about: an erratum names its distribution's record, and that a CVE.
const UPSTREAM_DEPTH_MAX: usize = 4;

impl<'a> Names<'a> {
    /// The names that the record has for itself.
    fn own(&self) -> impl Iterator<Item = &'a str> {
        std::iter::once(self.id).chain(self.aliases.iter().copied())
    }
}

/// What each name means.
struct Meanings<'a> {
    groups: Groups<'a>,
    called: BTreeMap<usize, BTreeSet<String>>,
    /// What records are about that say so, by their own names.
    upstream: HashMap<&'a str, Vec<&'a [&'a str]>>,
}

impl<'a> Meanings<'a> {
    fn of(records: &[Names<'a>]) -> Self {
        let mut groups = Groups::default();
        let mut upstream: HashMap<&str, Vec<&[&str]>> = HashMap::new();
        for record in records {
            let mut first = None;
            for name in record.own().filter(|name| !is_cve(name)) {
                let group = groups.group(name);
                first = Some(first.map_or(group, |first| groups.unite(first, group)));
            }
            if !record.upstream.is_empty() {
                upstream.entry(record.id).or_default().push(record.upstream);
            }
            let Some(group) = first else { continue };
            for name in record.own().filter(|name| is_cve(name)) {
                groups.cves.entry(group).or_default().insert(name.to_ascii_uppercase());
            }
        }
        groups.flatten();
        let called = groups.called();
        Self { groups, called, upstream }
    }

    /// Adds what a name is the name of. Tells whether that is anything: a name that leads back to itself is none.
    fn add(&self, name: &'a str, depth: usize, seen: &mut Seen<'a>, about: &mut BTreeSet<String>) -> bool {
        if is_cve(name) {
            about.insert(name.to_ascii_uppercase());
            return true;
        }
        if let Some(is_any) = seen.get(name) {
            return *is_any;
        }
        seen.insert(name, false);
        let mut is_any = false;
        if let Some(depth) = depth.checked_sub(1) {
            for upstream in self.upstream.get(name).into_iter().flatten() {
                is_any |= self.add_upstream(upstream, depth, seen, about);
            }
        }
        if !is_any {
            let group = self.groups.indices.get(name).map(|index| self.groups.parents[*index]);
            match group.and_then(|group| self.called.get(&group)) {
                Some(called) => about.extend(called.iter().cloned()),
                None => drop(about.insert(cve_at_end(name).unwrap_or(name).to_owned())),
            }
        }
        seen.insert(name, true);
        true
    }

    fn add_upstream(
        &self,
        upstream: &[&'a str],
        depth: usize,
        seen: &mut Seen<'a>,
        about: &mut BTreeSet<String>,
    ) -> bool {
        let mut is_any = false;
        for name in upstream {
            is_any |= self.add(name, depth, seen, about);
        }
        is_any
    }
}

/// The names that were met on the way, and whether each is the name of anything.
type Seen<'a> = BTreeMap<&'a str, bool>;

/// Returns the CVE of which a name is that of a distribution's record (OSV: `DEBIAN-CVE-2025-0001`), where no such record is here that says so itself.
fn cve_at_end(name: &str) -> Option<&str> {
    let cve = &name[name.rfind("-CVE-")? + 1..];
    is_cve(cve).then_some(cve)
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
                let name = self.names[root];
                let named = || BTreeSet::from([cve_at_end(name).unwrap_or(name).to_owned()]);
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
        // A record with one of two CVEs is about that one, whatever others say by its name.
        check(
            &[
                ("GHSA-b", &["CVE-2024-0001", "CVE-2024-0002", "GO-1", "RUSTSEC-1"], &[]),
                ("GO-1", &["CVE-2024-0001", "GHSA-b"], &[]),
                ("RUSTSEC-1", &["CVE-2024-0002", "GHSA-b"], &[]),
            ],
            &[&["CVE-2024-0001", "CVE-2024-0002"], &["CVE-2024-0001"], &["CVE-2024-0002"]],
        );
        // A distribution's record of a CVE is about that, and so is an erratum that names both (OSV's Debian and Ubuntu).
        check(
            &[
                ("DSA-1-1", &[], &["CVE-2024-0001", "CVE-2024-0002", "DEBIAN-CVE-2024-0001", "DEBIAN-CVE-2024-0002"]),
                ("DEBIAN-CVE-2024-0001", &[], &["CVE-2024-0001"]),
            ],
            &[&["CVE-2024-0001", "CVE-2024-0002"], &["CVE-2024-0001"]],
        );
        check(&[("DEBIAN-CVE-2024-0001", &[], &[])], &[&["CVE-2024-0001"]]);
        check(
            &[("A-1", &[], &["B-1", "C-1"]), ("B-1", &[], &["GHSA-b"]), ("C-1", &[], &["GHSA-b"])],
            &[&["GHSA-b"], &["GHSA-b"], &["GHSA-b"]],
        );
        // What is a CVE's is about it, whatever it builds on.
        check(&[("CVE-2024-0001", &[], &["CVE-2024-0002"])], &[&["CVE-2024-0001", "CVE-2024-0002"]]);
        // What leads back to itself, or too far, ends somewhere.
        check(&[("A-1", &[], &["B-1"]), ("B-1", &[], &["A-1"])], &[&["A-1"], &["B-1"]]);
        check(&[("A-1", &[], &["A-1"])], &[&["A-1"]]);
        check(
            &[
                ("A-1", &[], &["B-1"]),
                ("B-1", &[], &["C-1"]),
                ("C-1", &[], &["D-1"]),
                ("D-1", &[], &["E-1"]),
                ("E-1", &[], &["CVE-2024-0001"]),
                ("A-0", &[], &["A-1"]),
            ],
            &[
                &["CVE-2024-0001"],
                &["CVE-2024-0001"],
                &["CVE-2024-0001"],
                &["CVE-2024-0001"],
                &["CVE-2024-0001"],
                &["E-1"],
            ],
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
