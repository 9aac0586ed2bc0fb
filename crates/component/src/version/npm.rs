//! npm packages: node-semver 7, read loosely, as the registry holds versions that are older than the strict grammar:
//! `v1.2.3`, `=1.2.3`, `01.2.3` and `1.2.3beta`.

use super::semver::{Semver, check_identifiers};
use super::{Reason, number};

/// The longest version that node-semver reads, in characters.
const LENGTH_MAX: usize = 256;

/// The largest number that node-semver reads: what a double holds exactly.
pub(crate) const NUMBER_MAX: u64 = (1 << 53) - 1;

pub(super) fn parse(text: &str) -> Result<Semver<'_>, Reason> {
    if text.len() > LENGTH_MAX {
        return Err(Reason::Form("it is at most 256 characters long"));
    }
    let text =
        text.trim().trim_start_matches(|character: char| matches!(character, 'v' | '=') || character.is_whitespace());
    super::check_printing(text)?;
    let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
    if let Some(build) = build {
        check_identifiers(build)?;
    }
    let (major, rest) = split_number(text)?;
    let (minor, rest) = split_number(rest.strip_prefix('.').ok_or(NUMBERS)?)?;
    let (patch, prerelease) = split_patch(rest.strip_prefix('.').ok_or(NUMBERS)?)?;
    Ok(Semver { core: [major, minor, patch], prerelease })
}

const NUMBERS: Reason = Reason::Form("it is three numbers parted by `.`");

/// Splits a number off, without its leading zeros.
pub(crate) fn split_number(text: &str) -> Result<(&str, &str), Reason> {
    let (digits, rest) = number::split(text);
    if digits.is_empty() {
        return Err(NUMBERS);
    }
    let significant = digits.trim_start_matches('0');
    if significant.parse().unwrap_or(if significant.is_empty() { 0 } else { u64::MAX }) > NUMBER_MAX {
        return Err(Reason::Form("a number is at most 9007199254740991"));
    }
    Ok((if significant.is_empty() { &digits[digits.len() - 1..] } else { significant }, rest))
}

/// Splits the third number from the prerelease. As no hyphen need stand between them, a prerelease that could not begin
/// where the number ends begins with its last digit: `1.2.34.5` is `1.2.3-4.5`.
pub(crate) fn split_patch(text: &str) -> Result<(&str, Option<&str>), Reason> {
    let (digits, rest) = number::split(text);
    match split_prerelease(rest) {
        Ok(prerelease) => Ok((split_number(digits)?.0, prerelease)),
        Err(_) if digits.len() > 1 => {
            let (digits, rest) = text.split_at(digits.len() - 1);
            Ok((split_number(digits)?.0, split_prerelease(rest)?))
        }
        Err(reason) => Err(reason),
    }
}

/// Checks what follows the numbers; its hyphen may be missing, or be the first identifier: `1.2.3-.1`.
pub(crate) fn split_prerelease(text: &str) -> Result<Option<&str>, Reason> {
    if text.is_empty() {
        return Ok(None);
    }
    let prerelease = text.strip_prefix('-').filter(|rest| check_identifiers(rest).is_ok()).unwrap_or(text);
    check_identifiers(prerelease)?;
    Ok(Some(prerelease))
}
