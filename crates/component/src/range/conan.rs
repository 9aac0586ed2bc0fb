//! Conan's ranges: "Version ranges" of the documentation of Conan 2: `>1 <2.0 || ^3.2`, `~2.5`. A prerelease of the version that `<` names is outside,
//! one of the version that `>=` names inside.

use super::{Operator, RangeError, Scheme, Term, comparisons, raise};
use crate::version::conan::{self, Conan};

pub(super) fn parse(text: &str) -> Result<Vec<Vec<Term>>, RangeError> {
    let mut alternatives = comparisons::parse(Scheme::Conan, without_option(text))?;
    for terms in &mut alternatives {
        let mut bounds = Vec::with_capacity(terms.len());
        for term in terms.drain(..) {
            match term.operator {
                Operator::Prefix => bounds.extend(up_to_next(&with_prerelease(&term.version), second)?),
                Operator::Compatible => bounds.extend(up_to_next(&term.version, first_not_zero)?),
                Operator::Less | Operator::GreaterOrEqual => {
                    bounds.push(Term { operator: term.operator, version: with_prerelease(&term.version) });
                }
                _ => bounds.push(term),
            }
        }
        *terms = bounds;
    }
    Ok(alternatives)
}

/// Prereleases count by their order, whether a range says so or not.
fn without_option(text: &str) -> &str {
    let option = text.rsplit_once(',').filter(|(_, option)| option.trim_start().starts_with("include_prerelease"));
    option.map_or(text, |(range, _)| range)
}

/// Returns the version with an empty prerelease, which comes before all others but `0`.
fn with_prerelease(version: &str) -> Box<str> {
    match conan::parse(version) {
        Ok(parsed) if !parsed.has_prerelease() && !parsed.has_build() => format!("{version}-").into(),
        _ => version.into(),
    }
}

/// Returns the bounds from a version to the next, in which the item at the place that `find` tells is raised.
fn up_to_next(version: &str, find: impl Fn(&[&str]) -> usize) -> Result<[Term; 2], RangeError> {
    let items = conan::parse(version).map(|parsed: Conan<'_>| parsed.items().collect::<Vec<_>>()).unwrap_or_default();
    let place = find(&items);
    let number = items.get(place).and_then(|item| conan::value(item));
    let mut next = number.ok_or(FORM)?.into_owned();
    raise(&mut next);
    let upper: Vec<&str> = items.iter().take(place).copied().chain([&*next]).collect();
    let upper = format!("{}-", upper.join(".")).into();
    Ok([
        Term { operator: Operator::GreaterOrEqual, version: with_prerelease(version) },
        Term { operator: Operator::Less, version: upper },
    ])
}

const FORM: RangeError =
    RangeError::Form { scheme: Scheme::Conan, expected: "~ and ^ are followed by a version with a number to raise" };

/// `~1.2.3` goes on while the second item stays, `~1` while the first does.
fn second(items: &[&str]) -> usize {
    usize::from(items.len() > 1)
}

/// `^0.1.2` goes on while the first item that counts stays.
fn first_not_zero(items: &[&str]) -> usize {
    let is_zero = |item: &&&str| conan::value(item).is_some_and(|value| value == "0");
    items.iter().take_while(is_zero).count()
}
