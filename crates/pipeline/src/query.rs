use std::collections::BTreeMap;

use component::{Purl, PurlError, Range, RangeError, Scheme};

/// The longest pattern.
pub const PATTERN_BYTES_MAX: usize = 1024;

/// Above every text that begins as a pattern does: the last character there is.
const LAST: char = '\u{10ffff}';

/// Which components are looked for.
///
/// A pattern is any name of a vulnerability (`CVE-2021-44228`, `DSA-5343-1`), the name of a component (`log4j-core`), or a purl with or without a version (`pkg:maven/org.apache.logging.log4j/log4j-core`);
/// a `*` at its end stands for anything. A range is written as the component's ecosystem writes ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    pub(crate) key: Key,
    /// The least and the greatest key that match.
    pub(crate) bounds: (String, String),
    version: Option<String>,
    qualifiers: Vec<(String, String)>,
    ranges: Option<BTreeMap<Scheme, Range>>,
    /// Only components that have this vulnerability.
    pub(crate) vulnerability: Option<String>,
    /// The whole name that is looked for: that of a component, or of a vulnerability if one is called so.
    pub(crate) name: Option<String>,
}

/// How most names of vulnerabilities begin, in lower case; no package is called so. Other names are looked up among those that there are.
const VULNERABILITIES: [&str; 14] = [
    "cve-",
    "ghsa-",
    "osv-",
    "rustsec-",
    "pysec-",
    "go-20",
    "dsa-",
    "dla-",
    "usn-",
    "rhsa-",
    "alsa-",
    "rlsa-",
    "alpine-cve-",
    "mal-20",
];

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
    #[error("the purl names version `{version}`, so that no range can be given")]
    VersionAndRange {
        /// The version.
        version: String,
    },
    /// A vulnerability has no range: its records say which versions have it.
    #[error("a vulnerability is looked for without a range; its records say which versions have it")]
    VulnerabilityAndRange,
    /// The range is not one of the purl's ecosystem, or, for a name, of any.
    #[error("the range is not understood")]
    Range(#[source] RangeError),
    /// The versions of the purl's type have no order here.
    #[error("versions of `pkg:{purl_type}` cannot be ordered, so that no range can be given")]
    NoOrder {
        /// The purl's type.
        purl_type: String,
    },
}

impl QueryError {
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
            Self::VersionAndRange { .. } => "leave out the version of the purl, or the range",
            Self::Range(_) => {
                "a range is written as the component's ecosystem writes it: `<2.17.1`, `>=1.2, <2` or `[1.0,2.0)`"
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
            version: None,
            qualifiers: Vec::new(),
            ranges: None,
            vulnerability: None,
            name: (!is_purl && !is_prefix && range.is_none()).then(|| text.to_owned()),
        };
        if !is_prefix && VULNERABILITIES.iter().any(|beginning| query.bounds.0.starts_with(beginning)) {
            if range.is_some() {
                return Err(QueryError::VulnerabilityAndRange);
            }
            return Self::vulnerability(text);
        }
        if !is_purl {
            query.ranges = range.map(ranges_of_any).transpose()?;
            return Ok(query);
        }
        if is_prefix {
            let purl_type = text[4..].split('/').next().unwrap_or_default().to_ascii_lowercase();
            query.ranges = range.map(|range| ranges_of(&purl_type, range)).transpose()?;
            return Ok(query);
        }
        let purl: Purl = text.parse().map_err(QueryError::Purl)?;
        query.bounds = bounds(&package_key(&purl), false);
        query.version = purl.version().map(str::to_owned);
        query.qualifiers = purl.qualifiers().map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        if let (Some(version), Some(_)) = (&query.version, range) {
            return Err(QueryError::VersionAndRange { version: version.clone() });
        }
        query.ranges = range.map(|range| ranges_of(purl.ty(), range)).transpose()?;
        Ok(query)
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
            version: None,
            qualifiers: Vec::new(),
            ranges: None,
            vulnerability: Some(name.to_owned()),
            name: None,
        })
    }

    /// Tells whether a vulnerability is looked for.
    pub fn is_of_vulnerability(&self) -> bool {
        self.vulnerability.is_some()
    }

    /// Decides about a component whose key lies within the bounds.
    pub(crate) fn verdict(&self, purl_type: &str, identity: &str, version: &str) -> Verdict {
        if !self.qualifiers.is_empty() {
            let Ok(purl) = identity.parse::<Purl>() else { return Verdict::No };
            if !self.qualifiers.iter().all(|(key, value)| purl.qualifier(key) == Some(value)) {
                return Verdict::No;
            }
        }
        let scheme = Scheme::of_purl_type(purl_type);
        if let Some(wanted) = &self.version {
            let is_equal = |scheme: Scheme| scheme.compare(wanted, version).is_ok_and(std::cmp::Ordering::is_eq);
            return if wanted == version || scheme.is_some_and(is_equal) { Verdict::Yes } else { Verdict::No };
        }
        let Some(ranges) = &self.ranges else { return Verdict::Yes };
        let Some(scheme) = scheme else { return Verdict::Unordered };
        // A range that is none in this ecosystem's notation means nothing in it.
        let Some(range) = ranges.get(&scheme) else { return Verdict::No };
        match range.contains(version) {
            Ok(true) => Verdict::Yes,
            Ok(false) => Verdict::No,
            Err(_) => Verdict::Unordered,
        }
    }
}

/// Returns the key by which a package is found: its purl without version and qualifiers, in lower case.
pub(crate) fn package_key(purl: &Purl) -> String {
    purl.package().to_string().to_lowercase()
}

fn bounds(text: &str, is_prefix: bool) -> (String, String) {
    let least = text.replace('\0', "\u{fffd}").to_lowercase();
    let greatest = if is_prefix { format!("{least}{LAST}") } else { least.clone() };
    (least, greatest)
}

fn ranges_of(purl_type: &str, range: &str) -> Result<BTreeMap<Scheme, Range>, QueryError> {
    let scheme =
        Scheme::of_purl_type(purl_type).ok_or_else(|| QueryError::NoOrder { purl_type: purl_type.to_owned() })?;
    let range = Range::parse(scheme, range).map_err(QueryError::Range)?;
    Ok(BTreeMap::from([(scheme, range)]))
}

fn ranges_of_any(range: &str) -> Result<BTreeMap<Scheme, Range>, QueryError> {
    let (mut ranges, mut refusal) = (BTreeMap::new(), None);
    for scheme in Scheme::ALL {
        match Range::parse(scheme, range) {
            Ok(range) => {
                ranges.insert(scheme, range);
            }
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    match refusal {
        Some(error) if ranges.is_empty() => Err(QueryError::Range(error)),
        _ => Ok(ranges),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, range: Option<&str>, expected: &str) {
        let found = match Query::parse(pattern, range) {
            Ok(query) => {
                let (least, greatest) = &query.bounds;
                let how = if least == greatest { "is" } else { "begins with" };
                let schemes = query.ranges.as_ref().map_or(0, BTreeMap::len);
                format!("{:?} {how} {least}, version {:?}, {schemes} ranges", query.key, query.version)
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
        check("pkg:npm/a@1", Some("<2"), "the purl names version `1`, so that no range can be given");
        check("pkg:npm/a", Some("<<<"), "the range is not understood");
        check(
            "pkg:generic/a",
            Some("<2"),
            "versions of `pkg:generic` cannot be ordered, so that no range can be given",
        );
        check("OpenSSL", None, "Name is openssl, version None, 0 ranges");
        check("openssl", Some("<3"), "Name is openssl, version None, 12 ranges");
        check("CVE-2021-44228", None, "Vulnerability begins with , version None, 0 ranges");
        check("ghsa-jfh8-c2jp-5v3q", None, "Vulnerability begins with , version None, 0 ranges");
        check("cve-*", None, "Name begins with cve-, version None, 0 ranges");
        check(
            "CVE-2021-44228",
            Some("<2"),
            "a vulnerability is looked for without a range; its records say which versions have it",
        );
        check("log4j*", None, "Name begins with log4j, version None, 0 ranges");
        check("pkg:npm/%40babel/*", Some("<8"), "Package begins with pkg:npm/%40babel/, version None, 1 ranges");
        check("PKG:Maven/Org.A/b@1?type=jar", None, "Package is pkg:maven/org.a/b, version Some(\"1\"), 0 ranges");
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
            query.verdict(parsed.ty(), purl, parsed.version().unwrap_or_default()),
            expected,
            "{pattern} {range:?} {purl}"
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
}
