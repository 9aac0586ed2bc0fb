use oci::range::ContentRangeError::{self, BeyondSize, Malformed, Reversed, TooLarge};
use oci::{ByteRange, ContentRange};
use proptest::prelude::*;

#[track_caller]
fn check_content(header: &str, expected: Result<(u64, u64), ContentRangeError>) {
    let parsed: Result<ContentRange, _> = header.parse();
    assert_eq!(parsed.map(|range| (range.start(), range.end())), expected, "{header:?}");
}

#[test]
fn content_ranges_that_say_no_range_are_refused() {
    for header in [
        "",
        "-",
        "0",
        "0-",
        "-5",
        "a-b",
        "0-5-6",
        "0--5",
        "+0-5",
        "0-+5",
        "0 - 5",
        "0-5/6",
        "0-5/*",
        "bytes",
        "bytes ",
        "bytes */10",
        "bytes 0-5/",
        "bytes 0-5/x",
        "bytes 0-5/6/7",
        "bytes=0-5",
        "lines 0-5/6",
        "0x0-5",
        "٠-٥",
        "0-5,7-8",
    ] {
        check_content(header, Err(Malformed));
    }
    for header in ["5-4", "bytes 5-4/10", "1-0"] {
        check_content(header, Err(Reversed));
    }
    for header in ["bytes 0-5/5", "bytes 0-0/0"] {
        check_content(header, Err(BeyondSize));
    }
}

#[test]
fn content_ranges_of_both_forms_are_taken() {
    for (header, expected) in [
        ("0-0", (0, 0)),
        ("0-5", (0, 5)),
        (" 7-9 ", (7, 9)),
        ("007-9", (7, 9)),
        ("bytes 0-5", (0, 5)),
        ("bytes 0-5/6", (0, 5)),
        ("bytes 0-5/7", (0, 5)),
        ("Bytes 0-5/*", (0, 5)),
    ] {
        check_content(header, Ok(expected));
    }
    let range: ContentRange = "7-9".parse().unwrap();
    assert_eq!(range.len(), 3);
}

#[test]
fn a_content_range_ends_where_sizes_end() {
    let largest = i64::MAX as u64;
    check_content(&format!("0-{}", largest - 2), Ok((0, largest - 2)));
    check_content(&format!("0-{}", largest - 1), Ok((0, largest - 1)));
    check_content(&format!("0-{largest}"), Err(TooLarge));
    check_content(&format!("0-{}", u64::MAX), Err(TooLarge));
    check_content("0-18446744073709551616", Err(TooLarge));
    check_content("99999999999999999999999-5", Err(TooLarge));
    check_content(&"9".repeat(100_000), Err(Malformed));
}

#[track_caller]
fn check_bytes(header: &str, size_bytes: u64, expected: &ByteRange) {
    assert_eq!(&ByteRange::parse(header, size_bytes), expected, "{header:?} of {size_bytes}");
}

#[test]
fn a_range_that_a_server_may_ignore_is_ignored() {
    for header in [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=5",
        "bytes=0-1-2",
        "bytes=--1",
        "bytes=0-1,3-4",
        "bytes=0-1,",
        "bytes=,0-1",
        "bytes=+0-1",
        "lines=0-1",
        "0-1",
        "bytes 0-1",
        "bytes=0 -1",
        "bytes==0-1",
    ] {
        check_bytes(header, 10, &ByteRange::Whole);
    }
}

#[test]
fn a_range_without_a_byte_of_the_blob_is_unsatisfiable() {
    for (header, size_bytes) in [
        ("bytes=5-3", 10),
        ("bytes=10-", 10),
        ("bytes=10-20", 10),
        ("bytes=99999999999999999999-", 10),
        ("bytes=99999999999999999999-99999999999999999999", 10),
        ("bytes=-0", 10),
        ("bytes=0-", 0),
        ("bytes=0-0", 0),
        ("bytes=-0", 0),
    ] {
        check_bytes(header, size_bytes, &ByteRange::Unsatisfiable);
    }
}

#[test]
fn a_range_within_the_blob_is_cut_to_it() {
    for (header, size_bytes, part) in [
        ("bytes=0-", 10, 0..=9),
        ("bytes=0-0", 10, 0..=0),
        ("bytes=9-", 10, 9..=9),
        ("bytes=9-9", 10, 9..=9),
        ("bytes=2-5", 10, 2..=5),
        ("bytes=2-9", 10, 2..=9),
        ("bytes=2-10", 10, 2..=9),
        ("bytes=2-99999999999999999999", 10, 2..=9),
        ("bytes=-1", 10, 9..=9),
        ("bytes=-9", 10, 1..=9),
        ("bytes=-10", 10, 0..=9),
        ("bytes=-11", 10, 0..=9),
        ("bytes=-99999999999999999999", 10, 0..=9),
        (" BYTES= 1-2 ", 10, 1..=2),
        ("bytes=0-", 1, 0..=0),
    ] {
        check_bytes(header, size_bytes, &ByteRange::Part(part));
    }
}

#[test]
fn the_last_bytes_of_an_empty_blob_are_all_of_it() {
    check_bytes("bytes=-5", 0, &ByteRange::Whole);
}

proptest! {
    #[test]
    fn content_ranges_round_trip(start in 0..=u64::MAX >> 2, length in 1..=u64::MAX >> 2) {
        let text = format!("{start}-{}", start + length - 1);
        let range: ContentRange = text.parse().unwrap();
        prop_assert_eq!((range.start(), range.len()), (start, length));
        prop_assert_eq!(range.to_string(), text);
    }

    #[test]
    fn a_part_lies_within_the_blob(header in "bytes=[0-9]{0,3}-[0-9]{0,3}", size_bytes in 0_u64..1000) {
        if let ByteRange::Part(part) = ByteRange::parse(&header, size_bytes) {
            prop_assert!(part.start() <= part.end() && *part.end() < size_bytes);
        }
    }

    #[test]
    fn first_and_last_are_taken_literally(first in 0_u64..1000, more in 0_u64..1000, beyond in 0_u64..1000) {
        let header = format!("bytes={first}-{}", first + more);
        let expected = ByteRange::Part(first..=first + more);
        prop_assert_eq!(ByteRange::parse(&header, first + more + 1 + beyond), expected);
    }
}
