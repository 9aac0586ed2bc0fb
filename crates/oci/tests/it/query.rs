use oci::query::{QUERY_LENGTH_MAX, QUERY_PARAMETERS_MAX, QUERY_TAGS_MAX};
use oci::{Algorithm, ErrorCode, Query, QueryError, Tag};
use proptest::prelude::*;

use crate::name::TAG_PATTERN;
use crate::{EMPTY_SHA256, chain, sha256, sha512};

fn parse(query: &str) -> Query {
    Query::parse(query).unwrap()
}

// Every value at once, as a handler that wanted them all would see it.
fn understand(query: &str) -> Result<(), QueryError> {
    let query = Query::parse(query)?;
    query.tags()?;
    query.n()?;
    query.last()?;
    query.digest()?;
    query.mount()?;
    query.from()?;
    query.artifact_type()?;
    query.digest_algorithm()?;
    query.namespace()?;
    Ok(())
}

#[track_caller]
fn refused(query: &str, code: ErrorCode, message: &str) {
    let error = understand(query).expect_err(query);
    assert_eq!((error.code(), chain(&error).as_str()), (code, message), "{query:?}");
}

#[test]
fn values_that_mean_nothing_are_refused() {
    let number = "the parameter `n` is a whole number";
    for query in ["n=", "n", "n=-1", "n=+1", "n=1.0", "n=abc", "n=0x10", "n=%31%00", "n=1%20", "n=١"] {
        refused(query, ErrorCode::PaginationNumberInvalid, number);
    }
    let digest = "the parameter `digest` is not a digest or algorithm that the registry knows: ";
    let no_colon = "a digest is an algorithm, a colon and a hash; there is no colon";
    refused("digest=", ErrorCode::DigestInvalid, &format!("{digest}{no_colon}"));
    refused("digest=a", ErrorCode::DigestInvalid, &format!("{digest}{no_colon}"));
    refused(
        &format!("digest={}%00", sha256('a')),
        ErrorCode::DigestInvalid,
        &format!("{digest}a sha256 hash is 64 characters, this one is 65"),
    );
    // Encoded twice is not decoded twice.
    refused(
        &format!("digest={}", sha256('a').replace(':', "%253a")),
        ErrorCode::DigestInvalid,
        &format!("{digest}{no_colon}"),
    );
    refused(
        "mount=sha256:x",
        ErrorCode::DigestInvalid,
        "the parameter `mount` is not a digest or algorithm that the registry knows: \
         a sha256 hash is 64 characters, this one is 1",
    );
    refused(
        "digest-algorithm=sha1",
        ErrorCode::DigestInvalid,
        "the parameter `digest-algorithm` is not a digest or algorithm that the registry knows: \
         the digest's algorithm is not one of sha256, sha512",
    );
    refused(
        "from=a/../b",
        ErrorCode::NameInvalid,
        "the parameter `from` is not a repository name: \
         in a repository name, `.`, `_`, `__` and any number of `-` stand alone between letters or digits",
    );
    refused("tag=a&tag=", ErrorCode::TagInvalid, "the parameter `tag` is not a tag: a tag has at least one character");
    refused(
        "tag=a%2Cb",
        ErrorCode::TagInvalid,
        "the parameter `tag` is not a tag: a tag holds only letters, digits, `_`, `.` and `-`",
    );
    for (query, parameter) in [("last=%00", "last"), ("last=a%0a", "last"), ("ns=a%0d%0ab", "ns")] {
        let message = format!("the parameter `{parameter}` is longer than 255 bytes or holds a control character");
        refused(query, ErrorCode::ParameterInvalid, &message);
    }
    for query in ["last=%ff", "%c3%28=1", "tag=%e2%82"] {
        refused(query, ErrorCode::ParameterInvalid, "the query is not UTF-8");
    }
}

#[test]
fn one_parameter_with_two_values_is_refused() {
    let (one, other) = (sha256('a'), sha256('b'));
    refused(
        &format!("digest={one}&digest={other}"),
        ErrorCode::ParameterInvalid,
        "the parameter `digest` has two different values",
    );
    refused("n=1?n=2", ErrorCode::ParameterInvalid, "the parameter `n` has two different values");
    refused("from=a&fro%6d=b", ErrorCode::ParameterInvalid, "the parameter `from` has two different values");
    let query = parse(&format!("digest={one}&digest={}", one.replace(':', "%3A")));
    assert_eq!(query.digest().unwrap().unwrap().to_string(), one);
}

#[test]
fn lengths_are_limited() {
    let padded = |length: usize| understand(&format!("x={}", "a".repeat(length - 2)));
    assert_eq!(padded(QUERY_LENGTH_MAX - 1), Ok(()));
    assert_eq!(padded(QUERY_LENGTH_MAX), Ok(()));
    assert_eq!(padded(QUERY_LENGTH_MAX + 1), Err(QueryError::TooLong { actual: QUERY_LENGTH_MAX + 1 }));

    let parameters = |count: usize| understand(&"x=1&".repeat(count));
    assert_eq!(parameters(QUERY_PARAMETERS_MAX - 1), Ok(()));
    assert_eq!(parameters(QUERY_PARAMETERS_MAX), Ok(()));
    assert_eq!(parameters(QUERY_PARAMETERS_MAX + 1), Err(QueryError::TooManyParameters));

    let tags =
        |count: usize| understand(&(0..count).map(|number| format!("tag=v{number}&")).collect::<Vec<_>>().concat());
    assert_eq!(tags(QUERY_TAGS_MAX - 1), Ok(()));
    assert_eq!(tags(QUERY_TAGS_MAX), Ok(()));
    assert_eq!(tags(QUERY_TAGS_MAX + 1), Err(QueryError::TooManyTags));
    assert_eq!(QueryError::TooManyTags.code().status(), 414);

    for parameter in ["last", "artifactType", "ns"] {
        let text = |length: usize| understand(&format!("{parameter}={}", "a".repeat(length)));
        assert_eq!(text(254), Ok(()));
        assert_eq!(text(255), Ok(()));
        assert_eq!(text(256), Err(QueryError::Text { parameter, limit: 255 }));
    }
}

#[test]
fn the_longest_tags_fit_the_longest_query() {
    let query: String = (0..QUERY_TAGS_MAX).map(|number| format!("tag={number:0>128}&")).collect::<Vec<_>>().concat();
    assert_eq!(parse(&query).tags().unwrap().len(), QUERY_TAGS_MAX);
}

#[test]
fn what_an_endpoint_does_not_ask_for_cannot_fail_it() {
    let query = parse("n=x&digest=y&tag=%20&from=..&unknown=%00&mount=");
    assert_eq!(query.last(), Ok(None));
    assert_eq!(query.state(), None);
}

#[test]
fn absent_is_none() {
    for query in ["", "&", "&&", "?", "unknown", "N=1", "DIGEST=1", "=", "=1"] {
        assert_eq!(parse(query), Query::default(), "{query}");
    }
    let query = parse("");
    assert_eq!((query.n(), query.last(), query.digest(), query.mount()), (Ok(None), Ok(None), Ok(None), Ok(None)));
    assert_eq!((query.from(), query.artifact_type(), query.digest_algorithm()), (Ok(None), Ok(None), Ok(None)));
    assert_eq!(query.tags(), Ok(vec![]));
}

#[test]
fn every_parameter_is_had() {
    let (digest, mount) = (EMPTY_SHA256, sha512('a'));
    let query = parse(&format!(
        "digest={digest}&mount={mount}&from=team%2Fapi&n=7&last=v1&artifactType=application%2Fx&digest-algorithm=sha512\
         &_state=abc_-~=&ns=docker.io"
    ));
    assert_eq!(query.digest().unwrap().unwrap().to_string(), digest);
    assert_eq!(query.mount().unwrap().unwrap().to_string(), mount);
    assert_eq!(query.from().unwrap().unwrap().as_str(), "team/api");
    assert_eq!(query.n(), Ok(Some(7)));
    assert_eq!(query.last(), Ok(Some("v1")));
    assert_eq!(query.artifact_type(), Ok(Some("application/x")));
    assert_eq!(query.digest_algorithm(), Ok(Some(Algorithm::Sha512)));
    assert_eq!(query.state(), Some("abc_-~="));
    assert_eq!(query.namespace(), Ok(Some("docker.io")));
}

#[test]
fn a_huge_n_is_a_number() {
    assert_eq!(parse("n=0").n(), Ok(Some(0)));
    assert_eq!(parse("n=18446744073709551615").n(), Ok(Some(u64::MAX)));
    assert_eq!(parse("n=18446744073709551616").n(), Ok(Some(u64::MAX)));
    assert_eq!(parse(&format!("n={}", "9".repeat(1000))).n(), Ok(Some(u64::MAX)));
}

#[test]
fn an_appended_question_mark_separates() {
    for query in [format!("_state=a?digest={EMPTY_SHA256}"), format!("_state=a&?digest={EMPTY_SHA256}&")] {
        let query = parse(&query);
        assert_eq!(query.state(), Some("a"));
        assert_eq!(query.digest().unwrap().unwrap().to_string(), EMPTY_SHA256);
    }
}

#[test]
fn a_plus_sign_of_a_media_type_need_not_be_encoded() {
    for query in ["artifactType=application/a.v1+json", "artifactType=application%2Fa.v1%2Bjson"] {
        assert_eq!(parse(query).artifact_type(), Ok(Some("application/a.v1+json")));
    }
    assert_eq!(parse("artifactType=").artifact_type(), Ok(None));
}

#[test]
fn tags_keep_their_order_and_stand_once() {
    let tags = parse("tag=1.2.3&tag=1.2&tag=1&tag=latest&tag=1.2").tags().unwrap();
    assert_eq!(tags.iter().map(Tag::as_str).collect::<Vec<_>>(), ["1.2.3", "1.2", "1", "latest"]);
}

proptest! {
    #[test]
    fn tags_round_trip(tags in proptest::collection::btree_set(TAG_PATTERN, 0..20)) {
        let query: Vec<String> = tags.iter().map(|tag| format!("tag={tag}")).collect();
        let parsed = parse(&query.join("&")).tags().unwrap();
        prop_assert_eq!(parsed.iter().map(ToString::to_string).collect::<Vec<_>>(), Vec::from_iter(tags));
    }

    #[test]
    fn percent_encoding_changes_nothing(value in "[a-z0-9]{1,20}") {
        let encoded: String = value.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
        let (plain, encoded) = (parse(&format!("last={value}")), parse(&format!("last={encoded}")));
        prop_assert_eq!(plain, encoded);
    }
}
