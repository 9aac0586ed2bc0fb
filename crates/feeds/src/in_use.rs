use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::PathBuf;

use vulndb::Ecosystem;

/// The most ecosystems or distributions that are remembered; a person meets some ten.
const NAMES_MAX: usize = 1000;

/// The longest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Which ecosystems, or which distributions, were met on this machine, so that only their feeds are fetched and their ends are told: a file with
/// one a line.
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
        let known = self.names().into_iter().filter_map(|line| Ecosystem::parse_osv(&line).ok());
        known.map(|(ecosystem, _)| ecosystem).collect()
    }

    /// Returns what was met, by its names.
    pub fn names(&self) -> BTreeSet<String> {
        let mut text = String::new();
        let read = File::open(&self.path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_string(&mut text));
        if read.is_err() {
            return BTreeSet::new();
        }
        text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).take(NAMES_MAX).collect()
    }

    /// Remembers ecosystems. Of two that write at once one may be forgotten until it is met again.
    pub fn add(&self, met: &BTreeSet<Ecosystem>) -> io::Result<()> {
        let known = self.list();
        if met.is_subset(&known) {
            return Ok(());
        }
        let all: BTreeSet<Ecosystem> = known.into_iter().chain(met.iter().cloned()).collect();
        self.write(&all.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    /// Remembers what was met by its names, which are each a line.
    pub fn add_names(&self, met: &BTreeSet<String>) -> io::Result<()> {
        let known = self.names();
        let met = met.iter().filter(|name| !name.contains(['\n', '\r']) && !known.contains(*name));
        let new: Vec<String> = met.cloned().collect();
        if new.is_empty() { Ok(()) } else { self.write(&known.into_iter().chain(new).collect::<Vec<_>>()) }
    }

    fn write(&self, lines: &[String]) -> io::Result<()> {
        if lines.len() > NAMES_MAX {
            return Ok(());
        }
        if let Some(directory) = self.path.parent() {
            fs::create_dir_all(directory)?;
        }
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
        in_use.add(&many(NAMES_MAX + 1)).unwrap();
        assert!(in_use.list().is_empty());
        in_use.add(&many(NAMES_MAX)).unwrap();
        assert_eq!(in_use.list().len(), NAMES_MAX);
    }
}
