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
