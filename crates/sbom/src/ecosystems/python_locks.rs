//! The graph of a Python lockfile: several versions of one name, and extras that switch dependencies on.

use std::collections::BTreeMap;

use component::{Component, Hash, Location, Range, Scheme, Scope};
use serde::Deserialize;

use crate::ecosystems::graph::{Graph, NodeId};
use crate::ecosystems::identity::Finder;
use crate::ecosystems::pyproject::Project;
use crate::ecosystems::python_extras::{Want, connect};
use crate::ecosystems::{digests, paths};
use crate::{Findings, Refusal, View};

/// The most versions of one name that are told apart; a resolution for all platforms has up to five.
pub(crate) const VERSIONS_MAX: usize = 64;

/// An archive as Poetry, PDM and uv list it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Archive {
    hash: Option<String>,
}

/// Returns the digests of a distribution's archives, each of which is the distribution.
pub(crate) fn hashes<'a>(archives: impl Iterator<Item = &'a Archive>) -> Vec<Hash> {
    digests::bounded(archives.filter_map(|archive| digests::parse_prefixed(archive.hash.as_deref()?)))
}

/// What a locked distribution depends on.
#[derive(Debug, Default)]
pub(crate) struct LockedNeed {
    /// The normal name.
    pub(crate) name: String,
    /// The versions that will do, where the lockfile says so.
    pub(crate) specifier: Option<String>,
    /// The extras that are wanted of it.
    pub(crate) extras: Vec<String>,
    /// The sets of the distribution's extras that switch this on, one of them in full; none when it is always on.
    pub(crate) when: Vec<Vec<String>>,
    /// What it is for when it is on.
    pub(crate) scope: Option<Scope>,
}

/// A distribution in a lockfile.
#[derive(Debug)]
pub(crate) struct Locked {
    /// The component; its name is the normal one.
    pub(crate) component: Component,
    /// The scope that the lockfile states.
    pub(crate) stated: Option<Scope>,
    /// What it depends on.
    pub(crate) needs: Vec<LockedNeed>,
}

/// Reads each file of a cataloger's first claim with the `pyproject.toml` beside it, and reports what it holds. What is empty holds nothing.
pub(crate) fn catalog(
    view: &View<'_>,
    findings: &mut Findings,
    finder: Finder,
    parse: impl Fn(&[u8], Option<&Project>) -> Result<Vec<Locked>, Refusal>,
) {
    for file in view.files(0).filter(|file| !file.bytes().is_empty()) {
        let sibling = view.file(&format!("{}/pyproject.toml", paths::folder(file.path())));
        let project = sibling.and_then(|file| Project::parse(file.bytes()));
        match parse(file.bytes(), project.as_ref()) {
            Ok(locked) => report(findings, finder, &file.location(), locked, project.as_ref()),
            Err(refusal) => findings.unknown(file.location(), refusal.0),
        }
    }
}

/// Reports the distributions of a lockfile and their graph; `project` is who asked for them, where that is known.
pub(crate) fn report(
    findings: &mut Findings,
    finder: Finder,
    location: &Location,
    locked: Vec<Locked>,
    project: Option<&Project>,
) {
    let mut graph = Graph::default();
    let mut by_name: BTreeMap<String, Vec<(NodeId, Option<String>)>> = BTreeMap::new();
    let mut dependents: Vec<(NodeId, String, Vec<LockedNeed>)> = Vec::new();
    for Locked { component, stated, needs } in locked {
        let (name, version) = (component.name.clone(), component.version.clone());
        let places = by_name.entry(name.clone()).or_default();
        // PDM lists a distribution once more for each set of extras.
        let known = places.iter().take(VERSIONS_MAX).find(|(_, known)| *known == version).map(|(node, _)| *node);
        let node = known.unwrap_or_else(|| {
            let node = match stated {
                Some(scope) => graph.scoped_package(component, scope),
                None => graph.package(component),
            };
            places.push((node, version));
            node
        });
        dependents.push((node, name, needs));
    }

    let mut wants: Vec<Want> = Vec::new();
    for (node, own, needs) in dependents {
        wants.extend(needs.into_iter().map(|need| Want {
            from: Some(node),
            to: choose(&by_name, &need.name, need.specifier.as_deref()),
            asked: need.extras.into_iter().map(|extra| (need.name.clone(), extra)).collect(),
            when:
                need.when.into_iter().map(|set| set.into_iter().map(|extra| (own.clone(), extra)).collect()).collect(),
            scope: need.scope.unwrap_or(Scope::Runtime),
        }));
    }
    let mut projects = Vec::new();
    if let Some(project) = project {
        let node = graph.project(project.component(finder.with(component::Technique::Manifest)));
        projects.push(node);
        wants.extend(project.needs.iter().map(|need| Want {
            from: Some(node),
            to: choose(&by_name, &need.name, need.specifier.as_deref()),
            asked: need.extras.iter().map(|extra| (need.name.clone(), extra.clone())).collect(),
            when: Vec::new(),
            scope: need.scope,
        }));
    }
    connect(&mut graph, &projects, wants);
    graph.locate(location);
    graph.report(findings);
}

/// Returns the locked versions of a name that a dependency can mean: all of them, as each is there for some platform, but for those that the
/// specifier rules out.
fn choose(
    by_name: &BTreeMap<String, Vec<(NodeId, Option<String>)>>,
    name: &str,
    specifier: Option<&str>,
) -> Vec<NodeId> {
    let places = by_name.get(name).map_or(&[][..], Vec::as_slice);
    if places.len() > VERSIONS_MAX {
        return Vec::new();
    }
    // Poetry's own notation (`^1.2`) is no range of PEP 440; it rules nothing out.
    let range =
        specifier.filter(|_| places.len() > 1).and_then(|specifier| Range::parse(Scheme::Pep440, specifier).ok());
    let admits = |version: &Option<String>| match (&range, version) {
        (Some(range), Some(version)) => range.contains(version).unwrap_or(true),
        _ => true,
    };
    places.iter().filter(|(_, version)| admits(version)).map(|(node, _)| *node).collect()
}

#[cfg(test)]
mod tests {
    use component::{PackageType, Technique};

    use super::*;

    #[test]
    fn versions_of_a_name_end_at_the_limit() {
        let finder = Finder { name: "test", technique: Technique::Lockfile };
        let locked = |name: &str, version: String, needs: Vec<LockedNeed>| Locked {
            component: finder.component(PackageType::Python, name, Some(&version)),
            stated: None,
            needs,
        };
        // What of more versions is meant cannot be told for sure, and is not guessed.
        for (written, edges) in [(VERSIONS_MAX - 1, 63), (VERSIONS_MAX, 64), (VERSIONS_MAX + 1, 0)] {
            let need = LockedNeed { name: "b".to_owned(), ..LockedNeed::default() };
            let mut all = vec![locked("a", "1".to_owned(), vec![need])];
            all.extend((0..written).map(|index| locked("b", index.to_string(), Vec::new())));
            let mut findings = Findings::default();
            report(&mut findings, finder, &Location::new("/lock", None), all, None);
            assert_eq!(findings.edges.len(), edges, "{written}");
        }
    }
}
