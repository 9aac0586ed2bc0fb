//! The packages that XML files of `MSBuild` and NuGet name: project files, what `MSBuild` imports into them, and `packages.config`.
//!
//! Follows NuGet's documentation "`PackageReference` in project files", "Central Package Management" and "packages.config reference", and `MSBuild`'s "`MSBuild`
//! items".

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::ecosystems::manifests::WANTS_MAX;
use crate::ecosystems::nuget;

/// The deepest nesting of elements; project files have four levels.
pub(crate) const DEPTH_MAX: usize = 64;

/// The longest text of an element.
const TEXT_BYTES_MAX: usize = 4096;

/// Elements whose content counts only where something holds, or when it is run.
const CONDITIONED: [&str; 3] = ["When", "Otherwise", "Target"];

/// What an item is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// `PackageReference`.
    Reference,
    /// `GlobalPackageReference`, for all projects below.
    Global,
    /// `PackageVersion`, for all projects below.
    Version,
    /// `package` in a packages.config.
    Installed,
}

/// What an item does to those of its kind that stand before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Adds one.
    Include,
    /// Changes those of that name.
    Update,
    /// Takes those of that name out.
    Remove,
}

/// A package that a file names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) kind: Kind,
    pub(crate) action: Action,
    pub(crate) name: String,
    /// Empty where none is stated.
    pub(crate) version: String,
    /// Whether a packages.config says that it is for development.
    pub(crate) is_development: bool,
    /// Whether it counts only where something holds, which nobody evaluates here.
    pub(crate) is_conditional: bool,
}

/// Reads the packages that an XML file of `MSBuild` or NuGet names, in their order.
pub(crate) fn items(bytes: &[u8]) -> Result<Vec<Item>, String> {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut found: Vec<Item> = Vec::new();
    let mut depth = 0_usize;
    // The depth of the element that is open and which of the items are its, and the text of their version where that is an element.
    let mut open: Option<(usize, usize)> = None;
    let mut version: Option<String> = None;
    // The depth of the outermost element that counts only where something holds.
    let mut condition: Option<usize> = None;
    loop {
        match reader.read_event().map_err(|error| format!("a project file that is not XML: {error}"))? {
            Event::DocType(_) => return Err("a project file with a document type".to_owned()),
            Event::Empty(element) => found.extend(named(&element, condition.is_some())),
            Event::Start(element) => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(format!("a project file with more than {DEPTH_MAX} levels"));
                }
                let before = found.len();
                found.extend(named(&element, condition.is_some()));
                if found.len() > before {
                    open = Some((depth, before));
                } else if open.is_some() && matches!(element.local_name().as_ref(), "Version" | "VersionOverride") {
                    version = Some(String::new());
                }
                if condition.is_none() && is_conditional(&element) {
                    condition = Some(depth);
                }
            }
            Event::Text(text) => {
                if let Some(version) = version.as_mut().filter(|version| version.len() < TEXT_BYTES_MAX) {
                    version.push_str(&text);
                }
            }
            Event::End(_) => {
                if let (Some(text), Some((_, first))) = (version.take(), open) {
                    found[first..].iter_mut().for_each(|item| text.trim().clone_into(&mut item.version));
                }
                open = open.filter(|(at, _)| *at != depth);
                condition = condition.filter(|at| *at != depth);
                depth = depth.saturating_sub(1);
            }
            Event::Eof => break,
            _ => {}
        }
        if found.len() > WANTS_MAX {
            return Err(format!("more than {WANTS_MAX} packages"));
        }
    }
    Ok(found)
}

fn is_conditional(element: &BytesStart<'_>) -> bool {
    let has_condition =
        || element.attributes().flatten().any(|attribute| attribute.key.local_name().as_ref() == "Condition");
    CONDITIONED.contains(&element.local_name().as_ref()) || has_condition()
}

/// Returns the items of an element: one, or one for each name of a list with semicolons.
fn named(element: &BytesStart<'_>, is_in_condition: bool) -> Vec<Item> {
    let kind = match element.local_name().as_ref() {
        "PackageReference" => Kind::Reference,
        "GlobalPackageReference" => Kind::Global,
        "PackageVersion" => Kind::Version,
        "package" => Kind::Installed,
        _ => return Vec::new(),
    };
    let (mut action, mut names, mut version, mut is_development) =
        (Action::Include, String::new(), String::new(), false);
    for attribute in element.attributes().flatten() {
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).unwrap_or_default();
        let named_by = match attribute.key.local_name().as_ref() {
            "Include" | "id" => Action::Include,
            "Update" => Action::Update,
            "Remove" => Action::Remove,
            "Version" | "VersionOverride" | "version" => {
                value.trim().clone_into(&mut version);
                continue;
            }
            "developmentDependency" => {
                is_development = value.eq_ignore_ascii_case("true");
                continue;
            }
            _ => continue,
        };
        (action, names) = (named_by, value.into_owned());
    }
    let is_conditional = is_in_condition || is_conditional(element);
    let item = |name: &str| Item {
        kind,
        action,
        name: name.to_owned(),
        version: version.clone(),
        is_development,
        is_conditional,
    };
    names.split(';').map(str::trim).filter(|name| nuget::is_name(name)).take(WANTS_MAX + 1).map(item).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_of_a_file() {
        let check = |text: &str, expected: &str| {
            let told = items(text.as_bytes()).expect("XML").into_iter().map(|item| {
                let condition = if item.is_conditional { "?" } else { "" };
                format!("{:?} {:?} {} {}{condition}", item.kind, item.action, item.name, item.version)
            });
            assert_eq!(told.collect::<Vec<_>>().join(", "), expected, "{text}");
        };
        check("<a/>", "");
        check("<PackageReference Include='$(Name)' Version='1'/>", "");
        check("<PackageReference Include='A; B;' Version='1'/>", "Reference Include A 1, Reference Include B 1");
        check(
            "<PackageReference Include='A;B'><Version> 2 </Version></PackageReference><Version>3</Version>",
            "Reference Include A 2, Reference Include B 2",
        );
        check(
            "<PackageReference Include='A'><VersionOverride>2</VersionOverride></PackageReference>",
            "Reference Include A 2",
        );
        check(
            "<PackageReference Update='A' Version='1'/><PackageReference Remove='B'/>",
            "Reference Update A 1, Reference Remove B ",
        );
        check(
            "<GlobalPackageReference Include='A' Version='1'/><PackageVersion Include='B' Version='2'/>",
            "Global Include A 1, Version Include B 2",
        );
        check("<PackageReference Remove='A' Condition='x'/>", "Reference Remove A ?");
        check(
            "<g Condition='x'><PackageReference Remove='A'/></g><PackageReference Remove='B'/>",
            "Reference Remove A ?, Reference Remove B ",
        );
        check("<Target><g><PackageReference Remove='A'/></g></Target>", "Reference Remove A ?");
        check(
            "<Choose><Otherwise><PackageReference Remove='A'/></Otherwise></Choose><g/><PackageReference Remove='B'/>",
            "Reference Remove A ?, Reference Remove B ",
        );
    }

    #[test]
    fn levels_and_packages_end_at_their_limits() {
        for (depth, is_read) in [(DEPTH_MAX, true), (DEPTH_MAX + 1, false)] {
            assert_eq!(
                items(format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth)).as_bytes()).is_ok(),
                is_read,
                "{depth}"
            );
        }
        for (count, is_read) in [(WANTS_MAX, true), (WANTS_MAX + 1, false)] {
            assert_eq!(items("<package id=\"a\" version=\"1\"/>".repeat(count).as_bytes()).is_ok(), is_read, "{count}");
            let listed = format!("<PackageReference Include=\"{}\"/>", "a;".repeat(count));
            assert_eq!(items(listed.as_bytes()).is_ok(), is_read, "{count}");
        }
    }
}
