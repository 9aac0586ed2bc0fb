//! An inventory has the findings that its documents have, in every format that loses nothing that matching rests on.

#[path = "../../../sbom/tests/it/formats/generate.rs"]
mod generate;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use component::{Distribution, Inventory, Subject};
use findings::{Options, Report};
use proptest::prelude::*;
use sbom::formats::{CycloneDxVersion, Format, Repairs, WriteOptions, read, write};
use sbom::{Allowance, FileKind, LayerBuilder, LayerScope, Matcher, Source};
use serde_json::Value;
use vulndb::file::Database;
use vulndb::matching::{Identity, distribution_of, identities};
use vulndb::{Advisory, Affected, Fix, Interval, Level, Named, Qualifiers, Rating, Records, Severity, Verdict};

use crate::fixture::{advisory, database_of, feed};

/// Formats in which an inventory comes back whole, but for the files that packages own.
fn formats() -> Vec<Format> {
    CycloneDxVersion::ALL.map(Format::CycloneDx).into_iter().chain([Format::Spdx, Format::Syft]).collect()
}

/// The architecture and the module of a component.
type Facts = (Option<String>, Option<String>);

/// How much of what is there a database speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coverage {
    All,
    Half,
}

/// A database that speaks of what is there in every way: a record about all versions, about this one, about other
/// architectures and modules, about source and about binary packages, and some that say that it is not affected.
fn database(inventory: &Inventory, coverage: Coverage) -> Database<Vec<u8>> {
    let distribution = distribution_of(inventory);
    let mut packages: BTreeMap<Identity, BTreeSet<Facts>> = BTreeMap::new();
    for component in &inventory.components {
        for identity in identities(component, distribution.as_deref()) {
            let module =
                component.module.as_deref().map(|label| label.split(':').take(2).collect::<Vec<_>>().join(":"));
            packages.entry(identity).or_default().insert((component.architecture.clone(), module));
        }
    }
    let mut advisories: Vec<Advisory> = Vec::new();
    let is_spoken_of = |number: &usize| coverage == Coverage::All || number.is_multiple_of(2);
    for (number, (identity, facts)) in packages.into_iter().enumerate().filter(|(number, _)| is_spoken_of(number)) {
        let statement = |verdict, intervals, versions, qualifiers| Affected {
            ecosystem: identity.ecosystem.clone(),
            package: identity.name.clone(),
            named: identity.named,
            verdict,
            intervals,
            versions,
            qualifiers,
            severities: vec![Severity { source: None, rating: Rating::Level(Level::High) }],
        };
        let mut add = |kind: &str, statement| {
            advisories.push(advisory(&format!("{kind}-{number}"), &[], vec![statement]));
        };
        let affected = Verdict::Affected(Fix::AsStated);
        add("ALL", statement(affected, vec![Interval::ALL], Vec::new(), Qualifiers::default()));
        add("ONE", statement(affected, Vec::new(), vec![identity.version.clone()], Qualifiers::default()));
        add("NOT", statement(Verdict::NotAffected, vec![Interval::ALL], Vec::new(), Qualifiers::default()));
        for (architecture, module) in facts {
            let architectures = architecture.into_iter().collect();
            let qualifiers = Qualifiers { architectures, module, ..Qualifiers::default() };
            add("SOME", statement(affected, vec![Interval::ALL], Vec::new(), qualifiers));
        }
        let other = if identity.named == Named::Binary { Named::Source } else { Named::Binary };
        let elsewhere = statement(affected, vec![Interval::ALL], Vec::new(), Qualifiers::default());
        add("OTHER", Affected { named: other, ..elsewhere });
    }
    database_of(vec![(feed("all", "osv", 0), Records { advisories, ..Records::default() })])
}

/// What is found, with all that is told of it but places in lists, and what is not checked, which the exit of a scan tells.
fn found(database: &Database<Vec<u8>>, inventory: &Inventory, repairs: Option<&Repairs>) -> BTreeSet<String> {
    let report = Report::of(database, inventory, &Options { repairs, ..Options::default() }).unwrap();
    let mut told = BTreeSet::new();
    for finding in &report.findings {
        let mut component = serde_json::to_value(report.component(finding).unwrap()).unwrap();
        component["place"] = Value::Null;
        let mut finding = serde_json::to_value(finding).unwrap();
        finding["component"] = component;
        told.insert(finding.to_string());
    }
    told.insert(serde_json::to_string(&(&report.distribution, &report.layers, &report.source)).unwrap());
    told.insert(serde_json::to_string(&(&report.unchecked, report.blind(), report.warnings())).unwrap());
    told
}

/// Returns how many findings there were.
fn check(inventory: &Inventory, what: &str) -> Result<usize, TestCaseError> {
    let mut count = 0;
    let written: Vec<(Format, Vec<u8>)> =
        formats().into_iter().map(|format| (format, write(inventory, &WriteOptions::new(format)))).collect();
    for coverage in [Coverage::All, Coverage::Half] {
        let database = database(inventory, coverage);
        let expected = found(&database, inventory, None);
        for (format, bytes) in &written {
            let document = read(bytes).map_err(|error| TestCaseError::fail(format!("{what} {format}: {error}")))?;
            let found = found(&database, &document.inventory, Some(&document.repairs));
            prop_assert_eq!(&found, &expected, "{} {} {:?}", what, format, coverage);
        }
        count += expected.len() - 2;
    }
    Ok(count)
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let mut children: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    children.sort();
    children
}

/// What catalogers find in a folder, with the release that its packages are of.
fn inventory_of(folder: &Path, release: &str, matcher: &Matcher) -> Inventory {
    let allowance = Allowance::new(tempfile::tempfile);
    let mut builder = LayerBuilder::new(matcher, &allowance);
    builder.add_file("etc/os-release", 0o644, release.len() as u64, &mut release.as_bytes()).unwrap();
    let mut paths = children(folder);
    while let Some(path) = paths.pop() {
        let inside = path.strip_prefix(folder).unwrap().to_str().unwrap();
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_dir() {
            builder.add(inside, FileKind::Directory, 0o755, None).unwrap();
            paths.extend(children(&path));
        } else if metadata.is_file() {
            let mut file = fs::File::open(&path).unwrap();
            builder.add_file(inside, 0o644, metadata.len(), &mut file).unwrap();
        }
    }
    let record = builder.finish();
    let source = Source {
        subject: Subject::Directory { name: folder.file_name().unwrap().to_string_lossy().into_owned() },
        layers: Vec::new(),
        records: &[&record],
        created: None,
    };
    sbom::inventory(source, matcher, LayerScope::Squashed)
}

#[test]
fn a_fixture_has_the_findings_of_its_documents() {
    let Some(bundle) = testkit::bundle("inventory/syft-cataloger-inputs") else { return };
    let matcher = Matcher::new(sbom::catalogers().iter().collect());
    let mut total = 0;
    for ecosystem in children(&bundle.path().join("syft/pkg/cataloger")).into_iter().filter(|path| path.is_dir()) {
        let name = ecosystem.file_name().unwrap().to_string_lossy().into_owned();
        let release = match name.as_str() {
            "alpine" => "ID=alpine\nVERSION_ID=3.16.2\n",
            "redhat" => "ID=\"centos\"\nVERSION_ID=\"8\"\n",
            _ => "ID=debian\nVERSION_ID=\"12\"\n",
        };
        for folder in children(&ecosystem).iter().filter(|path| path.is_dir()).flat_map(|path| children(path)) {
            if folder.is_dir() {
                let inventory = inventory_of(&folder, release, &matcher);
                total += check(&inventory, &folder.display().to_string()).unwrap();
            }
        }
    }
    assert!(total > 1000, "{total}");
}

/// Inventories of any content, on systems that advisories speak of.
fn inventory() -> impl Strategy<Value = Inventory> {
    let release = |id: &str, version: &str| {
        Some(Distribution { id: id.to_owned(), version_id: Some(version.to_owned()), ..Distribution::default() })
    };
    let releases = vec![
        None,
        release("debian", "12"),
        release("ubuntu", "22.04"),
        release("rhel", "9.3"),
        release("alpine", "3.20.1"),
    ];
    (generate::inventory(), proptest::sample::select(releases))
        .prop_map(|(inventory, release)| Inventory { distribution: release.or(inventory.distribution), ..inventory })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn an_inventory_has_the_findings_of_its_documents(inventory in inventory()) {
        check(&inventory, "generated")?;
    }
}
