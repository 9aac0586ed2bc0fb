//! `cargo xtask bench`: Garrison and its peers on the same input, in the same run, with the ratio printed.
//!
//! A bench is no test: it fails only when it cannot measure. Peers are looked for on PATH and in `GARRISON_PEERS`; one
//! that is absent is named.

#![expect(clippy::cast_precision_loss, reason = "counts and bytes of a run are far below 2^52")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a report is what the task is for")]

mod find;
mod full;
mod http;
mod load;
mod matching;
mod one_hub;
mod paced;
mod registry;
mod rematch;
mod sbom;
mod server;

use clap::Subcommand;

use crate::workspace::Workspace;

/// What to measure.
#[derive(Subcommand)]
pub(crate) enum Bench {
    /// The registry against zot and distribution: pushes, pulls, manifests, lists, memory
    ///
    /// Builds the release binary first. Every server keeps its data on the same disk and syncs what it acknowledges;
    /// Garrison has authentication on.
    Registry(registry::Arguments),
    /// Inventories against Syft and Trivy: time, processor time, peak memory, packages by type
    ///
    /// On the images of `cargo xtask images` that are there. Builds the release binary first.
    Sbom(sbom::Arguments),
    /// Where a component is, asked of a hub with ten million of them; and pulls during a burst of pushed images
    ///
    /// Pushes ten thousand images of a thousand packages and waits for their inventories, which takes a while.
    Find(find::Arguments),
    /// Findings against Grype, Trivy and osv-scanner on the same advisories: differences, time, memory, databases
    ///
    /// On the images of `cargo xtask images` that are there, the packages of recorded questions, and packages at the bounds that the
    /// advisories name. Builds the release binary first.
    Match(matching::Arguments),
    /// A new advisory on a hub of ten thousand images: how long until every affected image is known, and the lists of all findings
    ///
    /// Pushes the images and waits for their inventories first, which takes some minutes.
    Rematch(rematch::Arguments),
}

pub(crate) fn run(workspace: &Workspace, bench: &Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Registry(arguments) => registry::run(workspace, arguments),
        Bench::Find(arguments) => find::run(workspace, arguments),
        Bench::Rematch(arguments) => rematch::run(workspace, arguments),
        Bench::Sbom(arguments) => sbom::run(workspace, arguments),
        Bench::Match(arguments) => matching::run(workspace, arguments),
    }
}
