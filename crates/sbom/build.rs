//! Lists the catalogers: each file in `src/catalogers` is a module with a `CATALOGER`, so that adding one touches nothing else.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

fn main() {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets the manifest's directory"));
    let folder = root.join("src/catalogers");
    println!("cargo::rerun-if-changed={}", folder.display());

    let mut names: Vec<String> = fs::read_dir(&folder)
        .expect("the catalogers' folder can be read")
        .filter_map(|entry| entry.expect("the catalogers' folder can be read").file_name().into_string().ok())
        .filter_map(|name| name.strip_suffix(".rs").map(str::to_owned))
        .collect();
    names.sort();

    let mut code = String::new();
    for name in &names {
        let path = folder.join(format!("{name}.rs"));
        writeln!(code, "#[path = \"{}\"]\nmod {name};", path.display()).expect("a string takes what is written");
    }
    code.push_str(
        "/// Every cataloger, in the order of their files.\npub(crate) const ALL: &[crate::Cataloger] = &[\n",
    );
    for name in &names {
        writeln!(code, "    {name}::CATALOGER,").expect("a string takes what is written");
    }
    code.push_str("];\n");
    let target = PathBuf::from(env::var("OUT_DIR").expect("cargo sets the output directory")).join("catalogers.rs");
    fs::write(target, code).expect("the list of catalogers can be written");
}
