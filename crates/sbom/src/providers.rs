//! Finds which installed packages satisfy a dependency: the part that the package managers of operating systems have in common.

#![expect(clippy::cast_possible_truncation, reason = "what is taken is at most what was wanted")]

use std::collections::{BTreeMap, HashMap};

use component::Scope;

use crate::{Findings, Handle};

/// The most comparisons of one need with one provider for all databases of one image. A full desktop with 5,000 packages needs 100,000;
/// a hostile database, in which everything provides what everything needs, would need the square of its size.
pub(crate) const COMPARISONS_MAX: u64 = 10_000_000;

/// The most edges of one cataloger.
pub(crate) const EDGES_MAX: usize = 2_000_000;

/// The most names under which the packages of one image are found, each once for each package. Those of a full desktop have 60,000.
pub(crate) const NAMES_MAX: usize = 250_000;

/// What installed packages provide: under each name, which package provides it, and with what else.
#[derive(Debug)]
pub(crate) struct Providers<'a, T> {
    by_name: HashMap<&'a str, Vec<(usize, T)>>,
}

impl<'a, T> Providers<'a, T> {
    pub(crate) fn new() -> Self {
        Self { by_name: HashMap::new() }
    }

    /// Notes that the package with this index provides the name.
    pub(crate) fn add(&mut self, name: &'a str, package: usize, with: T, budget: &mut Budget) {
        if budget.names_left == 0 {
            budget.is_exceeded = true;
            return;
        }
        budget.names_left -= 1;
        let packages = self.by_name.entry(name).or_default();
        if packages.is_empty() {
            // Most names have one.
            packages.reserve_exact(1);
        }
        packages.push((package, with));
    }

    /// Returns the packages that provide the name and that `satisfies` accepts, in the order in which they were added. A package that
    /// provides the name more than once may come more than once.
    pub(crate) fn find(&self, name: &str, budget: &mut Budget, satisfies: impl Fn(usize, &T) -> bool) -> Vec<usize> {
        let Some(candidates) = self.by_name.get(name) else { return Vec::new() };
        let affordable = budget.spend(candidates.len());
        let candidates = candidates[..affordable].iter();
        candidates.filter(|(package, with)| satisfies(*package, with)).map(|(package, _)| *package).collect()
    }
}

/// The work that is left for the resolution of dependencies.
#[derive(Debug)]
pub(crate) struct Budget {
    comparisons_left: u64,
    edges_left: usize,
    names_left: usize,
    is_exceeded: bool,
}

impl Budget {
    pub(crate) fn new() -> Self {
        Self { comparisons_left: COMPARISONS_MAX, edges_left: EDGES_MAX, names_left: NAMES_MAX, is_exceeded: false }
    }

    /// Returns whether anything was left out.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.is_exceeded
    }

    /// Takes as many comparisons as are wanted, or as there are.
    pub(crate) fn spend(&mut self, wanted: usize) -> usize {
        let taken = self.comparisons_left.min(wanted as u64);
        self.comparisons_left -= taken;
        self.is_exceeded |= taken < wanted as u64;
        taken as usize
    }
}

/// The edges of one package while they are collected: each target once, with the strongest scope.
#[derive(Debug, Default)]
pub(crate) struct Targets(BTreeMap<usize, Scope>);

impl Targets {
    pub(crate) fn extend(&mut self, packages: impl IntoIterator<Item = usize>, scope: Scope) {
        for package in packages {
            self.0.entry(package).and_modify(|present| *present = scope.min(*present)).or_insert(scope);
        }
    }

    /// Reports the edges. `handle` gives each package's component.
    pub(crate) fn report(
        self,
        from: Handle,
        handle: impl Fn(usize) -> Handle,
        budget: &mut Budget,
        findings: &mut Findings,
    ) {
        for (to, scope) in self.0 {
            if budget.edges_left == 0 {
                budget.is_exceeded = true;
                return;
            }
            budget.edges_left -= 1;
            findings.depends_on(from, handle(to), scope);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn providers(count: usize) -> Providers<'static, ()> {
        let mut providers = Providers::new();
        (0..count).for_each(|package| providers.add("name", package, (), &mut Budget::new()));
        providers
    }

    #[test]
    fn what_nobody_provides_is_not_found() {
        assert!(providers(3).find("other", &mut Budget::new(), |_, ()| true).is_empty());
    }

    #[test]
    fn those_that_satisfy_are_found_in_order() {
        assert_eq!(providers(5).find("name", &mut Budget::new(), |package, ()| package % 2 == 0), [0, 2, 4]);
    }

    #[test]
    fn work_ends_at_the_limit() {
        for (left, expected, is_exceeded) in [(4, 4, true), (5, 5, false), (6, 5, false)] {
            let mut budget = Budget { comparisons_left: left, ..Budget::new() };
            assert_eq!(providers(5).find("name", &mut budget, |_, ()| true).len(), expected);
            assert_eq!(budget.is_exceeded(), is_exceeded, "{left} comparisons");
        }
    }

    #[test]
    fn names_end_at_the_limit() {
        for (left, expected, is_exceeded) in [(4, 4, true), (5, 5, false), (6, 5, false)] {
            let mut budget = Budget { names_left: left, ..Budget::new() };
            let mut providers = Providers::new();
            (0..5).for_each(|package| providers.add("name", package, (), &mut budget));
            assert_eq!(providers.find("name", &mut Budget::new(), |_, ()| true).len(), expected);
            assert_eq!(budget.is_exceeded(), is_exceeded, "{left} names");
        }
    }

    #[test]
    fn the_strongest_scope_of_a_target_holds() {
        let mut targets = Targets::default();
        targets.extend([1, 2], Scope::Optional);
        targets.extend([1], Scope::Runtime);
        targets.extend([1], Scope::Optional);
        assert_eq!(targets.0, BTreeMap::from([(1, Scope::Runtime), (2, Scope::Optional)]));
    }
}
