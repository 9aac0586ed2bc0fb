//! Input: a line with the name of a reader of advisories and a path, then a document; without such a line, a document for all.
//!
//! Nothing is taken without a name; what names no version of an affected package is no statement about one; texts are within
//! their limits; the same document gives the same records.

#![no_main]

use libfuzzer_sys::fuzz_target;
use vulndb::{Document, Records};

fuzz_target!(|input: &[u8]| {
    let end = input.iter().position(|byte| *byte == b'\n').unwrap_or(0);
    let (first, rest) = input.split_at(end);
    let first = std::str::from_utf8(first).unwrap_or_default();
    let (name, path) = first.split_once(' ').unwrap_or((first, "gems/p/document.json"));
    let named = vulndb::readers().iter().find(|reader| reader.name == name);
    let bytes = if named.is_some() { rest.get(1..).unwrap_or_default() } else { input };
    for reader in vulndb::readers().iter().filter(|reader| named.is_none_or(|named| named.name == reader.name)) {
        let document = Document { path, bytes };
        let mut records = Records::default();
        reader.read(&document, &mut records);
        check(&records);
        let mut again = Records::default();
        reader.read(&document, &mut again);
        assert_eq!(records, again, "{}", reader.name);
        let _ = (reader.claims)(path);
    }
});

fn check(records: &Records) {
    for advisory in &records.advisories {
        assert!(!advisory.id.is_empty());
        assert!(advisory.details.len() <= 1024 * 1024);
        assert!(advisory.affected.iter().all(|affected| !affected.package.is_empty()));
        for severity in &advisory.severities {
            let _ = severity.rating.level();
        }
    }
    for probability in &records.probabilities {
        assert!((0.0..=1.0).contains(&probability.probability) && (0.0..=1.0).contains(&probability.percentile));
    }
    for (count, example) in records.problems.values() {
        assert!(*count > 0 && example.len() <= vulndb::Problem::EXAMPLE_BYTES_MAX);
    }
}
