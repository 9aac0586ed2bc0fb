//! What a document of exceptions says, and how it is refused.

use std::fmt::Write as _;

use policy::{
    DOCUMENT_BYTES_MAX, EXCEPTIONS_MAX, Exceptions, LIFETIME_DAYS_MAX, PATTERNS_MAX, ReadError, TEXT_BYTES_MAX,
    write_moment,
};
use proptest::prelude::*;

const DOCUMENT: &str = r#"apiVersion: garrison.dev/v1
kind: Exceptions
exceptions:
  - id: log4j-in-tests
    vulnerabilities: [CVE-2021-44228, "CVE-2021-45*"]
    purls: ["pkg:maven/org.apache.logging.log4j/*"]
    versions: "<2.17.1"
    paths: ["/app/test/**"]
    scope: ["team/**"]
    owner: team-a@example.com
    reason: "Only in tests: never deployed"
    created: 2026-11-01
    expires: 2027-02-01
    condition: only-without-fix
"#;

#[test]
fn what_is_written_is_read() {
    let exceptions = Exceptions::read(DOCUMENT.as_bytes()).unwrap();
    assert_eq!(exceptions.to_yaml(), DOCUMENT);
    let none = "apiVersion: garrison.dev/v1\nkind: Exceptions\nexceptions: []\n";
    assert_eq!(Exceptions::read(none.as_bytes()).unwrap().to_yaml(), none);
}

#[test]
fn json_is_read_as_well() {
    let json = r#"{"apiVersion": "garrison.dev/v1", "kind": "Exceptions", "exceptions": [
        {"id": "a", "vulnerabilities": ["CVE-1"], "owner": "o", "reason": "r", "created": "2026-11-01", "expires": "2026-11-02T10:00:00+02:00"}]}"#;
    let exceptions = Exceptions::read(json.as_bytes()).unwrap();
    insta::assert_snapshot!(exceptions.to_yaml(), @r#"
    apiVersion: garrison.dev/v1
    kind: Exceptions
    exceptions:
      - id: a
        vulnerabilities: [CVE-1]
        owner: o
        reason: r
        created: 2026-11-01
        expires: "2026-11-02T08:00:00Z"
    "#);
}

/// Reads the document with one line replaced, or left out.
fn refusal(line: &str, by: &str) -> String {
    assert!(DOCUMENT.contains(line), "{line}");
    match Exceptions::read(DOCUMENT.replace(line, by).as_bytes()) {
        Ok(_) => "read".to_owned(),
        Err(error) => match error.nearest() {
            Some(nearest) => format!("{error}; {nearest}?"),
            None => error.to_string(),
        },
    }
}

#[test]
fn a_mistake_is_told_with_its_place() {
    let table = [
        ("apiVersion: garrison.dev/v1", "apiVersion: garrison.dev/v2"),
        ("kind: Exceptions", "kind: Exception"),
        ("kind: Exceptions\n", ""),
        ("exceptions:", "exeptions:"),
        ("    owner: team-a@example.com\n", ""),
        ("owner: team-a@example.com", "owner: \"\""),
        ("owner: team-a@example.com", "owner: [a]"),
        ("owner: team-a@example.com", "onwer: a"),
        ("owner: team-a@example.com", "zzz: a"),
        ("id: log4j-in-tests", "id: \" \""),
        ("id: log4j-in-tests", "id: \"a\\u0001\""),
        ("    reason: \"Only in tests: never deployed\"\n", ""),
        ("    expires: 2027-02-01\n", ""),
        ("expires: 2027-02-01", "expires: soon"),
        ("expires: 2027-02-01", "expires: 2026-11-01"),
        ("expires: 2027-02-01", "expires: 2028-02-01"),
        ("created: 2026-11-01", "created: 2026-13-01"),
        ("[CVE-2021-44228, \"CVE-2021-45*\"]", "[]"),
        ("[CVE-2021-44228, \"CVE-2021-45*\"]", "CVE-2021-44228"),
        ("CVE-2021-45*", "CVE***"),
        ("pkg:maven/org.apache.logging.log4j/*", "org.apache.logging.log4j"),
        ("pkg:maven/org.apache.logging.log4j/*", "pkg:**"),
        ("versions: \"<2.17.1\"", "versions: \"vers:maven/<<\""),
        ("versions: \"<2.17.1\"", "versions: \"[1,\""),
        ("condition: only-without-fix", "condition: only-with-fix"),
        ("    condition: only-without-fix", "   condition: only-without-fix"),
        ("    condition: only-without-fix", "    owner: again"),
        ("    owner: team-a@example.com", "    owner: &a team-a@example.com"),
    ];
    let mut text = String::new();
    for (line, by) in table {
        writeln!(text, "{} -> {}\n  {}", line.trim(), by.trim(), refusal(line, by)).unwrap();
    }
    insta::assert_snapshot!(text);
}

#[test]
fn an_id_stands_once() {
    let entry = DOCUMENT.split_once("exceptions:\n").unwrap().1;
    let error = Exceptions::read(format!("{DOCUMENT}{entry}").as_bytes()).unwrap_err();
    assert_eq!(error.to_string(), "line 15, column 9: the id `log4j-in-tests` stands twice");
}

fn document(
    entries: usize,
    vulnerabilities: usize,
    reason: usize,
    lifetime_days: i64,
) -> Result<Exceptions, ReadError> {
    let mut text = "apiVersion: garrison.dev/v1\nkind: Exceptions\nexceptions:\n".to_owned();
    let names = vec!["CVE-1"; vulnerabilities].join(", ");
    let (reason, end) = ("r".repeat(reason), write_moment(lifetime_days * 24 * 60 * 60));
    for entry in 0..entries {
        writeln!(
            text,
            "- {{id: e{entry}, vulnerabilities: [{names}], owner: o, reason: {reason}, created: 1970-01-01, expires: {end}}}"
        )
        .unwrap();
    }
    Exceptions::read(text.as_bytes())
}

#[test]
fn limits_are_kept_on_both_sides() {
    assert!(document(1, 1, 1, LIFETIME_DAYS_MAX).is_ok());
    assert!(document(1, 1, 1, LIFETIME_DAYS_MAX + 1).is_err());
    assert!(document(1, PATTERNS_MAX, 1, 1).is_ok());
    assert!(document(1, PATTERNS_MAX + 1, 1, 1).is_err());
    assert!(document(1, 1, TEXT_BYTES_MAX, 1).is_ok());
    assert!(document(1, 1, TEXT_BYTES_MAX + 1, 1).is_err());
    assert!(document(EXCEPTIONS_MAX, 1, 1, 1).is_ok());
    assert!(document(EXCEPTIONS_MAX + 1, 1, 1, 1).is_err());
    let mut text = DOCUMENT.as_bytes().to_vec();
    text.resize(DOCUMENT_BYTES_MAX, b'\n');
    assert!(Exceptions::read(&text).is_ok());
    text.push(b'\n');
    assert_eq!(
        Exceptions::read(&text),
        Err(ReadError::TooLarge { actual: DOCUMENT_BYTES_MAX + 1, limit: DOCUMENT_BYTES_MAX })
    );
    assert_eq!(Exceptions::read(b"\xff"), Err(ReadError::Utf8));
}

proptest! {
    /// Whatever a person writes as owner and reason, and whatever is a pattern, stays what it was.
    #[test]
    fn every_text_survives_writing(reason in "\\PC{1,40}|[a-z:#'\"\\\\\\-\n\t ]{1,20}", pattern in "[a-zA-Z0-9:#'\"*?\\[\\]{}, &!%@|>-]{1,20}") {
        let Ok(pattern) = component::Pattern::parse(&pattern) else { return Ok(()) };
        let exceptions = Exceptions::read(DOCUMENT.as_bytes()).unwrap();
        let mut entries = exceptions.entries().to_vec();
        entries[0].reason = reason.trim().to_owned();
        prop_assume!(!entries[0].reason.is_empty() && pattern.as_str().trim() == pattern.as_str());
        entries[0].paths = vec![pattern];
        let exceptions = Exceptions::new(entries);
        let from_json = Exceptions::read(exceptions.to_json().to_string().as_bytes());
        prop_assert_eq!(from_json.as_ref(), Ok(&exceptions));
        prop_assert_eq!(Exceptions::read(exceptions.to_yaml().as_bytes()), Ok(exceptions));
    }
}
