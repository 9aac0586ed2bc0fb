//! The program `garrison`: the hub, and the command line for it.
//!
//! Here are configuration, listeners, the order in which the hub starts and stops, and the terminal. What a hub does
//! is in the other crates; the commands for a hub reach it through its API alone.

mod advisories;
mod cli;
mod commands;
mod contexts;
mod data_directory;
mod error;
mod error_pages;
mod hub;
mod inventory;
mod memory;
mod output;
mod platform;
mod server;
mod session;
mod settings;
mod target;
mod telemetry;

use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;

use error::{CommandError, Kind};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before anything can ask for it: one provider for the whole process.
    let provider = rustls::crypto::aws_lc_rs::default_provider().install_default();
    assert!(provider.is_ok(), "nothing ran before this");

    let result = panic::catch_unwind(AssertUnwindSafe(cli::run)).unwrap_or_else(|_| {
        // The panic itself was printed where it happened.
        Err(CommandError::new(Kind::Bug, "garrison stopped because of a mistake of its own")
            .hint("nothing that was acknowledged is lost; the lines above tell the developers where it was"))
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _closed = error.print(&mut anstream::stderr());
            error.exit_code()
        }
    }
}
