//! Python distributions that are installed: wheels (`*.dist-info`) and eggs (`*.egg-info`, `*.egg`).
//!
//! Follows the PyPA specification "Recording installed projects", and setuptools' documentation of eggs.

use std::collections::BTreeMap;

use component::{Component, OwnedFile, PackageType, Purl, Scope, Technique};

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::documents::{Text, document, from_json};
use crate::ecosystems::identity::Finder;
use crate::ecosystems::pypi::{self, Environment, Metadata, Platform, Requirement, Wanted};
use crate::ecosystems::{digests, paths};
use crate::view::{File, View};
use crate::Handle;

/// Installed Python distributions.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "python-installed",
    summary: "Python distributions in site-packages: wheels and eggs",
    evidence: Evidence::Installed,
    claims: &[
        Claim { pattern: Pattern::Path("**/*{dist-info,DIST-INFO}/METADATA"), keep: METADATA },
        Claim { pattern: Pattern::Path("**/*{egg-info,EGG-INFO}/PKG-INFO"), keep: METADATA },
        Claim { pattern: Pattern::Path("**/*.egg-info"), keep: METADATA },
        Claim { pattern: Pattern::Path("**/*{dist-info,DIST-INFO}/RECORD"), keep: Keep::Bytes { limit_bytes: RECORD_BYTES_MAX } },
        Claim { pattern: Pattern::Path("**/*{dist-info,DIST-INFO}/{REQUESTED,INSTALLER,direct_url.json}"), keep: NOTE },
        Claim { pattern: Pattern::Path("**/*{egg-info,EGG-INFO}/requires.txt"), keep: METADATA },
        Claim { pattern: Pattern::Path("**/*{egg-info,EGG-INFO}/installed-files.txt"), keep: METADATA },
    ],
    abilities: Abilities { packages: &[PackageType::Python, PackageType::Binary], versions: Versions::Exact, edges: Edges::Complete, licenses: true, files: true, hashes: true },
    catalog,
};

/// The largest list of files. The largest distributions have 30,000 files at 150 bytes a line.
const RECORD_BYTES_MAX: u64 = 32 << 20;

/// The most files of one distribution.
const FILES_MAX: usize = 200_000;

/// The most copies of one distribution in one folder that edges lead to; an interrupted update leaves two.
const COPIES_MAX: usize = 8;

const METADATA: Keep = Keep::Bytes { limit_bytes: pypi::METADATA_BYTES_MAX };
const NOTE: Keep = Keep::Bytes { limit_bytes: 64 << 10 };
const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::InstalledMetadata };

/// A distribution and what it wants.
struct Distribution {
    handle: Handle,
    name: String,
    /// The folder that `import` looks into.
    site: String,
    wants: Vec<(String, Wanted)>,
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    let mut distributions: Vec<Distribution> = Vec::new();
    for claim in 0..3 {
        for file in view.files(claim) {
            let folder = if claim == 2 { file.path() } else { paths::folder(file.path()) };
            // Before and after a change of setuptools a folder and a file of the same name are told apart by what they are.
            // What pip could not take away it leaves under such a name, and ignores.
            let is_left_over = paths::split(folder).1.starts_with('~');
            if file.bytes().is_empty() || is_left_over {
                continue;
            }
            let site = site_of(folder);
            let metadata = Metadata::parse(file.bytes());
            let name = metadata.first("name").unwrap_or_default();
            let version = metadata.first("version");
            let component = match version {
                Some(_) if is_interpreter(name, folder) => interpreter(version),
                Some(_) => pypi::component(FINDER, name, version, &qualifiers(view, folder)),
                None => None,
            };
            let Some(mut component) = component else {
                findings.unknown(file.location(), "the metadata has no valid name and version");
                continue;
            };
            component.locations.push(file.location());
            component.licenses = metadata.licenses();
            component.supplier = metadata.supplier();
            component.files = files(view, folder, site, findings.room().files);
            let requested = requested(view, folder);
            component.direct = requested;
            let environment = environment(view, site);
            let mut wants: Vec<(String, Wanted)> =
                metadata.all("requires-dist").filter_map(Requirement::parse).map(|requirement| want(&environment, &requirement)).collect();
            if let Some(file) = view.file(&format!("{folder}/requires.txt")) {
                wants.extend(requires(&environment, &String::from_utf8_lossy(file.bytes())));
            }
            let name = component.name.clone();
            let handle = findings.add(component);
            if requested == Some(true) {
                findings.direct(handle, Scope::Runtime);
            }
            distributions.push(Distribution { handle, name, site: site.to_owned(), wants });
        }
    }

    let mut places: BTreeMap<(&str, &str), Vec<Handle>> = BTreeMap::new();
    for distribution in &distributions {
        places.entry((&distribution.site, &distribution.name)).or_default().push(distribution.handle);
    }
    for distribution in &distributions {
        for (name, wanted) in &distribution.wants {
            let scope = match wanted {
                Wanted::Always => Scope::Runtime,
                Wanted::ForExtra => Scope::Optional,
                Wanted::Never => continue,
            };
            for target in places.get(&(distribution.site.as_str(), name.as_str())).into_iter().flatten().take(COPIES_MAX) {
                findings.depends_on(distribution.handle, *target, scope);
            }
        }
    }
}

/// Returns the folder that a distribution's metadata folder stands in for `import`.
fn site_of(folder: &str) -> &str {
    let site = paths::folder(folder);
    // `name.egg/EGG-INFO`: the egg is a folder of its own in site-packages.
    let is_egg = paths::split(site).1.rsplit_once('.').is_some_and(|(_, ending)| ending == "egg");
    if is_egg && folder.ends_with("/EGG-INFO") { paths::folder(site) } else { site }
}

/// The interpreter puts a file about itself among the distributions.
fn is_interpreter(name: &str, folder: &str) -> bool {
    name == "Python" && paths::split(folder).1.starts_with("Python-")
}

fn interpreter(version: Option<&str>) -> Option<Component> {
    let version = version.filter(|version| pypi::is_version(version))?;
    let mut component = FINDER.component(PackageType::Binary, "python", Some(version));
    component.purl = Purl::builder("generic", "python").version(version).build().ok();
    Some(component)
}

document! {
    struct DirectUrl {
        url: Text = "url",
        vcs_info: VcsInfo = "vcs_info",
    }
}

document! {
    struct VcsInfo {
        vcs: Text = "vcs",
        commit_id: Text = "commit_id",
    }
}

/// Returns the purl qualifiers of what came from an address instead of an index.
fn qualifiers(view: &View<'_>, folder: &str) -> Vec<(&'static str, String)> {
    let Some(file) = view.file(&format!("{folder}/direct_url.json")) else {
        return Vec::new();
    };
    let direct: DirectUrl = from_json(file.bytes()).unwrap_or_default();
    match (direct.url.get(), direct.vcs_info.vcs.get(), direct.vcs_info.commit_id.get()) {
        (Some(url), Some(vcs), Some(commit)) => {
            let prefix = if url.starts_with(&format!("{vcs}+")) { String::new() } else { format!("{vcs}+") };
            vec![("vcs_url", format!("{prefix}{url}@{commit}"))]
        }
        (Some(url), _, _) if url.starts_with("https://") || url.starts_with("http://") => vec![("download_url", url.to_owned())],
        _ => Vec::new(),
    }
}

/// Tells whether someone asked for the distribution. Only installers that say so of every distribution are believed.
fn requested(view: &View<'_>, folder: &str) -> Option<bool> {
    if view.file(&format!("{folder}/REQUESTED")).is_some() {
        return Some(true);
    }
    let installer = view.file(&format!("{folder}/INSTALLER"))?;
    matches!(installer.bytes().trim_ascii(), b"pip" | b"uv").then_some(false)
}

fn environment(view: &View<'_>, site: &str) -> Environment {
    let python = site.split('/').rev().find_map(|part| part.strip_prefix("python"));
    let version = python.and_then(|version| version.split_once('.'));
    let version = version.and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)));
    Environment { python: version, is_cpython: version.is_some(), platform: view.distribution().map(|_| Platform::Linux) }
}

fn want(environment: &Environment, requirement: &Requirement<'_>) -> (String, Wanted) {
    (requirement.name.clone(), environment.evaluate(requirement.marker))
}

/// Reads `requires.txt` of an egg: requirements, then sections `[extra]`, `[:marker]` and `[extra:marker]`.
fn requires(environment: &Environment, text: &str) -> Vec<(String, Wanted)> {
    let mut section = Wanted::Always;
    let mut wants = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(header) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            let (extra, marker) = header.split_once(':').unwrap_or((header, ""));
            let holds = environment.evaluate(Some(marker));
            section = if holds == Wanted::Always && !extra.is_empty() { Wanted::ForExtra } else { holds };
        } else if let Some(requirement) = Requirement::parse(line) {
            let (name, wanted) = want(environment, &requirement);
            let wanted = match (section, wanted) {
                (Wanted::Never, _) | (_, Wanted::Never) => Wanted::Never,
                (Wanted::ForExtra, _) | (_, Wanted::ForExtra) => Wanted::ForExtra,
                (Wanted::Always, Wanted::Always) => Wanted::Always,
            };
            wants.push((name, wanted));
        }
    }
    wants
}

/// Returns the files of a distribution: by `RECORD` relative to site-packages, by `installed-files.txt` relative to the metadata's folder.
fn files(view: &View<'_>, folder: &str, site: &str, files_max: usize) -> Vec<OwnedFile> {
    let record = view.file(&format!("{folder}/RECORD"));
    let list = view.file(&format!("{folder}/installed-files.txt"));
    let text = |file: &File<'_>| String::from_utf8_lossy(file.bytes()).into_owned();
    let mut files: BTreeMap<String, OwnedFile> = BTreeMap::new();
    let mut own = |base: &str, path: &str, digest: &str| {
        if path.is_empty() || path.len() > 4096 || path.contains('\0') || files.len() == FILES_MAX.min(files_max.saturating_add(1)) {
            return;
        }
        let path = paths::join(base, path);
        let hash = digest.split_once('=').and_then(|(name, value)| digests::from_base64(name, value));
        files.insert(path.clone(), OwnedFile { path: path.into(), hash });
    };
    match (&record, &list) {
        (Some(record), _) => {
            for line in text(record).lines() {
                if let Some((path, digest)) = record_line(line) {
                    own(site, &path, &digest);
                }
            }
        }
        (None, Some(list)) => text(list).lines().for_each(|path| own(folder, path.trim(), "")),
        (None, None) => {}
    }
    files.into_values().collect()
}

/// Reads `path,sha256=digest,size`, where the path may stand in quotes. A line without the two commas is none.
fn record_line(line: &str) -> Option<(String, String)> {
    let (path, rest) = if let Some(quoted) = line.strip_prefix('"') {
        let mut path = String::new();
        let mut rest = quoted;
        loop {
            let (part, behind) = rest.split_once('"')?;
            path.push_str(part);
            rest = behind;
            // A quote in the path is written twice.
            let Some(behind) = behind.strip_prefix('"') else {
                break;
            };
            path.push('"');
            rest = behind;
        }
        (path, rest.strip_prefix(',')?)
    } else {
        let (path, rest) = line.split_once(',')?;
        (path.to_owned(), rest)
    };
    let (digest, _) = rest.split_once(',')?;
    Some((path.replace('\\', "/"), digest.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{catalog, found};

    fn check(files: &[(&str, &str)]) -> String {
        found(&CATALOGER, files)
    }

    #[test]
    fn files_and_copies_end_at_their_limits() {
        for (written, kept) in [(FILES_MAX - 1, 199_999), (FILES_MAX, 200_000), (FILES_MAX + 1, 200_000)] {
            let record = (0..written).map(|index| format!("f{index},,\n")).collect::<Vec<_>>().concat();
            let files = [
                ("/s/a-1.dist-info/METADATA", &b"Name: a\nVersion: 1\n"[..]),
                ("/s/a-1.dist-info/RECORD", record.as_bytes()),
            ];
            assert_eq!(catalog(&CATALOGER, &files).components[0].files.len(), kept, "{written}");
        }
        for (written, edges) in [(COPIES_MAX - 1, 7), (COPIES_MAX, 8), (COPIES_MAX + 1, 8)] {
            let mut files = vec![("/s/a-1.dist-info/METADATA".to_owned(), "Name: a\nVersion: 1\nRequires-Dist: b\n".to_owned())];
            files.extend((0..written).map(|index| (format!("/s/b-{index}.dist-info/METADATA"), format!("Name: b\nVersion: {index}\n"))));
            let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
            assert_eq!(check(&files).lines().filter(|line| line.starts_with("a@1 ->")).count(), edges, "{written}");
        }
    }

    #[test]
    fn metadata_without_name_or_version_is_unknown() {
        insta::assert_snapshot!(
            check(&[
                ("/s/a.egg-info", r"bogus"),
                ("/s/b.dist-info/METADATA", r"Name: b
"),
                ("/s/c.dist-info/METADATA", r""),
                ("/s/~ip-20.0.dist-info/METADATA", "Name: pip
Version: 20.0
"),
                ("/s/d.dist-info/METADATA", r"Name: d e
Version: 1
"),
            ]),
            @r"
            unknown /s/a.egg-info: the metadata has no valid name and version
            unknown /s/b.dist-info/METADATA: the metadata has no valid name and version
            unknown /s/d.dist-info/METADATA: the metadata has no valid name and version
            "
        );
    }

    #[test]
    fn wheels_with_markers_files_and_origin() {
        insta::assert_snapshot!(
            check(&[
                ("/usr/lib/python3.11/site-packages/Flask-1.0.dist-info/METADATA", r#"Metadata-Version: 2.1
Name: Flask
Version: 1.0
License: BSD-3-Clause
Author: A
Author-email: a@b.c
Requires-Dist: Werkzeug (>=0.14)
Requires-Dist: colorama ; python_version < "3"
Requires-Dist: python_dotenv ; extra == 'dotenv'
Requires-Dist: absent

Text
"#),
                ("/usr/lib/python3.11/site-packages/Flask-1.0.dist-info/RECORD", r#"flask/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0
../../../bin/flask,,5
"flask/a,b.py",sha256=x,1
<<<<<<< HEAD
"#),
                ("/usr/lib/python3.11/site-packages/Flask-1.0.dist-info/REQUESTED", r""),
                ("/usr/lib/python3.11/site-packages/Flask-1.0.dist-info/INSTALLER", r"pip
"),
                ("/usr/lib/python3.11/site-packages/werkzeug-2.0.dist-info/METADATA", r"Name: Werkzeug
Version: 2.0
Classifier: License :: OSI Approved :: BSD License
"),
                ("/usr/lib/python3.11/site-packages/werkzeug-2.0.dist-info/INSTALLER", r"pip
"),
                ("/usr/lib/python3.11/site-packages/colorama-1.dist-info/METADATA", r"Name: colorama
Version: 1
"),
                ("/usr/lib/python3.11/site-packages/python_dotenv-1.dist-info/METADATA", r"Name: python-dotenv
Version: 1
"),
                ("/usr/lib/python3.11/site-packages/python_dotenv-1.dist-info/direct_url.json", r#"{"url": "https://example.org/o/d.git", "vcs_info": {"vcs": "git", "commit_id": "0123"}}"#),
                ("/opt/site-packages/absent-1.dist-info/METADATA", r"Name: absent
Version: 1
"),
            ]),
            @r#"
            python absent@1 pkg:pypi/absent@1 at /opt/site-packages/absent-1.dist-info/METADATA
            python colorama@1 pkg:pypi/colorama@1 at /usr/lib/python3.11/site-packages/colorama-1.dist-info/METADATA
            python flask@1.0 pkg:pypi/flask@1.0 direct license="BSD-3-Clause" supplier="A <a@b.c>" files=3 at /usr/lib/python3.11/site-packages/Flask-1.0.dist-info/METADATA
            python python-dotenv@1 pkg:pypi/python-dotenv@1?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fo%2Fd.git%400123 at /usr/lib/python3.11/site-packages/python_dotenv-1.dist-info/METADATA
            python werkzeug@2.0 pkg:pypi/werkzeug@2.0 transitive license="BSD License" at /usr/lib/python3.11/site-packages/werkzeug-2.0.dist-info/METADATA
            root -> flask@1.0
            flask@1.0 -optional-> python-dotenv@1
            flask@1.0 -> werkzeug@2.0
            "#
        );
    }

    #[test]
    fn eggs() {
        insta::assert_snapshot!(
            check(&[
                ("/s/a.egg-info/PKG-INFO", r"Name: a
Version: 1
"),
                ("/s/a.egg-info/requires.txt", r#"b>=1

[extra]
c

[:python_version < "3"]
d
"#),
                ("/s/a.egg-info/installed-files.txt", r"../a/__init__.py
PKG-INFO
"),
                ("/s/b-1-py3.11.egg/EGG-INFO/PKG-INFO", r"Name: b
Version: 1
"),
                ("/s/c-1.egg-info", r"Name: c
Version: 1
"),
                ("/s/d-1.egg-info", r"Name: d
Version: 1
"),
                ("/lib-dynload/Python-3.11.egg-info", r"Name: Python
Version: 3.11.2
"),
            ]),
            @r"
            python a@1 pkg:pypi/a@1 files=2 at /s/a.egg-info/PKG-INFO
            python b@1 pkg:pypi/b@1 at /s/b-1-py3.11.egg/EGG-INFO/PKG-INFO
            python c@1 pkg:pypi/c@1 at /s/c-1.egg-info
            python d@1 pkg:pypi/d@1 at /s/d-1.egg-info
            binary python@3.11.2 pkg:generic/python@3.11.2 at /lib-dynload/Python-3.11.egg-info
            a@1 -> b@1
            a@1 -optional-> c@1
            a@1 -> d@1
            "
        );
    }
}
