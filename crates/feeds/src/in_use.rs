use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::PathBuf;

use vulndb::Ecosystem;

/// The most ecosystems that are remembered; a person meets some ten.
const ECOSYSTEMS_MAX: usize = 1000;

/// The longest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Which ecosystems were met on this machine, so that only their feeds are fetched: a file with one a line.
#[derive(Debug, Clone)]
pub struct InUse {
    path: PathBuf,
}

impl InUse {
    /// Names the file; nothing is read or made.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Returns the ecosystems that were met; lines that name none are passed over.
    pub fn list(&self) -> BTreeSet<Ecosystem> {
        let mut text = String::new();
        let read = File::open(&self.path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text));
        if read.is_err() {
            return BTreeSet::new();
        }
        let known = text.lines().filter_map(|line| Ecosystem::parse_osv(line.trim()).ok());
        known.map(|(ecosystem, _)| ecosystem).take(ECOSYSTEMS_MAX).collect()
    }

    /// Remembers ecosystems. Of two that write at once one may be forgotten until it is met again.
    pub fn add(&self, met: &BTreeSet<Ecosystem>) -> io::Result<()> {
        let mut all = self.list();
        let before = all.len();
        all.extend(met.iter().cloned());
        if all.len() == before || all.len() > ECOSYSTEMS_MAX {
            return Ok(());
        }
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
        let lines: Vec<String> = all.iter().map(ToString::to_string).collect();
        let text = lines.join("\n") + "\n";
        let next = self.path.with_extension(format!("{}.next", std::process::id()));
        fs::write(&next, text)?;
        fs::rename(&next, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use vulndb::Family;

    use super::*;

    #[test]
    fn what_was_met_is_remembered_once() {
        let place = tempfile::tempdir().unwrap();
        let in_use = InUse::new(place.path().join("new/ecosystems"));
        assert!(in_use.list().is_empty());
        let debian = Ecosystem::release(Family::Debian, "12");
        let met = |all: &[&Ecosystem]| all.iter().map(|one| (*one).clone()).collect::<BTreeSet<_>>();
        in_use.add(&met(&[&debian])).unwrap();
        in_use.add(&met(&[&Ecosystem::new(Family::GitHubActions), &debian])).unwrap();
        let path = place.path().join("new/ecosystems");
        assert_eq!(fs::read_to_string(&path).unwrap(), "GitHub Actions\nDebian:12\n");
        fs::write(&path, "Debian:12\nnonsense\n\nnpm\n").unwrap();
        assert_eq!(in_use.list(), met(&[&debian, &Ecosystem::new(Family::Npm)]));
    }

    #[test]
    fn there_is_a_most() {
        let place = tempfile::tempdir().unwrap();
        let in_use = InUse::new(place.path().join("ecosystems"));
        let many = |count: usize| (0..count).map(|n| Ecosystem::release(Family::Debian, n.to_string())).collect();
        in_use.add(&many(ECOSYSTEMS_MAX + 1)).unwrap();
        assert!(in_use.list().is_empty());
        in_use.add(&many(ECOSYSTEMS_MAX)).unwrap();
        assert_eq!(in_use.list().len(), ECOSYSTEMS_MAX);
    }
}
