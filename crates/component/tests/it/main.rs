//! The crate's contract, as tables: what is refused first, then what is taken; then what others' vectors and programs say.

#![expect(clippy::unwrap_used, reason = "a test's functions fail the test")]

use std::path::PathBuf;
use std::process::Command;

mod license;
mod oracles;
mod pairs;
mod purl;
mod purl_vectors;
mod range;
mod range_oracles;
mod range_vectors;
mod vers;
mod version;
mod version_vectors;

/// Returns the test data of one bundle, unpacked in a directory that goes with the first value.
fn bundle(name: &str) -> Option<(tempfile::TempDir, PathBuf)> {
    let archive = testkit::data_directory()?.join(name);
    let tar = testkit::program("tar")?;
    let directory = tempfile::tempdir().unwrap();
    let status = Command::new(tar).arg("-xf").arg(&archive).arg("-C").arg(directory.path()).status().unwrap();
    assert!(status.success(), "failed to unpack {}", archive.display());
    let path = directory.path().to_owned();
    Some((directory, path))
}
