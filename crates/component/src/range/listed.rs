//! The lists of versions in the advisories of nginx, "nginx security advisories", and of OpenSSL, "Vulnerabilities": `0.7.52-0.8.39`, `1.5.0+, 1.4.1+`
//! and `1.0.2k, 3.1.2`, in which a comma means or. What has a comparison is read as one.

use std::cmp::Ordering;

use super::comparisons::{self, SYMBOLS};
use super::{Operator, RangeError, Scheme, Term, raise};
use crate::version::Version;

pub(super) fn parse(scheme: Scheme, text: &str) -> Result<Vec<Vec<Term>>, RangeError> {
    if text.trim().is_empty()
        || text.contains(|character: char| SYMBOLS.contains(character) || matches!(character, '*' | '|'))
    {
        return comparisons::parse(scheme, text);
    }
    if scheme == Scheme::Nginx && text.trim() == "all" {
        return Ok(vec![Vec::new()]);
    }
    let entries: Vec<&str> = text.split(',').map(str::trim).collect();
    entries.iter().map(|entry| read(scheme, entry, &entries)).collect()
}

fn read(scheme: Scheme, entry: &str, entries: &[&str]) -> Result<Vec<Term>, RangeError> {
    let bound = |operator, version: &str| {
        Version::parse(scheme, version).map_err(RangeError::Bound)?;
        Ok(Term { operator, version: version.into() })
    };
    if scheme != Scheme::Nginx {
        return Ok(vec![bound(Operator::Equal, entry)?]);
    }
    if let Some((first, last)) = entry.split_once('-') {
        return Ok(vec![bound(Operator::GreaterOrEqual, first)?, bound(Operator::LessOrEqual, last)?]);
    }
    let Some(first) = entry.strip_suffix('+') else { return Ok(vec![bound(Operator::Equal, entry)?]) };
    let lower = bound(Operator::GreaterOrEqual, first)?;
    // Of several that go on, each but the last goes on to the end of its branch.
    let is_before = |other: &&str| {
        other.strip_suffix('+').is_some_and(|other| scheme.compare(first, other).is_ok_and(Ordering::is_lt))
    };
    if !entries.iter().any(is_before) {
        return Ok(vec![lower]);
    }
    let mut numbers = first.split('.');
    let (major, minor) = (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default());
    let mut next = minor.to_owned();
    raise(&mut next);
    Ok(vec![lower, bound(Operator::Less, &format!("{major}.{next}.0"))?])
}
