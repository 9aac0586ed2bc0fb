//! The program as the world meets it: other people's clients and conformance suites, kills, signals and full disks.
//!
//! Every test starts the real binary on a data directory, a port and a database of its own, with authentication on. A
//! program that a test needs and that is not here is named, and its test ends.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "a count and a seed must be seen in the test's output")]

mod clients;
mod conformance;
mod content;
mod crash;
mod disk_full;
mod drain;
mod http;
mod hub;
mod layout;
mod memory;
mod process;
mod sync_order;

/// Whether this is the inner loop, in which tests that need another's program, or long, step aside.
fn is_quick() -> bool {
    let is_set = std::env::var_os("GARRISON_TEST_QUICK").is_some();
    if is_set {
        skipped("GARRISON_TEST_QUICK is set");
    }
    is_set
}

/// Returns where a program is; `None`, said loudly, when it is not here or not asked for.
fn program(name: &str) -> Option<std::path::PathBuf> {
    if is_quick() { None } else { testkit::program(name) }
}

/// Says that something is not tested here.
fn skipped(what: &str) {
    testkit::announce(what);
}
