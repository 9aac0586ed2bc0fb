//! Input: a database file, or changes of a valid one.
//!
//! What begins with the magic is a file as it is, once with its sums as they are and once with all of them put right, so that what is
//! behind them is met too. Anything else is a list of changes (two bytes of place, one of value) of a small database. Whatever it is,
//! all of it is walked, found, matched and compared: nothing panics, and a database that is believed makes itself again.

#![no_main]

use garrison_fuzz::vulndb_file::{change, mended, sample, walk};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let file = if bytes.starts_with(b"garrvdb\n") { bytes.to_vec() } else { change(sample(), bytes) };
    walk(&file);
    if let Some(file) = mended(file) {
        walk(&file);
    }
});
