//! One command group a file.

pub(crate) mod access;
pub(crate) mod audit;
pub(crate) mod completion;
pub(crate) mod config;
pub(crate) mod context;
pub(crate) mod db;
pub(crate) mod exceptions;
pub(crate) mod find;
pub(crate) mod findings;
pub(crate) mod fsck;
pub(crate) mod gc;
pub(crate) mod generate;
pub(crate) mod help;
pub(crate) mod job;
pub(crate) mod keys;
pub(crate) mod login;
pub(crate) mod project;
pub(crate) mod repo;
pub(crate) mod robot;
pub(crate) mod sbom;
pub(crate) mod scan;
pub(crate) mod up;
pub(crate) mod user;
pub(crate) mod version;
pub(crate) mod vex;

mod bounded;
mod secret;
mod set_document;
mod setting_flags;

/// How many rows a list has at most.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Rows {
    /// Rows to show at most
    #[arg(long, value_name = "ROWS", default_value_t = 1000)]
    limit: usize,
}
