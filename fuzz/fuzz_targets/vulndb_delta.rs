//! Input: a delta between two databases, or changes of a valid one.
//!
//! What is read and applied is exactly the database to which it says that it leads, or nothing.

#![no_main]

use aws_lc_rs::digest::{SHA256, digest};
use garrison_fuzz::vulndb_file::{change, delta, sample};
use libfuzzer_sys::fuzz_target;
use vulndb::file::Database;
use vulndb::{Delta, apply_delta};

fuzz_target!(|bytes: &[u8]| {
    let mut changed = if bytes.starts_with(b"garrdlt\n") { bytes.to_vec() } else { change(delta(), bytes) };
    let base = Database::open(sample()).expect("it was made here");
    // Once with its sum as it is, and once with it put right.
    for _ in 0..2 {
        if let Ok(delta) = Delta::parse(&changed) {
            let leads_to = *delta.leads_to();
            if let Ok(file) = apply_delta(&base, delta) {
                assert_eq!(digest(&SHA256, &file).as_ref(), leads_to);
                Database::open(file).expect("it was made here").verify().expect("it is whole");
            }
        }
        let Some(end) = changed.len().checked_sub(4) else { return };
        let sum = crc32fast::hash(&changed[..end]).to_le_bytes();
        changed[end..].copy_from_slice(&sum);
    }
});
