//! Documents that claim something about the workspace are held against it.

mod architecture;
mod dependencies;
mod links;
mod unchecked;

use std::path::PathBuf;

use cargo_metadata::{Metadata, MetadataCommand};

fn root() -> PathBuf {
    let manifest_directory = std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it for tests");
    PathBuf::from(manifest_directory).parent().expect("xtask is in the workspace").to_path_buf()
}

fn document(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn metadata() -> Metadata {
    MetadataCommand::new().current_dir(root()).no_deps().exec().expect("cargo metadata answers")
}

/// The cells of a Markdown table's rows whose first cell is a name in backticks.
fn rows(text: &str) -> Vec<Vec<&str>> {
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect()
}

/// The names in backticks of one cell.
fn names(cell: &str) -> impl Iterator<Item = String> + '_ {
    cell.split('`').skip(1).step_by(2).map(str::to_owned)
}
