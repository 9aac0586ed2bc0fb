//! Input: a file that may be an rpm database, in any of its three formats.
//!
//! Reading it twice gives the same record, and the cataloger takes whatever the record holds.
#![no_main]

use std::sync::LazyLock;

use garrison_fuzz::{Catalogers, cataloger};
use libfuzzer_sys::fuzz_target;
use sbom::{Content, Keep};

static RPM: LazyLock<Catalogers> = LazyLock::new(|| Catalogers::new(&["rpm", "os-release"]));

fuzz_target!(|input: &[u8]| {
    let Keep::Record(extractor) = cataloger("rpm").claims[0].keep else { unreachable!("it keeps records") };
    let read = || (extractor.extract)(&Content::from_bytes(input.to_vec()));
    let Ok(Some(record)) = read() else { return };
    assert_eq!(read(), Ok(Some(record)));
    let inventory = RPM.read(&[("/var/lib/rpm/Packages", input), ("/etc/os-release", b"ID=fedora\nVERSION_ID=40\n")]);
    for edge in &inventory.edges {
        assert!((edge.to.0 as usize) < inventory.components.len());
    }
});
