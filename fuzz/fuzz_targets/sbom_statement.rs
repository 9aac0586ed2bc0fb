//! Input: a statement about an image, in an envelope or a bundle or by itself.
//!
//! Taking a document out of what is around it takes no more memory than that; what is taken out is a part of it, or of what it held encoded.

#![no_main]

use libfuzzer_sys::fuzz_target;
use sbom::formats::{Limits, Strictness, read_with};
use sbom::statement::{document_about, open_envelope};

fuzz_target!(|input: &[u8]| {
    let image = format!("sha256:{}", "aa".repeat(32)).parse().expect("it is a digest");
    let Ok(statement) = open_envelope(input.to_vec()) else { return };
    assert!(statement.len() <= input.len());
    let Ok(document) = document_about(&statement, image) else { return };
    assert!(document.len() < statement.len());
    // Whatever it is, its reader says so without more ado.
    let limits = Limits { components: 1_000, edges: 10_000, ..Limits::default() };
    let _read = read_with(document, &limits, Strictness::Lenient);
});
