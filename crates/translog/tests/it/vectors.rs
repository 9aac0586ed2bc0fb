//! Proofs of the transparency-dev test suite, read from `GARRISON_TEST_DATA`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use translog::{Hash, leaf_hash, verify_consistency, verify_inclusion};

#[test]
fn published_proofs_are_judged_as_expected() {
    let Some(data) = testkit::data_directory() else { return };
    let archive = data.join("signing/transparency-dev-merkle.tar.zst");
    let folder = tempfile::tempdir().unwrap();
    let tar = Command::new("tar").arg("--zstd").arg("-xf").arg(&archive).arg("-C").arg(folder.path()).status().unwrap();
    assert!(tar.success(), "{} cannot be read", archive.display());
    let mut judged = 0;
    for (kind, judge) in [("inclusion", inclusion as fn(&Value) -> Option<()>), ("consistency", consistency)] {
        for file in json_files(&folder.path().join("testdata").join(kind)) {
            let case: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
            let expected = !case["wantErr"].as_bool().unwrap();
            assert_eq!(judge(&case).is_some(), expected, "{}", file.display());
            judged += 1;
        }
    }
    assert!(judged > 100, "only {judged} vectors were found");
}

fn inclusion(case: &Value) -> Option<()> {
    let (index, size) = (case["leafIdx"].as_u64()?, case["treeSize"].as_u64()?);
    verify_inclusion(&hash(&case["leafHash"])?, index, size, &hashes(&case["proof"])?, &hash(&case["root"])?).ok()
}

fn consistency(case: &Value) -> Option<()> {
    let (first, second) = (case["size1"].as_u64()?, case["size2"].as_u64()?);
    verify_consistency(first, second, &hashes(&case["proof"])?, &hash(&case["root1"])?, &hash(&case["root2"])?).ok()
}

fn hashes(value: &Value) -> Option<Vec<Hash>> {
    if value.is_null() {
        return Some(Vec::new());
    }
    value.as_array()?.iter().map(hash).collect()
}

/// Some cases hold placeholders ("don't care 1") that are only compared; each stands for a hash of its own.
fn hash(value: &Value) -> Option<Hash> {
    let bytes = STANDARD.decode(value.as_str()?).ok()?;
    if bytes.starts_with(b"don't care") {
        return Some(leaf_hash(&bytes));
    }
    Hash::try_from(bytes.as_slice()).ok()
}

fn json_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(json_files(&path));
        } else {
            found.push(path);
        }
    }
    found
}
