//! Input: a feed as one file: a zip, a tar, or one document; the latter two packed or not.
//!
//! Reading ends; every document is counted and within its reader's limit; the same bytes give the same records.

#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;
use std::{env, fs, process};

use libfuzzer_sys::fuzz_target;
use vulndb::{Advisory, Reader, Records};

const DOCUMENT_BYTES_MAX: u64 = 100;

/// Keeps the path of what it is given, and how much that is.
const LISTING: Reader = Reader {
    name: "listing",
    summary: "what it is given",
    claims: |path| !path.starts_with("not/"),
    document_bytes_max: DOCUMENT_BYTES_MAX,
    read: |document, records| {
        assert!(document.bytes.len() as u64 <= DOCUMENT_BYTES_MAX);
        let id = format!("{} {}", document.path, document.bytes.len());
        records.advisories.push(Advisory { id, ..Advisory::default() });
    },
};

static PATH: LazyLock<PathBuf> =
    LazyLock::new(|| env::temp_dir().join(format!("garrison-fuzz-{}.feed", process::id())));

fuzz_target!(|input: &[u8]| {
    fs::write(&*PATH, input).expect("there is room for it");
    let read = || {
        let mut records = Records::default();
        let read = feeds::read(&PATH, &LISTING, &mut records, &mut |_| {});
        let refused: u64 = records.problems.values().map(|(count, _)| count).sum();
        if let Ok(read) = &read {
            assert_eq!(read.documents, records.advisories.len() as u64 + refused);
        }
        (read.ok(), records)
    };
    assert_eq!(read(), read());
});
