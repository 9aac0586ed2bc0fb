//! Documents as their authors published them: what is read of each, and what is not.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use vex::Document;

#[test]
fn of_openvex() {
    if let Some(bundle) = testkit::bundle("vex-csaf/openvex-go-vex") {
        insta::assert_snapshot!("openvex", summarize(bundle.path(), read_json));
    }
}

#[test]
fn of_red_hat() {
    if let Some(bundle) = testkit::bundle("vex-csaf/claircore-rhel-vex") {
        insta::assert_snapshot!("red_hat", summarize(bundle.path(), read_json));
    }
}

#[test]
fn of_trustify() {
    if let Some(bundle) = testkit::bundle("vex-csaf/trustify-advisories") {
        insta::assert_snapshot!("trustify", summarize(&bundle.path().join("etc/test-data/csaf"), read_json));
    }
}

/// Errata with up to 70,000 products, which are packed.
#[test]
fn of_red_hat_at_large() {
    if let Some(bundle) = testkit::bundle("vex-csaf/trustify-advisories")
        && testkit::program("xz").is_some()
    {
        insta::assert_snapshot!("large", summarize(&bundle.path().join("etc/test-data/csaf"), read_packed));
    }
}

fn read_json(path: &Path) -> Option<Vec<u8>> {
    (path.extension()? == "json").then(|| std::fs::read(path).unwrap())
}

fn read_packed(path: &Path) -> Option<Vec<u8>> {
    let unpack = || Command::new("xz").arg("-dc").arg(path).output().unwrap().stdout;
    (path.extension()? == "xz").then(unpack)
}

/// Every valid document of `CycloneDX` is one for us too: without an analysis it says nothing.
#[test]
fn of_cyclonedx() {
    let Some(bundle) = testkit::bundle("sbom/cyclonedx-valid-invalid") else { return };
    let (mut count, mut wrong) = (0, Vec::new());
    for path in files(bundle.path()) {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.starts_with("valid-") || path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        count += 1;
        match vex::read(&std::fs::read(&path).unwrap()) {
            Ok(document) if document.statements.is_empty() => {}
            Ok(document) => wrong.push(format!("{name}: {:?}", document.statements)),
            Err(refusal) => wrong.push(format!("{name}: {refusal}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 100, "{count} documents");
}

fn summarize(folder: &Path, read: fn(&Path) -> Option<Vec<u8>>) -> String {
    let mut text = String::new();
    for path in files(folder) {
        let shown = path.strip_prefix(folder).unwrap().display().to_string();
        let Some(bytes) = read(&path) else { continue };
        match vex::read(&bytes) {
            Ok(document) => write!(text, "{shown}\n{}", describe(&document)).unwrap(),
            Err(refusal) => writeln!(text, "{shown}\n  refused: {refusal}").unwrap(),
        }
    }
    text
}

fn describe(document: &Document) -> String {
    let Document { format, id, author, version, published, modified, statements, problems } = document;
    let mut text = format!("  {format} `{id}` {version} by {author}, {published:?} to {modified:?}\n");
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    for statement in statements {
        let reason = match &statement.status {
            vex::Status::NotAffected { justification: Some(justification), .. } => format!(" ({justification})"),
            vex::Status::NotAffected { impact: Some(_), .. } => " (in words)".to_owned(),
            vex::Status::Affected { action: Some(_) } => " (with advice)".to_owned(),
            _ => String::new(),
        };
        let (statements, targets) = counts.entry(format!("{}{reason}", statement.status)).or_default();
        *statements += 1;
        *targets += statement.targets.len();
    }
    for (status, (statements, targets)) in counts {
        writeln!(text, "  {status}: {statements} statements, {targets} products").unwrap();
    }
    for (problem, (count, example)) in problems {
        writeln!(text, "  not read: {count}, {problem}: {example}").unwrap();
    }
    text
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
