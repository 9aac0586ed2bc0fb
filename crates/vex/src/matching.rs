//! Whether a name in a document is a component, or what it is in.
//!
//! Purls are compared as OpenVEX asks for ("Product matching", and package-url): the package must be the same, a version that is given must be,
//! and each qualifier that is given must agree.

use std::borrow::Cow;

use component::{Component, Distribution, HashAlgorithm, PackageType, Purl, Scheme};

use crate::image::{parse_digest, repository};
use crate::{Cpe, Identity, ImageName, Package, Place, Subject, Target};

/// Tells whether a target is the component: as itself, or as a part of what the statement is about.
pub(crate) fn is_meant(target: &Target, place: &Place<'_>) -> bool {
    let is_exactly_subject = |identity: &Identity| is_subject_by_digest(identity, place.subject);
    if is_component(&target.item, place.component, place.subject) {
        // What lies around the image itself follows from its digest.
        let around = target.within.iter().position(|outer| is_exactly_subject(outer)).unwrap_or(target.within.len());
        return target.within[..around].iter().all(|outer| is_around(outer, place));
    }
    if is_described(&target.item, place.subject) {
        return true;
    }
    target.within.is_empty() && is_around(&target.item, place) || is_exactly_subject(&target.item)
}

/// Tells whether an identity is what the component is in: the subject, a file that holds it, its module, its distribution.
fn is_around(identity: &Identity, place: &Place<'_>) -> bool {
    let Place { subject, component, containers } = place;
    let is_package = matches!(component.package_type, PackageType::Deb | PackageType::Rpm | PackageType::Apk);
    // Not of a package that says itself that it is another distribution's.
    let system = Distribution::of_package(component.purl.as_ref(), subject.distribution.as_ref());
    let around = subject.distribution_cpe.as_ref().filter(|_| !matches!(system, Some(Cow::Owned(_))));
    let is_its_distribution = |cpe: &Cpe| around.is_some_and(|ours| cpe.includes_release_of(ours));
    is_subject(identity, subject)
        || containers.iter().any(|container| is_component(identity, container, subject))
        || identity.packages.iter().any(|package| is_module(package, component))
        || is_package && identity.cpes.iter().any(is_its_distribution)
}

pub(crate) fn is_subject(identity: &Identity, subject: &Subject) -> bool {
    let is_named = |(name, version): &(String, Option<String>)| {
        *name == subject.name && version.as_ref().is_none_or(|version| subject.version.as_ref() == Some(version))
    };
    is_subject_by_digest(identity, subject)
        || identity.packages.iter().any(|package| is_subject_package(package, subject))
        || identity.serials.iter().any(|serial| subject.serials.contains(serial))
        || is_described(identity, subject)
        || identity.named.as_ref().is_some_and(is_named)
}

/// Tells whether an identity is what a document describes, by the reference that this has in the document.
fn is_described(identity: &Identity, subject: &Subject) -> bool {
    identity.elements.iter().any(|element| subject.elements.get(element) == Some(&None))
}

pub(crate) fn is_subject_by_digest(identity: &Identity, subject: &Subject) -> bool {
    let has_digest = |digest: &str| subject.digests.iter().any(|ours| ours == digest);
    let is_image = |package: &Package| {
        let digest = package.purl.version().and_then(parse_digest);
        digest.is_some_and(|digest| has_digest(&digest)) && is_subject_package(package, subject)
    };
    identity.digests.iter().any(|digest| has_digest(digest))
        || identity
            .hashes
            .iter()
            .filter_map(|hash| digest_of(hash.algorithm, &hash.hex))
            .any(|digest| has_digest(&digest))
        || identity.packages.iter().any(is_image)
}

/// Returns what the digest of a file or manifest with this hash is called.
pub(crate) fn digest_of(algorithm: HashAlgorithm, hex: &str) -> Option<String> {
    match algorithm {
        HashAlgorithm::Sha256 => Some(format!("sha256:{hex}")),
        HashAlgorithm::Sha512 => Some(format!("sha512:{hex}")),
        _ => None,
    }
}

fn is_subject_package(package: &Package, subject: &Subject) -> bool {
    let purl = &package.purl;
    if is_image(purl) && is_image_of(purl, subject) {
        return true;
    }
    subject.purls.iter().any(|ours| {
        is_same_package(purl, ours)
            && version_agrees(package, ours.ty(), ours.version())
            && purl.qualifiers().all(|(key, value)| ours.qualifier(key) == Some(value))
            && purl.subpath().is_none_or(|path| ours.subpath() == Some(path))
    })
}

/// Tells whether a purl names an image.
pub(crate) fn is_image(purl: &Purl) -> bool {
    matches!(purl.ty(), "oci" | "docker")
}

/// A digest that agrees is the image, wherever it was copied to and whatever it is called there. Without one, name, registry and tag must agree.
fn is_image_of(purl: &Purl, subject: &Subject) -> bool {
    let agrees_with_platform = ["os", "arch"].iter().all(|key| match (purl.qualifier(key), &subject.platform) {
        (Some(value), Some(platform)) => platform.split('/').any(|part| part == value),
        _ => true,
    });
    if !agrees_with_platform {
        return false;
    }
    if let Some(version) = purl.version() {
        if let Some(digest) = parse_digest(version) {
            return subject.digests.contains(&digest);
        }
        // OCI's purls have no other version. Docker's may have a tag.
        if purl.ty() == "oci" {
            return false;
        }
    }
    let tag = purl.qualifier("tag").or(purl.version());
    subject
        .images
        .iter()
        .any(|image| names_image(purl, image) && tag.is_none_or(|tag| image.tag.as_deref() == Some(tag)))
}

fn names_image(purl: &Purl, image: &ImageName) -> bool {
    let is_last = image.last_segment().eq_ignore_ascii_case(purl.name());
    let given = purl.qualifier("repository_url");
    if purl.ty() == "docker" {
        let path =
            purl.namespace().map_or_else(|| purl.name().to_owned(), |namespace| format!("{namespace}/{}", purl.name()));
        let whole = repository(&given.map_or_else(|| path.clone(), |registry| format!("{registry}/{path}")));
        return whole.as_deref() == Some(&*image.repository);
    }
    // package-url, "oci": the address holds the name, or all but the name.
    let is_registry = |given: &str| {
        let whole = format!("{given}/{}", purl.name());
        [repository(given), repository(&whole)].into_iter().flatten().any(|address| address == image.repository)
    };
    is_last && given.is_none_or(is_registry)
}

fn is_module(package: &Package, component: &Component) -> bool {
    let Some(label) = component.module.as_deref().filter(|_| package.purl.ty() == "rpmmod") else { return false };
    let Some((name, rest)) = label.split_once(':') else { return false };
    let is_begun =
        |version: &str| rest.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
    name == package.purl.name() && package.purl.version().is_none_or(is_begun)
}

/// Tells whether an identity is the component itself.
fn is_component(identity: &Identity, component: &Component, subject: &Subject) -> bool {
    let has_cpe =
        |cpe: &Cpe| component.cpes.iter().filter_map(|ours| Cpe::parse(ours).ok()).any(|ours| cpe.includes(&ours));
    let system = Distribution::of_package(component.purl.as_ref(), subject.distribution.as_ref());
    let is_element = |element| matches!(subject.elements.get(element), Some(Some(meant)) if meant == component);
    identity.packages.iter().any(|package| is_package(package, component, system.as_deref()))
        || identity.elements.iter().any(is_element)
        || identity.hashes.iter().any(|hash| component.hashes.contains(hash))
        || !component.cpes.is_empty() && identity.cpes.iter().any(has_cpe)
}

/// Tells whether a purl names a source package.
pub(crate) fn is_source(purl: &Purl) -> bool {
    matches!(purl.ty(), "rpm" | "deb" | "apk") && matches!(purl.qualifier("arch"), Some("src" | "source"))
}

fn is_package(package: &Package, component: &Component, distribution: Option<&Distribution>) -> bool {
    let (Some(ours), purl) = (&component.purl, &package.purl) else { return false };
    let is_source = is_source(purl);
    let source = component.source.as_ref().filter(|_| is_source);
    let is_same = match source {
        Some(source) => purl.ty() == ours.ty() && purl.namespace() == ours.namespace() && purl.name() == source.name,
        None => is_same_package(purl, ours),
    };
    let version =
        source.and_then(|source| source.version.as_deref()).or(component.version.as_deref()).or(ours.version());
    is_same
        && version_agrees(package, ours.ty(), version)
        && purl.subpath().is_none_or(|path| ours.subpath() == Some(path))
        && purl.qualifiers().all(|(key, value)| match key {
            "epoch" => true,
            "arch" => is_source || component.architecture.as_deref().or(ours.qualifier(key)) == Some(value),
            "distro" => ours.qualifier(key) == Some(value) || distribution.is_some_and(|one| is_release(one, value)),
            // package-url, "maven": what is not said is a jar.
            "type" if ours.ty() == "maven" => ours.qualifier(key).unwrap_or("jar") == value,
            _ => ours.qualifier(key) == Some(value),
        })
}

fn is_same_package(purl: &Purl, ours: &Purl) -> bool {
    purl.ty() == ours.ty() && purl.namespace() == ours.namespace() && purl.name() == ours.name()
}

/// `debian-12`, `alpine-3.18` for all of 3.18, and as advisories of Debian and Ubuntu have it, `bookworm` and `ubuntu/jammy`.
fn is_release(distribution: &Distribution, value: &str) -> bool {
    let version = value.strip_prefix(&*distribution.id).and_then(|rest| rest.strip_prefix(['-', '/'])).unwrap_or(value);
    let is_whole =
        |ours: &String| ours.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
    let is_prefixed = version.len() < value.len();
    distribution.codename.as_deref() == Some(version)
        || is_prefixed && distribution.version_id.as_ref().is_some_and(is_whole)
}

fn version_agrees(package: &Package, ty: &str, version: Option<&str>) -> bool {
    let purl = &package.purl;
    if let Some(range) = &package.range {
        return version.is_some_and(|version| range.contains(version) == Ok(true));
    }
    let Some(wanted) = purl.version() else { return true };
    let Some(version) = version else { return false };
    match purl.qualifier("epoch") {
        Some(epoch) if !wanted.contains(':') => is_same_version(ty, &format!("{epoch}:{wanted}"), version),
        // An epoch that is not said may be any.
        None if ty == "rpm" && !wanted.contains(':') => {
            is_same_version(ty, wanted, version.split_once(':').map_or(version, |(_, version)| version))
        }
        _ => is_same_version(ty, wanted, version),
    }
}

/// `1.0` is `1.0.0` where the ecosystem says so; not where its order leaves out what tells builds apart.
fn is_same_version(ty: &str, wanted: &str, version: &str) -> bool {
    let without_v = |text| if ty == "golang" { str::strip_prefix(text, 'v').unwrap_or(text) } else { text };
    if without_v(wanted) == without_v(version) {
        return true;
    }
    let is_exact = |scheme: &Scheme| !matches!(scheme, Scheme::Semver | Scheme::Npm | Scheme::Go | Scheme::Nuget);
    let Some(scheme) = Scheme::of_purl_type(ty).filter(is_exact) else { return false };
    scheme.compare(wanted, version).is_ok_and(std::cmp::Ordering::is_eq)
}
