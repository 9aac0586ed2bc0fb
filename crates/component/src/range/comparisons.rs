//! Comparisons parted by commas or blanks, alternatives by `||`; parentheses around one, as Debian writes them, may be there.

use super::{Operator, RangeError, Scheme, Term};

/// What comparisons are written with.
pub(super) const SYMBOLS: &str = "<>=!~^";

pub(super) fn parse(scheme: Scheme, text: &str) -> Result<Vec<Vec<Term>>, RangeError> {
    text.split("||").map(|alternative| parse_alternative(scheme, alternative)).collect()
}

fn parse_alternative(scheme: Scheme, text: &str) -> Result<Vec<Term>, RangeError> {
    let form = |expected| RangeError::Form { scheme, expected };
    let is_parting = |character: char| character == ',' || character.is_whitespace();
    let mut rest = text.trim();
    rest = rest.strip_prefix('(').and_then(|inner| inner.strip_suffix(')')).unwrap_or(rest);
    let mut terms = Vec::new();
    loop {
        rest = rest.trim_start_matches(is_parting);
        if rest.is_empty() {
            break;
        }
        let end = rest.find(|character: char| !SYMBOLS.contains(character)).unwrap_or(rest.len());
        let (symbol, after) = rest.split_at(end);
        let after = after.trim_start();
        // A comparison of Pub may follow the one before it at once.
        let is_end = |character| is_parting(character) || (scheme == Scheme::Pub && SYMBOLS.contains(character));
        let end = after.find(is_end).unwrap_or(after.len());
        let (version, after) = after.split_at(end);
        rest = after;
        if symbol.is_empty() && version == "*" {
            continue;
        }
        let operator = operator(scheme, symbol).ok_or(form("a comparison begins with one of = != < <= > >="))?;
        // Of a version that begins like a comparison none could tell what is meant.
        if version.is_empty() || version.starts_with(|first: char| SYMBOLS.contains(first)) {
            return Err(form("a version follows the comparison"));
        }
        // No version of any scheme holds these, though some take any character.
        if version.contains(['<', '>', '=']) {
            return Err(form("a comma or a blank stands between two comparisons"));
        }
        terms.push(term(scheme, operator, version)?);
    }
    Ok(terms)
}

fn operator(scheme: Scheme, symbol: &str) -> Option<Operator> {
    Some(match (symbol, scheme) {
        ("", Scheme::Nuget) | (">=", _) => Operator::GreaterOrEqual,
        ("" | "=" | "==", _) => Operator::Equal,
        ("!=", _) => Operator::NotEqual,
        ("<", _) | ("<<", Scheme::Deb) => Operator::Less,
        ("<=", _) => Operator::LessOrEqual,
        (">", _) | (">>", Scheme::Deb) => Operator::Greater,
        ("~=", Scheme::Pep440) | ("~>", Scheme::Gem | Scheme::Hex) | ("^", Scheme::Pub | Scheme::Conan) => {
            Operator::Compatible
        }
        ("===", Scheme::Pep440) => Operator::Identical,
        ("~" | "=~" | "~=", Scheme::Apk) | ("~", Scheme::Conan) => Operator::Prefix,
        ("<~" | "<=~", Scheme::Apk) => Operator::LessOrPrefix,
        (">~" | ">=~", Scheme::Apk) => Operator::GreaterOrPrefix,
        _ => return None,
    })
}

fn term(scheme: Scheme, operator: Operator, version: &str) -> Result<Term, RangeError> {
    let form = |expected| RangeError::Form { scheme, expected };
    if scheme == Scheme::Maven && version.contains(['[', ']', '(', ')']) {
        return Err(form("an interval begins with [ or ("));
    }
    if scheme != Scheme::Pep440 || operator == Operator::Identical {
        return Ok(Term { operator, version: version.into() });
    }
    if let Some(prefix) = version.strip_suffix(".*") {
        let operator = match operator {
            Operator::Equal => Operator::Prefix,
            Operator::NotEqual => Operator::NotPrefix,
            _ => return Err(form("`.*` stands only after == and !=")),
        };
        match crate::version::pep440::parse(prefix) {
            Ok(parsed) if parsed.is_final_release() => {}
            _ => return Err(form("numbers stand before `.*`")),
        }
        return Ok(Term { operator, version: prefix.into() });
    }
    if let Ok(parsed) = crate::version::pep440::parse(version) {
        if operator == Operator::Compatible && parsed.release().count() < 2 {
            return Err(form("~= is followed by two numbers at least"));
        }
        if parsed.has_local() && !matches!(operator, Operator::Equal | Operator::NotEqual) {
            return Err(form("a `+` stands only after == and !="));
        }
    }
    Ok(Term { operator, version: version.into() })
}
