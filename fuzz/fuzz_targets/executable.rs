//! Input: a file that may be a program.
//!
//! Reading it twice gives the same record, of a size that the input and the limits bound, and its catalogers take whatever the record holds.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sbom::testing::catalog;
use sbom::{Content, Keep, catalogers};

fuzz_target!(|input: &[u8]| {
    let named = |name: &str| catalogers().iter().find(|cataloger| cataloger.name == name).expect("the cataloger is there");
    let Keep::Record(extractor) = named("executable").claims[0].keep else { unreachable!("it keeps records") };
    let read = || (extractor.extract)(&Content::from_bytes(input.to_vec()));
    let Ok(Some(record)) = read() else { return };
    assert_eq!(read(), Ok(Some(record.clone())));
    // Names may be shared by many entries; everything else is in the input once, or inflates to at most 8 MiB.
    assert!(record.len() <= input.len() + (256 * 512) + (9 << 20));
    for name in ["executable", "go-binary", "rust-binary", "dotnet-assembly"] {
        catalog(named(name), &[("/bin/program", input)]);
    }
});
