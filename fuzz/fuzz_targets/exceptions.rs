//! Input: a byte that chooses, then a document of exceptions or another scanner's rules.
//!
//! What is read or imported has an owner, a reason and an end in time, and is the same after it was written, as YAML and as JSON.

#![no_main]

use component::{Component, PackageType, Technique};
use libfuzzer_sys::fuzz_target;
use policy::import::{Defaults, Source, import};
use policy::{Exceptions, Fix, LIFETIME_DAYS_MAX, Question};

const DAY: i64 = 24 * 60 * 60;

fuzz_target!(|input: &[u8]| {
    let Some((choice, text)) = input.split_first() else { return };
    let defaults = Defaults { owner: "owner".to_owned(), created: 20_000 * DAY, expires: 20_100 * DAY };
    let source = match choice % 4 {
        0 => None,
        1 => Some(Source::TrivyIgnore),
        2 => Some(Source::TrivyIgnoreYaml),
        _ => Some(Source::Grype),
    };
    let read = match source {
        None => Exceptions::read(text),
        Some(source) => import(source, text, &defaults).map(|imported| imported.exceptions),
    };
    let Ok(exceptions) = read else { return };
    for entry in exceptions.entries() {
        assert!(!entry.id.is_empty() && !entry.owner.is_empty() && !entry.reason.is_empty());
        assert!(!entry.vulnerabilities.is_empty());
        assert!(entry.created < entry.expires && entry.expires - entry.created <= LIFETIME_DAYS_MAX * DAY);
        let mut component = Component::new(PackageType::Npm, "a", "fuzz", Technique::Lockfile);
        component.version = Some("1.0.0".to_owned());
        component.purl = "pkg:npm/a@1.0.0".parse().ok();
        let question = Question {
            repository: None,
            component: &component,
            vulnerabilities: &["CVE-2024-1"],
            locations: &[],
            fix: Fix::None,
        };
        assert!(exceptions.covers(&question, entry.created - 1).is_none_or(|found| found.id != entry.id));
        assert!(exceptions.covers(&question, entry.expires).is_none_or(|found| found.id != entry.id));
    }
    assert_eq!(Exceptions::read(exceptions.to_yaml().as_bytes()).as_ref(), Ok(&exceptions));
    assert_eq!(Exceptions::read(exceptions.to_json().to_string().as_bytes()).as_ref(), Ok(&exceptions));
});
