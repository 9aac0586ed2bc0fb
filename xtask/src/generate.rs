//! `cargo xtask gen`: the references that the binary writes about itself.

use std::fs;

use anyhow::{Context, bail};

use crate::steps::say;
use crate::workspace::{Workspace, output};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Only say whether the files are fresh; fail when one is not
    #[arg(long)]
    check: bool,
}

/// A file and the argument of `garrison generate` that prints it.
struct Reference {
    subject: &'static str,
    file: &'static str,
}

const REFERENCES: [Reference; 4] = [
    Reference { subject: "cli", file: "docs/reference/cli.md" },
    Reference { subject: "openapi", file: "docs/reference/openapi.json" },
    Reference { subject: "configuration", file: "docs/reference/configuration.md" },
    Reference { subject: "access-matrix", file: "docs/reference/access.md" },
];

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> anyhow::Result<()> {
    if arguments.check { check(workspace) } else { write(workspace) }
}

pub(crate) fn check(workspace: &Workspace) -> anyhow::Result<()> {
    let mut stale = Vec::new();
    for reference in &REFERENCES {
        let fresh = generate(workspace, reference)?;
        let committed = fs::read_to_string(workspace.path(reference.file)).unwrap_or_default();
        if committed != fresh {
            stale.push(reference.file);
        }
    }
    if !stale.is_empty() {
        bail!("stale: {}; write them anew with `cargo xtask gen`", stale.join(", "));
    }
    Ok(())
}

fn write(workspace: &Workspace) -> anyhow::Result<()> {
    for reference in &REFERENCES {
        let fresh = generate(workspace, reference)?;
        let path = workspace.path(reference.file);
        if fs::read_to_string(&path).is_ok_and(|committed| committed == fresh) {
            say(&format!("unchanged {}", reference.file));
            continue;
        }
        let directory = path.parent().context("a reference is in a directory")?;
        fs::create_dir_all(directory).with_context(|| format!("failed to make {}", directory.display()))?;
        fs::write(&path, fresh).with_context(|| format!("failed to write {}", path.display()))?;
        say(&format!("written   {}", reference.file));
    }
    Ok(())
}

fn generate(workspace: &Workspace, reference: &Reference) -> anyhow::Result<String> {
    output(workspace.cargo().args(["run", "--quiet", "--package", "garrison", "--", "generate", reference.subject]))
}
