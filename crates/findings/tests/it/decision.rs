//! Who decides that a finding does not count: exceptions, then VEX, then the publisher.

use std::fmt::Write as _;

use component::{Inventory, PackageType};
use findings::{Answer, Deciders, ExceptionState, Explanation, Options, Report, cyclonedx, explanation_table, grype};
use jiff::Timestamp;
use policy::Exceptions;
use sbom::formats::{CycloneDxVersion, Format, WriteOptions};
use serde_json::{Value, json};
use vex::{Statements, Trust};
use vulndb::{Ecosystem, Family, Records};

use crate::fixture::{advisory, affected, component, database, database_of, feed, inventory};

fn now() -> Timestamp {
    "2026-01-15T12:00:00Z".parse().unwrap()
}

/// Exceptions by id, with what they are about.
fn exceptions(entries: &[(&str, &str, &str, &str)]) -> Exceptions {
    let mut text = "apiVersion: garrison.dev/v1\nkind: Exceptions\nexceptions:\n".to_owned();
    for (id, vulnerability, purl, expires) in entries {
        let _infallible = write!(
            text,
            "- id: {id}\n  vulnerabilities: ['{vulnerability}']\n  purls: ['{purl}']\n  owner: ada@example.org\n  \
             reason: it is not reached\n  created: 2026-01-01\n  expires: {expires}\n"
        );
    }
    Exceptions::read(text.as_bytes()).unwrap()
}

/// An OpenVEX document of one statement.
fn openvex(author: &str, time: &str, statement: &Value) -> vex::Document {
    let document = json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": format!("https://vex.example/{author}"),
        "author": author, "timestamp": time, "version": 1, "statements": [statement],
    });
    vex::read(document.to_string().as_bytes()).unwrap()
}

fn statement(vulnerability: &str, purl: &str, status: &str) -> Value {
    let mut statement = json!({
        "vulnerability": {"name": vulnerability}, "products": [{"@id": purl}], "status": status,
    });
    match status {
        "not_affected" => {
            statement["justification"] = json!("vulnerable_code_not_in_execute_path");
            statement["impact_statement"] = json!("lookups are off");
        }
        "affected" => statement["action_statement"] = json!("upgrade"),
        _ => {}
    }
    statement
}

const LOG4J: &str = "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1";
const IMAGE: &str = "pkg:oci/api?repository_url=registry.example/team/api";

fn report<'a>(exceptions: Option<&'a Exceptions>, statements: Option<&'a Statements>) -> Report {
    let deciders = Deciders { exceptions, statements, now: Some(now()), ..Deciders::default() };
    Report::of(&database(), &inventory(), &Options { deciders, ..Options::default() }).unwrap()
}

/// Who decides about a vulnerability, in order; `counts` when nobody says that it does not.
fn decided(report: &Report, vulnerability: &str) -> String {
    let finding = report.findings.iter().find(|finding| finding.vulnerability == vulnerability).unwrap();
    if finding.counts() {
        return "counts".to_owned();
    }
    let words: Vec<_> = finding
        .suppressions
        .iter()
        .map(|suppression| format!("{} {}", suppression.by.words(), suppression.who))
        .collect();
    words.join(", ")
}

#[test]
fn an_exception_is_of_its_vulnerability_component_and_time() {
    let check = |entry: (&str, &str, &str, &str), expected: &str, state: ExceptionState| {
        let exceptions = exceptions(&[entry]);
        let report = report(Some(&exceptions), None);
        assert_eq!(decided(&report, "CVE-2021-44228"), expected, "{entry:?}");
        assert_eq!(report.exceptions[0].state, state, "{entry:?}");
        assert_eq!(report.exceptions[0].findings > 0, expected != "counts", "{entry:?}");
    };
    let log4j = "pkg:maven/org.apache.logging.log4j/*";
    check(("a", "CVE-2021-44229", log4j, "2026-02-01"), "counts", ExceptionState::Current);
    check(("a", "CVE-2021-44228", "pkg:maven/other/*", "2026-02-01"), "counts", ExceptionState::Current);
    check(("a", "CVE-2021-44228", log4j, "2026-01-15"), "counts", ExceptionState::Expired);
    check(("a", "CVE-2021-44228", log4j, "2026-01-16"), "by exception ada@example.org", ExceptionState::Current);
    check(("a", "GHSA-jfh8-c2jp-5v3q", log4j, "2026-02-01"), "by exception ada@example.org", ExceptionState::Current);
}

/// `RustSec` and Go tell of one CVE each, GitHub of both in one record: each finding goes by its own names.
#[test]
fn a_word_about_one_cve_is_none_about_another_of_the_same_record() {
    let crates = Ecosystem::new(Family::CratesIo);
    let of = |id: &str, aliases: &[&str], package: &str| {
        advisory(id, aliases, vec![affected(&crates, package, &["..9.0.0!"])])
    };
    let advisories = vec![
        of("GHSA-both", &["CVE-2020-0001", "CVE-2020-0002", "GO-2025-0001", "RUSTSEC-2021-0001"], "both"),
        of("RUSTSEC-2021-0001", &["CVE-2020-0002", "GHSA-both"], "brotli-sys"),
        of("GO-2025-0001", &["CVE-2020-0001", "GHSA-both"], "brotli"),
    ];
    let database = database_of(vec![(feed("all", "osv", 0), Records { advisories, ..Records::default() })]);
    let mut here = inventory();
    here.components = ["brotli-sys", "both"]
        .map(|name| component::Component {
            purl: Some(format!("pkg:cargo/{name}@1.0.0").parse().unwrap()),
            ..component(PackageType::RustCrate, name, "1.0.0")
        })
        .into();
    here.edges.clear();
    let told = |report: &Report| -> Vec<String> {
        let mut told: Vec<_> = report
            .findings
            .iter()
            .map(|finding| {
                let aliases: Vec<_> = finding.aliases.iter().map(String::as_str).collect();
                let counts = if finding.counts() { "counts" } else { "does not" };
                format!("{} {} ({}) {counts}", finding.component.name, finding.vulnerability, aliases.join(" "))
            })
            .collect();
        told.sort();
        told
    };
    let check = |vulnerability: &str, expected: [&str; 3]| {
        let exceptions = exceptions(&[("a", vulnerability, "pkg:cargo/*", "2026-02-01")]);
        let deciders = Deciders { exceptions: Some(&exceptions), now: Some(now()), ..Deciders::default() };
        let report = Report::of(&database, &here, &Options { deciders, ..Options::default() }).unwrap();
        let names = [
            "both CVE-2020-0001 (GHSA-both GO-2025-0001)",
            "both CVE-2020-0002 (GHSA-both RUSTSEC-2021-0001)",
            "brotli-sys CVE-2020-0002 (GHSA-both RUSTSEC-2021-0001)",
        ];
        let expected: Vec<_> = names.iter().zip(expected).map(|(name, counts)| format!("{name} {counts}")).collect();
        assert_eq!(told(&report), expected, "{vulnerability}");
        let said = ["brotli-sys", "both"].map(|name| {
            let said = statement(vulnerability, &format!("pkg:cargo/{name}@1.0.0"), "not_affected");
            openvex(name, "2026-01-02T00:00:00Z", &said)
        });
        let statements = Statements::new(said.into(), &Trust::in_all());
        let deciders = Deciders { statements: Some(&statements), now: Some(now()), ..Deciders::default() };
        let report = Report::of(&database, &here, &Options { deciders, ..Options::default() }).unwrap();
        assert_eq!(told(&report), expected, "VEX of {vulnerability}");
    };
    check("CVE-2020-0001", ["does not", "counts", "counts"]);
    check("CVE-2020-0002", ["counts", "does not", "does not"]);
    check("GO-2025-0001", ["does not", "counts", "counts"]);
    check("RUSTSEC-2021-0001", ["counts", "does not", "does not"]);
    check("GHSA-both", ["does not", "does not", "does not"]);
    let explained = |asked: &str, component: &str| {
        let told = Explanation::of(&database, &here, &Deciders::default(), asked, Some(component)).unwrap();
        (told.answer, told.records.into_iter().map(|held| held.record).collect::<Vec<_>>())
    };
    assert_eq!(explained("CVE-2020-0001", "brotli-sys"), (Answer::NotHere, Vec::new()));
    assert_eq!(explained("CVE-2020-0002", "brotli-sys"), (Answer::Affected, vec!["RUSTSEC-2021-0001".to_owned()]));
    // By its own name a record about both says what it says itself.
    assert_eq!(explained("GHSA-both", "brotli-sys"), (Answer::NotHere, Vec::new()));
    assert_eq!(explained("GHSA-both", "both"), (Answer::Affected, vec!["GHSA-both".to_owned()]));
}

#[test]
fn vex_is_of_the_component_or_of_the_image() {
    let check = |statement: &Value, expected: &str| {
        let statements = Statements::new(vec![openvex("team", "2026-01-02T00:00:00Z", statement)], &Trust::in_all());
        let report = report(None, Some(&statements));
        assert_eq!(decided(&report, "CVE-2021-44228"), expected, "{statement}");
        assert_eq!(report.vex[0].findings > 0, expected != "counts", "{statement}");
    };
    check(&statement("CVE-2021-44228", "pkg:npm/log4j-core", "not_affected"), "counts");
    check(&statement("CVE-2099-0001", LOG4J, "not_affected"), "counts");
    check(&statement("CVE-2021-44228", LOG4J, "not_affected"), "by VEX team");
    check(&statement("CVE-2021-44228", LOG4J, "fixed"), "by VEX team");
    check(&statement("CVE-2021-44228", IMAGE, "not_affected"), "by VEX team");
    let inside = json!({
        "vulnerability": {"name": "CVE-2021-44228"}, "status": "not_affected", "justification": "component_not_present",
        "products": [{"@id": IMAGE, "subcomponents": [{"@id": LOG4J}]}],
    });
    check(&inside, "by VEX team");
}

#[test]
fn vex_of_nobody_is_the_word_of_its_document() {
    for (author, document, expected) in [
        ("team", "", "by VEX team"),
        ("", "vendor.cdx.json", "by VEX the document `vendor.cdx.json`"),
        ("", "", "by VEX an author without a name"),
    ] {
        let said = openvex("team", "2026-01-02T00:00:00Z", &statement("CVE-2021-44228", LOG4J, "not_affected"));
        let said = vex::Document { author: author.to_owned(), id: document.to_owned(), ..said };
        let statements = Statements::new(vec![said], &Trust::in_all());
        assert_eq!(decided(&report(None, Some(&statements)), "CVE-2021-44228"), expected);
    }
}

#[test]
fn an_exception_goes_before_vex_and_vex_before_the_publisher() {
    let exceptions = exceptions(&[("requests", "CVE-2023-32681", "pkg:pypi/requests", "2026-02-01")]);
    let document = |status: &str| {
        openvex("team", "2026-01-02T00:00:00Z", &statement("CVE-2023-32681", "pkg:pypi/requests", status))
    };
    let check = |exceptions: Option<&Exceptions>, status: Option<&str>, expected: &str| {
        let statements = status.map(|status| Statements::new(vec![document(status)], &Trust::in_all()));
        let report = report(exceptions, statements.as_ref());
        assert_eq!(decided(&report, "CVE-2023-32681"), expected, "{status:?}");
    };
    check(None, None, "by their distribution debian");
    check(None, Some("not_affected"), "by VEX team, by their distribution debian");
    check(None, Some("under_investigation"), "by their distribution debian");
    check(None, Some("affected"), "counts");
    check(Some(&exceptions), Some("affected"), "by exception ada@example.org");
    check(Some(&exceptions), Some("fixed"), "by exception ada@example.org, by VEX team, by their distribution debian");
}

#[test]
fn of_several_documents_the_most_trusted_holds() {
    let documents = || {
        vec![
            openvex("vendor", "2026-01-01T00:00:00Z", &statement("CVE-2021-44228", LOG4J, "affected")),
            openvex("team", "2026-01-02T00:00:00Z", &statement("CVE-2021-44228", LOG4J, "not_affected")),
        ]
    };
    let newest = Statements::new(documents(), &Trust::in_all());
    assert_eq!(decided(&report(None, Some(&newest)), "CVE-2021-44228"), "by VEX team");
    let vendor = vec![vec![component::Pattern::parse("vendor").unwrap()]];
    let trusted = Statements::new(documents(), &Trust::new(vendor, vex::Others::Last));
    let report = report(None, Some(&trusted));
    assert_eq!(decided(&report, "CVE-2021-44228"), "counts");
    let finding = report.findings.iter().find(|finding| finding.vulnerability == "CVE-2021-44228").unwrap();
    let words: Vec<_> = finding.vex.iter().map(|word| (word.author.as_str(), word.holds)).collect();
    assert_eq!(words, [("vendor", true), ("team", false)]);
}

#[test]
fn an_upgrade_is_for_what_still_counts() {
    let upgrade = |exceptions: Option<&Exceptions>| {
        let report = report(exceptions, None);
        let component = report.components.into_iter().find(|component| component.name == "log4j-core").unwrap();
        component.upgrade.map(|upgrade| upgrade.version)
    };
    assert_eq!(upgrade(None).as_deref(), Some("2.17.0"));
    let without_last = exceptions(&[("a", "CVE-2021-45105", "**", "2026-02-01")]);
    assert_eq!(upgrade(Some(&without_last)).as_deref(), Some("2.16.0"));
    let without_all = exceptions(&[("a", "CVE-2021-*", "**", "2026-02-01")]);
    assert_eq!(upgrade(Some(&without_all)), None);
}

fn everyone() -> (Exceptions, Statements) {
    let entries = exceptions(&[
        ("accepted", "CVE-2021-45046", "pkg:maven/**", "2026-02-01"),
        ("old", "CVE-2021-45046", "pkg:maven/**", "2026-01-02"),
        ("idle", "CVE-1999-0001", "**", "2026-02-01"),
    ]);
    let documents = vec![
        openvex("team", "2026-01-02T00:00:00Z", &statement("CVE-2021-44228", LOG4J, "not_affected")),
        openvex("vendor", "2026-01-01T00:00:00Z", &statement("CVE-2021-44228", LOG4J, "affected")),
        openvex("third", "2026-01-01T00:00:00Z", &statement("CVE-2023-32681", "pkg:pypi/requests", "affected")),
    ];
    (entries, Statements::new(documents, &Trust::in_all()))
}

fn explained(name: &str) -> Explanation {
    let (exceptions, statements) = everyone();
    let deciders = Deciders {
        exceptions: Some(&exceptions),
        statements: Some(&statements),
        now: Some(now()),
        ..Deciders::default()
    };
    Explanation::of(&database(), &inventory(), &deciders, name, None).unwrap()
}

#[test]
fn an_explanation_tells_all_who_speak_of_it() {
    let told = |name: &str| explanation_table(&explained(name));
    insta::assert_snapshot!("by_vex", told("CVE-2021-44228"));
    insta::assert_snapshot!("by_exception", told("CVE-2021-45046"));
    insta::assert_snapshot!("overruled", told("CVE-2023-32681"));
    assert_eq!(explained("CVE-2023-32681").answer, Answer::Affected);
    assert_eq!(explained("CVE-2021-44228").answer, Answer::Suppressed);
}

#[test]
fn documents_tell_who_decided() {
    let (exceptions, statements) = everyone();
    let report = report(Some(&exceptions), Some(&statements));
    let uses: Vec<_> = report.exceptions.iter().map(|one| (one.id.as_str(), one.state, one.findings)).collect();
    assert_eq!(
        uses,
        [
            ("accepted", ExceptionState::Current, 1),
            ("old", ExceptionState::Expired, 0),
            ("idle", ExceptionState::Current, 0),
        ]
    );
    let analysis = |inventory: &Inventory, name: &str| {
        let options = WriteOptions::new(Format::default());
        let bytes = cyclonedx(&report, inventory, CycloneDxVersion::V1_6, &options);
        let document: Value = serde_json::from_slice(&bytes).unwrap();
        let entries = document["vulnerabilities"].as_array().unwrap().clone();
        entries.into_iter().find(|entry| entry["id"] == name).unwrap()["analysis"].clone()
    };
    insta::assert_snapshot!(
        "analysis",
        [
            analysis(&inventory(), "CVE-2021-44228"),
            analysis(&inventory(), "CVE-2021-45046"),
            analysis(&inventory(), "CVE-2024-9999"),
        ]
        .map(|analysis| analysis.to_string())
        .join("\n")
    );
    let document: Value = serde_json::from_str(&grype(&report, &inventory())).unwrap();
    let rules: Vec<String> = document["ignoredMatches"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["appliedIgnoreRules"][0].to_string())
        .collect();
    insta::assert_snapshot!("rules", rules.join("\n"));
}

#[test]
fn what_vex_says_of_what_no_record_has_is_told_and_is_no_finding() {
    let at = "2026-01-01T00:00:00Z";
    let documents = vec![
        openvex("team", at, &statement("CVE-2099-0001", LOG4J, "affected")),
        openvex("vendor", at, &statement("CVE-2023-32681", LOG4J, "under_investigation")),
        openvex("third", at, &statement("CVE-2099-0002", LOG4J, "not_affected")),
    ];
    let statements = Statements::new(documents, &Trust::in_all());
    let deciders = Deciders { statements: Some(&statements), now: Some(now()), ..Deciders::default() };
    for (name, answer, expected) in [
        ("CVE-2099-0001", Answer::Unknown, Some("affected")),
        ("CVE-2023-32681", Answer::Suppressed, Some("under_investigation")),
        ("CVE-2099-0002", Answer::Unknown, None),
        ("CVE-2021-44228", Answer::Affected, None),
    ] {
        let explanation = Explanation::of(&database(), &inventory(), &deciders, name, None).unwrap();
        let said: Vec<&str> = explanation.otherwise.iter().map(|other| other.vex[0].status.as_str()).collect();
        assert_eq!((explanation.answer, &*said), (answer, expected.as_slice()), "{name}");
        let table = explanation_table(&explanation);
        assert_eq!(table.contains("this makes no finding"), expected.is_some(), "{table}");
        assert!(explanation.vex.iter().all(|document| document.findings == 0), "{name}");
    }
}
