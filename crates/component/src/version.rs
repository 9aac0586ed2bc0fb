//! The order of versions, in each ecosystem by its own rules.
//!
//! A scheme is one file, which names the document that it follows. A version is read into borrowed parts, nothing is
//! copied, and numbers are compared as text, so that no number is too large.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

pub(crate) mod apk;
pub(crate) mod composer;
pub(crate) mod conan;
mod datetime;
pub(crate) mod deb;
pub(crate) mod gem;
mod gentoo;
pub(crate) mod go;
mod hex;
mod lexicographic;
pub(crate) mod maven;
pub(crate) mod npm;
pub(crate) mod nuget;
pub(crate) mod number;
mod numbers;
mod opam;
mod openssl;
mod pacman;
pub(crate) mod pep440;
pub(crate) mod pub_semver;
pub(crate) mod rpm;
pub(crate) mod semver;

/// The longest version that is ordered, in bytes. The longest seen in advisories has about 120.
pub const VERSION_LENGTH_MAX: usize = 1024;

/// Whose rules order two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// Debian and Ubuntu packages.
    Deb,
    /// RPM packages: epoch, version and release.
    Rpm,
    /// Alpine packages.
    Apk,
    /// Python packages.
    Pep440,
    /// Semantic versioning, as Cargo and many others have it.
    Semver,
    /// npm packages: node-semver's loose reading.
    Npm,
    /// Maven artifacts.
    Maven,
    /// Ruby gems.
    Gem,
    /// Go modules.
    Go,
    /// Arch Linux packages, as pacman's libalpm orders them.
    Pacman,
    /// .NET packages.
    Nuget,
    /// PHP packages.
    Composer,
    /// Elixir and Erlang packages.
    Hex,
    /// Dart packages: semantic versions whose build metadata counts.
    Pub,
    /// C and C++ packages of Conan.
    Conan,
    /// Gentoo packages.
    Gentoo,
    /// Packages of R.
    Cran,
    /// Haskell packages.
    Hackage,
    /// OCaml packages.
    Opam,
    /// Releases of OpenSSL, with letters before 3.0.
    Openssl,
    /// Releases of nginx.
    Nginx,
    /// Numbers parted by dots, up to where anything else stands.
    Intdot,
    /// Points in time.
    Datetime,
    /// Text, byte by byte.
    Lexicographic,
}

/// A version that its scheme cannot order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{scheme} cannot order `{}`: {reason}", crate::plain(version))]
pub struct Unorderable {
    /// The scheme that was asked.
    pub scheme: Scheme,
    /// The version; of one that is too long, its beginning.
    pub version: Box<str>,
    /// What is wrong with it.
    pub reason: Reason,
}

/// Why a version cannot be ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reason {
    /// There is nothing.
    #[error("there is no version")]
    Empty,
    /// It is longer than [`VERSION_LENGTH_MAX`].
    #[error("it is {actual} bytes long, the limit is {VERSION_LENGTH_MAX}")]
    TooLong {
        /// Its length in bytes.
        actual: usize,
    },
    /// It holds a character that no version of the scheme has.
    #[error("no version holds {0:?}")]
    Character(char),
    /// It is a placeholder that something should have filled in.
    #[error("it is a placeholder")]
    Placeholder,
    /// A part of it is missing or is not what the scheme has there.
    #[error("{0}")]
    Form(&'static str),
}

/// A name that no scheme has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no version scheme `{}`", crate::plain(name))]
pub struct UnknownScheme {
    name: Box<str>,
    nearest: Option<&'static str>,
}

impl UnknownScheme {
    /// Returns the scheme's name that is most like the one given, if any is.
    pub fn nearest(&self) -> Option<&'static str> {
        self.nearest
    }
}

impl Unorderable {
    fn new(scheme: Scheme, version: &str, reason: Reason) -> Self {
        Self { scheme, version: version.chars().take(VERSION_SHOWN_MAX).collect(), reason }
    }
}

impl Scheme {
    /// All schemes.
    pub const ALL: [Self; 24] = [
        Self::Deb,
        Self::Rpm,
        Self::Apk,
        Self::Pep440,
        Self::Semver,
        Self::Npm,
        Self::Maven,
        Self::Gem,
        Self::Go,
        Self::Pacman,
        Self::Nuget,
        Self::Composer,
        Self::Hex,
        Self::Pub,
        Self::Conan,
        Self::Gentoo,
        Self::Cran,
        Self::Hackage,
        Self::Opam,
        Self::Openssl,
        Self::Nginx,
        Self::Intdot,
        Self::Datetime,
        Self::Lexicographic,
    ];

    /// Returns the scheme's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deb => "deb",
            Self::Rpm => "rpm",
            Self::Apk => "apk",
            Self::Pep440 => "pep440",
            Self::Semver => "semver",
            Self::Npm => "npm",
            Self::Maven => "maven",
            Self::Gem => "gem",
            Self::Go => "go",
            Self::Pacman => "pacman",
            Self::Nuget => "nuget",
            Self::Composer => "composer",
            Self::Hex => "hex",
            Self::Pub => "pub",
            Self::Conan => "conan",
            Self::Gentoo => "gentoo",
            Self::Cran => "cran",
            Self::Hackage => "hackage",
            Self::Opam => "opam",
            Self::Openssl => "openssl",
            Self::Nginx => "nginx",
            Self::Intdot => "intdot",
            Self::Datetime => "datetime",
            Self::Lexicographic => "lexicographic",
        }
    }

    /// Returns the other names that it goes by.
    pub const fn aliases(self) -> &'static [&'static str] {
        match self {
            Self::Deb => &["debian", "ubuntu", "dpkg"],
            Self::Rpm => &["redhat", "fedora", "suse"],
            Self::Apk => &["alpine", "wolfi", "chainguard"],
            Self::Pep440 => &["pypi", "python", "pip"],
            Self::Semver => &["cargo", "crates.io", "rust"],
            Self::Npm => &["node", "javascript"],
            Self::Maven => &["java"],
            Self::Gem => &["rubygems", "ruby"],
            Self::Go => &["golang"],
            Self::Pacman => &["alpm", "arch", "archlinux"],
            Self::Nuget => &["dotnet"],
            Self::Composer => &["packagist", "php"],
            Self::Hex => &["elixir", "erlang"],
            Self::Pub => &["dart", "flutter", "julia"],
            Self::Conan => &["conancenter"],
            Self::Gentoo => &["ebuild", "portage"],
            Self::Cran => &["r", "bioconductor"],
            Self::Hackage => &["haskell", "cabal", "ghc"],
            Self::Opam => &["ocaml"],
            Self::Datetime => &["rfc3339"],
            Self::Openssl | Self::Nginx | Self::Intdot | Self::Lexicographic => &[],
        }
    }

    /// Returns the scheme of a purl's type, such as `pypi`; none for a type whose versions have no order here.
    pub fn of_purl_type(ty: &str) -> Option<Self> {
        Some(match ty {
            "deb" => Self::Deb,
            "rpm" => Self::Rpm,
            "apk" => Self::Apk,
            "pypi" => Self::Pep440,
            "cargo" => Self::Semver,
            "npm" => Self::Npm,
            "maven" => Self::Maven,
            "gem" => Self::Gem,
            "golang" => Self::Go,
            "alpm" => Self::Pacman,
            "nuget" => Self::Nuget,
            "composer" => Self::Composer,
            "hex" => Self::Hex,
            // Julia's `VersionNumber` orders builds too.
            "pub" | "julia" => Self::Pub,
            "conan" => Self::Conan,
            "ebuild" => Self::Gentoo,
            "cran" | "bioconductor" => Self::Cran,
            "hackage" => Self::Hackage,
            "opam" => Self::Opam,
            _ => return None,
        })
    }

    /// Returns the version by which a package is ordered, of what is stated for it: a release of Go, `go1.22rc1`, is `1.22.0-rc.1`, and what
    /// follows a gem's version for a platform is no part of it. Everything else is as it is stated.
    pub fn version_of<'a>(self, package: &str, stated: &'a str) -> Cow<'a, str> {
        match self {
            Self::Go => go::release(package, stated).unwrap_or(Cow::Borrowed(stated)),
            Self::Gem => Cow::Borrowed(gem::without_platform(stated)),
            _ => Cow::Borrowed(stated),
        }
    }

    /// Orders two versions.
    pub fn compare(self, left: &str, right: &str) -> Result<Ordering, Unorderable> {
        self.parse(left)?.order(&self.parse(right)?)
    }

    fn parse(self, text: &str) -> Result<Version<'_>, Unorderable> {
        Version::parse(self, text)
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Scheme {
    type Err = UnknownScheme;

    fn from_str(text: &str) -> Result<Self, UnknownScheme> {
        let names = || {
            Self::ALL.into_iter().flat_map(|scheme| {
                std::iter::once(scheme.as_str()).chain(scheme.aliases().iter().copied()).map(move |name| (scheme, name))
            })
        };
        if let Some((scheme, _)) = names().find(|(_, name)| name.eq_ignore_ascii_case(text)) {
            return Ok(scheme);
        }
        let asked: String =
            text.chars().take(SCHEME_SHOWN_MAX).map(|character| character.to_ascii_lowercase()).collect();
        let (similarity, nearest) = names()
            .map(|(_, name)| (strsim::jaro_winkler(&asked, name), name))
            .max_by(|left, right| left.0.total_cmp(&right.0))
            .unzip();
        let nearest = nearest.filter(|_| similarity.is_some_and(|similarity| similarity > SIMILARITY_LEAST));
        Err(UnknownScheme { name: text.chars().take(SCHEME_SHOWN_MAX).collect(), nearest })
    }
}

/// From which similarity on a name may be meant by another: `mavn` and `maven` have 0.95, `nonsense` and `node` 0.77.
const SIMILARITY_LEAST: f64 = 0.8;

/// How much of an unknown scheme's name an error holds, in characters: the longest real one has nine.
const SCHEME_SHOWN_MAX: usize = 64;

/// A version that its scheme can order: for one that is compared often.
///
/// Two versions are equal when neither comes before the other, whatever their spelling: `1.0` and `1.0.0` of Maven. Of two
/// schemes none is before, after or equal, nor of two branches of a package of Composer.
#[derive(Clone, Debug)]
pub struct Version<'a> {
    scheme: Scheme,
    text: &'a str,
    pub(crate) parsed: Parsed<'a>,
}

#[derive(Clone, Debug)]
pub(crate) enum Parsed<'a> {
    Deb(deb::Deb<'a>),
    Rpm(rpm::Rpm<'a>),
    Apk(apk::Apk<'a>),
    Pep440(pep440::Pep440<'a>),
    Semver(semver::Semver<'a>),
    Maven(maven::Maven<'a>),
    Gem(gem::Gem<'a>),
    Pacman(pacman::Pacman<'a>),
    Nuget(nuget::Nuget<'a>),
    Composer(composer::Composer<'a>),
    Pub(pub_semver::Pub<'a>),
    Conan(conan::Conan<'a>),
    Gentoo(gentoo::Gentoo<'a>),
    Numbers(numbers::Numbers<'a>),
    Opam(opam::Opam<'a>),
    Openssl(openssl::Openssl<'a>),
    Datetime(datetime::Datetime<'a>),
    Lexicographic(lexicographic::Lexicographic<'a>),
}

impl<'a> Version<'a> {
    /// Reads a version by the rules of its scheme.
    pub fn parse(scheme: Scheme, text: &'a str) -> Result<Self, Unorderable> {
        let parsed = match text.len() {
            0 => Err(Reason::Empty),
            1..=VERSION_LENGTH_MAX => match scheme {
                Scheme::Deb => deb::parse(text).map(Parsed::Deb),
                Scheme::Rpm => rpm::parse(text).map(Parsed::Rpm),
                Scheme::Apk => apk::parse(text).map(Parsed::Apk),
                Scheme::Pep440 => pep440::parse(text).map(Parsed::Pep440),
                Scheme::Semver => semver::parse(text).map(Parsed::Semver),
                Scheme::Npm => npm::parse(text).map(Parsed::Semver),
                Scheme::Maven => maven::parse(text).map(Parsed::Maven),
                Scheme::Gem => gem::parse(text).map(Parsed::Gem),
                Scheme::Go => go::parse(text).map(Parsed::Semver),
                Scheme::Pacman => pacman::parse(text).map(Parsed::Pacman),
                Scheme::Nuget => nuget::parse(text).map(Parsed::Nuget),
                Scheme::Composer => composer::parse(text).map(Parsed::Composer),
                Scheme::Hex => hex::parse(text).map(Parsed::Semver),
                Scheme::Pub => pub_semver::parse(text).map(Parsed::Pub),
                Scheme::Conan => conan::parse(text).map(Parsed::Conan),
                Scheme::Gentoo => gentoo::parse(text).map(Parsed::Gentoo),
                Scheme::Cran => numbers::parse_cran(text).map(Parsed::Numbers),
                Scheme::Hackage => numbers::parse_hackage(text).map(Parsed::Numbers),
                Scheme::Opam => opam::parse(text).map(Parsed::Opam),
                Scheme::Openssl => openssl::parse(text).map(Parsed::Openssl),
                Scheme::Nginx => numbers::parse_nginx(text).map(Parsed::Numbers),
                Scheme::Intdot => numbers::parse_intdot(text).map(Parsed::Numbers),
                Scheme::Datetime => datetime::parse(text).map(Parsed::Datetime),
                Scheme::Lexicographic => lexicographic::parse(text).map(Parsed::Lexicographic),
            },
            actual => Err(Reason::TooLong { actual }),
        };
        match parsed {
            Ok(parsed) => Ok(Self { scheme, text, parsed }),
            Err(reason) => Err(Unorderable::new(scheme, text, reason)),
        }
    }

    /// Returns the same version without its epoch, which nobody knows: those of versions that it is ordered against do not count then. Only RPM's, as
    /// only the file names of its source packages leave it out.
    #[must_use]
    pub fn without_epoch(self) -> Self {
        match self.parsed {
            Parsed::Rpm(version) => Self { parsed: Parsed::Rpm(version.without_epoch()), ..self },
            _ => self,
        }
    }

    /// Returns the scheme whose rules it is read by.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Tells whether it is a branch of a package of Composer, which lies in no range.
    pub fn is_branch(&self) -> bool {
        matches!(&self.parsed, Parsed::Composer(version) if version.is_branch())
    }

    /// Orders it against a bound that a range names. For Python the local part, `+cu118`, counts only where the bound has one; for all others it
    /// is the order of versions. None where there is none.
    pub fn order_by_bound(&self, bound: &Self) -> Option<Ordering> {
        match (&self.parsed, &bound.parsed) {
            (Parsed::Pep440(own), Parsed::Pep440(bound)) if !bound.has_local() => Some(own.order_public(bound)),
            _ => self.partial_cmp(bound),
        }
    }

    /// Returns the version as it was given.
    pub fn as_str(&self) -> &'a str {
        self.text
    }

    // Only for two of one scheme.
    pub(crate) fn order(&self, other: &Self) -> Result<Ordering, Unorderable> {
        debug_assert_eq!(self.scheme, other.scheme);
        Ok(match (&self.parsed, &other.parsed) {
            (Parsed::Deb(left), Parsed::Deb(right)) => left.order(right),
            (Parsed::Rpm(left), Parsed::Rpm(right)) => left.order(right),
            (Parsed::Apk(left), Parsed::Apk(right)) => left.order(right),
            (Parsed::Pep440(left), Parsed::Pep440(right)) => left.order(right),
            (Parsed::Semver(left), Parsed::Semver(right)) => left.order(right),
            (Parsed::Maven(left), Parsed::Maven(right)) => left.order(right),
            (Parsed::Gem(left), Parsed::Gem(right)) => left.order(right),
            (Parsed::Pacman(left), Parsed::Pacman(right)) => left.order(right),
            (Parsed::Nuget(left), Parsed::Nuget(right)) => left.order(right),
            (Parsed::Composer(left), Parsed::Composer(right)) => {
                let order = left.order(right);
                return order.map_err(|reason| Unorderable::new(self.scheme, other.text, reason));
            }
            (Parsed::Pub(left), Parsed::Pub(right)) => left.order(right),
            (Parsed::Conan(left), Parsed::Conan(right)) => left.order(right),
            (Parsed::Gentoo(left), Parsed::Gentoo(right)) => left.order(right),
            (Parsed::Numbers(left), Parsed::Numbers(right)) => left.order(right),
            (Parsed::Opam(left), Parsed::Opam(right)) => left.order(right),
            (Parsed::Openssl(left), Parsed::Openssl(right)) => left.order(right),
            (Parsed::Datetime(left), Parsed::Datetime(right)) => left.order(right),
            (Parsed::Lexicographic(left), Parsed::Lexicographic(right)) => left.order(right),
            _ => Ordering::Equal,
        })
    }
}

impl PartialEq for Version<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.partial_cmp(other) == Some(Ordering::Equal)
    }
}

impl PartialOrd for Version<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        if self.scheme == other.scheme { self.order(other).ok() } else { None }
    }
}

/// How much of a version an error holds, in characters: enough to find it again.
const VERSION_SHOWN_MAX: usize = 128;

/// Refuses versions with anything but printing characters of ASCII; `${...}` and `@...@`, which builds leave behind, are
/// told apart.
fn check_printing(text: &str) -> Result<(), Reason> {
    if text.contains("${") || (text.len() > 1 && text.starts_with('@') && text.ends_with('@')) {
        return Err(Reason::Placeholder);
    }
    text.chars()
        .find(|character| !character.is_ascii_graphic())
        .map_or(Ok(()), |character| Err(Reason::Character(character)))
}
