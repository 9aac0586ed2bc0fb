//! Input: what lies beside an image: a VEX document, a statement, an envelope or a bundle.
//!
//! Taking a document out of what is around it takes no more memory than that; what is taken out is a part of it, or what it held encoded; what is
//! no JSON is given as it is.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    let Some(document) = vex::enclosed(input) else { return };
    assert!(document.len() <= input.len());
    if serde_json::from_slice::<&serde_json::value::RawValue>(input).is_err() {
        assert_eq!(&*document, input);
    }
    // Whatever it is, its reader says so without more ado.
    let _read = vex::read(&document);
});
