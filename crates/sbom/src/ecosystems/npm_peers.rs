//! Who provides the peers of packages, where a lockfile leaves that to its reader: yarn's from version 2 on.
//!
//! Follows yarn's documentation "Lexicon", "Virtual Package": a package with peers stands once for each set of packages that those around it provide.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The most dependencies and peers that are looked at, each once for every set of providers that its package has: 60 MB. Monorepos with two hundred
/// workspaces need about half a million.
const STEPS_MAX: usize = 2_000_000;

/// A package, as far as peers go.
#[derive(Debug, Default)]
pub(crate) struct Package<'a> {
    /// Its own name.
    pub(crate) name: &'a str,
    /// What it depends on: by which name, and which of the packages that is.
    pub(crate) needs: BTreeMap<&'a str, u32>,
    /// What whoever uses it must provide, and whether it does without.
    pub(crate) peers: BTreeMap<&'a str, bool>,
}

/// A package with who provides its peers, in the order of their names.
type Instance = (u32, Rc<[Option<u32>]>);

/// A package and a provider of one of its peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Provided {
    /// The package that has the peer.
    pub(crate) package: u32,
    /// The package that it finds under the peer's name.
    pub(crate) provider: u32,
    /// Whether it does without.
    pub(crate) is_optional: bool,
}

/// Returns who provides what to whom below these projects, each once; `None` when following them takes too long.
pub(crate) fn provided(packages: &[Package<'_>], projects: &[u32]) -> Option<BTreeSet<Provided>> {
    provided_within(packages, projects, STEPS_MAX)
}

fn provided_within(packages: &[Package<'_>], projects: &[u32], steps_max: usize) -> Option<BTreeSet<Provided>> {
    let mut found = BTreeSet::new();
    let mut steps = 0;
    // Nobody provides the peers of a project that no other uses.
    let alone = |project: &u32| (*project, vec![None; packages[*project as usize].peers.len()].into());
    let mut queue: Vec<Instance> = projects.iter().map(alone).collect();
    let mut seen: BTreeSet<Instance> = queue.iter().cloned().collect();
    while let Some((index, providers)) = queue.pop() {
        let package = &packages[index as usize];
        let handed_on: BTreeMap<&str, u32> =
            package.peers.keys().zip(&*providers).filter_map(|(name, provider)| Some((*name, (*provider)?))).collect();
        let provides = |name: &str| -> Option<u32> {
            let known = handed_on.get(name).or_else(|| package.needs.get(name)).copied();
            known.or((package.name == name).then_some(index))
        };
        for target in package.needs.values().copied() {
            let peers = &packages[target as usize].peers;
            steps += 1 + peers.len();
            if steps > steps_max {
                return None;
            }
            let around: Rc<[Option<u32>]> = peers.keys().map(|name| provides(name)).collect();
            for (is_optional, provider) in peers.values().zip(&*around) {
                if let Some(provider) = *provider {
                    found.insert(Provided { package: target, provider, is_optional: *is_optional });
                }
            }
            if seen.insert((target, around.clone())) {
                queue.push((target, around));
            }
        }
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package<'a>(name: &'a str, needs: &[(&'a str, u32)], peers: &[(&'a str, bool)]) -> Package<'a> {
        Package { name, needs: needs.iter().copied().collect(), peers: peers.iter().copied().collect() }
    }

    #[test]
    fn peers_come_from_whoever_is_around() {
        // Two projects use the same package with different hosts; between one of them and it stands a package that hands its own on.
        let packages = [
            package("app", &[("wrap", 2), ("host", 4)], &[]),
            package("lib", &[("peered", 3), ("host", 5), ("maybe", 6)], &[("app", false)]),
            package("wrap", &[("peered", 3)], &[("host", false)]),
            package("peered", &[], &[("host", false), ("maybe", true), ("none", false)]),
            package("host", &[("plugin", 7)], &[]),
            package("host", &[], &[]),
            package("maybe", &[], &[]),
            package("plugin", &[], &[("host", false)]),
        ];
        let found: Vec<(u32, u32, bool)> = provided(&packages, &[0, 1])
            .unwrap()
            .into_iter()
            .map(|found| (found.package, found.provider, found.is_optional))
            .collect();
        assert_eq!(found, [(2, 4, false), (3, 4, false), (3, 5, false), (3, 6, true), (7, 4, false)]);
    }

    #[test]
    fn circles_end_and_steps_are_limited() {
        let packages = [
            package("app", &[("a", 1), ("host", 3)], &[]),
            package("a", &[("b", 2)], &[("host", false)]),
            package("b", &[("a", 1)], &[("host", false)]),
            package("host", &[], &[]),
        ];
        // The project's two needs, one with a peer; then one need, with a peer, of each package.
        let steps = (1 + 1) + 1 + (1 + 1) + (1 + 1);
        for (steps_max, expected) in [(steps - 1, None), (steps, Some(2)), (steps + 1, Some(2))] {
            assert_eq!(provided_within(&packages, &[0], steps_max).map(|found| found.len()), expected, "{steps_max}");
        }
    }
}
