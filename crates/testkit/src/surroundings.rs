use std::env;
use std::path::{Path, PathBuf};

/// Returns the directory of large test data: `GARRISON_TEST_DATA`, or `../shared/data` beside the workspace. `None`, said
/// loudly, when there is none.
pub fn data_directory() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let directory = env::var_os("GARRISON_TEST_DATA").map_or_else(beside, PathBuf::from);
    if directory.is_dir() {
        return Some(directory);
    }
    announce(&format!("no test data at `{}`; set GARRISON_TEST_DATA", directory.display()));
    None
}

/// Returns where a program is: on `PATH`, or in a directory of `GARRISON_REFEREES` or `GARRISON_PEERS`. `None`, said loudly,
/// when it is nowhere.
pub fn program(name: &str) -> Option<PathBuf> {
    let found = find_program(name);
    if found.is_none() {
        announce(&format!("no program `{name}` on PATH, GARRISON_REFEREES or GARRISON_PEERS"));
    }
    found
}

pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    ["PATH", "GARRISON_REFEREES", "GARRISON_PEERS"]
        .iter()
        .filter_map(env::var_os)
        .flat_map(|list| env::split_paths(&list).collect::<Vec<_>>())
        .map(|directory| directory.join(name))
        .find(|path| path.is_file())
}

/// Tells whether everything must be there.
pub(crate) fn is_ci() -> bool {
    env::var("CI").is_ok_and(|value| value == "true")
}

/// Says on stderr that something is skipped.
#[expect(clippy::print_stderr, reason = "a skipped test must be seen in the test's output")]
pub(crate) fn announce(what: &str) {
    eprintln!("SKIPPED: {what}");
}
