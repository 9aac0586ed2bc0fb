//! Lists the readers: each file in `src/readers` is a module with a `READER`, so that adding one touches nothing else.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

fn main() {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets the manifest's directory"));
    let folder = root.join("src/readers");
    println!("cargo::rerun-if-changed={}", folder.display());

    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("the readers' folder can be read")
        .filter_map(|entry| entry.expect("the readers' folder can be read").file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".rs").map(str::to_owned))
        .collect();
    names.sort();

    let mut code = String::new();
    for name in &names {
        let path = folder.join(format!("{name}.rs"));
        writeln!(code, "#[path = \"{}\"]\nmod {name};", path.display()).expect("a string takes what is written");
    }
    code.push_str("/// Every reader, in the order of their files.\npub(crate) const ALL: &[crate::Reader] = &[\n");
    for name in &names {
        writeln!(code, "    {name}::READER,").expect("a string takes what is written");
    }
    code.push_str("];\n");
    let target = PathBuf::from(env::var("OUT_DIR").expect("cargo sets the output directory")).join("readers.rs");
    fs::write(target, code).expect("the list of readers can be written");
}
