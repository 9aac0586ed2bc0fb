//! Arch Linux packages: PKGBUILD(5) for what a version is, and `alpm_pkg_vercmp` of pacman's libalpm 6, described in
//! vercmp(8), for the order.
//!
//! A version without a release is equal to each of its releases, and separators count by their number: so this order has
//! circles, and who sorts by it must not rely on transitivity.

use std::cmp::Ordering;

use super::{Reason, number};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Pacman<'a> {
    epoch: &'a str,
    version: &'a str,
    release: Option<&'a str>,
}

pub(super) fn parse(text: &str) -> Result<Pacman<'_>, Reason> {
    super::check_printing(text)?;
    let (epoch, rest) = text.split_once(':').unwrap_or(("0", text));
    if !number::is_number(epoch) {
        return Err(Reason::Form("the epoch before `:` is a number"));
    }
    let (version, release) = match rest.split_once('-') {
        Some((_, "")) => return Err(Reason::Form("a release follows `-`")),
        Some((version, release)) => (version, Some(release)),
        None => (rest, None),
    };
    if version.is_empty() {
        return Err(Reason::Form("a version is there"));
    }
    match rest.chars().find(|character| matches!(character, ':' | '/')) {
        Some(character) => Err(Reason::Character(character)),
        None if release.is_some_and(|release| release.contains('-')) => {
            Err(Reason::Form("one `-` parts version and release"))
        }
        None => Ok(Pacman { epoch, version, release }),
    }
}

impl Pacman<'_> {
    pub(super) fn order(&self, other: &Self) -> Ordering {
        number::compare(self.epoch, other.epoch).then_with(|| compare_part(self.version, other.version)).then_with(
            || match (self.release, other.release) {
                (Some(left), Some(right)) => compare_part(left, right),
                _ => Ordering::Equal,
            },
        )
    }
}

fn compare_part(mut left: &str, mut right: &str) -> Ordering {
    let begins_with_letter = |text: &str| text.starts_with(|first: char| first.is_ascii_alphabetic());
    while !left.is_empty() && !right.is_empty() {
        let (separators, others) = (separators(left), separators(right));
        (left, right) = (&left[separators..], &right[others..]);
        if left.is_empty() || right.is_empty() {
            break;
        }
        if separators != others {
            return separators.cmp(&others);
        }
        let is_number = left.starts_with(|first: char| first.is_ascii_digit());
        let belongs = |byte: u8| byte.is_ascii_alphanumeric() && byte.is_ascii_digit() == is_number;
        let ((part, rest), (other, other_rest)) =
            (number::split_while(left, belongs), number::split_while(right, belongs));
        let order = match (is_number, other.is_empty()) {
            (true, true) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (true, false) => number::compare(part, other),
            (false, false) => part.cmp(other),
        };
        if order.is_ne() {
            return order;
        }
        (left, right) = (rest, other_rest);
    }
    // Letters that are left over come before the end, all else after it.
    match (left.is_empty(), right.is_empty()) {
        (true, true) => Ordering::Equal,
        (true, false) if begins_with_letter(right) => Ordering::Greater,
        (true, false) => Ordering::Less,
        (false, _) if begins_with_letter(left) => Ordering::Less,
        (false, _) => Ordering::Greater,
    }
}

/// Returns how many bytes stand before the first letter or digit.
fn separators(text: &str) -> usize {
    text.bytes().position(|byte| byte.is_ascii_alphanumeric()).unwrap_or(text.len())
}
