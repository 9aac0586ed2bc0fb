//! Input: a text that may be a package URL.
//!
//! What is read is written in canonical form, reads back as the same value, and is within the limits.

#![no_main]

use component::Purl;
use component::purl::{PURL_LENGTH_MAX, PURL_QUALIFIERS_MAX};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &str| {
    let Ok(purl) = input.parse::<Purl>() else { return };
    let written = purl.to_string();
    assert!(written.is_ascii() && written.len() <= PURL_LENGTH_MAX);
    assert!(purl.qualifiers().len() <= PURL_QUALIFIERS_MAX);
    assert_eq!(written.parse(), Ok(purl.clone()));
    assert_eq!(purl.to_builder().build(), Ok(purl.clone()));
    assert_eq!(Purl::parse_strict(input).is_ok(), purl.check_type().is_ok());
    let package = purl.package();
    assert_eq!(package.to_string().parse(), Ok(package));
});
