use std::fmt;

use component::{Range, RangeError, Scheme, Vers, VersError};

/// A range of versions: as `vers:`, or as its ecosystem writes ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Versions {
    /// `vers:maven/<2.17.1`.
    Vers(Vers),
    /// `<2.17.1`, of the ecosystem that the purls name.
    Range {
        /// As it was written.
        text: String,
        /// What it means.
        range: Range,
    },
}

/// Why a text is no range of versions.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VersionsError {
    /// It begins with `vers:` and goes on otherwise.
    #[error("it is no range of vers: {0}")]
    Vers(VersError),
    /// It is not written as the ecosystem writes ranges.
    #[error("it is no range of {scheme}: {why}")]
    Range {
        /// The ecosystem's scheme.
        scheme: Scheme,
        /// Why.
        why: RangeError,
    },
    /// It is no `vers:`, and the purls do not name the one ecosystem whose notation it is in.
    #[error("only `vers:` says whose versions it means; or let each purl begin with the same type, as in `pkg:maven/`")]
    Ecosystem,
}

impl Versions {
    /// Reads a range. What does not begin with `vers:` is in the notation of the ecosystem that every one of the purl patterns names.
    pub fn parse<'a>(text: &str, purls: impl IntoIterator<Item = &'a str>) -> Result<Self, VersionsError> {
        let text = text.trim();
        if text.starts_with("vers:") {
            return Vers::parse(text).map(Self::Vers).map_err(VersionsError::Vers);
        }
        let mut schemes = purls.into_iter().map(scheme_of);
        let first = schemes.next().flatten().ok_or(VersionsError::Ecosystem)?;
        if schemes.any(|scheme| scheme != Some(first)) {
            return Err(VersionsError::Ecosystem);
        }
        match Range::parse(first, text) {
            Ok(range) => Ok(Self::Range { text: text.to_owned(), range }),
            Err(why) => Err(VersionsError::Range { scheme: first, why }),
        }
    }

    /// Tells whether a version lies in the range; not so for one that has no order.
    pub fn contains(&self, version: &str) -> bool {
        match self {
            Self::Vers(vers) => vers.contains(version),
            Self::Range { range, .. } => range.contains(version),
        }
        .unwrap_or(false)
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Vers(vers) => vers.fmt(formatter),
            Self::Range { text, .. } => formatter.write_str(text),
        }
    }
}

fn scheme_of(purl: &str) -> Option<Scheme> {
    let (ty, _) = purl.strip_prefix("pkg:")?.split_once('/')?;
    Scheme::of_purl_type(&ty.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_of_the_ecosystem_that_all_purls_name() {
        let check = |text: &str, purls: &[&str], version: &str, expected: Option<bool>| {
            let found = Versions::parse(text, purls.iter().copied());
            assert_eq!(found.map(|versions| versions.contains(version)).ok(), expected, "{text} {purls:?} {version}");
        };
        check("<2", &[], "1", None);
        check("<2", &["pkg:*/a"], "1", None);
        check("<2", &["pkg:npm/a", "pkg:gem/a"], "1", None);
        check("<2", &["pkg:generic/a"], "1", None);
        check("~>", &["pkg:gem/a"], "1", None);
        check("vers:npm/<<", &[], "1", None);
        check("<2", &["pkg:npm/a", "pkg:npm/b"], "1.5.0", Some(true));
        check("<2", &["pkg:npm/a"], "2.0.0", Some(false));
        check("<2", &["pkg:NPM/a", "pkg:npm/b"], "1.5.0", Some(true));
        check("[1,2)", &["pkg:maven/g/**"], "1.5", Some(true));
        check("<2", &["pkg:npm/a"], "no version", Some(false));
        check("vers:deb/<1.0", &["pkg:*/a"], "1.0~rc1", Some(true));
    }
}
