//! RPM packages: rpm-version(7) and rpm's own `rpmvercmp`, with `~` (rpm 4.10) and `^` (rpm 4.15).

use std::cmp::Ordering;

use super::{Reason, number};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Rpm<'a> {
    /// None where nobody knows it.
    epoch: Option<&'a str>,
    version: &'a str,
    release: Option<&'a str>,
}

pub(super) fn parse(text: &str) -> Result<Rpm<'_>, Reason> {
    if let Some(character) = text.chars().find(|character| character.is_whitespace() || character.is_control()) {
        return Err(Reason::Character(character));
    }
    // What is before a colon and no number is no epoch but part of the version, as rpm has it.
    let (epoch, rest) = match text.split_once(':') {
        Some((epoch, rest)) if epoch.bytes().all(|byte| byte.is_ascii_digit()) => (epoch, rest),
        _ => ("", text),
    };
    let (version, release) = rest.rsplit_once('-').map_or((rest, None), |(version, release)| (version, Some(release)));
    if version.is_empty() {
        return Err(Reason::Form("a version is there"));
    }
    Ok(Rpm { epoch: Some(epoch), version, release })
}

impl Rpm<'_> {
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        self.order_version(other).then_with(|| match (self.release, other.release) {
            (Some(left), Some(right)) => compare_part(left, right),
            (left, right) => left.is_some().cmp(&right.is_some()),
        })
    }

    /// Orders as rpm's dependencies do, where a missing release stands for any.
    pub(crate) fn order_as_dependency(&self, other: &Self) -> Ordering {
        self.order_version(other).then_with(|| match (self.release, other.release) {
            (Some(left), Some(right)) => compare_part(left, right),
            _ => Ordering::Equal,
        })
    }

    /// Returns the same version, of which the epoch is not known: it is compared with none.
    pub(super) fn without_epoch(self) -> Self {
        Self { epoch: None, ..self }
    }

    fn order_version(&self, other: &Self) -> Ordering {
        let by_epoch = match (self.epoch, other.epoch) {
            (Some(left), Some(right)) => number::compare(left, right),
            _ => Ordering::Equal,
        };
        by_epoch.then_with(|| compare_part(self.version, other.version))
    }
}

fn compare_part(mut left: &str, mut right: &str) -> Ordering {
    let is_separator = |character: char| !character.is_ascii_alphanumeric() && !matches!(character, '~' | '^');
    loop {
        (left, right) = (left.trim_start_matches(is_separator), right.trim_start_matches(is_separator));
        let order = weight(left).cmp(&weight(right));
        if order.is_ne() {
            return order;
        }
        let Some(first) = left.bytes().next() else { return Ordering::Equal };
        let is_number = first.is_ascii_digit();
        let belongs = |byte: u8| byte.is_ascii_alphanumeric() && byte.is_ascii_digit() == is_number;
        let ((part, rest), (other, other_rest)) = match first {
            b'~' | b'^' => (left.split_at(1), right.split_at(1)),
            _ => (number::split_while(left, belongs), number::split_while(right, belongs)),
        };
        let order = if is_number { number::compare(part, other) } else { part.cmp(other) };
        if order.is_ne() {
            return order;
        }
        (left, right) = (rest, other_rest);
    }
}

/// A tilde comes before the end, a caret right after it, then letters, then numbers.
fn weight(text: &str) -> u8 {
    match text.bytes().next() {
        Some(b'~') => 0,
        None => 1,
        Some(b'^') => 2,
        Some(first) if !first.is_ascii_digit() => 3,
        Some(_) => 4,
    }
}
