//! The readers against whole feeds as their publishers had them on one day: what is read, and why the rest is not.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use vulndb::{Document, Reader, Records};

mod exploitation;
mod languages;
mod osv;

/// Reads each file of a bundle below a folder that a reader claims. `None`, said loudly, when the data is not there.
pub(crate) fn read_bundle(name: &str, folder: &str, reader: &str) -> Option<Records> {
    let bundle = testkit::bundle(name)?;
    let reader = find_reader(reader);
    let mut records = Records::default();
    for path in files(&bundle.path().join(folder)) {
        let shown = path.strip_prefix(bundle.path()).unwrap().to_str().unwrap().to_owned();
        if (reader.claims)(&shown) {
            reader.read(&Document { path: &shown, bytes: &std::fs::read(&path).unwrap() }, &mut records);
        }
    }
    Some(records)
}

pub(crate) fn find_reader(name: &str) -> &'static Reader {
    vulndb::readers().iter().find(|reader| reader.name == name).unwrap()
}

/// All files below a folder, sorted.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    files
}

/// Counts what was read and what was not, a line each.
fn summarize(records: &Records) -> String {
    let mut text = String::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = |what: String| *counts.entry(what).or_default() += 1;
    for advisory in &records.advisories {
        count("advisories".to_owned());
        if advisory.withdrawn.is_some() {
            count("advisories withdrawn".to_owned());
        }
        if advisory.nature != vulndb::Nature::Vulnerability {
            count(format!("advisories that are {:?}", advisory.nature));
        }
        for one in &advisory.affected {
            count(format!("packages of {}", one.ecosystem.family.as_str()));
            if !one.versions.is_empty() {
                count("packages with versions besides".to_owned());
            }
            if one.qualifiers.module.is_some() {
                count("packages of a module".to_owned());
            }
            if !one.qualifiers.symbols.is_empty() {
                count("packages with symbols".to_owned());
            }
        }
    }
    for (what, count) in counts {
        writeln!(text, "{count} {what}").unwrap();
    }
    if !records.probabilities.is_empty() || !records.exploited.is_empty() {
        writeln!(text, "{} probabilities, {} exploited", records.probabilities.len(), records.exploited.len()).unwrap();
    }
    for (problem, (count, example)) in &records.problems {
        writeln!(text, "refused: {count}, {problem}: {example}").unwrap();
    }
    text
}
