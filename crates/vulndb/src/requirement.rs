//! Lists of versions that are *not* affected, as requirements of a package manager: each requirement is an interval, and what
//! is affected is what lies in none of them.

use component::{Scheme, Unorderable, Version};

use crate::{End, Interval, Start};

/// The most requirements of one advisory. The most seen is 12.
pub(crate) const REQUIREMENTS_MAX: usize = 256;

/// One comparison: an operator, and the version after it.
pub(crate) fn split_comparison(text: &str) -> (&str, &str) {
    let text = text.trim();
    let (operator, version) = text.split_at(text.find(|character| !"<>=~^!".contains(character)).unwrap_or(text.len()));
    (operator, version.trim())
}

/// Returns what lies in both.
pub(crate) fn intersect(scheme: Scheme, left: Interval, right: Interval) -> Result<Interval, Unorderable> {
    Ok(Interval {
        start: if is_later_start(scheme, &left.start, &right.start)? { left.start } else { right.start },
        end: if is_earlier_end(scheme, &left.end, &right.end)? { left.end } else { right.end },
    })
}

fn is_later_start(scheme: Scheme, left: &Start, right: &Start) -> Result<bool, Unorderable> {
    let (Start::At(left_bound) | Start::After(left_bound)) = left else { return Ok(false) };
    let (Start::At(right_bound) | Start::After(right_bound)) = right else { return Ok(true) };
    let order = scheme.compare(left_bound, right_bound)?;
    Ok(order.is_gt() || (order.is_eq() && matches!(left, Start::After(_))))
}

fn is_earlier_end(scheme: Scheme, left: &End, right: &End) -> Result<bool, Unorderable> {
    let (End::Fixed(left_bound) | End::Before(left_bound) | End::Through(left_bound)) = left else { return Ok(false) };
    let (End::Fixed(right_bound) | End::Before(right_bound) | End::Through(right_bound)) = right else {
        return Ok(true);
    };
    let order = scheme.compare(left_bound, right_bound)?;
    Ok(order.is_lt() || (order.is_eq() && !matches!(left, End::Through(_))))
}

/// Tells whether the version is one of the scheme's.
pub(crate) fn is_version(scheme: Scheme, version: &str) -> bool {
    Version::parse(scheme, version).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_are_split() {
        for (text, expected) in [
            ("", ("", "")),
            (">=", (">=", "")),
            ("1.0", ("", "1.0")),
            (" >= 1.0 ", (">=", "1.0")),
            ("~>1.0", ("~>", "1.0")),
            ("^ 1.0", ("^", "1.0")),
        ] {
            assert_eq!(split_comparison(text), expected, "{text}");
        }
    }

    #[test]
    fn an_intersection_has_the_narrower_bounds() {
        let at = |version: &str| Start::At(version.to_owned());
        let after = |version: &str| Start::After(version.to_owned());
        let before = |version: &str| End::Before(version.to_owned());
        let through = |version: &str| End::Through(version.to_owned());
        for (left, right, expected) in [
            (Interval::ALL, Interval::ALL, Interval::ALL),
            (
                Interval { start: at("1.0"), end: End::Unbounded },
                Interval { start: Start::Unbounded, end: before("2.0") },
                Interval { start: at("1.0"), end: before("2.0") },
            ),
            (
                Interval { start: at("1.0"), end: through("2.0") },
                Interval { start: after("1.0"), end: before("2.0") },
                Interval { start: after("1.0"), end: before("2.0") },
            ),
            (
                Interval { start: at("1.2"), end: before("3.0") },
                Interval { start: after("1.0"), end: through("2.0") },
                Interval { start: at("1.2"), end: through("2.0") },
            ),
        ] {
            assert_eq!(intersect(Scheme::Gem, left.clone(), right.clone()), Ok(expected.clone()));
            assert_eq!(intersect(Scheme::Gem, right, left), Ok(expected));
        }
        let bad = Interval { start: at("one"), end: End::Unbounded };
        assert!(intersect(Scheme::Gem, bad, Interval { start: at("1"), end: End::Unbounded }).is_err());
    }
}
