//! What .NET projects ask for: project files where no lockfile says what became of it, and `packages.config`, which says it itself.
//!
//! Follows NuGet's documentation "`PackageReference` in project files", "Central Package Management" and "packages.config reference".

use std::collections::BTreeMap;

use component::{PackageType, Scope, Technique};
use quick_xml::{Reader, XmlVersion};
use quick_xml::events::{BytesStart, Event};

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::identity::Finder;
use crate::ecosystems::manifests::{self, WANTS_MAX, Want};
use crate::ecosystems::{nuget, paths};
use crate::view::View;

/// .NET projects without a lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "dotnet-project",
    summary: "packages.config, and what a .NET project file asks for and nothing locks",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/*.{csproj,fsproj,vbproj}"), keep: FILE },
        Claim { pattern: Pattern::Path("**/packages.config"), keep: FILE },
        Claim { pattern: Pattern::Path("**/Directory.{Packages,Build}.props"), keep: FILE },
    ],
    abilities: Abilities { packages: &[PackageType::Dotnet], versions: Versions::Stated, edges: Edges::Flat, licenses: false, files: false, hashes: false },
    catalog,
};

const FILE: Keep = Keep::Bytes { limit_bytes: 4 << 20 };
const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Manifest };

/// The deepest nesting of elements; project files have four levels.
const DEPTH_MAX: usize = 64;

/// The longest text of an element.
const TEXT_BYTES_MAX: usize = 4096;

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for file in view.files(0).filter(|file| manifests::is_of_project(file.path())) {
        match items(file.bytes()) {
            Ok(items) => {
                let shared = shared(view, file.path());
                let references = items.into_iter().filter(|item| item.kind == Kind::Reference);
                let wants = references.filter_map(|item| want(item, &shared)).collect();
                manifests::declare(FINDER, PackageType::Dotnet, file, wants, findings);
            }
            Err(reason) => findings.unknown(file.location(), reason),
        }
    }
    for file in view.files(1).filter(|file| manifests::is_of_project(file.path())) {
        match items(file.bytes()) {
            Ok(items) => {
                for item in items.into_iter().filter(|item| item.kind == Kind::Installed) {
                    let component = nuget::component(FINDER.with(Technique::Lockfile), &item.name, &item.version);
                    let Some(mut component) = component else { continue };
                    component.locations.push(file.location());
                    component.scope = if item.is_development { Scope::Development } else { Scope::Runtime };
                    findings.add(component);
                }
            }
            Err(reason) => findings.unknown(file.location(), reason),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `PackageReference`.
    Reference,
    /// `PackageVersion`, for all projects below.
    Version,
    /// `package` in a packages.config.
    Installed,
}

#[derive(Debug)]
struct Item {
    kind: Kind,
    name: String,
    /// Empty where none is stated.
    version: String,
    is_development: bool,
}

/// Returns the versions that the nearest files around a project state for all projects below, by the name in lower case.
fn shared(view: &View<'_>, path: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let around = paths::ancestors(paths::folder(path)).flat_map(|folder| ["Packages", "Build"].map(|kind| format!("{folder}/Directory.{kind}.props")));
    for file in around.filter_map(|path| view.file(&path)) {
        for item in items(file.bytes()).unwrap_or_default().into_iter().filter(|item| item.kind == Kind::Version) {
            found.entry(item.name.to_ascii_lowercase()).or_insert(item.version);
        }
    }
    found
}

/// Reads the packages that an XML file of `MSBuild` or NuGet names.
fn items(bytes: &[u8]) -> Result<Vec<Item>, String> {
    let text = String::from_utf8_lossy(bytes);
    let mut reader = Reader::from_str(text.trim_start_matches('\u{feff}'));
    let mut found: Vec<Item> = Vec::new();
    let mut depth = 0_usize;
    // The depth of the item that is open, and the text of its version where that is an element.
    let mut open: Option<usize> = None;
    let mut version: Option<String> = None;
    loop {
        match reader.read_event().map_err(|error| format!("a project file that is not XML: {error}"))? {
            Event::DocType(_) => return Err("a project file with a document type".to_owned()),
            Event::Empty(element) => found.extend(item(&element)),
            Event::Start(element) => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(format!("a project file with more than {DEPTH_MAX} levels"));
                }
                if let Some(item) = item(&element) {
                    found.push(item);
                    open = Some(depth);
                } else if open.is_some() && element.local_name().as_ref() == "Version" {
                    version = Some(String::new());
                }
            }
            Event::Text(text) => {
                if let Some(version) = version.as_mut().filter(|version| version.len() < TEXT_BYTES_MAX) {
                    version.push_str(&text);
                }
            }
            Event::End(_) => {
                if let (Some(text), Some(item)) = (version.take(), found.last_mut()) {
                    text.trim().clone_into(&mut item.version);
                }
                if open == Some(depth) {
                    open = None;
                }
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

fn item(element: &BytesStart<'_>) -> Option<Item> {
    let kind = match element.local_name().as_ref() {
        "PackageReference" | "GlobalPackageReference" => Kind::Reference,
        "PackageVersion" => Kind::Version,
        "package" => Kind::Installed,
        _ => return None,
    };
    let mut item = Item { kind, name: String::new(), version: String::new(), is_development: false };
    for attribute in element.attributes().flatten() {
        let value = attribute.normalized_value(XmlVersion::Explicit1_0).unwrap_or_default();
        match attribute.key.local_name().as_ref() {
            "Include" | "id" => value.trim().clone_into(&mut item.name),
            "Version" | "VersionOverride" | "version" => value.trim().clone_into(&mut item.version),
            "developmentDependency" => item.is_development = value.eq_ignore_ascii_case("true"),
            _ => {}
        }
    }
    nuget::is_name(&item.name).then_some(item)
}

/// A version without brackets is the lowest that will do, and NuGet takes the lowest.
fn want(item: Item, shared: &BTreeMap<String, String>) -> Option<Want> {
    let range = if item.version.is_empty() { shared.get(&item.name.to_ascii_lowercase()).cloned().unwrap_or_default() } else { item.version };
    let stated = range.strip_prefix('[').and_then(|range| range.strip_suffix(']')).unwrap_or(&range).trim();
    let version = Some(stated.to_owned()).filter(|version| nuget::is_version(version));
    nuget::is_name(&item.name).then_some(Want { name: item.name, version, range, scope: Scope::Runtime })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{catalog, render};

    #[test]
    fn what_a_project_asks_for() {
        let files: &[(&str, &[u8])] = &[
            (
                "/s/app/app.csproj",
                br#"<Project Sdk="Microsoft.NET.Sdk"><ItemGroup>
<PackageReference Include="Newtonsoft.Json" Version="12.0.1" />
<PackageReference Include="Element"><Version>1.2.3</Version><PrivateAssets>all</PrivateAssets></PackageReference>
<PackageReference Include="Central.One" /><PackageReference Include="Exact" Version="[2.0.0]" /><PackageReference Include="Range" Version="[1,2)" />
<PackageReference Include="Floating" Version="1.*" /><PackageReference Include="Property" Version="$(V)" /><ProjectReference Include="..\b\b.csproj" />
</ItemGroup></Project>"#,
            ),
            ("/s/Directory.Packages.props", br#"<Project><ItemGroup><PackageVersion Include="central.one" Version="3.1.0" /></ItemGroup></Project>"#),
            ("/old/packages.config", "\u{feff}<?xml version=\"1.0\"?><packages><package id=\"jQuery\" version=\"3.1.1\" targetFramework=\"net46\" /><package id=\"Test\" version=\"1.0\" developmentDependency=\"true\" /></packages>".as_bytes()),
            ("/bad/a.csproj", br"<a></b>"),
            ("/bad/b.csproj", br"<!DOCTYPE x><a/>"),
        ];
        insta::assert_snapshot!(render(&catalog(&CATALOGER, files)), @r#"
            dotnet Central.One@3.1.0 pkg:nuget/Central.One@3.1.0 direct at /s/app/app.csproj
            dotnet Element@1.2.3 pkg:nuget/Element@1.2.3 direct at /s/app/app.csproj
            dotnet Exact@2.0.0 pkg:nuget/Exact@2.0.0 direct at /s/app/app.csproj
            dotnet Floating pkg:nuget/Floating direct manifest:range="1.*" at /s/app/app.csproj
            dotnet Newtonsoft.Json@12.0.1 pkg:nuget/Newtonsoft.Json@12.0.1 direct at /s/app/app.csproj
            dotnet Property pkg:nuget/Property direct manifest:range="$(V)" at /s/app/app.csproj
            dotnet Range pkg:nuget/Range direct manifest:range="[1,2)" at /s/app/app.csproj
            dotnet Test@1.0 pkg:nuget/Test@1.0 development at /old/packages.config
            dotnet jQuery@3.1.1 pkg:nuget/jQuery@3.1.1 at /old/packages.config
            root -> Central.One@3.1.0
            root -> Element@1.2.3
            root -> Exact@2.0.0
            root -> Floating
            root -> Newtonsoft.Json@12.0.1
            root -> Property
            root -> Range
            unknown /bad/a.csproj: a project file that is not XML: ill-formed document: expected `</a>`, but `</b>` was found
            unknown /bad/b.csproj: a project file with a document type
            unknown /s/app/app.csproj: asks for Central.One, Element, Exact and 4 more: nothing here says which versions these get and what they need in turn
            "#);
    }

    #[test]
    fn levels_and_packages_end_at_their_limits() {
        for (depth, is_read) in [(DEPTH_MAX, true), (DEPTH_MAX + 1, false)] {
            assert_eq!(items(format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth)).as_bytes()).is_ok(), is_read, "{depth}");
        }
        for (count, is_read) in [(WANTS_MAX, true), (WANTS_MAX + 1, false)] {
            assert_eq!(items("<package id=\"a\" version=\"1\"/>".repeat(count).as_bytes()).is_ok(), is_read, "{count}");
        }
    }
}
