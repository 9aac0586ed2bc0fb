use std::collections::BTreeMap;

use component::{Distribution, Purl, PurlError, Range, RangeError, Scheme, Unorderable, Vers, VersError};
use vulndb::{Ecosystem, Family};

mod vulnerability_names;

use vulnerability_names::is_vulnerability;

/// The longest pattern.
pub const PATTERN_BYTES_MAX: usize = 1024;

/// Above every text that begins as a pattern does: the last character there is.
const LAST: char = '\u{10ffff}';

/// Which components are looked for.
///
/// A pattern is any name of a vulnerability (`CVE-2021-44228`, `DSA-5343-1`), the name of a component (`log4j-core`), with its version (`lodash@4.17.20`) or, of Maven, its group
/// (`org.apache.logging.log4j:log4j-core`), or a purl with or without a version (`pkg:maven/org.apache.logging.log4j/log4j-core`);
/// a `*` at its end stands for anything. A range is written as the component's ecosystem writes ranges, or as `vers:`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub(crate) key: Key,
    /// The least and the greatest key that match.
    pub(crate) bounds: (String, String),
    versions: Versions,
    qualifiers: Vec<(String, String)>,
    /// Only components that have this vulnerability.
    pub(crate) vulnerability: Option<String>,
    /// The whole name that is looked for: that of a component, or of a vulnerability if one is called so.
    pub(crate) name: Option<String>,
    /// Only components of this kind of package.
    package_type: Option<&'static str>,
}

/// Which versions of what a pattern names are looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Versions {
    All,
    /// That of a purl.
    One(String),
    In(Ranges),
    /// Whatever its version, what is of an ecosystem in whose notation the range is one.
    OfReaders(Ranges),
}

/// What a text means as a range, in each ecosystem in which it is one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Ranges {
    text: String,
    by_scheme: BTreeMap<Scheme, VersionRange>,
}

/// A range, as one ecosystem writes it or as all do.
#[derive(Debug, Clone, PartialEq, Eq)]
enum VersionRange {
    Own(Range),
    Vers(Vers),
}

/// The type of Python's packages in purls.
const PYPI: &str = "pypi";

/// What stands behind the name of a package of Debian where it is meant of one architecture: `libc6:amd64`.
const ARCHITECTURES: [&str; 10] =
    ["all", "amd64", "arm64", "armel", "armhf", "i386", "mips64el", "ppc64el", "riscv64", "s390x"];

/// By what a component is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Name,
    Package,
    Vulnerability,
}

/// Whether a component is one that was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    No,
    Yes,
    /// Its version has no place in the order of its scheme, or its kind has no order here.
    Unordered,
}

/// Why a pattern or range is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Nothing to look for.
    #[error("the pattern is empty; it is a name or a purl, with `*` at its end for anything")]
    Empty,
    /// Longer than [`PATTERN_BYTES_MAX`].
    #[error("the pattern is {actual} bytes, the limit is {PATTERN_BYTES_MAX}")]
    TooLong {
        /// Its length in bytes.
        actual: usize,
    },
    /// A `*` that is not at the end.
    #[error("`*` stands at the end of a pattern alone")]
    Star,
    /// It begins as a purl and is none.
    #[error("the pattern is no purl")]
    Purl(#[source] PurlError),
    /// It names a version, and a range is given too.
    #[error("version `{version}` is named, so that no range can be given")]
    VersionAndRange {
        /// The version.
        version: String,
    },
    /// It names a range behind `@`, where a version stands.
    #[error("`{range}` behind the `@` of a purl is a range, not a version")]
    RangeInPurl {
        /// What stands there.
        range: String,
    },
    /// A vulnerability has no range: its records say which versions have it.
    #[error("a vulnerability is looked for without a range; its records say which versions have it")]
    VulnerabilityAndRange,
    /// The beginning of a vulnerability's name.
    #[error("vulnerabilities are looked for by their whole names")]
    VulnerabilityPrefix,
    /// The range is not one of the purl's ecosystem, or, for a name, of any.
    #[error("the range is not understood")]
    Range(#[source] RangeProblem),
    /// The range is none of an ecosystem that has something by this name.
    #[error("what goes by this name is of `pkg:{purl_type}`, which has no such range")]
    RangeOfOthers {
        /// The purl's type of something that has the name.
        purl_type: String,
        /// Why that has no such range.
        source: RangeProblem,
    },
    /// The versions of the purl's type have no order here.
    #[error("versions of `pkg:{purl_type}` cannot be ordered, so that no range can be given")]
    NoOrder {
        /// The purl's type.
        purl_type: String,
    },
}

/// Why a text is no range of an ecosystem.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RangeProblem {
    /// It is not written as the ecosystem writes ranges.
    #[error(transparent)]
    Own(RangeError),
    /// It begins as a range of vers and is none.
    #[error(transparent)]
    Vers(VersError),
    /// It is a range of vers for another ecosystem.
    #[error("the range is of {0}")]
    Other(Scheme),
}

impl QueryError {
    /// Tells whether it is the range that is refused.
    pub fn is_of_range(&self) -> bool {
        matches!(self, Self::Range(_) | Self::RangeOfOthers { .. } | Self::NoOrder { .. })
    }

    /// Returns what to write instead.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Empty | Self::TooLong { .. } | Self::Star => {
                "write a name such as `openssl`, a beginning such as `log4j*`, or a purl such as `pkg:npm/lodash`"
            }
            Self::Purl(_) => {
                "a purl is `pkg:TYPE/NAMESPACE/NAME@VERSION`, such as `pkg:maven/org.slf4j/slf4j-api@2.0.9`"
            }
            Self::VulnerabilityAndRange => "leave out the range",
            Self::VulnerabilityPrefix => {
                "leave out the `*` and write the whole name; `garrison findings list` lists the vulnerabilities that there are"
            }
            Self::RangeInPurl { .. } => {
                "leave the version out of the purl, and give the range by itself: `garrison find pkg:npm/lodash '>=4, <5'`"
            }
            Self::VersionAndRange { .. } => "leave out the version or the range",
            Self::Range(_) | Self::RangeOfOthers { .. } => {
                "a range is written as the component's ecosystem writes it, `<2.17.1`, `>=1.2, <2` or `[1.0,2.0)`, or for one of them as `vers:npm/<2.17.1`"
            }
            Self::NoOrder { .. } => "leave out the range; a version behind `@` finds that version alone",
        }
    }
}

impl Query {
    /// Reads a pattern and a range.
    pub fn parse(pattern: &str, range: Option<&str>) -> Result<Self, QueryError> {
        let pattern = pattern.trim();
        if pattern.is_empty() || pattern == "*" {
            return Err(QueryError::Empty);
        }
        if pattern.len() > PATTERN_BYTES_MAX {
            return Err(QueryError::TooLong { actual: pattern.len() });
        }
        let (text, is_prefix) = pattern.strip_suffix('*').map_or((pattern, false), |text| (text, true));
        if text.contains('*') {
            return Err(QueryError::Star);
        }
        let range = range.map(str::trim).filter(|range| !range.is_empty());
        let is_purl = text.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case("pkg:"));
        let mut query = Self {
            key: if is_purl { Key::Package } else { Key::Name },
            bounds: bounds(text, is_prefix),
            versions: Versions::All,
            qualifiers: Vec::new(),
            vulnerability: None,
            name: (!is_purl && !is_prefix && range.is_none()).then(|| text.to_owned()),
            package_type: None,
        };
        if is_vulnerability(&query.bounds.0) {
            if is_prefix {
                return Err(QueryError::VulnerabilityPrefix);
            }
            if range.is_some() {
                return Err(QueryError::VulnerabilityAndRange);
            }
            return Self::vulnerability(text);
        }
        if !is_purl && !is_prefix {
            if let Some(purl) = of_maven(text) {
                return Self::of_purl(&purl, range);
            }
            if let Some((name, version)) = name_and_version(text) {
                if range.is_some() {
                    return Err(QueryError::VersionAndRange { version: version.to_owned() });
                }
                return Ok(Self {
                    bounds: bounds(name, false),
                    versions: Versions::One(version.to_owned()),
                    name: None,
                    ..query
                });
            }
        }
        if !is_purl {
            query.versions = range.map_or(Ok(Versions::All), |range| Ranges::of_any(range).map(Versions::In))?;
            return Ok(query);
        }
        if let Some(range) = range_in_purl(text, is_prefix) {
            return Err(QueryError::RangeInPurl { range });
        }
        if is_prefix {
            let (purl_type, rest) = text[4..].split_once('/').unwrap_or((&text[4..], ""));
            let purl_type = purl_type.to_ascii_lowercase();
            let beginning = match &*purl_type {
                PYPI => format!("pkg:{PYPI}/{}", python_beginning(rest)),
                _ => Purl::canonical_beginning(text),
            };
            query.bounds = bounds(&beginning, true);
            query.versions =
                range.map_or(Ok(Versions::All), |range| Ranges::of(&purl_type, range).map(Versions::In))?;
            return Ok(query);
        }
        Self::of_purl(&text.parse().map_err(QueryError::Purl)?, range)
    }

    /// Looks for a package, in the version that its purl names or in those of a range.
    fn of_purl(purl: &Purl, range: Option<&str>) -> Result<Self, QueryError> {
        let versions = match (purl.version(), range) {
            (Some(version), Some(_)) => return Err(QueryError::VersionAndRange { version: version.to_owned() }),
            (Some(version), None) => Versions::One(with_epoch(purl, version)),
            (None, Some(range)) => Versions::In(Ranges::of(purl.ty(), range)?),
            (None, None) => Versions::All,
        };
        Ok(Self {
            key: Key::Package,
            bounds: bounds(&package_key(purl), false),
            versions,
            qualifiers: purl.qualifiers().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
            vulnerability: None,
            name: None,
            package_type: None,
        })
    }

    /// Looks for what has a vulnerability, by any of its names.
    ///
    /// # Errors
    /// For a name that is empty or longer than [`PATTERN_BYTES_MAX`].
    pub fn vulnerability(name: &str) -> Result<Self, QueryError> {
        if name.is_empty() {
            return Err(QueryError::Empty);
        }
        if name.len() > PATTERN_BYTES_MAX {
            return Err(QueryError::TooLong { actual: name.len() });
        }
        Ok(Self {
            key: Key::Vulnerability,
            bounds: (String::new(), LAST.to_string()),
            versions: Versions::All,
            qualifiers: Vec::new(),
            vulnerability: Some(name.to_owned()),
            name: None,
            package_type: None,
        })
    }

    /// Returns the queries whose answers are those of this one together, those of the least keys first: packages of Python have the one name that
    /// their index knows them by, however they call themselves.
    pub(crate) fn spellings(&self) -> Vec<Self> {
        let mut spellings = vec![self.clone()];
        let (least, greatest) = &self.bounds;
        let is_prefix = least != greatest;
        let normal = if is_prefix { python_beginning(least) } else { python_name(least) };
        // A beginning within another one is no other spelling.
        let is_other =
            normal != *least && !(is_prefix && (least.starts_with(&normal) || normal.starts_with(least.as_str())));
        if self.key == Key::Name && is_other {
            spellings.push(Self { bounds: bounds(&normal, is_prefix), package_type: Some(PYPI), ..self.clone() });
            spellings.sort_by(|left, right| left.bounds.cmp(&right.bounds));
        }
        spellings
    }

    /// Tells whether a vulnerability is looked for.
    pub fn is_of_vulnerability(&self) -> bool {
        self.vulnerability.is_some()
    }

    /// Tells whether a whole name is looked for, in whatever version.
    pub fn is_of_whole_name(&self) -> bool {
        self.name.is_some()
    }

    /// Returns what tells why a query with a range finds nothing: the same for any version of what is of an ecosystem that has such a range, and for
    /// any version of all that goes by the name. None without a range.
    pub(crate) fn of_readers_and_of_all(&self) -> Option<(Self, Self)> {
        let Versions::In(ranges) = &self.versions else { return None };
        let with = |versions| Self { versions, ..self.clone() };
        Some((with(Versions::OfReaders(ranges.clone())), with(Versions::All)))
    }

    /// Returns why the range is none of a purl's type, if it is none.
    pub(crate) fn refusal(&self, purl_type: &str) -> Option<QueryError> {
        let Versions::In(ranges) = &self.versions else { return None };
        let source = VersionRange::parse(Scheme::of_purl_type(purl_type)?, &ranges.text).err()?;
        Some(QueryError::RangeOfOthers { purl_type: purl_type.to_owned(), source })
    }

    /// Decides about a component whose key lies within the bounds.
    pub(crate) fn verdict(&self, purl_type: &str, (name, identity): (&str, &str), version: &str) -> Verdict {
        if self.package_type.is_some_and(|only| only != purl_type) {
            return Verdict::No;
        }
        let scheme = Scheme::of_purl_type(purl_type);
        let is_asked_by_purl = !self.qualifiers.is_empty() || matches!(self.versions, Versions::One(_));
        let purl: Option<Purl> = if is_asked_by_purl { identity.parse().ok() } else { None };
        let has = |asked: &(String, String)| purl.as_ref().is_some_and(|purl| has_qualifier(purl, asked));
        if !self.qualifiers.iter().all(has) {
            return Verdict::No;
        }
        let ranges = match &self.versions {
            Versions::All => return Verdict::Yes,
            Versions::One(wanted) => {
                // An RPM's epoch stands among the qualifiers of its purl, and in front of its version here.
                let stated = purl.as_ref().and_then(Purl::version);
                let is_equal = |scheme: Scheme| {
                    let of = |stated| scheme.version_of(name, stated);
                    scheme.compare(&of(wanted), &of(version)).is_ok_and(std::cmp::Ordering::is_eq)
                };
                let is_wanted = stated == Some(wanted) || wanted == version || scheme.is_some_and(is_equal);
                return if is_wanted { Verdict::Yes } else { Verdict::No };
            }
            Versions::In(ranges) | Versions::OfReaders(ranges) => ranges,
        };
        let Some(scheme) = scheme else { return Verdict::Unordered };
        // A range that is none in this ecosystem's notation means nothing in it.
        let Some(range) = ranges.by_scheme.get(&scheme) else { return Verdict::No };
        if matches!(self.versions, Versions::OfReaders(_)) {
            return Verdict::Yes;
        }
        match range.contains(&scheme.version_of(name, version)) {
            Ok(true) => Verdict::Yes,
            Ok(false) => Verdict::No,
            Err(_) => Verdict::Unordered,
        }
    }
}

/// Returns what stands behind the `@` of a purl and is no version: `>=4`, `^1.2`, `[1.0,2.0)`, `1.x || 2.x`, or the beginning of one, `4*`.
fn range_in_purl(text: &str, is_prefix: bool) -> Option<String> {
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let (_, last) = path.rsplit_once('/')?;
    // The `@` of a scope that nobody escaped stands at the beginning.
    let at = last.char_indices().skip(1).find(|(_, character)| *character == '@')?.0;
    let version = &last[at + 1..];
    // In the purl of a component whose version has such characters they are escaped.
    let is_range = version.starts_with(['<', '>', '=', '!', '^', '~', '[']) || version.contains([',', '|', ' ']);
    (is_range || is_prefix).then(|| if is_prefix { format!("{version}*") } else { version.to_owned() })
}

/// Returns a version with the epoch that its purl has among the qualifiers, for packages whose versions begin with theirs here.
fn with_epoch(purl: &Purl, version: &str) -> String {
    match purl.qualifier("epoch") {
        Some(epoch) if has_epoch_in_version(purl) && !version.contains(':') => format!("{epoch}:{version}"),
        _ => version.to_owned(),
    }
}

fn has_epoch_in_version(purl: &Purl) -> bool {
    matches!(purl.ty(), "deb" | "alpm")
}

/// Returns the purl of what is written as Maven writes it, `GROUP:ARTIFACT` or `GROUP:ARTIFACT:VERSION`.
fn of_maven(text: &str) -> Option<Purl> {
    let mut parts = text.split(':');
    let (group, artifact, version) = (parts.next()?, parts.next()?, parts.next());
    let is_part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
    };
    if parts.next().is_some()
        || ![group, artifact].into_iter().chain(version).all(is_part)
        || ARCHITECTURES.contains(&artifact)
    {
        return None;
    }
    let builder = Purl::builder("maven", artifact).namespace(group);
    version.map_or(builder.clone(), |version| builder.version(version)).build().ok()
}

/// Returns the name and the version of what is written as npm writes it, `NAME@VERSION`.
fn name_and_version(text: &str) -> Option<(&str, &str)> {
    let (name, version) = text.rsplit_once('@')?;
    // Of `@scope/name` the `@` parts nothing.
    (!name.is_empty() && version.starts_with(|first: char| first.is_ascii_alphanumeric()) && !version.contains('/'))
        .then_some((name, version))
}

/// Tells whether a purl has a qualifier, by itself or since that is what none means: no epoch is epoch 0, and of Maven's and Ruby's packages those are
/// meant that most are (Package-URL's definitions of `maven` and `gem`). A distribution's release may be written to more places than here.
fn has_qualifier(purl: &Purl, (key, value): &(String, String)) -> bool {
    if key == "distro" {
        return purl.qualifier(key).is_some_and(|ours| is_same_release(purl.namespace(), ours, value));
    }
    let unsaid = match (&**key, purl.ty()) {
        ("epoch", _) if has_epoch_in_version(purl) => {
            purl.version().and_then(|version| version.split_once(':')).map_or("0", |(epoch, _)| epoch)
        }
        ("epoch", _) => "0",
        ("type", "maven") => "jar",
        ("platform", "gem") => "ruby",
        _ => return purl.qualifier(key) == Some(value),
    };
    purl.qualifier(key).unwrap_or(unsaid) == value
}

/// Tells whether two qualifiers name one release of a distribution: `debian-12` is `debian-12.5`, as Trivy has it.
fn is_same_release(namespace: Option<&str>, ours: &str, asked: &str) -> bool {
    if ours == asked {
        return true;
    }
    let of = |stated| Distribution::of_qualifier(namespace, stated);
    of(ours).zip(of(asked)).is_some_and(|(ours, asked)| ours.tells(&asked) || asked.tells(&ours))
}

/// Returns the key by which a package is found: its purl without version and qualifiers, in lower case.
pub(crate) fn package_key(purl: &Purl) -> String {
    if purl.ty() == PYPI {
        return format!("pkg:{PYPI}/{}", python_name(purl.name()));
    }
    purl.package().to_string().to_lowercase()
}

/// Returns how names begin by which the index of Python's packages knows those that begin so.
fn python_beginning(text: &str) -> String {
    let name = python_name(text);
    if !name.is_empty() && text.ends_with(['-', '_', '.']) { format!("{name}-") } else { name }
}

/// Returns the name by which the index of Python's packages knows one.
fn python_name(name: &str) -> String {
    Ecosystem::new(Family::PyPi).canonical_name(name)
}

fn bounds(text: &str, is_prefix: bool) -> (String, String) {
    let least = text.replace('\0', "\u{fffd}").to_lowercase();
    let greatest = if is_prefix { format!("{least}{LAST}") } else { least.clone() };
    (least, greatest)
}

impl Ranges {
    /// Reads a range of a purl's type.
    fn of(purl_type: &str, text: &str) -> Result<Self, QueryError> {
        let scheme =
            Scheme::of_purl_type(purl_type).ok_or_else(|| QueryError::NoOrder { purl_type: purl_type.to_owned() })?;
        let range = VersionRange::parse(scheme, text).map_err(QueryError::Range)?;
        Ok(Self { text: text.to_owned(), by_scheme: BTreeMap::from([(scheme, range)]) })
    }

    /// Reads a range of whatever ecosystem has such a one.
    fn of_any(text: &str) -> Result<Self, QueryError> {
        let (mut by_scheme, mut refusal) = (BTreeMap::new(), None);
        for scheme in Scheme::ALL {
            match VersionRange::parse(scheme, text) {
                Ok(range) => {
                    by_scheme.insert(scheme, range);
                }
                Err(problem) => refusal = refusal.or(Some(problem)),
            }
        }
        match refusal {
            Some(problem) if by_scheme.is_empty() => Err(QueryError::Range(problem)),
            _ => Ok(Self { text: text.to_owned(), by_scheme }),
        }
    }
}

impl VersionRange {
    fn parse(scheme: Scheme, text: &str) -> Result<Self, RangeProblem> {
        if !text.starts_with("vers:") {
            return Range::parse(scheme, text).map(Self::Own).map_err(RangeProblem::Own);
        }
        let vers = Vers::parse(text).map_err(RangeProblem::Vers)?;
        if vers.is_of(scheme) { Ok(Self::Vers(vers)) } else { Err(RangeProblem::Other(vers.scheme())) }
    }

    fn contains(&self, version: &str) -> Result<bool, Unorderable> {
        match self {
            Self::Own(range) => range.contains(version),
            Self::Vers(vers) => vers.contains(version),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::path::Path;

    use sbom::{Allowance, LayerBuilder, LayerScope, Matcher, Source};

    use super::*;

    #[track_caller]
    fn check(pattern: &str, range: Option<&str>, expected: &str) {
        let found = match Query::parse(pattern, range) {
            Ok(query) => {
                let (least, greatest) = &query.bounds;
                let how = if least == greatest { "is" } else { "begins with" };
                let versions = match &query.versions {
                    Versions::All => "all versions".to_owned(),
                    Versions::One(version) => format!("version {version}"),
                    Versions::In(ranges) | Versions::OfReaders(ranges) => format!("{} ranges", ranges.by_scheme.len()),
                };
                format!("{:?} {how} {least}, {versions}", query.key)
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{pattern} {range:?}");
    }

    #[test]
    fn patterns_are_names_or_purls() {
        check("", None, "the pattern is empty; it is a name or a purl, with `*` at its end for anything");
        check(" * ", None, "the pattern is empty; it is a name or a purl, with `*` at its end for anything");
        check("log*j", None, "`*` stands at the end of a pattern alone");
        check("pkg:", None, "the pattern is no purl");
        check("pkg:maven", None, "the pattern is no purl");
        check("pkg:npm/a@1", Some("<2"), "version `1` is named, so that no range can be given");
        check("pkg:npm/a", Some("<<<"), "the range is not understood");
        check("a", Some("nonsense<<"), "the range is not understood");
        check("pkg:maven/a/b", Some("nonsense<<"), "the range is not understood");
        check("a", Some("vers:npm/"), "the range is not understood");
        check("a", Some("vers:nothing/<2"), "the range is not understood");
        check("pkg:npm/a", Some("vers:pypi/<2"), "the range is not understood");
        check("pkg:npm/a", Some("vers:npm/<2.0.0"), "Package is pkg:npm/a, 1 ranges");
        check("a", Some("vers:npm/<2.0.0"), "Name is a, 1 ranges");
        check(
            "pkg:generic/a",
            Some("<2"),
            "versions of `pkg:generic` cannot be ordered, so that no range can be given",
        );
        check("OpenSSL", None, "Name is openssl, all versions");
        check("openssl", Some("<3"), "Name is openssl, 19 ranges");
        check("CVE-2021-44228", None, "Vulnerability begins with , all versions");
        check("ghsa-jfh8-c2jp-5v3q", None, "Vulnerability begins with , all versions");
        check("cve-*", None, "Name begins with cve-, all versions");
        for pattern in ["CVE-2030-*", "GHSA-jfh8-*", "rustsec-2021*"] {
            check(pattern, None, "vulnerabilities are looked for by their whole names");
        }
        check("CVE-2021-4*", Some("<2"), "vulnerabilities are looked for by their whole names");
        for name in [
            "cve-bin-tool",
            "osv-scanner",
            "osv-offline",
            "rustsec-admin",
            "go-2048",
            "go-20",
            "usn-parser",
            "dsa-2",
            "cve-2021x",
            "ghsa-tool",
            "cga-tool-box",
            "bit-vec",
            "2024-1",
        ] {
            check(name, None, &format!("Name is {name}, all versions"));
        }
        for name in [
            "DSA-5343-1",
            "DSA-5343",
            "osv-2020-111",
            "alpine-cve-2021-1",
            "GO-2025-3726",
            "RHSA-2021:1234",
            "UBUNTU-CVE-2099-1",
            "DEBIAN-CVE-2099-1",
            "SUSE-SU-2024:1234-1",
            "openSUSE-SU-2024:1-1",
            "ELSA-2024-1234",
            "ALAS2-2024-1",
            "ALAS-2024-1",
            "FEDORA-2024-aaaa",
            "BIT-redis-2024-1",
            "CGA-22pr-x3vq-p9jc",
            "LSN-0116-1",
        ] {
            check(name, None, "Vulnerability begins with , all versions");
        }
        check(
            "CVE-2021-44228",
            Some("<2"),
            "a vulnerability is looked for without a range; its records say which versions have it",
        );
        check("log4j*", None, "Name begins with log4j, all versions");
        check("pkg:npm/%40babel/*", Some("<8"), "Package begins with pkg:npm/%40babel/, 1 ranges");
        check("pkg:npm/@babel/*", None, "Package begins with pkg:npm/%40babel/, all versions");
        check("pkg:npm/@babel/c*", None, "Package begins with pkg:npm/%40babel/c, all versions");
        check("pkg:deb/debian/libstdc++*", None, "Package begins with pkg:deb/debian/libstdc%2b%2b, all versions");
        check("pkg:deb/debian/libstdc%2B*", None, "Package begins with pkg:deb/debian/libstdc%2b, all versions");
        check("pkg:deb/debian/libstdc%2*", None, "Package begins with pkg:deb/debian/libstdc%2, all versions");
        check("PKG:Golang/github.com/A/B*", None, "Package begins with pkg:golang/github.com/a/b, all versions");
        check("pkg:np*", None, "Package begins with pkg:np, all versions");
        check("org.a:b", None, "Package is pkg:maven/org.a/b, all versions");
        check("org.a:b", Some("[1,2)"), "Package is pkg:maven/org.a/b, 1 ranges");
        check("org.a:b:1.0", None, "Package is pkg:maven/org.a/b, version 1.0");
        check("org.a:b:1.0", Some("[1,2)"), "version `1.0` is named, so that no range can be given");
        for name in ["a:b:c:d", "a:", ":b", "Foo::Bar", "libc6:amd64", "a b:c", "@scope/name", "a@", "git@github.com/a"]
        {
            check(name, None, &format!("Name is {}, all versions", name.to_lowercase()));
        }
        check("lodash@4.17.20", None, "Name is lodash, version 4.17.20");
        check("@babel/core@7.20.0", None, "Name is @babel/core, version 7.20.0");
        check("lodash@4.17.20", Some("<5"), "version `4.17.20` is named, so that no range can be given");
        check("PKG:Maven/Org.A/b@1?type=jar", None, "Package is pkg:maven/org.a/b, version 1");
    }

    #[test]
    fn a_range_is_no_version() {
        for (pattern, range) in [
            ("pkg:npm/lodash@>=4", ">=4"),
            ("pkg:npm/lodash@^4.17", "^4.17"),
            ("pkg:npm/@scope/lodash@<2?x=y", "<2"),
            ("pkg:maven/org.a/b@[1,2)", "[1,2)"),
            ("pkg:npm/lodash@1.x || 2.x", "1.x || 2.x"),
            ("pkg:npm/lodash@4*", "4*"),
            ("pkg:npm/lodash@*", "*"),
        ] {
            check(pattern, None, &format!("`{range}` behind the `@` of a purl is a range, not a version"));
        }
        check("pkg:npm/@sco*", None, "Package begins with pkg:npm/%40sco, all versions");
        check("pkg:golang/a/b@(devel)", None, "Package is pkg:golang/a/b, version (devel)");
        check("pkg:npm/lodash@%3E%3D4", None, "Package is pkg:npm/lodash, version >=4");
        check("pkg:deb/debian/a@1.2~rc1+b1", None, "Package is pkg:deb/debian/a, version 1.2~rc1+b1");
    }

    #[test]
    fn a_pattern_has_a_length() {
        for (bytes, is_fine) in
            [(PATTERN_BYTES_MAX - 1, true), (PATTERN_BYTES_MAX, true), (PATTERN_BYTES_MAX + 1, false)]
        {
            assert_eq!(Query::parse(&"a".repeat(bytes), None).is_ok(), is_fine, "{bytes}");
        }
    }

    #[track_caller]
    fn decide(pattern: &str, range: Option<&str>, purl: &str, expected: Verdict) {
        let query = Query::parse(pattern, range).unwrap();
        let parsed: Purl = purl.parse().unwrap();
        assert_eq!(
            query.verdict(parsed.ty(), (parsed.name(), purl), parsed.version().unwrap_or_default()),
            expected,
            "{pattern} {range:?} {purl}"
        );
    }

    /// A component whose purl does not have the version as it is kept.
    #[track_caller]
    fn decide_kept(pattern: &str, range: Option<&str>, (purl, version): (&str, &str), expected: Verdict) {
        let query = Query::parse(pattern, range).unwrap();
        let parsed: Purl = purl.parse().unwrap();
        assert_eq!(
            query.verdict(parsed.ty(), (parsed.name(), purl), version),
            expected,
            "{pattern} {range:?} {purl} {version}"
        );
    }

    #[test]
    fn a_version_is_the_same_however_purl_and_program_write_it() {
        use Verdict::{No, Unordered, Yes};
        let openssl = ("pkg:rpm/rocky/openssl@3.0.7-24.el9?arch=aarch64&epoch=1", "1:3.0.7-24.el9");
        decide_kept("pkg:rpm/rocky/openssl@3.0.7-24.el9?epoch=2", None, openssl, No);
        decide_kept("pkg:rpm/rocky/openssl@3.0.7-24.el9?epoch=0", None, openssl, No);
        decide_kept("pkg:rpm/rocky/openssl@3.0.7-25.el9?epoch=1", None, openssl, No);
        decide_kept("pkg:rpm/rocky/openssl@2:3.0.7-24.el9", None, openssl, No);
        decide_kept(openssl.0, None, openssl, Yes);
        decide_kept("pkg:rpm/rocky/openssl@3.0.7-24.el9", None, openssl, Yes);
        decide_kept("pkg:rpm/rocky/openssl@1:3.0.7-24.el9", None, openssl, Yes);
        decide_kept("pkg:rpm/rocky/openssl", Some("<1:3.0.7-25"), openssl, Yes);
        decide_kept("pkg:rpm/rocky/openssl", Some("<3.0.8"), openssl, No);
        decide_kept("pkg:rpm/rocky/tar@1-1?epoch=0", None, ("pkg:rpm/rocky/tar@1-1", "1-1"), Yes);
        let go = ("pkg:golang/stdlib@1.26.8", "go1.26.8");
        decide_kept("pkg:golang/stdlib@1.26.7", None, go, No);
        decide_kept("pkg:golang/stdlib@1.26.8", None, go, Yes);
        decide_kept("pkg:golang/stdlib@v1.26.8", None, go, Yes);
        decide_kept("stdlib", Some("<1.20"), go, No);
        decide_kept("stdlib", Some(">=1.26, <1.27"), go, Yes);
        decide_kept("stdlib", Some("vers:golang/>=1.26|<1.26.8"), go, No);
        decide_kept("stdlib", Some("vers:golang/<=1.26.8"), go, Yes);
        decide_kept("stdlib", Some("<1.22"), ("pkg:golang/stdlib@1.22rc1", "go1.22rc1"), Yes);
        decide_kept("stdlib", Some("<1.21"), ("pkg:golang/stdlib@1.22rc1", "go1.22rc1"), No);
        decide_kept("pkg:golang/stdlib@1.22.0-rc.1", None, ("pkg:golang/stdlib@1.22rc1", "go1.22rc1"), Yes);
        decide_kept("stdlib", Some("<1.20"), ("pkg:golang/stdlib", "(devel)"), Unordered);
        let gem = ("pkg:gem/nokogiri@1.13.9-x86_64-linux", "1.13.9-x86_64-linux");
        decide_kept("nokogiri", Some("<1.13.9"), gem, No);
        decide_kept("nokogiri", Some("<1.13.10"), gem, Yes);
    }

    #[test]
    fn a_purl_is_the_same_however_its_tool_writes_it() {
        use Verdict::{No, Yes};
        let qemu = "pkg:deb/debian/qemu-utils@1:7.2%2Bdfsg-5?arch=amd64&distro=debian-12";
        decide("pkg:deb/debian/qemu-utils@7.2%2Bdfsg-5?epoch=2", None, qemu, No);
        decide("pkg:deb/debian/qemu-utils@7.2%2Bdfsg-6?epoch=1", None, qemu, No);
        decide("pkg:deb/debian/qemu-utils@7.2%2Bdfsg-5", None, qemu, No);
        decide("pkg:deb/debian/qemu-utils?epoch=2", None, qemu, No);
        decide("pkg:deb/debian/qemu-utils@7.2%2Bdfsg-5?epoch=1", None, qemu, Yes);
        decide("pkg:deb/debian/qemu-utils@1:7.2%2Bdfsg-5?epoch=1", None, qemu, Yes);
        decide("pkg:deb/debian/qemu-utils?epoch=1", None, qemu, Yes);
        decide("pkg:deb/debian/qemu-utils@7.2%2Bdfsg-5?arch=amd64&distro=debian-12.5&epoch=1", None, qemu, Yes);
        for distro in ["debian-11", "debian-1", "debian-12x", "ubuntu-12", "sid", "nonsense", "debian-11.12"] {
            decide(&format!("pkg:deb/debian/qemu-utils?distro={distro}"), None, qemu, No);
        }
        for distro in ["debian-12", "debian-12.5", "12", "12.5", "bookworm"] {
            decide(&format!("pkg:deb/debian/qemu-utils?distro={distro}"), None, qemu, Yes);
        }
        decide("pkg:deb/debian/a?distro=12", None, "pkg:deb/debian/a@1", No);
        decide("pkg:apk/alpine/a?distro=3.20", None, "pkg:apk/alpine/a@1?distro=alpine-3.20.1", Yes);
        decide("pkg:apk/alpine/a?distro=3.2", None, "pkg:apk/alpine/a@1?distro=alpine-3.20.1", No);
        decide("pkg:maven/g/a@1?type=war", None, "pkg:maven/g/a@1", No);
        decide("pkg:maven/g/a@1?type=jar", None, "pkg:maven/g/a@1?type=war", No);
        decide("pkg:maven/g/a@1?type=jar", None, "pkg:maven/g/a@1", Yes);
        decide("pkg:maven/g/a@1?type=jar", None, "pkg:maven/g/a@1?type=jar", Yes);
        decide("pkg:gem/rack@2.2.7?platform=java", None, "pkg:gem/rack@2.2.7", No);
        decide("pkg:gem/rack@2.2.7?platform=ruby", None, "pkg:gem/rack@2.2.7", Yes);
        decide("pkg:npm/a@1?type=jar", None, "pkg:npm/a@1", No);
    }

    #[test]
    fn a_range_that_an_ecosystem_does_not_have_is_told() {
        let refusal = |range: &str, purl_type: &str| {
            let query = Query::parse("a", Some(range)).unwrap();
            let Some(error) = query.refusal(purl_type) else { return "read".to_owned() };
            assert!(error.is_of_range());
            format!("{error}: {}", std::error::Error::source(&error).unwrap())
        };
        assert_eq!(refusal("<2", "pypi"), "read");
        assert_eq!(refusal("vers:pypi/<2", "pypi"), "read");
        assert_eq!(
            refusal("vers:deb/<2", "pypi"),
            "what goes by this name is of `pkg:pypi`, which has no such range: the range is of deb"
        );
        assert_eq!(
            refusal("[1,2)", "npm"),
            "what goes by this name is of `pkg:npm`, which has no such range: the range is not written as npm ranges are: a version is 1, 1.2, 1.2.3, \
             1.2.3-a or has x or * for a number"
        );
    }

    #[test]
    fn ranges_are_of_the_ecosystem() {
        use Verdict::{No, Unordered, Yes};
        decide("openssl", None, "pkg:deb/debian/openssl@3.0", Yes);
        decide("openssl", Some("<3.0.11-1+deb12u2"), "pkg:deb/debian/openssl@3.0.11-1~deb12u2", Yes);
        decide("openssl", Some("<3"), "pkg:deb/debian/openssl@1:1", No);
        decide("openssl", Some("<3"), "pkg:generic/openssl@1", Unordered);
        decide("a", Some("<2"), "pkg:pypi/a@not-a-version", Unordered);
        decide("a", Some("[1,2)"), "pkg:npm/a@1.5.0", No);
        decide("a", Some("[1,2)"), "pkg:maven/g/a@1.5.0", Yes);
        decide("pkg:deb/debian/a?arch=amd64", None, "pkg:deb/debian/a@1?arch=arm64", No);
        decide("pkg:deb/debian/a?arch=amd64", None, "pkg:deb/debian/a@1?arch=amd64&distro=debian-12", Yes);
        decide("pkg:pypi/a@1.0", None, "pkg:pypi/a@1.0.0", Yes);
        decide("pkg:pypi/a@1.0", None, "pkg:pypi/a@1.0.1", No);
    }

    /// Adds a file, or a folder with all that is in it.
    fn add(builder: &mut LayerBuilder<'_>, path: &Path, inside: &str) {
        if path.is_symlink() {
            return;
        }
        if path.is_file() {
            let length = path.metadata().unwrap().len();
            builder.add_file(inside, 0o755, length, &mut File::open(path).unwrap()).unwrap();
            return;
        }
        for entry in fs::read_dir(path).unwrap() {
            let entry = entry.unwrap();
            add(builder, &entry.path(), &format!("{inside}/{}", entry.file_name().to_str().unwrap()));
        }
    }

    /// Of everything that Syft's fixtures hold, on a system whose packages are RPMs and on one whose are Debian's.
    #[test]
    fn every_purl_of_an_inventory_finds_its_component() {
        let Some(bundle) = testkit::bundle("inventory/syft-cataloger-inputs") else { return };
        let rpm_database = testkit::go_module("github.com/anchore/go-rpmdb", "v0.2.2")
            .map(|module| module.join("pkg/testdata/rockylinux-9/rpmdb.sqlite"));
        let matcher = Matcher::new(sbom::catalogers().iter().collect());
        let catalogers = bundle.path().join("syft/pkg/cataloger");
        let (mut of_deb, mut of_rpm, mut with_epoch) = (0, 0, 0);
        for release in ["ID=rocky\nVERSION_ID=9.4\n", "ID=debian\nVERSION_ID=12\n"] {
            let allowance = Allowance::new(tempfile::tempfile);
            let mut builder = LayerBuilder::new(&matcher, &allowance);
            // What lies below another root is of that root's distribution.
            for root in ["", "fixtures/debian/testdata/"] {
                let path = format!("{root}etc/os-release");
                builder.add_file(&path, 0o644, release.len() as u64, &mut release.as_bytes()).unwrap();
            }
            if let Some(database) = &rpm_database {
                add(&mut builder, database, "var/lib/rpm/rpmdb.sqlite");
            }
            add(&mut builder, &catalogers, "fixtures");
            let record = builder.finish();
            let subject = component::Subject::Directory { name: "fixtures".to_owned() };
            let source = Source { subject, layers: Vec::new(), records: &[&record], created: None };
            let inventory = sbom::inventory(source, &matcher, LayerScope::Squashed);
            for component in &inventory.components {
                let Some(purl) = &component.purl else { continue };
                let query = Query::parse(&purl.to_string(), None).unwrap();
                let version = component.version.as_deref().unwrap_or_default();
                let known_by = (component.name.as_str(), &*crate::index::identity(component));
                let verdict = query.verdict(purl.ty(), known_by, version);
                assert_eq!((&query.bounds.0, verdict), (&package_key(purl), Verdict::Yes), "{purl} {version}");
                of_deb += usize::from(purl.ty() == "deb");
                of_rpm += usize::from(purl.ty() == "rpm");
                with_epoch += usize::from(purl.ty() == "rpm" && purl.qualifier("epoch").is_some());
            }
        }
        assert!(of_deb > 20, "{of_deb}");
        assert!(rpm_database.is_none() || (of_rpm > 100 && with_epoch > 0), "{of_rpm} {with_epoch}");
    }
}
