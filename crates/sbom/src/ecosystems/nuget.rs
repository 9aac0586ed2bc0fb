//! NuGet packages: names, versions.

use component::{Component, PackageType};

use crate::ecosystems::identity::{Finder, NAME_BYTES_MAX, PurlParts, is_word, purl};

/// The largest lockfile or list of dependencies.
pub(crate) const LOCK_BYTES_MAX: u64 = 32 << 20;

/// Returns whether this can be the id of a package.
pub(crate) fn is_name(name: &str) -> bool {
    name.len() <= 128
        && is_word(name)
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
}

/// Returns whether this can be a version.
pub(crate) fn is_version(version: &str) -> bool {
    is_word(version)
        && version.starts_with(|first: char| first.is_ascii_digit())
        && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-+".contains(&byte))
}

/// Makes the component of a project of the same solution. It is no package, so that it has no purl; its file may have blanks in its name.
pub(crate) fn project(finder: Finder, name: &str) -> Option<Component> {
    let is_name =
        name.trim() == name && !name.is_empty() && name.len() <= NAME_BYTES_MAX && !name.chars().any(char::is_control);
    is_name.then(|| finder.component(PackageType::Dotnet, name, None))
}

/// Makes the component of a package.
pub(crate) fn component(finder: Finder, name: &str, version: &str) -> Option<Component> {
    if !is_name(name) || !is_version(version) {
        return None;
    }
    let mut component = finder.component(PackageType::Dotnet, name, Some(version));
    component.purl =
        purl(PackageType::Dotnet, PurlParts { namespace: None, name, version: Some(version), qualifiers: &[] });
    Some(component)
}
