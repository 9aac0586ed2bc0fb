use std::env;
use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

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

/// Unpacks a bundle of the large test data (`sbom/real` is the file `sbom/real.tar.zst`) into a directory that goes with the
/// value. `None`, said loudly, when the data is not there.
///
/// # Panics
/// When the data is there and the bundle is not, or cannot be unpacked.
pub fn bundle(name: &str) -> Option<Bundle> {
    let archive = data_directory()?.join(format!("{name}.tar.zst"));
    assert!(archive.is_file(), "the test data has no `{}`", archive.display());
    let directory = tempfile::tempdir().expect("a temporary directory can be made");
    let unpacked = Command::new("tar").arg("--zstd").arg("-xf").arg(&archive).arg("-C").arg(directory.path()).status();
    assert!(unpacked.is_ok_and(|status| status.success()), "`tar` failed to unpack `{}`", archive.display());
    Some(Bundle(directory))
}

/// A bundle of test data, unpacked as long as this lives.
#[derive(Debug)]
pub struct Bundle(tempfile::TempDir);

impl Bundle {
    /// Returns where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
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

/// Returns a directory of `GARRISON_PEERS` that was prepared for tests. `None`, said loudly, when it is nowhere.
pub fn peer_directory(name: &str) -> Option<PathBuf> {
    let peers = env::var_os("GARRISON_PEERS").unwrap_or_default();
    let found = env::split_paths(&peers).map(|peers| peers.join(name)).find(|directory| directory.is_dir());
    if found.is_none() {
        announce(&format!("no directory `{name}` in GARRISON_PEERS"));
    }
    found
}

/// Returns where the source of a Go module is: in Go's module cache, or as `MODULE@VERSION` in a directory of `GARRISON_PEERS`.
/// `None`, said loudly, when it is nowhere; `go mod download` brings it.
pub fn go_module(path: &str, version: &str) -> Option<PathBuf> {
    let below = |variable: &str, folder: &str| {
        let directories = env::var_os(variable).unwrap_or_default();
        env::split_paths(&directories).map(|directory| directory.join(folder)).collect::<Vec<_>>()
    };
    let places =
        [below("GOMODCACHE", ""), below("GOPATH", "pkg/mod"), below("HOME", "go/pkg/mod"), below("GARRISON_PEERS", "")];
    let module = format!("{path}@{version}");
    let found = places.into_iter().flatten().map(|place| place.join(&module)).find(|directory| directory.is_dir());
    if found.is_none() {
        announce(&format!("no Go module `{module}` in Go's module cache or GARRISON_PEERS"));
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

/// Says that the test that runs on this thread steps aside, and why: on stderr, which the test harness hides of a test that
/// passes, and in the file that `GARRISON_TEST_SKIPPED` names, a line of test and reason each, for whoever runs all tests.
///
/// # Panics
/// When that file cannot be written: what is skipped would be passed over in silence.
#[expect(clippy::print_stderr, reason = "a skipped test must be seen in the test's output")]
pub fn announce(what: &str) {
    eprintln!("SKIPPED: {what}");
    if let Some(path) = env::var_os("GARRISON_TEST_SKIPPED") {
        note(Path::new(&path), thread::current().name().unwrap_or("a test"), what);
    }
}

/// Appends a line. Many processes do so at once; one short write to the end of a file is not torn.
fn note(path: &Path, test: &str, what: &str) {
    let line = format!("{test}\t{}\n", what.replace(['\n', '\t'], " "));
    let written =
        OpenOptions::new().append(true).create(true).open(path).and_then(|mut file| file.write_all(line.as_bytes()));
    if let Err(error) = written {
        panic!("failed to note in `{}` what is skipped: {error}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_skipped_is_a_line() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("skipped");
        note(&path, "clients::one", "no program `one`");
        note(&path, "clients::two", "it said:\n\tno");
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "clients::one\tno program `one`\nclients::two\tit said:  no\n");
    }
}
