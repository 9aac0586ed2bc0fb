//! Packages of conda: what tells one from others, and what it needs.
//!
//! Follows conda's documentation "Package metadata"; the purl is that of the purl specification's type `conda`.

use component::{Component, Hash, PackageType};

use crate::ecosystems::digests;
use crate::ecosystems::identity::{Finder, PurlParts, is_word, purl};

/// The most needs of one package; the largest metapackages have five hundred.
pub(crate) const NEEDS_MAX: usize = 10_000;

/// Hosts whose channels go by their names alone.
const HOSTS: [&str; 4] = ["conda.anaconda.org", "repo.anaconda.com", "repo.continuum.io", "repo.prefix.dev"];

/// The endings of packages' files.
pub(crate) const ENDINGS: [&str; 2] = [".conda", ".tar.bz2"];

/// What tells a package from others, as it is written.
#[derive(Debug)]
pub(crate) struct Package<'p> {
    pub(crate) name: &'p str,
    pub(crate) version: &'p str,
    pub(crate) build: Option<&'p str>,
    /// The channel's address or name.
    pub(crate) channel: Option<&'p str>,
    pub(crate) subdir: Option<&'p str>,
    pub(crate) file_name: &'p str,
}

impl Package<'_> {
    /// Returns the component; `None` without a valid name and version.
    pub(crate) fn component(&self, finder: Finder) -> Option<Component> {
        let name = Some(self.name).filter(|name| is_word(name))?.to_ascii_lowercase();
        let version = Some(self.version).filter(|version| is_word(version))?;
        let mut component = finder.component(PackageType::Conda, &name, Some(version));
        let word = |text: Option<&str>| text.filter(|text| is_word(text)).map(str::to_owned);
        let (build, subdir) = (word(self.build), word(self.subdir));
        let channel = self.channel.and_then(|address| channel(address, subdir.as_deref().unwrap_or_default()));
        let kind = ENDINGS.into_iter().find(|ending| self.file_name.ends_with(ending));
        let kind = kind.map(|ending| ending[1..].to_owned());
        let stated = [("build", &build), ("channel", &channel), ("subdir", &subdir), ("type", &kind)];
        let qualifiers: Vec<(&str, &str)> =
            stated.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?))).collect();
        let parts = PurlParts { namespace: None, name: &name, version: Some(version), qualifiers: &qualifiers };
        component.purl = purl(PackageType::Conda, parts);
        component.purl.as_ref()?;
        component.architecture = subdir;
        Some(component)
    }
}

/// Returns the digests of a package's file.
pub(crate) fn hashes(md5: Option<&str>, sha256: Option<&str>) -> Vec<Hash> {
    let digests = [("md5", md5), ("sha256", sha256)];
    digests::bounded(digests.into_iter().filter_map(|(name, digits)| digests::from_hex(name, digits?)))
}

/// Returns the name that a need begins with: `python >=3.9`, `conda-forge::numpy=1.26`.
pub(crate) fn needed(spec: &str) -> String {
    let spec = spec.rsplit_once("::").map_or(spec, |(_, spec)| spec).trim();
    let end = spec.find(|character: char| !character.is_ascii_alphanumeric() && !"._-".contains(character));
    spec[..end.unwrap_or(spec.len())].to_ascii_lowercase()
}

/// Returns what a channel is called: the path of a public one, of others the host too. Addresses may hold secrets: a name and password in front of the host,
/// and a token behind `/t/`.
fn channel(address: &str, subdir: &str) -> Option<String> {
    let (host, path) = match address.split_once("://") {
        Some(("http" | "https", rest)) => rest.split_once('/').unwrap_or((rest, "")),
        // What was built here has no channel.
        Some(_) => return None,
        None if address.starts_with(['/', '.', '<']) || address.contains(['@', '\\']) => return None,
        None => ("", address),
    };
    let host = host.rsplit('@').next().unwrap_or_default();
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if let Some(at) = parts.iter().position(|part| *part == "t") {
        parts.drain(at..(at + 2).min(parts.len()));
    }
    if parts.last() == Some(&subdir) {
        parts.pop();
    }
    let is_public = host.is_empty() || HOSTS.contains(&host);
    if is_public && parts.first() == Some(&"pkgs") {
        parts.remove(0);
    }
    if !is_public {
        parts.insert(0, host);
    }
    Some(parts.join("/")).filter(|name| is_word(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_channels_and_needs() {
        for (address, expected) in [
            ("conda-forge", Some("conda-forge")),
            ("pkgs/main", Some("main")),
            ("https://conda.anaconda.org/conda-forge/linux-64", Some("conda-forge")),
            ("https://conda.anaconda.org/conda-forge/", Some("conda-forge")),
            ("https://conda.anaconda.org/t/tk-secret/team/linux-64", Some("team")),
            ("https://user:secret@conda.example.org/api/t/secret/own/linux-64", Some("conda.example.org/api/own")),
            ("https://conda.example.org/t/secret", Some("conda.example.org")),
            ("https://conda.example.org/own?token=secret", Some("conda.example.org/own")),
            ("file:///opt/bld", None),
            ("user:secret@host/own", None),
            ("/opt/bld", None),
            ("<unknown>", None),
            ("", None),
        ] {
            assert_eq!(channel(address, "linux-64").as_deref(), expected, "{address}");
        }
        for (spec, expected) in [
            ("python >=3.9,<3.10.0a0", "python"),
            ("python", "python"),
            ("conda-forge::NumPy=1.26", "numpy"),
            ("libzlib 1.2.11 h90dfc92_1014", "libzlib"),
            ("tk[version='>=8']", "tk"),
            ("ruamel.yaml>=0.11", "ruamel.yaml"),
            ("__glibc >=2.17", "__glibc"),
            ("", ""),
        ] {
            assert_eq!(needed(spec), expected, "{spec}");
        }
    }
}
