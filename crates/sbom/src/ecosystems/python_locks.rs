//! The graph of a Python lockfile: several versions of one name, and extras that switch dependencies on.

use std::collections::BTreeMap;

use component::{Component, Hash, Location, Range, Scheme, Scope};
use serde::Deserialize;

use crate::ecosystems::graph::{Graph, NodeId};
use crate::ecosystems::identity::Finder;
use crate::ecosystems::pyproject::Project;
use crate::ecosystems::python_extras::{Want, connect};
use crate::ecosystems::python_places::{Evaluator, Places};
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
    /// Where it is on.
    pub(crate) marker: Option<String>,
}

/// A distribution in a lockfile.
#[derive(Debug)]
pub(crate) struct Locked {
    /// The component; its name is the normal one.
    pub(crate) component: Component,
    /// The scope that the lockfile states.
    pub(crate) stated: Option<Scope>,
    /// Where it is needed, if the lockfile says so.
    pub(crate) marker: Option<String>,
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
    let mut by_name: BTreeMap<String, Vec<Candidate>> = BTreeMap::new();
    let mut dependents: Vec<(NodeId, String, Option<String>, Vec<LockedNeed>)> = Vec::new();
    for Locked { component, stated, marker, needs } in locked {
        let (name, version) = (component.name.clone(), component.version.clone());
        let versions = by_name.entry(name.clone()).or_default();
        // PDM lists a distribution once more for each set of extras.
        let known = versions.iter().take(VERSIONS_MAX).find(|known| known.version == version).map(|known| known.node);
        let node = known.unwrap_or_else(|| {
            let node = match stated {
                Some(scope) => graph.scoped_package(component, scope),
                None => graph.package(component),
            };
            versions.push(Candidate { node, version, marker: marker.clone(), places: Places::ALL });
            node
        });
        dependents.push((node, name, marker, needs));
    }
    let mut evaluator = Evaluator::default();
    for version in by_name.values_mut().filter(|versions| versions.len() > 1).flatten() {
        version.places = evaluator.places(version.marker.as_deref());
    }

    let mut wants: Vec<Want> = Vec::new();
    for (node, own, marker, needs) in dependents {
        for need in needs {
            let versions = by_name.get(&need.name).map_or(&[][..], Vec::as_slice);
            let markers = [marker.as_deref(), need.marker.as_deref()];
            wants.push(Want {
                from: Some(node),
                to: choose(versions, need.specifier.as_deref(), markers, &mut evaluator),
                asked: need.extras.into_iter().map(|extra| (need.name.clone(), extra)).collect(),
                when: need
                    .when
                    .into_iter()
                    .map(|set| set.into_iter().map(|extra| (own.clone(), extra)).collect())
                    .collect(),
                scope: need.scope.unwrap_or(Scope::Runtime),
            });
        }
    }
    let mut projects = Vec::new();
    if let Some(project) = project {
        let node = graph.project(project.component(finder.with(component::Technique::Manifest)));
        projects.push(node);
        for need in &project.needs {
            let versions = by_name.get(&need.name).map_or(&[][..], Vec::as_slice);
            wants.push(Want {
                from: Some(node),
                to: choose(versions, need.specifier.as_deref(), [None, need.marker.as_deref()], &mut evaluator),
                asked: need.extras.iter().map(|extra| (need.name.clone(), extra.clone())).collect(),
                when: Vec::new(),
                scope: need.scope,
            });
        }
    }
    connect(&mut graph, &projects, wants);
    graph.locate(location);
    graph.report(findings);
}

/// A locked version of a name.
#[derive(Debug)]
struct Candidate {
    node: NodeId,
    version: Option<String>,
    marker: Option<String>,
    places: Places,
}

/// Returns the locked versions of a name that a dependency can mean: all of them, as each is there for some platform, but for those that the
/// specifier rules out, and those that are needed nowhere where the dependency is: where all its markers hold.
fn choose(
    versions: &[Candidate],
    specifier: Option<&str>,
    markers: [Option<&str>; 2],
    evaluator: &mut Evaluator,
) -> Vec<NodeId> {
    match versions {
        [] => return Vec::new(),
        [one] => return vec![one.node],
        versions if versions.len() > VERSIONS_MAX => return Vec::new(),
        _ => {}
    }
    let range = specifier.and_then(|specifier| Range::parse(Scheme::Pep440, specifier).ok());
    let admits = |version: &Candidate| match (&range, &version.version) {
        (Some(range), Some(version)) => range.contains(version).unwrap_or(true),
        _ => true,
    };
    let here = markers.into_iter().fold(Places::ALL, |places, marker| places.and(evaluator.places(marker)));
    let admitted: Vec<&Candidate> = versions.iter().filter(|version| admits(version)).collect();
    let near: Vec<NodeId> =
        admitted.iter().filter(|version| !version.places.and(here).is_empty()).map(|version| version.node).collect();
    // What holds nowhere that we tell apart may still hold elsewhere.
    if near.is_empty() { admitted.iter().map(|version| version.node).collect() } else { near }
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
            marker: None,
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
