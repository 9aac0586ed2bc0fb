use std::cmp::Ordering;
use std::collections::BTreeSet;

use component::{Component, Distribution, PackageType, Purl, Scheme, SourcePackage};

use super::DOCUMENT_KIND;
use crate::os_purl;

/// The longest kind of a component that is kept; CycloneDX's longest has 22 bytes.
const KIND_BYTES_MAX: usize = 64;

/// Returns the kind of package that a purl's type stands for.
pub(super) fn package_type(purl: &Purl) -> PackageType {
    let is_known = |candidate: &&PackageType| candidate.purl_type() == purl.ty() && purl.ty() != "generic";
    PackageType::ALL.iter().find(is_known).copied().unwrap_or(PackageType::Unknown)
}

/// What Syft calls what workflows of GitHub use. Its purls name the repository: there was no type for actions.
const ACTIONS: [&str; 2] = ["github-action", "github-action-workflow"];

/// What Syft's SPDX says of them.
const ACTION_INFO: &str = "acquired package info from GitHub Actions";

/// Tells whether a package is something that a workflow of GitHub uses, by Syft's words in SPDX.
pub(super) fn is_action_info(info: &str) -> bool {
    info.starts_with(ACTION_INFO)
}

/// Returns the purl of a package of a kind, by which advisories go: that of an action where the kind says so and the purl names its repository.
pub(super) fn purl_of_kind(purl: Purl, kind: Option<&str>) -> Purl {
    if kind.is_some_and(|kind| ACTIONS.contains(&kind)) { action(&purl).unwrap_or(purl) } else { purl }
}

/// Returns the purl of the action that is in a repository of GitHub.
pub(super) fn action(repository: &Purl) -> Option<Purl> {
    if repository.ty() != "github" {
        return None;
    }
    let mut purl = Purl::builder(ACTION_TYPE, repository.name())
        .namespace(repository.namespace().unwrap_or_default())
        .version(repository.version().unwrap_or_default())
        .subpath(repository.subpath().unwrap_or_default());
    for (key, value) in repository.qualifiers() {
        purl = purl.qualifier(key, value);
    }
    purl.build().ok()
}

/// The purl type of what workflows of GitHub use.
const ACTION_TYPE: &str = "githubactions";

/// Returns what a component's kind is called in documents of Syft, and by people.
pub(super) fn kind(component: &Component) -> &'static str {
    match &component.purl {
        Some(purl) if component.package_type == PackageType::Unknown && purl.ty() == ACTION_TYPE => {
            let is_workflow = purl.subpath().is_some_and(|path| path.starts_with(".github/workflows/"));
            ACTIONS[usize::from(is_workflow)]
        }
        _ => component.package_type.name(),
    }
}

/// Returns the name that a component with this purl has in its ecosystem.
pub(super) fn name(purl: &Purl) -> String {
    match (purl.ty(), purl.namespace()) {
        (ACTION_TYPE, Some(namespace)) => {
            let path = purl.subpath().map(|path| format!("/{path}")).unwrap_or_default();
            format!("{namespace}/{}{path}", purl.name())
        }
        (
            "npm" | "golang" | "composer" | "github" | "bitbucket" | "swift" | "huggingface" | "docker",
            Some(namespace),
        ) => {
            format!("{namespace}/{}", purl.name())
        }
        _ => purl.name().to_owned(),
    }
}

/// Keeps what a document says a component to be, where neither purl nor CPE says it and it is no package: the lockfile or the image that others are in.
pub(super) fn keep_kind(component: &mut Component, kind: Option<&str>) {
    let Some(kind) = kind.map(str::to_ascii_lowercase) else { return };
    let is_package = matches!(kind.as_str(), "" | "library" | "framework" | "install" | "other");
    let is_named =
        component.purl.is_some() || !component.cpes.is_empty() || component.package_type != PackageType::Unknown;
    if !is_package && !is_named && kind.len() <= KIND_BYTES_MAX && !kind.contains(char::is_control) {
        component.properties.insert(DOCUMENT_KIND.into(), kind);
    }
}

/// Returns the name of a component whose document splits it into group and name.
pub(super) fn joined_name(group: Option<&str>, name: &str, package_type: PackageType) -> String {
    let is_joined = matches!(package_type, PackageType::Npm | PackageType::GoModule | PackageType::PhpComposer);
    match group {
        Some(group) if is_joined && !name.contains('/') => format!("{group}/{name}"),
        _ => name.to_owned(),
    }
}

/// Returns whether packages of this kind are built by a distribution from packages of sources.
pub(super) fn is_of_distribution(package_type: PackageType) -> bool {
    matches!(package_type, PackageType::Deb | PackageType::Apk | PackageType::Rpm)
}

/// Fills in what other tools put into a purl: version, architecture, source package, epoch, module. A version beside the purl that is another one
/// than the purl's gives way to it, and is returned.
#[must_use]
pub(super) fn complete_from_purl(component: &mut Component) -> Option<String> {
    let purl = component.purl.as_ref()?;
    let of_purl = purl
        .version()
        .filter(|of_purl| !component.version.as_deref().is_some_and(|stated| is_same_version(purl, stated, of_purl)));
    let given_up = of_purl.and_then(|of_purl| component.version.replace(of_purl.to_owned()));
    if !is_of_distribution(component.package_type) {
        return given_up;
    }
    if component.architecture.is_none() {
        component.architecture = purl.qualifier("arch").map(ToOwned::to_owned);
    }
    if component.source.is_none() {
        component.source = purl.qualifier("upstream").and_then(|upstream| source(component.package_type, upstream));
    }
    if component.module.is_none() {
        component.module = purl.qualifier("rpmmod").or(purl.qualifier("modularitylabel")).map(ToOwned::to_owned);
    }
    if let (Some(version), Some(epoch)) = (&mut component.version, purl.qualifier("epoch"))
        && epoch != "0"
        && epoch.bytes().all(|byte| byte.is_ascii_digit())
        && !version.contains(':')
    {
        *version = format!("{epoch}:{version}");
    }
    drop_redundant_source(component);
    given_up
}

/// Tells whether a version that is stated beside a purl is the purl's, however either is written: `v1.0` and `1.0.0` of Composer, an RPM's with its
/// epoch.
fn is_same_version(purl: &Purl, stated: &str, of_purl: &str) -> bool {
    let Some(scheme) = Scheme::of_purl_type(purl.ty()) else { return true };
    let has_epoch_apart = scheme == Scheme::Rpm || purl.qualifier("epoch").is_some();
    let without_epoch = |version: &str| match version.split_once(':') {
        Some((_, version)) if has_epoch_apart => version.to_owned(),
        _ => scheme.version_of(purl.name(), version).into_owned(),
    };
    let (stated, of_purl) = (without_epoch(stated), without_epoch(of_purl));
    stated == of_purl || scheme.compare(&stated, &of_purl).is_ok_and(Ordering::is_eq)
}

/// A source package's version is stated only where it is its own. That its name is the package's own is kept where a document says so, but of RPMs,
/// which are never without: of others it may be that nothing says it.
pub(super) fn drop_redundant_source(component: &mut Component) {
    if let Some(source) = &mut component.source {
        let version = component.version.as_deref();
        let plain = version.filter(|_| component.package_type == PackageType::Rpm).map(without_epoch);
        if source.version.as_deref() == version || source.version.as_deref() == plain {
            source.version = None;
        }
        let is_known = component.package_type == PackageType::Rpm && source.name == component.name;
        if source.name.is_empty() || (source.version.is_none() && is_known) {
            component.source = None;
        }
    }
}

/// Says of a package for which a tool states a source package only where that has another name, as Syft does, that its source has its own.
pub(super) fn default_to_own_source(component: &mut Component) {
    let is_built = matches!(component.package_type, PackageType::Deb | PackageType::Apk);
    if is_built && component.source.is_none() {
        component.source = Some(SourcePackage { name: component.name.clone(), version: None });
    }
}

/// Tells whether Syft read a package from the database of its package manager, by its words in SPDX: `acquired package info from DPKG DB: /var/lib/dpkg/status`.
pub(super) fn is_of_syft(info: &str) -> bool {
    ["acquired package info from DPKG DB", "acquired package info from APK DB"]
        .iter()
        .any(|words| info.starts_with(words))
}

/// Returns a version as the file name of a source RPM has it, which has no epoch. That of other packages is stated with it: without one it has none,
/// as the source of Debian's `bsdutils` 1:2.38.1-5 is `util-linux` 2.38.1-5.
fn without_epoch(version: &str) -> &str {
    version.split_once(':').map_or(version, |(_, rest)| rest)
}

/// Returns the file name of the source RPM that a component was built from, where its version is one of an RPM.
pub(super) fn source_rpm_of(component: &Component) -> Option<String> {
    let source = component.source.as_ref()?;
    let version = source.version.as_deref().or(component.version.as_deref().map(without_epoch))?;
    let is_whole = version.contains('-') && !version.contains(':');
    is_whole.then(|| format!("{}-{version}.src.rpm", source.name))
}

/// Returns the `upstream` qualifier of a component of a distribution, as [`source`] reads it.
pub(super) fn upstream(component: &Component) -> Option<String> {
    let source = component.source.as_ref().filter(|_| is_of_distribution(component.package_type))?;
    let file = Some(component).filter(|component| component.package_type == PackageType::Rpm).and_then(source_rpm_of);
    Some(file.unwrap_or_else(|| os_purl::upstream(source)))
}

/// Reads `name`, `name@version`, or the file name of a source RPM.
pub(super) fn source(package_type: PackageType, text: &str) -> Option<SourcePackage> {
    if package_type == PackageType::Rpm
        && let Some(source) = source_rpm(text)
    {
        return Some(source);
    }
    let (name, version) = match text.split_once('@') {
        Some((name, version)) => (name, Some(version.to_owned())),
        None => (text, None),
    };
    (!name.is_empty()).then(|| SourcePackage { name: name.to_owned(), version })
}

/// Reads the file name of a source RPM: `openssl-3.0.7-18.el9_2.src.rpm`.
pub(super) fn source_rpm(file: &str) -> Option<SourcePackage> {
    let stem = file.strip_suffix(".src.rpm").or_else(|| file.strip_suffix(".nosrc.rpm"))?;
    let (rest, release) = stem.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    (!name.is_empty()).then(|| SourcePackage { name: name.to_owned(), version: Some(format!("{version}-{release}")) })
}

/// Reads what Trivy's SPDX says of a package of a distribution, `built package from: curl 7.88.1-10+deb12u15`. The epoch that it has of an RPM's
/// source is the binary package's.
pub(super) fn source_of_info(package_type: PackageType, text: &str) -> Option<SourcePackage> {
    let (name, version) = text.strip_prefix("built package from: ")?.trim().split_once(' ')?;
    let version = version.trim();
    let version = if package_type == PackageType::Rpm { without_epoch(version) } else { version };
    Some(SourcePackage { name: name.to_owned(), version: Some(version.to_owned()) })
}

/// Returns the operating system that the purls of packages agree on: `distro=debian-12`, or `distro=bookworm` of packages of Debian or Ubuntu.
pub(super) fn distribution(components: &[Component]) -> Option<Distribution> {
    let stated: BTreeSet<(Option<&str>, &str)> = components
        .iter()
        .filter_map(|component| {
            let purl = component.purl.as_ref()?;
            let stated = matches!(purl.ty(), "deb" | "apk" | "rpm").then(|| purl.qualifier("distro"))?;
            stated.map(|stated| (purl.namespace(), stated))
        })
        .collect();
    let (namespace, first) = *stated.first()?;
    if stated.iter().any(|(_, other)| *other != first) {
        return None;
    }
    let is_of_one = stated.len() == 1;
    Distribution::of_qualifier(namespace.filter(|_| is_of_one), first)
}

#[cfg(test)]
mod tests {
    use component::Technique;

    use super::*;

    #[test]
    fn purls_of_others_say_more_than_their_components() {
        let cases = [
            ("pkg:deb/debian/libssl3@3.0.11-1?arch=amd64&upstream=openssl", "libssl3 3.0.11-1 amd64 from openssl"),
            (
                "pkg:deb/debian/libssl3@3.0.11-1%2Bb1?arch=amd64&upstream=openssl%403.0.11-1",
                "libssl3 3.0.11-1+b1 amd64 from openssl 3.0.11-1",
            ),
            (
                "pkg:rpm/redhat/openssl-libs@3.0.7-18.el9_2?arch=x86_64&epoch=1&upstream=openssl-3.0.7-18.el9_2.src.rpm",
                "openssl-libs 1:3.0.7-18.el9_2 x86_64 from openssl",
            ),
            ("pkg:rpm/fedora/bash@5.2-1.fc40?epoch=0", "bash 5.2-1.fc40"),
            (
                "pkg:deb/debian/bsdutils@1:2.38.1-5%2Bdeb12u3?arch=amd64&upstream=util-linux%402.38.1-5%2Bdeb12u3",
                "bsdutils 1:2.38.1-5+deb12u3 amd64 from util-linux 2.38.1-5+deb12u3",
            ),
            (
                "pkg:deb/debian/bsdutils@2.38.1-5?epoch=1&upstream=util-linux%401:2.38.1-5",
                "bsdutils 1:2.38.1-5 from util-linux",
            ),
            ("pkg:deb/debian/php@2:93?upstream=php%4093", "php 2:93 from php 93"),
            ("pkg:apk/alpine/musl@1.2.5-r0?upstream=musl", "musl 1.2.5-r0 from musl"),
            ("pkg:apk/alpine/musl@1.2.5-r0", "musl 1.2.5-r0"),
            ("pkg:rpm/fedora/bash@5.2-1.fc40?upstream=bash-5.2-1.fc40.src.rpm", "bash 5.2-1.fc40"),
            ("pkg:npm/%40babel/core@7.0.0?arch=x", "@babel/core 7.0.0"),
            ("pkg:maven/org.apache/commons@1", "commons 1"),
            ("pkg:golang/github.com/a/b@v1", "github.com/a/b v1"),
            ("pkg:composer/laravel/framework@1", "laravel/framework 1"),
        ];
        for (text, expected) in cases {
            let purl: Purl = text.parse().unwrap();
            let mut component = Component::new(package_type(&purl), name(&purl), "test", Technique::Document);
            component.purl = Some(purl);
            assert_eq!(complete_from_purl(&mut component), None);
            let mut words = vec![component.name, component.version.unwrap_or_default()];
            words.extend(component.architecture);
            if let Some(source) = component.source {
                words.extend(["from".to_owned(), source.name]);
                words.extend(source.version);
            }
            assert_eq!(words.join(" "), expected, "{text}");
        }
    }

    #[test]
    fn another_version_than_the_purls_gives_way_to_it() {
        let check = |text: &str, stated: &str, expected: &str, given_up: Option<&str>| {
            let purl: Purl = text.parse().unwrap();
            let mut component = Component::new(package_type(&purl), name(&purl), "test", Technique::Document);
            component.purl = Some(purl);
            component.version = Some(stated.to_owned());
            assert_eq!(complete_from_purl(&mut component).as_deref(), given_up, "{text} {stated}");
            assert_eq!(component.version.as_deref(), Some(expected), "{text} {stated}");
        };
        let same = |text: &str, stated: &str| check(text, stated, stated, None);
        same("pkg:pypi/django", "3.2");
        same("pkg:pypi/django@3.2", "3.2.0");
        same("pkg:npm/a@1.0.0", "v1.0.0");
        same("pkg:composer/a/b@2.4.2", "v2.4.2");
        same("pkg:golang/stdlib@1.22.3", "go1.22.3");
        same("pkg:golang/example.org/a@v1.2.3", "1.2.3");
        same("pkg:deb/debian/libc6@2:2.36-9", "2:2.36-9");
        same("pkg:deb/debian/zlib1g@1.2.13-1?epoch=1", "1:1.2.13-1");
        same("pkg:rpm/redhat/openssl@3.0.7-18.el9?epoch=1", "1:3.0.7-18.el9");
        same("pkg:generic/a@1", "2");
        check("pkg:rpm/redhat/openssl@3.0.7-18.el9?epoch=1", "3.0.7-18.el9", "1:3.0.7-18.el9", None);
        check(
            "pkg:rpm/redhat/openssl@3.0.7-18.el9?epoch=1",
            "1:3.0.7-19.el9",
            "1:3.0.7-18.el9",
            Some("1:3.0.7-19.el9"),
        );
        check("pkg:pypi/django@3.2", "1", "3.2", Some("1"));
        check("pkg:pypi/django@3.2", "unknown", "3.2", Some("unknown"));
        check("pkg:deb/debian/libc6@2:2.36-9", "2.36-9", "2:2.36-9", Some("2.36-9"));
    }

    #[test]
    fn trivys_words_name_the_source_package() {
        let check = |package_type: PackageType, text: &str, expected: Option<&str>| {
            let found = source_of_info(package_type, text)
                .map(|source| format!("{}@{}", source.name, source.version.unwrap_or_default()));
            assert_eq!(found.as_deref(), expected, "{text}");
        };
        check(PackageType::Deb, "built package from: curl 7.88.1-10+deb12u15", Some("curl@7.88.1-10+deb12u15"));
        check(PackageType::Deb, "built package from: openssl 1:3.0.7-24.el9", Some("openssl@1:3.0.7-24.el9"));
        check(PackageType::Rpm, "built package from: openssl 1:3.0.7-24.el9", Some("openssl@3.0.7-24.el9"));
        check(PackageType::Deb, "built package from: curl", None);
        check(PackageType::Deb, "built package from: ", None);
        check(PackageType::Deb, "acquired package info from DPKG DB: /var/lib/dpkg/status", None);
        check(PackageType::Deb, "", None);
    }

    #[test]
    fn purls_that_agree_name_the_operating_system() {
        let cases: [(&[&str], Option<&str>); 16] = [
            (&["pkg:rpm/alma/a@1?distro=alma-9.2"], Some("almalinux 9.2")),
            (&["pkg:rpm/opensuse.leap/a@1?distro=opensuse.leap-15.5"], Some("opensuse-leap 15.5")),
            (&["pkg:deb/debian/a@1?distro=debian-12", "pkg:deb/debian/b@1?distro=debian-12"], Some("debian 12")),
            (&["pkg:deb/debian/a@1?distro=debian-12", "pkg:deb/debian/b@1?distro=debian-11"], None),
            (&["pkg:rpm/opensuse/a@1?distro=opensuse-leap-15.5"], Some("opensuse-leap 15.5")),
            (&["pkg:deb/debian/a@1?distro=bookworm", "pkg:deb/debian/b@1?distro=bookworm"], Some("debian bookworm")),
            (&["pkg:deb/ubuntu/a@1?distro=jammy"], Some("ubuntu jammy")),
            (&["pkg:deb/debian/a@1?distro=bookworm", "pkg:deb/ubuntu/b@1?distro=bookworm"], None),
            (&["pkg:deb/debian/a@1?distro=12"], Some("debian 12")),
            (&["pkg:apk/wolfi/a@1?distro=wolfi", "pkg:apk/wolfi/b@1?distro=wolfi"], Some("wolfi ")),
            (&["pkg:apk/wolfi/a@1"], None),
            (&["pkg:rpm/redhat/a@1?distro=9"], None),
            (&["pkg:deb/debian/a@1?distro=debian"], None),
            (&["pkg:deb/a@1?distro=bookworm"], None),
            (&["pkg:npm/a@1?distro=debian-12"], None),
            (&[], None),
        ];
        for (purls, expected) in cases {
            let components: Vec<_> = purls
                .iter()
                .map(|text| {
                    let mut component = Component::new(PackageType::Deb, "a", "test", Technique::Document);
                    component.purl = Some(text.parse().unwrap());
                    component
                })
                .collect();
            let found = distribution(&components)
                .map(|found| format!("{} {}", found.id, found.version_id.or(found.codename).unwrap_or_default()));
            assert_eq!(found.as_deref(), expected, "{purls:?}");
        }
    }
}
