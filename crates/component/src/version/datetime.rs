//! Points in time, as `datetime` of VERS has them: RFC 3339, section 5.6, in the order of time.

use std::cmp::Ordering;

use super::{Reason, number};

/// Seconds since the beginning of the year 0, and the digits of a fraction without zeros at the end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Datetime<'a> {
    seconds: i64,
    fraction: &'a str,
}

const FORM: Reason = Reason::Form("it is YYYY-MM-DDThh:mm:ss[.fraction] and `Z` or an offset, +hh:mm");

pub(super) fn parse(text: &str) -> Result<Datetime<'_>, Reason> {
    super::check_printing(text)?;
    let (date, time) = text.split_once(['T', 't']).ok_or(FORM)?;
    let [year, month, day] = read(date, '-', [4, 2, 2])?;
    let at = time.find(['Z', 'z', '+', '-']).ok_or(FORM)?;
    let (time, offset) = time.split_at(at);
    let (time, fraction) = match time.split_once('.') {
        Some((_, fraction)) if !number::is_number(fraction) => return Err(FORM),
        Some((time, fraction)) => (time, fraction.trim_end_matches('0')),
        None => (time, ""),
    };
    let [hour, minute, second] = read(time, ':', [2, 2, 2])?;
    let offset_minutes = match offset.split_at(1) {
        ("Z" | "z", "") => 0,
        (sign @ ("+" | "-"), offset) => {
            let [hours, minutes] = read(offset, ':', [2, 2])?;
            if hours > 23 || minutes > 59 {
                return Err(FORM);
            }
            let minutes = hours * 60 + minutes;
            if sign == "-" { -minutes } else { minutes }
        }
        _ => return Err(FORM),
    };
    // A leap second is written as the sixtieth.
    let is_there = (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day);
    if !is_there || hour > 23 || minute > 59 || second > 60 {
        return Err(Reason::Form("there is such a time"));
    }
    let days = days_before(year) + (1..month).map(|month| days_of(year, month)).sum::<i64>() + day - 1;
    let minutes = (days * 24 + hour) * 60 + minute - offset_minutes;
    Ok(Datetime { seconds: minutes * 60 + second, fraction })
}

impl Datetime<'_> {
    pub(super) fn order(&self, other: &Self) -> Ordering {
        self.seconds.cmp(&other.seconds).then_with(|| self.fraction.cmp(other.fraction))
    }
}

/// Reads numbers of so many digits.
fn read<const COUNT: usize>(text: &str, separator: char, digits: [usize; COUNT]) -> Result<[i64; COUNT], Reason> {
    let mut parts = text.split(separator);
    let mut numbers = [0; COUNT];
    for (number, digits) in numbers.iter_mut().zip(digits) {
        let part = parts.next().filter(|part| part.len() == digits && number::is_number(part)).ok_or(FORM)?;
        *number = part.parse().map_err(|_| FORM)?;
    }
    if parts.next().is_some() { Err(FORM) } else { Ok(numbers) }
}

fn days_before(year: i64) -> i64 {
    // The year 0 is a leap year.
    let leap_years = if year == 0 { 0 } else { (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 + 1 };
    year * 365 + leap_years
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}
