//! What a component runs on, as far as advisories ask for it: the operating system, in the words of CPE.

use std::borrow::Cow;
use std::collections::BTreeMap;

use component::{Component, Distribution, Inventory, PackageType, Subject};

use crate::cpe::Name;

/// The name of a system of which no more is known than its kernel: os-release(5) has it as the default of `ID`.
const LINUX: &str = "linux";

/// The names of Linux's distributions in `os-release`, and as products.
const DISTRIBUTIONS: &[(&str, &str)] = &[
    ("debian", "debian:debian_linux"),
    ("ubuntu", "canonical:ubuntu_linux"),
    ("alpine", "alpinelinux:alpine_linux"),
    ("fedora", "fedoraproject:fedora"),
    ("rhel", "redhat:enterprise_linux"),
    ("centos", "centos:centos"),
    ("almalinux", "almalinux:almalinux"),
    ("rocky", "rocky:linux"),
    ("ol", "oracle:linux"),
    ("amzn", "amazon:linux"),
    ("sles", "suse:linux_enterprise_server"),
    ("opensuse-leap", "opensuse:leap"),
    ("opensuse-tumbleweed", "opensuse:tumbleweed"),
    ("arch", "archlinux:arch_linux"),
    ("gentoo", "gentoo:linux"),
];

/// The words of Go, of Rust and of CPE's `target_sw` for operating systems, and as products.
const SYSTEMS: &[(&str, &str)] = &[
    ("windows", "o:microsoft:windows"),
    ("linux", "o:linux:linux_kernel"),
    ("linux_kernel", "o:linux:linux_kernel"),
    ("darwin", "o:apple:macos"),
    ("macos", "o:apple:macos"),
    ("mac_os_x", "o:apple:macos"),
    ("mac_os", "o:apple:macos"),
    ("ios", "o:apple:iphone_os"),
    ("iphone_os", "o:apple:iphone_os"),
    ("ipados", "o:apple:iphone_os"),
    ("android", "o:google:android"),
    ("freebsd", "o:freebsd:freebsd"),
    ("openbsd", "o:openbsd:openbsd"),
    ("netbsd", "o:netbsd:netbsd"),
    ("solaris", "o:oracle:solaris"),
];

/// Returns the product of an operating system by the word that Go, Rust or CPE has for it; none for a word that is not one of
/// theirs.
pub(crate) fn find_system(word: &str) -> Option<&'static str> {
    SYSTEMS.iter().find(|(known, _)| *known == word).map(|(_, product)| *product)
}

/// Returns the products of the operating systems that a publisher of a language's advisories names.
pub(crate) fn systems(words: &[String]) -> Vec<String> {
    let product = |word: &str| find_system(word).map_or_else(|| format!("o:{word}:{word}"), str::to_owned);
    let mut products: Vec<String> = words.iter().map(|word| product(&word.to_ascii_lowercase())).collect();
    products.sort_unstable();
    products.dedup();
    products
}

/// Returns the system that an inventory is of: its distribution; of an image without one no more than what its platform says.
pub fn distribution_of(inventory: &Inventory) -> Option<Cow<'_, Distribution>> {
    if let Some(distribution) = &inventory.distribution {
        return Some(Cow::Borrowed(distribution));
    }
    let Subject::Image { platform, .. } = &inventory.subject else { return None };
    let system = platform.as_deref().and_then(|platform| platform.split('/').next()).unwrap_or(LINUX);
    Some(Cow::Owned(Distribution { id: system.to_owned(), ..Distribution::default() }))
}

/// Returns the distributions other than the inventory's that its packages are of, by their own word, with how many are of each.
pub fn other_systems(inventory: &Inventory) -> BTreeMap<Distribution, usize> {
    let around = inventory.distribution.as_ref();
    let packages = inventory.components.iter().filter(|component| is_packaged(component));
    let mut systems = BTreeMap::new();
    for component in packages {
        if let Some(Cow::Owned(system)) = Distribution::of_package(component.purl.as_ref(), around) {
            *systems.entry(system).or_default() += 1;
        }
    }
    systems
}

/// Tells whether a component is a package of a distribution.
pub(crate) fn is_packaged(component: &Component) -> bool {
    matches!(component.package_type, PackageType::Deb | PackageType::Apk | PackageType::Rpm)
}

/// Returns as much of a system as matching asks for about a component: equal for as many systems as can be, so that what was found
/// for one counts for all of them.
pub fn needed_of(distribution: &Distribution, component: &Component) -> Distribution {
    if is_packaged(component) {
        return Distribution::of_package(component.purl.as_ref(), Some(distribution))
            .map_or_else(|| distribution.clone(), Cow::into_owned);
    }
    let id = distribution.id.clone();
    if !component.cpes.is_empty() {
        return Distribution { id, cpe: distribution.cpe.clone(), ..Distribution::default() };
    }
    // The publishers of languages know kernels and no distributions.
    let is_other = matches!(id.as_str(), "windows" | "darwin" | "macos" | "freebsd" | "android");
    Distribution { id: if is_other { id } else { LINUX.to_owned() }, ..Distribution::default() }
}

/// Tells whether one of the products may be there, as far as operating systems go: of other products and of hardware nobody
/// knows. So it is also where no product is asked for, and where the system is not known.
pub(crate) fn may_have_one(products: &[String], distribution: Option<&Distribution>) -> bool {
    let Some(distribution) = distribution.filter(|_| !products.is_empty()) else { return true };
    products.iter().any(|product| may_have(product, distribution))
}

fn may_have(product: &str, distribution: &Distribution) -> bool {
    let Some(system) = product.strip_prefix("o:") else { return true };
    match distribution.id.as_str() {
        "windows" => system.starts_with("microsoft:windows"),
        "darwin" | "macos" => matches!(system, "apple:macos" | "apple:mac_os_x"),
        "freebsd" => system == "freebsd:freebsd",
        "android" => system == "google:android",
        id => {
            let own = DISTRIBUTIONS.iter().find(|(known, _)| *known == id).map(|(_, product)| *product);
            let is_stated =
                || distribution.cpe.as_deref().and_then(Name::parse).is_some_and(|name| name.product() == product);
            let is_some_linux = || DISTRIBUTIONS.iter().any(|(_, known)| *known == system);
            system == "linux:linux_kernel" || own == Some(system) || is_stated() || (id == LINUX && is_some_linux())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &str, cpe: Option<&str>) -> Distribution {
        Distribution { id: id.to_owned(), cpe: cpe.map(str::to_owned), ..Distribution::default() }
    }

    #[test]
    fn a_system_may_have_the_products_that_it_is() {
        let check = |products: &[&str], distribution: Option<Distribution>, expected: bool| {
            let owned: Vec<String> = products.iter().map(ToString::to_string).collect();
            assert_eq!(may_have_one(&owned, distribution.as_ref()), expected, "{products:?} on {distribution:?}");
        };
        let windows = "o:microsoft:windows";
        check(&[windows], Some(of("debian", None)), false);
        check(&[windows, "o:apple:macos"], Some(of("linux", None)), false);
        check(&["o:canonical:ubuntu_linux"], Some(of("debian", None)), false);
        check(&["o:cisco:ios_xe"], Some(of("alpine", None)), false);
        check(&["o:linux:linux_kernel"], Some(of("windows", None)), false);
        check(&["o:google:android"], Some(of("freebsd", None)), false);
        check(&[], Some(of("debian", None)), true);
        check(&[windows], None, true);
        check(&[windows, "o:linux:linux_kernel"], Some(of("debian", None)), true);
        check(&["o:debian:debian_linux"], Some(of("debian", None)), true);
        check(&["o:debian:debian_linux"], Some(of("linux", None)), true);
        check(&["o:x:y"], Some(of("own", Some("cpe:/o:x:y:1"))), true);
        check(&["h:intel:cpu"], Some(of("debian", None)), true);
        check(&["a:apache:tomcat"], Some(of("debian", None)), true);
        check(&["o:microsoft:windows_server_2019"], Some(of("windows", None)), true);
        check(&["o:apple:macos"], Some(of("darwin", None)), true);
    }

    #[test]
    fn words_of_languages_are_products() {
        let check = |words: &[&str], expected: &[&str]| {
            let owned: Vec<String> = words.iter().map(ToString::to_string).collect();
            assert_eq!(systems(&owned), expected, "{words:?}");
        };
        check(&[], &[]);
        check(&["windows", "Windows"], &["o:microsoft:windows"]);
        check(&["ios", "darwin"], &["o:apple:iphone_os", "o:apple:macos"]);
        check(&["js"], &["o:js:js"]);
    }

    #[test]
    fn an_image_without_a_distribution_has_the_system_of_its_platform() {
        let check = |subject: Subject, expected: Option<&str>| {
            let inventory = Inventory {
                subject,
                distribution: None,
                layers: Vec::new(),
                components: Vec::new(),
                edges: Vec::new(),
                unknowns: Vec::new(),
                created: None,
            };
            assert_eq!(distribution_of(&inventory).map(|found| found.id.clone()).as_deref(), expected);
        };
        let image = |platform: Option<&str>| Subject::Image {
            name: "x".to_owned(),
            digest: String::new(),
            platform: platform.map(str::to_owned),
        };
        check(Subject::Directory { name: "x".to_owned() }, None);
        check(image(None), Some("linux"));
        check(image(Some("linux/arm64")), Some("linux"));
        check(image(Some("windows/amd64")), Some("windows"));
    }
}
