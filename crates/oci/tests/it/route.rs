use oci::route::{PATH_LENGTH_MAX, UPLOAD_ID_LENGTH_MAX};
use oci::{ErrorCode, Reference, RepositoryName, Route, RouteError};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use proptest::prelude::*;

use crate::digest::any_digest;
use crate::name::{NAME_PATTERN, TAG_PATTERN};
use crate::{sha256, sha512};

const METHODS: [&str; 9] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get"];

#[track_caller]
fn refused(method: &str, path: &str, status: u16, code: ErrorCode) {
    match Route::parse(method, path) {
        Ok(route) => panic!("{method} {path:?} was taken as {route:?}"),
        Err(error) => assert_eq!((error.status(), error.code()), (status, code), "{method} {path:?}"),
    }
}

#[track_caller]
fn taken(method: &str, path: &str, expected: &str) {
    let route = Route::parse(method, path).unwrap_or_else(|error| panic!("{method} {path}: {error}"));
    assert_eq!(format!("{route:?}"), expected, "{method} {path}");
}

#[test]
fn what_is_no_endpoint_is_not_found() {
    for path in [
        "",
        "/",
        "/v1/",
        "/V2/",
        "v2",
        "/v2x",
        "/v",
        "//v2/",
        "/v2//",
        "/v2/a",
        "/v2/a/",
        "/v2/a/b",
        "/v2/a/tags",
        "/v2/a/tags/",
        "/v2/a/tags/list/",
        "/v2/a/tags/lists",
        "/v2/a/blobs",
        "/v2/a/manifests",
        "/v2/a/manifest/latest",
        "/v2/_catalog/",
        "/v2/_catalog/a",
        "/v2/a/blobs/uploads/id/",
        "/v2/a/blobs/uploads//x",
        "/v2/a/Manifests/latest",
        "/v2/a/tags/LIST",
        "/v2/%2e%2e",
        "/v2/a%2ftags%2flist",
        "/v2/a/tags%2flist",
        "/v2/tags",
        "/v2/_oci/ext/discover",
    ] {
        for method in METHODS {
            refused(method, path, 404, ErrorCode::Unsupported);
        }
    }
}

#[test]
fn names_outside_the_grammar_are_name_invalid_everywhere() {
    let digest = sha256('a');
    let endings = [
        "tags/list",
        "manifests/latest",
        &format!("blobs/{digest}"),
        "blobs/uploads/",
        "blobs/uploads/id",
        &format!("referrers/{digest}"),
    ];
    let long = "a".repeat(256);
    for name in [
        "",
        "A",
        "a/",
        "a//b",
        "/a",
        "..",
        "a/..",
        "../a",
        "a/%2e%2e",
        "%2e",
        "a%2fb",
        "a%2Fb",
        "a%5cb",
        "%00",
        "a%00",
        "a%0a",
        "a%0d%0aX",
        "%61%2f%62",
        "%2561",
        "%zz",
        "%",
        "%4",
        "%c0%af",
        "%ff",
        "%C3%A9",
        "a+b",
        "a%20b",
        "a:b",
        "a@b",
        "_a",
        "a___b",
        "a..b",
        "a%2e.b",
        "é",
        "a;b",
        "a?b",
        "a#b",
        &long,
    ] {
        for ending in endings {
            for method in METHODS {
                refused(method, &format!("/v2/{name}/{ending}"), 400, ErrorCode::NameInvalid);
            }
        }
    }
    for ending in endings {
        refused("GET", &format!("/v2/{ending}"), 400, ErrorCode::NameInvalid);
    }
}

#[test]
fn malformed_digests_are_digest_invalid() {
    let (valid, upper) = (sha256('a'), sha256('A'));
    for text in [
        "",
        "a",
        "latest",
        "sha256",
        "sha256:",
        "sha256:..%2f",
        "sha256:abc",
        "sha256:totallywrong",
        &valid[..70],
        &format!("{valid}a"),
        &upper,
        &format!("{valid}%00"),
        &format!("{valid}%2f"),
        &valid.replace(':', "%253a"),
        &valid.replace(':', "-"),
        "sha512:abc",
        "md5:abc",
        &sha512('a')[..71],
    ] {
        for method in METHODS {
            refused(method, &format!("/v2/a/blobs/{text}"), 400, ErrorCode::DigestInvalid);
            refused(method, &format!("/v2/a/referrers/{text}"), 400, ErrorCode::DigestInvalid);
        }
    }
    for text in
        ["sha256:baddigeststring", "a:b", ":", &upper, &format!("{valid}%00"), &format!("latest@{valid}"), "%3A"]
    {
        for method in METHODS {
            refused(method, &format!("/v2/a/manifests/{text}"), 400, ErrorCode::DigestInvalid);
        }
    }
}

#[test]
fn a_malformed_tag_is_unknown_to_readers_and_invalid_to_writers() {
    let long = "a".repeat(129);
    for tag in
        ["", ".INVALID_MANIFEST_NAME", "-a", "a%2fb", "a%00", "a%20b", "%2e%2e", "..", "a+b", "%ff", "%2541", &long]
    {
        let path = format!("/v2/a/manifests/{tag}");
        refused("PUT", &path, 400, ErrorCode::TagInvalid);
        for method in ["GET", "HEAD", "DELETE"] {
            refused(method, &path, 404, ErrorCode::ManifestUnknown);
        }
    }
}

#[test]
fn a_malformed_upload_is_unknown() {
    for id in ["a.b", "%2e%2e", "..", "a%2fb", "%00", "a%0a", "a b", "%ff", "a:b"] {
        refused("PATCH", &format!("/v2/a/blobs/uploads/{id}"), 404, ErrorCode::BlobUploadUnknown);
    }
}

#[test]
fn lengths_are_limited() {
    let upload = |length: usize| Route::parse("GET", &format!("/v2/a/blobs/uploads/{}", "i".repeat(length)));
    assert!(upload(UPLOAD_ID_LENGTH_MAX - 1).is_ok());
    assert!(upload(UPLOAD_ID_LENGTH_MAX).is_ok());
    assert_eq!(upload(UPLOAD_ID_LENGTH_MAX + 1), Err(RouteError::UploadUnknown));

    let path = |length: usize| Route::parse("GET", &format!("/v2/{}", "a".repeat(length - 4)));
    assert_eq!(path(PATH_LENGTH_MAX - 1), Err(RouteError::NotFound));
    assert_eq!(path(PATH_LENGTH_MAX), Err(RouteError::NotFound));
    assert_eq!(path(PATH_LENGTH_MAX + 1), Err(RouteError::TooLong { actual: PATH_LENGTH_MAX + 1 }));

    let percent = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let longest = format!("/v2/{}/blobs/{}", "%61".repeat(255), percent(&sha512('a')));
    assert!(longest.len() < PATH_LENGTH_MAX && Route::parse("GET", &longest).is_ok());
}

#[test]
fn other_methods_are_told_the_ones_there_are() {
    let digest = sha256('a');
    for (path, expected) in [
        ("/v2/", "GET HEAD"),
        ("/v2/_catalog", "GET HEAD"),
        ("/v2/a/tags/list", "GET HEAD"),
        ("/v2/a/manifests/latest", "GET HEAD PUT DELETE"),
        (&format!("/v2/a/manifests/{digest}"), "GET HEAD PUT DELETE"),
        (&format!("/v2/a/blobs/{digest}"), "GET HEAD DELETE"),
        ("/v2/a/blobs/uploads/", "POST"),
        ("/v2/a/blobs/uploads/id", "GET PATCH PUT DELETE"),
        (&format!("/v2/a/referrers/{digest}"), "GET HEAD"),
    ] {
        let mut taken = 0;
        for method in METHODS {
            match Route::parse(method, path) {
                Ok(route) => {
                    assert!(route.methods().contains(&method), "{method} {path}");
                    taken += 1;
                }
                Err(RouteError::MethodNotAllowed { allowed }) => assert_eq!(allowed.join(" "), expected, "{path}"),
                Err(error) => panic!("{method} {path}: {error}"),
            }
        }
        assert_eq!(taken, expected.split(' ').count(), "{path}");
    }
    refused("POST", "/v2/", 405, ErrorCode::Unsupported);
}

#[test]
fn every_endpoint_is_taken() {
    let (digest, digest512) = (sha256('a'), sha512('b'));
    taken("GET", "/v2", "Base");
    taken("HEAD", "/v2/", "Base");
    taken("GET", "/v2/_catalog", "Catalog");
    taken("GET", "/v2/a/tags/list", r#"Tags { name: RepositoryName("a") }"#);
    taken("PUT", "/v2/a/b/manifests/v1", r#"Manifest { name: RepositoryName("a/b"), reference: Tag(Tag("v1")) }"#);
    let expected = format!(r#"Manifest {{ name: RepositoryName("a"), reference: Digest({digest512}) }}"#);
    taken("GET", &format!("/v2/a/manifests/{digest512}"), &expected);
    let expected = format!(r#"Blob {{ name: RepositoryName("a"), digest: {digest} }}"#);
    taken("HEAD", &format!("/v2/a/blobs/{digest}"), &expected);
    taken("POST", "/v2/a/blobs/uploads/", r#"UploadStart { name: RepositoryName("a") }"#);
    taken("POST", "/v2/a/blobs/uploads", r#"UploadStart { name: RepositoryName("a") }"#);
    taken("PATCH", "/v2/a/blobs/uploads/0-_Z", r#"Upload { name: RepositoryName("a"), id: "0-_Z" }"#);
    let expected = format!(r#"Referrers {{ name: RepositoryName("a"), digest: {digest} }}"#);
    taken("GET", &format!("/v2/a/referrers/{digest}"), &expected);
}

#[test]
fn percent_encoding_is_decoded_once() {
    let digest = sha256('a');
    let expected = format!(r#"Blob {{ name: RepositoryName("ab/c"), digest: {digest} }}"#);
    taken("GET", &format!("/v2/%61%62/c/%62lobs/{}", digest.replace(':', "%3A")), &expected);
    taken("GET", &format!("/v2/ab/c/blobs/{}", digest.replace(':', "%3a")), &expected);
    taken("GET", "/v2/%5Fcatalog", "Catalog");
    taken("GET", "/v2/a/tags/%6cist", r#"Tags { name: RepositoryName("a") }"#);
    taken("GET", "/v2/a/manifests/v1%2E0", r#"Manifest { name: RepositoryName("a"), reference: Tag(Tag("v1.0")) }"#);
}

#[test]
fn names_may_have_the_words_of_paths_as_segments() {
    let digest = sha256('a');
    let words = [
        "uploads",
        "manifests",
        "blobs",
        "tags",
        "list",
        "referrers",
        "v2",
        "blobs/uploads",
        "tags/list",
        "blobs/uploads/x",
    ];
    for first in words {
        for second in words {
            let name = format!("{first}/{second}");
            for (method, ending) in [
                ("GET", "tags/list".to_owned()),
                ("GET", "manifests/list".to_owned()),
                ("GET", "manifests/uploads".to_owned()),
                ("GET", format!("manifests/{digest}")),
                ("GET", format!("blobs/{digest}")),
                ("POST", "blobs/uploads/".to_owned()),
                ("GET", "blobs/uploads/manifests".to_owned()),
                ("GET", "blobs/uploads/uploads".to_owned()),
                ("GET", format!("referrers/{digest}")),
            ] {
                let path = format!("/v2/{name}/{ending}");
                let route = Route::parse(method, &path).unwrap();
                assert_eq!(route.name().map(RepositoryName::as_str), Some(name.as_str()), "{path}");
                assert_eq!(route.to_string(), path);
            }
        }
    }
}

fn any_route() -> impl Strategy<Value = Route> {
    let name = || NAME_PATTERN.prop_map(|text| text.parse::<RepositoryName>().unwrap());
    let reference = prop_oneof![
        TAG_PATTERN.prop_map(|text| Reference::Tag(text.parse().unwrap())),
        any_digest().prop_map(Reference::Digest),
    ];
    prop_oneof![
        Just(Route::Base),
        Just(Route::Catalog),
        name().prop_map(|name| Route::Tags { name }),
        (name(), reference).prop_map(|(name, reference)| Route::Manifest { name, reference }),
        (name(), any_digest()).prop_map(|(name, digest)| Route::Blob { name, digest }),
        name().prop_map(|name| Route::UploadStart { name }),
        (name(), "[a-zA-Z0-9_-]{1,128}").prop_map(|(name, id)| Route::Upload { name, id }),
        (name(), any_digest()).prop_map(|(name, digest)| Route::Referrers { name, digest }),
    ]
}

proptest! {
    #[test]
    fn routes_round_trip(route in any_route()) {
        for method in route.methods() {
            let parsed = Route::parse(method, &route.to_string());
            prop_assert_eq!(parsed.as_ref(), Ok(&route));
        }
    }

    #[test]
    fn encoding_any_byte_changes_nothing(route in any_route(), chosen in proptest::collection::vec(any::<bool>(), 400)) {
        let path = route.to_string();
        let encode = |(index, character): (usize, char)| {
            let skip = index < 4 || character == '/' || !chosen.get(index).copied().unwrap_or_default();
            if skip { character.to_string() } else { format!("%{:02X}", u32::from(character)) }
        };
        let encoded: String = path.chars().enumerate().map(encode).collect();
        prop_assert_eq!(Route::parse(route.methods()[0], &encoded), Ok(route));
    }

    #[test]
    fn what_parses_displays_as_itself(path in "/v2/([a-c./%_-]{0,6}|blobs|uploads|manifests|tags|list|/){1,6}") {
        if let Ok(route) = Route::parse("GET", &path) {
            prop_assert_eq!(Route::parse("GET", &route.to_string()), Ok(route));
        }
    }
}
