//! Input: a file that may be a program.
//!
//! Reading it twice gives the same record, of a size that the input and the limits bound, and its catalogers take whatever the record holds.

#![no_main]

use std::sync::LazyLock;

use garrison_fuzz::{Catalogers, cataloger};
use libfuzzer_sys::fuzz_target;
use sbom::{Content, Keep};

static CATALOGERS: LazyLock<Catalogers> =
    LazyLock::new(|| Catalogers::new(&["executable", "go-binary", "rust-binary", "dotnet-assembly"]));

fuzz_target!(|input: &[u8]| {
    let Keep::Record(extractor) = cataloger("executable").claims[0].keep else { unreachable!("it keeps records") };
    let read = || (extractor.extract)(&Content::from_bytes(input.to_vec()));
    let Ok(Some(record)) = read() else { return };
    assert_eq!(read(), Ok(Some(record.clone())));
    // Names may be shared by many entries; everything else is in the input once, or inflates to at most 8 MiB.
    assert!(record.len() <= input.len() + (256 * 512) + (9 << 20));
    CATALOGERS.read(&[("/bin/program", input)]);
});
