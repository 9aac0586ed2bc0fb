//! What manifests ask for, and what answers it.
//!
//! A lockfile answers for the manifests of its folder and of the folders below; what is installed, for those that can load it. What is found elsewhere in the
//! tree, or by another project, is no answer, though it has the name.

use component::{Component, PackageType, Scope, Technique};
use hashbrown::{HashMap, HashSet};

use crate::cataloger::Declared;
use crate::ecosystems::manifests;
use crate::ecosystems::paths::{ancestors, folder};

/// What a package is called, whatever its version.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Named {
    package_type: PackageType,
    namespace: Option<String>,
    name: String,
}

impl Named {
    /// Returns the name of a package that has one by which its ecosystem knows it. Letter case tells none apart: not all ecosystems mind it.
    pub(super) fn of(component: &Component) -> Option<Self> {
        let purl = component.purl.as_ref()?;
        Some(Self {
            package_type: component.package_type,
            namespace: purl.namespace().map(str::to_ascii_lowercase),
            name: purl.name().to_ascii_lowercase(),
        })
    }
}

/// A component that may be what a manifest asks for.
struct Answer<'a> {
    version: Option<&'a str>,
    home: Home<'a>,
}

/// What may answer for a name.
#[derive(Default)]
struct Answers<'a> {
    /// What manifests list of which nobody knows what it needs in turn: it answers for others, and not for such lists.
    listed: Vec<Answer<'a>>,
    others: Vec<Answer<'a>>,
}

/// From where a component counts.
enum Home<'a> {
    /// From everywhere.
    Everywhere,
    /// Locked for this folder and those below.
    Locked(&'a str),
    /// Installed for this folder and those below.
    Installed(&'a str),
}

/// Parts of paths in front of which stands the folder that packages were installed for.
const INSTALLED: [&str; 10] = [
    "/node_modules/",
    "/bower_components/",
    "/vendor/",
    "/.venv/",
    "/venv/",
    "/lib/python",
    "/site-packages/",
    "/dist-packages/",
    "/bin/",
    "/obj/",
];

/// Folders from which packages are loaded by everything on a machine.
const SHARED: [&str; 2] = ["/usr/", "/var/lib/gems/"];

/// Of them, those from which programs for Node load; it knows no others.
const SHARED_BY_NODE: [&str; 2] = ["/usr/share/nodejs/", "/usr/lib/nodejs/"];

/// Where NuGet writes what it resolved for a project.
const NUGET_ASSETS: &str = "/obj/project.assets.json";

/// Where Gradle before its version 7 kept the locks of a project.
const GRADLE_LOCKS: &str = "/gradle/dependency-locks/";

/// Leaves of what manifests ask for what nothing answers. In an image, what is needed to develop is not missed.
pub(super) fn unanswered<'a>(
    declared: impl IntoIterator<Item = Declared>,
    components: &(impl Iterator<Item = &'a Component> + Clone),
    is_image: bool,
) -> Vec<Declared> {
    let mut declared: Vec<Declared> = declared.into_iter().collect();
    for declared in &mut declared {
        declared.components.retain(|component| !is_image || component.scope != Scope::Development);
    }
    let wanted: HashSet<Named> =
        declared.iter().flat_map(|declared| &declared.components).filter_map(Named::of).collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let listing = declared.iter().filter(|declared| declared.is_listed);
    let listing: HashSet<String> = listing.map(|declared| declared.location.path.clone()).collect();
    let mut answers: HashMap<Named, Answers<'_>> = HashMap::new();
    for component in components.clone() {
        let Some(name) = Named::of(component).filter(|name| wanted.contains(name)) else { continue };
        let version = component.version.as_deref();
        let answers = answers.entry(name).or_default();
        for path in component.locations.iter().map(|location| location.path.as_str()) {
            let answer = Answer { version, home: home(component, path, is_image) };
            if listing.contains(path) { answers.listed.push(answer) } else { answers.others.push(answer) }
        }
    }
    let folders = declared.iter().flat_map(|declared| {
        let kinds: HashSet<PackageType> = declared.components.iter().map(|component| component.package_type).collect();
        kinds.into_iter().map(|kind| (kind, folder(&declared.location.path).to_owned()))
    });
    let projects: HashSet<(PackageType, String)> = folders.collect();
    let is_locked = |component: &Component, at: &str| {
        let is_lock = |path: &str| folder(path) == at && !path.ends_with("/package.json");
        manifests::is_by_address(component)
            && components.clone().filter(|other| other.package_type == component.package_type).any(|other| {
                other.technique == Technique::Lockfile && other.locations.iter().any(|location| is_lock(&location.path))
            })
    };
    for declared in &mut declared {
        let at = folder(&declared.location.path);
        let is_listed = declared.is_listed;
        declared.components.retain(|component| {
            let Some(name) = Named::of(component) else { return false };
            let answers_it = |answer: &Answer<'_>| answers_need(answer, component, at, &projects);
            let has_answer = answers.get(&name).is_some_and(|answers| {
                answers.others.iter().any(answers_it) || (!is_listed && answers.listed.iter().any(answers_it))
            });
            // A lockfile names such a package by what it is, not by what it is called here.
            !has_answer && !is_locked(component, at)
        });
    }
    declared.retain(|declared| !declared.components.is_empty());
    declared
}

fn answers_need(answer: &Answer<'_>, need: &Component, at: &str, projects: &HashSet<(PackageType, String)>) -> bool {
    match answer.home {
        Home::Everywhere => true,
        // The lockfile of a folder above may be of a project to which this one does not belong.
        Home::Locked(home) if home != at && is_within(at, home) => {
            need.version.is_none() || need.version.as_deref() == answer.version
        }
        Home::Locked(home) | Home::Installed(home) => {
            is_within(at, home) || (is_within(home, at) && !is_of_another(home, at, need.package_type, projects))
        }
    }
}

/// Tells whether a project lies between a folder and what is below it.
fn is_of_another(below: &str, at: &str, package_type: PackageType, projects: &HashSet<(PackageType, String)>) -> bool {
    let mut folders = ancestors(below).take_while(|folder| folder.len() > at.len());
    folders.any(|folder| projects.contains(&(package_type, folder.to_owned())))
}

fn home<'a>(component: &Component, path: &'a str, is_image: bool) -> Home<'a> {
    if matches!(component.technique, Technique::Lockfile | Technique::Manifest) {
        let of_gradle = path.split_once(GRADLE_LOCKS).map(|(home, _)| home);
        let home = of_gradle.or_else(|| path.strip_suffix(NUGET_ASSETS)).unwrap_or_else(|| folder(path));
        return Home::Locked(home);
    }
    let is_node = component.package_type == PackageType::Npm;
    let shared = if is_node { &SHARED_BY_NODE } else { &SHARED };
    if (is_image && !is_node) || shared.iter().any(|start| path.starts_with(start)) {
        return Home::Everywhere;
    }
    let at = INSTALLED.iter().filter_map(|part| path.find(part)).min();
    Home::Installed(at.map_or_else(|| folder(path), |at| &path[..at]))
}

fn is_within(folder: &str, above: &str) -> bool {
    folder.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
