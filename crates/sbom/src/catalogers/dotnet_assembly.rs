//! .NET assemblies that no list of dependencies names, by their version resources.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;

use component::{Component, PackageType, Purl, Technique};
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::extractors::executable::{EXECUTABLE, Executable, VersionInfo};
use crate::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions, View};

const NAME: &str = "dotnet-assembly";

/// Finds .NET assemblies.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: NAME,
    summary: ".NET assemblies that no deps.json names, by their version resources",
    evidence: Evidence::Installed,
    claims: &[
        Claim { pattern: Pattern::Executable, keep: Keep::Record(&EXECUTABLE) },
        Claim { pattern: Pattern::Path("**/*.deps.json"), keep: Keep::Bytes { limit_bytes: DEPS_BYTES_MAX } },
    ],
    abilities: Abilities { packages: &[PackageType::Dotnet], versions: Versions::Exact, edges: Edges::None, licenses: false, files: false, hashes: false },
    catalog,
};

/// The largest `deps.json`; the largest self-contained applications have two megabytes.
const DEPS_BYTES_MAX: u64 = 32 << 20;

/// As much of a `deps.json` as says which files it names.
#[derive(Deserialize)]
struct Dependencies {
    #[serde(default)]
    targets: HashMap<String, HashMap<String, Library>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Library {
    #[serde(default)]
    runtime: Names,
    #[serde(default)]
    resources: Names,
    #[serde(default)]
    runtime_targets: Names,
}

/// The names in an object, without what they have.
#[derive(Default)]
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visit;

        impl<'de> Visitor<'de> for Visit {
            type Value = Names;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<Names, A::Error> {
                let mut names = Names::default();
                while let Some((name, IgnoredAny)) = object.next_entry()? {
                    names.0.push(name);
                }
                Ok(names)
            }
        }
        deserializer.deserialize_map(Visit)
    }
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    let lists = named_assemblies(view);
    for file in view.files(0) {
        let Some(executable) = Executable::from_record(file.bytes()) else { continue };
        let Some(info) = executable.version_info.as_ref().filter(|_| executable.is_managed) else { continue };
        let (directory, file_name) = split(file.path());
        if is_of_framework(directory) || is_named(&lists, directory, file_name) {
            continue;
        }
        let Some(name) = assembly_name(info, file_name) else { continue };
        let mut component = Component::new(PackageType::Dotnet, name, NAME, Technique::Binary);
        component.version = version(info);
        component.purl = Purl::builder("nuget", &component.name).version(component.version.as_deref().unwrap_or_default()).build().ok();
        component.supplier = info.string("CompanyName").map(str::to_owned);
        // An assembly's name need not be the name of the package that brought it.
        component.confidence_percent = 60;
        component.locations.push(file.location());
        for (property, string) in [("dotnet:product", "ProductName"), ("dotnet:file-version", "FileVersion")] {
            if let Some(value) = info.string(string) {
                component.properties.insert(property.into(), value.to_owned());
            }
        }
        findings.add(component);
    }
}

fn split(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

/// The files that each directory's lists name, in lower case: Windows does not tell apart what they wrote.
fn named_assemblies(view: &View<'_>) -> BTreeMap<String, HashSet<String>> {
    let mut lists: BTreeMap<String, HashSet<String>> = BTreeMap::new();
    for file in view.files(1) {
        // Who reads the list itself reports that it is damaged.
        let Ok(dependencies) = serde_json::from_slice::<Dependencies>(file.bytes()) else { continue };
        let names = lists.entry(split(file.path()).0.to_owned()).or_default();
        for library in dependencies.targets.values().flat_map(HashMap::values) {
            let files = [&library.runtime, &library.resources, &library.runtime_targets].into_iter().flat_map(|names| &names.0);
            names.extend(files.map(|path| split(path).1.to_ascii_lowercase()));
        }
    }
    lists
}

/// Whether a list in the directory, or in one above it, names the file: resources and native builds lie below the list.
fn is_named(named: &BTreeMap<String, HashSet<String>>, directory: &str, name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let mut directory = directory;
    for _ in 0..ABOVE_MAX {
        if named.get(directory).is_some_and(|names| names.contains(&name)) {
            return true;
        }
        match directory.rsplit_once('/') {
            Some((above, _)) => directory = above,
            None => return false,
        }
    }
    false
}

/// `runtimes/linux-x64/lib/net8.0` is the longest way down from a list.
const ABOVE_MAX: usize = 5;

/// Whether the directory is a framework or a reference pack, whose files are no packages.
fn is_of_framework(directory: &str) -> bool {
    let parts: Vec<&str> = directory.split('/').collect();
    parts.windows(2).any(|pair| {
        (pair[0] == "shared" && (pair[1].starts_with("Microsoft.") && pair[1].ends_with(".App")))
            || (pair[0] == "packs" && pair[1].ends_with(".Ref"))
    })
}

fn assembly_name<'a>(info: &'a VersionInfo, file_name: &'a str) -> Option<&'a str> {
    let names = [info.string("InternalName"), info.string("OriginalFilename"), Some(file_name)];
    let stem = |name: &'a str| {
        let stem = [".dll", ".exe", ".DLL", ".EXE", ".bpl", ".BPL"].iter().find_map(|extension| name.strip_suffix(extension)).unwrap_or(name);
        let is_plain = !stem.is_empty() && stem.chars().all(|character| character.is_ascii_alphanumeric() || "._-".contains(character));
        is_plain.then_some(stem)
    };
    names.into_iter().flatten().find_map(stem)
}

/// The product's version without its commit is the package's version; the file's is what is left.
fn version(info: &VersionInfo) -> Option<String> {
    let plain = |text: &str| {
        let text = text.split(['+', ' ']).next().unwrap_or_default();
        let is_version = text.starts_with(|character: char| character.is_ascii_digit()) && text.contains('.');
        is_version.then(|| text.to_owned())
    };
    info.string("ProductVersion").and_then(plain).or_else(|| info.string("FileVersion").and_then(plain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extractors::executable::samples::assembly;
    use crate::testing::{catalog, render};

    fn check(files: &[(&str, &[u8])]) -> String {
        render(&catalog(&CATALOGER, files))
    }

    #[test]
    fn lists_are_looked_for_to_the_limit() {
        let named = BTreeMap::from([("/app".to_owned(), HashSet::from(["a.dll".to_owned()]))]);
        for (levels, expected) in [(ABOVE_MAX - 2, true), (ABOVE_MAX - 1, true), (ABOVE_MAX, false)] {
            assert_eq!(is_named(&named, &format!("/app{}", "/x".repeat(levels)), "A.dll"), expected, "{levels}");
        }
    }

    #[test]
    fn assemblies_by_their_resources() {
        let json = assembly(&[("CompanyName", "Newtonsoft"), ("InternalName", "Newtonsoft.Json.dll"), ("FileVersion", "13.0.3.27908"), ("ProductVersion", "13.0.3+0a2e291"), ("ProductName", "Json.NET")]);
        let bare = assembly(&[("FileVersion", "1.2.0.0"), ("ProductVersion", "internal build")]);
        insta::assert_snapshot!(check(&[("/app/Newtonsoft.Json.dll", &json), ("/app/Bare.Lib.dll", &bare)]), @r#"
        dotnet Bare.Lib@1.2.0.0 pkg:nuget/Bare.Lib@1.2.0.0 dotnet:file-version="1.2.0.0" at /app/Bare.Lib.dll
        dotnet Newtonsoft.Json@13.0.3 pkg:nuget/Newtonsoft.Json@13.0.3 supplier="Newtonsoft" dotnet:file-version="13.0.3.27908" dotnet:product="Json.NET" at /app/Newtonsoft.Json.dll
        "#);
    }

    #[test]
    fn what_lists_or_frameworks_have_is_left_to_them() {
        let library = assembly(&[("FileVersion", "1.2.0.0")]);
        let list = br#"{"targets":{".NETCoreApp,Version=v8.0":{"Lib/1.2.0":{"runtime":{"lib/net8.0/Lib.dll":{}}}}}}"#;
        let files: [(&str, &[u8]); 4] = [
            ("/app/App.deps.json", list),
            ("/app/lib.dll", &library),
            ("/usr/share/dotnet/shared/Microsoft.NETCore.App/8.0.1/System.Text.Json.dll", &library),
            ("/usr/share/dotnet/packs/Microsoft.NETCore.App.Ref/8.0.1/ref/net8.0/System.Text.Json.dll", &library),
        ];
        insta::assert_snapshot!(check(&files), @"");
    }
}
