//! Which of several statements holds.

use component::{Component, PackageType, Pattern, Technique};
use vex::{Others, Place, Statements, Subject, Trust};

fn document(author: &str, time: &str, status: &str) -> vex::Document {
    let text = format!(
        r#"{{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "{author}-{time}-{status}", "author": "{author}",
            "timestamp": "{time}", "version": 1, "statements": [{{"vulnerability": {{"name": "CVE-1"}},
            "products": [{{"@id": "pkg:npm/a"}}], "status": "{status}", "impact_statement": "x"}}]}}"#
    );
    vex::read(text.as_bytes()).unwrap()
}

fn component() -> Component {
    let mut component = Component::new(PackageType::Npm, "a", "test", Technique::Lockfile);
    component.version = Some("1.0.0".to_owned());
    component.purl = Some("pkg:npm/a@1.0.0".parse().unwrap());
    component
}

#[test]
fn trust_goes_before_time_and_time_before_order() {
    let old = "2024-01-01T00:00:00Z";
    let new = "2024-06-01T00:00:00Z";
    let trust = Trust::new(vec![vec![Pattern::parse("vendor").unwrap()]], Others::Last);
    let only_vendor = Trust::new(vec![vec![Pattern::parse("vendor").unwrap()]], Others::Ignored);
    let check = |trust: &Trust, documents: &[(&str, &str, &str)], expected: Option<&str>| {
        let documents = documents.iter().map(|(author, time, status)| document(author, time, status)).collect();
        let statements = Statements::new(documents, trust);
        let (subject, component) = (Subject::default(), component());
        let place = Place { subject: &subject, component: &component, containers: &[] };
        let found = statements.about(&place, &["cve-1"]).map(|found| found.statement.status.name());
        assert_eq!(found, expected);
        assert_eq!(
            statements.all_about(&place, &["cve-1"]).first().map(|found| found.statement.status.name()),
            expected
        );
        assert_eq!(statements.about(&place, &["CVE-2"]), None);
    };
    check(&only_vendor, &[("other", new, "fixed")], None);
    check(&trust, &[("other", new, "fixed")], Some("fixed"));
    check(&trust, &[("other", new, "fixed"), ("vendor", old, "affected")], Some("affected"));
    check(&trust, &[("other", new, "fixed"), ("another", old, "affected")], Some("fixed"));
    check(&trust, &[("other", new, "fixed"), ("another", new, "affected")], Some("affected"));
    check(&Trust::in_all(), &[("other", new, "fixed"), ("vendor", old, "affected")], Some("fixed"));
}

#[test]
fn a_newer_version_of_a_document_replaces_it_whole() {
    let version = |number: &str, vulnerability: &str| {
        let text = format!(
            r#"{{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "d", "author": "a", "timestamp": "2024-01-01T00:00:00Z",
                "version": {number}, "statements": [{{"vulnerability": {{"name": "{vulnerability}"}},
                "products": [{{"@id": "pkg:npm/a"}}], "status": "fixed"}}]}}"#
        );
        vex::read(text.as_bytes()).unwrap()
    };
    let check = |documents: Vec<vex::Document>, counts: &[bool], expected: bool| {
        let statements = Statements::new(documents, &Trust::in_all());
        let found: Vec<bool> = (0..counts.len()).map(|document| statements.counts(document)).collect();
        assert_eq!(found, counts);
        let (subject, component) = (Subject::default(), component());
        let place = Place { subject: &subject, component: &component, containers: &[] };
        assert_eq!(statements.about(&place, &["CVE-1"]).is_some(), expected);
    };
    check(vec![version("1", "CVE-1")], &[true], true);
    check(vec![version("1", "CVE-1"), version("2", "CVE-2")], &[false, true], false);
    check(vec![version("10", "CVE-2"), version("9", "CVE-1")], &[true, false], false);
    check(vec![version("1", "CVE-1"), version("1", "CVE-2")], &[true, true], true);
    check(vec![version("\"one\"", "CVE-1"), version("2", "CVE-2")], &[true, true], true);
}

/// Of many documents that one holds which is the newest of those that speak of it when they are alone.
#[test]
fn many_documents_answer_as_the_newest_that_answers_alone() {
    let names = ["CVE-1", "CVE-2", "GHSA-1"];
    let products =
        ["pkg:npm/a", "pkg:npm/a@1.0.0", "pkg:npm/b", "cpe:/a:v:p", "cpe:/a:%02:p", "pkg:oci/api", "pkg:npm/a@2.0.0"];
    let statuses = ["fixed", "affected", "under_investigation"];
    let mut documents = Vec::new();
    for number in 0..300_usize {
        let pick = |list: &[&'static str], step: usize| list[(number * 7 + number / step) % list.len()];
        let (name, product, status) = (pick(&names, 2), pick(&products, 3), pick(&statuses, 5));
        let text = format!(
            r#"{{"@context": "https://openvex.dev/ns", "@id": "{number}", "author": "a", "timestamp": "2024-01-{:02}T00:00:00Z",
                "statements": [{{"vulnerability": "{name}", "products": ["{product}"], "status": "{status}"}}]}}"#,
            number % 28 + 1
        );
        documents.push(vex::read(text.as_bytes()).unwrap());
    }
    let statements = Statements::new(documents.clone(), &Trust::in_all());
    let subject = Subject::default().with_image("r.example/api:1");
    let mut component = component();
    for cpes in [vec![], vec!["cpe:/a:v:p:1".to_owned()]] {
        component.cpes = cpes;
        let place = Place { subject: &subject, component: &component, containers: &[] };
        for name in names {
            let alone = |document: &vex::Document| {
                let one = Statements::new(vec![document.clone()], &Trust::in_all());
                one.about(&place, &[name]).is_some()
            };
            let expected = documents.iter().filter(|document| alone(document)).max_by_key(|document| document.modified);
            let found = statements.about(&place, &[name]).map(|found| found.document);
            assert_eq!(found, expected, "{name}");
        }
    }
}
