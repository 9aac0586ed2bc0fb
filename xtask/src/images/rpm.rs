//! The packages of a real system as rpm's database has them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::Recipe;
use super::referee::{Graph, Referee, Said, Scope};
use super::workshop::Workshop;
use crate::workspace::output;

pub(super) const RECIPE: Recipe = Recipe {
    name: "rpm",
    holds: "the database of Rocky Linux 9, out of a Go module's tests",
    needs: &["go", "rpm", "tar"],
    make,
    referees: &[Referee {
        asked: "rpm --dbpath -qa, --requires and --whatprovides",
        cataloger: "rpm",
        is_alone: false,
        read,
        label: |component| Some(format!("{}.{}", component.at_version(), component.architecture)),
        known: &[],
    }],
};

const MODULE: &str = "github.com/anchore/go-rpmdb@v0.2.2";
const DATABASE: &str = "pkg/testdata/rockylinux-9/rpmdb.sqlite";
const RELEASE: &str = "NAME=\"Rocky Linux\"\nID=rocky\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=\"9.0\"\n";

fn make(place: &Path) -> Result<()> {
    let workshop = Workshop::open(place)?;
    let downloaded = output(Command::new("go").args(["mod", "download", "-json", MODULE]))?;
    let downloaded: serde_json::Value = serde_json::from_str(&downloaded)?;
    let database = Path::new(downloaded["Dir"].as_str().context("a module is in a directory")?).join(DATABASE);
    // Read and written, not copied: the module's files may not be written to. rpm asks a copy of its own, beside which it leaves files.
    let bytes = fs::read(&database).with_context(|| format!("failed to read `{}`", database.display()))?;
    fs::write(workshop.root("var/lib/rpm/rpmdb.sqlite")?, &bytes)?;
    let copy = workshop.beside("rpm/rpmdb.sqlite")?;
    fs::write(&copy, &bytes)?;
    workshop.write("etc/os-release", RELEASE)?;

    let rpm = || {
        let mut rpm = Command::new("rpm");
        rpm.arg("--define").arg("_db_backend sqlite").arg("--dbpath").arg(copy.with_file_name(""));
        rpm
    };
    let label = "%{NAME}@%{EVR}.%{ARCH}";
    workshop.ask("rpm-qa.txt", rpm().args(["-qa", "--queryformat", &format!("{label}\n")]))?;
    let each = "%{=NAME}@%{=EVR}.%{=ARCH}";
    let format = format!("[{each}\tRequires\t%{{REQUIRENAME}}\n][{each}\tRecommends\t%{{RECOMMENDNAME}}\n]");
    let needs = output(rpm().args(["-qa", "--queryformat", &format]))?;
    workshop.record("rpm-needs.txt", &needs)?;
    let capabilities: BTreeSet<&str> = needs.lines().filter_map(|line| line.rsplit('\t').next()).collect();
    let mut provides = String::new();
    for capability in capabilities {
        let mut asked = rpm();
        asked.args(["-q", "--queryformat", &format!("{label}\n"), "--whatprovides", capability]);
        let answer = asked.output().context("failed to start `rpm`")?;
        // It fails for what nothing provides, and says so where the answer would be.
        if answer.status.success() {
            for provider in String::from_utf8(answer.stdout)?.lines() {
                let _infallible = writeln!(provides, "{capability}\t{provider}");
            }
        }
    }
    workshop.record("rpm-provides.txt", &provides)?;
    workshop.finish()
}

fn read(said: &Said) -> Result<Graph> {
    let mut graph = Graph::default();
    said.text("rpm-qa.txt")?.lines().for_each(|label| graph.component(label));
    let answers = said.text("rpm-provides.txt")?;
    let mut fulfilling: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in answers.lines() {
        let (capability, who) = line.split_once('\t').context("a line has a capability and who provides it")?;
        fulfilling.entry(capability).or_default().push(who);
    }
    let mut edges: BTreeMap<(String, String), Scope> = BTreeMap::new();
    for line in said.text("rpm-needs.txt")?.lines() {
        let [from, kind, capability] = line.split('\t').collect::<Vec<_>>()[..] else {
            anyhow::bail!("`{line}` is no need");
        };
        let scope = if kind == "Requires" { Scope::Runtime } else { Scope::Optional };
        for to in fulfilling.get(capability).into_iter().flatten().filter(|to| **to != from) {
            let known = edges.entry((from.to_owned(), (*to).to_owned())).or_insert(scope);
            *known = scope.min(*known);
        }
    }
    for ((from, to), scope) in edges {
        graph.edge(from, to, scope);
    }
    Ok(graph)
}
