//! What a document of exceptions says, and how it is refused.

use policy::Exceptions;

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
}
