use oci::name::NameError::{self, BadCharacter, BadSeparator, Empty, EmptySegment, TooLong};
use oci::reference::ReferenceError;
use oci::tag::TagError;
use oci::{DigestError, Reference, RepositoryName, Tag};
use proptest::prelude::*;

use crate::{EMPTY_SHA256, sha512};

#[track_caller]
fn check_name(text: &str, expected: Result<&str, NameError>) {
    let parsed: Result<RepositoryName, _> = text.parse();
    assert_eq!(parsed.as_ref().map(RepositoryName::project).map_err(|error| *error), expected, "{text:?}");
}

#[test]
fn names_outside_the_grammar_are_refused() {
    check_name("", Err(Empty));
    for text in ["/", "/a", "a/", "a//b", "//", "a/b//"] {
        check_name(text, Err(EmptySegment));
    }
    for text in [
        "A",
        "aB",
        "a b",
        "a:b",
        "a@b",
        "a\0",
        "a\n",
        "a%2fb",
        "a\\b",
        "a+b",
        "a~b",
        "é",
        "a/ü/b",
        "ａ",
        "a\u{202e}b",
        "а/cyrillic",
        "_catalog?",
        "a;b",
    ] {
        check_name(text, Err(BadCharacter));
    }
    for text in [
        ".", "..", "a/..", "../a", "a/../b", "./a", ".a", "a.", "-a", "a-", "_a", "a_", "_catalog", "a..b", "a___b",
        "a._b", "a_.b", "a-_b", "a_-b", "a-.b", "a/-b", "a/b-", "a__-b", "a/___",
    ] {
        check_name(text, Err(BadSeparator));
    }
}

#[test]
fn names_of_the_grammar_are_taken() {
    for (text, project) in [
        ("a", "a"),
        ("0", "0"),
        ("alpine", "alpine"),
        ("a/b", "a"),
        ("team/sub/deep/er/still", "team"),
        ("a.b/c_d/e__f/g-h/i---j/k--l", "a.b"),
        ("1.2.3/4", "1.2.3"),
        ("blobs/uploads/manifests/tags/list/referrers", "blobs"),
    ] {
        check_name(text, Ok(project));
    }
}

#[test]
fn a_name_has_at_most_255_bytes() {
    check_name(&"a".repeat(254), Ok(&"a".repeat(254)));
    check_name(&"a".repeat(255), Ok(&"a".repeat(255)));
    check_name(&"a".repeat(256), Err(TooLong { actual: 256 }));
    check_name(&"a/".repeat(1_000_000), Err(TooLong { actual: 2_000_000 }));
}

#[test]
fn one_segment_belongs_to_the_project_library() {
    let qualified = |text: &str| text.parse::<RepositoryName>().unwrap().qualified().map(|name| name.to_string());
    assert_eq!(qualified("alpine"), Ok("library/alpine".to_owned()));
    assert_eq!(qualified("team/alpine"), Ok("team/alpine".to_owned()));
    assert_eq!(qualified("library"), Ok("library/library".to_owned()));
    assert_eq!(qualified(&"a".repeat(246)), Ok(format!("library/{}", "a".repeat(246))));
    assert_eq!(qualified(&"a".repeat(247)), Ok(format!("library/{}", "a".repeat(247))));
    assert_eq!(qualified(&"a".repeat(248)), Err(TooLong { actual: 256 }));
    let long = format!("a/{}", "b".repeat(253));
    assert_eq!(qualified(&long), Ok(long.clone()));
}

#[track_caller]
fn check_tag(text: &str, expected: Result<(), TagError>) {
    assert_eq!(text.parse::<Tag>().map(|tag| assert_eq!(tag.as_str(), text)), expected, "{text:?}");
}

#[test]
fn tags_outside_the_grammar_are_refused() {
    check_tag("", Err(TagError::Empty));
    for text in [".", "..", ".a", "-a", "+a", "/", " a", "é", "\0", "%61", ".INVALID_MANIFEST_NAME"] {
        check_tag(text, Err(TagError::BadStart));
    }
    for text in ["a b", "a/b", "a:b", "a@b", "a+b", "a\0", "a\n", "a%20", "aé", "a,b", "a?b"] {
        check_tag(text, Err(TagError::BadCharacter));
    }
}

#[test]
fn tags_of_the_grammar_are_taken() {
    for text in
        ["a", "A", "0", "_", "latest", "1.2.3-rc.1_x", "a..b", "a-", "a.", "__", "sha256-abc.sig", "1.0.0_build.5"]
    {
        check_tag(text, Ok(()));
    }
}

#[test]
fn a_tag_has_at_most_128_bytes() {
    check_tag(&"a".repeat(127), Ok(()));
    check_tag(&"a".repeat(128), Ok(()));
    check_tag(&"a".repeat(129), Err(TagError::TooLong { actual: 129 }));
}

#[test]
fn tags_are_ordered_by_byte() {
    let mut tags: Vec<Tag> = ["b", "a", "_", "B", "1", "a.", "a-"].iter().map(|text| text.parse().unwrap()).collect();
    tags.sort();
    let sorted: Vec<&str> = tags.iter().map(Tag::as_str).collect();
    assert_eq!(sorted, ["1", "B", "_", "a", "a-", "a.", "b"]);
}

#[test]
fn a_reference_with_a_colon_is_a_digest_or_nothing() {
    let digest: Result<Reference, _> = "sha256:abc".parse();
    assert!(matches!(digest, Err(ReferenceError::Digest(DigestError::WrongLength { .. }))), "{digest:?}");
    let tag: Result<Reference, _> = "latest:1".parse();
    assert_eq!(tag, Err(ReferenceError::Digest(DigestError::UnknownAlgorithm)));
    let tag: Result<Reference, _> = "-".parse();
    assert_eq!(tag, Err(ReferenceError::Tag(TagError::BadStart)));
    for text in ["latest", EMPTY_SHA256, &sha512('0'), "sha256"] {
        assert_eq!(text.parse::<Reference>().unwrap().to_string(), text);
    }
}

pub(crate) const NAME_PATTERN: &str =
    r"[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}(/[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,8}){0,2}){0,3}";
pub(crate) const TAG_PATTERN: &str = "[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}";

// The grammar once more, naively, as an oracle.
fn is_name(text: &str) -> bool {
    let is_plain = |character: char| character.is_ascii_lowercase() || character.is_ascii_digit();
    let is_segment = |segment: &str| {
        let mut rest = segment;
        loop {
            let trimmed = rest.trim_start_matches(is_plain);
            if trimmed.len() == rest.len() {
                return false;
            }
            if trimmed.is_empty() {
                return true;
            }
            let dashes = trimmed.len() - trimmed.trim_start_matches('-').len();
            rest = if dashes > 0 {
                &trimmed[dashes..]
            } else if let Some(rest) = trimmed.strip_prefix("__") {
                rest
            } else if let Some(rest) = trimmed.strip_prefix(['.', '_']) {
                rest
            } else {
                return false;
            };
        }
    };
    text.len() <= 255 && text.split('/').all(is_segment)
}

proptest! {
    #[test]
    fn every_generated_name_is_taken(text in NAME_PATTERN) {
        prop_assert_eq!(text.parse::<RepositoryName>().map(|name| name.to_string()), Ok(text));
    }

    #[test]
    fn names_agree_with_the_oracle(text in "[a-b./_-]{0,12}") {
        prop_assert_eq!(text.parse::<RepositoryName>().is_ok(), is_name(&text));
    }

    #[test]
    fn every_generated_tag_is_taken(text in TAG_PATTERN) {
        prop_assert_eq!(text.parse::<Tag>().map(|tag| tag.to_string()), Ok(text));
    }

    #[test]
    fn what_parses_is_plain_ascii(text in "\\PC{0,10}") {
        let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'%' && byte != b'\\');
        prop_assert!(text.parse::<RepositoryName>().is_err() || is_plain(&text));
        prop_assert!(text.parse::<Tag>().is_err() || is_plain(&text));
    }
}
