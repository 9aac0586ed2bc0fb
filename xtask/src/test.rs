//! `cargo xtask test`: everything that must hold before a change is accepted.

use std::ffi::OsString;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::Context;
use tempfile::TempDir;
use testkit::{Postgres, Settings};

use crate::generate;
use crate::images;
use crate::steps::{Outcome, Steps};
use crate::tools::Tools;
use crate::workspace::{Workspace, execute, succeeds};

/// Where tests find `PostgreSQL`: the URL of a server on which they may create databases.
const POSTGRES_VARIABLE: &str = "GARRISON_TEST_POSTGRES";
/// Set for the inner loop: tests that need a server or an outside program step aside.
const QUICK_VARIABLE: &str = "GARRISON_TEST_QUICK";
/// The file in which tests that step aside say so: the test harness shows nothing of a test that passes.
const SKIPPED_VARIABLE: &str = "GARRISON_TEST_SKIPPED";

/// Where tests have their files.
const DIRECTORY_VARIABLE: &str = "TMPDIR";
/// A file system in memory, as Linux has one.
const MEMORY: &str = "/dev/shm";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The inner loop: formatting, lints, and tests without servers and outside programs
    #[arg(long)]
    quick: bool,
    /// Install nothing; run with what is here
    #[arg(long)]
    no_install: bool,
}

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let tools = Tools::open()?;
    let mut steps = Steps::default();
    let skipped = workspace.path("target").join("tests-skipped");
    std::fs::create_dir_all(workspace.path("target"))
        .and_then(|()| std::fs::write(&skipped, ""))
        .with_context(|| format!("failed to empty `{}`", skipped.display()))?;
    let variables = vec![(SKIPPED_VARIABLE, skipped.clone().into_os_string())];
    let mut suite = Suite { workspace, path: tools.path()?, variables, skipped };
    if arguments.quick {
        suite.variables.push((QUICK_VARIABLE, OsString::from("1")));
        let memory = directory_in_memory()?;
        if let Some(directory) = &memory {
            suite.variables.push((DIRECTORY_VARIABLE, directory.path().as_os_str().to_owned()));
        }
        steps.run("formatting", || suite.formatting());
        steps.run("clippy", || suite.clippy());
        steps.run("tests", || suite.quick_tests());
        steps.skipped(&suite.skipped()?);
        steps.absent(
            "PostgreSQL, clients, documentation and its examples, generated files, dependency rules: left out by --quick".to_owned(),
        );
        return Ok(steps.finish());
    }

    if !arguments.no_install {
        steps.run("debian packages", || tools.install_packages(workspace));
        steps.run("clients", || tools.install_clients(workspace));
        steps.run("cargo-deny", || tools.install_cargo_deny(workspace));
    }
    let mut postgres = None;
    steps.run("postgresql", || {
        let (outcome, server) = start_postgres()?;
        postgres = server;
        Ok(outcome)
    });
    if let Some(server) = &postgres {
        suite.variables.push((POSTGRES_VARIABLE, OsString::from(server.url())));
    }

    steps.run("formatting", || suite.formatting());
    steps.run("clippy", || suite.clippy());
    steps.run("tests", || suite.tests());
    drop(postgres);
    steps.skipped(&suite.skipped()?);
    let mut absent = Vec::new();
    steps.run("referees of images", || {
        let (outcome, images) = suite.referees()?;
        absent = images;
        Ok(outcome)
    });
    steps.run("documentation", || suite.documentation());
    steps.run("generated files", || generate::check(workspace).map(|()| Outcome::Passed));
    steps.run("dependency rules", || suite.dependency_rules(&tools));
    steps.run("advisories", || suite.advisories(&tools));
    steps.run("fuzz targets", || suite.fuzz_targets());
    for sentence in tools.absent() {
        steps.absent(sentence);
    }
    for image in absent {
        steps
            .absent(format!("image {image}: what the tools say of it was not compared; `cargo xtask images` makes it"));
    }
    Ok(steps.finish())
}

/// Makes a directory in memory, where there is such a thing. Tests of storage wait for a disk most of their time, to which the inner
/// loop owes nothing: what a sync is worth is tested by faults and by what was asked for, and the whole run has the disk.
fn directory_in_memory() -> anyhow::Result<Option<TempDir>> {
    if !Path::new(MEMORY).is_dir() {
        return Ok(None);
    }
    // As `/tmp` is: a server that runs as another user has its files there too, and removes them.
    let made = tempfile::Builder::new().prefix("garrison-tests-").tempdir_in(MEMORY).and_then(|directory| {
        std::fs::set_permissions(directory.path(), Permissions::from_mode(0o1777))?;
        Ok(directory)
    });
    made.map(Some).with_context(|| format!("failed to make a directory in `{MEMORY}`"))
}

/// Starts one server for all test programs; without it, each would start its own.
fn start_postgres() -> anyhow::Result<(Outcome, Option<Postgres>)> {
    if std::env::var_os(POSTGRES_VARIABLE).is_some() {
        return Ok((Outcome::Skipped(format!("{POSTGRES_VARIABLE} names a server already")), None));
    }
    let server = Postgres::start(&Settings::for_many()).context("failed to start a private PostgreSQL")?;
    Ok((Outcome::Passed, Some(server)))
}

/// The checks, and what every command of theirs is run with.
struct Suite<'a> {
    workspace: &'a Workspace,
    path: OsString,
    variables: Vec<(&'static str, OsString)>,
    /// Where tests that step aside say so.
    skipped: PathBuf,
}

impl Suite<'_> {
    fn cargo(&self) -> Command {
        let mut cargo = self.workspace.cargo();
        cargo.env("PATH", &self.path).envs(self.variables.iter().map(|(name, value)| (name, value)));
        cargo
    }

    fn formatting(&self) -> anyhow::Result<Outcome> {
        passes(self.cargo().args(["fmt", "--all", "--check"]))
    }

    fn clippy(&self) -> anyhow::Result<Outcome> {
        passes(self.cargo().args(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"]))
    }

    fn tests(&self) -> anyhow::Result<Outcome> {
        passes(self.cargo().args(["test", "--workspace", "--no-fail-fast"]))
    }

    /// Tests on `PostgreSQL` are called so; the others that need something from outside read the variable. The examples in the
    /// documentation are left out: to find the few that there are, every crate is read once more.
    fn quick_tests(&self) -> anyhow::Result<Outcome> {
        let tests = ["test", "--workspace", "--lib", "--bins", "--tests", "--no-fail-fast"];
        passes(self.cargo().args(tests).args(["--", "--skip", "::postgres"]))
    }

    /// Returns what the tests have said about those that stepped aside.
    fn skipped(&self) -> anyhow::Result<String> {
        std::fs::read_to_string(&self.skipped).with_context(|| format!("failed to read `{}`", self.skipped.display()))
    }

    /// What the ecosystems' tools say of the images that were made, and the images that were not.
    fn referees(&self) -> anyhow::Result<(Outcome, Vec<&'static str>)> {
        let compared = images::check(self.workspace, &images::directory()?, |_| true)?;
        if compared.images > 0 {
            return Ok((Outcome::Passed, compared.absent));
        }
        Ok((Outcome::Skipped("no image is here; `cargo xtask images` makes them".to_owned()), Vec::new()))
    }

    fn documentation(&self) -> anyhow::Result<Outcome> {
        passes(self.cargo().args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings"))
    }

    /// Licences, sources and bans.
    fn dependency_rules(&self, tools: &Tools) -> anyhow::Result<Outcome> {
        if tools.find("cargo-deny").is_none() {
            return Ok(Outcome::Skipped("no cargo-deny here".to_owned()));
        }
        passes(self.cargo().args(["deny", "--log-level", "error", "check", "licenses", "sources", "bans"]))
    }

    /// Known vulnerabilities, where their database can be had: a machine without the internet is no failure.
    fn advisories(&self, tools: &Tools) -> anyhow::Result<Outcome> {
        if tools.find("cargo-deny").is_none() {
            return Ok(Outcome::Skipped("no cargo-deny here".to_owned()));
        }
        if !succeeds(self.cargo().args(["deny", "fetch", "db"])) {
            return Ok(Outcome::Skipped(
                "the advisory database cannot be had; KNOWN VULNERABILITIES NOT CHECKED".to_owned(),
            ));
        }
        passes(self.cargo().args(["deny", "check", "advisories"]))
    }

    /// Fuzz targets are a workspace of their own, which nothing else here compiles.
    fn fuzz_targets(&self) -> anyhow::Result<Outcome> {
        if !self.workspace.path("fuzz/Cargo.toml").exists() {
            return Ok(Outcome::Skipped("no fuzz workspace".to_owned()));
        }
        passes(self.cargo().args(["check", "--manifest-path", "fuzz/Cargo.toml"]))
    }
}

fn passes(command: &mut Command) -> anyhow::Result<Outcome> {
    execute(command)?;
    Ok(Outcome::Passed)
}
