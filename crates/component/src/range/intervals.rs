//! Intervals of Maven, "POM reference", section Dependency Version Requirement Specification: `[1,2),(,3],[4]`; and those of
//! NuGet, "Package versioning", section Version ranges.

use super::comparisons::SYMBOLS;
use super::{Operator, RangeError, Scheme, Term};

pub(super) fn parse(scheme: Scheme, text: &str) -> Result<Vec<Vec<Term>>, RangeError> {
    let form = || RangeError::Form { scheme, expected: "an interval is [1,2], (1,2) or [1], and a comma parts two" };
    let mut alternatives = Vec::new();
    let mut rest = text.trim();
    loop {
        let includes_lower = match rest.chars().next() {
            Some('[') => true,
            Some('(') => false,
            _ => return Err(form()),
        };
        let end = rest.find([']', ')']).ok_or_else(form)?;
        let includes_upper = rest[end..].starts_with(']');
        let inside = &rest[1..end];
        alternatives.push(match inside.split_once(',') {
            None if includes_lower && includes_upper => {
                vec![Term { operator: Operator::Equal, version: bound(inside, form)?.ok_or_else(form)? }]
            }
            None => return Err(form()),
            Some((lower, upper)) => {
                let lower = bound(lower, form)?.map(|version| {
                    let operator = if includes_lower { Operator::GreaterOrEqual } else { Operator::Greater };
                    Term { operator, version }
                });
                let upper = bound(upper, form)?.map(|version| {
                    let operator = if includes_upper { Operator::LessOrEqual } else { Operator::Less };
                    Term { operator, version }
                });
                lower.into_iter().chain(upper).collect()
            }
        });
        rest = rest[end + 1..].trim_start();
        if rest.is_empty() {
            return Ok(alternatives);
        }
        rest = rest.strip_prefix(',').ok_or_else(form)?.trim_start();
    }
}

fn bound(text: &str, form: impl Fn() -> RangeError) -> Result<Option<Box<str>>, RangeError> {
    let text = text.trim();
    let is_comparison = text.starts_with(|first: char| SYMBOLS.contains(first));
    if is_comparison || text.contains([',', '[', '(', '|']) {
        return Err(form());
    }
    Ok((!text.is_empty()).then(|| text.into()))
}
