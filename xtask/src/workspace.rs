//! The checkout that this task works on.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

pub(crate) struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// Finds the checkout through the variable that `cargo run` sets; a path compiled in would be wrong for a second
    /// clone that shares the target directory.
    pub(crate) fn find() -> anyhow::Result<Self> {
        let manifest_directory = std::env::var_os("CARGO_MANIFEST_DIR").context("run it as `cargo xtask`")?;
        let root = Path::new(&manifest_directory).parent().context("the task's manifest has no parent directory")?;
        Ok(Self { root: root.to_path_buf() })
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Where cargo puts what it builds.
    pub(crate) fn target_directory(&self) -> PathBuf {
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| self.path("target"), |directory| self.root.join(directory))
    }

    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.root);
        command
    }

    /// The cargo that runs this task, so that a toolchain chosen on the command line holds for all steps.
    pub(crate) fn cargo(&self) -> Command {
        self.command(std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
    }
}

/// Runs a command whose output belongs on the terminal.
pub(crate) fn execute(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("failed to start {}", in_words(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", in_words(command));
    }
    Ok(())
}

/// Runs a command and returns what it wrote to standard output.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("failed to start {}", in_words(command)))?;
    if !output.status.success() {
        bail!("{} ended with {}", in_words(command), output.status);
    }
    String::from_utf8(output.stdout).with_context(|| format!("{} did not write UTF-8", in_words(command)))
}

/// Whether a command that is asked only for its exit code succeeds.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn in_words(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words: Vec<_> = std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy).collect();
    format!("`{}`", words.join(" "))
}
