//! Input: the number of a scheme, two versions and a range, each a line.
//!
//! An order is the same from both sides, and equal to itself. A range is written so that it reads back and holds the same,
//! of vers too.

#![no_main]

use std::cmp::Ordering;

use component::{Prereleases, Range, Scheme, Vers, Version};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let mut lines = input.splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (scheme, left, right, range) = (line(), line(), line(), line());
    let Some(scheme) = scheme.parse().ok().and_then(|index: usize| Scheme::ALL.get(index).copied()) else { return };
    let order = scheme.compare(left, right);
    assert_eq!(scheme.compare(right, left).ok().map(Ordering::reverse), order.as_ref().ok().copied());
    for version in [left, right] {
        match Version::parse(scheme, version) {
            Ok(version) => assert_eq!(version.partial_cmp(&version), Some(Ordering::Equal)),
            Err(unorderable) => assert!(!unorderable.to_string().contains(char::is_control)),
        }
    }
    if let Ok(vers) = Vers::parse(range) {
        let again = Vers::parse_canonical(&vers.to_string()).expect("a written range reads back");
        for version in [left, right] {
            assert_eq!(again.contains(version), vers.contains(version), "{vers}");
        }
    }
    for prereleases in [Prereleases::ByOrder, Prereleases::OnlyNamed] {
        let Ok(range) = Range::parse_with(scheme, range, prereleases) else { continue };
        let again = Range::parse_with(scheme, &range.to_string(), prereleases).expect("a written range reads back");
        for version in [left, right] {
            assert_eq!(again.contains(version), range.contains(version), "{range}");
        }
    }
});
