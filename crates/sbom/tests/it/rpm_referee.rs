//! What others read from rpm databases, against what the cataloger finds: the expected lists of go-rpmdb, and rpm itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use component::{Component, Inventory, Node, Subject};
use sbom::{Allowance, LayerBuilder, LayerScope, Matcher, Source, catalogers, inventory};

/// The Go module whose tests have databases of real systems, each with the list of what rpm said of it.
const GO_RPMDB: (&str, &str) = ("github.com/anchore/go-rpmdb", "v0.2.2");

#[test]
fn packages_of_go_rpmdbs_databases_are_those_it_expects() {
    let (path, version) = GO_RPMDB;
    let Some(folder) = testkit::go_module(path, version).map(|module| module.join("pkg")) else { return };
    let text = |file: &str| fs::read_to_string(folder.join(file)).expect("the module has its tests");
    let lists = expected_lists(&text("rpmdb_testcase_test.go"));
    let databases = databases(&text("rpmdb_test.go"));
    assert_eq!((databases.len(), lists.len()), (16, 16), "every database of go-rpmdb's test has a list");
    let mut differences = Vec::new();
    for (file, list) in databases {
        let path = folder.join(&file);
        let found = read(&path);
        assert!(found.unknowns.is_empty(), "{file}: {:?}", found.unknowns);
        let listed = &lists[&list];
        assert!(listed.len() > 30, "{file}: a system has packages");
        let found: BTreeSet<String> = found.components.iter().map(found_line).collect();
        differences.extend(found.symmetric_difference(listed).map(|line| format!("{file}: {line}")));
    }
    assert!(differences.is_empty(), "{differences:#?}");
}

/// Reads which database has which list: `file: "testdata/…",` and `pkgList: CentOS5Plain(),` on the line after it.
fn databases(test: &str) -> BTreeMap<String, String> {
    let mut lines = test.lines().map(str::trim);
    let mut databases = BTreeMap::new();
    while let Some(line) = lines.next() {
        let Some(file) = line.strip_prefix("file:").map(|text| text.trim().trim_matches(['"', ','])) else { continue };
        if let Some(list) = lines.next().and_then(|next| next.strip_prefix("pkgList:")) {
            databases.insert(file.to_owned(), list.trim().trim_end_matches("(),").to_owned());
        }
    }
    databases
}

/// Reads the lists: `NAME = func() []*PackageInfo {`, and below it a line for each package.
fn expected_lists(source: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut lists: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut list = String::new();
    for line in source.lines().map(str::trim) {
        if let Some((name, _)) = line.split_once(" = func()") {
            name.clone_into(&mut list);
        } else if let Some(package) = line.strip_prefix("{intRef(") {
            lists.entry(list.clone()).or_default().insert(expected_line(package));
        }
    }
    lists
}

/// Reads a package: its epoch, if it has one, then name, version, release, architecture, source package, size, licence, vendor,
/// module, summary, MD5, and signatures, all but epoch and size in quotes.
fn expected_line(package: &str) -> String {
    let epoch = match package.split(')').next().expect("an epoch ends") {
        "" | "0" => String::new(),
        epoch => format!("{epoch}:"),
    };
    let texts = quoted(package);
    let text = |index: usize| Some(texts[index].as_str()).filter(|text| !text.is_empty()).unwrap_or("-");
    let [name, version, release, arch] = [0, 1, 2, 3].map(text);
    let [source, vendor, module, md5] = [4, 6, 7, 9].map(text);
    format!("{name} {epoch}{version}-{release} {arch} {source} {vendor} {module} {md5}")
}

/// Returns the string literals of a line.
fn quoted(line: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut characters = line.chars();
    while characters.by_ref().any(|character| character == '"') {
        let mut text = String::new();
        while let Some(character) = characters.next().filter(|character| *character != '"') {
            text.extend(if character == '\\' { characters.next() } else { Some(character) });
        }
        texts.push(text);
    }
    texts
}

fn found_line(component: &Component) -> String {
    let or_none = |text: Option<&str>| text.unwrap_or("-").to_owned();
    let purl = component.purl.as_ref();
    let source = purl.and_then(|purl| purl.qualifier("upstream"));
    format!(
        "{} {} {} {} {} {} {}",
        component.name,
        or_none(component.version.as_deref()),
        or_none(component.architecture.as_deref()),
        or_none(source),
        or_none(component.supplier.as_deref()),
        or_none(component.module.as_deref()),
        or_none(component.hashes.first().map(|hash| &*hash.hex)),
    )
}

/// What the cataloger finds in a database at its place in a file system.
fn read(database: &Path) -> Inventory {
    let matcher =
        Matcher::new(catalogers().iter().filter(|cataloger| ["rpm", "os-release"].contains(&cataloger.name)).collect());
    let allowance = Allowance::new(tempfile::tempfile);
    let mut builder = LayerBuilder::new(&matcher, &allowance);
    let name = database.file_name().and_then(|name| name.to_str()).expect("the database has a name");
    let mut file = File::open(database).expect("the database can be read");
    let size = file.metadata().expect("an open file has metadata").len();
    builder.add_file(&format!("var/lib/rpm/{name}"), 0o644, size, &mut file).expect("the database can be read");
    let release = b"ID=test\n";
    builder.add_file("etc/os-release", 0o644, release.len() as u64, &mut &release[..]).expect("bytes can be read");
    let record = builder.finish();
    let subject = Subject::Directory { name: "test".to_owned() };
    let source = Source { subject, layers: Vec::new(), records: &[&record], created: None };
    inventory(source, &matcher, LayerScope::Squashed)
}

/// Four packages that need each other in the ways there are.
const SPEC: &str = "\
Name: garrison-test
Version: 1.2
Release: 3
Epoch: 4
Summary: For a test
License: MIT
Vendor: Somebody
BuildArch: noarch
Requires: garrison-test-library >= 4:1.0, garrison-virtual = 7, /usr/share/garrison/data
Requires: (garrison-test-plain if garrison-test-library)
Recommends: garrison-test-plain
%description
A test.
%package library
Summary: For a test
Epoch: 4
Provides: garrison-virtual = 7
%description library
A test.
%package data
Summary: For a test
%description data
A test.
%package plain
Summary: For a test
Requires: garrison-test-nothing
%description plain
A test.
%install
mkdir -p %{buildroot}/usr/share/garrison %{buildroot}/usr/bin
echo data > %{buildroot}/usr/share/garrison/data
echo '#!/bin/sh' > %{buildroot}/usr/bin/garrison-test
chmod 755 %{buildroot}/usr/bin/garrison-test
%files
/usr/bin/garrison-test
%files library
%files data
/usr/share/garrison/data
%files plain
";

#[test]
fn databases_that_rpm_writes_are_read() {
    let (Some(rpm), Some(rpmbuild)) = (testkit::program("rpm"), testkit::program("rpmbuild")) else { return };
    let folder = tempfile::tempdir().expect("a folder can be made");
    let packages = build(&rpmbuild, folder.path());
    assert_eq!(packages.len(), 4);
    for (backend, file) in [("sqlite", "rpmdb.sqlite"), ("ndb", "Packages.db")] {
        let database = folder.path().join(backend);
        let command = || {
            let mut command = Command::new(&rpm);
            command.arg("--define").arg(format!("_db_backend {backend}")).arg("--dbpath").arg(&database);
            command
        };
        let installed = command()
            .args(["--install", "--justdb", "--nodeps", "--nosignature", "--noplugins"])
            .args(&packages)
            .output()
            .expect("rpm runs");
        let said = String::from_utf8_lossy(&installed.stderr);
        if said.contains("invalid %_db_backend") {
            testkit::announce(&format!("this rpm was built without {backend}"));
            continue;
        }
        assert!(installed.status.success(), "{said}");
        let format = "%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{ARCH} %{SOURCERPM} %{VENDOR} - %{SIGMD5}\n";
        let listed = command().args(["--query", "--all", "--queryformat", format]).output().expect("rpm runs");
        let listed = String::from_utf8(listed.stdout).expect("rpm writes text");
        let found = read(&database.join(file));
        assert!(found.unknowns.is_empty(), "{backend}: {:?}", found.unknowns);
        assert_eq!(
            found.components.iter().map(found_line).collect::<BTreeSet<_>>(),
            listed.lines().map(str::to_owned).collect::<BTreeSet<_>>(),
            "{backend}"
        );
        let edges: Vec<String> = found.edges.iter().map(|edge| edge_line(&found, edge)).collect();
        let expected = [
            "garrison-test garrison-test-data",
            "garrison-test garrison-test-library",
            "garrison-test garrison-test-plain",
        ];
        assert_eq!(edges, expected, "{backend}");
        let without_code: Vec<&str> = found
            .components
            .iter()
            .filter(|component| component.code == component::Code::Absent)
            .map(|component| &*component.name)
            .collect();
        assert_eq!(without_code, ["garrison-test-data", "garrison-test-library", "garrison-test-plain"], "{backend}");
    }
}

fn edge_line(inventory: &Inventory, edge: &component::Edge) -> String {
    let name = |index: component::ComponentIndex| inventory.components[index.0 as usize].name.clone();
    match edge.from {
        Node::Root => format!("root {}", name(edge.to)),
        Node::Component(from) => format!("{} {}", name(from), name(edge.to)),
    }
}

fn build(rpmbuild: &Path, folder: &Path) -> Vec<PathBuf> {
    let spec = folder.join("test.spec");
    fs::write(&spec, SPEC).expect("the spec can be written");
    let built = Command::new(rpmbuild)
        .arg("-bb")
        .arg("--define")
        .arg(format!("_topdir {}", folder.display()))
        .arg(&spec)
        .output()
        .expect("rpmbuild runs");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let packages = fs::read_dir(folder.join("RPMS/noarch")).expect("packages were built");
    packages.map(|package| package.expect("the folder can be read").path()).collect()
}
