//! What this workspace itself is built of, held against the advisories of its ecosystem.

use std::path::Path;

use component::{Purl, Subject};
use findings::{Deciders, Explanation, Options, Report};
use sbom::{Allowance, LayerBuilder, LayerScope, Matcher, Source};
use vulndb::{Nature, Records};

use crate::fixture::{database_of, feed};

fn rustsec() -> Option<vulndb::file::Database<Vec<u8>>> {
    let bundle = testkit::bundle("vulndb/rustsec-advisory-db")?;
    let reader = vulndb::readers().iter().find(|reader| reader.name == "rustsec").unwrap();
    let mut records = Records::default();
    let mut folders = vec![bundle.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(bundle.path()).unwrap().to_string_lossy().into_owned();
            if (reader.claims)(&name) {
                let bytes = std::fs::read(&path).unwrap();
                reader.read(&vulndb::Document { path: &name, bytes: &bytes }, &mut records);
            }
        }
    }
    assert!(records.advisories.len() > 500, "{}", records.advisories.len());
    Some(database_of(vec![(feed("rustsec", "rustsec", 0), records)]))
}

fn own() -> component::Inventory {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
    let bytes = std::fs::read(path).unwrap();
    let matcher = Matcher::new(sbom::catalogers().iter().collect());
    let allowance = Allowance::new(tempfile::tempfile);
    let mut builder = LayerBuilder::new(&matcher, &allowance);
    builder.add_file("Cargo.lock", 0o644, bytes.len() as u64, &mut bytes.as_slice()).unwrap();
    let record = builder.finish();
    let subject = Subject::Directory { name: ".".to_owned() };
    sbom::inventory(
        Source { subject, layers: Vec::new(), records: &[&record], created: None },
        &matcher,
        LayerScope::Squashed,
    )
}

/// What is wrong, but for what is only told: that something is unmaintained. Most records of `RustSec` state no severity, so that none is
/// asked for.
fn vulnerable(report: &Report) -> Vec<String> {
    let is_attack = |finding: &&findings::Finding| matches!(finding.nature, Nature::Vulnerability | Nature::Malware);
    let found = report.findings.iter().filter(is_attack).filter(|finding| finding.counts());
    found.map(|finding| format!("{} {}", finding.vulnerability, finding.component)).collect()
}

#[test]
fn nothing_is_known_to_be_wrong_with_what_we_are_built_of() {
    let Some(database) = rustsec() else { return };
    let inventory = own();
    assert!(inventory.components.len() > 200, "{}", inventory.components.len());
    let found = vulnerable(&Report::of(&database, &inventory, &Options::default()).unwrap());
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn what_is_wrong_with_an_older_lock_is_found() {
    let Some(database) = rustsec() else { return };
    let mut inventory = own();
    let component = inventory.components.iter_mut().find(|component| component.name == "tokio").unwrap();
    component.version = Some("1.8.0".to_owned());
    component.purl = Some("pkg:cargo/tokio@1.8.0".parse::<Purl>().unwrap());
    let report = Report::of(&database, &inventory, &Options::default()).unwrap();
    let found = vulnerable(&report);
    assert!(found.len() > 1 && found.iter().all(|one| one.contains("tokio")), "{found:#?}");
    let tokio = report.components.iter().find(|component| component.name == "tokio").unwrap();
    let upgrade = tokio.upgrade.as_ref().unwrap();
    assert!(upgrade.remaining.is_empty() && upgrade.clears.len() > 1, "{upgrade:?}");
    let first = report.findings.iter().find(|finding| finding.component.name == "tokio").unwrap();
    let explanation = Explanation::of(&database, &inventory, &Deciders::default(), &first.vulnerability, None).unwrap();
    assert_eq!(explanation.answer, findings::Answer::Affected);
    assert_eq!(explanation.known_to, ["rustsec"]);
}
