//! What manifests ask for: names with ranges, of which an ecosystem's own tool chooses versions, and what those need in turn.
//!
//! A lockfile or what is installed says what became of it. Where neither does, nobody knows, and [`Findings::declare`] tells it.

use std::collections::BTreeSet;

use component::{Component, PackageType, Scope};

use crate::cataloger::TOO_MANY;
use crate::ecosystems::identity::{Finder, PurlParts, is_word, purl};
use crate::unread::{IN_TURN, NOTHING_SAYS, UNCONDITIONED, UNDECIDED_IN_IMAGE, UNWRITTEN};
use crate::{File, Findings};

/// The most packages that one manifest asks for, more are told; the largest ask for a thousand.
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

/// Tells whether a folder, by where it is, holds what was installed or fetched, or is of a package that npm installed.
pub(crate) fn is_of_packages(folder: &str) -> bool {
    let folder = format!("/{}", folder.trim_matches('/'));
    let holds = |part: &str| folder.ends_with(part.trim_end_matches('/'));
    PACKAGES.iter().any(|part| holds(part)) || folder.contains("/node_modules/")
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
    let mut needed = wants.into_iter().filter(|written| written.want.scope != Scope::Optional);
    let kept = needed.by_ref().take(WANTS_MAX);
    let components = kept.filter_map(|written| component(finder, package_type, &written.want, written.file)).collect();
    if needed.next().is_some() {
        findings.tell(Some(&file.location()), TOO_MANY);
    }
    findings.declare(file.location(), components);
}

/// Declares what a manifest asks for that its cataloger lists itself, so that it is told where nothing says what that needs in turn.
pub(crate) fn declare_listed<'a>(
    file: File<'_>,
    listed: impl IntoIterator<Item = (&'a Component, Scope)>,
    findings: &mut Findings,
) {
    let components = listed.into_iter().map(|(component, scope)| Component {
        version: component.version.clone(),
        purl: component.purl.clone(),
        scope,
        ..Component::new(component.package_type, component.name.as_str(), "", component.technique)
    });
    findings.declare_listed(file.location(), components.collect());
}

/// Tells that a manifest asks for what another list holds that is not read.
pub(crate) fn tell_list(file: File<'_>, list: &str, findings: &mut Findings) {
    let location = file.location();
    let list: String = list.chars().filter(|character| !character.is_control()).take(LIST_CHARACTERS_MAX).collect();
    let unknown = if location.layer.is_some() { UNDECIDED_IN_IMAGE } else { UNWRITTEN };
    findings.unknown(location, format!("asks for what `{list}` lists{unknown}"));
}

/// Tells what a manifest asks for where something holds that nobody knows here, like a profile that a build must name.
pub(crate) fn tell_condition(file: File<'_>, names: BTreeSet<String>, condition: &str, findings: &mut Findings) {
    let location = file.location();
    let condition: String =
        condition.chars().filter(|character| !character.is_control()).take(LIST_CHARACTERS_MAX).collect();
    let unknown = if location.layer.is_some() { UNDECIDED_IN_IMAGE } else { UNCONDITIONED };
    findings.unknown(location, format!("asks for {} {condition}{unknown}", first_of(names.into_iter().collect())));
}

/// The longest name of a list that is told.
const LIST_CHARACTERS_MAX: usize = 200;

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

/// Says in words what a manifest asks for and nothing decides: the versions of those that have none, and what all need in turn.
pub(crate) fn undecided(asked: &[&Component], is_image: bool) -> String {
    let words = |component: &Component| match &component.version {
        Some(version) if !is_image => format!("{} {version}", component.name),
        _ => component.name.clone(),
    };
    let open = asked.iter().filter(|component| component.version.is_none()).count();
    let settled = asked.len() - open;
    let shown = asked.iter().filter(|component| is_image || open == 0 || component.version.is_none());
    let mut names: Vec<String> = shown.map(|component| words(component)).collect();
    names.sort_unstable();
    let listed = first_of(names);
    let ending = match (open, settled) {
        _ if is_image => UNDECIDED_IN_IMAGE.to_owned(),
        (0, _) => format!("{NOTHING_SAYS}what these{IN_TURN}"),
        (_, 0) => format!("{NOTHING_SAYS}which versions these get and what they{IN_TURN}"),
        _ => format!("{NOTHING_SAYS}which versions these get and what they and {settled} more{IN_TURN}"),
    };
    format!("asks for {listed}{ending}")
}

/// Says in words what a list holds, the first of it by name.
fn first_of(mut names: Vec<String>) -> String {
    let untold = names.len().saturating_sub(TOLD);
    names.truncate(TOLD);
    if untold > 0 {
        names.push(format!("{untold} more"));
    }
    let last = names.pop().unwrap_or_default();
    if names.is_empty() { last } else { format!("{} and {last}", names.join(", ")) }
}

#[cfg(test)]
mod tests {
    use component::Technique;

    use super::*;
    use crate::testing::catalog;

    #[test]
    fn folders_of_packages() {
        for (folder, is_one) in [
            ("", false),
            ("/srv/app", false),
            ("/srv/app/node_modules", true),
            ("/srv/app/node_modules/", true),
            ("node_modules", true),
            ("/srv/app/node_modules/x", true),
            ("/srv/app/my_node_modules", false),
            ("/usr/lib/python3/dist-packages", true),
            ("/srv/vendor", true),
            ("/srv/vendor/our-project", false),
        ] {
            assert_eq!(is_of_packages(folder), is_one, "{folder}");
        }
    }

    #[test]
    fn what_is_asked_for_ends_at_the_limit_and_that_is_told() {
        let cataloger =
            crate::catalogers().iter().find(|one| one.name == "npm-manifest").expect("the cataloger is there");
        for (asked, kept, is_told) in
            [(WANTS_MAX - 1, 9_999, false), (WANTS_MAX, 10_000, false), (WANTS_MAX + 1, 10_000, true)]
        {
            let needs: Vec<String> = (0..asked).map(|number| format!("\"p{number}\": \"1.0.0\"")).collect();
            let text = format!("{{\"dependencies\": {{{}}}}}", needs.join(","));
            let found = catalog(cataloger, &[("/package.json", text.as_bytes())]);
            assert_eq!(found.components.len(), kept, "{asked}");
            assert_eq!(found.unknowns.iter().any(|unknown| unknown.reason == TOO_MANY), is_told, "{asked}");
        }
    }

    #[test]
    fn what_nothing_decides_is_told_in_words() {
        let component = |text: &str| {
            let (name, version) = text.split_once('@').map_or((text, None), |(name, version)| (name, Some(version)));
            let mut component = Component::new(PackageType::Npm, name, "test", Technique::Manifest);
            component.version = version.map(str::to_owned);
            component
        };
        let check = |asked: &[&str], expected: &str| {
            let asked: Vec<Component> = asked.iter().map(|text| component(text)).collect();
            assert_eq!(undecided(&asked.iter().collect::<Vec<_>>(), false), expected);
        };
        check(&["a"], "asks for a: nothing here says which versions these get and what they need in turn");
        check(&["b@2", "a@1"], "asks for a 1 and b 2: nothing here says what these need in turn");
        check(
            &["e", "d", "c", "b", "f", "a@1"],
            "asks for b, c, d and 2 more: nothing here says which versions these get and what they and 1 more need in turn",
        );
    }
}
