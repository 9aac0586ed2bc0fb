//! Whose advisories there are, and where their publishers have them.

use vulndb::{Ecosystem, Family};

/// What a publisher publishes.
#[derive(Debug, Clone, Copy)]
pub struct Source {
    /// The feed's name, one in a database.
    pub name: &'static str,
    /// The name of the reader that understands it.
    pub reader: &'static str,
    /// Whose it is, in a line.
    pub publisher: &'static str,
    /// Where it is: several documents are one feed. `{release}` stands for each release that is wanted, `{year}` for each year from
    /// [`FIRST_YEAR`] on.
    pub addresses: &'static [&'static str],
    /// What it speaks of; nothing means that it speaks of vulnerabilities, wherever they are.
    pub serves: &'static [Family],
    /// What it is held against beside its length.
    pub sums: Sums,
    /// Whether it is fetched without being asked for by name.
    pub by_default: bool,
}

/// The first year of which NVD has a document.
pub const FIRST_YEAR: i16 = 2002;

/// What a publisher states of its documents besides their length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sums {
    /// Nothing; what is packed has sums of its own inside.
    None,
    /// A sum in the answer itself, as Google's storage has it.
    InAnswer,
    /// A document beside each that ends in `.json.gz`, which ends in `.meta` and has the SHA-256 of what is packed (NVD).
    Meta,
}

macro_rules! osv {
    ($($name:literal $family:ident $directory:literal $publisher:literal;)+) => {
        [$(Source {
            name: $name,
            reader: "osv",
            publisher: $publisher,
            addresses: &[concat!("https://osv-vulnerabilities.storage.googleapis.com/", $directory, "/all.zip")],
            serves: &[Family::$family],
            sums: Sums::InAnswer,
            by_default: true,
        }),+]
    };
}

/// OSV's archives by ecosystem (<https://google.github.io/osv.dev/data/>).
static ARCHIVES: &[Source] = &osv! {
    "osv-npm" Npm "npm" "npm, by GitHub and OpenSSF";
    "osv-pypi" PyPi "PyPI" "PyPI, by PyPA, GitHub and OpenSSF";
    "osv-maven" Maven "Maven" "Maven, by GitHub";
    "osv-go" Go "Go" "Go, by its own team and GitHub";
    "osv-crates" CratesIo "crates.io" "crates.io, by RustSec and GitHub";
    "osv-rubygems" RubyGems "RubyGems" "RubyGems, by GitHub and OpenSSF";
    "osv-packagist" Packagist "Packagist" "Packagist, by GitHub";
    "osv-nuget" NuGet "NuGet" "NuGet, by GitHub";
    "osv-hex" Hex "Hex" "Hex, by GitHub";
    "osv-pub" Pub "Pub" "Pub, by GitHub";
    "osv-swift" SwiftUrl "SwiftURL" "Swift packages, by GitHub";
    "osv-actions" GitHubActions "GitHub%20Actions" "actions of GitHub, by GitHub";
    "osv-bitnami" Bitnami "Bitnami" "builds of applications, by Bitnami";
    "osv-kubernetes" Kubernetes "Kubernetes" "Kubernetes, by its own team";
    "osv-ubuntu" Ubuntu "Ubuntu" "Ubuntu, by Canonical";
    "osv-almalinux" AlmaLinux "AlmaLinux" "AlmaLinux, by its own team";
    "osv-rocky" RockyLinux "Rocky%20Linux" "Rocky Linux, by its own team";
    "osv-redhat" RedHat "Red%20Hat" "Red Hat Enterprise Linux, by Red Hat";
    "osv-suse" Suse "SUSE" "SUSE Linux Enterprise, by SUSE";
    "osv-opensuse" OpenSuse "openSUSE" "openSUSE, by SUSE";
    "osv-openeuler" OpenEuler "openEuler" "openEuler, by its own team";
    "osv-mageia" Mageia "Mageia" "Mageia, by its own team";
    "osv-photon" Photon "Photon%20OS" "Photon OS, by Broadcom";
    "osv-cran" Cran "CRAN" "CRAN, by the R Consortium";
    "osv-bioconductor" Bioconductor "Bioconductor" "Bioconductor, by the R Consortium";
    "osv-hackage" Hackage "Hackage" "Hackage, by Haskell's security team";
    "osv-ghc" Ghc "GHC" "the parts of Haskell's compiler, by Haskell's security team";
    "osv-julia" Julia "Julia" "Julia, by its own team";
    "osv-opam" Opam "opam" "opam, by OCaml's security team";
    "osv-vscode" VsCode "VSCode" "extensions of Visual Studio Code, by OpenSSF";
    "osv-alpaquita" Alpaquita "Alpaquita" "Alpaquita, by BellSoft";
    "osv-bellsoft" BellSoft "BellSoft%20Hardened%20Containers" "hardened containers, by BellSoft";
    "osv-minimos" MinimOs "MinimOS" "MinimOS, by Minimus";
    "osv-cleanstart" CleanStart "CleanStart" "CleanStart, by its own team";
    "osv-echo" Echo "Echo" "Echo, by its own team";
};

/// OSV's archives of what no component belongs to: who asks for a vulnerability by its name finds what they say of it.
static UNMATCHED: &[Source] = &[
    unmatched(
        "osv-linux",
        "the kernel of Linux, by its own team",
        &["https://osv-vulnerabilities.storage.googleapis.com/Linux/all.zip"],
        &[Family::Linux],
    ),
    unmatched(
        "osv-android",
        "Android, by Google",
        &["https://osv-vulnerabilities.storage.googleapis.com/Android/all.zip"],
        &[Family::Android],
    ),
    unmatched(
        "osv-oss-fuzz",
        "projects that OSS-Fuzz tests, by Google",
        &["https://osv-vulnerabilities.storage.googleapis.com/OSS-Fuzz/all.zip"],
        &[Family::OssFuzz],
    ),
];

const fn unmatched(
    name: &'static str,
    publisher: &'static str,
    addresses: &'static [&'static str],
    serves: &'static [Family],
) -> Source {
    Source { sums: Sums::InAnswer, by_default: false, ..own(name, "osv", publisher, addresses, serves) }
}

const fn own(
    name: &'static str,
    reader: &'static str,
    publisher: &'static str,
    addresses: &'static [&'static str],
    serves: &'static [Family],
) -> Source {
    Source { name, reader, publisher, addresses, serves, sums: Sums::None, by_default: true }
}

/// What publishers have themselves.
static OWN: &[Source] = &[
    own(
        "debian",
        "debian-tracker",
        "Debian's security tracker",
        &["https://security-tracker.debian.org/tracker/data/json"],
        &[Family::Debian],
    ),
    own(
        "alpine",
        "secdb",
        "Alpine's security database",
        &[
            "https://secdb.alpinelinux.org/{release}/main.json",
            "https://secdb.alpinelinux.org/{release}/community.json",
        ],
        &[Family::Alpine],
    ),
    own(
        "wolfi",
        "secdb",
        "Wolfi's security database",
        &["https://packages.wolfi.dev/os/security.json"],
        &[Family::Wolfi],
    ),
    own(
        "chainguard",
        "secdb",
        "Chainguard's security database",
        &["https://packages.cgr.dev/chainguard/security.json"],
        &[Family::Chainguard],
    ),
    own(
        "azure-linux",
        "azure-oval",
        "Microsoft's OVAL definitions of Azure Linux",
        &[
            "https://raw.githubusercontent.com/microsoft/AzureLinuxVulnerabilityData/main/azurelinux-3.0-oval.xml",
            "https://raw.githubusercontent.com/microsoft/AzureLinuxVulnerabilityData/main/cbl-mariner-2.0-oval.xml",
        ],
        &[Family::AzureLinux],
    ),
    own(
        "ruby",
        "ruby-advisory-db",
        "the Ruby community's database",
        &["https://github.com/rubysec/ruby-advisory-db/archive/refs/heads/master.tar.gz"],
        &[Family::RubyGems],
    ),
    own(
        "friendsofphp",
        "friendsofphp",
        "the PHP community's database",
        &["https://github.com/FriendsOfPHP/security-advisories/archive/refs/heads/master.tar.gz"],
        &[Family::Packagist],
    ),
    own(
        "kev",
        "kev",
        "CISA's catalogue of what is known to be exploited",
        &["https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json"],
        &[],
    ),
    own(
        "epss",
        "epss",
        "FIRST's estimates of what will be exploited",
        &["https://epss.empiricalsecurity.com/epss_scores-current.csv.gz"],
        &[],
    ),
    Source {
        sums: Sums::Meta,
        ..own(
            "nvd",
            "nvd",
            "the National Vulnerability Database, for programs of no package manager",
            &["https://nvd.nist.gov/feeds/json/cve/2.0/nvdcve-2.0-{year}.json.gz"],
            &[Family::Cpe],
        )
    },
    // The distributions themselves state hardly any severities, and are the truth of everything else.
    Source {
        sums: Sums::InAnswer,
        ..own(
            "osv-debian",
            "osv-severities",
            "how severe vulnerabilities of Debian are, by OSV",
            &["https://osv-vulnerabilities.storage.googleapis.com/Debian/all.zip"],
            &[Family::Debian],
        )
    },
    Source {
        sums: Sums::InAnswer,
        ..own(
            "osv-alpine",
            "osv-severities",
            "how severe vulnerabilities of Alpine are, by OSV",
            &["https://osv-vulnerabilities.storage.googleapis.com/Alpine/all.zip"],
            &[Family::Alpine],
        )
    },
    // OSV has the same records.
    Source {
        by_default: false,
        ..own(
            "rustsec",
            "rustsec",
            "RustSec's database",
            &["https://github.com/RustSec/advisory-db/archive/refs/heads/main.tar.gz"],
            &[Family::CratesIo],
        )
    },
    // A repository of text files, of which an archive is made each time it is asked for; OSV has Canonical's records by default.
    Source {
        by_default: false,
        ..own(
            "ubuntu-tracker",
            "ubuntu-tracker",
            "Ubuntu's CVE tracker",
            &["https://git.launchpad.net/ubuntu-cve-tracker/snapshot/ubuntu-cve-tracker-master.tar.gz"],
            &[Family::Ubuntu],
        )
    },
];

/// Returns what every publisher publishes, as far as there is a reader of it.
pub fn sources() -> impl Iterator<Item = &'static Source> {
    ARCHIVES.iter().chain(UNMATCHED).chain(OWN)
}

impl Source {
    /// Returns whether it speaks of any of some ecosystems.
    pub fn speaks_of(&self, wanted: &[Ecosystem]) -> bool {
        self.serves.is_empty() || wanted.iter().any(|ecosystem| self.serves.contains(&ecosystem.family))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_source_has_a_name_of_its_own_and_a_reader() {
        let names: BTreeSet<_> = sources().map(|source| source.name).collect();
        assert_eq!(names.len(), sources().count());
        for source in sources() {
            assert!(vulndb::readers().iter().any(|reader| reader.name == source.reader), "{}", source.name);
            for address in source.addresses {
                assert!(address.starts_with("https://"), "{address}");
            }
        }
    }

    /// What OSV's schema names and OSV has no archive of, as far as is known: records of these are read where somebody brings them.
    const WITHOUT_ARCHIVE: [Family; 5] =
        [Family::ConanCenter, Family::DockerHardened, Family::Root, Family::TuxCare, Family::FreeBsd];

    /// What a scan may ask for, somebody publishes.
    #[test]
    fn every_ecosystem_is_served() {
        // No component is of these.
        let is_unmatched = |family: &&Family| UNMATCHED.iter().any(|source| source.serves.contains(family));
        let asked = Family::ALL.iter().filter(|family| !is_unmatched(family) && !WITHOUT_ARCHIVE.contains(family));
        for family in asked {
            let wanted = [Ecosystem::new(*family)];
            let is_truth = |source: &&Source| source.by_default && source.reader != "osv-severities";
            let served = sources().filter(is_truth).filter(|source| !source.serves.is_empty());
            assert!(served.into_iter().any(|source| source.speaks_of(&wanted)), "{family:?}");
        }
    }
}
