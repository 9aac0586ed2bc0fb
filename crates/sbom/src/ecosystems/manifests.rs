//! What manifests ask for: names with ranges, of which an ecosystem's own tool chooses versions, and what those need in turn.
//!
//! A lockfile or what is installed says what became of it. Where neither does, nobody knows, and [`Findings::declare`] tells it.

use component::{Component, PackageType, Scope};

use crate::ecosystems::identity::{Finder, PurlParts, is_word, purl};
use crate::unread::{UNDECIDED, UNDECIDED_IN_IMAGE};
use crate::{File, Findings};

/// The most packages that one manifest asks for; the largest ask for a thousand.
pub(crate) const WANTS_MAX: usize = 10_000;

/// The longest range that is told.
const RANGE_BYTES_MAX: usize = 256;

/// How many of them are told by name.
const TOLD: usize = 3;

/// The property that holds what a manifest asks for.
const RANGE: &str = "manifest:range";

/// Parts of paths of what was installed or fetched: the manifests in there are of packages, not of a project.
const PACKAGES: [&str; 13] = [
    "/node_modules/",
    "/bower_components/",
    "/site-packages/",
    "/dist-packages/",
    "/gems/",
    "/vendor/",
    "/registry/src/",
    "/git/checkouts/",
    "/pkg/mod/",
    "/.nuget/packages/",
    "/rustlib/src/",
    "/usr/share/nodejs/",
    "/usr/lib/nodejs/",
];

/// One package that a manifest asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Want {
    /// The name, as components of this kind have it.
    pub(crate) name: String,
    /// The version, where only one will do.
    pub(crate) version: Option<String>,
    /// What is asked for, as it is written; may be empty.
    pub(crate) range: String,
    /// What for. What is optional need not be there, and is left.
    pub(crate) scope: Scope,
}

/// Tells whether a manifest is a project's own, not that of a package that was installed or fetched.
pub(crate) fn is_of_project(path: &str) -> bool {
    !PACKAGES.iter().any(|part| path.contains(part))
}

/// Tells whether a folder by its own name holds what was installed or fetched.
pub(crate) fn is_of_packages(folder: &str) -> bool {
    let folder = folder.trim_end_matches('/');
    PACKAGES.iter().any(|part| format!("/{folder}").ends_with(part.trim_end_matches('/')))
}

/// Tells whether a package is asked for by where it is, so that its name there need not be its own.
pub(crate) fn is_by_address(component: &Component) -> bool {
    component.version.is_none() && component.properties.get(RANGE).is_some_and(|range| range.contains(['/', ':']))
}

/// Declares what a project's manifest asks for.
pub(crate) fn declare(
    finder: Finder,
    package_type: PackageType,
    file: File<'_>,
    wants: Vec<Want>,
    findings: &mut Findings,
) {
    let wants = wants.into_iter().map(|want| Written { want, file }).collect();
    declare_written(finder, package_type, file, wants, findings);
}

/// What a project asks for, and the file where that is written, which may be another than the project's own.
pub(crate) struct Written<'a> {
    pub(crate) want: Want,
    pub(crate) file: File<'a>,
}

/// Declares what a project asks for in its manifest and in files that others share with it.
pub(crate) fn declare_written(
    finder: Finder,
    package_type: PackageType,
    file: File<'_>,
    wants: Vec<Written<'_>>,
    findings: &mut Findings,
) {
    let needed = wants.into_iter().filter(|written| written.want.scope != Scope::Optional).take(WANTS_MAX);
    let components =
        needed.filter_map(|written| component(finder, package_type, &written.want, written.file)).collect();
    findings.declare(file.location(), components);
}

fn component(finder: Finder, package_type: PackageType, want: &Want, file: File<'_>) -> Option<Component> {
    let version = want.version.as_deref().filter(|version| is_word(version));
    let (namespace, name) = match want.name.rsplit_once(['/', ':']) {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, want.name.as_str()),
    };
    if !is_word(&want.name) || name.is_empty() {
        return None;
    }
    // The group of a Maven artifact is no part of its name.
    let called = if package_type == PackageType::JavaArchive { name } else { &want.name };
    let mut component = finder.component(package_type, called, version);
    component.purl = purl(package_type, PurlParts { namespace, name, version, qualifiers: &[] });
    component.scope = want.scope;
    component.direct = Some(true);
    component.locations.push(file.location());
    let range = want.range.trim();
    if version.is_none() && !range.is_empty() && range.len() <= RANGE_BYTES_MAX && !range.contains(char::is_control) {
        component.properties.insert(RANGE.into(), range.to_owned());
    }
    Some(component)
}

/// Says in words what a manifest asks for and nothing decides.
pub(crate) fn undecided(names: &[&str], is_image: bool) -> String {
    let mut told: Vec<String> = names.iter().take(TOLD).map(|name| (*name).to_owned()).collect();
    if names.len() > TOLD {
        told.push(format!("{} more", names.len() - TOLD));
    }
    let last = told.pop().unwrap_or_default();
    let listed = if told.is_empty() { last } else { format!("{} and {last}", told.join(", ")) };
    format!("asks for {listed}{}", if is_image { UNDECIDED_IN_IMAGE } else { UNDECIDED })
}
