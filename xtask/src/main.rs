//! The workspace's own tasks, run as `cargo xtask <task>`.
//!
//! `test` gets what the tests need and runs every check there is; `gen` writes the references that are generated from
//! the binary. Nothing here is part of the product: the binary never depends on this crate.

mod bench;
mod crash;
mod generate;
mod images;
mod steps;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use workspace::Workspace;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Tasks of the Garrison workspace")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Gets what the tests need, then runs every check
    ///
    /// Installs missing Debian packages (through sudo unless root) and pinned tools (outside the checkout), starts a
    /// private database server, and runs formatting, lints, tests, documentation, generated files and dependency rules. A
    /// failed step does not stop the ones after it. The last lines say what failed and what was skipped.
    Test(test::Arguments),
    /// Kills a hub a hundred times amid pushes, mounts, deletions and collection, and compares all that was acknowledged
    ///
    /// On SQLite, then on PostgreSQL. The hub is killed, the database server is not.
    Crash(crash::Arguments),
    /// Writes the generated references in docs/reference
    Gen(generate::Arguments),
    /// Makes images to measure and compare inventories with, outside the checkout
    ///
    /// From packages of Debian, rpm, pip, npm, Maven, RubyGems, cargo and Go by their own tools, where those are on the machine, and
    /// generated ones of 3 GB and of 3 million files. They take 2 GB. Beside each image is what the tools say of it, which
    /// `--check` compares with what Garrison finds.
    Images(images::Arguments),
    /// Measures Garrison beside its peers and prints the ratios
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let workspace = Workspace::find()?;
    match arguments.task {
        Task::Test(arguments) => test::run(&workspace, &arguments),
        Task::Crash(arguments) => Ok(crash::run(&workspace, &arguments)),
        Task::Gen(arguments) => {
            generate::run(&workspace, &arguments)?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Images(arguments) => {
            images::run(&workspace, &arguments)?;
            Ok(ExitCode::SUCCESS)
        }
        Task::Bench(bench) => {
            bench::run(&workspace, &bench)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}
