//! Input: a decimal size, a newline, and a text that may be a `Content-Range`, a `Range` or a query.
//!
//! A range lies within the blob; a query's values are what their types allow, and appended parameters are found.

#![no_main]

use libfuzzer_sys::fuzz_target;
use oci::query::{QUERY_LENGTH_MAX, QUERY_PARAMETERS_MAX, QUERY_TAGS_MAX};
use oci::{ByteRange, ContentRange, Query};

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fuzz_target!(|input: &str| {
    let Some((size, text)) = input.split_once('\n') else { return };
    content_range(text);
    if let Ok(size_bytes) = size.parse() {
        byte_range(text, size_bytes);
    }
    query(text);
});

fn content_range(text: &str) {
    let Ok(range) = text.parse::<ContentRange>() else { return };
    assert!(range.start() <= range.end());
    assert_eq!(range.len(), range.end() - range.start() + 1);
    assert!(i64::try_from(range.end() + 1).is_ok());
    assert_eq!(range.to_string().parse(), Ok(range));
}

fn byte_range(text: &str, size_bytes: u64) {
    let range = ByteRange::parse(text, size_bytes);
    if let ByteRange::Part(part) = &range {
        assert!(part.start() <= part.end() && *part.end() < size_bytes);
        let again = format!("bytes={}-{}", part.start(), part.end());
        assert_eq!(ByteRange::parse(&again, size_bytes), range);
    }
}

fn query(text: &str) {
    let Ok(query) = Query::parse(text) else { return };
    if let Ok(tags) = query.tags() {
        assert!(tags.len() <= QUERY_TAGS_MAX);
        let rebuilt: Vec<String> = tags.iter().map(|tag| format!("tag={tag}")).collect();
        assert_eq!(Query::parse(&rebuilt.join("&")).and_then(|query| query.tags()), Ok(tags));
    }
    if let Ok(Some(from)) = query.from() {
        assert_eq!(from.as_str().parse(), Ok(from));
    }
    for text in [query.last(), query.artifact_type(), query.namespace()].into_iter().flatten().flatten() {
        assert!(text.len() <= 255 && !text.chars().any(char::is_control));
    }
    let _ = (query.n(), query.mount(), query.digest_algorithm());

    let has_room = text.len() + 80 < QUERY_LENGTH_MAX && text.split(['&', '?']).count() < QUERY_PARAMETERS_MAX;
    if has_room && query.digest() == Ok(None) {
        for separator in ['&', '?'] {
            let appended = Query::parse(&format!("{text}{separator}digest={DIGEST}")).expect("one more parameter fits");
            assert_eq!(
                appended.digest().map(|digest| digest.map(|digest| digest.to_string())),
                Ok(Some(DIGEST.to_owned()))
            );
            assert_eq!(appended.n(), query.n());
        }
    }
}
