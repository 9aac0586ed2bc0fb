use oci::{ErrorCode, errors_json};
use serde_json::{Value, json};

#[test]
fn codes_are_stable_and_so_are_their_statuses() {
    let table: String =
        ErrorCode::ALL.iter().map(|code| format!("{} {code}\n", code.status())).collect::<Vec<_>>().concat();
    insta::assert_snapshot!(table, @"
    404 BLOB_UNKNOWN
    400 BLOB_UPLOAD_INVALID
    404 BLOB_UPLOAD_UNKNOWN
    400 DIGEST_INVALID
    400 MANIFEST_BLOB_UNKNOWN
    400 MANIFEST_INVALID
    413 MANIFEST_TOO_LARGE
    404 MANIFEST_UNKNOWN
    400 NAME_INVALID
    404 NAME_UNKNOWN
    400 PAGINATION_NUMBER_INVALID
    400 PARAMETER_INVALID
    416 RANGE_INVALID
    400 SIZE_INVALID
    400 TAG_INVALID
    414 TAGS_TOO_MANY
    401 UNAUTHORIZED
    403 DENIED
    405 UNSUPPORTED
    429 TOOMANYREQUESTS
    503 UNAVAILABLE
    500 UNKNOWN
    ");
}

// "containing only uppercase alphabetic characters and underscores"
#[test]
fn codes_are_spelt_as_the_specification_has_it() {
    for code in ErrorCode::ALL {
        assert!(code.as_str().bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'), "{code}");
        assert_eq!(ErrorCode::ALL.iter().filter(|other| other.as_str() == code.as_str()).count(), 1);
    }
}

#[test]
fn the_body_is_the_specifications() {
    let body = |detail| serde_json::from_str::<Value>(&errors_json(ErrorCode::Denied, "no \"x\"\n", detail)).unwrap();
    assert_eq!(body(Value::Null), json!({ "errors": [{ "code": "DENIED", "message": "no \"x\"\n" }] }));
    let detail = json!({ "limit": 4 });
    assert_eq!(
        body(detail.clone()),
        json!({ "errors": [{ "code": "DENIED", "message": "no \"x\"\n", "detail": detail }] })
    );
}
