//! Input: a file that may be a wheel or an egg.
//!
//! Reading it twice gives the same record; what is found has a purl.
#![no_main]

use std::sync::LazyLock;

use garrison_fuzz::{Catalogers, cataloger};
use libfuzzer_sys::fuzz_target;
use sbom::{Content, Keep};

static ARCHIVES: LazyLock<Catalogers> = LazyLock::new(|| Catalogers::new(&["python-archive"]));

fuzz_target!(|input: &[u8]| {
    let Keep::Record(extractor) = cataloger("python-archive").claims[0].keep else { unreachable!("it keeps records") };
    let read = || (extractor.extract)(&Content::from_bytes(input.to_vec()));
    let Ok(Some(record)) = read() else { return };
    assert_eq!(read(), Ok(Some(record)));
    let inventory = ARCHIVES.read(&[("/lib/archive-1.0-py3-none-any.whl", input)]);
    assert!(inventory.components.iter().all(|component| component.purl.is_some()));
    assert!(!inventory.components.is_empty() || !inventory.unknowns.is_empty());
});
