//! Whose packages: the ecosystems of OSV's schema ("Defined ecosystems"). Of some there are no components, or nobody says whose rules order their
//! versions: what is published of them is read and kept.

use std::fmt;

use component::{Distribution, PackageType, Purl, Scheme};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Channel, Named};

pub use component::codename::{debian_number, ubuntu_number};

/// An ecosystem, and for a distribution its release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Ecosystem {
    /// Whose.
    pub family: Family,
    /// Which release of a distribution, in the words of its `os-release`: `12`, `22.04`, `3.20`. `None` when it has none, or when
    /// the publisher means all.
    pub release: Option<String>,
}

macro_rules! families {
    ($($(#[$doc:meta])* $variant:ident = $osv:literal, $scheme:expr, $named:ident;)*) => {
        /// Who publishes packages under names and versions of their own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Family {
            $($(#[$doc])* $variant,)*
        }

        impl Family {
            /// Every family, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the name in OSV's schema, as in `crates.io`.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $osv),* }
            }

            /// Returns whose rules order its versions; none where nobody says.
            pub fn scheme(self) -> Option<Scheme> {
                match self { $(Self::$variant => $scheme),* }
            }

            /// Returns what its advisories name unless they say otherwise.
            pub fn named(self) -> Named {
                match self { $(Self::$variant => Named::$named),* }
            }
        }
    };
}

families! {
    /// npm's registry.
    Npm = "npm", Some(Scheme::Npm), Binary;
    /// The Python package index.
    PyPi = "PyPI", Some(Scheme::Pep440), Binary;
    /// Maven repositories: `group:artifact`.
    Maven = "Maven", Some(Scheme::Maven), Binary;
    /// Go modules, with `stdlib` and `toolchain`.
    Go = "Go", Some(Scheme::Go), Binary;
    /// The registry of Rust's crates.
    CratesIo = "crates.io", Some(Scheme::Semver), Binary;
    /// `RubyGems`.
    RubyGems = "RubyGems", Some(Scheme::Gem), Binary;
    /// Packages of Composer.
    Packagist = "Packagist", Some(Scheme::Composer), Binary;
    /// `NuGet`.
    NuGet = "NuGet", Some(Scheme::Nuget), Binary;
    /// Packages of Erlang and Elixir.
    Hex = "Hex", Some(Scheme::Hex), Binary;
    /// Packages of Dart.
    Pub = "Pub", Some(Scheme::Pub), Binary;
    /// Swift packages, by their address.
    SwiftUrl = "SwiftURL", Some(Scheme::Semver), Binary;
    /// Actions of GitHub.
    GitHubActions = "GitHub Actions", Some(Scheme::Semver), Binary;
    /// Bitnami's builds of applications.
    Bitnami = "Bitnami", Some(Scheme::Semver), Binary;
    /// The parts of Kubernetes itself.
    Kubernetes = "Kubernetes", Some(Scheme::Semver), Binary;
    /// Debian.
    Debian = "Debian", Some(Scheme::Deb), Source;
    /// Ubuntu.
    Ubuntu = "Ubuntu", Some(Scheme::Deb), Source;
    /// Alpine.
    Alpine = "Alpine", Some(Scheme::Apk), Source;
    /// Wolfi.
    Wolfi = "Wolfi", Some(Scheme::Apk), Source;
    /// Chainguard.
    Chainguard = "Chainguard", Some(Scheme::Apk), Source;
    /// `AlmaLinux`.
    AlmaLinux = "AlmaLinux", Some(Scheme::Rpm), Binary;
    /// Rocky Linux.
    RockyLinux = "Rocky Linux", Some(Scheme::Rpm), Binary;
    /// Red Hat Enterprise Linux and what is rebuilt from it byte for byte.
    RedHat = "Red Hat", Some(Scheme::Rpm), Binary;
    /// SUSE Linux Enterprise.
    Suse = "SUSE", Some(Scheme::Rpm), Binary;
    /// `openSUSE`.
    OpenSuse = "openSUSE", Some(Scheme::Rpm), Binary;
    /// Azure Linux, formerly CBL-Mariner.
    AzureLinux = "Azure Linux", Some(Scheme::Rpm), Binary;
    /// Photon OS.
    Photon = "Photon OS", Some(Scheme::Rpm), Binary;
    /// `openEuler`.
    OpenEuler = "openEuler", Some(Scheme::Rpm), Binary;
    /// Mageia.
    Mageia = "Mageia", Some(Scheme::Rpm), Binary;
    /// Products by CPE: what is known of programs that belong to no package manager. Nobody says how their versions are ordered;
    /// Maven's rules are those that fit most makers': `1.0.2-beta1`, `1.0.2`, `1.0.2k`, and `7.2p2` after `7.2`.
    Cpe = "CPE", Some(Scheme::Maven), Binary;
    /// Packages of R.
    Cran = "CRAN", Some(Scheme::Cran), Binary;
    /// Bioconductor's packages of R.
    Bioconductor = "Bioconductor", Some(Scheme::Cran), Binary;
    /// Haskell packages.
    Hackage = "Hackage", Some(Scheme::Hackage), Binary;
    /// The parts of Haskell's compiler.
    Ghc = "GHC", Some(Scheme::Hackage), Binary;
    /// `ConanCenter`'s packages of C and C++.
    ConanCenter = "ConanCenter", Some(Scheme::Conan), Binary;
    /// Packages of Julia's General registry, whose versions are ordered by build too.
    Julia = "Julia", Some(Scheme::Pub), Binary;
    /// OCaml packages.
    Opam = "opam", Some(Scheme::Opam), Binary;
    /// Extensions of Visual Studio Code: `publisher.name`.
    VsCode = "VSCode", Some(Scheme::Semver), Binary;
    /// `BellSoft`'s Alpaquita.
    Alpaquita = "Alpaquita", Some(Scheme::Apk), Source;
    /// `BellSoft`'s hardened containers.
    BellSoft = "BellSoft Hardened Containers", Some(Scheme::Apk), Source;
    /// Minimus' `MinimOS`.
    MinimOs = "MinimOS", Some(Scheme::Apk), Source;
    /// `CleanStart`.
    CleanStart = "CleanStart", Some(Scheme::Apk), Source;
    /// Echo, which rebuilds Debian's packages.
    Echo = "Echo", Some(Scheme::Deb), Source;
    /// Docker's hardened images, whose versions are those of Alpine's or of Debian's packages, by the release.
    DockerHardened = "Docker Hardened Images", None, Binary;
    /// Root's builds of the packages of distributions and languages, whose versions are theirs, by the release.
    Root = "Root", None, Binary;
    /// `TuxCare`'s builds of what others support no more.
    TuxCare = "TuxCare", None, Binary;
    /// `FreeBSD`: its base, its kernel and its ports.
    FreeBsd = "FreeBSD", None, Binary;
    /// The kernel of Linux as its makers release it.
    Linux = "Linux", None, Binary;
    /// Android, by the repositories of its sources.
    Android = "Android", None, Binary;
    /// Projects that OSS-Fuzz tests, by tags of their repositories.
    OssFuzz = "OSS-Fuzz", None, Binary;
}

/// An ecosystem that has no place here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("nothing is known of the ecosystem `{name}`")]
pub struct UnknownEcosystem {
    /// Its name without the release.
    pub name: String,
}

impl Ecosystem {
    /// Makes an ecosystem without releases.
    pub fn new(family: Family) -> Self {
        Self { family, release: None }
    }

    /// Makes a distribution's release.
    pub fn release(family: Family, release: impl Into<String>) -> Self {
        Self { family, release: Some(release.into()) }
    }

    /// Reads a name of OSV's schema, as in `Ubuntu:Pro:22.04:LTS`, and the channel that it names.
    pub fn parse_osv(name: &str) -> Result<(Self, Channel), UnknownEcosystem> {
        let (family, rest) = name.split_once(':').map_or((name, None), |(family, rest)| (family, Some(rest)));
        let Some(family) = Family::ALL.iter().copied().find(|known| known.as_str() == family) else {
            return Err(UnknownEcosystem { name: family.to_owned() });
        };
        // Of those without an order what follows the name says what the versions are of; of languages it is an address.
        let Some(rest) = rest.filter(|_| family.is_distribution() || family.scheme().is_none()) else {
            return Ok((Self::new(family), Channel::Main));
        };
        let (release, channel) = match family {
            Family::Ubuntu => ubuntu_release(rest),
            Family::Alpine => (rest.strip_prefix('v').unwrap_or(rest).to_owned(), Channel::Main),
            Family::RedHat => (red_hat_release(rest), Channel::Main),
            Family::Suse | Family::OpenSuse => (suse_release(rest), suse_channel(rest)),
            Family::AzureLinux => (azure_release(rest), Channel::Main),
            _ => (rest.to_owned(), Channel::Main),
        };
        Ok((Self { family, release: Some(release) }, channel))
    }

    /// Returns the ecosystem whose advisories speak of a distribution's packages; none for one that nobody publishes for.
    ///
    /// Derivatives that keep a parent's packages and versions (`CentOS`) take the parent's.
    pub fn of_distribution(distribution: &Distribution) -> Option<Self> {
        let version = distribution.version_id.as_deref().unwrap_or_default();
        let major = version.split('.').next().unwrap_or_default();
        let two_parts = || version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
        let (family, release) = match distribution.id.as_str() {
            "debian" | "raspbian" => (Family::Debian, debian_release(distribution)?),
            "ubuntu" if version.is_empty() => {
                (Family::Ubuntu, ubuntu_number(distribution.codename.as_deref()?)?.to_owned())
            }
            "ubuntu" => (Family::Ubuntu, two_parts()),
            "alpine" if version.contains("_alpha") || version.is_empty() => (Family::Alpine, "edge".to_owned()),
            "alpine" => (Family::Alpine, two_parts()),
            "wolfi" => return Some(Self::new(Family::Wolfi)),
            "chainguard" => return Some(Self::new(Family::Chainguard)),
            "minimos" => return Some(Self::new(Family::MinimOs)),
            "cleanstart" => return Some(Self::new(Family::CleanStart)),
            "echo" => return Some(Self::new(Family::Echo)),
            "alpaquita" => (Family::Alpaquita, version.to_owned()),
            "bellsoft-hardened-containers" => (Family::BellSoft, version.to_owned()),
            "almalinux" => (Family::AlmaLinux, major.to_owned()),
            "rocky" => (Family::RockyLinux, major.to_owned()),
            "rhel" | "centos" | "redhat" => (Family::RedHat, major.to_owned()),
            "sles" | "sled" | "sles_sap" | "sle_hpc" => (Family::Suse, version.to_owned()),
            "opensuse-leap" => (Family::OpenSuse, version.to_owned()),
            "opensuse-tumbleweed" => (Family::OpenSuse, "tumbleweed".to_owned()),
            "azurelinux" | "mariner" => (Family::AzureLinux, two_parts()),
            "photon" => (Family::Photon, two_parts()),
            "openEuler" | "openeuler" => (Family::OpenEuler, open_euler_release(distribution)),
            "mageia" => (Family::Mageia, major.to_owned()),
            _ => return None,
        };
        (!release.is_empty()).then_some(Self { family, release: Some(release) })
    }

    /// Returns the ecosystem of a package that belongs to a language or an application, not to a distribution.
    pub fn of_package_type(package_type: PackageType) -> Option<Self> {
        Some(Self::new(match package_type {
            PackageType::Npm => Family::Npm,
            PackageType::Python => Family::PyPi,
            PackageType::JavaArchive | PackageType::JenkinsPlugin => Family::Maven,
            PackageType::GoModule => Family::Go,
            PackageType::RustCrate => Family::CratesIo,
            PackageType::Gem => Family::RubyGems,
            PackageType::PhpComposer => Family::Packagist,
            PackageType::Dotnet => Family::NuGet,
            PackageType::Deb
            | PackageType::Apk
            | PackageType::Rpm
            | PackageType::Conda
            | PackageType::Binary
            | PackageType::Unknown => return None,
        }))
    }

    /// Returns the ecosystem of a purl's type, as in `hex`; none for one that nobody publishes advisories for, and for a
    /// distribution's.
    pub fn of_purl_type(ty: &str) -> Option<Self> {
        Some(Self::new(match ty {
            "npm" => Family::Npm,
            "pypi" => Family::PyPi,
            "maven" => Family::Maven,
            "golang" => Family::Go,
            "cargo" => Family::CratesIo,
            "gem" => Family::RubyGems,
            "composer" => Family::Packagist,
            "nuget" => Family::NuGet,
            "hex" => Family::Hex,
            "pub" => Family::Pub,
            "swift" => Family::SwiftUrl,
            "githubactions" => Family::GitHubActions,
            "bitnami" => Family::Bitnami,
            "k8s" => Family::Kubernetes,
            "cran" => Family::Cran,
            "bioconductor" => Family::Bioconductor,
            "hackage" => Family::Hackage,
            "conan" => Family::ConanCenter,
            "julia" => Family::Julia,
            "opam" => Family::Opam,
            "vscode-extension" => Family::VsCode,
            _ => return None,
        }))
    }

    /// Returns the one spelling of a package's name in this ecosystem.
    pub fn canonical_name(&self, name: &str) -> String {
        match self.family {
            // PyPA, "Names and normalization".
            Family::PyPi => python_name(name),
            // CycloneDX's tool for Go calls Go's own library as Go's sources do.
            Family::Go if name == "std" => "stdlib".to_owned(),
            // Composer's, NuGet's, Hex's, Pub's, GitHub's and Visual Studio Code's registries tell no case apart. A purl has the path of a Go module in lower
            // case, so that its own case is lost where a document has no more than that; advisories have it as it is.
            Family::Packagist
            | Family::NuGet
            | Family::Go
            | Family::Hex
            | Family::Pub
            | Family::Bitnami
            | Family::VsCode
            | Family::GitHubActions => name.to_ascii_lowercase(),
            _ => name.to_owned(),
        }
    }

    /// Returns the name of a component's package in this ecosystem, from its purl: `group:artifact` for Maven, `@scope/name` for npm,
    /// the whole path for Go, `publisher.name` for Visual Studio Code.
    pub fn name_of_purl(&self, purl: &Purl) -> String {
        let separator = match self.family {
            Family::Maven => ":",
            Family::VsCode => ".",
            _ => "/",
        };
        let name = match purl.namespace() {
            Some(namespace) if !self.family.is_distribution() => format!("{namespace}{separator}{}", purl.name()),
            _ => purl.name().to_owned(),
        };
        self.canonical_name(&name)
    }
}

impl Family {
    /// Tells whether it is a distribution of an operating system.
    pub fn is_distribution(self) -> bool {
        matches!(self.scheme(), Some(Scheme::Deb | Scheme::Rpm | Scheme::Apk))
    }

    /// Tells whether it is a distribution that has releases, each with versions of its own: statements that name none of them could not be held against
    /// any package.
    pub(crate) fn has_releases(self) -> bool {
        let is_rolling = matches!(self, Self::Wolfi | Self::Chainguard | Self::MinimOs | Self::CleanStart | Self::Echo);
        self.is_distribution() && !is_rolling
    }

    /// Tells whether it is a distribution whose packages are of this kind: an image may hold those of another too.
    pub(crate) fn has_packages_of(self, package_type: PackageType) -> bool {
        matches!(
            (self.scheme(), package_type),
            (Some(Scheme::Deb), PackageType::Deb)
                | (Some(Scheme::Rpm), PackageType::Rpm)
                | (Some(Scheme::Apk), PackageType::Apk)
        )
    }
}

// By name: what was written stays what it was, whatever families there are.
impl Serialize for Family {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Family {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <&str>::deserialize(deserializer)?;
        Self::ALL
            .iter()
            .copied()
            .find(|family| family.as_str() == name)
            .ok_or_else(|| D::Error::custom("an unknown ecosystem"))
    }
}

impl fmt::Display for Ecosystem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.family.as_str())?;
        match &self.release {
            Some(release) => write!(formatter, ":{release}"),
            None => Ok(()),
        }
    }
}

/// Testing and unstable have no number in `os-release`, only a name.
/// Its advisories are of a service pack, `22.03-LTS-SP4`, of which `VERSION_ID` has no more than the month; `VERSION` is `22.03 (LTS-SP4)`.
fn open_euler_release(distribution: &Distribution) -> String {
    let month = distribution.version_id.as_deref().filter(|month| !month.is_empty());
    let pack = distribution.version.as_deref().and_then(|text| text.split_once('(')?.1.split_once(')'));
    let pack = pack.map(|(pack, _)| pack).filter(|pack| pack.starts_with("LTS"));
    month.into_iter().chain(pack.filter(|_| month.is_some())).collect::<Vec<_>>().join("-")
}

fn debian_release(distribution: &Distribution) -> Option<String> {
    let number = distribution.version_id.as_deref().and_then(|version| version.split('.').next());
    let named = || {
        let pretty = distribution.pretty_name.as_deref().unwrap_or_default();
        let codename = distribution.codename.as_deref().or_else(|| pretty.rsplit('/').next())?;
        debian_number(codename)
    };
    number.filter(|number| !number.is_empty()).or_else(named).map(str::to_owned)
}

/// `22.04:LTS`, `Pro:22.04:LTS`, `Pro:FIPS-updates:22.04:LTS`, `25.10`.
fn ubuntu_release(rest: &str) -> (String, Channel) {
    let parts: Vec<&str> = rest.split(':').collect();
    let channel = match parts.as_slice() {
        ["Pro", kind, _, ..] if kind.starts_with("FIPS") => Channel::Fips,
        ["Pro", ..] => Channel::Esm,
        _ => Channel::Main,
    };
    let release = parts.iter().find(|part| part.starts_with(|character: char| character.is_ascii_digit()));
    (release.unwrap_or(&rest).to_string(), channel)
}

/// `enterprise_linux:8::appstream` is release 8; what is extended for those who pay for it stays apart, as `rhel_eus:8.6`.
fn red_hat_release(rest: &str) -> String {
    let mut parts = rest.split(':');
    match (parts.next(), parts.next()) {
        (Some("enterprise_linux"), Some(release)) => release.split('.').next().unwrap_or(release).to_owned(),
        (Some(product), Some(release)) => format!("{product}:{release}"),
        _ => rest.to_owned(),
    }
}

/// `Linux Enterprise Server 15 SP4` is `15.4`, as `os-release` has it; `Leap 15.5` is `15.5`. Names of products have numbers too, which stand before it:
/// `Linux Enterprise Module for Python 3 15 SP6`.
fn suse_release(rest: &str) -> String {
    let words: Vec<&str> = rest.split([' ', '-']).collect();
    let Some(at) = words.iter().rposition(|word| word.starts_with(|character: char| character.is_ascii_digit())) else {
        return rest.to_ascii_lowercase();
    };
    match words.get(at + 1).and_then(|word| word.strip_prefix("SP")) {
        Some(pack) => format!("{}.{pack}", words[at]),
        None => words[at].to_owned(),
    }
}

/// What is mended of a service pack once its general support has ended is in channels of their own: `15 SP4-LTSS`, `15 SP4-ESPOS`,
/// `LTSS Extended Security 12 SP5`.
fn suse_channel(rest: &str) -> Channel {
    let is_longer = |word: &str| matches!(word, "LTSS" | "ESPOS" | "TERADATA");
    if rest.split([' ', '-']).any(is_longer) { Channel::Ltss } else { Channel::Main }
}

/// OSV has `3`, `os-release` has `3.0`.
fn azure_release(rest: &str) -> String {
    if rest.contains('.') { rest.to_owned() } else { format!("{rest}.0") }
}

fn python_name(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for part in name.split(['-', '_', '.']).filter(|part| !part.is_empty()) {
        if !normal.is_empty() {
            normal.push('-');
        }
        normal.push_str(&part.to_ascii_lowercase());
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_osv_are_read_with_their_release_and_channel() {
        let check = |name: &str, expected: &str, channel: Channel| {
            let (ecosystem, found) = Ecosystem::parse_osv(name).expect("the table's names are known");
            assert_eq!((ecosystem.to_string().as_str(), found), (expected, channel), "{name}");
        };
        check("npm", "npm", Channel::Main);
        check("Debian:12", "Debian:12", Channel::Main);
        check("Debian", "Debian", Channel::Main);
        check("Ubuntu:25.10", "Ubuntu:25.10", Channel::Main);
        check("Ubuntu:22.04:LTS", "Ubuntu:22.04", Channel::Main);
        check("Ubuntu:Pro:16.04:LTS", "Ubuntu:16.04", Channel::Esm);
        check("Ubuntu:Pro:FIPS-updates:22.04:LTS", "Ubuntu:22.04", Channel::Fips);
        check("Alpine:v3.20", "Alpine:3.20", Channel::Main);
        check("Alpine:edge", "Alpine:edge", Channel::Main);
        check("Rocky Linux:9", "Rocky Linux:9", Channel::Main);
        check("Red Hat:enterprise_linux:8::appstream", "Red Hat:8", Channel::Main);
        check("Red Hat:rhel_aus:8.6::appstream", "Red Hat:rhel_aus:8.6", Channel::Main);
        check("SUSE:Linux Enterprise Server 15 SP4", "SUSE:15.4", Channel::Main);
        check("SUSE:Linux Enterprise Server for SAP Applications 15 SP4", "SUSE:15.4", Channel::Main);
        check("SUSE:Linux Enterprise Server 12 SP5-LTSS", "SUSE:12.5", Channel::Ltss);
        check("SUSE:Linux Enterprise Server 15-LTSS", "SUSE:15", Channel::Ltss);
        check("SUSE:Linux Enterprise Server LTSS Extended Security 12 SP5", "SUSE:12.5", Channel::Ltss);
        check("SUSE:Linux Enterprise High Performance Computing 15 SP4-ESPOS", "SUSE:15.4", Channel::Ltss);
        check("SUSE:Linux Enterprise Module for Python 3 15 SP6", "SUSE:15.6", Channel::Main);
        check("SUSE:Linux Enterprise Module for Python 2 15 SP1-LTSS", "SUSE:15.1", Channel::Ltss);
        check("SUSE:Linux Enterprise Module for Web and Scripting 12", "SUSE:12", Channel::Main);
        check("SUSE:Linux Enterprise Server for SAP applications 16.0", "SUSE:16.0", Channel::Main);
        check("openSUSE:Leap 15.5", "openSUSE:15.5", Channel::Main);
        check("openSUSE:Tumbleweed", "openSUSE:tumbleweed", Channel::Main);
        check("Azure Linux:3", "Azure Linux:3.0", Channel::Main);
        check("Maven:https://repo.example/", "Maven", Channel::Main);
        check("VSCode:https://open-vsx.org", "VSCode", Channel::Main);
        check("Alpaquita:stream", "Alpaquita:stream", Channel::Main);
        check("BellSoft Hardened Containers:23", "BellSoft Hardened Containers:23", Channel::Main);
        check("Root:Alpine:3.18", "Root:Alpine:3.18", Channel::Main);
        check("Docker Hardened Images:Debian:13", "Docker Hardened Images:Debian:13", Channel::Main);
        check("FreeBSD:base:14.3", "FreeBSD:base:14.3", Channel::Main);
        check("Linux", "Linux", Channel::Main);
        let unknown = Ecosystem::parse_osv("Fruit:apple").expect_err("nobody publishes fruit");
        assert_eq!(unknown.to_string(), "nothing is known of the ecosystem `Fruit`");
    }

    #[test]
    fn openeulers_advisories_are_of_a_service_pack() {
        for (version, expected) in [
            ("22.03 (LTS-SP4)", "openEuler:22.03-LTS-SP4"),
            ("22.03 (LTS)", "openEuler:22.03-LTS"),
            ("22.03 (LTS-SP4", "openEuler:22.03"),
            ("22.03 (preview)", "openEuler:22.03"),
            ("", "openEuler:22.03"),
        ] {
            let distribution = Distribution {
                id: "openEuler".to_owned(),
                version_id: Some("22.03".to_owned()),
                version: Some(version.to_owned()),
                ..Distribution::default()
            };
            let ecosystem = Ecosystem::of_distribution(&distribution).unwrap();
            assert_eq!(ecosystem.to_string(), expected, "{version}");
            assert_eq!(
                Ecosystem::parse_osv(expected).ok().map(|(ecosystem, _)| ecosystem),
                Some(ecosystem),
                "{version}"
            );
        }
    }

    #[test]
    fn a_distribution_has_the_ecosystem_of_its_publisher() {
        let check = |id: &str, version: Option<&str>, codename: Option<&str>, expected: Option<&str>| {
            let distribution = Distribution {
                id: id.to_owned(),
                version_id: version.map(str::to_owned),
                codename: codename.map(str::to_owned),
                ..Distribution::default()
            };
            let found = Ecosystem::of_distribution(&distribution).map(|ecosystem| ecosystem.to_string());
            assert_eq!(found.as_deref(), expected, "{id} {version:?} {codename:?}");
        };
        check("debian", Some("12"), Some("bookworm"), Some("Debian:12"));
        check("debian", None, Some("trixie"), Some("Debian:13"));
        check("debian", None, None, None);
        check("ubuntu", Some("22.04"), None, Some("Ubuntu:22.04"));
        check("ubuntu", None, Some("jammy"), Some("Ubuntu:22.04"));
        check("ubuntu", None, Some("none"), None);
        check("ubuntu", None, None, None);
        check("alpine", Some("3.18.4"), None, Some("Alpine:3.18"));
        check("alpine", Some("3.21.0_alpha20240807"), None, Some("Alpine:edge"));
        check("wolfi", Some("20230201"), None, Some("Wolfi"));
        check("almalinux", Some("8.9"), None, Some("AlmaLinux:8"));
        check("centos", Some("7"), None, Some("Red Hat:7"));
        check("sles", Some("15.4"), None, Some("SUSE:15.4"));
        check("openEuler", None, None, None);
        check("openEuler", Some(""), None, None);
        check("openEuler", Some("22.03"), None, Some("openEuler:22.03"));
        check("mariner", Some("2.0"), None, Some("Azure Linux:2.0"));
        check("azurelinux", Some("3.0"), None, Some("Azure Linux:3.0"));
        check("alpaquita", Some("stream"), None, Some("Alpaquita:stream"));
        check("alpaquita", Some("23"), None, Some("Alpaquita:23"));
        check("alpaquita", None, None, None);
        check("bellsoft-hardened-containers", Some("25"), None, Some("BellSoft Hardened Containers:25"));
        check("minimos", Some("20241031"), None, Some("MinimOS"));
        check("cleanstart", None, None, Some("CleanStart"));
        check("echo", Some("1"), None, Some("Echo"));
        check("slackware", Some("15.0"), None, None);
    }

    #[test]
    fn names_have_one_spelling() {
        let check = |family: Family, name: &str, expected: &str| {
            assert_eq!(Ecosystem::new(family).canonical_name(name), expected);
        };
        check(Family::PyPi, "Zope.Interface__x", "zope-interface-x");
        check(Family::NuGet, "Newtonsoft.Json", "newtonsoft.json");
        check(Family::Packagist, "Symfony/HTTP-Kernel", "symfony/http-kernel");
        check(Family::Npm, "JSONStream", "JSONStream");
        check(Family::Go, "github.com/BurntSushi/toml", "github.com/burntsushi/toml");
        check(Family::Go, "std", "stdlib");
        check(Family::CratesIo, "std", "std");
    }

    #[test]
    fn a_purl_gives_the_name_that_advisories_use() {
        let check = |family: Family, purl: &str, expected: &str| {
            let purl: Purl = purl.parse().expect("the table's purls are valid");
            assert_eq!(Ecosystem::new(family).name_of_purl(&purl), expected);
        };
        check(
            Family::Maven,
            "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1",
            "org.apache.logging.log4j:log4j-core",
        );
        check(Family::Npm, "pkg:npm/%40babel/core@7.0.0", "@babel/core");
        check(Family::Go, "pkg:golang/golang.org/x/net@v0.1.0", "golang.org/x/net");
        check(Family::Go, "pkg:golang/github.com/BurntSushi/toml@v0.1.0", "github.com/burntsushi/toml");
        check(Family::Packagist, "pkg:composer/symfony/http-kernel@5.0.0", "symfony/http-kernel");
        check(Family::Debian, "pkg:deb/debian/openssl@3.0.0", "openssl");
        check(Family::VsCode, "pkg:vscode-extension/MS-Python/python@2024.1.0", "ms-python.python");
        check(Family::Cran, "pkg:cran/Rcpp@1.0.12", "Rcpp");
        check(Family::ConanCenter, "pkg:conan/openssl@3.0.3", "openssl");
        // What somebody builds for themselves is none of ConanCenter's.
        check(Family::ConanCenter, "pkg:conan/openssl.org/openssl@3.0.3", "openssl.org/openssl");
    }

    /// The list of OSV's own schema, `ecosystemName`.
    #[test]
    fn every_ecosystem_of_the_schema_is_read() {
        const DEFINED: &[&str] = &[
            "AlmaLinux",
            "Alpaquita",
            "Alpine",
            "Android",
            "Azure Linux",
            "BellSoft Hardened Containers",
            "Bioconductor",
            "Bitnami",
            "Chainguard",
            "CleanStart",
            "ConanCenter",
            "CRAN",
            "crates.io",
            "Debian",
            "Docker Hardened Images",
            "Echo",
            "FreeBSD",
            "GHC",
            "GitHub Actions",
            "Go",
            "Hackage",
            "Hex",
            "Julia",
            "Kubernetes",
            "Linux",
            "Mageia",
            "Maven",
            "MinimOS",
            "npm",
            "NuGet",
            "opam",
            "openEuler",
            "openSUSE",
            "OSS-Fuzz",
            "Packagist",
            "Photon OS",
            "Pub",
            "PyPI",
            "Red Hat",
            "Rocky Linux",
            "Root",
            "RubyGems",
            "SUSE",
            "SwiftURL",
            "TuxCare",
            "Ubuntu",
            "VSCode",
            "Wolfi",
        ];
        for name in DEFINED {
            assert_eq!(Ecosystem::parse_osv(name).map(|(ecosystem, _)| ecosystem.to_string()), Ok((*name).to_owned()));
        }
        assert_eq!(Family::ALL.len(), DEFINED.len() + 1, "beside products by CPE");
    }
}
