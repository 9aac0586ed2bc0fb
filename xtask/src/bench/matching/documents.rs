//! The documents that every tool is asked about, and what their packages are called.
//!
//! A document names a distribution's packages in the words of every tool: what is built from which source stands in the purl for Garrison
//! and Grype, and in properties for Trivy. osv-scanner reads neither: it gets a document
//! of source packages, which the records name, and what it finds counts for each package that is built from them; in it a package of Maven has
//! its group in its name. Packages of rpm it takes from no document. Trivy calls
//! `AlmaLinux` by a name of its own.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::advisories::canonical;

/// Ecosystem, name and version; of a distribution's package the ecosystem is the kind of its packages, and an epoch is part of its version.
pub(super) type Package = (String, String, String);

/// The ecosystems of purls' types.
pub(super) const TYPES: &[(&str, &str)] = &[
    ("npm", "npm"),
    ("pypi", "PyPI"),
    ("maven", "Maven"),
    ("golang", "Go"),
    ("cargo", "crates.io"),
    ("gem", "RubyGems"),
    ("composer", "Packagist"),
    ("nuget", "NuGet"),
];

/// The kinds of distributions' packages, which are also their purls' types.
const PACKAGED: &[&str] = &["deb", "rpm", "apk"];

/// A document, and what it is of.
pub(super) struct Input {
    pub(super) name: String,
    pub(super) document: PathBuf,
    /// The document of source packages, for a tool that reads none from the other.
    pub(super) of_sources: PathBuf,
    /// How many packages that lists.
    pub(super) sources: usize,
    /// The document with distributions as Trivy calls them.
    pub(super) for_trivy: PathBuf,
    /// What is built from each of those.
    pub(super) built: BTreeMap<Package, BTreeSet<Package>>,
    /// How the document spells the names of languages' packages.
    pub(super) spelled: BTreeMap<Package, BTreeSet<String>>,
    pub(super) packages: usize,
    /// Those of a distribution.
    pub(super) installed: Vec<Installed>,
}

/// A distribution's package.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Installed {
    /// `deb`, `rpm` or `apk`.
    pub(super) ty: String,
    /// As `os-release` has it: `debian`, `12`.
    pub(super) distribution: (String, String),
    pub(super) name: String,
    pub(super) version: String,
    pub(super) architecture: String,
    pub(super) source: String,
    pub(super) source_version: String,
    /// The label of the module that it is built for: `nodejs:18:...`.
    pub(super) module: Option<String>,
}

impl Installed {
    /// Makes a package that is built from the source of its name.
    pub(super) fn alone(ty: &str, distribution: (&str, &str), name: &str, version: &str) -> Self {
        let architecture = if ty == "deb" { "amd64" } else { "x86_64" };
        Self {
            ty: ty.to_owned(),
            distribution: (distribution.0.to_owned(), distribution.1.to_owned()),
            name: name.to_owned(),
            version: version.to_owned(),
            architecture: architecture.to_owned(),
            source: name.to_owned(),
            source_version: version.to_owned(),
            module: None,
        }
    }

    /// Reads a purl with the qualifiers that Garrison, Syft and Trivy write.
    pub(super) fn parse(purl: &str) -> Option<Self> {
        let (ty, rest) = purl.strip_prefix("pkg:")?.split_once('/')?;
        if !PACKAGED.contains(&ty) {
            return None;
        }
        let (path, qualifiers) = rest.split_once('?').unwrap_or((rest, ""));
        let (path, version) = path.rsplit_once('@')?;
        let name = decode(path.rsplit('/').next()?);
        let qualifier = |name: &str| {
            let mut all = qualifiers.split('&').filter_map(|one| one.split_once('='));
            all.find(|(known, _)| *known == name).map(|(_, value)| decode(value))
        };
        let version = match qualifier("epoch") {
            Some(epoch) if epoch != "0" && !decode(version).contains(':') => format!("{epoch}:{}", decode(version)),
            _ => decode(version),
        };
        let distribution = qualifier("distro").unwrap_or_default();
        let (id, release) = distribution.rsplit_once('-').unwrap_or((&distribution, ""));
        let stated = qualifier("upstream").unwrap_or_else(|| name.clone());
        let (source, source_version) = match (ty, stated.strip_suffix(".src.rpm")) {
            // `openssl-3.0.7-18.el9_2.src.rpm` has no epoch; it is taken to be the package's.
            ("rpm", Some(label)) => {
                let mut parts = label.rsplitn(3, '-');
                let (release, upstream, source) = (parts.next()?, parts.next()?, parts.next()?);
                let (epoch, _) = split_epoch(&version);
                let epoch = if epoch == "0" { String::new() } else { format!("{epoch}:") };
                (source.to_owned(), Some(format!("{epoch}{upstream}-{release}")))
            }
            _ => match stated.split_once('@') {
                Some((source, version)) => (source.to_owned(), Some(version.to_owned())),
                None => (stated, None),
            },
        };
        Some(Self {
            ty: ty.to_owned(),
            distribution: (id.to_owned(), release.to_owned()),
            architecture: qualifier("arch").unwrap_or_default(),
            module: qualifier("rpmmod"),
            source_version: source_version.unwrap_or_else(|| version.clone()),
            name,
            version,
            source,
        })
    }

    /// Returns what it is called in answers.
    pub(super) fn package(&self) -> Package {
        (self.ty.clone(), self.name.clone(), self.version.clone())
    }

    fn source(&self) -> Self {
        Self { name: self.source.clone(), version: self.source_version.clone(), ..self.clone() }
    }

    fn component(&self, is_for_trivy: bool) -> Value {
        let Self { ty, distribution: (id, release), name, version, architecture, source, source_version, module } =
            self;
        let id = if is_for_trivy { called_by_trivy(id) } else { id };
        let (epoch, bare) = split_epoch(version);
        let mut purl = format!("pkg:{ty}/{id}/{}@", encode(name));
        purl.push_str(&encode(if ty == "rpm" { bare } else { version }));
        let _infallible = write!(purl, "?arch={architecture}&distro={id}-{release}");
        if ty == "rpm" && epoch != "0" {
            let _infallible = write!(purl, "&epoch={epoch}");
        }
        if let Some(module) = module {
            let _infallible = write!(purl, "&rpmmod={}", encode(module));
        }
        let (source_epoch, source_bare) = split_epoch(source_version);
        if source != name || source_version != version {
            let upstream = match ty.as_str() {
                "rpm" => format!("{source}-{source_bare}.src.rpm"),
                _ if source_version == version => source.clone(),
                _ => format!("{source}@{source_version}"),
            };
            let _infallible = write!(purl, "&upstream={}", encode(&upstream));
        }
        let (upstream, revision) = match source_bare.rsplit_once('-') {
            Some((upstream, revision)) if ty != "apk" => (upstream, revision),
            _ => (source_bare, ""),
        };
        let properties: Vec<Value> = [
            ("SrcName", source.as_str()),
            ("SrcVersion", upstream),
            ("SrcRelease", revision),
            ("SrcEpoch", source_epoch),
            ("Modularitylabel", module.as_deref().unwrap_or_default()),
        ]
        .into_iter()
        .filter(|(_, value)| !value.is_empty() && *value != "0")
        .map(|(name, value)| json!({"name": format!("aquasecurity:trivy:{name}"), "value": value}))
        .collect();
        json!({
            "type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl, "properties": properties,
        })
    }
}

/// Writes a document of packages: of languages by their components, of a distribution as they are installed.
pub(super) fn write(name: &str, languages: &[Value], installed: Vec<Installed>, workshop: &Path) -> Result<Input> {
    let file = name.replace([' ', '\'', ',', '`'], "-");
    let mut built: BTreeMap<Package, BTreeSet<Package>> = BTreeMap::new();
    let mut sources = BTreeSet::new();
    for one in installed.iter().filter(|one| one.ty != "rpm") {
        let asked = one.source();
        built.entry(asked.package()).or_default().insert(one.package());
        // An architecture would make one source package two.
        sources.insert(Installed { source: asked.name.clone(), source_version: asked.version.clone(), ..asked });
    }
    let release = installed.first().map(|one| one.distribution.clone());
    let write_one = |path: &Path, mut components: Vec<Value>, packaged: Vec<Value>, call: fn(&str) -> &str| {
        components.extend(packaged);
        components.sort_by_key(|component| component["purl"].as_str().map(str::to_owned));
        components.dedup();
        let count = components.len();
        if let Some((id, release)) = &release {
            components
                .insert(0, json!({"type": "operating-system", "bom-ref": "os", "name": call(id), "version": release}));
        }
        let listed = json!({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": components});
        fs::write(path, serde_json::to_vec(&listed)?)
            .with_context(|| format!("failed to write `{}`", path.display()))?;
        anyhow::Ok(count)
    };
    let path = |suffix: &str| workshop.join(format!("{file}{suffix}.cdx.json"));
    let (document, of_sources, for_trivy) = (path(""), path(".sources"), path(".trivy"));
    let listed = |is_for_trivy: bool| installed.iter().map(|one| one.component(is_for_trivy)).collect();
    let in_full: Vec<Value> = languages.iter().map(with_group).collect();
    let mut spelled: BTreeMap<Package, BTreeSet<String>> = BTreeMap::new();
    for component in &in_full {
        if let (Some(package), Some(name)) =
            (component["purl"].as_str().and_then(of_language), component["name"].as_str())
        {
            spelled.entry(package).or_default().insert(name.to_owned());
        }
    }
    let packages = write_one(&document, languages.to_vec(), listed(false), called_by_itself)?;
    let sources = sources.iter().map(|one| one.component(false)).collect();
    let sources = write_one(&of_sources, in_full, sources, called_by_itself)?;
    write_one(&for_trivy, languages.to_vec(), listed(true), called_by_trivy)?;
    Ok(Input { name: name.to_owned(), document, of_sources, sources, for_trivy, built, spelled, packages, installed })
}

/// osv-scanner holds the name of a component against that of a record, and Maven's records name the group with it.
fn with_group(component: &Value) -> Value {
    let mut component = component.clone();
    let is_of_maven = component["purl"].as_str().is_some_and(|purl| purl.starts_with("pkg:maven/"));
    if let (true, Some(fields)) = (is_of_maven, component.as_object_mut())
        && let Some(Value::String(group)) = fields.remove("group")
    {
        let name = fields.get("name").and_then(Value::as_str).unwrap_or_default();
        fields.insert("name".to_owned(), json!(format!("{group}:{name}")));
    }
    component
}

fn called_by_itself(id: &str) -> &str {
    id
}

fn called_by_trivy(id: &str) -> &str {
    if id == "almalinux" { "alma" } else { id }
}

/// Returns the component of a language's package; of an ecosystem that has no purl nothing.
pub(super) fn component((ecosystem, package, version): &Package) -> Option<Value> {
    let (ty, _) = TYPES.iter().find(|(_, known)| known == ecosystem)?;
    let path = match *ty {
        "maven" => package.replacen(':', "/", 1),
        "npm" => package.replacen('@', "%40", 1),
        "pypi" => canonical(ecosystem, package),
        _ => package.clone(),
    };
    let is_bare = *ty == "golang" && !matches!(package.as_str(), "stdlib" | "toolchain");
    let version = if is_bare { format!("v{}", version.trim_start_matches('v')) } else { version.clone() };
    let encoded = version.replace('%', "%25").replace('+', "%2B").replace('@', "%40").replace(' ', "%20");
    let purl = format!("pkg:{ty}/{path}@{encoded}");
    let mut component = json!({"type": "library", "bom-ref": purl, "name": package, "version": version, "purl": purl});
    if let (Some((group, artifact)), "maven") = (package.split_once(':'), *ty) {
        component["group"] = json!(group);
        component["name"] = json!(artifact);
    }
    Some(component)
}

/// Writes a document of languages' packages; those of other ecosystems are left out.
pub(super) fn write_languages(name: &str, packages: &[Package], workshop: &Path) -> Result<Input> {
    let components: Vec<Value> = packages.iter().filter_map(component).collect();
    write(name, &components, Vec::new(), workshop)
}

/// Returns the package of a purl that an answer has.
pub(super) fn package(purl: &str) -> Option<Package> {
    of_language(purl).or_else(|| Installed::parse(purl).map(|installed| installed.package()))
}

/// Returns the package of a language that a purl names.
pub(super) fn of_language(purl: &str) -> Option<Package> {
    let (ty, rest) = purl.strip_prefix("pkg:")?.split_once('/')?;
    let (_, ecosystem) = TYPES.iter().find(|(known, _)| *known == ty)?;
    let rest = rest.split(['?', '#']).next()?;
    let (path, version) = rest.rsplit_once('@')?;
    let path = decode(path);
    let name = match *ecosystem {
        "Maven" => path.replacen('/', ":", 1),
        _ => path,
    };
    Some(((*ecosystem).to_owned(), canonical(ecosystem, &name), bare(ecosystem, &decode(version))))
}

/// Go's versions are written with a `v` and without.
pub(super) fn bare(ecosystem: &str, version: &str) -> String {
    let version = if ecosystem == "Go" { version.strip_prefix('v').unwrap_or(version) } else { version };
    version.to_owned()
}

/// Splits `1:3.0.7-1` into the epoch, which is zero where none is stated, and the rest.
pub(super) fn split_epoch(version: &str) -> (&str, &str) {
    version.split_once(':').unwrap_or(("0", version))
}

fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for character in text.chars() {
        match character {
            '%' | '+' | '@' | ' ' | '~' | '^' | ':' | '?' | '#' | '&' => {
                let _infallible = write!(encoded, "%{:02X}", u32::from(character));
            }
            _ => encoded.push(character),
        }
    }
    encoded
}

fn decode(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        decoded.push_str(before);
        let code = after.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => decoded.push(char::from(code)),
            None => return text.to_owned(),
        }
        rest = &after[2..];
    }
    decoded + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purl_of_a_distribution_names_package_and_source() {
        let check = |purl: &str, expected: Option<(&str, &str, &str, &str)>| {
            let found = Installed::parse(purl);
            let found = found
                .as_ref()
                .map(|one| (one.name.as_str(), one.version.as_str(), one.source.as_str(), one.source_version.as_str()));
            assert_eq!(found, expected, "{purl}");
            // What is written of it is read as the same.
            if let Some(one) = Installed::parse(purl) {
                let written = one.component(false)["purl"].as_str().and_then(Installed::parse);
                assert!(written == Some(one), "{purl}");
            }
        };
        check("pkg:npm/left-pad@1.0.0", None);
        check("pkg:deb/debian/tar", None);
        check("pkg:deb/debian/tar@1.34-1?arch=amd64&distro=debian-12", Some(("tar", "1.34-1", "tar", "1.34-1")));
        check(
            "pkg:deb/debian/libc6@2:2.36-9%2Bb1?arch=amd64&distro=debian-12&upstream=glibc%402.36-8",
            Some(("libc6", "2:2.36-9+b1", "glibc", "2.36-8")),
        );
        check(
            "pkg:rpm/rocky/openssl-libs@3.0.7-18.el9_2?arch=x86_64&distro=rocky-9.2&epoch=1&upstream=openssl-3.0.7-18.el9_2.src.rpm",
            Some(("openssl-libs", "1:3.0.7-18.el9_2", "openssl", "1:3.0.7-18.el9_2")),
        );
        check(
            "pkg:rpm/rocky/nodejs@18.1-1?arch=x86_64&distro=rocky-9.2&epoch=1&rpmmod=nodejs:18:8000:abc",
            Some(("nodejs", "1:18.1-1", "nodejs", "1:18.1-1")),
        );
        check(
            "pkg:apk/alpine/libcurl@7.61.1-r3?arch=x86_64&distro=alpine-3.8.1&upstream=curl",
            Some(("libcurl", "7.61.1-r3", "curl", "7.61.1-r3")),
        );
    }
}
