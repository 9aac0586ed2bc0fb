//! pixi's lockfile, formats 4 to 7: packages of conda and of PyPI, for several environments and platforms.

use std::collections::BTreeMap;

use component::{Component, License, PackageType, Scope, Technique};
use serde::Deserialize;

use crate::cataloger::{Abilities, Cataloger, Claim, Edges, Evidence, Findings, Keep, Pattern, Versions};
use crate::ecosystems::conda::{self, NEEDS_MAX, needed};
use crate::ecosystems::digests;
use crate::ecosystems::identity::Finder;
use crate::ecosystems::pypi::{self, Environment, Requirement, Wanted};
use crate::ecosystems::pyproject::{self, Project};
use crate::ecosystems::python_locks::{self, Locked, LockedNeed, VERSIONS_MAX};
use crate::ecosystems::{paths, yaml};
use crate::view::View;
use crate::{Handle, Refusal};

/// pixi's lockfile.
pub(crate) const CATALOGER: Cataloger = Cataloger {
    name: "pixi-lock",
    summary: "pixi.lock, with pyproject.toml for what was asked for of PyPI",
    evidence: Evidence::Declared,
    claims: &[
        Claim { pattern: Pattern::Path("**/pixi.lock"), keep: Keep::Bytes { limit_bytes: pypi::LOCK_BYTES_MAX } },
        Claim { pattern: Pattern::Path("**/pyproject.toml"), keep: Keep::Bytes { limit_bytes: pyproject::BYTES_MAX } },
    ],
    abilities: Abilities { packages: &[PackageType::Python, PackageType::Conda], versions: Versions::Exact, edges: Edges::Complete, licenses: true, files: false, hashes: true },
    catalog,
};

const FINDER: Finder = Finder { name: CATALOGER.name, technique: Technique::Lockfile };

/// The formats that are known.
const FORMATS: std::ops::RangeInclusive<u64> = 4..=7;

/// The platform of what is the same on all.
const NOARCH: &str = "noarch";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Lock {
    version: Option<u64>,
    packages: Vec<Package>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Package {
    /// Up to format 5: `conda` or `pypi`.
    kind: Option<String>,
    /// Up to format 5, where it comes from; later that stands under what it is.
    url: Option<String>,
    path: Option<String>,
    conda: Option<String>,
    conda_source: Option<String>,
    pypi: Option<String>,
    name: Option<String>,
    version: Option<String>,
    build: Option<String>,
    channel: Option<String>,
    subdir: Option<String>,
    depends: Vec<String>,
    requires_dist: Vec<String>,
    license: Option<String>,
    md5: Option<String>,
    sha256: Option<String>,
}

/// What an entry is, and where it comes from.
enum Origin<'p> {
    Conda(&'p str),
    Pypi(&'p str),
    Other,
}

impl Package {
    fn origin(&self) -> Origin<'_> {
        let place = || self.url.as_deref().or(self.path.as_deref()).unwrap_or_default();
        match (&self.conda, &self.conda_source, &self.pypi, self.kind.as_deref()) {
            (Some(place), ..) | (_, Some(place), ..) => Origin::Conda(place),
            (_, _, Some(place), _) => Origin::Pypi(place),
            (.., Some("conda")) => Origin::Conda(place()),
            (.., Some("pypi")) => Origin::Pypi(place()),
            _ => Origin::Other,
        }
    }
}

fn catalog(view: &View<'_>, findings: &mut Findings) {
    for file in view.files(0).filter(|file| !file.bytes().is_empty()) {
        let lock = match parse(file.bytes()) {
            Ok(lock) => lock,
            Err(refusal) => {
                findings.unknown(file.location(), refusal.0);
                continue;
            }
        };
        let sibling = view.file(&format!("{}/pyproject.toml", paths::folder(file.path())));
        let project = sibling.and_then(|file| Project::parse(file.bytes()));
        let mut unnamed = 0;
        let (mut of_conda, mut of_pypi) = (Vec::new(), Vec::new());
        for package in &lock.packages {
            match package.origin() {
                Origin::Conda(place) => match conda_package(package, place) {
                    Some(mut component) => {
                        component.locations.push(file.location());
                        of_conda.push((package, component));
                    }
                    None => unnamed += 1,
                },
                // The project itself.
                Origin::Pypi("." | "./") => {}
                Origin::Pypi(place) => match distribution(package, place) {
                    Some(locked) => of_pypi.push(locked),
                    None => unnamed += 1,
                },
                Origin::Other => unnamed += 1,
            }
        }
        if unnamed > 0 {
            let entries = if unnamed == 1 { "entry" } else { "entries" };
            findings.unknown(file.location(), format!("{unnamed} {entries} without a valid name and version"));
        }
        report_conda(findings, of_conda);
        python_locks::report(findings, FINDER, &file.location(), of_pypi, project.as_ref());
    }
}

fn parse(bytes: &[u8]) -> Result<Lock, Refusal> {
    let lock: Lock = yaml::documents(bytes)?.into_iter().next().unwrap_or_default();
    match lock.version {
        Some(version) if !FORMATS.contains(&version) => {
            let known = format!("{} to {} are what is known", FORMATS.start(), FORMATS.end());
            Err(Refusal::new(format!("the lockfile has version {version} of its format, and {known}")))
        }
        _ => Ok(lock),
    }
}

/// Returns a package of conda. Where nothing else says so, the file's name does: `name-version-build.conda`, in the folder of its platform.
fn conda_package(package: &Package, place: &str) -> Option<Component> {
    let (folder, file_name) = place.rsplit_once('/').unwrap_or(("", place));
    let stem = conda::ENDINGS.into_iter().find_map(|ending| file_name.strip_suffix(ending));
    let mut parts = stem.map(|stem| stem.rsplitn(3, '-')).into_iter().flatten();
    let (build, version, name) = (parts.next(), parts.next(), parts.next());
    let subdir = stem.and(folder.rsplit('/').next()).filter(|subdir| *subdir == NOARCH || subdir.contains('-'));
    let identity = conda::Package {
        name: package.name.as_deref().or(name)?,
        version: package.version.as_deref().or(version)?,
        build: package.build.as_deref().or(build),
        channel: package.channel.as_deref().or(stem.map(|_| folder)),
        subdir: package.subdir.as_deref().or(subdir),
        file_name,
    };
    let mut component = identity.component(FINDER)?;
    let license = package.license.as_deref().filter(|license| *license != "None");
    component.licenses = license.and_then(License::parse).into_iter().collect();
    component.hashes = conda::hashes(package.md5.as_deref(), package.sha256.as_deref());
    Some(component)
}

/// Adds packages of conda, and the edges between those that can be in one environment.
fn report_conda(findings: &mut Findings, packages: Vec<(&Package, Component)>) {
    let packages: Vec<(&Package, String, Option<String>, Handle)> = packages
        .into_iter()
        .map(|(package, component)| {
            let (name, platform) = (component.name.clone(), component.architecture.clone());
            (package, name, platform.filter(|platform| platform != NOARCH), findings.add(component))
        })
        .collect();
    let mut by_name: BTreeMap<&str, Vec<(Option<&str>, Handle)>> = BTreeMap::new();
    for (_, name, platform, handle) in &packages {
        by_name.entry(name).or_default().push((platform.as_deref(), *handle));
    }
    for (package, _, platform, handle) in &packages {
        for spec in package.depends.iter().take(NEEDS_MAX) {
            let candidates = by_name.get(needed(spec).as_str()).map_or(&[][..], Vec::as_slice);
            // What of more is meant is not guessed.
            if candidates.len() > VERSIONS_MAX {
                continue;
            }
            let is_near = |other: Option<&str>| other.is_none() || platform.is_none() || other == platform.as_deref();
            for (_, target) in candidates.iter().filter(|(other, target)| is_near(*other) && target != handle) {
                findings.depends_on(*handle, *target, Scope::Runtime);
            }
        }
    }
}

/// Returns a distribution of PyPI, or of a repository or folder. What needs it for an extra is not told apart by extras: which are asked for is not written.
fn distribution(package: &Package, place: &str) -> Option<Locked> {
    let qualifiers: Vec<(&str, String)> =
        if place.starts_with("git+") { vec![("vcs_url", place.to_owned())] } else { Vec::new() };
    let mut component = pypi::component(FINDER, package.name.as_deref()?, package.version.as_deref(), &qualifiers)?;
    component.hashes = digests::bounded(package.sha256.iter().filter_map(|digits| digests::from_hex("sha256", digits)));
    let environment = Environment::default();
    let needs = package.requires_dist.iter().take(NEEDS_MAX).filter_map(|text| Requirement::parse(text));
    let needs = needs.filter_map(|requirement| {
        let scope = match environment.evaluate(requirement.marker) {
            Wanted::Always => None,
            Wanted::ForExtra => Some(Scope::Optional),
            Wanted::Never => return None,
        };
        Some(LockedNeed {
            specifier: (!requirement.specifier.is_empty()).then(|| requirement.specifier.to_owned()),
            extras: requirement.extras.iter().map(|extra| (*extra).to_owned()).collect(),
            marker: requirement.marker.filter(|_| scope.is_none()).map(str::to_owned),
            name: requirement.name,
            scope,
            ..LockedNeed::default()
        })
    });
    Some(Locked { component, stated: None, marker: None, needs: needs.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::found;

    fn check(files: &[(&str, &str)]) -> String {
        found(&CATALOGER, files)
    }

    #[test]
    fn what_is_no_lockfile_is_unknown() {
        insta::assert_snapshot!(
            check(&[
                ("/a/pixi.lock", "["),
                ("/b/pixi.lock", ""),
                ("/c/pixi.lock", "version: 3\npackage:\n- name: a\n  version: '1'\n"),
                ("/d/pixi.lock", "version: 8\n"),
                ("/e/pixi.lock", "version: 6\nenvironments: {}\npackages: []\n"),
                ("/f/pixi.lock", "version: 6\npackages:\n- conda: ../own\n- pypi: https://example.org/a.whl\n- other: x\n"),
                ("/g/pixi.lock", "version: 6\npackages:\n- pypi: https://example.org/a.whl\n  name: a b\n"),
            ]),
            @r"
            unknown /a/pixi.lock: the file is not YAML of the expected form, line 1
            unknown /c/pixi.lock: the lockfile has version 3 of its format, and 4 to 7 are what is known
            unknown /d/pixi.lock: the lockfile has version 8 of its format, and 4 to 7 are what is known
            unknown /f/pixi.lock: 3 entries without a valid name and version
            unknown /g/pixi.lock: 1 entry without a valid name and version
            "
        );
    }

    #[test]
    fn packages_of_conda_and_pypi() {
        insta::assert_snapshot!(
            check(&[
                ("/app/pyproject.toml", "[project]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\"django>=3\"]\n"),
                ("/app/pixi.lock", r"version: 6
environments:
  default:
    channels:
    - url: https://conda.anaconda.org/conda-forge/
    indexes:
    - https://pypi.org/simple
    packages:
      linux-64:
      - conda: https://conda.anaconda.org/conda-forge/linux-64/python-3.12.0-hab00c5b_0_cpython.conda
packages:
- conda: https://conda.anaconda.org/conda-forge/linux-64/_libgcc_mutex-0.1-conda_forge.tar.bz2
  sha256: fe51de6107f9edc7aa4f786a70f4a883943bc9d39b3bb7307c04c41410990726
  md5: d7c89558ba9fa0495403155b64376d81
  license: None
  purls: []
  size: 2562
- conda: https://conda.anaconda.org/conda-forge/linux-64/python-3.12.0-hab00c5b_0_cpython.conda
  depends:
  - _libgcc_mutex >=0.1
  - tzdata
  - __glibc >=2.17
  license: Python-2.0
- conda: https://conda.anaconda.org/conda-forge/osx-arm64/python-3.12.1-h47c9636_0_cpython.conda
  depends:
  - tzdata
- conda: https://conda.anaconda.org/conda-forge/noarch/tzdata-2024a-h0c530f3_0.conda
  name: tzdata
- conda: https://conda.anaconda.org/conda-forge/noarch/array-api-compat-1.15.0-pyhc364b38_0.conda
  depends:
  - python >=3.10
- pypi: https://files.pythonhosted.org/packages/aa/Django-3.2-py3-none-any.whl
  name: Django
  version: '3.2'
  sha256: fe51de6107f9edc7aa4f786a70f4a883943bc9d39b3bb7307c04c41410990726
  requires_dist:
  - asgiref>=3.3.2,<4
  - argon2-cffi>=19.1.0 ; extra == 'argon2'
  - gone ; python_full_version < '2'
  requires_python: '>=3.6'
- pypi: https://files.pythonhosted.org/packages/aa/asgiref-3.10-py3-none-any.whl
  name: asgiref
  version: 3.10
- pypi: https://files.pythonhosted.org/packages/aa/argon2_cffi-19.1.0-py3-none-any.whl
  name: argon2-cffi
  version: 19.1.0
- pypi: git+https://example.org/own?rev=main#0123456789abcdef0123456789abcdef01234567
  name: own
  version: 1.0.0
- pypi: ./
  name: app
  version: 0.1.0
  editable: true
"),
            ]),
            @r#"
            python app@0.1.0 pkg:pypi/app@0.1.0 direct at /app/pixi.lock
            python argon2-cffi@19.1.0 pkg:pypi/argon2-cffi@19.1.0 optional transitive at /app/pixi.lock
            python asgiref@3.10 pkg:pypi/asgiref@3.10 transitive at /app/pixi.lock
            python django@3.2 pkg:pypi/django@3.2 direct Sha256=fe51de6107f9edc7aa4f786a70f4a883943bc9d39b3bb7307c04c41410990726 at /app/pixi.lock
            python own@1.0.0 pkg:pypi/own@1.0.0?vcs_url=git%2Bhttps:%2F%2Fexample.org%2Fown%3Frev%3Dmain%230123456789abcdef0123456789abcdef01234567 at /app/pixi.lock
            conda _libgcc_mutex@0.1 pkg:conda/_libgcc_mutex@0.1?build=conda_forge&channel=conda-forge&subdir=linux-64&type=tar.bz2 arch=linux-64 Md5=d7c89558ba9fa0495403155b64376d81 Sha256=fe51de6107f9edc7aa4f786a70f4a883943bc9d39b3bb7307c04c41410990726 at /app/pixi.lock
            conda array-api-compat@1.15.0 pkg:conda/array-api-compat@1.15.0?build=pyhc364b38_0&channel=conda-forge&subdir=noarch&type=conda arch=noarch at /app/pixi.lock
            conda python@3.12.0 pkg:conda/python@3.12.0?build=hab00c5b_0_cpython&channel=conda-forge&subdir=linux-64&type=conda arch=linux-64 license="Python-2.0" at /app/pixi.lock
            conda python@3.12.1 pkg:conda/python@3.12.1?build=h47c9636_0_cpython&channel=conda-forge&subdir=osx-arm64&type=conda arch=osx-arm64 at /app/pixi.lock
            conda tzdata@2024a pkg:conda/tzdata@2024a?build=h0c530f3_0&channel=conda-forge&subdir=noarch&type=conda arch=noarch at /app/pixi.lock
            root -> app@0.1.0
            app@0.1.0 -> django@3.2
            django@3.2 -optional-> argon2-cffi@19.1.0
            django@3.2 -> asgiref@3.10
            array-api-compat@1.15.0 -> python@3.12.0
            array-api-compat@1.15.0 -> python@3.12.1
            python@3.12.0 -> _libgcc_mutex@0.1
            python@3.12.0 -> tzdata@2024a
            python@3.12.1 -> tzdata@2024a
            "#
        );
    }

    #[test]
    fn entries_of_older_formats() {
        insta::assert_snapshot!(
            check(&[("/pixi.lock", "version: 5
packages:
- kind: conda
  name: openssl
  version: 3.1.1
  build: hd590300_1
  build_number: 1
  subdir: linux-64
  url: https://conda.anaconda.org/conda-forge/linux-64/openssl-3.1.1-hd590300_1.conda
  depends:
  - ca-certificates
  license: Apache-2.0
- kind: conda
  name: ca-certificates
  version: 2024.2.2
  build: hbcca054_0
  subdir: noarch
  url: https://conda.anaconda.org/conda-forge/noarch/ca-certificates-2024.2.2-hbcca054_0.conda
- kind: pypi
  name: idna
  version: '3.4'
  url: https://files.pythonhosted.org/packages/aa/idna-3.4-py3-none-any.whl
- kind: pypi
  name: own
  version: 0.1.0
  path: ./own
")]),
            @r#"
            python idna@3.4 pkg:pypi/idna@3.4 at /pixi.lock
            python own@0.1.0 pkg:pypi/own@0.1.0 at /pixi.lock
            conda ca-certificates@2024.2.2 pkg:conda/ca-certificates@2024.2.2?build=hbcca054_0&channel=conda-forge&subdir=noarch&type=conda arch=noarch at /pixi.lock
            conda openssl@3.1.1 pkg:conda/openssl@3.1.1?build=hd590300_1&channel=conda-forge&subdir=linux-64&type=conda arch=linux-64 license="Apache-2.0" at /pixi.lock
            openssl@3.1.1 -> ca-certificates@2024.2.2
            "#
        );
    }

    #[test]
    fn needs_and_versions_end_at_their_limits() {
        for (before, edges) in [(NEEDS_MAX - 2, 1), (NEEDS_MAX - 1, 1), (NEEDS_MAX, 0)] {
            let needs = "  - x\n".repeat(before);
            let lock = format!("packages:\n- conda: a/b/a-1-0.conda\n  depends:\n{needs}  - b\n- conda: a/b/b-1-0.conda\n");
            let found = check(&[("/pixi.lock", &lock)]);
            assert_eq!(found.lines().filter(|line| line.contains("->")).count(), edges, "{before}");
        }
        for (written, edges) in [(VERSIONS_MAX - 1, 63), (VERSIONS_MAX, 64), (VERSIONS_MAX + 1, 0)] {
            let versions: Vec<String> = (0..written).map(|version| format!("- conda: a/b/b-{version}-0.conda\n")).collect();
            let versions = versions.concat();
            let lock = format!("packages:\n- conda: a/b/a-1-0.conda\n  depends:\n  - b\n{versions}");
            let found = check(&[("/pixi.lock", &lock)]);
            assert_eq!(found.lines().filter(|line| line.contains("->")).count(), edges, "{written}");
        }
    }
}
