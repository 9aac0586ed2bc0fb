//! Versions that are nothing but numbers, of which the longer of two that begin alike comes after: R's packages, by `numeric_version` of R's
//! manual; Haskell's, by the "Haskell Package Versioning Policy" and `Data.Version`; nginx's releases; and `intdot` of VERS, which ends where
//! anything but a digit or a dot stands.

use std::cmp::Ordering;

use super::{Reason, number};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers<'a>(&'a str);

pub(super) fn parse_cran(text: &str) -> Result<Numbers<'_>, Reason> {
    parse(text, Reason::Form("it is numbers parted by `.` or `-`"))
}

pub(super) fn parse_hackage(text: &str) -> Result<Numbers<'_>, Reason> {
    parse_dotted(text, Reason::Form("it is numbers parted by `.`"))
}

pub(super) fn parse_nginx(text: &str) -> Result<Numbers<'_>, Reason> {
    const FORM: Reason = Reason::Form("it is three numbers parted by `.`");
    if text.split('.').count() == 3 { parse_dotted(text, FORM) } else { Err(FORM) }
}

pub(super) fn parse_intdot(text: &str) -> Result<Numbers<'_>, Reason> {
    super::check_printing(text)?;
    let (numbers, _) = number::split_while(text, |byte| byte.is_ascii_digit() || byte == b'.');
    parse_dotted(numbers.trim_end_matches('.'), Reason::Form("it begins with numbers parted by `.`"))
}

fn parse_dotted(text: &str, form: Reason) -> Result<Numbers<'_>, Reason> {
    if text.contains('-') { Err(form) } else { parse(text, form) }
}

fn parse(text: &str, form: Reason) -> Result<Numbers<'_>, Reason> {
    super::check_printing(text)?;
    if text.split(['.', '-']).all(number::is_number) { Ok(Numbers(text)) } else { Err(form) }
}

impl Numbers<'_> {
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let (mut left, mut right) = (self.0.split(['.', '-']), other.0.split(['.', '-']));
        loop {
            let order = match (left.next(), right.next()) {
                (None, None) => return Ordering::Equal,
                (Some(left), Some(right)) => number::compare(left, right),
                (left, right) => left.is_some().cmp(&right.is_some()),
            };
            if order.is_ne() {
                return order;
            }
        }
    }
}
