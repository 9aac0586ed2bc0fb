//! Go modules: paths, versions and the hashes in `go.sum`.

use component::{Component, Hash, PackageType};

use crate::ecosystems::digests;
use crate::ecosystems::identity::{Finder, PurlParts, is_word, purl};

/// Returns whether this can be the path of a module.
pub(crate) fn is_path(path: &str) -> bool {
    is_word(path)
        && !path.starts_with(['/', '.', '-'])
        && path.split('/').all(|part| !part.is_empty() && part != "..")
        && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~!+".contains(&byte))
}

/// Returns whether this can be the version of a module: `v1.2.3`, or a pseudo-version, or one that a tool wrote without the `v`.
pub(crate) fn is_version(version: &str) -> bool {
    is_word(version)
        && version.trim_start_matches('v').starts_with(|first: char| first.is_ascii_digit())
        && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte))
}

/// Makes the component of a module, which has no version where a folder stands for it.
pub(crate) fn component(finder: Finder, path: &str, version: Option<&str>) -> Option<Component> {
    if !is_path(path) || version.is_some_and(|version| !is_version(version)) {
        return None;
    }
    let (namespace, name) = match path.rsplit_once('/') {
        Some((namespace, name)) => (Some(namespace), name),
        None => (None, path),
    };
    let mut component = finder.component(PackageType::GoModule, path, version);
    component.purl = purl(PackageType::GoModule, PurlParts { namespace, name, version, qualifiers: &[] });
    Some(component)
}

/// Reads `h1:<base64>`: the SHA-256 of the list of the module's files and their digests.
pub(crate) fn parse_hash(text: &str) -> Option<Hash> {
    digests::from_base64("sha256", text.strip_prefix("h1:")?)
}
