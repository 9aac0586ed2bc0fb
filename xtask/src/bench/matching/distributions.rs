//! Advisories of distributions in OSV's form, and the same in the forms that each peer's database is made of.
//!
//! Grype's form has a record a vulnerability and release, with a version that mends or none; Rocky Linux and `AlmaLinux` are looked up there
//! as Red Hat's, so that a set has one of the two. Trivy's has each distribution's own: Debian's tracker, Alpine's lists of what is mended,
//! errata with the binary packages that they brought. osv-scanner takes the records as they are.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::advisories::files;
use super::documents::{Installed, split_epoch};

/// A distribution, as each tool knows it.
pub(super) struct Kind {
    /// In OSV's records, before the release.
    pub(super) ecosystem: &'static str,
    /// In `os-release`.
    pub(super) id: &'static str,
    pub(super) ty: &'static str,
    /// Its provider and namespace in Grype's form, and the name of its versions' order.
    namespace: &'static str,
    order: &'static str,
    /// Its source in Trivy's builder.
    list: &'static str,
}

pub(super) const KINDS: &[Kind] = &[
    Kind { ecosystem: "Debian", id: "debian", ty: "deb", namespace: "debian", order: "dpkg", list: "debian" },
    Kind { ecosystem: "Alpine", id: "alpine", ty: "apk", namespace: "alpine", order: "apk", list: "alpine" },
    Kind { ecosystem: "Rocky Linux", id: "rocky", ty: "rpm", namespace: "rhel", order: "rpm", list: "rocky" },
    Kind { ecosystem: "AlmaLinux", id: "almalinux", ty: "rpm", namespace: "rhel", order: "rpm", list: "alma" },
];

/// The names of Debian's releases, which its tracker goes by.
const CODENAMES: &[(&str, &str)] =
    &[("10", "buster"), ("11", "bullseye"), ("12", "bookworm"), ("13", "trixie"), ("14", "forky")];

/// What a record says of a package of a release.
pub(super) struct Statement<'a> {
    pub(super) record: &'a str,
    /// What it is about.
    pub(super) names: Vec<&'a str>,
    kind: &'static Kind,
    /// As `os-release` has it.
    pub(super) release: &'a str,
    pub(super) package: &'a str,
    /// The version that mends, if one does.
    pub(super) fixed: Option<&'a str>,
    /// The module, by name and stream, whose builds mend it.
    module: Option<(&'a str, &'a str)>,
}

/// An ecosystem, its release, and a source package.
type Source = (&'static str, String, String);

/// Records, and what is installed of the packages that they are about.
pub(super) struct Distributions {
    records: BTreeMap<String, Value>,
    /// The records about each vulnerability.
    about: BTreeMap<String, Vec<String>>,
    /// The packages that are built from each source of a release, with their architectures.
    built: BTreeMap<Source, BTreeSet<(String, String)>>,
    /// The version of each source of a release that is installed.
    sources: BTreeMap<Source, String>,
}

impl Distributions {
    /// Takes the records about packages that are installed, or of the same names.
    pub(super) fn new(all: impl IntoIterator<Item = Value>, installed: &[Installed]) -> Self {
        let mut set =
            Self { records: BTreeMap::new(), about: BTreeMap::new(), built: BTreeMap::new(), sources: BTreeMap::new() };
        let mut known = BTreeSet::new();
        for one in installed {
            let Some(kind) = KINDS.iter().find(|kind| kind.id == one.distribution.0) else { continue };
            let key = (kind.ecosystem, release_of(kind, &one.distribution.1), one.source.clone());
            set.built.entry(key.clone()).or_default().insert((one.name.clone(), one.architecture.clone()));
            set.sources.insert(key, one.source_version.clone());
            known.extend([(kind.ecosystem, one.name.clone()), (kind.ecosystem, one.source.clone())]);
        }
        for mut record in all {
            let Some(id) = record["id"].as_str().map(str::to_owned) else { continue };
            if let Some(affected) = record["affected"].as_array_mut() {
                affected.retain(|one| {
                    let package = one["package"]["name"].as_str();
                    kind_of(one)
                        .zip(package)
                        .is_some_and(|((kind, _), package)| known.contains(&(kind.ecosystem, package.to_owned())))
                });
            }
            if record["affected"].as_array().is_none_or(Vec::is_empty) {
                continue;
            }
            // osv-scanner reads no record with what its collector added.
            if let Some(fields) = record.as_object_mut() {
                fields.remove("_metadata");
            }
            for name in names(&record) {
                set.about.entry(name.to_owned()).or_default().push(id.clone());
            }
            set.records.insert(id, record);
        }
        set
    }

    /// Returns how many records there are.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Returns what a record is about; nothing for one that is not of this set.
    pub(super) fn names(&self, record: &str) -> Option<Vec<String>> {
        let record = self.records.get(record)?;
        Some(names(record).into_iter().map(str::to_owned).collect())
    }

    /// Returns what the records say that are in force.
    fn statements(&self) -> impl Iterator<Item = Statement<'_>> {
        in_force(self.records.values())
    }

    /// Returns what the records say of an installed package about a vulnerability, shortly.
    pub(super) fn told(&self, installed: &Installed, id: &str) -> String {
        let mut told = Vec::new();
        let about = self.about.get(id).into_iter().flatten();
        for record in about.filter_map(|record| self.records.get(record)) {
            let withdrawn = if record["withdrawn"].is_string() { " withdrawn" } else { "" };
            let is_its = |one: &Statement<'_>| {
                let release = release_of(one.kind, &installed.distribution.1);
                one.kind.id == installed.distribution.0
                    && one.release == release
                    && [&installed.name, &installed.source].iter().any(|name| *name == one.package)
            };
            for one in statements(record).filter(is_its) {
                let fixed = one.fixed.map_or_else(|| "nothing mends it".to_owned(), |fixed| format!("fixed {fixed}"));
                let module = one.module.map_or_else(String::new, |(name, stream)| format!(" of {name}:{stream}"));
                told.push(format!("{}{withdrawn} {} {fixed}{module}", one.record, one.package));
            }
        }
        told.dedup();
        told.join(" | ")
    }

    /// Returns the streams that the titles of those records name which bring this very build.
    pub(super) fn built_for(&self, installed: &Installed) -> BTreeSet<String> {
        let is_its = |one: Statement<'_>| {
            one.kind.id == installed.distribution.0
                && one.package == installed.name
                && one.fixed == Some(installed.version.as_str())
        };
        let own = self.records.values().filter(|record| statements(record).any(is_its));
        own.flat_map(streams).map(|(name, stream)| format!("{name}:{stream}")).collect()
    }

    /// Writes a record a file.
    pub(super) fn write_osv(&self, directory: &Path) -> Result<()> {
        fs::create_dir_all(directory)?;
        for (id, record) in &self.records {
            fs::write(directory.join(format!("{id}.json")), serde_json::to_vec(record)?)?;
        }
        Ok(())
    }

    /// Writes a directory a distribution, of which osv-scanner takes a zip.
    pub(super) fn write_by_ecosystem(&self, directory: &Path) -> Result<Vec<PathBuf>> {
        let mut directories = Vec::new();
        for kind in KINDS {
            let of_kind =
                |record: &Value| affected(record).any(|one| kind_of(one).is_some_and(|(own, _)| own.id == kind.id));
            let own = directory.join(kind.ecosystem);
            fs::create_dir_all(&own)?;
            for (id, record) in self.records.iter().filter(|(_, record)| of_kind(record)) {
                fs::write(own.join(format!("{id}.json")), serde_json::to_vec(record)?)?;
            }
            directories.push(own);
        }
        Ok(directories)
    }

    /// Writes the workspaces of Vunnel, Grype's collector: a record a vulnerability and release.
    pub(super) fn write_vunnel(&self, directory: &Path) -> Result<()> {
        const SCHEMA: &str =
            "https://raw.githubusercontent.com/anchore/vunnel/main/schema/vulnerability/os/schema-1.1.0.json";
        let mut fixes: BTreeMap<(&str, String, &str), Vec<Value>> = BTreeMap::new();
        for one in self.statements() {
            let namespace = format!("{}:{}", one.kind.namespace, one.release);
            for name in one.names {
                let key = (one.kind.namespace, namespace.clone(), name);
                fixes.entry(key).or_default().push(json!({
                    "Available": null, "Module": one.module.map(|(name, stream)| format!("{name}:{stream}")), "Name": one.package, "NamespaceName": namespace,
                    "Version": one.fixed.unwrap_or("None"), "VersionFormat": one.kind.order,
                    "VendorAdvisory": {"NoAdvisory": false},
                }));
            }
        }
        for ((provider, namespace, name), fixed_in) in fixes {
            let results = directory.join(provider).join("results").join(namespace.replace(':', "@"));
            fs::create_dir_all(&results)?;
            let lower = name.to_ascii_lowercase();
            let record = json!({"schema": SCHEMA, "identifier": format!("{namespace}/{lower}"), "item": {
                "Vulnerability": {
                    "Description": "", "FixedIn": fixed_in, "Link": format!("https://osv.dev/vulnerability/{name}"),
                    "Metadata": {}, "Name": name, "NamespaceName": namespace, "Severity": "Medium",
                }
            }});
            fs::write(results.join(format!("{lower}.json")), serde_json::to_vec(&record)?)?;
        }
        Ok(())
    }

    /// Writes the lists that Trivy's builder reads, and returns the sources that they are of.
    pub(super) fn write_list(&self, cache: &Path) -> Result<BTreeSet<&'static str>> {
        self.write_tracker(&cache.join("vuln-list-debian/tracker"))?;
        let list = cache.join("vuln-list");
        self.write_secfixes(&list.join("alpine"))?;
        for record in self.records.values().filter(|record| !record["withdrawn"].is_string()) {
            self.write_erratum(record, &list)?;
        }
        Ok(self.statements().map(|one| one.kind.list).collect())
    }

    /// Debian's tracker: what is said of each vulnerability, and the sources of each release.
    fn write_tracker(&self, directory: &Path) -> Result<()> {
        let mut said: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for one in self.statements().filter(|one| one.kind.list == "debian") {
            let Some((_, codename)) = CODENAMES.iter().find(|(number, _)| *number == one.release) else { continue };
            let key = (one.kind.ecosystem, one.release.to_owned(), one.package.to_owned());
            let version = self.sources.get(&key).map_or("0", String::as_str);
            let source = directory.join("source").join(codename).join("main").join(&one.package[..1]);
            write_json(&source, one.package, &json!({"Package": [one.package], "Version": [version]}))?;
            let annotation = match one.fixed {
                Some(version) => json!({
                    "Type": "package", "Release": codename, "Package": one.package, "Kind": "fixed", "Version": version,
                }),
                None => json!({"Type": "package", "Release": codename, "Package": one.package, "Kind": "no-dsa"}),
            };
            for name in one.names {
                let all = said.entry(name).or_default();
                if !all.contains(&annotation) {
                    all.push(annotation.clone());
                }
            }
        }
        for (name, annotations) in said {
            let header = json!({"Original": name, "Line": 1, "ID": name, "Description": ""});
            write_json(&directory.join("CVE"), name, &json!({"Header": header, "Annotations": annotations}))?;
        }
        let releases: serde_json::Map<String, Value> = CODENAMES
            .iter()
            .map(|(number, name)| {
                ((*name).to_owned(), json!({"major-version": number, "support": "security", "contact": ""}))
            })
            .collect();
        for folder in ["CVE", "DSA", "DLA", "source", "updates-source"] {
            fs::create_dir_all(directory.join(folder))?;
        }
        write_json(directory, "distributions", &Value::Object(releases))
    }

    /// Alpine's lists: what each version of a package mends.
    fn write_secfixes(&self, directory: &Path) -> Result<()> {
        let mut fixes: BTreeMap<(&str, &str), BTreeMap<&str, BTreeSet<&str>>> = BTreeMap::new();
        for one in self.statements().filter(|one| one.kind.list == "alpine") {
            let of_package = fixes.entry((one.release, one.package)).or_default();
            of_package.entry(one.fixed.unwrap_or("0")).or_default().extend(one.names);
        }
        for ((release, package), secfixes) in fixes {
            let list = json!({
                "name": package, "secfixes": secfixes, "reponame": "main", "distroversion": format!("v{release}"),
                "apkurl": "", "archs": ["x86_64"], "urlprefix": "",
            });
            write_json(&directory.join(release).join("main"), package, &list)?;
        }
        Ok(())
    }

    /// Errata of Rocky Linux, with what is built from each source package, and of `AlmaLinux`, whose records have that.
    fn write_erratum(&self, record: &Value, list: &Path) -> Result<()> {
        let mut brought: BTreeMap<(&str, &str, String), Vec<Value>> = BTreeMap::new();
        let mut module = json!({});
        for one in statements(record).filter(|one| one.kind.ty == "rpm") {
            let Some(fixed) = one.fixed else { continue };
            if let Some((name, stream)) = one.module {
                module = json!({"name": name, "stream": stream, "version": 0, "context": "", "arch": "x86_64"});
            }
            let (epoch, label) = split_epoch(fixed);
            let (version, build) = label.rsplit_once('-').unwrap_or((label, ""));
            let package = |name: &str, architecture: &str| {
                json!({
                    "name": name, "epoch": epoch, "version": version, "release": build, "arch": architecture,
                    "src": format!("{}-{label}.src.rpm", one.package), "filename": format!("{name}-{label}.{architecture}.rpm"),
                })
            };
            if one.kind.list == "alma" {
                let all = brought.entry((one.kind.list, one.release, String::new())).or_default();
                all.extend(["x86_64", "noarch"].map(|architecture| package(one.package, architecture)));
                continue;
            }
            let key = (one.kind.ecosystem, one.release.to_owned(), one.package.to_owned());
            for (name, architecture) in self.built.get(&key).into_iter().flatten() {
                let repository = if architecture == "noarch" { "x86_64" } else { architecture };
                let all = brought.entry((one.kind.list, one.release, repository.to_owned())).or_default();
                all.push(package(name, architecture));
            }
        }
        let (Some(id), about) = (record["id"].as_str(), names(record)) else { return Ok(()) };
        let file = id.replace(':', "-");
        for ((source, release, architecture), packages) in brought {
            let references: Vec<Value> =
                about.iter().map(|name| json!({"href": "", "type": "cve", "id": name, "title": name})).collect();
            let common = list.join(source).join(release);
            if source == "alma" {
                let erratum = json!({
                    "updateinfo_id": id, "type": "security", "severity": "Moderate", "title": "", "description": "",
                    "issued_date": {"$date": 0}, "updated_date": {"$date": 0}, "references": references,
                    "pkglist": {"name": "", "shortname": "", "packages": packages, "module": module},
                });
                write_json(&common.join("2020"), &file, &erratum)?;
            } else {
                let erratum = json!({
                    "id": id, "title": "", "issued": {"date": "2020-01-01 00:00:00"}, "updated": {"date": "2020-01-01 00:00:00"},
                    "severity": "Moderate", "description": "", "collections": [{"packages": packages}],
                    "references": references, "cveids": about,
                });
                write_json(&common.join("BaseOS").join(architecture).join("2020"), &file, &erratum)?;
            }
        }
        Ok(())
    }

    /// Returns so many packages, evenly, at the versions that mend.
    pub(super) fn edges(all: &[Value], count: usize) -> Vec<Installed> {
        let mut edges = BTreeSet::new();
        for one in all.iter().flat_map(statements) {
            if let Some(fixed) =
                one.fixed.filter(|fixed| *fixed != "0" && (one.kind.ty != "apk" || is_of_alpine(fixed)))
            {
                let installed = Installed::alone(one.kind.ty, (one.kind.id, one.release), one.package, fixed);
                let module = one.module.map(|(name, stream)| format!("{name}:{stream}:0:0"));
                edges.insert(Installed { module, ..installed });
            }
        }
        let step = edges.len().div_ceil(count.max(1)).max(1);
        edges.into_iter().step_by(step).collect()
    }
}

/// Returns the source package of a binary one of a release that records name for most of some vulnerabilities: that of its own name, else
/// the one that has most of its name.
pub(super) fn source_of<'a, 'b>(
    records: &'a [Value],
    release: &str,
    binary: &str,
    ids: impl Iterator<Item = &'b str>,
) -> Option<&'a str> {
    let ids: BTreeSet<&str> = ids.collect();
    let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
    for one in in_force(records).filter(|one| one.release == release) {
        *votes.entry(one.package).or_default() += one.names.iter().filter(|name| ids.contains(*name)).count();
    }
    let most = votes.values().max().copied().filter(|most| *most > 0)?;
    let best = || votes.iter().filter(|(_, count)| **count == most).map(|(source, _)| *source);
    let common = |source: &&str| source.bytes().zip(binary.bytes()).take_while(|(left, right)| left == right).count();
    best().find(|source| *source == binary).or_else(|| best().max_by_key(common))
}

/// Returns what records say that are in force.
pub(super) fn in_force<'a>(records: impl IntoIterator<Item = &'a Value>) -> impl Iterator<Item = Statement<'a>> {
    records.into_iter().filter(|record| !record["withdrawn"].is_string()).flat_map(statements)
}

/// Reads a bundle of records in OSV's form.
pub(super) fn read_osv(bundle: &str) -> Result<Option<Vec<Value>>> {
    let Some(bundle) = testkit::bundle(bundle) else { return Ok(None) };
    let mut records = Vec::new();
    for path in files(bundle.path())? {
        if path.extension().is_none_or(|extension| extension != "json") {
            continue;
        }
        let text = fs::read_to_string(&path).with_context(|| format!("failed to read `{}`", path.display()))?;
        match serde_json::from_str(&text)? {
            Value::Array(all) => records.extend(all),
            one => records.push(one),
        }
    }
    // No tool matches by texts, which are most of the memory.
    for record in &mut records {
        if let Some(fields) = record.as_object_mut() {
            fields.retain(|field, _| !matches!(field.as_str(), "details" | "references" | "credits"));
        }
    }
    Ok(Some(records))
}

/// Reads Alpine's database, and makes of it what osv.dev does: a record a vulnerability.
pub(super) fn read_alpine() -> Result<Option<Vec<Value>>> {
    let Some(bundle) = testkit::bundle("vulndb/alpine-secdb") else { return Ok(None) };
    let mut affected: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for path in files(bundle.path())? {
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let list: Value = serde_saphyr::from_str(&fs::read_to_string(&path)?)?;
        let release = list["distroversion"].as_str().unwrap_or_default();
        for package in list["packages"].as_array().into_iter().flatten().map(|package| &package["pkg"]) {
            for (version, entries) in package["secfixes"].as_object().into_iter().flatten() {
                // What never had it is no record of osv.dev's.
                let entries = entries.as_array().into_iter().flatten().filter(|_| version != "0");
                for name in
                    entries.filter_map(Value::as_str).flat_map(str::split_whitespace).filter(|word| is_cve(word))
                {
                    affected.entry(name.to_owned()).or_default().push(json!({
                        "package": {"ecosystem": format!("Alpine:{release}"), "name": package["name"]},
                        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": version}]}],
                    }));
                }
            }
        }
    }
    let record = |(name, affected): (String, Vec<Value>)| {
        json!({
            "schema_version": "1.6.0", "id": format!("ALPINE-{name}"), "upstream": [name],
            "modified": "2020-06-08T00:00:00Z", "published": "2020-06-08T00:00:00Z", "affected": affected,
        })
    };
    Ok(Some(affected.into_iter().map(record).collect()))
}

/// Whether a version is of a module's build: `1:18.1-1.module_el9.2.0+36`.
pub(super) fn is_of_module(version: &str) -> bool {
    version.contains(".module")
}

/// Whether Alpine's tool would install a package of the version: its lists hold slips, `4.8.0.-r1` and `4.10-1-r1`.
pub(super) fn is_of_alpine(version: &str) -> bool {
    let (version, build) = version.split_once('-').unwrap_or((version, "r0"));
    let is_build = build.strip_prefix('r').is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    is_build && version.split('.').all(|part| part.starts_with(|first: char| first.is_ascii_digit()))
}

fn is_cve(word: &str) -> bool {
    word.strip_prefix("CVE-").and_then(|rest| rest.split_once('-')).is_some_and(|(year, number)| {
        [year, number].iter().all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()))
    })
}

fn write_json(directory: &Path, name: &str, value: &Value) -> Result<()> {
    fs::create_dir_all(directory)?;
    fs::write(directory.join(format!("{name}.json")), serde_json::to_vec(value)?)?;
    Ok(())
}

fn affected(record: &Value) -> impl Iterator<Item = &Value> {
    record["affected"].as_array().into_iter().flatten()
}

/// The distribution and release of what is affected, as `os-release` has the latter.
fn kind_of(affected: &Value) -> Option<(&'static Kind, &str)> {
    let (ecosystem, release) = affected["package"]["ecosystem"].as_str()?.split_once(':')?;
    let kind = KINDS.iter().find(|kind| kind.ecosystem == ecosystem)?;
    Some((kind, release.trim_start_matches('v')))
}

/// The part of a release that records name: Debian's and the enterprise distributions' major version.
fn release_of(kind: &Kind, release: &str) -> String {
    let parts = if kind.ty == "apk" { 2 } else { 1 };
    release.splitn(3, '.').take(parts).collect::<Vec<_>>().join(".")
}

/// What a record is about: what it names as such, else itself.
fn names(record: &Value) -> Vec<&str> {
    let list =
        |field: &str| record[field].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>();
    let stated: Vec<&str> =
        ["upstream", "related", "aliases"].iter().flat_map(|field| list(field)).filter(|name| is_cve(name)).collect();
    let unique: BTreeSet<&str> = stated.into_iter().collect();
    if unique.is_empty() { record["id"].as_str().into_iter().collect() } else { unique.into_iter().collect() }
}

/// The stream that an erratum's title names, `Moderate: nodejs:18 security update`; none where it names none or several, or one of its
/// packages, `httpd:2.4/httpd`.
fn stream(record: &Value) -> Option<(&str, &str)> {
    let streams = streams(record);
    streams.first().copied().filter(|(_, stream)| streams.len() == 1 && !stream.contains('/'))
}

fn streams(record: &Value) -> BTreeSet<(&str, &str)> {
    let words = record["summary"].as_str().unwrap_or_default().split([' ', ',']);
    let streams = words.filter_map(|word| word.split_once(':'));
    streams.filter(|(name, stream)| !name.is_empty() && !stream.is_empty()).collect()
}

fn statements(record: &Value) -> impl Iterator<Item = Statement<'_>> {
    let about = names(record);
    affected(record).filter_map(|one| Some((kind_of(one)?, one))).flat_map(move |((kind, release), one)| {
        let about = about.clone();
        let ranges = one["ranges"].as_array().into_iter().flatten().filter(|range| range["type"] == "ECOSYSTEM");
        ranges.filter_map(move |range| {
            let fixed = range["events"].as_array()?.iter().find_map(|event| event["fixed"].as_str());
            Some(Statement {
                record: record["id"].as_str()?,
                names: about.clone(),
                kind,
                release,
                package: one["package"]["name"].as_str()?,
                fixed,
                module: fixed.filter(|fixed| is_of_module(fixed)).and_then(|_| stream(record)),
            })
        })
    })
}
