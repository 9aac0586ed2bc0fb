//! The packages that XML files of `MSBuild` and NuGet name: project files, what `MSBuild` imports into them, and `packages.config`.
//!
//! Follows NuGet's documentation "`PackageReference` in project files", "Central Package Management" and "packages.config reference", and `MSBuild`'s "`MSBuild`
//! items", "`MSBuild` properties" and "Import element".

use std::borrow::Cow;
use std::collections::HashMap;

use quick_xml::events::{BytesStart, Event};
use quick_xml::{Reader, XmlVersion};

use crate::ecosystems::manifests::WANTS_MAX;
use crate::ecosystems::{nuget, texts};

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

/// What is given to a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Property {
    /// The name, in lower case.
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) when: When,
}

/// When a property is given what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    Always,
    /// Where it has nothing yet.
    Unset,
    /// Where something holds that nobody evaluates here.
    Maybe,
}

/// What a file of `MSBuild` says about packages.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Project {
    /// In their order.
    pub(crate) items: Vec<Item>,
    /// In their order, with how many imports stand before each.
    pub(crate) properties: Vec<(usize, Property)>,
    /// The files that it takes in.
    pub(crate) imports: Vec<String>,
}

/// The values of properties.
#[derive(Debug, Default)]
pub(crate) struct Properties(HashMap<String, Vec<String>>);

/// The most values of one property that are told apart.
const VALUES_MAX: usize = 2;

/// The most properties, and the most imports, of one file; the largest have a thousand.
const PROPERTIES_MAX: usize = 10_000;
const IMPORTS_MAX: usize = 1_000;

impl Properties {
    /// Gives a property its value, in which those that are known so far count.
    pub(crate) fn set(&mut self, property: &Property) {
        let value = self.fill(&property.value).into_owned();
        let values = self.0.entry(property.name.clone()).or_default();
        match property.when {
            When::Always => *values = vec![value],
            When::Unset if values.is_empty() => values.push(value),
            When::Maybe if !values.contains(&value) && values.len() < VALUES_MAX => values.push(value),
            When::Unset | When::Maybe => {}
        }
    }

    /// Gives a property a value.
    pub(crate) fn give(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_ascii_lowercase(), vec![value.to_owned()]);
    }

    /// Puts the values of properties into a text: of those that have one, which is known. Others stay as they are written.
    pub(crate) fn fill<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !text.contains("$(") {
            return Cow::Borrowed(text);
        }
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("$(") {
            filled.push_str(before);
            let Some((name, after)) = behind.split_once(')') else {
                filled.push_str("$(");
                rest = behind;
                continue;
            };
            match self.0.get(&name.trim().to_ascii_lowercase()).map(Vec::as_slice) {
                Some([value]) if !value.contains("$(") && filled.len() + value.len() <= TEXT_BYTES_MAX => {
                    filled.push_str(value);
                }
                _ => {
                    filled.push_str("$(");
                    filled.push_str(name);
                    filled.push(')');
                }
            }
            rest = after;
        }
        filled.push_str(rest);
        Cow::Owned(filled)
    }
}

/// Tells whether a text stands for something that only `MSBuild` knows.
pub(crate) fn is_computed(text: &str) -> bool {
    ["$(", "@(", "%("].iter().any(|start| text.contains(start))
}

/// Reads the packages that an XML file of `MSBuild` or NuGet names, in their order, those without a name of their own not.
pub(crate) fn items(bytes: &[u8]) -> Result<Vec<Item>, String> {
    let mut items = project(bytes)?.items;
    items.retain(|item| nuget::is_name(&item.name));
    Ok(items)
}

/// Reads what an XML file of `MSBuild` says about packages.
pub(crate) fn project(bytes: &[u8]) -> Result<Project, String> {
    let text = texts::decode(bytes);
    let mut reader = Reader::from_str(&text);
    let mut has_elements = text.trim().is_empty();
    let mut project = Project::default();
    let mut found: Vec<Item> = Vec::new();
    // The depth of the group of properties that is open, and the property with its text.
    let mut group: Option<usize> = None;
    let mut property: Option<Property> = None;
    let mut depth = 0_usize;
    // The depth of the element that is open and which of the items are its, and the text of their version where that is an element.
    let mut open: Option<(usize, usize)> = None;
    let mut version: Option<String> = None;
    // The depth of the outermost element that counts only where something holds.
    let mut condition: Option<usize> = None;
    loop {
        match reader.read_event().map_err(|error| format!("a project file that is not XML: {error}"))? {
            Event::DocType(_) => return Err("a project file with a document type".to_owned()),
            Event::Empty(element) => {
                has_elements = true;
                found.extend(named(&element, condition.is_some()));
                project.imports.extend(imported(&element));
            }
            Event::Start(element) => {
                has_elements = true;
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(format!("a project file with more than {DEPTH_MAX} levels"));
                }
                let name = element.local_name();
                if group.is_some_and(|group| depth == group + 1) {
                    let when = when(&element, condition.is_some());
                    let name = name.as_ref().to_ascii_lowercase();
                    property = Some(Property { name, value: String::new(), when });
                } else if group.is_none() && name.as_ref() == "PropertyGroup" {
                    group = Some(depth);
                }
                project.imports.extend(imported(&element));
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
                if let Some(property) = property.as_mut().filter(|property| property.value.len() < TEXT_BYTES_MAX) {
                    property.value.push_str(&text);
                }
            }
            Event::End(_) => {
                if let (Some(text), Some((_, first))) = (version.take(), open) {
                    found[first..].iter_mut().for_each(|item| text.trim().clone_into(&mut item.version));
                }
                if group.is_some_and(|group| depth == group + 1)
                    && let Some(property) = property.take()
                {
                    let value = property.value.trim().to_owned();
                    project.properties.push((project.imports.len(), Property { value, ..property }));
                }
                group = group.filter(|group| *group != depth);
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
        if project.properties.len() > PROPERTIES_MAX || project.imports.len() > IMPORTS_MAX {
            return Err(format!("more than {PROPERTIES_MAX} properties or {IMPORTS_MAX} imports"));
        }
    }
    if !has_elements {
        return Err("a project file without an element".to_owned());
    }
    project.items = found;
    Ok(project)
}

/// Returns the file that an element takes in.
fn imported(element: &BytesStart<'_>) -> Option<String> {
    attribute(element, "Project").filter(|_| element.local_name().as_ref() == "Import")
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Option<String> {
    let attribute = element.attributes().flatten().find(|attribute| attribute.key.local_name().as_ref() == name)?;
    Some(attribute.normalized_value(XmlVersion::Explicit1_0).unwrap_or_default().trim().to_owned())
}

fn when(element: &BytesStart<'_>, is_in_condition: bool) -> When {
    let Some(condition) = attribute(element, "Condition").filter(|_| !is_in_condition) else {
        return if is_in_condition { When::Maybe } else { When::Always };
    };
    let condition: String = condition.chars().filter(|character| !character.is_whitespace()).collect();
    let unset = format!("'$({})'==''", element.local_name().as_ref());
    if condition.eq_ignore_ascii_case(&unset) { When::Unset } else { When::Maybe }
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
    let is_one = |name: &&str| nuget::is_name(name) || (kind != Kind::Installed && is_computed(name));
    names.split(';').map(str::trim).filter(is_one).take(WANTS_MAX + 1).map(item).collect()
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
        let computed = project(b"<PackageReference Include='$(Name);A' Version='1'/>").expect("XML");
        assert_eq!(computed.items.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(), ["$(Name)", "A"]);
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
    fn values_of_properties() {
        let check = |text: &str, expected: &str| {
            let project = project(format!("<Project>{text}</Project>").as_bytes()).expect("XML");
            let mut properties = Properties::default();
            project.properties.iter().for_each(|(_, property)| properties.set(property));
            assert_eq!(properties.fill("$(A)/$( b )"), expected, "{text}");
        };
        check("", "$(A)/$( b )");
        check("<PropertyGroup><A>1</A><B> 2 </B></PropertyGroup>", "1/2");
        check("<PropertyGroup><A>1</A><B>$(A).0</B><A>2</A></PropertyGroup>", "2/1.0");
        check(
            "<PropertyGroup><A Condition=\"'$(A)' == ''\">1</A><B Condition=\"'$(A)' == ''\">2</B></PropertyGroup>",
            "1/2",
        );
        check("<PropertyGroup><A>1</A><A Condition=\" '$(a)'=='' \">3</A><B>$(C)</B></PropertyGroup>", "1/$( b )");
        check(
            "<PropertyGroup><A>1</A></PropertyGroup><PropertyGroup Condition='x'><A>2</A><B>2</B></PropertyGroup>",
            "$(A)/2",
        );
        check("<A>1</A><Target><PropertyGroup><B>2</B></PropertyGroup></Target>", "$(A)/2");
        check("<PropertyGroup><A>1<x>2</x></A><B/></PropertyGroup>", "12/$( b )");
        let project = project(b"<a><PropertyGroup><A>1</A></PropertyGroup><Import Project=' x.props '/><PropertyGroup><B>2</B></PropertyGroup></a>").expect("XML");
        assert_eq!(project.imports, ["x.props"]);
        assert_eq!(project.properties.iter().map(|(before, _)| *before).collect::<Vec<_>>(), [0, 1]);
        let mut properties = Properties::default();
        assert_eq!(properties.fill("$(A"), "$(A");
        for name in ["a", "b", "c", "d", "e", "f", "g"] {
            let value = if name == "a" {
                "x".repeat(TEXT_BYTES_MAX / 4)
            } else {
                format!("$({0})$({0})$({0})$({0})", char::from(name.as_bytes()[0] - 1))
            };
            properties.set(&Property { name: name.to_owned(), value, when: When::Always });
        }
        assert!(properties.fill("$(b)").len() <= TEXT_BYTES_MAX + 16);
        assert!(properties.fill("$(g)").len() <= TEXT_BYTES_MAX + 16);
    }

    #[test]
    fn properties_and_imports_end_at_their_limits() {
        for (count, is_read) in [(PROPERTIES_MAX - 1, true), (PROPERTIES_MAX, true), (PROPERTIES_MAX + 1, false)] {
            let text = format!("<PropertyGroup>{}</PropertyGroup>", "<a>1</a>".repeat(count));
            assert_eq!(project(text.as_bytes()).is_ok(), is_read, "{count}");
        }
        for (count, is_read) in [(IMPORTS_MAX - 1, true), (IMPORTS_MAX, true), (IMPORTS_MAX + 1, false)] {
            assert_eq!(project("<Import Project='a'/>".repeat(count).as_bytes()).is_ok(), is_read, "{count}");
        }
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
