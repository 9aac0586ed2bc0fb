//! Packages of Debian or Ubuntu, beside a database that says what dpkg's would.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::Recipe;
use super::referee::{Graph, Referee, Said, Scope};
use super::workshop::Workshop;
use crate::workspace::{execute, output};

pub(super) const RECIPE: Recipe = Recipe {
    name: "debian",
    holds: "packages of the Debian or Ubuntu that this machine runs",
    needs: &["apt-get", "apt-cache", "dpkg-deb", "dpkg-query", "perl", "tar"],
    make,
    referees: &[
        Referee {
            asked: "dpkg-query --show",
            cataloger: "dpkg",
            is_alone: false,
            read: packages,
            label: |component| Some(format!("{} {} {}", component.name, component.version, component.architecture)),
            known: &[],
        },
        Referee {
            asked: "Dpkg::Deps over the status file",
            cataloger: "dpkg",
            is_alone: false,
            read: edges,
            label: |component| Some(format!("{}:{}", component.name, component.architecture)),
            known: &[],
        },
    ],
};

/// What is asked for; what it depends on comes with it.
const PACKAGES: [&str; 6] = ["bash", "coreutils", "python3-minimal", "perl-base", "openssl", "git"];

/// dpkg's own library resolves what depends on what; the tests of the cataloger ask it the same about the machine.
const EDGES: &str = include_str!("../../../crates/sbom/tests/it/dpkg_edges.pl");

fn make(place: &Path) -> Result<()> {
    let workshop = Workshop::open(place)?;
    unpack(&workshop, &PACKAGES, |_| true)?;
    let database = workshop.root("var/lib/dpkg/status")?;
    let format = "${Package} ${Version} ${Architecture} ${db:Status-Status}\n";
    workshop.ask(
        "dpkg-query.txt",
        Command::new("dpkg-query").arg("--admindir").arg(database.with_file_name("")).args([
            "--show",
            "--showformat",
            format,
        ]),
    )?;
    workshop
        .ask("dpkg-edges.txt", Command::new("perl").args(["-e", EDGES]).arg(&database))
        .context("the package libdpkg-perl brings what is asked")?;
    workshop.finish()
}

/// Unpacks packages and what they depend on, as far as it is wanted, and lists them as installed.
pub(super) fn unpack(workshop: &Workshop, packages: &[&str], is_wanted: fn(&str) -> bool) -> Result<()> {
    let (root, archives) = (workshop.root("")?, workshop.beside("archives")?);
    let info = workshop.root("var/lib/dpkg/info")?;
    fs::create_dir_all(&info)?;
    fs::create_dir_all(&archives)?;
    let kinds = ["--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances"];
    let listed = output(Command::new("apt-cache").args(["depends", "--recurse"]).args(kinds).args(packages))?;
    // Names alone, without those of virtual packages and of other architectures.
    let names = listed
        .lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit()));
    let names: Vec<&str> = names.filter(|name| !name.contains(':') && is_wanted(name)).collect();
    execute(
        Command::new("apt-get")
            .args(["download", "-qq", "-o", "APT::Sandbox::User=root"])
            .args(names)
            .current_dir(&archives),
    )?;

    let mut archives: Vec<_> = fs::read_dir(&archives)?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    archives.sort();
    ensure!(!archives.is_empty(), "apt downloaded nothing");
    let mut status = String::new();
    for archive in &archives {
        execute(Command::new("dpkg-deb").arg("-x").arg(archive).arg(&root))?;
        let control = output(Command::new("dpkg-deb").arg("-f").arg(archive))?;
        let field = |name: &str| {
            let value = control.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
            value.map(str::to_owned).with_context(|| format!("{} has no {name}", archive.display()))
        };
        let (package, rest) = control.split_once('\n').context("a control file has fields")?;
        let _infallible = write!(status, "{package}\nStatus: install ok installed\n{}\n\n", rest.trim_end());
        let is_shared = control.lines().any(|line| line == "Multi-Arch: same");
        let name =
            if is_shared { format!("{}:{}", field("Package")?, field("Architecture")?) } else { field("Package")? };
        let contents =
            output(Command::new("sh").arg("-c").arg("dpkg-deb --fsys-tarfile \"$0\" | tar -t").arg(archive))?;
        let mut list = String::new();
        for path in contents.lines() {
            let _infallible = writeln!(list, "{}", path.trim_start_matches('.').trim_end_matches('/'));
        }
        fs::write(info.join(format!("{name}.list")), list)?;
    }
    workshop.write("var/lib/dpkg/status", &status)?;
    workshop.write("etc/os-release", &fs::read_to_string("/etc/os-release")?)
}

fn packages(said: &Said) -> Result<Graph> {
    let mut graph = Graph::default();
    for line in said.text("dpkg-query.txt")?.lines() {
        let (package, state) = line.rsplit_once(' ').context("a line ends with a state")?;
        ensure!(state == "installed", "the package `{package}` is {state}");
        graph.component(package);
    }
    Ok(graph)
}

fn edges(said: &Said) -> Result<Graph> {
    let mut graph = packages(said)?;
    // The library names no versions.
    graph.components = graph
        .components
        .iter()
        .filter_map(|package| {
            let words: Vec<&str> = package.split(' ').collect();
            Some(format!("{}:{}", words.first()?, words.get(2)?))
        })
        .collect();
    for line in said.text("dpkg-edges.txt")?.lines() {
        let [from, to, scope] = line.split(' ').collect::<Vec<_>>()[..] else {
            anyhow::bail!("`{line}` is no edge");
        };
        let scope = if scope == "optional" { Scope::Optional } else { Scope::Runtime };
        graph.edge(from, to, scope);
    }
    Ok(graph)
}
