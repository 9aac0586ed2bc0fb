//! NuGet's ranges: "Package versioning" of the NuGet documentation, sections Version ranges and Floating version
//! resolutions: `[1.0,2.0)`, `1.0` for that and all after it, `1.*`. Prereleases count by their order.

use super::{Operator, RangeError, Scheme, Term, comparisons, intervals, raise};
use crate::version::Version;

const FLOATING: RangeError =
    RangeError::Form { scheme: Scheme::Nuget, expected: "* stands for the last number, or for all of a prerelease" };

pub(super) fn parse(text: &str) -> Result<Vec<Vec<Term>>, RangeError> {
    let trimmed = text.trim();
    if trimmed.starts_with(['[', '(']) {
        return interval(trimmed).map(|terms| vec![terms]);
    }
    if trimmed.contains('*')
        && !trimmed.contains(|character: char| character.is_whitespace() || "<>=!,|".contains(character))
    {
        return floating(trimmed).map(|terms| vec![terms]);
    }
    comparisons::parse(Scheme::Nuget, text)
}

fn interval(text: &str) -> Result<Vec<Term>, RangeError> {
    let form = |expected| RangeError::Form { scheme: Scheme::Nuget, expected };
    let mut intervals = intervals::parse(Scheme::Nuget, text)?;
    let (Some(terms), true) = (intervals.pop(), intervals.is_empty()) else {
        return Err(form("there is one interval"));
    };
    let parse = |term: &Term| Version::parse(Scheme::Nuget, &term.version).map(|_| ()).map_err(RangeError::Bound);
    terms.iter().try_for_each(parse)?;
    match &terms[..] {
        [] => Err(form("an interval has a bound")),
        [lower, upper] => {
            let order = Scheme::Nuget.compare(&lower.version, &upper.version).map_err(RangeError::Bound)?;
            let includes = [lower.operator == Operator::GreaterOrEqual, upper.operator == Operator::LessOrEqual];
            if order.is_gt() || (order.is_eq() && includes[0] != includes[1]) {
                return Err(form("the lower bound of an interval is not above the upper"));
            }
            Ok(terms)
        }
        _ => Ok(terms),
    }
}

fn floating(text: &str) -> Result<Vec<Term>, RangeError> {
    if matches!(text, "*" | "*-*") {
        return Ok(Vec::new());
    }
    let bound = |operator, version: String| Term { operator, version: version.into() };
    let numbers_of = |text: &str| {
        let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        text.split('.').all(is_number).then(|| text.split('.').map(ToOwned::to_owned).collect::<Vec<_>>())
    };
    if let Some(numbers) = text.strip_suffix("-*").unwrap_or(text).strip_suffix(".*").and_then(numbers_of) {
        let mut next = numbers.clone();
        next.last_mut().map(raise);
        return Ok(vec![
            bound(Operator::GreaterOrEqual, format!("{}-0", numbers.join("."))),
            bound(Operator::Less, format!("{}-0", next.join("."))),
        ]);
    }
    let numbers = text.strip_suffix("-*").and_then(numbers_of).ok_or(FLOATING)?.join(".");
    Ok(vec![bound(Operator::GreaterOrEqual, format!("{numbers}-0")), bound(Operator::LessOrEqual, numbers)])
}
