//! npm's ranges: README of node-semver 7, "Ranges", read loosely as npm does. Semver has the same notation here, with
//! commas and a bare version as Cargo has them: `1.2` is `^1.2` (The Cargo Book, "Specifying Dependencies").

use super::{Operator, Prereleases, RangeError, Scheme, Term};
use crate::version::npm::{NUMBER_MAX, split_number, split_patch, split_prerelease};

/// What is not even in `*`.
const NOTHING: &str = "0.0.0-0";

/// A version of which some numbers may be missing or wild.
struct Partial<'a> {
    major: Option<u64>,
    minor: Option<u64>,
    patch: Option<u64>,
    /// What stands before a wild number is a number: `1.x`, not `x.1`.
    is_ordered: bool,
    prerelease: Option<&'a str>,
}

/// Makes bounds, and remembers the first that is beyond the largest number.
struct Bounds {
    scheme: Scheme,
    lowest_prerelease: &'static str,
    terms: Vec<Term>,
}

pub(super) fn parse(scheme: Scheme, text: &str, prereleases: Prereleases) -> Result<Vec<Vec<Term>>, RangeError> {
    let mut alternatives = Vec::new();
    for alternative in text.split("||") {
        alternatives.push(parse_alternative(scheme, alternative, prereleases)?);
    }
    let is_nothing =
        |terms: &Vec<Term>| terms.iter().any(|term| term.operator == Operator::Less && &*term.version == NOTHING);
    if alternatives.iter().all(is_nothing) {
        alternatives.truncate(1);
    } else {
        alternatives.retain(|terms| !is_nothing(terms));
    }
    if alternatives.iter().any(Vec::is_empty) {
        return Ok(vec![Vec::new()]);
    }
    Ok(alternatives)
}

fn parse_alternative(scheme: Scheme, text: &str, prereleases: Prereleases) -> Result<Vec<Term>, RangeError> {
    // A prerelease that its order puts into `1.x` is one that begins there: `1.0.0-0`.
    let lowest_prerelease = if prereleases == Prereleases::ByOrder { "-0" } else { "" };
    let mut bounds = Bounds { scheme, lowest_prerelease, terms: Vec::new() };
    let is_parting = |character: char| character.is_whitespace() || character == ',';
    let words: Vec<&str> = text.split(is_parting).filter(|word| !word.is_empty()).collect();
    if let [from, "-", to] = words[..] {
        bounds.hyphen(&bounds.partial(from)?, &bounds.partial(to)?)?;
    } else {
        let mut words = words.into_iter();
        while let Some(word) = words.next() {
            let end = word.find(|character: char| !"<>=~^".contains(character)).unwrap_or(word.len());
            let (symbol, mut version) = word.split_at(end);
            if version.is_empty() {
                version = words.next().ok_or_else(|| bounds.form("a version follows the comparison"))?;
            }
            let partial = bounds.partial(version)?;
            match symbol {
                "^" | "^=" => bounds.caret(&partial)?,
                "" if scheme == Scheme::Semver => bounds.caret(&partial)?,
                "~" | "~>" | "~=" => bounds.tilde(&partial)?,
                "" | "=" | "==" | "<" | "<=" | ">" | ">=" => bounds.comparison(symbol, &partial)?,
                _ => return Err(bounds.form("a comparison begins with one of = < <= > >= ~ ^")),
            }
            if bounds.terms.len() > super::RANGE_TERMS_MAX {
                return Err(RangeError::TooManyTerms);
            }
        }
    }
    Ok(bounds.finish())
}

impl Bounds {
    fn form(&self, expected: &'static str) -> RangeError {
        RangeError::Form { scheme: self.scheme, expected }
    }

    fn partial<'a>(&self, text: &'a str) -> Result<Partial<'a>, RangeError> {
        let unreadable = || self.form("a version is 1, 1.2, 1.2.3, 1.2.3-a or has x or * for a number");
        let text = text.trim_start_matches(['v', '=']);
        let (mut rest, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
        if build.is_some_and(|build| crate::version::semver::check_identifiers(build).is_err()) {
            return Err(unreadable());
        }
        let mut numbers = [None; 3];
        let (mut count, mut prerelease) = (0, None);
        for (index, place) in numbers.iter_mut().enumerate() {
            if index > 0 {
                let Some(next) = rest.strip_prefix('.') else { break };
                rest = next;
            }
            if let Some(next) = rest.strip_prefix(['x', 'X', '*']) {
                rest = next;
            } else if index == 2 {
                let (digits, after) = split_patch(rest).map_err(|_| unreadable())?;
                *place = digits.parse().ok();
                (prerelease, rest) = (after, "");
            } else {
                let (digits, next) = split_number(rest).map_err(|_| unreadable())?;
                *place = digits.parse().ok();
                rest = next;
            }
            count = index + 1;
        }
        if !rest.is_empty() && count < 3 {
            return Err(unreadable());
        }
        let prerelease = prerelease.or(split_prerelease(rest).map_err(|_| unreadable())?);
        let [major, minor, patch] = numbers;
        let is_ordered = (major.is_some() || minor.is_none()) && (minor.is_some() || patch.is_none());
        Ok(Partial { major, minor, patch, is_ordered, prerelease })
    }

    fn push(&mut self, operator: Operator, numbers: [u64; 3], prerelease: &str) -> Result<(), RangeError> {
        if numbers.iter().any(|number| *number > NUMBER_MAX) {
            return Err(self.form("a number is at most 9007199254740991"));
        }
        let [major, minor, patch] = numbers;
        let version = format!("{major}.{minor}.{patch}{prerelease}").into_boxed_str();
        let term = Term { operator, version };
        if !self.terms.contains(&term) {
            self.terms.push(term);
        }
        Ok(())
    }

    fn push_from(&mut self, numbers: [u64; 3]) -> Result<(), RangeError> {
        self.push(Operator::GreaterOrEqual, numbers, self.lowest_prerelease)
    }

    fn push_before(&mut self, numbers: [u64; 3]) -> Result<(), RangeError> {
        self.push(Operator::Less, numbers, "-0")
    }

    fn push_nothing(&mut self) -> Result<(), RangeError> {
        self.push_before([0, 0, 0])
    }

    /// From what was written on, its prerelease too.
    fn push_written(&mut self, numbers: [u64; 3], partial: &Partial<'_>) -> Result<(), RangeError> {
        self.push(Operator::GreaterOrEqual, numbers, &suffix(partial))
    }

    fn caret(&mut self, partial: &Partial<'_>) -> Result<(), RangeError> {
        match (partial.major, partial.minor, partial.patch) {
            (None, ..) => Ok(()),
            (Some(major), None, _) => {
                self.push_from([major, 0, 0])?;
                self.push_before([major + 1, 0, 0])
            }
            (Some(major), Some(minor), None) => {
                self.push_from([major, minor, 0])?;
                self.push_before(if major == 0 { [0, minor + 1, 0] } else { [major + 1, 0, 0] })
            }
            (Some(major), Some(minor), Some(patch)) => {
                self.push_written([major, minor, patch], partial)?;
                self.push_before(match (major, minor) {
                    (0, 0) => [0, 0, patch + 1],
                    (0, _) => [0, minor + 1, 0],
                    _ => [major + 1, 0, 0],
                })
            }
        }
    }

    fn tilde(&mut self, partial: &Partial<'_>) -> Result<(), RangeError> {
        match (partial.major, partial.minor, partial.patch) {
            (None, ..) => Ok(()),
            (Some(major), None, _) => {
                self.push_from([major, 0, 0])?;
                self.push_before([major + 1, 0, 0])
            }
            (Some(major), Some(minor), None) => {
                self.push_from([major, minor, 0])?;
                self.push_before([major, minor + 1, 0])
            }
            (Some(major), Some(minor), Some(patch)) => {
                self.push_written([major, minor, patch], partial)?;
                self.push_before([major, minor + 1, 0])
            }
        }
    }

    fn comparison(&mut self, symbol: &str, partial: &Partial<'_>) -> Result<(), RangeError> {
        if !partial.is_ordered {
            return Err(self.form("no number stands after x or *"));
        }
        let numbers = [partial.major.unwrap_or(0), partial.minor.unwrap_or(0), partial.patch.unwrap_or(0)];
        // The first release after all that the wild numbers stand for.
        let next = match (partial.major, partial.minor) {
            (Some(major), None) => [major + 1, 0, 0],
            (major, minor) => [major.unwrap_or(0), minor.unwrap_or(0) + 1, 0],
        };
        let is_wild = partial.patch.is_none();
        match symbol {
            "<" | ">" if partial.major.is_none() => self.push_nothing(),
            _ if partial.major.is_none() => Ok(()),
            ">" if is_wild => self.push_from(next),
            ">=" if is_wild => self.push_from(numbers),
            "<" if is_wild => self.push_before(numbers),
            "<=" if is_wild => self.push_before(next),
            _ if is_wild => {
                self.push_from(numbers)?;
                self.push_before(next)
            }
            ">" => self.push(Operator::Greater, numbers, &suffix(partial)),
            ">=" => self.push_written(numbers, partial),
            "<" => self.push(Operator::Less, numbers, &suffix(partial)),
            "<=" => self.push(Operator::LessOrEqual, numbers, &suffix(partial)),
            _ => self.push(Operator::Equal, numbers, &suffix(partial)),
        }
    }

    fn hyphen(&mut self, from: &Partial<'_>, to: &Partial<'_>) -> Result<(), RangeError> {
        match (from.major, from.minor, from.patch) {
            (None, ..) => {}
            (Some(major), Some(minor), Some(patch)) if from.prerelease.is_some() => {
                self.push_written([major, minor, patch], from)?;
            }
            (Some(major), minor, patch) => {
                let minor_is_wild = minor.is_none();
                self.push_from([major, minor.unwrap_or(0), if minor_is_wild { 0 } else { patch.unwrap_or(0) }])?;
            }
        }
        match (to.major, to.minor, to.patch) {
            (None, ..) => Ok(()),
            (Some(major), None, _) => self.push_before([major + 1, 0, 0]),
            (Some(major), Some(minor), None) => self.push_before([major, minor + 1, 0]),
            (Some(major), Some(minor), Some(patch)) => {
                if to.prerelease.is_none() && !self.lowest_prerelease.is_empty() {
                    self.push_before([major, minor, patch + 1])
                } else {
                    self.push(Operator::LessOrEqual, [major, minor, patch], &suffix(to))
                }
            }
        }
    }

    /// Returns the bounds, without the one that excludes nothing; of several that cannot hold, one.
    fn finish(mut self) -> Vec<Term> {
        if let Some(nothing) =
            self.terms.iter().position(|term| term.operator == Operator::Less && &*term.version == NOTHING)
        {
            return vec![self.terms.swap_remove(nothing)];
        }
        let everything = format!("0.0.0{}", self.lowest_prerelease);
        self.terms.retain(|term| term.operator != Operator::GreaterOrEqual || *term.version != *everything);
        self.terms
    }
}

fn suffix(partial: &Partial<'_>) -> String {
    partial.prerelease.map(|prerelease| format!("-{prerelease}")).unwrap_or_default()
}
