//! What the public API of osv.dev answered, for packages of which the records are at hand.

use std::collections::BTreeSet;

use serde_json::Value;
use vulndb::Ecosystem;
use vulndb::matching::match_component;

use super::{Advisories, Differences, database_of, package};
use crate::feeds::read_bundle;

/// Of records that were published after the answers were recorded: the youngest that any answer names is of 2026-08-04.
const YOUNGER: &str = "the record is younger than the answer";

/// Of records whose ranges their publishers narrowed after the copy at hand was made.
const NARROWED: &str = "the record at hand is older than the answer, and has been narrowed since";

/// Why an identifier is in one answer and not in the other. Each was looked up.
const REASONS: &[(&str, &str)] = &[
    ("ALPINE-CVE-2026-22695", NARROWED),
    ("PYSEC-2021-108", NARROWED),
    ("GO-2026-5026", YOUNGER),
    ("GO-2026-5942", YOUNGER),
    ("GO-2026-5972", YOUNGER),
    ("GO-2026-6088", YOUNGER),
    ("GO-2026-6089", YOUNGER),
    ("GO-2026-6090", YOUNGER),
    ("GO-2026-6091", YOUNGER),
    ("GO-2026-6179", YOUNGER),
    ("GO-2026-6180", YOUNGER),
    ("GO-2026-6218", YOUNGER),
    ("GO-2026-6222", YOUNGER),
];

#[test]
fn answers_of_the_public_api_are_given_for_the_same_records() {
    let Some(bundle) = testkit::bundle("matching/osv-dev-query-oracle") else { return };
    let feeds = [
        ("sample", "vulndb/osv-dev-sample"),
        ("go", "vulndb/go-vulndb-osv"),
        ("pypa", "vulndb/pypa-advisory-database"),
    ];
    let mut read = Vec::new();
    for (name, bundle) in feeds {
        let Some(records) = read_bundle(bundle, "", "osv") else { return };
        read.push((name, records));
    }
    let database = database_of(read);
    let text = std::fs::read_to_string(bundle.path().join("queries.jsonl")).unwrap();
    let (mut asked, mut answered, mut agreed) = (0, 0, 0);
    let mut differences = Differences::default();
    for line in text.lines() {
        let query: Value = serde_json::from_str(line).unwrap();
        let (name, version) = (&query["query"]["package"]["name"], &query["query"]["version"]);
        let Some((name, version)) = name.as_str().zip(version.as_str()) else { continue };
        let Ok((ecosystem, _)) = Ecosystem::parse_osv(query["query"]["package"]["ecosystem"].as_str().unwrap()) else {
            continue;
        };
        asked += 1;
        let recorded: BTreeSet<String> =
            query["vulns"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect();
        let found = advisories_of(&database, &ecosystem, name, version);
        let known: BTreeSet<String> = recorded.iter().filter(|id| is_known(&database, id)).cloned().collect();
        answered += known.len();
        agreed += known.intersection(&found).count();
        for id in known.symmetric_difference(&found) {
            let kind = if found.contains(id) { "only here" } else { "only there" };
            let reason = REASONS.iter().find(|(known, _)| known == id).map(|(_, reason)| *reason);
            differences.add(&format!("{ecosystem} {name} {version} {id} {kind}"), reason);
        }
    }
    assert!(answered > 0, "no record of an answer is at hand");
    insta::assert_snapshot!(differences.report(&format!(
        "{asked} questions, {answered} identifiers of answers whose records are at hand, {agreed} of them found"
    )));
}

fn is_known(database: &Advisories, id: &str) -> bool {
    database.find_vulnerabilities(id).unwrap().iter().any(|vulnerability| {
        let advisories = database.vulnerability(*vulnerability).unwrap().advisories;
        advisories.iter().any(|advisory| database.advisory(*advisory).unwrap().id == id)
    })
}

fn advisories_of(database: &Advisories, ecosystem: &Ecosystem, name: &str, version: &str) -> BTreeSet<String> {
    let (component, distribution) = package(ecosystem, name, version);
    let findings = match_component(database, &component, distribution.as_ref()).unwrap();
    let hits = findings.iter().filter(|finding| finding.suppression.is_none()).flat_map(|finding| &finding.hits);
    hits.map(|hit| database.advisory(hit.advisory).unwrap().id.to_owned()).collect()
}
