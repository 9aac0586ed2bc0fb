//! The matcher against what others said of the same packages: recorded answers, other scanners' own cases, people's labels, and
//! what distributions state of themselves. Only identifiers are kept here; what they mean is with their publishers.

use std::collections::{BTreeMap, BTreeSet};

use component::{Component, Distribution, PackageType, SourcePackage, Technique};
use vulndb::file::{Builder, Database};
use vulndb::{Ecosystem, Family, Records};

use crate::file::feed;

mod fixtures;
mod goldens;
mod labels;
mod properties;
mod recorded_answers;
mod vendors;

type Advisories = Database<Vec<u8>>;

/// Makes a database of some feeds' records.
fn database_of(feeds: impl IntoIterator<Item = (&'static str, Records)>) -> Advisories {
    let mut builder = Builder::new();
    for (name, records) in feeds {
        builder.add(feed(name), records);
    }
    Database::open(builder.finish().unwrap()).unwrap()
}

/// A package as a publisher of advisories names it: of a distribution a source package, and the one binary package of that name.
fn package(ecosystem: &Ecosystem, name: &str, version: &str) -> (Component, Option<Distribution>) {
    let (package_type, id) = match ecosystem.family {
        Family::Npm => (PackageType::Npm, ""),
        Family::PyPi => (PackageType::Python, ""),
        Family::Maven => (PackageType::JavaArchive, ""),
        Family::Go => (PackageType::GoModule, ""),
        Family::CratesIo => (PackageType::RustCrate, ""),
        Family::RubyGems => (PackageType::Gem, ""),
        Family::Packagist => (PackageType::PhpComposer, ""),
        Family::NuGet => (PackageType::Dotnet, ""),
        Family::Debian => (PackageType::Deb, "debian"),
        Family::Ubuntu => (PackageType::Deb, "ubuntu"),
        Family::Alpine => (PackageType::Apk, "alpine"),
        Family::Wolfi => (PackageType::Apk, "wolfi"),
        Family::AlmaLinux => (PackageType::Rpm, "almalinux"),
        Family::RockyLinux => (PackageType::Rpm, "rocky"),
        Family::RedHat => (PackageType::Rpm, "rhel"),
        Family::OpenSuse => (PackageType::Rpm, "opensuse-leap"),
        Family::Suse => (PackageType::Rpm, "sles"),
        Family::AzureLinux => (PackageType::Rpm, "azurelinux"),
        _ => (PackageType::Unknown, ""),
    };
    let mut component = Component::new(package_type, name, "test", Technique::Document);
    component.version = Some(version.to_owned());
    if package_type == PackageType::Unknown {
        let ty = ecosystem.family.as_str().to_ascii_lowercase();
        let ty = if ecosystem.family == Family::SwiftUrl { "swift" } else { &ty };
        component.purl = format!("pkg:{ty}/{name}").parse().ok();
    }
    if id.is_empty() {
        return (component, None);
    }
    component.source = Some(SourcePackage { name: name.to_owned(), version: None });
    let distribution =
        Distribution { id: id.to_owned(), version_id: ecosystem.release.clone(), ..Distribution::default() };
    (component, Some(distribution))
}

/// Differences, of which each has a reason or is a fault: by what it is about, the identifiers, and the reason's number in a list.
#[derive(Default)]
struct Differences {
    lines: BTreeSet<String>,
    counts: BTreeMap<&'static str, usize>,
    unexplained: Vec<String>,
}

impl Differences {
    fn add(&mut self, what: &str, reason: Option<&'static str>) {
        match reason {
            Some(reason) => {
                *self.counts.entry(reason).or_default() += 1;
                self.lines.insert(format!("{what}: {reason}"));
            }
            None => self.unexplained.push(what.to_owned()),
        }
    }

    /// Fails when a difference has no reason.
    fn report(&self, head: &str) -> String {
        assert!(self.unexplained.is_empty(), "{head}\n{}", self.unexplained.join("\n"));
        let counts: Vec<String> = self.counts.iter().map(|(reason, count)| format!("{count} {reason}")).collect();
        let lines: Vec<&str> = self.lines.iter().map(String::as_str).collect();
        format!("{head}\n{}\n{}", counts.join("\n"), lines.join("\n"))
    }
}
