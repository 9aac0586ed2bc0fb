//! What the compiler does not check is one line, and stays one.

use std::path::Path;

use crate::root;

/// The only files that may hold `unsafe`, and how often.
const ALLOWED: [(&str, usize); 1] = [("crates/feeds/src/map.rs", 1)];

#[test]
fn unsafe_is_one_line() {
    let root = root();
    let mut found = Vec::new();
    for folder in ["crates", "xtask"] {
        collect(&root, &root.join(folder), &mut found);
    }
    found.sort();
    let expected: Vec<_> = ALLOWED.iter().map(|(path, count)| ((*path).to_owned(), *count)).collect();
    assert_eq!(found, expected);
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<(String, usize)>) {
    for entry in std::fs::read_dir(folder).expect("the workspace can be read") {
        let path = entry.expect("the workspace can be read").path();
        if path.is_dir() {
            collect(root, &path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with(file!().rsplit('/').next().unwrap_or_default())
        {
            let text = std::fs::read_to_string(&path).expect("sources are text");
            let count = text
                .lines()
                .filter(|line| !line.trim_start().starts_with("//"))
                .map(|line| {
                    line.matches("unsafe {").count()
                        + line.matches("unsafe fn").count()
                        + line.matches("unsafe impl").count()
                })
                .sum();
            if count > 0 {
                let relative = path.strip_prefix(root).unwrap_or(&path);
                found.push((relative.display().to_string(), count));
            }
        }
    }
}
