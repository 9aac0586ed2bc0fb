//! Ruby gems: names, versions with platforms, requirements.
//!
//! Follows RubyGems' guides "Specification Reference" and "Patterns" (versions and their operators).

use component::{Component, PackageType};

use crate::ecosystems::identity::{Finder, PurlParts, is_word, purl};

/// Returns whether this can be the name of a gem.
pub(crate) fn is_name(name: &str) -> bool {
    is_word(name)
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
        && name.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Returns whether this can be a version: numbers and words between dots, the first a number.
pub(crate) fn is_version(version: &str) -> bool {
    is_word(version)
        && version.starts_with(|first: char| first.is_ascii_digit())
        && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
}

/// Splits `1.2.3-x86_64-linux` into version and platform; the platform `ruby` means any, and is none.
pub(crate) fn split_platform(text: &str) -> (&str, Option<&str>) {
    match text.split_once('-') {
        // A version has a hyphen only in front of a platform, which begins with a letter.
        Some((version, platform)) if platform.starts_with(|first: char| first.is_ascii_alphabetic()) => {
            (version, Some(platform).filter(|platform| *platform != "ruby"))
        }
        _ => (text, None),
    }
}

/// Makes the component of a gem.
pub(crate) fn component(
    finder: Finder,
    name: &str,
    version: &str,
    platform: Option<&str>,
    repository: Option<&str>,
) -> Option<Component> {
    if !is_name(name) || !is_version(version) {
        return None;
    }
    let platform = platform.filter(|platform| *platform != "ruby" && is_word(platform));
    let repository = repository.filter(|address| is_word(address));
    let qualifiers: Vec<(&str, &str)> = platform
        .map(|platform| ("platform", platform))
        .into_iter()
        .chain(repository.map(|address| ("vcs_url", address)))
        .collect();
    let mut component = finder.component(PackageType::Gem, name, Some(version));
    component.purl =
        purl(PackageType::Gem, PurlParts { namespace: None, name, version: Some(version), qualifiers: &qualifiers });
    Some(component)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_versions_and_platforms() {
        for name in ["", "1", "a b", "a/b", "#{name}"] {
            assert!(!is_name(name), "{name}");
        }
        assert!(is_name("net-http2") && is_name("RedCloth"));
        for version in ["", "a", "1 2", ">= 1", "#{version}"] {
            assert!(!is_version(version), "{version}");
        }
        for (text, expected) in [
            ("1.2.3", ("1.2.3", None)),
            ("1.2.3-x86_64-linux", ("1.2.3", Some("x86_64-linux"))),
            ("1.2.3-ruby", ("1.2.3", None)),
            ("1.0.0-1", ("1.0.0-1", None)),
        ] {
            assert_eq!(split_platform(text), expected);
        }
    }
}
