//! One set of advisories in OSV's form, and the same in the forms that each peer's database is made of.
//!
//! What a peer's form cannot say is said in the report: Grype takes Go's records as they are and all others as advisories of GitHub,
//! whose ranges are one list of bounds; Trivy takes all as they are, of Go's own packages those of Go's database.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Map, Value, json};

/// The ecosystems that all four know, and their names in Grype's form.
const ECOSYSTEMS: &[(&str, &str)] = &[
    ("npm", "npm"),
    ("PyPI", "python"),
    ("Maven", "java"),
    ("Go", "go"),
    ("crates.io", "rust"),
    ("RubyGems", "gem"),
    ("Packagist", "composer"),
    ("NuGet", "nuget"),
];

/// The bundles that the set is made of.
const BUNDLES: &[&str] = &["vulndb/go-vulndb-osv", "vulndb/pypa-advisory-database", "vulndb/osv-dev-sample"];

/// Records by their identifiers.
pub(super) struct Advisories {
    pub(super) records: BTreeMap<String, Value>,
    /// What each name is called by: names of one vulnerability by the least, CVEs first.
    called: BTreeMap<String, String>,
    /// The records about each vulnerability, by what it is called.
    about: BTreeMap<String, Vec<String>>,
}

impl Advisories {
    /// Reads the bundles. None when one is not there.
    pub(super) fn read() -> Result<Option<Self>> {
        let mut records = BTreeMap::new();
        for name in BUNDLES {
            let Some(bundle) = testkit::bundle(name) else { return Ok(None) };
            for path in files(bundle.path())? {
                let text = fs::read_to_string(&path).with_context(|| format!("failed to read `{}`", path.display()))?;
                let value: Value = match path.extension().and_then(|extension| extension.to_str()) {
                    Some("json") => serde_json::from_str(&text)?,
                    Some("yaml") => serde_saphyr::from_str(&text)?,
                    _ => continue,
                };
                match value {
                    Value::Array(all) => all.into_iter().for_each(|one| add(&mut records, one)),
                    one => add(&mut records, one),
                }
            }
        }
        ensure!(!records.is_empty(), "the bundles hold no record");
        let called = called(&records);
        let mut about: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for id in records.keys() {
            about.entry(called.get(id).unwrap_or(id).clone()).or_default().push(id.clone());
        }
        Ok(Some(Self { records, called, about }))
    }

    /// Returns the one name of a vulnerability.
    pub(super) fn call<'a>(&'a self, name: &'a str) -> &'a str {
        self.called.get(name).map_or(name, String::as_str)
    }

    /// Writes a record a file, as Garrison's reader and Trivy's take them.
    pub(super) fn write_osv(&self, directory: &Path, is_wanted: impl Fn(&str) -> bool) -> Result<()> {
        fs::create_dir_all(directory)?;
        for (id, record) in self.records.iter().filter(|(id, _)| is_wanted(id)) {
            fs::write(directory.join(format!("{id}.json")), serde_json::to_vec(record)?)?;
        }
        Ok(())
    }

    /// Writes a directory an ecosystem, of which osv-scanner takes a zip.
    pub(super) fn write_by_ecosystem(&self, directory: &Path) -> Result<Vec<PathBuf>> {
        let mut directories = Vec::new();
        for (ecosystem, _) in ECOSYSTEMS {
            let own = directory.join(ecosystem);
            fs::create_dir_all(&own)?;
            for (id, record) in &self.records {
                if affected(record).any(|one| one["package"]["ecosystem"] == *ecosystem) {
                    fs::write(own.join(format!("{id}.json")), serde_json::to_vec(record)?)?;
                }
            }
            directories.push(own);
        }
        Ok(directories)
    }

    /// Writes the workspaces of Vunnel, Grype's collector.
    pub(super) fn write_vunnel(&self, directory: &Path) -> Result<()> {
        const SCHEMAS: &str = "https://raw.githubusercontent.com/anchore/vunnel/main/schema/vulnerability";
        let (go, github) = (directory.join("govulndb/results"), directory.join("github/results"));
        fs::create_dir_all(&go)?;
        fs::create_dir_all(&github)?;
        for (id, record) in &self.records {
            let (directory, schema, item) = if id.starts_with("GO-") {
                (&go, "osv/schema-1.7.0.json", record.clone())
            } else {
                (&github, "github-security-advisory/schema-1.1.0.json", github_advisory(id, record))
            };
            let envelope = json!({"schema": format!("{SCHEMAS}/{schema}"), "identifier": id, "item": item});
            fs::write(directory.join(format!("{id}.json")), serde_json::to_vec(&envelope)?)?;
        }
        Ok(())
    }

    /// Returns packages at the versions that the records' own events name: where mistakes are made.
    pub(super) fn edges(&self) -> Vec<(String, String, String)> {
        let mut edges = Vec::new();
        for record in self.records.values() {
            for one in affected(record) {
                let package = (&one["package"]["ecosystem"], &one["package"]["name"]);
                let (Some(ecosystem), Some(name)) = (package.0.as_str(), package.1.as_str()) else { continue };
                for (_, version) in events(one).into_iter().flatten() {
                    if version != "0" && version != "*" {
                        edges.push((ecosystem.to_owned(), name.to_owned(), version));
                    }
                }
            }
        }
        edges.sort_unstable();
        edges.dedup();
        edges
    }

    /// Returns the ecosystem in which a record says anything of a package about a vulnerability.
    pub(super) fn speaks_of(&self, package: &str, vulnerability: &str) -> Option<&'static str> {
        let about = self.about.get(self.call(vulnerability))?;
        let mut known = ECOSYSTEMS.iter().map(|(ecosystem, _)| *ecosystem);
        known.find(|ecosystem| {
            let own = |one: &Value| {
                let name = one["package"]["name"].as_str();
                one["package"]["ecosystem"] == *ecosystem
                    && name.is_some_and(|name| canonical(ecosystem, name) == canonical(ecosystem, package))
            };
            about.iter().filter_map(|id| self.records.get(id)).flat_map(affected).any(own)
        })
    }

    /// Returns what the records that are about a vulnerability say of a package.
    pub(super) fn said(&self, vulnerability: &str, ecosystem: &str, name: &str) -> Vec<Said> {
        let mut said = Vec::new();
        let about = self.about.get(vulnerability).into_iter().flatten();
        for (id, record) in about.filter_map(|id| Some((id, self.records.get(id)?))) {
            let own = affected(record).filter(|one| {
                let package = &one["package"];
                package["ecosystem"] == ecosystem
                    && package["name"].as_str().is_some_and(|known| canonical(ecosystem, known) == name)
            });
            said.extend(own.map(|one| {
                Said {
                    record: id.clone(),
                    package: one["package"]["name"].as_str().unwrap_or_default().to_owned(),
                    is_withdrawn: record["withdrawn"].is_string(),
                    ranges: events(one),
                    versions: one["versions"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(Value::as_str)
                        .map(str::to_owned)
                        .collect(),
                    has_commits_first: one["ranges"][0]["type"] == "GIT",
                    has_custom_ranges: one["ecosystem_specific"]["custom_ranges"].is_array(),
                    last_known: one["database_specific"]["last_known_affected_version_range"]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned(),
                }
            }));
        }
        said
    }
}

/// What a record says of a package.
pub(super) struct Said {
    pub(super) record: String,
    /// The package as the record spells it.
    pub(super) package: String,
    pub(super) is_withdrawn: bool,
    /// Whether a range of commits stands before those of versions.
    pub(super) has_commits_first: bool,
    /// The events of each range of versions.
    pub(super) ranges: Vec<Vec<(String, String)>>,
    /// The versions that it lists besides.
    pub(super) versions: Vec<String>,
    /// Whether it has bounds besides that the schema does not evaluate, as Go's records have.
    pub(super) has_custom_ranges: bool,
    last_known: String,
}

impl Said {
    /// Whether GitHub says besides a range without an end which versions of it are affected.
    pub(super) fn names_last(&self) -> bool {
        !self.last_known.is_empty()
    }

    #[cfg(test)]
    pub(super) fn alone(
        package: &str,
        has_commits_first: bool,
        ranges: Vec<Vec<(String, String)>>,
        versions: Vec<String>,
    ) -> Self {
        Self {
            record: "A-1".to_owned(),
            package: package.to_owned(),
            is_withdrawn: false,
            has_commits_first,
            ranges,
            versions,
            has_custom_ranges: false,
            last_known: String::new(),
        }
    }

    /// Whether a range has a beginning and nothing that ends it.
    pub(super) fn is_open(&self) -> bool {
        self.last_known.is_empty()
            && self.ranges.iter().any(|range| range.last().is_some_and(|(kind, _)| kind == "introduced"))
    }
}

impl fmt::Display for Said {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let range = |range: &Vec<(String, String)>| {
            range.iter().map(|(kind, version)| format!("{kind} {version}")).collect::<Vec<_>>().join(", ")
        };
        let ranges: Vec<String> = self.ranges.iter().map(range).collect();
        let withdrawn = if self.is_withdrawn { " withdrawn" } else { "" };
        write!(formatter, "{}{withdrawn} [{}] {} versions", self.record, ranges.join("; "), self.versions.len())?;
        if self.last_known.is_empty() { Ok(()) } else { write!(formatter, " {}", self.last_known) }
    }
}

fn add(records: &mut BTreeMap<String, Value>, mut record: Value) {
    let Some(id) = record["id"].as_str().map(str::to_owned) else { return };
    let is_common = |one: &Value| ECOSYSTEMS.iter().any(|(known, _)| one["package"]["ecosystem"] == *known);
    if let Some(all) = record["affected"].as_array_mut() {
        all.retain(is_common);
    }
    if record["affected"].as_array().is_none_or(Vec::is_empty) {
        return;
    }
    // Trivy's builder stops at a record without the one, and osv-scanner reads none with the other, which its collector added.
    if let Some(fields) = record.as_object_mut() {
        fields.remove("_metadata");
        fields.entry("database_specific").or_insert_with(|| Value::Object(Map::new()));
    }
    records.insert(id, record);
}

pub(super) fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(&directory)? {
            let path = entry?.path();
            if path.is_dir() { directories.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    Ok(files)
}

fn affected(record: &Value) -> impl Iterator<Item = &Value> {
    record["affected"].as_array().into_iter().flatten()
}

/// The events of each range that is one of versions.
fn events(affected: &Value) -> Vec<Vec<(String, String)>> {
    let ranges = affected["ranges"].as_array().into_iter().flatten().filter(|range| range["type"] != "GIT");
    let read = |range: &Value| {
        let events = range["events"].as_array().into_iter().flatten().filter_map(Value::as_object);
        let one = |(kind, version): (&String, &Value)| Some((kind.clone(), version.as_str()?.to_owned()));
        events.flatten().filter_map(one).collect()
    };
    ranges.map(read).collect()
}

/// The spelling of a name that all tools' answers are brought to.
pub(super) fn canonical(ecosystem: &str, name: &str) -> String {
    match ecosystem {
        "PyPI" => name.to_ascii_lowercase().replace(['_', '.'], "-"),
        // Of Go a purl has it so.
        "NuGet" | "Packagist" | "Go" => name.to_ascii_lowercase(),
        _ => name.to_owned(),
    }
}

fn github_advisory(id: &str, record: &Value) -> Value {
    let cves: Vec<&str> = names(record).filter(|name| name.starts_with("CVE-")).collect();
    let mut fixed_in = Vec::new();
    for one in affected(record) {
        let Some((_, ecosystem)) = ECOSYSTEMS.iter().find(|(known, _)| one["package"]["ecosystem"] == *known) else {
            continue;
        };
        for (range, fix) in ranges(one) {
            fixed_in.push(json!({
                "ecosystem": ecosystem, "name": one["package"]["name"], "namespace": format!("github:{ecosystem}"),
                "range": range, "identifier": fix,
            }));
        }
    }
    json!({"Vulnerability": {}, "Advisory": {
        "Classification": "GENERAL", "Severity": "Medium", "FixedIn": fixed_in, "Summary": record["summary"],
        "url": format!("https://osv.dev/vulnerability/{id}"), "CVE": cves, "Metadata": {"CVE": cves}, "ghsaId": id,
        "published": record["published"], "updated": record["modified"], "withdrawn": record["withdrawn"], "namespace": "github",
    }})
}

/// Bounds as GitHub writes them, with the version that mends.
fn ranges(affected: &Value) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let known = affected["database_specific"]["last_known_affected_version_range"].as_str().unwrap_or_default();
    for range in events(affected) {
        let mut start: Option<String> = None;
        for (kind, version) in range {
            let lower = |start: &Option<String>| match start.as_deref() {
                None | Some("0") => String::new(),
                Some(version) => format!(">= {version}, "),
            };
            match kind.as_str() {
                "introduced" => start = Some(version),
                "fixed" => all.push((format!("{}< {version}", lower(&start.take())), version)),
                "last_affected" => all.push((format!("{}<= {version}", lower(&start.take())), String::new())),
                _ => {}
            }
        }
        if let Some(start) = start {
            let lower = if start == "0" { ">= 0".to_owned() } else { format!(">= {start}") };
            all.push((if known.is_empty() { lower } else { format!("{lower}, {known}") }, String::new()));
        }
    }
    if all.is_empty() {
        let versions = affected["versions"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let each: Vec<String> = versions.map(|version| format!("= {version}")).collect();
        all.push((each.join(" || "), String::new()));
    }
    all
}

fn names(record: &Value) -> impl Iterator<Item = &str> {
    let aliases = record["aliases"].as_array().into_iter().flatten().filter_map(Value::as_str);
    record["id"].as_str().into_iter().chain(aliases)
}

/// Names that records hold for the same, by the least of each group, CVEs first.
fn called(records: &BTreeMap<String, Value>) -> BTreeMap<String, String> {
    let rank = |name: &str| (!name.starts_with("CVE-"), !name.starts_with("GHSA-"), name.to_owned());
    let mut called: BTreeMap<String, String> = BTreeMap::new();
    loop {
        let mut is_changed = false;
        for record in records.values() {
            let least =
                names(record).map(|name| called.get(name).map_or(name, String::as_str)).min_by_key(|name| rank(name));
            let Some(least) = least.map(str::to_owned) else { continue };
            for name in names(record) {
                if called.get(name) != Some(&least) {
                    called.insert(name.to_owned(), least.clone());
                    is_changed = true;
                }
            }
        }
        if !is_changed {
            return called;
        }
    }
}
