//! Debian packages: deb-version(7), and dpkg where it is silent.

use std::cmp::Ordering;

use super::{Reason, number};

/// The largest epoch, which dpkg keeps in an `int`.
const EPOCH_MAX: u32 = i32::MAX.unsigned_abs();

#[derive(Clone, Copy, Debug)]
pub(crate) struct Deb<'a> {
    epoch: u32,
    upstream: &'a str,
    revision: &'a str,
}

pub(super) fn parse(text: &str) -> Result<Deb<'_>, Reason> {
    let (epoch, rest) = match text.split_once(':') {
        None => (0, text),
        Some((epoch, rest)) => {
            if !number::is_number(epoch) {
                return Err(Reason::Form("the epoch before `:` is a number"));
            }
            let epoch = epoch.parse().ok().filter(|epoch| *epoch <= EPOCH_MAX);
            (epoch.ok_or(Reason::Form("the epoch is at most 2147483647"))?, rest)
        }
    };
    let (upstream, revision) = match rest.rsplit_once('-') {
        Some((_, "")) => return Err(Reason::Form("a revision follows the last `-`")),
        Some((upstream, revision)) => (upstream, revision),
        None => (rest, ""),
    };
    if upstream.is_empty() {
        return Err(Reason::Form("an upstream version is there"));
    }
    let is_upstream = |character: &char| character.is_ascii_alphanumeric() || ".+-~:".contains(*character);
    let is_revision = |character: &char| character.is_ascii_alphanumeric() || ".+~".contains(*character);
    let stranger = upstream.chars().find(|character| !is_upstream(character));
    match stranger.or_else(|| revision.chars().find(|character| !is_revision(character))) {
        Some(character) => Err(Reason::Character(character)),
        None => Ok(Deb { epoch, upstream, revision }),
    }
}

impl Deb<'_> {
    pub(super) fn order(&self, other: &Self) -> Ordering {
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| compare_part(self.upstream, other.upstream))
            .then_with(|| compare_part(self.revision, other.revision))
    }
}

pub(super) fn compare_part(mut left: &str, mut right: &str) -> Ordering {
    while !left.is_empty() || !right.is_empty() {
        loop {
            let (first, second) = (left.bytes().next(), right.bytes().next());
            let (weight, other) = (weight(first), weight(second));
            if weight != other {
                return weight.cmp(&other);
            }
            // Equal weights of no digit and of the end are both zero.
            if weight == 0 {
                break;
            }
            (left, right) = (&left[1..], &right[1..]);
        }
        let (number, rest) = number::split(left);
        let (other, other_rest) = number::split(right);
        let order = number::compare(number, other);
        if order.is_ne() {
            return order;
        }
        (left, right) = (rest, other_rest);
    }
    Ordering::Equal
}

/// A tilde comes before the end, the end before letters, letters before all else.
fn weight(byte: Option<u8>) -> i32 {
    match byte {
        None | Some(b'0'..=b'9') => 0,
        Some(b'~') => -1,
        Some(letter) if letter.is_ascii_alphabetic() => i32::from(letter),
        Some(other) => i32::from(other) + 256,
    }
}
