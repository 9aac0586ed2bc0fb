//! Pub's constraints: "Package dependencies" of the Dart documentation, and `VersionConstraint` of the package `pub_semver`:
//! `any`, `^1.2.3`, `>=1.2.3 <2.0.0`. A prerelease of the version that `<` names is outside, unless one of its prereleases
//! is the lower bound.

use super::{Operator, RangeError, Scheme, Term, comparisons, raise};
use crate::version::pub_semver::{self, Pub};

pub(super) fn parse(text: &str) -> Result<Vec<Vec<Term>>, RangeError> {
    if text.trim() == "any" {
        return Ok(vec![Vec::new()]);
    }
    let mut alternatives = comparisons::parse(Scheme::Pub, text)?;
    for terms in &mut alternatives {
        match &terms[..] {
            [only] if only.operator == Operator::Compatible => *terms = compatible(&only.version),
            _ if terms.iter().any(|term| term.operator == Operator::Compatible) => {
                return Err(RangeError::Form { scheme: Scheme::Pub, expected: "^ stands alone" });
            }
            _ => exclude_prereleases(terms),
        }
    }
    Ok(alternatives)
}

/// Returns the bounds of `^`: from the version to the next that may break.
fn compatible(version: &str) -> Vec<Term> {
    let lower = Term { operator: Operator::GreaterOrEqual, version: version.into() };
    // What is no version is refused with the bounds.
    let Ok(parsed) = pub_semver::parse(version) else { return vec![lower] };
    let [major, minor, _] = parsed.core().map(ToOwned::to_owned);
    let is_zero = major.bytes().all(|byte| byte == b'0');
    let mut next = if is_zero { minor } else { major };
    raise(&mut next);
    let upper = if is_zero { format!("0.{next}.0-0") } else { format!("{next}.0.0-0") };
    vec![lower, Term { operator: Operator::Less, version: upper.into() }]
}

fn exclude_prereleases(terms: &mut [Term]) {
    let is_lower =
        |term: &&Term| matches!(term.operator, Operator::Greater | Operator::GreaterOrEqual | Operator::Equal);
    let lower: Vec<Box<str>> = terms.iter().filter(is_lower).map(|term| term.version.clone()).collect();
    let lower: Vec<Pub<'_>> = lower.iter().filter_map(|version| pub_semver::parse(version).ok()).collect();
    for term in terms.iter_mut().filter(|term| term.operator == Operator::Less) {
        let Ok(upper) = pub_semver::parse(&term.version) else { continue };
        let begins_in_prereleases = lower.iter().any(|lower| lower.is_prerelease() && lower.order_core(&upper).is_eq());
        if !upper.is_prerelease() && !upper.has_build() && !begins_in_prereleases {
            term.version = format!("{}-0", term.version).into();
        }
    }
}
