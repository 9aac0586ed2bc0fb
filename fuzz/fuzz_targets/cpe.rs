//! Input: names of products, each a line.
//!
//! A name is written so that it reads back; it includes itself, and what includes it has the same product or a wildcard; no two products
//! that the matcher knows go by one name; what is matched by a name is the product that it names.

#![no_main]

use std::collections::BTreeMap;

use component::{Component, Distribution, PackageType, Technique};
use libfuzzer_sys::fuzz_target;
use vex::Cpe;
use vulndb::file::{Builder, Database, Feed};
use vulndb::matching::{identities, match_component};
use vulndb::{Document, Records};

const NAMES_MAX: usize = 8;

fuzz_target!(|input: &str| {
    let names: Vec<&str> = input.lines().take(NAMES_MAX).collect();
    let parsed: Vec<Cpe> = names.iter().filter_map(|name| Cpe::parse(name).ok()).collect();
    for cpe in &parsed {
        // Escapes make a name longer, and there is a longest.
        let written = cpe.to_string();
        if let Ok(again) = Cpe::parse(&written) {
            assert_eq!(again, *cpe);
        } else {
            assert!(written.len() > 1024, "{written}");
        }
        assert!(cpe.includes(cpe), "{cpe}");
        for other in &parsed {
            if cpe.includes(other) && cpe.names_one_product() {
                assert_eq!(cpe.vendor_and_product(), other.vendor_and_product());
            }
            let _ = cpe.includes_release_of(other);
        }
    }
    matched(&names);
});

/// A program with these names, against advisories of these and of other products.
fn matched(names: &[&str]) {
    let mut component = Component::new(PackageType::Binary, "program", "fuzz", Technique::Document);
    component.version = Some("1.0".to_owned());
    component.cpes = names.iter().map(|name| (*name).to_owned()).collect();
    let found = identities(&component, None);
    assert!(found.len() <= names.len());
    for identity in &found {
        assert_eq!(parts(&identity.name), 3, "{}", identity.name);
        assert!(identity.name.starts_with("a:") && !identity.version.is_empty());
    }
    let matches: Vec<_> = names
        .iter()
        .map(|name| serde_json::json!({"vulnerable": true, "criteria": name, "versionEndExcluding": "3"}))
        .collect();
    let document = serde_json::json!({"vulnerabilities": [{"cve": {"id": "CVE-2026-0001", "configurations": [
        {"nodes": [{"operator": "OR", "negate": false, "cpeMatch": matches}]}]}}]});
    let mut records = Records::default();
    let reader = vulndb::readers().iter().find(|reader| reader.name == "nvd").expect("the reader is there");
    reader.read(&Document { path: "nvd.json", bytes: document.to_string().as_bytes() }, &mut records);
    let packages: BTreeMap<String, ()> = records
        .advisories
        .iter()
        .flat_map(|advisory| &advisory.affected)
        .map(|affected| (affected.package.clone(), ()))
        .collect();
    for package in packages.keys() {
        assert_eq!(parts(package), 3, "{package}");
    }
    let mut builder = Builder::new();
    let feed = Feed {
        name: "nvd".to_owned(),
        reader: "nvd".to_owned(),
        address: String::new(),
        fetched: None,
        advisories: 0,
        problems: Vec::new(),
    };
    builder.add(feed, records);
    let database = Database::open(builder.finish().expect("it is small")).expect("it was made here");
    let distribution = Distribution {
        id: "own".to_owned(),
        cpe: names.first().map(|name| (*name).to_owned()),
        ..Distribution::default()
    };
    for distribution in [None, Some(&distribution)] {
        for finding in match_component(&database, &component, distribution).expect("it is whole") {
            for hit in &finding.hits {
                assert!(found.contains(&hit.identity) && packages.contains_key(&hit.identity.name));
            }
        }
    }
}

/// Into how many parts a name falls at colons that are not escaped.
fn parts(name: &str) -> usize {
    let mut parts = 1;
    let mut characters = name.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            ':' => parts += 1,
            _ => {}
        }
    }
    parts
}
