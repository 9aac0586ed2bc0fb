//! What dpkg itself says of the machine that the tests run on, against what the cataloger finds there.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use component::{Component, Inventory, Node, Relation, Scope, Subject};
use sbom::{Allowance, LayerBuilder, LayerScope, Matcher, Source, catalogers, inventory};

const STATUS: &str = "/var/lib/dpkg/status";

#[test]
fn packages_are_those_that_dpkg_query_lists() {
    let (Some(query), Some(found)) = (testkit::program("dpkg-query"), this_machine()) else { return };
    let format = "${Package} ${Version} ${Architecture} ${source:Package} ${source:Version} ${db:Status-Status}\n";
    let listed = Command::new(query).args(["--show", "--showformat", format]).output().expect("dpkg-query runs");
    let listed = String::from_utf8(listed.stdout).expect("dpkg-query writes text");
    let listed: BTreeSet<String> = listed
        .lines()
        .filter(|line| !line.ends_with(" config-files") && !line.ends_with(" not-installed"))
        .map(|line| line.rsplit_once(' ').expect("the state is the last word").0.to_owned())
        .collect();
    assert!(listed.len() > 10, "dpkg-query lists the machine's packages");
    let found: BTreeSet<String> = found.components.iter().map(line).collect();
    assert_eq!(found, listed);
}

/// A component in the words of the format above.
fn line(component: &Component) -> String {
    let version = component.version.as_deref().unwrap_or_default();
    let architecture = component.architecture.as_deref().unwrap_or_default();
    let source = component.source.as_ref();
    let source_name = source.map_or(&*component.name, |source| &source.name);
    let source_version = source.and_then(|source| source.version.as_deref()).unwrap_or(version);
    format!("{} {version} {architecture} {source_name} {source_version}", component.name)
}

#[test]
fn edges_are_those_that_dpkgs_library_resolves() {
    let (Some(perl), Some(found)) = (testkit::program("perl"), this_machine()) else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/dpkg_edges.pl");
    let resolved = Command::new(perl).arg(script).arg(STATUS).output().expect("perl runs");
    if !resolved.status.success() {
        testkit::announce(&format!("perl has no Dpkg::Deps: {}", String::from_utf8_lossy(&resolved.stderr)));
        return;
    }
    let resolved = String::from_utf8(resolved.stdout).expect("the script writes text");
    let resolved: BTreeSet<String> = resolved.lines().map(str::to_owned).collect();
    assert!(resolved.len() > 10, "the machine's packages depend on each other");

    let name =
        |component: &Component| format!("{}:{}", component.name, component.architecture.as_deref().unwrap_or_default());
    let edges = found.edges.iter().filter_map(|edge| {
        let Node::Component(from) = edge.from else { return None };
        let scope = match edge.relation {
            Relation::DependsOn(Scope::Runtime) => "runtime",
            Relation::DependsOn(Scope::Optional) => "optional",
            _ => return None,
        };
        let [from, to] = [from, edge.to].map(|index| name(&found.components[index.0 as usize]));
        Some(format!("{from} {to} {scope}"))
    });
    assert_eq!(edges.collect::<BTreeSet<_>>(), resolved);
}

#[test]
fn what_apt_marks_as_wanted_is_direct() {
    let (Some(mark), Some(found)) = (testkit::program("apt-mark"), this_machine()) else { return };
    let wanted = Command::new(mark).arg("showmanual").output().expect("apt-mark runs");
    let wanted = String::from_utf8(wanted.stdout).expect("apt-mark writes text");
    let wanted: BTreeSet<&str> = wanted.lines().filter(|line| !line.contains(':')).collect();
    if wanted.is_empty() || !Path::new("/var/lib/apt/extended_states").is_file() {
        testkit::announce("apt has no record of what was asked for");
        return;
    }
    let direct = found.components.iter().filter(|component| component.direct == Some(true));
    assert_eq!(direct.map(|component| &*component.name).collect::<BTreeSet<_>>(), wanted);
}

/// What the cataloger finds on this machine; `None`, said loudly, where dpkg is not used.
fn this_machine() -> Option<Inventory> {
    if !Path::new(STATUS).is_file() {
        testkit::announce(&format!("no `{STATUS}` on this machine"));
        return None;
    }
    let matcher = Matcher::new(catalogers().iter().filter(|cataloger| cataloger.name == "dpkg").collect());
    let allowance = Allowance::new(tempfile::tempfile);
    let mut builder = LayerBuilder::new(&matcher, &allowance);
    let lists = files_of("/var/lib/dpkg/info");
    let copyrights = fs::read_dir("/usr/share/doc")
        .expect("the folder can be read")
        .flatten()
        .map(|entry| entry.path().join("copyright"));
    let others = [STATUS, "/var/lib/apt/extended_states"].map(PathBuf::from);
    for path in others.into_iter().chain(lists).chain(copyrights).filter(|path| path.is_file()) {
        let mut file = File::open(&path).expect("the file can be read");
        let metadata = file.metadata().expect("an open file has metadata");
        let Some(name) = path.to_str() else { continue };
        let mode = (metadata.permissions().mode() & 0o7777) as u16;
        builder.add_file(name.trim_start_matches('/'), mode, metadata.len(), &mut file).expect("the file can be read");
    }
    let record = builder.finish();
    let subject = Subject::Directory { name: "/".to_owned() };
    let source = Source { subject, layers: Vec::new(), records: &[&record], created: None };
    Some(inventory(source, &matcher, LayerScope::Squashed))
}

fn files_of(folder: &str) -> Vec<PathBuf> {
    fs::read_dir(folder).expect("the folder can be read").flatten().map(|entry| entry.path()).collect()
}
