//! Input: what a hub answers that decides about an image, as a scan elsewhere takes it.
//!
//! No reader of VEX has seen its statements: each may say anything that their form lets it say. What is taken is handed on as it is; exceptions are
//! called as the hub calls them; a report that is decided by it tells of each exception and each document, and of no finding that is not there.

#![no_main]

use std::sync::LazyLock;

use component::{Component, Distribution, Inventory, Layer, PackageType, Subject, Technique};
use findings::{Beside, Deciders, Decisions, Options, Report};
use garrison_fuzz::vulndb_file::sample;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use vex::{Document, Statements};
use vulndb::file::Database;

static DATABASE: LazyLock<Database<Vec<u8>>> = LazyLock::new(|| Database::open(sample()).expect("it was made here"));
static INVENTORY: LazyLock<Inventory> = LazyLock::new(inventory);
/// What is found in it where nothing decides.
static FOUND: LazyLock<usize> = LazyLock::new(|| report(&Deciders::default()).findings.len());

fuzz_target!(|input: &[u8]| {
    let Ok(decisions) = serde_json::from_slice::<Decisions>(input) else { return };
    let written = serde_json::to_vec(&decisions).expect("it is written");
    assert_eq!(serde_json::from_slice::<Decisions>(&written).as_ref().ok(), Some(&decisions));
    let exceptions = decisions.exceptions();
    let (of_hub, own) = (decisions.hub_exceptions.entries().len(), decisions.project_exceptions.entries().len());
    assert_eq!(exceptions.entries().len(), of_hub + own);
    assert!(exceptions.entries()[..of_hub].iter().all(|entry| entry.id.starts_with("hub:")));
    let trust = findings::trust(&decisions.trust());
    let given = decisions.vex.len();
    let statements = Statements::new(decisions.vex, &trust);
    let (documents, origins): (Vec<Document>, Vec<_>) =
        decisions.beside.into_iter().map(|beside| (beside.document, beside.origin)).unzip();
    let beside = Statements::new(documents, &trust);
    let deciders = Deciders {
        exceptions: Some(&exceptions),
        repository: Some("team/api"),
        now: Timestamp::from_second(1_770_000_000).ok(),
        statements: Some(&statements),
        beside: Some(Beside { statements: &beside, origins: &origins }),
        subject: None,
    };
    let report = report(&deciders);
    assert_eq!(report.findings.len(), *FOUND);
    assert_eq!(report.exceptions.len(), of_hub + own);
    assert_eq!(report.vex.len(), given + origins.len());
    for exception in &report.exceptions {
        assert!(exception.findings <= *FOUND);
    }
});

fn report(deciders: &Deciders<'_>) -> Report {
    let options = Options { deciders: *deciders, only_fixed: false, with_summaries: false, repairs: None };
    Report::of(&*DATABASE, &INVENTORY, &options).expect("the database is whole")
}

/// Returns an image with two packages that have vulnerabilities, by a language's records and by the distribution's.
fn inventory() -> Inventory {
    let component = |package_type, name: &str, purl: &str| {
        let mut component = Component::new(package_type, name, "fuzz", Technique::Lockfile);
        component.version = Some("1.0".to_owned());
        component.purl = purl.parse().ok();
        component
    };
    Inventory {
        subject: Subject::Image {
            name: "registry.example/team/api:1".to_owned(),
            digest: format!("sha256:{}", "0f".repeat(32)),
            platform: Some("linux/amd64".to_owned()),
        },
        distribution: Some(Distribution {
            id: "debian".to_owned(),
            version_id: Some("12".to_owned()),
            ..Distribution::default()
        }),
        layers: Vec::<Layer>::new(),
        components: vec![
            component(PackageType::Deb, "zlib", "pkg:deb/debian/zlib@1.0"),
            component(PackageType::Npm, "p1", "pkg:npm/p1@1.0"),
        ],
        edges: Vec::new(),
        unknowns: Vec::new(),
        created: None,
    }
}
