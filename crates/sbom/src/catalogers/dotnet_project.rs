//! What .NET projects ask for: project files where no lockfile says what became of it, what `MSBuild` and NuGet import into them, and `packages.config`,
//! which says it itself.
//!
//! Follows `MSBuild`'s "Customize the build by folder or solution" and NuGet's "Central Package Management"; the files are read by [`msbuild`].

use std::collections::{BTreeMap, HashSet};

use component::{PackageType, Scope, Technique};

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, TOO_MANY, Versions};
use crate::ecosystems::identity::Finder;
use crate::ecosystems::manifests::{self, Want, Written};
use crate::ecosystems::msbuild::{self, Action, Item, Kind};
use crate::ecosystems::{nuget, paths};
use crate::view::{File, View};

/// .NET projects without a lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "dotnet-project",
    summary: "packages.config, and what a .NET project file asks for and nothing locks",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/*.{csproj,fsproj,vbproj}"), keep: FILE },
        Claim { pattern: Pattern::Path("**/packages.config"), keep: FILE },
        Claim { pattern: Pattern::Path("**/Directory.{Packages.props,Build.props,Build.targets}"), keep: FILE },
    ],
    abilities: Abilities { packages: &[PackageType::Dotnet], versions: Versions::Stated, edges: Edges::Flat, licenses: false, files: false, hashes: false },
    catalog,
};

const FILE: Keep = Keep::Bytes { limit_bytes: 4 << 20 };
const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Manifest };

const PACKAGES_PROPS: &str = "Directory.Packages.props";
const BUILD_PROPS: &str = "Directory.Build.props";
const BUILD_TARGETS: &str = "Directory.Build.targets";

fn catalog(view: &View<'_>, findings: &mut Findings) {
    let shared = Shared::read(view, findings);
    let mut imported: HashSet<&str> = HashSet::new();
    for file in view.files(0).filter(|file| manifests::is_of_project(file.path())) {
        // Ten thousand references are little to write once, and much for each of ten thousand projects.
        if findings.room().components == 0 {
            findings.tell(Some(&file.location()), TOO_MANY);
            continue;
        }
        let around = shared.around(view, file.path());
        imported.extend(around.iter().map(|shared| shared.file.path()));
        let own = msbuild::items(file.bytes()).unwrap_or_else(|reason| {
            findings.unknown(file.location(), reason);
            Vec::new()
        });
        let (targets, props): (Vec<&SharedFile<'_>>, _) = around.into_iter().partition(|shared| shared.file.path().ends_with(BUILD_TARGETS));
        let written = props.iter().map(|shared| (shared.file, &*shared.items));
        let written = written.chain([(file, &*own)]).chain(targets.iter().map(|shared| (shared.file, &*shared.items)));
        let wants = wants(written, &shared.versions(view, file.path()));
        manifests::declare_written(FINDER, PackageType::Dotnet, file, wants, findings);
    }
    // What no project that is read imports, another kind of project may.
    for left in shared.0.values().filter(|shared| !imported.contains(shared.file.path())) {
        let wants = wants([(left.file, &*left.items)].into_iter(), &shared.versions(view, left.file.path()));
        manifests::declare_written(FINDER, PackageType::Dotnet, left.file, wants, findings);
    }
    for file in view.files(1).filter(|file| manifests::is_of_project(file.path())) {
        match msbuild::items(file.bytes()) {
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

/// A file that is imported into the projects below it.
struct SharedFile<'a> {
    file: File<'a>,
    items: Vec<Item>,
    /// The versions that it states for all projects below, by the name in lower case; the first counts.
    versions: BTreeMap<String, String>,
    /// Whether it imports the next one further out, which is otherwise left.
    imports_outer: bool,
}

impl<'a> SharedFile<'a> {
    fn new(file: File<'a>, items: Vec<Item>) -> Self {
        let mut versions = BTreeMap::new();
        for item in items.iter().filter(|item| item.kind == Kind::Version && item.action != Action::Remove) {
            versions.entry(item.name.to_ascii_lowercase()).or_insert_with(|| item.version.clone());
        }
        let name = paths::split(file.path()).1;
        let text = String::from_utf8_lossy(file.bytes());
        let imports_outer = text.contains("OfFileAbove") || ["../", "..\\"].iter().any(|up| text.contains(&format!("{up}{name}")));
        Self { file, items, versions, imports_outer }
    }
}

/// The files that are imported into projects, by their paths.
struct Shared<'a>(BTreeMap<&'a str, SharedFile<'a>>);

impl<'a> Shared<'a> {
    fn read(view: &View<'a>, findings: &mut Findings) -> Self {
        let mut read = BTreeMap::new();
        for file in view.files(2).filter(|file| manifests::is_of_project(file.path())) {
            match msbuild::items(file.bytes()) {
                Ok(items) => {
                    read.insert(file.path(), SharedFile::new(file, items));
                }
                Err(reason) => findings.unknown(file.location(), reason),
            }
        }
        Self(read)
    }

    fn get(&self, view: &View<'a>, folder: &str, name: &str) -> Option<&SharedFile<'a>> {
        self.0.get(view.file(&format!("{folder}/{name}"))?.path())
    }

    /// Returns the files that are imported into a project, of each kind the nearest and what that imports further out, outermost first.
    fn around(&self, view: &View<'a>, project: &str) -> Vec<&SharedFile<'a>> {
        let mut around = Vec::new();
        for name in [PACKAGES_PROPS, BUILD_PROPS, BUILD_TARGETS] {
            let first = around.len();
            for shared in paths::ancestors(paths::folder(project)).filter_map(|folder| self.get(view, folder, name)) {
                around.push(shared);
                if !shared.imports_outer {
                    break;
                }
            }
            around[first..].reverse();
        }
        around
    }

    /// Returns the files around a project that state versions, the nearest first.
    fn versions(&self, view: &View<'a>, project: &str) -> Vec<&BTreeMap<String, String>> {
        let names = [PACKAGES_PROPS, BUILD_PROPS, BUILD_TARGETS];
        let around = paths::ancestors(paths::folder(project)).flat_map(|folder| names.map(|name| self.get(view, folder, name)));
        around.flatten().map(|shared| &shared.versions).filter(|versions| !versions.is_empty()).collect()
    }
}

/// Returns what a project asks for, by the items of its files in the order in which they count. A condition may not hold: what stands under one adds, and
/// neither takes out nor replaces.
fn wants<'a, 'i>(files: impl Iterator<Item = (File<'a>, &'i [Item])>, versions: &[&BTreeMap<String, String>]) -> Vec<Written<'a>> {
    let mut asked: BTreeMap<(Kind, String), Vec<(Item, File<'a>)>> = BTreeMap::new();
    for (file, items) in files {
        for item in items.iter().filter(|item| matches!(item.kind, Kind::Reference | Kind::Global)) {
            let key = (item.kind, item.name.to_ascii_lowercase());
            match item.action {
                Action::Include => asked.entry(key).or_default().push((item.clone(), file)),
                Action::Remove if !item.is_conditional => drop(asked.remove(&key)),
                Action::Update if !item.version.is_empty() => update(asked.entry(key).or_default(), item, file),
                Action::Remove | Action::Update => {}
            }
        }
    }
    let asked = asked.into_values().flatten();
    asked.map(|(item, file)| Written { want: want(item, versions), file }).collect()
}

/// Gives references of one name another version, or, where that may be or not, that version too.
fn update<'a>(asked: &mut Vec<(Item, File<'a>)>, update: &Item, file: File<'a>) {
    let Some((first, _)) = asked.first() else { return };
    if update.is_conditional && !first.version.is_empty() {
        asked.push((Item { version: update.version.clone(), ..first.clone() }, file));
    } else {
        asked.truncate(1);
        asked[0].0.version.clone_from(&update.version);
    }
}

/// A version without brackets is the lowest that will do, and NuGet takes the lowest.
fn want(item: Item, versions: &[&BTreeMap<String, String>]) -> Want {
    let name = item.name.to_ascii_lowercase();
    let shared = || versions.iter().find_map(|versions| versions.get(&name)).cloned().unwrap_or_default();
    let range = if item.version.is_empty() { shared() } else { item.version };
    let stated = range.strip_prefix('[').and_then(|range| range.strip_suffix(']')).unwrap_or(&range).trim();
    let version = Some(stated.to_owned()).filter(|version| nuget::is_version(version));
    Want { name: item.name, version, range, scope: Scope::Runtime }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ecosystems::manifests::WANTS_MAX;
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
            unknown /s/app/app.csproj: asks for Floating, Property and Range: nothing here says which versions these get and what they and 4 more need in turn
            "#);
    }

    #[test]
    fn what_msbuild_gives_to_every_project_below() {
        let reference = |name: &str, version: &str| format!(r#"<PackageReference Include="{name}" Version="{version}" />"#);
        let project = |items: &str| format!("<Project><ItemGroup>{items}</ItemGroup></Project>");
        let above = r#"<Import Project="$([MSBuild]::GetPathOfFileAbove('Directory.Build.props', '$(MSBuildThisFileDirectory)../'))" />"#;
        let files = [
            ("/Directory.Build.props", project(&[reference("Every.One", "1.0.0"), reference("Taken.Out", "1.0.0"), reference("Changed", "1.0.0"), reference("Kept", "1.0.0")].concat())),
            ("/Directory.Packages.props", project(r#"<GlobalPackageReference Include="log4net" Version="2.0.8" /><PackageVersion Include="Central" Version="3.0.0" />"#)),
            ("/Directory.Build.targets", project(r#"<PackageReference Include="Late" /><PackageReference Update="Without" Version="4.0.0" />"#)),
            ("/src/a.csproj", project(r#"<PackageReference Include="Central" /><PackageReference Include="Without" /><PackageReference Remove="taken.out" /><PackageReference Update="Changed" Version="1.5.0" /><PackageReference Remove="Kept" Condition="'$(X)' == ''" /><PackageReference Update="Kept" Version="1.9.0" Condition="'$(X)' == ''" />"#)),
            ("/inner/Directory.Build.props", project(&reference("Inner", "1.0.0"))),
            ("/inner/b.csproj", project("")),
            ("/inner/more/Directory.Build.props", project(&format!("{above}{}", reference("More", "1.0.0")))),
            ("/inner/more/c.fsproj", project("")),
            ("/none/Directory.Build.props", project(&reference("Of.Another.Kind", "1.0.0"))),
            ("/none/a.vcxproj", project("")),
            ("/bad/Directory.Build.props", "<a></b>".to_owned()),
        ];
        let files: Vec<(&str, &[u8])> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
        insta::assert_snapshot!(render(&catalog(&CATALOGER, &files)), @r"
            dotnet Central@3.0.0 pkg:nuget/Central@3.0.0 direct at /src/a.csproj
            dotnet Changed@1.5.0 pkg:nuget/Changed@1.5.0 direct at /Directory.Build.props
            dotnet Every.One@1.0.0 pkg:nuget/Every.One@1.0.0 direct at /Directory.Build.props
            dotnet Inner@1.0.0 pkg:nuget/Inner@1.0.0 direct at /inner/Directory.Build.props
            dotnet Kept@1.0.0 pkg:nuget/Kept@1.0.0 direct at /Directory.Build.props
            dotnet Kept@1.9.0 pkg:nuget/Kept@1.9.0 direct at /src/a.csproj
            dotnet Late pkg:nuget/Late direct at /Directory.Build.targets
            dotnet More@1.0.0 pkg:nuget/More@1.0.0 direct at /inner/more/Directory.Build.props
            dotnet Of.Another.Kind@1.0.0 pkg:nuget/Of.Another.Kind@1.0.0 direct at /none/Directory.Build.props
            dotnet Without@4.0.0 pkg:nuget/Without@4.0.0 direct at /src/a.csproj
            dotnet log4net@2.0.8 pkg:nuget/log4net@2.0.8 direct at /Directory.Packages.props
            root -> Central@3.0.0
            root -> Changed@1.5.0
            root -> Every.One@1.0.0
            root -> Inner@1.0.0
            root -> Kept@1.0.0
            root -> Kept@1.9.0
            root -> Late
            root -> More@1.0.0
            root -> Of.Another.Kind@1.0.0
            root -> Without@4.0.0
            root -> log4net@2.0.8
            unknown /bad/Directory.Build.props: a project file that is not XML: ill-formed document: expected `</a>`, but `</b>` was found
            unknown /inner/b.csproj: asks for Late: nothing here says which versions these get and what they and 2 more need in turn
            unknown /inner/more/c.fsproj: asks for Late: nothing here says which versions these get and what they and 3 more need in turn
            unknown /none/Directory.Build.props: asks for Of.Another.Kind 1.0.0: nothing here says what these need in turn
            unknown /src/a.csproj: asks for Late: nothing here says which versions these get and what they and 7 more need in turn
            ");
    }

    #[test]
    fn what_a_project_gets_ends_at_the_limit() {
        let references = "<PackageReference Include=\"a\" Version=\"1\"/>".repeat(WANTS_MAX - 1);
        for (own, is_told) in [("", false), ("<PackageReference Include=\"b\"/>", false), ("<PackageReference Include=\"b\"/><PackageReference Include=\"c\"/>", true)] {
            let (props, project) = (format!("<Project>{references}</Project>"), format!("<Project>{own}</Project>"));
            let found = catalog(&CATALOGER, &[("/Directory.Build.props", props.as_bytes()), ("/a.csproj", project.as_bytes())]);
            assert_eq!(found.unknowns.iter().any(|unknown| unknown.reason == TOO_MANY), is_told, "{own}");
        }
    }
}
