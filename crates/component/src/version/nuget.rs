//! NuGet packages: "Package versioning" of the NuGet documentation, and NuGet.Versioning where it is silent.
//!
//! Where NuGet keeps a number in 32 bits, one of any size is ordered here.

use std::cmp::Ordering;

use super::semver::split_suffixes;
use super::{Reason, number};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Nuget<'a> {
    /// Major, minor, patch and revision; one that is missing is zero.
    numbers: [&'a str; 4],
    prerelease: Option<&'a str>,
}

const NUMBERS: Reason = Reason::Form("it is one to four numbers parted by `.`");

pub(crate) fn parse(text: &str) -> Result<Nuget<'_>, Reason> {
    let (text, prerelease) = split_suffixes(text.trim_ascii())?;
    let mut numbers = ["0"; 4];
    let mut places = numbers.iter_mut();
    for number in text.split('.') {
        if !number::is_number(number) {
            return Err(NUMBERS);
        }
        *places.next().ok_or(NUMBERS)? = number;
    }
    Ok(Nuget { numbers, prerelease })
}

impl Nuget<'_> {
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let pairs = self.numbers.iter().zip(other.numbers);
        let order = pairs.map(|(left, right)| number::compare(left, right)).find(|order| order.is_ne());
        order.unwrap_or(Ordering::Equal).then_with(|| match (self.prerelease, other.prerelease) {
            (Some(left), Some(right)) => order_labels(left, right),
            (left, right) => left.is_none().cmp(&right.is_none()),
        })
    }
}

fn order_labels(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (Some(left), Some(right)) => order_label(left, right),
            (left, right) => left.is_some().cmp(&right.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
}

/// A label is a number if 32 bits hold it, with a sign too: so a time in `beta.20240101120000` is a word, as NuGet has it.
fn order_label(left: &str, right: &str) -> Ordering {
    match (left.parse::<i32>(), right.parse::<i32>()) {
        (Ok(left), Ok(right)) => left.cmp(&right),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => {
            let upper = |byte: u8| byte.to_ascii_uppercase();
            left.bytes().map(upper).cmp(right.bytes().map(upper))
        }
    }
}
