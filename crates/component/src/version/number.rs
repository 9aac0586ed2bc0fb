//! Numbers of any size, as runs of digits.

use std::cmp::Ordering;

/// Orders two runs of digits by their value; an empty one is zero.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// Tells whether a run of digits has no value.
pub(super) fn is_zero(digits: &str) -> bool {
    digits.bytes().all(|byte| byte == b'0')
}

/// Splits the digits off that a text begins with.
pub(crate) fn split(text: &str) -> (&str, &str) {
    split_while(text, |byte| byte.is_ascii_digit())
}

/// Splits what satisfies `holds` off, which only ASCII does, from a text's beginning.
pub(super) fn split_while(text: &str, holds: impl Fn(u8) -> bool) -> (&str, &str) {
    let end = text.bytes().position(|byte| !holds(byte)).unwrap_or(text.len());
    text.split_at(end)
}

/// Tells whether a text is one or more digits.
pub(super) fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
