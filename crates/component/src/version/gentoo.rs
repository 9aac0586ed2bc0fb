//! Gentoo packages: Package Manager Specification, "Version Specifications" and "Version Comparison".

use std::cmp::Ordering;

use super::{Reason, number};

/// `number{.number}[letter]{_suffix[number]}[-rnumber]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gentoo<'a> {
    numbers: &'a str,
    letter: &'a str,
    /// What follows the letter, with its underscores.
    suffixes: &'a str,
    revision: &'a str,
}

/// What follows an underscore, in its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Suffix {
    Alpha,
    Beta,
    Pre,
    Rc,
    P,
}

const FORM: Reason = Reason::Form("it is number{.number}[letter]{_suffix[number]}[-rnumber]");

pub(super) fn parse(text: &str) -> Result<Gentoo<'_>, Reason> {
    super::check_printing(text)?;
    let (version, revision) = match text.split_once('-') {
        None => (text, ""),
        Some((version, revision)) => {
            let revision = revision.strip_prefix('r').filter(|digits| number::is_number(digits));
            (version, revision.ok_or(Reason::Form("`-` is followed by `r` and a number"))?)
        }
    };
    let (main, suffixes) = version.split_at(version.find('_').unwrap_or(version.len()));
    let numbers = main.strip_suffix(|last: char| last.is_ascii_lowercase()).unwrap_or(main);
    if !numbers.split('.').all(number::is_number) {
        return Err(FORM);
    }
    if !suffixes.split('_').skip(1).all(|part| read_suffix(part).is_some()) {
        return Err(Reason::Form("`_` is followed by alpha, beta, pre, rc or p, and a number"));
    }
    Ok(Gentoo { numbers, letter: &main[numbers.len()..], suffixes, revision })
}

impl<'a> Gentoo<'a> {
    pub(super) fn order(&self, other: &Self) -> Ordering {
        order_numbers(self.numbers, other.numbers)
            .then_with(|| self.letter.cmp(other.letter))
            .then_with(|| self.order_suffixes(other))
            .then_with(|| number::compare(self.revision, other.revision))
    }

    fn order_suffixes(&self, other: &Self) -> Ordering {
        let (mut left, mut right) = (self.suffixes(), other.suffixes());
        loop {
            let order = match (left.next(), right.next()) {
                (None, None) => return Ordering::Equal,
                (Some((left, number)), Some((right, other))) => {
                    left.cmp(&right).then_with(|| number::compare(number, other))
                }
                // One more comes after, if it is a patch, and before, if it is anything else.
                (Some((Suffix::P, _)), None) => Ordering::Greater,
                (Some(_), None) | (None, Some((Suffix::P, _))) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
            };
            if order.is_ne() {
                return order;
            }
        }
    }

    fn suffixes(&self) -> impl Iterator<Item = (Suffix, &'a str)> {
        self.suffixes.split('_').skip(1).filter_map(read_suffix)
    }
}

fn read_suffix(part: &str) -> Option<(Suffix, &str)> {
    let (word, digits) = number::split_while(part, |byte| byte.is_ascii_lowercase());
    let suffix = match word {
        "alpha" => Suffix::Alpha,
        "beta" => Suffix::Beta,
        "pre" => Suffix::Pre,
        "rc" => Suffix::Rc,
        "p" => Suffix::P,
        _ => return None,
    };
    (digits.is_empty() || number::is_number(digits)).then_some((suffix, digits))
}

fn order_numbers(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.').enumerate(), right.split('.').enumerate());
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            // After the first, a number with a leading zero is read as a decimal fraction, and so is what it is compared with.
            (Some((1.., left)), Some((_, right))) if left.starts_with('0') || right.starts_with('0') => {
                left.trim_end_matches('0').cmp(right.trim_end_matches('0'))
            }
            (Some((_, left)), Some((_, right))) => number::compare(left, right),
            (left, right) => left.is_some().cmp(&right.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
}
