//! OpenSSL's releases: its "Versioning policy". Before 3.0 letters count what was mended, `1.0.2`, `1.0.2a` to `1.0.2z`, `1.0.2za`; since then
//! the last number does.
//!
//! `-dev` is what is made before a release or before one of its prereleases, which are counted: `3.0.0-alpha17`. `-fips` names a build and
//! has, like build metadata, no part in the order.

use std::cmp::Ordering;

use super::semver::check_identifiers;
use super::{Reason, number};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Openssl<'a> {
    numbers: [&'a str; 3],
    letters: &'a str,
    prerelease: Option<Prerelease<'a>>,
}

/// By word, by number, and what is made before one comes before it.
#[derive(Clone, Copy, Debug)]
struct Prerelease<'a> {
    word: &'a str,
    number: &'a str,
    is_complete: bool,
}

const NUMBERS: Reason = Reason::Form("it is three numbers parted by `.`, and before 3.0 letters");

pub(super) fn parse(text: &str) -> Result<Openssl<'_>, Reason> {
    super::check_printing(text)?;
    let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    if let Some(build) = build {
        check_identifiers(build)?;
    }
    let (version, prerelease) = text.split_once('-').map_or((text, None), |(text, pre)| (text, Some(pre)));
    let mut parts = version.splitn(3, '.');
    let mut part = || parts.next().ok_or(NUMBERS);
    let [major, minor, rest] = [part()?, part()?, part()?];
    let (patch, letters) = number::split(rest);
    let numbers = [major, minor, patch];
    let is_lettered = number::compare(major, "3").is_lt();
    let are_letters = letters.bytes().all(|byte| byte.is_ascii_lowercase());
    if !numbers.into_iter().all(number::is_number) || !are_letters || !(is_lettered || letters.is_empty()) {
        return Err(NUMBERS);
    }
    let prerelease = prerelease.map_or(Ok(None), read_prerelease)?;
    Ok(Openssl { numbers, letters, prerelease })
}

fn read_prerelease(text: &str) -> Result<Option<Prerelease<'_>>, Reason> {
    if text == "fips" {
        return Ok(None);
    }
    let text = text.strip_suffix("-fips").unwrap_or(text);
    let complete = if text == "dev" { "" } else { text.strip_suffix("-dev").unwrap_or(text) };
    let (word, number) = number::split_while(complete, |byte| byte.is_ascii_lowercase());
    let is_counted = !word.is_empty() && (number.is_empty() || number::is_number(number));
    if is_counted || text == "dev" {
        Ok(Some(Prerelease { word, number, is_complete: complete.len() == text.len() }))
    } else {
        Err(Reason::Form("`-` is followed by alpha, beta, pre or dev, and a number"))
    }
}

impl Openssl<'_> {
    pub(super) fn order(&self, other: &Self) -> Ordering {
        let pairs = self.numbers.iter().zip(other.numbers);
        let order = pairs.map(|(left, right)| number::compare(left, right)).find(|order| order.is_ne());
        order.unwrap_or(Ordering::Equal).then_with(|| self.letters.cmp(other.letters)).then_with(|| {
            match (self.prerelease, other.prerelease) {
                (Some(left), Some(right)) => left.order(&right),
                (left, right) => left.is_none().cmp(&right.is_none()),
            }
        })
    }
}

impl Prerelease<'_> {
    fn order(&self, other: &Self) -> Ordering {
        self.word
            .cmp(other.word)
            .then_with(|| number::compare(self.number, other.number))
            .then(self.is_complete.cmp(&other.is_complete))
    }
}
