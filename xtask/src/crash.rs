//! `cargo xtask crash`: the end-to-end test that kills hubs, for longer than the suite can afford.

use std::process::ExitCode;

use testkit::Postgres;

use crate::steps::{Outcome, Steps};
use crate::workspace::{Workspace, execute};

/// The test, which runs once on each database.
const TEST: &str = "crash::nothing_acknowledged_is_lost";
const ROUNDS_VARIABLE: &str = "GARRISON_CRASH_ROUNDS";
const SEED_VARIABLE: &str = "GARRISON_CRASH_SEED";
const POSTGRES_VARIABLE: &str = "GARRISON_TEST_POSTGRES";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How often the hub is killed
    #[arg(long, default_value_t = 100)]
    rounds: u64,
    /// What decides contents and moments, as an earlier run printed it
    #[arg(long)]
    seed: Option<u64>,
}

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> ExitCode {
    let mut steps = Steps::default();
    steps.run("kills, sqlite", || kill(workspace, arguments, "sqlite", None));
    steps.run("kills, postgresql", || match Postgres::shared() {
        Ok(server) => kill(workspace, arguments, "postgres", Some(server.url())),
        Err(reason) => Ok(Outcome::Skipped(reason.to_owned())),
    });
    steps.finish()
}

fn kill(workspace: &Workspace, arguments: &Arguments, database: &str, server: Option<&str>) -> anyhow::Result<Outcome> {
    let mut cargo = workspace.cargo();
    cargo.args(["test", "--package", "garrison", "--test", "e2e", "--"]);
    cargo.args(["--exact", &format!("{TEST}::{database}"), "--nocapture"]);
    cargo.env(ROUNDS_VARIABLE, arguments.rounds.to_string());
    cargo.envs(arguments.seed.map(|seed| (SEED_VARIABLE, seed.to_string())));
    cargo.envs(server.map(|url| (POSTGRES_VARIABLE, url)));
    execute(&mut cargo)?;
    Ok(Outcome::Passed)
}
