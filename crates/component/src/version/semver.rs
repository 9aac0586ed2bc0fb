//! Semantic Versioning 2.0.0, with a leading `v` for the tags that have one. Build metadata has no part in the order.

use std::cmp::Ordering;

use super::{Reason, number};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Semver<'a> {
    pub(super) core: [&'a str; 3],
    pub(super) prerelease: Option<&'a str>,
}

pub(super) fn parse(text: &str) -> Result<Semver<'_>, Reason> {
    parse_strict(text.strip_prefix('v').unwrap_or(text))
}

pub(super) fn parse_strict(text: &str) -> Result<Semver<'_>, Reason> {
    let (text, prerelease) = split_suffixes(text)?;
    let mut parts = text.split('.');
    let mut part = || parts.next().ok_or(Reason::Form("it is three numbers parted by `.`"));
    let core = [part()?, part()?, part()?];
    if parts.next().is_some() {
        return Err(Reason::Form("it is three numbers parted by `.`"));
    }
    for number in core {
        check_number(number)?;
    }
    Ok(Semver { core, prerelease })
}

/// Takes prerelease and build metadata off, both checked.
pub(super) fn split_suffixes(text: &str) -> Result<(&str, Option<&str>), Reason> {
    super::check_printing(text)?;
    let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    if let Some(build) = build {
        check_identifiers(build)?;
    }
    let (text, prerelease) = text.split_once('-').map_or((text, None), |(text, pre)| (text, Some(pre)));
    if let Some(prerelease) = prerelease {
        check_identifiers(prerelease)?;
        for identifier in prerelease.split('.').filter(|identifier| number::is_number(identifier)) {
            check_number(identifier)?;
        }
    }
    Ok((text, prerelease))
}

pub(super) fn check_number(text: &str) -> Result<(), Reason> {
    if !number::is_number(text) {
        return Err(Reason::Form("it is three numbers parted by `.`"));
    }
    if text.len() > 1 && text.starts_with('0') {
        return Err(Reason::Form("no number begins with zeros"));
    }
    Ok(())
}

pub(crate) fn check_identifiers(text: &str) -> Result<(), Reason> {
    for identifier in text.split('.') {
        if identifier.is_empty() {
            return Err(Reason::Form("identifiers after `-` and `+` are parted by one `.`"));
        }
        let is_part = |character: &char| character.is_ascii_alphanumeric() || *character == '-';
        if let Some(character) = identifier.chars().find(|character| !is_part(character)) {
            return Err(Reason::Character(character));
        }
    }
    Ok(())
}

impl<'a> Semver<'a> {
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        self.order_core(other).then_with(|| match (self.prerelease, other.prerelease) {
            (Some(left), Some(right)) => order_identifiers(left, right),
            (left, right) => left.is_none().cmp(&right.is_none()),
        })
    }

    pub(crate) fn order_core(&self, other: &Self) -> Ordering {
        let pairs = self.core.iter().zip(other.core);
        pairs.map(|(left, right)| number::compare(left, right)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    }

    pub(crate) fn prerelease(&self) -> Option<&'a str> {
        self.prerelease
    }
}

fn order_identifiers(left: &str, right: &str) -> Ordering {
    let (mut left, mut right) = (left.split('.'), right.split('.'));
    loop {
        let order = match (left.next(), right.next()) {
            (None, None) => return Ordering::Equal,
            (Some(left), Some(right)) => match (number::is_number(left), number::is_number(right)) {
                (true, true) => number::compare(left, right),
                (false, false) => left.cmp(right),
                (left, right) => right.cmp(&left),
            },
            (left, right) => left.is_some().cmp(&right.is_some()),
        };
        if order.is_ne() {
            return order;
        }
    }
}
