//! Dart packages: "Package versioning" of the Dart documentation, and the package `pub_semver` where it is silent.
//!
//! A version with build metadata comes after the one without, numbers may begin with zeros, and a part is a number if 64
//! bits hold it, with a sign or in base 16 too.

use std::cmp::Ordering;

use super::semver::check_identifiers;
use super::{Reason, number};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Pub<'a> {
    core: [&'a str; 3],
    prerelease: Option<&'a str>,
    build: Option<&'a str>,
}

const NUMBERS: Reason = Reason::Form("it is three numbers parted by `.`");

pub(crate) fn parse(text: &str) -> Result<Pub<'_>, Reason> {
    super::check_printing(text)?;
    let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    let (text, prerelease) = text.split_once('-').map_or((text, None), |(text, pre)| (text, Some(pre)));
    for identifiers in [prerelease, build].into_iter().flatten() {
        check_identifiers(identifiers)?;
    }
    let mut core = [""; 3];
    let mut places = core.iter_mut();
    for number in text.split('.') {
        if !number::is_number(number) {
            return Err(NUMBERS);
        }
        *places.next().ok_or(NUMBERS)? = number;
    }
    if core.contains(&"") {
        return Err(NUMBERS);
    }
    Ok(Pub { core, prerelease, build })
}

impl<'a> Pub<'a> {
    pub(super) fn order(&self, other: &Self) -> Ordering {
        self.order_core(other)
            .then_with(|| match (self.prerelease, other.prerelease) {
                (Some(left), Some(right)) => order_parts(left, right),
                (left, right) => left.is_none().cmp(&right.is_none()),
            })
            .then_with(|| match (self.build, other.build) {
                (Some(left), Some(right)) => order_parts(left, right),
                (left, right) => left.is_some().cmp(&right.is_some()),
            })
    }

    pub(crate) fn order_core(&self, other: &Self) -> Ordering {
        let pairs = self.core.iter().zip(other.core);
        pairs.map(|(left, right)| number::compare(left, right)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    pub(crate) fn core(&self) -> [&'a str; 3] {
        self.core
    }

    pub(crate) fn is_prerelease(&self) -> bool {
        self.prerelease.is_some()
    }

    pub(crate) fn has_build(&self) -> bool {
        self.build.is_some()
    }
}

fn order_parts(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (Some(left), Some(right)) => match (value(left), value(right)) {
                (Some(left), Some(right)) => left.cmp(&right),
                (None, None) => left.cmp(right),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
            },
            (left, right) => left.is_some().cmp(&right.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// Reads a number as Dart's `int.tryParse` does.
fn value(part: &str) -> Option<i64> {
    let digits = part.strip_prefix('-').unwrap_or(part);
    match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) if !hex.starts_with('-') => {
            let value = i64::from_str_radix(hex, 16).ok()?;
            Some(if digits.len() < part.len() { -value } else { value })
        }
        Some(_) => None,
        None => part.parse().ok(),
    }
}
