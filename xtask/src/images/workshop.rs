//! Where an image of real packages grows: the file system of its one layer, and what the tools say of it.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use tempfile::TempDir;

use super::layout::{Layout, architecture};
use super::referee::Said;
use crate::workspace::output;

/// A directory beside the image, which goes away.
pub(super) struct Workshop {
    directory: TempDir,
    place: PathBuf,
    said: Said,
}

impl Workshop {
    pub(super) fn open(place: &Path) -> Result<Self> {
        let parent = place.parent().context("an image has a directory")?;
        let directory = tempfile::Builder::new().prefix(".making-").tempdir_in(parent)?;
        fs::create_dir(directory.path().join("root"))?;
        Ok(Self { directory, place: place.to_owned(), said: Said::of(place) })
    }

    /// Returns a path in the image's file system, and makes the directories above it.
    pub(super) fn root(&self, path: &str) -> Result<PathBuf> {
        make(self.directory.path().join("root").join(path))
    }

    /// Returns a path outside of the image, and makes the directories above it.
    pub(super) fn beside(&self, path: &str) -> Result<PathBuf> {
        make(self.directory.path().join("beside").join(path))
    }

    /// Puts a file into the image.
    pub(super) fn write(&self, path: &str, text: &str) -> Result<()> {
        let path = self.root(path)?;
        fs::write(&path, text).with_context(|| format!("failed to write `{}`", path.display()))
    }

    /// A program of the image's own, which sees nothing but the image.
    pub(super) fn inside(&self, program: impl AsRef<OsStr>) -> Result<Command> {
        let mut command = Command::new("unshare");
        command.arg("--map-root-user").arg("chroot").arg(self.root("")?).arg(program);
        Ok(command)
    }

    /// Records what a tool says of the image.
    pub(super) fn ask(&self, file: &str, command: &mut Command) -> Result<()> {
        self.said.record(file, &output(command)?)
    }

    pub(super) fn record(&self, file: &str, text: &str) -> Result<()> {
        self.said.record(file, text)
    }

    pub(super) fn finish(self) -> Result<()> {
        let mut layout = Layout::new(&self.place)?;
        layout.directory(&self.root("")?)?;
        layout.finish(architecture())
    }
}

fn make(path: PathBuf) -> Result<PathBuf> {
    let parent = path.parent().context("a path in a directory has a parent")?;
    fs::create_dir_all(parent).with_context(|| format!("failed to make `{}`", parent.display()))?;
    Ok(path)
}
