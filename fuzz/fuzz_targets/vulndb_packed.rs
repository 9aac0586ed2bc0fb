//! Input: a packed database, or changes of a valid one.
//!
//! What begins with the magic is taken as it is, anything else is a list of changes (two bytes of place, one of value) of a small one. What
//! comes of it is a file whose sums are right, or nothing: nothing panics.

#![no_main]

use garrison_fuzz::vulndb_file::{change, packed, walk};
use libfuzzer_sys::fuzz_target;
use vulndb::file::{Database, unpack};

fuzz_target!(|bytes: &[u8]| {
    let mut changed = if bytes.starts_with(b"garrpck\n") { bytes.to_vec() } else { change(packed(), bytes) };
    // Once with the header's sum as it is, and once with it put right.
    for _ in 0..2 {
        let mut file = Vec::new();
        if unpack(&mut changed.as_slice(), &mut file, 1 << 24).is_ok() {
            Database::open(file.as_slice()).expect("its sums are right");
            walk(&file);
        }
        mend_header(&mut changed);
    }
});

/// The header lies behind magic and version, and its sum is its last four bytes.
fn mend_header(packed: &mut [u8]) {
    const START: usize = 10;
    const END: usize = START + 24 + 15 * 16;
    if packed.len() >= END + 4 {
        let sum = crc32fast::hash(&packed[START..END]).to_le_bytes();
        packed[END..END + 4].copy_from_slice(&sum);
    }
}
