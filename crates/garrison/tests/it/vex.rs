//! VEX documents from the command line.

use crate::Home;

fn check(document: &str) -> String {
    let home = Home::new();
    std::fs::write(home.path().join("v.json"), document).unwrap();
    home.run(&["vex", "check", "v.json"])
}

#[test]
fn a_document_says_what_it_states_or_why_it_is_refused() {
    insta::assert_snapshot!(check("{}"), @"
    exit 1
    --- stdout
    --- stderr
    error: `v.json` is refused: it is no VEX document: neither OpenVEX nor CSAF nor CycloneDX, as JSON
    ");
    let document = r#"{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.com/vex/1", "author": "Example", "version": 2,
        "timestamp": "2024-01-01T00:00:00Z", "statements": [
        {"vulnerability": {"name": "CVE-1"}, "products": [{"@id": "pkg:npm/a"}, {"@id": "pkg:npm/b"}], "status": "fixed"},
        {"vulnerability": {"name": "CVE-2"}, "products": [{"@id": "https://example.com"}], "status": "fixed"}]}"#;
    insta::assert_snapshot!(check(document), @"
    exit 0
    --- stdout
    Example, openvex `https://example.com/vex/1` version 2 of 2024-01-01 00:00: statements 1, not understood 1
    STATUS  STATEMENTS  PRODUCTS
    fixed            1         2
    --- stderr
    not understood: a product is named by nothing that can be compared (1, as `https://example.com`)
    ");
}
