//! What is refused, what is counted, and where the limits are.

use vex::{DEPTH_MAX, DOCUMENT_BYTES_MAX, Format, NAMES_MAX, Problem, Refusal, STATEMENTS_MAX, TARGETS_MAX};

fn openvex(statements: &str) -> String {
    format!(r#"{{"@context": "https://openvex.dev/ns/v0.2.0", "author": "a", "statements": [{statements}]}}"#)
}

fn problems(document: &str) -> Vec<Problem> {
    vex::read(document.as_bytes()).unwrap().problems.into_keys().collect()
}

#[test]
fn formats_are_known_by_their_top() {
    for (text, expected) in [
        ("", None),
        ("[]", None),
        ("{}", None),
        ("{\"@context\": \"https://openvex.dev/ns\"", None),
        (r#"{"@context": "https://schema.org"}"#, None),
        (r#"{"@context": ["https://openvex.dev/ns"]}"#, None),
        (r#"{"document": "2.0"}"#, None),
        (r#"{"document": {"csaf_version": 2}}"#, None),
        (r#"{"bomFormat": "SPDX"}"#, None),
        (r#"{"@context": "https://openvex.dev/ns"}"#, Some(Format::OpenVex)),
        ("\u{feff}{\"@context\": \"https://openvex.dev/ns/v0.2.0\"}", Some(Format::OpenVex)),
        (r#"{"document": {"csaf_version": "2.0"}}"#, Some(Format::Csaf)),
        (r#"{"bomFormat": "CycloneDX"}"#, Some(Format::CycloneDx)),
    ] {
        assert_eq!(vex::recognize(text.as_bytes()), expected, "{text}");
    }
}

#[test]
fn documents_are_refused_as_a_whole() {
    for (text, expected) in [
        ("{}", "it is no VEX document"),
        (
            r#"{"@context": "https://openvex.dev/ns"}"#,
            "it is not written as the format requires: missing field `statements`",
        ),
        (
            r#"{"@context": "https://openvex.dev/ns/v1.0.0", "statements": []}"#,
            "version `v1.0.0` of the format is not read",
        ),
        (r#"{"bomFormat": "CycloneDX", "specVersion": "2.0"}"#, "version `2.0` of the format is not read"),
        (
            r#"{"document": {"csaf_version": "1.2"}}"#,
            "it is not written as the format requires: missing field `publisher`",
        ),
        (
            r#"{"bomFormat": "CycloneDX", "vulnerabilities": {}}"#,
            "it is not written as the format requires: invalid type: map",
        ),
    ] {
        let refusal = vex::read(text.as_bytes()).unwrap_err().to_string();
        assert!(refusal.starts_with(expected), "{text}: {refusal}");
    }
}

#[test]
fn statements_of_openvex_that_say_too_little_are_counted() {
    let product = r#""products": ["pkg:npm/a"]"#;
    for (statement, expected) in [
        (format!(r#"{{{product}, "status": "fixed"}}"#), Problem::NoVulnerability),
        (format!(r#"{{"vulnerability": {{"name": " "}}, {product}, "status": "fixed"}}"#), Problem::NoVulnerability),
        (format!(r#"{{"vulnerability": "V", {product}, "status": "mended"}}"#), Problem::Word("status")),
        (format!(r#"{{"vulnerability": "V", {product}}}"#), Problem::Word("status")),
        (format!(r#"{{"vulnerability": "V", {product}, "status": "not_affected"}}"#), Problem::NoReason),
        (r#"{"vulnerability": "V", "status": "fixed"}"#.to_owned(), Problem::NoProduct),
        (
            r#"{"vulnerability": "V", "products": ["https://example.com"], "status": "fixed"}"#.to_owned(),
            Problem::Unidentified,
        ),
        (r#"{"vulnerability": "V", "products": ["pkg:npm"], "status": "fixed"}"#.to_owned(), Problem::Purl),
        (r#"{"vulnerability": "V", "products": ["cpe:/x"], "status": "fixed"}"#.to_owned(), Problem::Cpe),
        (
            r#"{"vulnerability": "V", "products": [{"hashes": {"sha-256": "1"}}], "status": "fixed"}"#.to_owned(),
            Problem::Hash,
        ),
        (
            r#"{"vulnerability": "V", "products": [{"identifiers": {"swid": "1"}}], "status": "fixed"}"#.to_owned(),
            Problem::Word("kind of identifier"),
        ),
        (format!(r#"{{"vulnerability": "V", {product}, "status": "fixed", "timestamp": "today"}}"#), Problem::Time),
        (
            format!(r#"{{"vulnerability": "V", {product}, "status": "not_affected", "justification": "because"}}"#),
            Problem::Word("justification"),
        ),
    ] {
        let document = openvex(&statement);
        assert!(problems(&document).contains(&expected), "{statement}: {:?}", problems(&document));
        let is_kept = matches!(expected, Problem::Time);
        assert_eq!(vex::read(document.as_bytes()).unwrap().statements.len(), usize::from(is_kept), "{statement}");
    }
}

#[test]
fn a_product_that_is_not_understood_takes_its_parts_with_it() {
    let document = openvex(
        r#"{"vulnerability": "V", "products": [{"@id": "https://example.com", "subcomponents": [{"@id": "pkg:npm/a"}]}], "status": "fixed"}"#,
    );
    assert_eq!(problems(&document), [Problem::Unidentified]);
    // What is left of a product without the part that is not understood would be the whole of it.
    let document = openvex(
        r#"{"vulnerability": "V", "products": [{"@id": "pkg:npm/b", "subcomponents": [{"@id": "?"}]}], "status": "fixed"}"#,
    );
    assert_eq!(vex::read(document.as_bytes()).unwrap().statements, []);
}

#[test]
fn a_cyclonedx_product_without_a_name_takes_its_parts_with_it() {
    let document = |root: &str| {
        let text = format!(
            r#"{{"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": {{"component": {root}}},
                "components": [{{"bom-ref": "l", "name": "l", "purl": "pkg:npm/l"}}],
                "vulnerabilities": [{{"id": "V", "analysis": {{"state": "resolved"}}, "affects": [{{"ref": "l"}}]}}]}}"#
        );
        vex::read(text.as_bytes()).unwrap()
    };
    assert_eq!(document(r#"{"name": "api"}"#).statements.len(), 1);
    let nameless = document(r#"{"bom-ref": "root"}"#);
    assert_eq!((nameless.statements.len(), nameless.problems.into_keys().collect()), (0, vec![Problem::Unidentified]));
}

fn csaf(category: &str, product_tree: &str, vulnerabilities: &str) -> String {
    format!(
        r#"{{"document": {{"category": "{category}", "csaf_version": "2.0", "publisher": {{"name": "v"}},
            "tracking": {{"id": "x", "version": "1", "initial_release_date": "2024-01-01T00:00:00Z",
            "current_release_date": "2024-01-01T00:00:00Z"}}}}, "product_tree": {product_tree}, "vulnerabilities": {vulnerabilities}}}"#
    )
}

#[test]
fn a_draft_counts_and_is_told_as_one() {
    let vulnerabilities = r#"[{"cve": "CVE-1", "product_status": {"fixed": ["P"]}}]"#;
    for (status, expected) in [("final", vec![]), ("interim", vec![]), ("draft", vec![Problem::Draft])] {
        let text = csaf("csaf_vex", TREE, vulnerabilities)
            .replace(r#""tracking": {"#, &format!(r#""tracking": {{"status": "{status}", "#));
        let document = vex::read(text.as_bytes()).unwrap();
        assert_eq!(document.statements.len(), 1, "{status}");
        assert_eq!(document.problems.into_keys().collect::<Vec<_>>(), expected, "{status}");
    }
}

const TREE: &str = r#"{"full_product_names": [{"product_id": "P", "name": "p", "product_identification_helper": {"purl": "pkg:npm/p"}},
    {"product_id": "Q", "name": "q", "product_identification_helper": {"purl": "pkg:npm/q"}}],
    "product_groups": [{"group_id": "G", "product_ids": ["P", "Q"]}]}"#;

#[test]
fn csaf_documents_that_contradict_themselves_are_refused() {
    let check = |vulnerabilities: &str, expected: Option<&str>| {
        let found = vex::read(csaf("csaf_vex", TREE, vulnerabilities).as_bytes());
        let found = found.err().map(|refusal| match refusal {
            Refusal::Rule { rule, .. } => rule.to_owned(),
            other => other.to_string(),
        });
        assert_eq!(found.as_deref(), expected, "{vulnerabilities}");
    };
    let fixed = r#""product_status": {"fixed": ["P"]}"#;
    let not_affected = r#""cve": "CVE-1", "product_status": {"known_not_affected": ["P"]}"#;
    let flag = |label: &str, products: &str| format!(r#"{{"label": "{label}", {products}}}"#);
    let (in_group, itself) = (r#""group_ids": ["G"]"#, r#""product_ids": ["P"]"#);
    check("[]", None);
    check(&format!(r#"[{{"cve": "CVE-1", {fixed}}}]"#), None);
    check(&format!(r#"[{{"ids": [{{"system_name": "s", "text": "t"}}], {fixed}}}]"#), None);
    check(
        &format!(r#"[{{"ids": [{{"system_name": "s", "text": "t", "product_ids": ["Q"]}}], {fixed}}}]"#),
        Some("6.1.27.8"),
    );
    check(&format!("[{{{fixed}}}]"), Some("6.1.27.8"));
    check(&format!(r#"[{{"cve": "CVE-1", {fixed}}}, {{"cve": "CVE-1", {fixed}}}]"#), Some("6.1.23"));
    check(r#"[{"cve": "CVE-1", "product_status": {"fixed": ["P"], "first_fixed": ["P"]}}]"#, None);
    check(r#"[{"cve": "CVE-1", "product_status": {"fixed": ["P"], "last_affected": ["P"]}}]"#, Some("6.1.6"));
    check(&format!("[{{{not_affected}}}]"), Some("6.1.27.9"));
    check(&format!(r#"[{{{not_affected}, "flags": [{}]}}]"#, flag("component_not_present", in_group)), None);
    check(&format!(r#"[{{{not_affected}, "threats": [{{"category": "impact", "details": "d", {in_group}}}]}}]"#), None);
    check(
        &format!(r#"[{{{not_affected}, "threats": [{{"category": "exploit_status", "details": "d", {in_group}}}]}}]"#),
        Some("6.1.27.9"),
    );
    let two = format!("{}, {}", flag("component_not_present", in_group), flag("vulnerable_code_not_present", itself));
    check(&format!(r#"[{{{not_affected}, "flags": [{two}]}}]"#), Some("6.1.33"));
    check(r#"[{"cve": "CVE-1", "product_status": {"recommended": ["P"]}}]"#, Some("6.1.27.7"));
}

#[test]
fn csaf_reasons_come_with_their_products() {
    let vulnerabilities = r#"[{"cve": "CVE-1", "ids": [{"system_name": "s", "text": "BUG-1"}],
        "product_status": {"known_not_affected": ["P"], "known_affected": ["Q"]},
        "flags": [{"label": "component_not_present", "product_ids": ["P"]}],
        "threats": [{"category": "impact", "details": "not in it", "product_ids": ["P"]}],
        "remediations": [{"category": "workaround", "details": "turn it off", "product_ids": ["Q"]},
            {"category": "vendor_fix", "details": "update", "group_ids": ["G"]}]}]"#;
    let document = vex::read(csaf("csaf_security_advisory", TREE, vulnerabilities).as_bytes()).unwrap();
    insta::assert_debug_snapshot!(document);
}

#[test]
fn limits_of_statements_and_products_are_kept_on_both_sides() {
    let one = r#"{"vulnerability":"V","products":["pkg:npm/a"],"status":"fixed"}"#;
    let many = |count: usize| openvex(&vec![one; count].join(","));
    assert_eq!(vex::read(many(STATEMENTS_MAX).as_bytes()).unwrap().statements.len(), STATEMENTS_MAX);
    let refusal = Refusal::TooMany { what: "statements", limit: STATEMENTS_MAX };
    assert_eq!(vex::read(many(STATEMENTS_MAX + 1).as_bytes()), Err(refusal));

    // Products of 0.0.x have the subcomponents of their statement, each of them all.
    let many = |subcomponents: usize| {
        let products = vec![r#""pkg:npm/a""#; TARGETS_MAX / 1000].join(",");
        let subcomponents = vec![r#""pkg:npm/b""#; subcomponents].join(",");
        openvex(&format!(
            r#"{{"vulnerability":"V","products":[{products}],"subcomponents":[{subcomponents}],"status":"fixed"}}"#
        ))
    };
    assert_eq!(vex::read(many(1000).as_bytes()).unwrap().statements[0].targets.len(), TARGETS_MAX);
    let refusal = Refusal::TooMany { what: "products", limit: TARGETS_MAX };
    assert_eq!(vex::read(many(1001).as_bytes()), Err(refusal));
}

#[test]
fn other_limits_are_kept_on_both_sides() {
    let large = vec![b' '; DOCUMENT_BYTES_MAX + 1];
    assert_eq!(vex::read(&large), Err(Refusal::TooLarge { actual: DOCUMENT_BYTES_MAX + 1 }));
    assert_eq!(vex::read(&large[1..]), Err(Refusal::Unknown));

    let aliases = |count: usize| {
        let aliases: Vec<String> = (0..count).map(|number| format!("\"A-{number}\"")).collect();
        let aliases = aliases.join(",");
        let statement = format!(
            r#"{{"vulnerability": {{"name": "V", "aliases": [{aliases}]}}, "products": ["pkg:npm/a"], "status": "fixed"}}"#
        );
        vex::read(openvex(&statement).as_bytes()).unwrap().statements[0].vulnerability.aliases.len()
    };
    assert_eq!(aliases(NAMES_MAX), NAMES_MAX);
    assert_eq!(aliases(NAMES_MAX + 1), NAMES_MAX);

    let depth = |depth: usize| {
        let chain: Vec<String> = (0..depth).map(|level| {
            format!(r#"{{"category": "default_component_of", "product_reference": "P", "relates_to_product_reference": "L{}",
                "full_product_name": {{"product_id": "L{level}", "name": "l"}}}}"#, level + 1)
        }).collect();
        let tree = format!(
            r#"{{"full_product_names": [{{"product_id": "P", "name": "p"}}, {{"product_id": "L{depth}", "name": "end"}}], "relationships": [{}]}}"#,
            chain.join(",")
        );
        vex::read(csaf("csaf_base", &tree, "[]").as_bytes()).map(drop)
    };
    assert_eq!(depth(DEPTH_MAX), Ok(()));
    assert_eq!(depth(DEPTH_MAX + 1), Err(Refusal::TooMany { what: "products in products", limit: DEPTH_MAX }));
}
