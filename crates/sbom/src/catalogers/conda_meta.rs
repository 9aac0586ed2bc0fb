//! Packages of conda environments, by the `conda-meta/*.json` that conda, mamba and pixi leave of each.
//!
//! Follows conda's documentation "Package metadata" and its `PrefixRecord`; the purl is that of the purl specification's type `conda`.

use std::collections::BTreeMap;

use component::{Component, License, OwnedFile, PackageType, Scope, Technique};

use crate::Handle;
use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::conda::{self, NEEDS_MAX, needed};
use crate::ecosystems::documents::{List, Text, Words, document, from_json, refusal};
use crate::ecosystems::identity::Finder;
use crate::ecosystems::{digests, paths};
use crate::view::{File, View};

/// Packages that conda installed.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "conda-meta",
    summary: "packages in environments of conda, mamba and pixi",
    evidence: Evidence::Installed,
    claims: &[Claim { pattern: Pattern::Path("**/conda-meta/*.json"), keep: Keep::Bytes { limit_bytes: RECORD_BYTES_MAX } }],
    abilities: Abilities { packages: &[PackageType::Conda], versions: Versions::Exact, edges: Edges::Complete, licenses: true, files: true, hashes: true },
    catalog,
};

/// The largest record. Those of the largest packages, with 40,000 files, have 20 MiB.
const RECORD_BYTES_MAX: u64 = 32 << 20;

/// The most files of one package.
const FILES_MAX: usize = 200_000;

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::PackageDatabase };

document! {
    struct Record {
        name: Text = "name",
        version: Text = "version",
        build: Text = "build",
        channel: Text = "channel",
        subdir: Text = "subdir",
        file_name: Text = "fn",
        depends: Words = "depends",
        license: Text = "license",
        md5: Text = "md5",
        sha256: Text = "sha256",
        requested_spec: Text = "requested_spec",
        requested_specs: Words = "requested_specs",
        files: Words = "files",
        paths: Paths = "paths_data",
    }
}

document! {
    struct Paths {
        paths: List<Listed> = "paths",
    }
}

document! {
    struct Listed {
        path: Text = "_path",
        sha256: Text = "sha256",
        in_prefix: Text = "sha256_in_prefix",
    }
}

/// A package, and what it needs in its environment.
struct Package {
    handle: Handle,
    name: String,
    /// The folder of the environment.
    prefix: String,
    needs: Vec<String>,
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    let mut packages: Vec<Package> = Vec::new();
    for file in view.files(0) {
        let record: Record = match from_json(file.bytes()) {
            Ok(record) => record,
            Err(error) => {
                findings.unknown(file.location(), refusal("record of conda", &error).to_string());
                continue;
            }
        };
        let prefix = paths::folder(paths::folder(file.path()));
        let Some(component) = component(&record, prefix, &file, findings.room().files) else {
            findings.unknown(file.location(), "the record of conda has no valid name and version");
            continue;
        };
        let name = component.name.clone();
        let handle = findings.add(component);
        if is_requested(&record) {
            findings.direct(handle, Scope::Runtime);
        }
        let needs = record.depends.0.iter().take(NEEDS_MAX).map(|spec| needed(spec)).collect();
        packages.push(Package { handle, name, prefix: prefix.to_owned(), needs });
    }
    let places: BTreeMap<(&str, &str), Handle> =
        packages.iter().map(|package| ((package.prefix.as_str(), package.name.as_str()), package.handle)).collect();
    for package in &packages {
        // What is not there is of the machine, as `__glibc`.
        for need in package.needs.iter().filter_map(|need| places.get(&(package.prefix.as_str(), need.as_str()))) {
            findings.depends_on(package.handle, *need, Scope::Runtime);
        }
    }
}

fn component(record: &Record, prefix: &str, file: &File<'_>, files_max: usize) -> Option<Component> {
    let package = conda::Package {
        name: record.name.get()?,
        version: record.version.get()?,
        build: record.build.get(),
        channel: record.channel.get(),
        subdir: record.subdir.get(),
        file_name: record.file_name.get().unwrap_or_default(),
    };
    let mut component = package.component(FINDER)?;
    component.licenses = record.license.get().and_then(License::parse).into_iter().collect();
    component.hashes = conda::hashes(record.md5.get(), record.sha256.get());
    component.files = files(record, prefix, files_max);
    component.locations.push(file.location());
    Some(component)
}

/// Returns the files of a package, with the digests that they have where they are.
fn files(record: &Record, prefix: &str, files_max: usize) -> Vec<OwnedFile> {
    let listed = record.paths.paths.0.iter();
    let digest = |path: &Listed| digests::from_hex("sha256", path.in_prefix.get().or(path.sha256.get())?);
    let listed = listed.filter_map(|path| Some((path.path.get()?, digest(path))));
    // Records of older programs have names alone.
    let named = record.files.0.iter().map(|path| (path.as_str(), None));
    let mut files: BTreeMap<String, OwnedFile> = BTreeMap::new();
    for (path, hash) in listed.chain(named) {
        let is_path = !path.is_empty() && path.len() <= 4096 && !path.contains('\0');
        if !is_path || files.len() == FILES_MAX.min(files_max.saturating_add(1)) {
            continue;
        }
        let path = paths::join(prefix, path);
        files.entry(path.clone()).or_insert_with(|| OwnedFile { path: path.into(), hash });
    }
    files.into_values().collect()
}

/// Tells whether someone asked for the package itself. Other programs write nothing there, and conda the text `None`.
fn is_requested(record: &Record) -> bool {
    let spec = record.requested_spec.get().into_iter().chain(record.requested_specs.0.iter().map(String::as_str));
    spec.map(str::trim).any(|spec| !spec.is_empty() && spec != "None")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{catalog, found};

    const OPENSSL: &str = r#"{"build": "h7f8727e_0", "channel": "https://repo.anaconda.com/pkgs/main/linux-64", "depends": ["ca-certificates", "libgcc-ng >=7.5.0", "__glibc >=2.17"],
        "files": ["bin/openssl", "lib/libssl.so.1.1"], "fn": "openssl-1.1.1q-h7f8727e_0.conda", "license": "OpenSSL", "md5": "2ac47797afee2ece8d339c18b095b8d8", "name": "openssl",
        "paths_data": {"paths": [{"_path": "bin/openssl", "path_type": "hardlink", "sha256": "04c9f4a5c91e20a24d14a36668b5bebe826d6087fb2337b68e33a4d485f5586f",
        "sha256_in_prefix": "fc2a6b708cccb8ba90d20e54a9b07257fce009bf315a36f73d3e542dd8674921"}]}, "requested_spec": "None",
        "sha256": "49804293b87141523b2606836ece8e2aaa5202983698fd91e7c36bdb8c8a8de5", "subdir": "linux-64", "version": "1.1.1q"}"#;

    #[test]
    fn packages_of_environments() {
        insta::assert_snapshot!(
            found(&CATALOGER, &[
                ("/opt/conda/conda-meta/openssl-1.1.1q-h7f8727e_0.json", OPENSSL),
                ("/opt/conda/conda-meta/ca-certificates-2025.1.31-hbcca054_0.json", r#"{"name": "ca-certificates", "version": "2025.1.31", "build": "hbcca054_0", "channel": "https://conda.anaconda.org/conda-forge/", "subdir": "noarch", "fn": "x.tar.bz2", "license": "ISC"}"#),
                ("/opt/conda/envs/other/conda-meta/numpy-1.26.4-py_0.json", r#"{"name": "numpy", "version": "1.26.4", "depends": ["openssl"], "requested_spec": "numpy", "files": ["lib/python3.12/site-packages/numpy-1.26.4.dist-info/METADATA"]}"#),
                ("/opt/conda/conda-meta/history", "==> 2025-01-01 <==\n"),
                ("/opt/conda/conda-meta/broken.json", "{"),
                ("/opt/conda/conda-meta/nameless.json", r#"{"version": "1"}"#),
            ]),
            @r#"
            conda ca-certificates@2025.1.31 pkg:conda/ca-certificates@2025.1.31?build=hbcca054_0&channel=conda-forge&subdir=noarch&type=tar.bz2 arch=noarch license="ISC" at /opt/conda/conda-meta/ca-certificates-2025.1.31-hbcca054_0.json
            conda numpy@1.26.4 pkg:conda/numpy@1.26.4 direct files=1 at /opt/conda/envs/other/conda-meta/numpy-1.26.4-py_0.json
            conda openssl@1.1.1q pkg:conda/openssl@1.1.1q?build=h7f8727e_0&channel=main&subdir=linux-64&type=conda arch=linux-64 license="OpenSSL" Md5=2ac47797afee2ece8d339c18b095b8d8 Sha256=49804293b87141523b2606836ece8e2aaa5202983698fd91e7c36bdb8c8a8de5 files=2 at /opt/conda/conda-meta/openssl-1.1.1q-h7f8727e_0.json
            root -> numpy@1.26.4
            openssl@1.1.1q -> ca-certificates@2025.1.31
            unknown /opt/conda/conda-meta/broken.json: the record of conda is not JSON (line 1)
            unknown /opt/conda/conda-meta/nameless.json: the record of conda has no valid name and version
            "#
        );
    }

    #[test]
    fn files_and_needs_end_at_their_limits() {
        for (written, kept) in [(FILES_MAX - 1, 199_999), (FILES_MAX, 200_000), (FILES_MAX + 1, 200_000)] {
            let files: Vec<String> = (0..written).map(|number| format!("\"f{number}\"")).collect();
            let text = format!(r#"{{"name": "a", "version": "1", "files": [{}]}}"#, files.join(","));
            let found = catalog(&CATALOGER, &[("/conda-meta/a.json", text.as_bytes())]);
            assert_eq!(found.components[0].files.len(), kept, "{written}");
        }
        for (before, edges) in [(NEEDS_MAX - 2, 1), (NEEDS_MAX - 1, 1), (NEEDS_MAX, 0)] {
            let text = format!(r#"{{"name": "a", "version": "1", "depends": [{}"b"]}}"#, "\"x\",".repeat(before));
            let files = [("/conda-meta/a.json", text.as_str()), ("/conda-meta/b.json", r#"{"name": "b", "version": "1"}"#)];
            assert_eq!(found(&CATALOGER, &files).lines().filter(|line| line.contains("->")).count(), edges, "{before}");
        }
    }
}
