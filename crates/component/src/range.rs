//! Sets of versions, in the notation of each ecosystem: node-semver's ranges, PEP 440's specifiers, Maven's and NuGet's
//! intervals, gem's, Hex's and Pub's requirements, Composer's constraints, apk's `~`, Conan's ranges, the lists of nginx and OpenSSL, and for
//! every scheme comparisons such as `>=1.2, <2` with `||` between alternatives.
//!
//! A range tells what lies in it, not what a resolver would choose. So prereleases count by their order, and nothing that
//! runs is passed over; [`Prereleases::OnlyNamed`] gives npm's rule.

use std::cmp::Ordering;
use std::fmt;

use crate::version::composer::Composer;
use crate::version::gem::Gem;
use crate::version::pep440::Pep440;
use crate::version::{Parsed, Scheme, Unorderable, Version};

mod comparisons;
mod composer;
mod conan;
mod hex;
mod intervals;
mod listed;
mod npm;
mod nuget;
mod pub_semver;
mod vers;

pub use vers::{Vers, VersError};

/// The longest range that is read, in bytes. The longest seen in package manifests and advisories has about 600.
pub const RANGE_LENGTH_MAX: usize = 4096;

/// The most comparisons of one range, which bounds the work for each version that is held against it.
pub const RANGE_TERMS_MAX: usize = 256;

/// A set of versions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    scheme: Scheme,
    prereleases: Prereleases,
    /// A version is in the range if all terms of one of these hold; no terms always do.
    alternatives: Box<[Box<[Term]>]>,
}

/// Which prereleases are in a range of npm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prereleases {
    /// Those that their order puts there.
    #[default]
    ByOrder,
    /// Of those only the ones whose release a bound names as a prerelease too: what npm installs.
    OnlyNamed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    operator: Operator,
    version: Box<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// `==1.2.*` of PEP 440, `~1.2` of apk; of Conan only until it is two bounds.
    Prefix,
    /// `!=1.2.*` of PEP 440.
    NotPrefix,
    /// `<~1.2` of apk.
    LessOrPrefix,
    /// `>~1.2` of apk.
    GreaterOrPrefix,
    /// `~=1.2` of PEP 440, `~> 1.2` of gem; of Hex and `^1.2` of Pub and Conan only until they are two bounds.
    Compatible,
    /// `===` of PEP 440: the same text.
    Identical,
}

/// Why a text is not a range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RangeError {
    /// It is longer than [`RANGE_LENGTH_MAX`].
    #[error("the range is {actual} bytes, the limit is {RANGE_LENGTH_MAX}")]
    TooLong {
        /// Its length in bytes.
        actual: usize,
    },
    /// It has more comparisons than [`RANGE_TERMS_MAX`].
    #[error("the range has over {RANGE_TERMS_MAX} comparisons")]
    TooManyTerms,
    /// It holds something that the scheme's ranges have no meaning for.
    #[error("the range is not written as {scheme} ranges are: {expected}")]
    Form {
        /// The scheme whose notation was read.
        scheme: Scheme,
        /// What stands there in a range.
        expected: &'static str,
    },
    /// A bound is no version.
    #[error("a bound of the range is no version")]
    Bound(#[source] Unorderable),
}

impl Range {
    /// Reads a range in the notation of the scheme. A version alone is that version, but for npm and semver, where `1.2`
    /// is all of `1.2.x`.
    pub fn parse(scheme: Scheme, text: &str) -> Result<Self, RangeError> {
        Self::parse_with(scheme, text, Prereleases::ByOrder)
    }

    /// Reads a range, with npm's rule for prereleases if asked.
    pub fn parse_with(scheme: Scheme, text: &str, prereleases: Prereleases) -> Result<Self, RangeError> {
        if text.len() > RANGE_LENGTH_MAX {
            return Err(RangeError::TooLong { actual: text.len() });
        }
        let alternatives = match scheme {
            Scheme::Npm | Scheme::Semver => npm::parse(scheme, text, prereleases)?,
            Scheme::Maven if text.trim_start().starts_with(['[', '(']) => intervals::parse(scheme, text)?,
            Scheme::Nuget => nuget::parse(text)?,
            Scheme::Composer => composer::parse(text)?,
            Scheme::Hex => hex::parse(text)?,
            Scheme::Pub => pub_semver::parse(text)?,
            Scheme::Conan => conan::parse(text)?,
            Scheme::Nginx | Scheme::Openssl => listed::parse(scheme, text)?,
            _ => comparisons::parse(scheme, text)?,
        };
        if alternatives.iter().map(Vec::len).sum::<usize>() > RANGE_TERMS_MAX || alternatives.len() > RANGE_TERMS_MAX {
            return Err(RangeError::TooManyTerms);
        }
        for term in alternatives.iter().flatten() {
            if term.operator != Operator::Identical {
                Version::parse(scheme, &term.version).map_err(RangeError::Bound)?;
            }
        }
        let alternatives = alternatives.into_iter().map(Vec::into_boxed_slice).collect();
        Ok(Self { scheme, prereleases, alternatives })
    }

    /// Returns the scheme whose rules it goes by.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// Tells whether a version lies in the range.
    pub fn contains(&self, version: &str) -> Result<bool, Unorderable> {
        let version = match Version::parse(self.scheme, version) {
            Ok(version) => version,
            // The one operator that asks for no order.
            Err(_) if self.alternatives.iter().any(|terms| is_identical(terms, version)) => return Ok(true),
            Err(unorderable) => return Err(unorderable),
        };
        for terms in &self.alternatives {
            let mut all_hold = true;
            for term in terms {
                all_hold = all_hold && term.holds(&version)?;
            }
            if all_hold && (self.prereleases == Prereleases::ByOrder || names_prerelease(terms, &version)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl fmt::Display for Range {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (and, or) = match self.scheme {
            Scheme::Npm | Scheme::Semver => (" ", "||"),
            _ => (", ", " || "),
        };
        for (index, terms) in self.alternatives.iter().enumerate() {
            if index > 0 {
                formatter.write_str(or)?;
            }
            if terms.is_empty() {
                formatter.write_str("*")?;
            }
            for (index, term) in terms.iter().enumerate() {
                if index > 0 {
                    formatter.write_str(and)?;
                }
                term.write(self.scheme, formatter)?;
            }
        }
        Ok(())
    }
}

impl Term {
    fn holds(&self, version: &Version<'_>) -> Result<bool, Unorderable> {
        if self.operator == Operator::Identical {
            return Ok(self.version.eq_ignore_ascii_case(version.as_str().trim()));
        }
        let bound = Version::parse(version.scheme(), &self.version)?;
        Ok(match (&version.parsed, &bound.parsed) {
            (Parsed::Pep440(version), Parsed::Pep440(bound)) => self.holds_for_python(version, bound),
            (Parsed::Gem(version), Parsed::Gem(bound)) if self.operator == Operator::Compatible => {
                version.order(bound).is_ge() && version.order_release(&successor(bound)).is_lt()
            }
            (Parsed::Apk(version), Parsed::Apk(bound)) => {
                let order = match self.operator {
                    Operator::Prefix | Operator::LessOrPrefix | Operator::GreaterOrPrefix => {
                        version.order_by_prefix(bound)
                    }
                    _ => version.order(bound),
                };
                self.operator.allows(order)
            }
            (Parsed::Composer(version), Parsed::Composer(bound)) => self.holds_for_composer(version, bound),
            (Parsed::Rpm(version), Parsed::Rpm(bound)) => self.operator.allows(version.order_as_dependency(bound)),
            _ => self.operator.allows(version.order(&bound)?),
        })
    }

    /// PEP 440, "Version specifiers".
    fn holds_for_python(&self, version: &Pep440<'_>, bound: &Pep440<'_>) -> bool {
        let is_same_release = version.order_base(bound).is_eq();
        let order_as_bound = if bound.has_local() { version.order(bound) } else { version.order_public(bound) };
        match self.operator {
            Operator::Prefix => version.has_prefix(bound),
            Operator::NotPrefix => !version.has_prefix(bound),
            Operator::Equal | Operator::NotEqual => self.operator.allows(order_as_bound),
            Operator::Compatible => version.order_public(bound).is_ge() && version.has_prefix_but_last(bound),
            Operator::Less => {
                version.order(bound).is_lt() && (bound.is_prerelease() || !version.is_prerelease() || !is_same_release)
            }
            Operator::Greater => {
                version.order(bound).is_gt()
                    && (bound.is_postrelease() || !version.is_postrelease() || !is_same_release)
                    && (!version.has_local() || !is_same_release)
            }
            _ => self.operator.allows(version.order_public(bound)),
        }
    }

    /// A branch is in no range but by its name.
    fn holds_for_composer(&self, version: &Composer<'_>, bound: &Composer<'_>) -> bool {
        match (self.operator, version.order(bound)) {
            (Operator::Equal | Operator::NotEqual, Err(_)) => self.operator == Operator::NotEqual,
            (Operator::Equal | Operator::NotEqual, Ok(order)) => self.operator.allows(order),
            (_, Ok(order)) => !version.is_branch() && !bound.is_branch() && self.operator.allows(order),
            (_, Err(_)) => false,
        }
    }

    fn write(&self, scheme: Scheme, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { operator, version } = self;
        let symbol = match (operator, scheme) {
            (Operator::Equal, Scheme::Npm) => "",
            (Operator::Equal | Operator::Prefix, Scheme::Pep440) => "==",
            (Operator::Equal, _) => "=",
            (Operator::NotEqual | Operator::NotPrefix, _) => "!=",
            (Operator::Less, _) => "<",
            (Operator::LessOrEqual, _) => "<=",
            (Operator::Greater, _) => ">",
            (Operator::GreaterOrEqual, _) => ">=",
            (Operator::Prefix, _) => "~",
            (Operator::LessOrPrefix, _) => "<~",
            (Operator::GreaterOrPrefix, _) => ">~",
            (Operator::Compatible, Scheme::Gem) => "~>",
            (Operator::Compatible, _) => "~=",
            (Operator::Identical, _) => "===",
        };
        let is_wildcard = scheme == Scheme::Pep440 && matches!(operator, Operator::Prefix | Operator::NotPrefix);
        write!(formatter, "{symbol}{version}{}", if is_wildcard { ".*" } else { "" })
    }
}

impl Operator {
    fn allows(self, order: Ordering) -> bool {
        match self {
            Self::Equal | Self::Prefix | Self::Compatible | Self::Identical => order.is_eq(),
            Self::NotEqual | Self::NotPrefix => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual | Self::LessOrPrefix => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual | Self::GreaterOrPrefix => order.is_ge(),
        }
    }
}

fn is_identical(terms: &[Term], version: &str) -> bool {
    let same = |term: &Term| term.operator == Operator::Identical && term.version.eq_ignore_ascii_case(version.trim());
    !terms.is_empty() && terms.iter().all(same)
}

/// Tells whether a version is no prerelease, or is one of a release that a bound names as a prerelease.
fn names_prerelease(terms: &[Term], version: &Version<'_>) -> bool {
    let Parsed::Semver(semver) = &version.parsed else { return true };
    semver.prerelease().is_none()
        || terms.iter().any(|term| match Version::parse(version.scheme(), &term.version).map(|bound| bound.parsed) {
            Ok(Parsed::Semver(bound)) => bound.prerelease().is_some() && bound.order_core(semver).is_eq(),
            _ => false,
        })
}

/// Returns the first release that `~>` of this version excludes: its last number but one is raised.
fn successor(bound: &Gem<'_>) -> Vec<String> {
    let mut numbers: Vec<String> = bound.numbers().map(ToOwned::to_owned).collect();
    if numbers.len() > 1 {
        numbers.pop();
    }
    if let Some(last) = numbers.last_mut() {
        raise(last);
    }
    numbers
}

/// Adds one to a number of any size.
fn raise(digits: &mut String) {
    let kept = digits.trim_end_matches('9').len();
    let nines = digits.len() - kept;
    digits.truncate(kept);
    let last = digits.pop().unwrap_or('0');
    digits.push(char::from_digit(last.to_digit(10).unwrap_or(0) + 1, 10).unwrap_or('1'));
    digits.extend(std::iter::repeat_n('0', nines));
}
