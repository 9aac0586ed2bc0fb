//! The sets' documents held against what they name: each statement about a package is found for a component that is that package.

use std::collections::BTreeSet;
use std::path::Path;

use component::{Component, Distribution, Inventory, PackageType, Purl, Technique};
use vex::{Document, Identity, Place, Statements, Subject, Target, Trust};

use crate::documents::files;

/// Returns a component that is the package of a target; none of an image, of a module, and where a range alone says which version is meant.
fn named(target: &Target) -> Option<Component> {
    let package =
        target.item.packages.iter().find(|package| !matches!(package.purl.ty(), "oci" | "docker" | "rpmmod"))?;
    let purl = &package.purl;
    if package.range.is_some() {
        return None;
    }
    let kind = match purl.ty() {
        "rpm" => PackageType::Rpm,
        "deb" => PackageType::Deb,
        "apk" => PackageType::Apk,
        _ => PackageType::Npm,
    };
    let mut component = Component::new(kind, purl.name().to_owned(), "test", Technique::PackageDatabase);
    let version = purl.version().unwrap_or("1");
    component.version =
        Some(purl.qualifier("epoch").map_or_else(|| version.to_owned(), |epoch| format!("{epoch}:{version}")));
    component.architecture = purl.qualifier("arch").map(str::to_owned);
    component.purl = Some(purl.clone());
    component.module = target.within.iter().flat_map(|outer| &outer.packages).find_map(|outer| module(&outer.purl));
    Some(component)
}

fn module(purl: &Purl) -> Option<String> {
    (purl.ty() == "rpmmod").then(|| format!("{}:{}:0:0", purl.name(), purl.version().unwrap_or("1")))
}

/// Returns something that is all that a target has to be in.
fn around(target: &Target) -> Subject {
    let cpe = |identity: &Identity| identity.cpes.first().map(ToString::to_string);
    let distribution =
        Distribution { cpe: target.within.iter().find_map(|outer| cpe(outer)), ..Distribution::default() };
    let subject = component::Subject::Directory { name: "tree".to_owned() };
    let mut subject = Subject::of(&Inventory {
        subject,
        distribution: Some(distribution),
        layers: Vec::new(),
        components: Vec::new(),
        edges: Vec::new(),
        unknowns: Vec::new(),
        created: None,
    });
    for outer in &target.within {
        for package in &outer.packages {
            subject = match (package.purl.ty(), package.purl.version()) {
                ("rpmmod", _) => subject,
                ("oci" | "docker", Some(digest)) => subject.with_digest(digest),
                _ => subject.with_purl(package.purl.clone()),
            };
        }
        for digest in &outer.digests {
            subject = subject.with_digest(digest);
        }
    }
    subject
}

/// Holds each statement of a document against what it names. Returns how many targets were found, and those that were not.
fn held(document: &Document) -> (usize, BTreeSet<String>) {
    let statements = Statements::new(vec![document.clone()], &Trust::in_all());
    let (mut found, mut missed) = (0, BTreeSet::new());
    for statement in &document.statements {
        for target in statement.targets.iter().take(TARGETS_MAX) {
            let Some(component) = named(target) else { continue };
            let subject = around(target);
            let place = Place { subject: &subject, component: &component, containers: &[] };
            let about = statements.all_about(&place, &[&statement.vulnerability.id]);
            if about.iter().any(|found| std::ptr::eq(found.statement, statement) || *found.statement == *statement) {
                found += 1;
            } else {
                let outer = target.within.iter().map(|outer| format!(" in {}", outer.label));
                missed.insert(format!("{}{}", target.item.label, outer.collect::<String>()));
            }
        }
    }
    (found, missed)
}

/// How many statements of a document are held against what they name, and targets of each: errata have up to 70,000.
const STATEMENTS_MAX: usize = 20;
const TARGETS_MAX: usize = 50;

#[test]
fn what_the_sets_say_is_found_for_what_they_say_it_of() {
    for (set, least) in [("openvex-go-vex", 20), ("claircore-rhel-vex", 250), ("trustify-advisories", 300)] {
        let Some(bundle) = testkit::bundle(&format!("vex-csaf/{set}")) else { continue };
        let mut all = 0;
        for path in files(bundle.path()) {
            let Some(mut document) = read(&path) else { continue };
            document.statements.truncate(STATEMENTS_MAX);
            let (found, missed) = held(&document);
            assert!(missed.is_empty(), "{}: {missed:#?}", path.display());
            all += found;
        }
        assert!(all >= least, "{set}: {all}");
    }
}

fn read(path: &Path) -> Option<Document> {
    vex::read(&std::fs::read(path).ok()?).ok()
}
