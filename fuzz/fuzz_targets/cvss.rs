//! Input: a vector of CVSS.
//!
//! What is taken has a score in range, and a level that goes with it; the order of the metrics of 2.0 and 3.x does not matter.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vulndb::cvss::{Version, assess};

fuzz_target!(|text: &str| {
    let Ok(found) = assess(text) else { return };
    assert!(found.score.tenths() <= 100);
    if found.version != Version::V2_0 {
        assert_eq!(found.score.tenths() == 0, found.level() == vulndb::Level::Negligible);
    }
    if matches!(found.version, Version::V3_0 | Version::V3_1) {
        let mut parts: Vec<&str> = text.split('/').collect();
        parts[1..].reverse();
        assert_eq!(assess(&parts.join("/")), Ok(found), "{text}");
    }
});
