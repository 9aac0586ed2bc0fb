//! Makes the list of the error pages in `docs/errors`, which are embedded.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?);
    let output = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    let pages = root.join("../../docs/errors");
    println!("cargo:rerun-if-changed={}", pages.display());

    let mut list = String::from("[\n");
    for code in codes(&pages)? {
        let path = pages.join(format!("{code}.md"));
        let _infallible = writeln!(list, "    ({code:?}, include_str!({:?})),", path.display().to_string());
    }
    list.push_str("]\n");
    fs::write(output.join("error_pages.rs"), list)
}

/// Returns the names of the pages, sorted; a page is called by its code (`BLOB_UNKNOWN.md`).
fn codes(directory: &Path) -> io::Result<Vec<String>> {
    let mut codes = Vec::new();
    if directory.is_dir() {
        for entry in fs::read_dir(directory)? {
            let name = entry?.file_name().into_string().unwrap_or_default();
            if let Some(code) = name.strip_suffix(".md")
                && code.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
            {
                codes.push(code.to_owned());
            }
        }
    }
    codes.sort();
    Ok(codes)
}
