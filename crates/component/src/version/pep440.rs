//! Python packages: PEP 440, now the packaging specification "Version specifiers", with the spellings of its appendix B.

use std::cmp::Ordering;

use super::{Reason, number};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Pep440<'a> {
    epoch: &'a str,
    release: &'a str,
    pre: Option<(Phase, &'a str)>,
    post: Option<&'a str>,
    dev: Option<&'a str>,
    local: Option<&'a str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Alpha,
    Beta,
    Candidate,
}

/// The spellings of each phase; of two where one begins the other, the longer stands first.
const PHASES: [(&str, Phase); 8] = [
    ("alpha", Phase::Alpha),
    ("a", Phase::Alpha),
    ("beta", Phase::Beta),
    ("b", Phase::Beta),
    ("preview", Phase::Candidate),
    ("pre", Phase::Candidate),
    ("rc", Phase::Candidate),
    ("c", Phase::Candidate),
];

pub(crate) fn parse(text: &str) -> Result<Pep440<'_>, Reason> {
    let text = text.trim();
    if let Some(character) =
        text.chars().find(|character| !character.is_ascii_alphanumeric() && !"!+-._".contains(*character))
    {
        return Err(Reason::Character(character));
    }
    let (public, local) = text.split_once('+').map_or((text, None), |(public, local)| (public, Some(local)));
    let rest = strip_word(public, "v").unwrap_or(public);
    let (epoch, rest) = rest.split_once('!').unwrap_or(("0", rest));
    if !number::is_number(epoch) {
        return Err(Reason::Form("the epoch before `!` is a number"));
    }
    let (release, rest) = split_release(rest)?;
    let (pre, rest) = split_pre(rest);
    let (post, rest) = split_post(rest);
    let (dev, rest) = split_named(rest, &["dev"]);
    if !rest.is_empty() {
        return Err(Reason::Form("it is [epoch!]number{.number}[a|b|rc number][.post number][.dev number][+local]"));
    }
    let is_segment = |segment: &str| !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if local.is_some_and(|local| !local_segments(local).all(is_segment)) {
        return Err(Reason::Form("letters and digits, parted by `.`, follow `+`"));
    }
    Ok(Pep440 { epoch, release, pre, post, dev, local })
}

impl<'a> Pep440<'a> {
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        self.order_public(other).then_with(|| order_local(self.local, other.local))
    }

    /// Orders without what follows the plus sign.
    pub(crate) fn order_public(&self, other: &Self) -> Ordering {
        self.order_base(other)
            .then_with(|| self.order_pre(other))
            .then_with(|| match (self.post, other.post) {
                (Some(left), Some(right)) => number::compare(left, right),
                (left, right) => left.is_some().cmp(&right.is_some()),
            })
            .then_with(|| match (self.dev, other.dev) {
                (Some(left), Some(right)) => number::compare(left, right),
                (left, right) => left.is_none().cmp(&right.is_none()),
            })
    }

    /// Orders by epoch and release alone.
    pub(crate) fn order_base(&self, other: &Self) -> Ordering {
        number::compare(self.epoch, other.epoch).then_with(|| {
            let (mut left, mut right) = (self.release(), other.release());
            loop {
                match (left.next(), right.next()) {
                    (None, None) => return Ordering::Equal,
                    (left, right) => {
                        let order = number::compare(left.unwrap_or_default(), right.unwrap_or_default());
                        if order.is_ne() {
                            return order;
                        }
                    }
                }
            }
        })
    }

    // A development release of a final version comes before that version's first alpha.
    fn order_pre(&self, other: &Self) -> Ordering {
        let rank = |version: &Self| match version.pre {
            Some(_) => 1,
            None if version.post.is_none() && version.dev.is_some() => 0,
            None => 2,
        };
        rank(self).cmp(&rank(other)).then_with(|| match (self.pre, other.pre) {
            (Some((phase, number)), Some((other, other_number))) => {
                phase.cmp(&other).then_with(|| number::compare(number, other_number))
            }
            _ => Ordering::Equal,
        })
    }

    /// Tells whether this version's epoch and release begin with all of `prefix`'s.
    pub(crate) fn has_prefix(&self, prefix: &Self) -> bool {
        let mut own = self.release();
        number::compare(self.epoch, prefix.epoch).is_eq()
            && prefix.release().all(|part| number::compare(own.next().unwrap_or_default(), part).is_eq())
    }

    /// Tells whether this version's epoch and release begin with all of `bound`'s but the last number.
    pub(crate) fn has_prefix_but_last(&self, bound: &Self) -> bool {
        let mut own = self.release();
        let kept = bound.release().count().saturating_sub(1);
        number::compare(self.epoch, bound.epoch).is_eq()
            && bound.release().take(kept).all(|part| number::compare(own.next().unwrap_or_default(), part).is_eq())
    }

    pub(crate) fn release(&self) -> std::str::Split<'a, char> {
        self.release.split('.')
    }

    pub(crate) fn is_final_release(&self) -> bool {
        self.pre.is_none() && self.post.is_none() && self.dev.is_none() && self.local.is_none()
    }

    pub(crate) fn is_prerelease(&self) -> bool {
        self.pre.is_some() || self.dev.is_some()
    }

    pub(crate) fn is_postrelease(&self) -> bool {
        self.post.is_some()
    }

    pub(crate) fn has_local(&self) -> bool {
        self.local.is_some()
    }
}

fn split_release(text: &str) -> Result<(&str, &str), Reason> {
    let mut end = 0;
    loop {
        let (digits, rest) = number::split(&text[end..]);
        if digits.is_empty() {
            return Err(Reason::Form("a release is numbers parted by `.`"));
        }
        end += digits.len();
        match rest.strip_prefix('.') {
            Some(next) if next.starts_with(|first: char| first.is_ascii_digit()) => end += 1,
            _ => return Ok(text.split_at(end)),
        }
    }
}

fn split_pre(text: &str) -> (Option<(Phase, &str)>, &str) {
    let word = strip_separator(text);
    for (name, phase) in PHASES {
        if let Some(rest) = strip_word(word, name) {
            let (number, rest) = number::split(strip_separator(rest));
            return (Some((phase, number)), rest);
        }
    }
    (None, text)
}

fn split_post(text: &str) -> (Option<&str>, &str) {
    if let Some(rest) = text.strip_prefix('-') {
        let (number, rest) = number::split(rest);
        if !number.is_empty() {
            return (Some(number), rest);
        }
    }
    split_named(text, &["post", "rev", "r"])
}

fn split_named<'a>(text: &'a str, names: &[&str]) -> (Option<&'a str>, &'a str) {
    let word = strip_separator(text);
    names.iter().find_map(|name| strip_word(word, name)).map_or((None, text), |rest| {
        let (number, rest) = number::split(strip_separator(rest));
        (Some(number), rest)
    })
}

fn strip_separator(text: &str) -> &str {
    text.strip_prefix(['-', '_', '.']).unwrap_or(text)
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let (beginning, rest) = text.split_at_checked(word.len())?;
    beginning.eq_ignore_ascii_case(word).then_some(rest)
}

fn local_segments(local: &str) -> std::str::Split<'_, [char; 3]> {
    local.split(['.', '-', '_'])
}

fn order_local(left: Option<&str>, right: Option<&str>) -> Ordering {
    let (Some(left), Some(right)) = (left, right) else { return left.is_some().cmp(&right.is_some()) };
    let (mut left, mut right) = (local_segments(left), local_segments(right));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (Some(left), Some(right)) => match (number::is_number(left), number::is_number(right)) {
                (true, true) => number::compare(left, right),
                (false, false) => left
                    .bytes()
                    .map(|byte| byte.to_ascii_lowercase())
                    .cmp(right.bytes().map(|byte| byte.to_ascii_lowercase())),
                (left, right) => left.cmp(&right),
            },
            (left, right) => left.is_some().cmp(&right.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
}
