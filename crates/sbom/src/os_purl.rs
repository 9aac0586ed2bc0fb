//! Package URLs of operating systems' packages, with the qualifiers that Syft, Grype and Trivy read: `arch`, `distro`, `upstream`.

use component::{Distribution, PackageType, Purl, PurlBuilder, SourcePackage};

/// The longest name or version of a package. The longest real names have 120 bytes; file systems allow 255.
pub(crate) const NAME_BYTES_MAX: usize = 512;

/// Returns a builder for the purl of a package of the distribution. `None` without one: the namespace, which says whose package it is, is required.
pub(crate) fn builder(
    package_type: PackageType,
    name: &str,
    architecture: Option<&str>,
    distribution: Option<&Distribution>,
) -> Option<PurlBuilder> {
    let distribution = distribution.filter(|distribution| !distribution.id.is_empty())?;
    let builder = Purl::builder(package_type.purl_type(), name)
        .namespace(namespace(package_type, &distribution.id))
        .qualifier("arch", architecture.unwrap_or_default());
    Some(match &distribution.version_id {
        Some(version) => builder.qualifier("distro", &format!("{}-{version}", distribution.id)),
        None => builder.qualifier("distro", &distribution.id),
    })
}

/// The vendor, as in the purls of advisories: Red Hat's packages are `redhat`, and all of openSUSE is one.
fn namespace(package_type: PackageType, id: &str) -> &str {
    match id {
        "rhel" if package_type == PackageType::Rpm => "redhat",
        _ if package_type == PackageType::Rpm && id.starts_with("opensuse") => "opensuse",
        _ => id,
    }
}

/// Returns the `upstream` qualifier: `glibc`, with a version where it is not the package's own.
pub(crate) fn upstream(source: &SourcePackage) -> String {
    match &source.version {
        Some(version) => format!("{}@{version}", source.name),
        None => source.name.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(package_type: PackageType, id: &str, version_id: Option<&str>, expected: Option<&str>) {
        let distribution =
            Distribution { id: id.to_owned(), version_id: version_id.map(str::to_owned), ..Distribution::default() };
        let purl = builder(package_type, "name", Some("x86_64"), Some(&distribution));
        let purl = purl.map(|builder| builder.version("1:2-3").build().expect("the parts are valid").to_string());
        assert_eq!(purl.as_deref(), expected);
    }

    #[test]
    fn without_a_distribution_there_is_no_purl() {
        assert!(builder(PackageType::Deb, "name", None, None).is_none());
        check(PackageType::Deb, "", None, None);
    }

    #[test]
    fn namespace_and_qualifiers_are_those_that_scanners_read() {
        let table = [
            (PackageType::Deb, "debian", Some("12"), "pkg:deb/debian/name@1:2-3?arch=x86_64&distro=debian-12"),
            (PackageType::Deb, "debian", None, "pkg:deb/debian/name@1:2-3?arch=x86_64&distro=debian"),
            (PackageType::Rpm, "rhel", Some("9.4"), "pkg:rpm/redhat/name@1:2-3?arch=x86_64&distro=rhel-9.4"),
            (
                PackageType::Rpm,
                "opensuse-leap",
                Some("15.6"),
                "pkg:rpm/opensuse/name@1:2-3?arch=x86_64&distro=opensuse-leap-15.6",
            ),
            (PackageType::Apk, "alpine", Some("3.20.1"), "pkg:apk/alpine/name@1:2-3?arch=x86_64&distro=alpine-3.20.1"),
        ];
        for (package_type, id, version_id, expected) in table {
            check(package_type, id, version_id, Some(expected));
        }
    }
}
