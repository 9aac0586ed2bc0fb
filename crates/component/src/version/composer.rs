//! PHP packages: "Versions and constraints" of the Composer documentation, `VersionParser` of composer/semver 3.4 for how a
//! version is normalised, and PHP's `version_compare` for the order.
//!
//! A branch (`dev-main`) comes before all numbers, is equal to itself, and has no order among branches. A branch whose name
//! is a number (`1.2.x-dev`) comes after all releases of that number, a date has as many numbers as it was written with.

use std::cmp::Ordering;
use std::fmt;

use super::{Reason, number};

/// What Composer puts for a number of a branch that is open.
const OPEN: &str = "9999999";

/// How many numbers a version has; those that are missing are zero, or open on a branch.
const NUMBERS: usize = 4;

#[derive(Clone, Copy, Debug)]
pub(crate) enum Composer<'a> {
    /// The name that follows `dev-`.
    Branch(&'a str),
    Numbered(Numbered<'a>),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbered<'a> {
    /// Numbers, and on a branch `x` and `*`, each parted by one character.
    numbers: &'a str,
    kind: Kind,
    /// The stability as it is written, without `stable`, which says nothing.
    word: &'a str,
    /// The numbers after the stability, parted by `.` or `-`.
    word_numbers: &'a str,
    is_development: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Release,
    Date,
    Branch,
}

/// One part of what `version_compare` compares, in its order.
#[derive(Clone, Copy, Debug)]
enum Part<'a> {
    /// A word before the end: development, alpha, beta, candidate, or one that PHP does not know.
    Unstable(i8),
    End,
    Number(&'a str),
    Patch,
}

/// Words of stability in lower case; of two where one begins the other, the longer stands first.
const WORDS: [&str; 9] = ["stable", "beta", "b", "rc", "alpha", "a", "patch", "pl", "p"];

const FORM: Reason = Reason::Form(
    "it is one to four numbers parted by `.`, a date, or dev-NAME, and after it -beta1, -RC1, -dev or such",
);

pub(crate) fn parse(text: &str) -> Result<Composer<'_>, Reason> {
    let text = without_alias(text.trim_ascii());
    super::check_printing(text)?;
    let text = split_stability(text).0;
    if matches!(text, "master" | "trunk" | "default") {
        return Ok(Composer::Branch(text));
    }
    if let Some(name) = strip_word(text, "dev-") {
        return Ok(Composer::Branch(name));
    }
    let text = match text.split_once('+') {
        Some((version, build)) if !version.is_empty() && !version.contains(',') && !build.is_empty() => version,
        _ => text,
    };
    let numbered = strip_word(text, "v").unwrap_or(text);
    let found = split_release(numbered).or_else(|| split_date(numbered)).or_else(|| split_branch(numbered));
    found.map(Composer::Numbered).ok_or(FORM)
}

impl Composer<'_> {
    pub(crate) fn order(&self, other: &Self) -> Result<Ordering, Reason> {
        match (self, other) {
            (Self::Numbered(left), Self::Numbered(right)) => Ok(left.order(right)),
            (Self::Branch(left), Self::Branch(right)) if left == right => Ok(Ordering::Equal),
            (Self::Branch(_), Self::Branch(_)) => Err(Reason::Form("of two branches none comes first")),
            (Self::Branch(_), Self::Numbered(_)) => Ok(Ordering::Less),
            (Self::Numbered(_), Self::Branch(_)) => Ok(Ordering::Greater),
        }
    }

    pub(crate) fn is_branch(&self) -> bool {
        matches!(self, Self::Branch(_))
    }

    /// Tells whether it is a release that has no word of stability, or one for a patch.
    pub(crate) fn is_stable(&self) -> bool {
        match self {
            Self::Branch(_) => false,
            Self::Numbered(numbered) => {
                let word = numbered.word;
                !numbered.is_development && (word.is_empty() || word.starts_with(['p', 'P', 's', 'S']))
            }
        }
    }
}

impl<'a> Numbered<'a> {
    /// Returns the same version with a word of stability that has no number.
    pub(crate) fn with_word(self, word: &'a str) -> Self {
        if word.eq_ignore_ascii_case("dev") {
            return Self { is_development: true, ..self };
        }
        Self { word, word_numbers: "", ..self }
    }

    pub(crate) fn has_word(&self) -> bool {
        !self.word.is_empty()
    }

    /// Tells whether it is a release candidate that is not in development.
    pub(crate) fn is_candidate(&self) -> bool {
        self.word.eq_ignore_ascii_case("rc") && !self.is_development
    }

    fn order(&self, other: &Self) -> Ordering {
        let (mut left, mut right) = (self.parts(), other.parts());
        loop {
            let order = match (left.next().unwrap_or(Part::End), right.next().unwrap_or(Part::End)) {
                (Part::End, Part::End) => return Ordering::Equal,
                (Part::Number(left), Part::Number(right)) => number::compare(left, right),
                (left, right) => left.rank().cmp(&right.rank()),
            };
            if order.is_ne() {
                return order;
            }
        }
    }

    fn parts(&self) -> impl Iterator<Item = Part<'a>> + use<'a> {
        let numbers = self.numbers.split(is_separator).filter(|number| !number.is_empty());
        let missing = match self.kind {
            Kind::Date => 0,
            Kind::Release | Kind::Branch => NUMBERS.saturating_sub(numbers.clone().count()),
        };
        let filler = if self.kind == Kind::Branch { OPEN } else { "0" };
        let numbers = numbers.map(|number| if number::is_number(number) { number } else { OPEN });
        let word_numbers = self.word_numbers.split(['.', '-']).filter(|number| !number.is_empty());
        numbers
            .chain(std::iter::repeat_n(filler, missing))
            .map(Part::Number)
            .chain((!self.word.is_empty()).then(|| word_part(self.word)))
            .chain(word_numbers.map(Part::Number))
            .chain(self.is_development.then_some(Part::Unstable(0)))
    }
}

/// Text that reads back as the same version: that with `-stable` where it could be taken for one without a stability.
impl fmt::Display for Composer<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Branch(name) => write!(formatter, "dev-{name}"),
            Self::Numbered(numbered) => numbered.fmt(formatter),
        }
    }
}

impl fmt::Display for Numbered<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { numbers, word, word_numbers, is_development, .. } = self;
        formatter.write_str(numbers)?;
        if !word.is_empty() {
            write!(formatter, "-{word}{}", word_numbers.trim_start_matches(['.', '-']))?;
        }
        formatter.write_str(match (is_development, word.is_empty()) {
            (true, _) => "-dev",
            (false, true) => "-stable",
            (false, false) => "",
        })
    }
}

impl Part<'_> {
    fn rank(&self) -> i8 {
        match self {
            Self::Unstable(rank) => *rank,
            Self::End => 4,
            Self::Number(_) => 5,
            Self::Patch => 6,
        }
    }
}

fn word_part(word: &str) -> Part<'static> {
    match word.bytes().next().map(|first| first.to_ascii_lowercase()) {
        Some(b'a') => Part::Unstable(1),
        Some(b'b') => Part::Unstable(2),
        Some(b'r') => Part::Unstable(3),
        Some(b'p') => Part::Patch,
        // `Stable` with a capital is kept by Composer, and PHP has no place for it.
        _ => Part::Unstable(-1),
    }
}

/// Takes the second version off `1.0 as 2.0`.
pub(crate) fn without_alias(text: &str) -> &str {
    let mut words = text.split_ascii_whitespace();
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(version), Some("as"), Some(_), None) => version,
        _ => text,
    }
}

/// Takes the stability off `1.0@beta`.
pub(crate) fn split_stability(text: &str) -> (&str, Option<&str>) {
    let names = ["stable", "rc", "beta", "alpha", "dev"];
    match text.rsplit_once('@') {
        Some((version, name)) if names.iter().any(|known| known.eq_ignore_ascii_case(name)) => (version, Some(name)),
        _ => (text, None),
    }
}

fn split_release(text: &str) -> Option<Numbered<'_>> {
    let (first, mut rest) = number::split(text);
    if first.is_empty() || first.len() > 5 {
        return None;
    }
    for _ in 1..NUMBERS {
        let Some(after) = rest.strip_prefix('.') else { break };
        let (number, after) = number::split(after);
        if number.is_empty() {
            break;
        }
        rest = after;
    }
    with_modifier(&text[..text.len() - rest.len()], Kind::Release, rest)
}

fn split_date(text: &str) -> Option<Numbered<'_>> {
    let (run, _) = number::split_while(text, |byte| byte.is_ascii_digit() || is_date_separator(byte));
    let date = run.trim_end_matches(|last| u8::try_from(last).is_ok_and(is_date_separator));
    let year_is_there = date.bytes().take(4).filter(u8::is_ascii_digit).count() == 4;
    if !year_is_there || !is_date(&date[4..], 0, 0) {
        return None;
    }
    with_modifier(date, Kind::Date, &text[date.len()..])
}

/// Tells whether one to six pairs of digits follow, and up to two runs of one to three; each may begin with a separator.
fn is_date(text: &str, pairs: u8, runs: u8) -> bool {
    let Some(first) = text.bytes().next() else { return pairs > 0 };
    let text = if is_date_separator(first) { &text[1..] } else { text };
    let digits = number::split(text).0.len();
    let as_pair = runs == 0 && pairs < 6 && digits >= 2 && is_date(&text[2..], pairs + 1, 0);
    as_pair || (pairs > 0 && runs < 2 && (1..=digits.min(3)).any(|length| is_date(&text[length..], pairs, runs + 1)))
}

fn split_branch(text: &str) -> Option<Numbered<'_>> {
    let name = text
        .len()
        .checked_sub(3)
        .filter(|end| text.is_char_boundary(*end) && strip_word(&text[*end..], "dev").is_some());
    let name = &text[..name?];
    let name = name.strip_suffix(['.', '-']).unwrap_or(name);
    let is_part = |part: &str| number::is_number(part) || matches!(part, "x" | "X" | "*");
    let mut parts = name.split('.');
    let is_branch =
        parts.next().is_some_and(number::is_number) && parts.clone().count() < NUMBERS && parts.all(is_part);
    is_branch.then_some(Numbered {
        numbers: name,
        kind: Kind::Branch,
        word: "",
        word_numbers: "",
        is_development: true,
    })
}

fn with_modifier<'a>(numbers: &'a str, kind: Kind, rest: &'a str) -> Option<Numbered<'a>> {
    let (word, word_numbers, is_development) = modifier(rest)?;
    if word == "stable" {
        return Some(Numbered { numbers, kind, word: "", word_numbers: "", is_development: false });
    }
    Some(Numbered { numbers, kind, word, word_numbers, is_development })
}

/// Reads what may follow the numbers: a separator, a word of stability with its numbers, and `dev`; each may be missing.
pub(crate) fn modifier(text: &str) -> Option<(&str, &str, bool)> {
    let text = text.strip_prefix(['.', '_', '-']).unwrap_or(text);
    let after = WORDS.iter().find_map(|word| strip_word(text, word)).unwrap_or(text);
    let word = &text[..text.len() - after.len()];
    let mut rest = after;
    while !word.is_empty() {
        let (number, after) = number::split(rest.strip_prefix(['.', '-']).unwrap_or(rest));
        if number.is_empty() {
            break;
        }
        rest = after;
    }
    let word_numbers = &after[..after.len() - rest.len()];
    if rest.is_empty() {
        return Some((word, word_numbers, false));
    }
    let development = strip_word(rest.strip_prefix(['.', '-']).unwrap_or(rest), "dev")?;
    development.is_empty().then_some((word, word_numbers, true))
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (beginning, rest) = text.split_at_checked(word.len())?;
    beginning.eq_ignore_ascii_case(word).then_some(rest)
}

fn is_date_separator(byte: u8) -> bool {
    matches!(byte, b'.' | b':' | b'-')
}

fn is_separator(character: char) -> bool {
    matches!(character, '.' | ':' | '-')
}
