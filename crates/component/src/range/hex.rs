//! Hex's requirements: the documentation of Elixir's `Version`, "Requirements": `~> 1.2 and != 1.2.3 or == 2.0.0`, where
//! prereleases count by their order.

use super::{Operator, RangeError, Scheme, Term, comparisons, raise};

const FORM: RangeError = RangeError::Form { scheme: Scheme::Hex, expected: "~> is followed by two or three numbers" };

pub(super) fn parse(text: &str) -> Result<Vec<Vec<Term>>, RangeError> {
    let words = text.split_whitespace().map(|word| match word {
        "and" => ",",
        "or" => "||",
        word => word,
    });
    let text = words.collect::<Vec<_>>().join(" ");
    let mut alternatives = comparisons::parse(Scheme::Hex, &text)?;
    for terms in &mut alternatives {
        let mut bounds = Vec::with_capacity(terms.len());
        for term in terms.drain(..) {
            match term.operator {
                Operator::Compatible => bounds.extend(compatible(&term.version)?),
                _ => bounds.push(term),
            }
        }
        *terms = bounds;
    }
    Ok(alternatives)
}

/// Returns the bounds of `~>`: from the version to the next of its number before the last.
fn compatible(version: &str) -> Result<[Term; 2], RangeError> {
    let numbers_end = version.find(['-', '+']).unwrap_or(version.len());
    let (numbers, suffix) = version.split_at(numbers_end);
    let (lower, kept) = match numbers.split('.').collect::<Vec<_>>()[..] {
        [major, _] => (format!("{numbers}.0{suffix}"), vec![major]),
        [major, minor, _] => (version.to_owned(), vec![major, minor]),
        _ => return Err(FORM),
    };
    let mut next: Vec<String> = kept.into_iter().map(ToOwned::to_owned).collect();
    match next.last_mut() {
        Some(last) if !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()) => raise(last),
        _ => return Err(FORM),
    }
    next.resize(3, "0".to_owned());
    let upper = format!("{}-0", next.join("."));
    Ok([
        Term { operator: Operator::GreaterOrEqual, version: lower.into() },
        Term { operator: Operator::Less, version: upper.into() },
    ])
}
