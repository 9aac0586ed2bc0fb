//! The inventory of every fixture of Syft's catalogers that a cataloger of ours claims, one snapshot an ecosystem, each of which was read by a person.

#![expect(clippy::unwrap_used, reason = "a test's functions fail the test")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use component::{Inventory, Subject};
use sbom::{Allowance, FileKind, LayerBuilder, LayerScope, Matcher, Source};

/// Fixtures whose files stand for what has another name or place where it is used: the fixture, or the folder or file in it, and where it belongs.
const STAND_INS: &[(&str, &str)] = &[
    ("alpine/testdata/base", "lib/apk/db/installed"),
    ("alpine/testdata/extra-file-attributes", "lib/apk/db/installed"),
    ("debian/testdata/copyright/cuda", "usr/share/doc/cuda/copyright"),
    ("githubactions/testdata/call-shared-workflow.yaml", ".github/workflows/ci.yaml"),
    ("githubactions/testdata/composite-action.yaml", "action.yaml"),
    ("githubactions/testdata/corrupt/composite-action.yaml", "action.yaml"),
    ("githubactions/testdata/corrupt/workflow-multi-job.yaml", ".github/workflows/ci.yaml"),
    ("golang/testdata/corrupt/go.sum", "go.mod"),
    ("java/testdata/pom/colon-delimited-with-equals.pom.properties", "app/META-INF/maven/g/a/pom.properties"),
    ("java/testdata/pom/colon-delimited.pom.properties", "app/META-INF/maven/g/a/pom.properties"),
    ("java/testdata/pom/commons-codec.pom.xml", "pom.xml"),
    ("java/testdata/pom/equals-delimited-with-colons.pom.properties", "app/META-INF/maven/g/a/pom.properties"),
    ("java/testdata/pom/extra.pom.properties", "app/META-INF/maven/g/a/pom.properties"),
    ("java/testdata/pom/neo4j-license-maven-plugin.pom.xml", "pom.xml"),
    ("java/testdata/pom/small.pom.properties", "app/META-INF/maven/g/a/pom.properties"),
    ("javascript/testdata/pkg-json/package-author-non-standard.json", "node_modules/a/package.json"),
    ("javascript/testdata/pkg-json/package-authors-string.json", "node_modules/a/package.json"),
    ("javascript/testdata/pkg-json/package-contributors-string.json", "node_modules/a/package.json"),
    ("javascript/testdata/pkg-json/package-contributors.json", "node_modules/a/package.json"),
    ("javascript/testdata/pkg-json/package-license-object.json", "node_modules/a/package.json"),
    ("javascript/testdata/pkg-json/package-license-objects.json", "node_modules/a/package.json"),
    ("javascript/testdata/pkg-json/package-maintainers-object.json", "node_modules/a/package.json"),
    ("javascript/testdata/pkg-json/package-malformed-license.json", "node_modules/a/package.json"),
    ("javascript/testdata/pkg-json/package-partial.json", "node_modules/a/package.json"),
    ("javascript/testdata/pkg-json/package-private.json", "node_modules/a/package.json"),
    ("javascript/testdata/pkg-json/package-repo-string.json", "node_modules/a/package.json"),
    ("javascript/testdata/pkg-lock/alias-package-lock-2.json", "package-lock.json"),
    ("javascript/testdata/pkg-lock/array-license-package-lock.json", "package-lock.json"),
    ("javascript/testdata/pkg-lock/nested-package-lock-1.json", "package-lock.json"),
    ("redhat/testdata/Packages", "var/lib/rpm/Packages"),
    ("ruby/testdata/bundler.gemspec", "usr/lib/ruby/specifications/bundler.gemspec"),
    ("rust/testdata/Cargo.lock-with-git-deps", "Cargo.lock"),
];

/// What a system's databases are read with, as their purls have its name.
const RELEASES: &[(&str, &str)] = &[
    ("alpine", "ID=alpine\nVERSION_ID=3.16.2\n"),
    ("debian", "ID=debian\nVERSION_ID=\"12\"\n"),
    ("redhat", "ID=\"centos\"\nVERSION_ID=\"8\"\n"),
];

/// Returns the fixtures of each ecosystem: what lies directly in its folders of test data.
pub(crate) fn fixtures(bundle: &Path) -> BTreeMap<String, Vec<PathBuf>> {
    let mut fixtures: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for ecosystem in children(&bundle.join("syft/pkg/cataloger")) {
        for folder in children(&ecosystem).into_iter().filter(|path| path.is_dir()) {
            fixtures.entry(name(&ecosystem).to_owned()).or_default().extend(children(&folder));
        }
    }
    fixtures
}

fn children(folder: &Path) -> Vec<PathBuf> {
    let mut children: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    children.sort();
    children
}

fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap()
}

/// Returns what all catalogers find in each fixture of which one claims something, with the ecosystem and the fixture's name.
pub(crate) fn inventories(bundle: &Path, matcher: &Matcher) -> Vec<(String, String, Inventory)> {
    let mut inventories = Vec::new();
    for (ecosystem, fixtures) in fixtures(bundle) {
        let release = RELEASES.iter().find(|(known, _)| *known == ecosystem).map(|(_, text)| *text);
        let found = fixtures
            .into_iter()
            .map(|fixture| (name(&fixture).to_owned(), inventory(&fixture, None, release, matcher)));
        let stand_ins =
            STAND_INS.iter().filter(|(path, _)| path.split('/').next() == Some(&*ecosystem)).map(|(path, place)| {
                let fixture = bundle.join("syft/pkg/cataloger").join(path);
                (format!("{} as {place}", name(&fixture)), inventory(&fixture, Some(place), release, matcher))
            });
        for (fixture, inventory) in found.chain(stand_ins) {
            inventories.extend(inventory.map(|inventory| (ecosystem.clone(), fixture, inventory)));
        }
    }
    inventories
}

/// Returns what all catalogers find in a fixture: a folder, or a file that stands alone in one. `None` if no cataloger claims anything in it.
fn inventory(fixture: &Path, place: Option<&str>, release: Option<&str>, matcher: &Matcher) -> Option<Inventory> {
    let allowance = Allowance::new(tempfile::tempfile);
    let mut builder = LayerBuilder::new(matcher, &allowance);
    if let Some(release) = release {
        builder.add_file("etc/os-release", 0o644, release.len() as u64, &mut release.as_bytes()).unwrap();
    }
    let root = if fixture.is_dir() { fixture } else { fixture.parent().unwrap() };
    let mut paths = vec![fixture.to_owned()];
    let mut is_claimed = false;
    while let Some(path) = paths.pop() {
        let inside = place.unwrap_or(path.strip_prefix(root).unwrap().to_str().unwrap());
        let metadata = fs::symlink_metadata(&path).unwrap();
        let mode = u16::try_from(metadata.permissions().mode() & 0o7777).unwrap();
        if metadata.is_symlink() {
            let target = fs::read_link(&path).unwrap();
            builder.add(inside, FileKind::Symlink, mode, target.to_str()).unwrap();
        } else if metadata.is_dir() {
            if !inside.is_empty() {
                builder.add(inside, FileKind::Directory, mode, None).unwrap();
            }
            paths.extend(children(&path));
        } else {
            is_claimed |= builder.add_file(inside, mode, metadata.len(), &mut File::open(&path).unwrap()).unwrap();
        }
    }
    let record = builder.finish();
    let source = Source {
        subject: Subject::Directory { name: name(fixture).to_owned() },
        layers: Vec::new(),
        records: &[&record],
        created: None,
    };
    is_claimed.then(|| sbom::inventory(source, matcher, LayerScope::Squashed))
}

#[test]
fn every_fixture_that_a_cataloger_claims() {
    let Some(bundle) = testkit::bundle("inventory/syft-cataloger-inputs") else { return };
    let matcher = Matcher::new(sbom::catalogers().iter().collect());
    let inventories = inventories(bundle.path(), &matcher);
    assert!(inventories.len() > 80, "{}", inventories.len());
    let mut texts: BTreeMap<String, String> = BTreeMap::new();
    for (ecosystem, fixture, mut inventory) in inventories {
        // Lists of digests would be most of the text; one says that they were read.
        for component in &mut inventory.components {
            let count = component.hashes.len();
            if count > 1 {
                component.hashes.truncate(1);
                component.properties.insert("hashes".into(), count.to_string());
            }
        }
        let text = texts.entry(ecosystem).or_default();
        writeln!(text, "# {fixture}\n{}", sbom::testing::render(&inventory)).unwrap();
    }
    for (ecosystem, text) in texts {
        insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "inventory/snapshots", omit_expression => true }, {
            insta::assert_snapshot!(ecosystem, text);
        });
    }
}
