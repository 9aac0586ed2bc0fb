//! Conan packages: the documentation of Conan 2, "Version ranges", and its class `Version` where that is silent.
//!
//! Items parted by dots are numbers or words. Zeros at the end do not count, a prerelease after the first `-` comes before the version, a build
//! after the last `+` comes after it. A number and a word are compared as words, so that the order has circles.

use std::borrow::Cow;
use std::cmp::Ordering;

use super::{Reason, number};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Conan<'a> {
    main: &'a str,
    prerelease: Option<&'a str>,
    build: Option<&'a str>,
}

pub(crate) fn parse(text: &str) -> Result<Conan<'_>, Reason> {
    super::check_printing(text)?;
    let (text, build) = text.rsplit_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    let (main, prerelease) = text.split_once('-').map_or((text, None), |(text, pre)| (text, Some(pre)));
    Ok(Conan { main, prerelease, build })
}

impl<'a> Conan<'a> {
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let order = order_items(self.main, other.main);
        let by_prerelease = match (self.prerelease, other.prerelease) {
            (Some(left), Some(right)) => order_items(left, right),
            (None, None) => Ordering::Equal,
            (left, right) => left.is_none().cmp(&right.is_none()),
        };
        order.then(by_prerelease).then_with(|| match (self.build, other.build) {
            (Some(left), Some(right)) => order_items(left, right),
            (left, right) => left.is_some().cmp(&right.is_some()),
        })
    }

    /// Returns the items before a prerelease and a build.
    pub(crate) fn items(&self) -> impl Iterator<Item = &'a str> {
        self.main.split('.')
    }

    pub(crate) fn has_prerelease(&self) -> bool {
        self.prerelease.is_some()
    }

    pub(crate) fn has_build(&self) -> bool {
        self.build.is_some()
    }
}

/// Returns a number that an item is, without the zeros that it begins with; none for a word.
///
/// Python's `int` takes a sign, and underscores between digits.
pub(crate) fn value(item: &str) -> Option<Cow<'_, str>> {
    let digits = item.strip_prefix('+').unwrap_or(item);
    if number::is_number(digits) {
        let digits = digits.trim_start_matches('0');
        return Some(Cow::Borrowed(if digits.is_empty() { "0" } else { digits }));
    }
    let digits = digits.split('_').all(number::is_number).then(|| digits.replace('_', ""))?;
    let digits = digits.trim_start_matches('0');
    Some(if digits.is_empty() { Cow::Borrowed("0") } else { Cow::Owned(digits.to_owned()) })
}

fn order_items(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (without_zeros(left), without_zeros(right));
    loop {
        let (item, other) = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (Some(item), Some(other)) => (item, other),
            (item, other) => return item.is_some().cmp(&other.is_some()),
        };
        let order = match (value(item), value(other)) {
            (Some(item), Some(other)) => number::compare(&item, &other),
            (number, other_number) => number.as_deref().unwrap_or(item).cmp(other_number.as_deref().unwrap_or(other)),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Returns the items up to the last that is not zero.
fn without_zeros(text: &str) -> impl Iterator<Item = &str> {
    let is_zero = |item: &str| value(item).is_some_and(|value| value == "0");
    let zeros = text.rsplit('.').take_while(|item| is_zero(item)).count();
    text.split('.').take(text.split('.').count() - zeros)
}
