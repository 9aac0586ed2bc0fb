//! What .NET projects ask for: project files where no lockfile says what became of it, what `MSBuild` and NuGet import into them, and `packages.config`,
//! which says it itself.
//!
//! Follows `MSBuild`'s "Customize the build by folder or solution" and NuGet's "Central Package Management"; the files are read by [`msbuild`].

use std::collections::{BTreeMap, BTreeSet};

use component::{PackageType, Scope, Technique};

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, TOO_MANY, Versions};
use crate::ecosystems::identity::Finder;
use crate::ecosystems::manifests::{self, WANTS_MAX, Want, Written};
use crate::ecosystems::msbuild::{self, Action, Item, Kind, Project, Properties};
use crate::ecosystems::{nuget, paths};
use crate::unread::{UNDECIDED_IN_IMAGE, UNWRITTEN};
use crate::view::{File, View};

/// .NET projects without a lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "dotnet-project",
    summary: "packages.config, and what a .NET project file asks for and nothing locks",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/*.{csproj,fsproj,vbproj}"), keep: FILE },
        Claim { pattern: Pattern::Path("**/packages.config"), keep: FILE },
        Claim { pattern: Pattern::Path("**/*.{props,targets}"), keep: FILE },
    ],
    abilities: Abilities { packages: &[PackageType::Dotnet], versions: Versions::Stated, edges: Edges::Flat, licenses: false, files: false, hashes: false },
    catalog,
};

const FILE: Keep = Keep::Bytes { limit_bytes: 4 << 20 };
const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Manifest };

const PACKAGES_PROPS: &str = "Directory.Packages.props";
const BUILD_PROPS: &str = "Directory.Build.props";
const BUILD_TARGETS: &str = "Directory.Build.targets";

/// How much is read of the files of all projects, each file again for each project that it counts for. Thousands of projects share some kilobytes.
const BYTES_READ_MAX: usize = 256 << 20;

/// How deep files are taken in by others.
const IMPORTS_DEPTH_MAX: usize = 16;

/// The most items of one project, with those that change others.
const ITEMS_MAX: usize = 2 * WANTS_MAX;

fn catalog(view: &View<'_>, findings: &mut Findings) {
    let shared = Shared::read(view, findings);
    let mut bytes_left = BYTES_READ_MAX;
    let mut imported: BTreeSet<String> = BTreeSet::new();
    for file in view.files(0).filter(|file| manifests::is_of_project(file.path())) {
        // Ten thousand references are little to write once, and much for each of ten thousand projects.
        if findings.room().components == 0 || bytes_left == 0 {
            findings.tell(Some(&file.location()), TOO_MANY);
            continue;
        }
        let around = shared.around(view, file.path());
        let (late, early): (Vec<File<'_>>, _) = around.into_iter().partition(|file| file.path().ends_with(BUILD_TARGETS));
        let mut evaluation = Evaluation::new(view, &shared, file, bytes_left);
        let files = early.into_iter().chain([file]).chain(late);
        files.for_each(|file| evaluation.take(file, 0, findings));
        evaluation.ask(findings);
        bytes_left = evaluation.bytes_left;
        imported.extend(evaluation.seen);
    }
    // What no project that is read imports, another kind of project may.
    for left in shared.0.values().filter(|shared| !imported.contains(shared.file.path())) {
        let mut evaluation = Evaluation::new(view, &shared, left.file, bytes_left);
        evaluation.take(left.file, 0, findings);
        evaluation.ask(findings);
        bytes_left = evaluation.bytes_left;
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
    project: Project,
    /// The versions that it states for all projects below, by the name in lower case; the first counts.
    versions: BTreeMap<String, String>,
    /// Whether it imports the next one further out, which is otherwise left.
    imports_outer: bool,
}

impl<'a> SharedFile<'a> {
    fn new(file: File<'a>, project: Project) -> Self {
        let mut versions = BTreeMap::new();
        for item in project.items.iter().filter(|item| item.kind == Kind::Version && item.action != Action::Remove) {
            versions.entry(item.name.to_ascii_lowercase()).or_insert_with(|| item.version.clone());
        }
        let name = paths::split(file.path()).1;
        let text = String::from_utf8_lossy(file.bytes());
        let imports_outer = text.contains("OfFileAbove") || ["../", "..\\"].iter().any(|up| text.contains(&format!("{up}{name}")));
        Self { file, project, versions, imports_outer }
    }
}

/// The files that are imported into projects by their names, by their paths.
struct Shared<'a>(BTreeMap<&'a str, SharedFile<'a>>);

impl<'a> Shared<'a> {
    fn read(view: &View<'a>, findings: &mut Findings) -> Self {
        let mut read = BTreeMap::new();
        let is_shared = |file: &File<'_>| [PACKAGES_PROPS, BUILD_PROPS, BUILD_TARGETS].contains(&paths::split(file.path()).1);
        for file in view.files(2).filter(|file| is_shared(file) && manifests::is_of_project(file.path())) {
            match msbuild::project(file.bytes()) {
                Ok(project) => {
                    read.insert(file.path(), SharedFile::new(file, project));
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
    fn around(&self, view: &View<'a>, project: &str) -> Vec<File<'a>> {
        let mut around = Vec::new();
        for name in [BUILD_PROPS, PACKAGES_PROPS, BUILD_TARGETS] {
            let first = around.len();
            for shared in paths::ancestors(paths::folder(project)).filter_map(|folder| self.get(view, folder, name)) {
                around.push(shared.file);
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

/// What a project says with the files that it takes in.
struct Evaluation<'a, 's> {
    view: &'s View<'a>,
    shared: &'s Shared<'a>,
    file: File<'a>,
    seen: BTreeSet<String>,
    properties: Properties,
    items: Vec<(File<'a>, Item)>,
    bytes_left: usize,
}

impl<'a, 's> Evaluation<'a, 's> {
    fn new(view: &'s View<'a>, shared: &'s Shared<'a>, file: File<'a>, bytes_left: usize) -> Self {
        let mut properties = Properties::default();
        properties.give("MSBuildProjectDirectory", paths::folder(file.path()));
        Self { view, shared, file, seen: BTreeSet::new(), properties, items: Vec::new(), bytes_left }
    }

    /// Takes in a file with what that takes in, each once.
    fn take(&mut self, file: File<'a>, depth: usize, findings: &mut Findings) {
        if !self.seen.insert(file.path().to_owned()) {
            return;
        }
        let Some(left) = self.bytes_left.checked_sub(file.bytes().len()).filter(|_| depth <= IMPORTS_DEPTH_MAX) else {
            self.bytes_left = if depth > IMPORTS_DEPTH_MAX { self.bytes_left } else { 0 };
            return findings.tell(Some(&self.file.location()), TOO_MANY);
        };
        self.bytes_left = left;
        let shared = self.shared;
        let read;
        let project = match shared.0.get(file.path()) {
            Some(shared) => &shared.project,
            None => match msbuild::project(file.bytes()) {
                Ok(project) => {
                    read = project;
                    &read
                }
                Err(reason) => return findings.unknown(file.location(), reason),
            },
        };
        self.stand_in(file);
        let mut properties = project.properties.iter().peekable();
        for (at, import) in project.imports.iter().enumerate() {
            while let Some((_, property)) = properties.next_if(|(imports, _)| *imports <= at) {
                self.properties.set(property);
            }
            if let Some(imported) = self.imported(file, import) {
                self.take(imported, depth + 1, findings);
                self.stand_in(file);
            }
        }
        properties.for_each(|(_, property)| self.properties.set(property));
        // What a project says of items that it takes in counts for them.
        let room = ITEMS_MAX.saturating_sub(self.items.len());
        if project.items.len() > room {
            findings.tell(Some(&self.file.location()), TOO_MANY);
        }
        self.items.extend(project.items.iter().take(room).map(|item| (file, item.clone())));
    }

    /// Returns the file that another takes in, where that is here and its path known.
    fn imported(&self, from: File<'a>, import: &str) -> Option<File<'a>> {
        let path = self.properties.fill(import).replace('\\', "/");
        if msbuild::is_computed(&path) {
            return None;
        }
        self.view.file(&paths::join(paths::folder(from.path()), &path))
    }

    /// Says which file is read.
    fn stand_in(&mut self, file: File<'a>) {
        self.properties.give("MSBuildThisFileDirectory", &format!("{}/", paths::folder(file.path())));
    }

    /// Declares what it asks for.
    fn ask(&self, findings: &mut Findings) {
        let versions = self.shared.versions(self.view, self.file.path());
        let mut imported: BTreeMap<String, String> = BTreeMap::new();
        let mut items: Vec<(File<'a>, Item)> = Vec::new();
        let mut unnamed: BTreeSet<String> = BTreeSet::new();
        for (file, item) in &self.items {
            let names = self.properties.fill(&item.name);
            for name in names.split(';').map(str::trim).filter(|name| !name.is_empty()) {
                if nuget::is_name(name) {
                    let version = self.properties.fill(&item.version).into_owned();
                    items.push((*file, Item { name: name.to_owned(), version, ..item.clone() }));
                } else if item.action == Action::Include && item.kind != Kind::Version {
                    unnamed.insert(name.to_owned());
                }
            }
            if items.len() > ITEMS_MAX {
                findings.tell(Some(&self.file.location()), TOO_MANY);
                break;
            }
        }
        for (_, item) in items.iter().filter(|(_, item)| item.kind == Kind::Version && item.action != Action::Remove) {
            imported.insert(item.name.to_ascii_lowercase(), item.version.clone());
        }
        let stated = |name: &str| {
            let version = versions.iter().find_map(|versions| versions.get(name)).or_else(|| imported.get(name));
            version.map(|version| self.properties.fill(version).into_owned()).unwrap_or_default()
        };
        manifests::declare_written(FINDER, PackageType::Dotnet, self.file, wants(items, &stated), findings);
        let Some(first) = unnamed.first() else { return };
        let first: String = first.chars().take(TOLD_CHARACTERS_MAX).filter(|character| !character.is_control()).collect();
        let more = if unnamed.len() > 1 { format!(", and {} more", unnamed.len() - 1) } else { String::new() };
        let location = self.file.location();
        let unknown = if location.layer.is_some() { UNDECIDED_IN_IMAGE } else { UNWRITTEN };
        findings.unknown(location, format!("asks for what it does not name, `{first}`{more}{unknown}"));
    }
}

/// The longest part of a name that is told.
const TOLD_CHARACTERS_MAX: usize = 60;

/// Returns what a project asks for, by the items of its files in the order in which they count. A condition may not hold: what stands under one adds, and
/// neither takes out nor replaces.
fn wants<'a>(items: Vec<(File<'a>, Item)>, stated: &dyn Fn(&str) -> String) -> Vec<Written<'a>> {
    let mut asked: BTreeMap<(Kind, String), Vec<(Item, File<'a>)>> = BTreeMap::new();
    for (file, item) in items {
        if !matches!(item.kind, Kind::Reference | Kind::Global) {
            continue;
        }
        let key = (item.kind, item.name.to_ascii_lowercase());
        match item.action {
            Action::Include => asked.entry(key).or_default().push((item, file)),
            Action::Remove if !item.is_conditional => drop(asked.remove(&key)),
            Action::Update if !item.version.is_empty() => update(asked.entry(key).or_default(), &item, file),
            Action::Remove | Action::Update => {}
        }
    }
    let asked = asked.into_values().flatten();
    asked.map(|(item, file)| Written { want: want(item, stated), file }).collect()
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
fn want(item: Item, stated: &dyn Fn(&str) -> String) -> Want {
    let range = if item.version.is_empty() { stated(&item.name.to_ascii_lowercase()) } else { item.version };
    let exact = range.strip_prefix('[').and_then(|range| range.strip_suffix(']')).unwrap_or(&range).trim();
    let version = Some(exact.to_owned()).filter(|version| nuget::is_version(version));
    Want { name: item.name, version, range, scope: Scope::Runtime }
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
            unknown /s/app/app.csproj: asks for Floating, Property and Range: nothing here says which versions these get and what they and 4 more need in turn
            "#);
    }

    #[test]
    fn texts_in_utf_16_are_read_and_what_is_no_xml_is_told() {
        let text = "<?xml version=\"1.0\" encoding=\"utf-16\"?><packages><package id=\"log4net\" version=\"2.0.8\"/></packages>";
        let utf16: Vec<u8> = std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let files: &[(&str, &[u8])] = &[
            ("/a/packages.config", &utf16),
            ("/b/packages.config", b"text"),
            ("/b/b.csproj", b"text"),
            ("/c/c.csproj", b" "),
        ];
        insta::assert_snapshot!(render(&catalog(&CATALOGER, files)), @r"
            dotnet log4net@2.0.8 pkg:nuget/log4net@2.0.8 at /a/packages.config
            unknown /b/b.csproj: a project file without an element
            unknown /b/packages.config: a project file without an element
            ");
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
    fn properties_and_imports_under_any_name() {
        let group = |properties: &str| format!("<PropertyGroup>{properties}</PropertyGroup>");
        let files = [
            ("/Directory.Build.props", format!("<Project>{}</Project>", group("<Shared>2.0.0</Shared><Root>$(MSBuildThisFileDirectory)</Root>"))),
            ("/Directory.Packages.props", "<Project><Import Project=\"eng/Versions.props\" /><PackageVersion Include=\"Central\" Version=\"$(CentralVersion)\" /></Project>".to_owned()),
            ("/eng/Versions.props", format!("<Project>{}<PackageVersion Include=\"Listed\" Version=\"5.0.0\" /></Project>", group("<CentralVersion>4.0.0</CentralVersion>"))),
            ("/eng/common.props", format!("<Project>{}<PackageReference Include=\"Of.Common\" Version=\"$(Shared)\" /><Import Project=\"common.props\" /></Project>", group("<Common>3.0.0</Common>"))),
            ("/src/a.csproj", format!(
                "<Project>{}<Import Project=\"..\\eng\\common.props\" /><Import Project=\"$(MSBuildExtensionsPath)\\x.props\" />{}</Project>",
                group("<Own>1.0.0</Own><Name>By.Property;By.List</Name><Maybe Condition=\"x\">1</Maybe><Maybe Condition=\"y\">2</Maybe>"),
                ["Own\" Version=\"$(Own)", "Shared\" Version=\"[$(Shared)]", "Common\" Version=\"$(Common)-rc", "Central", "Listed", "$(Name)\" Version=\"6.0.0", "Maybe\" Version=\"$(Maybe)", "$(Lost)", "@(All);%(x)"]
                    .map(|reference| format!("<PackageReference Include=\"{reference}\" />"))
                    .concat(),
            )),
            ("/left/left.props", "<a></b>".to_owned()),
            ("/bad/a.csproj", "<Project><Import Project=\"bad.targets\" /></Project>".to_owned()),
            ("/bad/bad.targets", "<a></b>".to_owned()),
        ];
        let files: Vec<(&str, &[u8])> = files.iter().map(|(path, text)| (*path, text.as_bytes())).collect();
        insta::assert_snapshot!(render(&catalog(&CATALOGER, &files)), @r#"
            dotnet By.List@6.0.0 pkg:nuget/By.List@6.0.0 direct at /src/a.csproj
            dotnet By.Property@6.0.0 pkg:nuget/By.Property@6.0.0 direct at /src/a.csproj
            dotnet Central@4.0.0 pkg:nuget/Central@4.0.0 direct at /src/a.csproj
            dotnet Common@3.0.0-rc pkg:nuget/Common@3.0.0-rc direct at /src/a.csproj
            dotnet Listed@5.0.0 pkg:nuget/Listed@5.0.0 direct at /src/a.csproj
            dotnet Maybe pkg:nuget/Maybe direct manifest:range="$(Maybe)" at /src/a.csproj
            dotnet Of.Common@2.0.0 pkg:nuget/Of.Common@2.0.0 direct at /eng/common.props
            dotnet Own@1.0.0 pkg:nuget/Own@1.0.0 direct at /src/a.csproj
            dotnet Shared@2.0.0 pkg:nuget/Shared@2.0.0 direct at /src/a.csproj
            root -> By.List@6.0.0
            root -> By.Property@6.0.0
            root -> Central@4.0.0
            root -> Common@3.0.0-rc
            root -> Listed@5.0.0
            root -> Maybe
            root -> Of.Common@2.0.0
            root -> Own@1.0.0
            root -> Shared@2.0.0
            unknown /bad/bad.targets: a project file that is not XML: ill-formed document: expected `</a>`, but `</b>` was found
            unknown /src/a.csproj: asks for Maybe: nothing here says which versions these get and what they and 8 more need in turn
            unknown /src/a.csproj: asks for what it does not name, `$(Lost)`, and 2 more: nothing here says which packages these are
            "#);
    }

    #[test]
    fn imports_end_at_the_limit() {
        for (depth, is_read) in [(IMPORTS_DEPTH_MAX - 1, true), (IMPORTS_DEPTH_MAX, true), (IMPORTS_DEPTH_MAX + 1, false)] {
            let mut files: Vec<(String, String)> =
                (0..depth).map(|level| (format!("/{level}.props"), format!("<a><Import Project=\"{}.props\"/></a>", level + 1))).collect();
            files[0].0 = "/a.csproj".to_owned();
            files.push((format!("/{depth}.props"), "<a><PackageReference Include=\"Deep\" Version=\"1\"/></a>".to_owned()));
            let files: Vec<(&str, &[u8])> = files.iter().map(|(path, text)| (path.as_str(), text.as_bytes())).collect();
            let found = catalog(&CATALOGER, &files);
            assert_eq!(found.components.len(), usize::from(is_read), "{depth}");
            assert_eq!(found.unknowns.iter().any(|unknown| unknown.reason == TOO_MANY), !is_read, "{depth}");
        }
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
