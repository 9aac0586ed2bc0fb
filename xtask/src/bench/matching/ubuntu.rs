//! Ubuntu's CVE tracker, and the same in the forms that each peer's database is made of.
//!
//! Grype's collector keeps extended maintenance as releases of their own, Trivy's takes the rows as they are; OSV's has what is mended and
//! what is open.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::advisories::files;

/// The releases of which labels are, and their names in the tracker.
const RELEASES: &[(&str, &str)] = &[
    ("precise", "12.04"),
    ("trusty", "14.04"),
    ("xenial", "16.04"),
    ("bionic", "18.04"),
    ("focal", "20.04"),
    ("jammy", "22.04"),
];

/// What the tracker says of a package in a release: `esm-infra/xenial_curl: released (7.47.0-1ubuntu2.19+esm1)`.
struct Line {
    /// As it is written, with whom it is for: `esm-infra/xenial`.
    written: String,
    release: &'static str,
    is_extended: bool,
    package: String,
    status: String,
    note: String,
}

/// What a file of the tracker says of a vulnerability.
struct Candidate {
    priority: String,
    lines: Vec<Line>,
    text: String,
}

/// The files about some vulnerabilities.
pub(super) struct Tracker(BTreeMap<String, Candidate>);

impl Tracker {
    /// Reads the files about these. None when the tracker is not there.
    pub(super) fn read(wanted: &BTreeSet<String>) -> Result<Option<Self>> {
        let Some(bundle) = testkit::bundle("vulndb/ubuntu-cve-tracker") else { return Ok(None) };
        let mut candidates = BTreeMap::new();
        for path in files(bundle.path())? {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
            if wanted.contains(name) {
                let text = fs::read_to_string(&path)?;
                candidates.insert(name.to_owned(), candidate(text));
            }
        }
        Ok(Some(Self(candidates)))
    }

    /// Returns how many records there are.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Tells whether the tracker says anything of a package of a release.
    pub(super) fn speaks_of(&self, release: &str, package: &str, id: &str) -> bool {
        let lines = self.0.get(id).into_iter().flat_map(|candidate| &candidate.lines);
        lines.into_iter().any(|line| line.release == release && line.package == package && line.status != "DNE")
    }

    /// Returns the source package that is named for most of some vulnerabilities: that of the binary's name, else the one that has most of
    /// its name.
    pub(super) fn source_of<'a>(
        &self,
        release: &str,
        binary: &str,
        ids: impl Iterator<Item = &'a str>,
    ) -> Option<String> {
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for line in ids.filter_map(|id| self.0.get(id)).flat_map(|candidate| &candidate.lines) {
            if line.release == release && !line.is_extended && line.status != "DNE" {
                *votes.entry(&line.package).or_default() += 1;
            }
        }
        let most = votes.values().max()?;
        let best: Vec<&str> = votes.iter().filter(|(_, count)| *count == most).map(|(source, _)| *source).collect();
        let common =
            |source: &&str| source.bytes().zip(binary.bytes()).take_while(|(left, right)| left == right).count();
        let named = best.iter().copied().find(|source| *source == binary);
        named.or_else(|| best.iter().copied().max_by_key(common)).map(str::to_owned)
    }

    /// Tells whether the tracker says that a package of a release never had a vulnerability.
    pub(super) fn denies(&self, release: &str, package: &str, id: &str) -> bool {
        let lines = self.0.get(id).into_iter().flat_map(|candidate| &candidate.lines);
        let own = lines.filter(|line| line.release == release && line.package == package);
        own.into_iter().any(|line| {
            let names_version = line.note.starts_with(|first: char| first.is_ascii_digit());
            line.status == "not-affected" && !names_version
        })
    }

    /// Returns what the tracker says of a package of a release, as it is written.
    pub(super) fn told(&self, release: &str, package: &str, id: &str) -> String {
        let lines = self.0.get(id).into_iter().flat_map(|candidate| &candidate.lines);
        let own = lines.filter(|line| line.release == release && line.package == package);
        own.map(|line| format!("{} {} ({})", line.written, line.status, line.note)).collect::<Vec<_>>().join("; ")
    }

    /// Writes the files, as Garrison's reader takes them.
    pub(super) fn write_files(&self, directory: &Path) -> Result<()> {
        let directory = directory.join("active");
        fs::create_dir_all(&directory)?;
        for (id, candidate) in &self.0 {
            fs::write(directory.join(id), &candidate.text)?;
        }
        Ok(())
    }

    /// Writes the workspace of Vunnel, Grype's collector: a record a vulnerability and release.
    pub(super) fn write_vunnel(&self, directory: &Path) -> Result<()> {
        const SCHEMA: &str =
            "https://raw.githubusercontent.com/anchore/vunnel/main/schema/vulnerability/os/schema-1.1.0.json";
        for (id, candidate) in &self.0 {
            let mut by_release: BTreeMap<String, Vec<Value>> = BTreeMap::new();
            for line in &candidate.lines {
                let release = format!("{}{}", line.release, if line.is_extended { "+esm" } else { "" });
                let (version, is_ignored) = match line.status.as_str() {
                    "released" if !line.note.is_empty() => (line.note.as_str(), false),
                    "ignored" => ("None", true),
                    "needed" | "active" | "deferred" | "needs-triage" | "pending" => ("None", false),
                    _ => continue,
                };
                let namespace = format!("ubuntu:{release}");
                by_release.entry(release).or_default().push(json!({
                    "Available": null, "Name": line.package, "NamespaceName": namespace, "Version": version,
                    "VersionFormat": "dpkg", "VendorAdvisory": {"NoAdvisory": is_ignored},
                }));
            }
            for (release, fixed_in) in by_release {
                let results = directory.join(format!("ubuntu/results/ubuntu@{release}"));
                fs::create_dir_all(&results)?;
                let lower = id.to_ascii_lowercase();
                let record = json!({"schema": SCHEMA, "identifier": format!("ubuntu:{release}/{lower}"), "item": {
                    "Vulnerability": {
                        "Description": "", "FixedIn": fixed_in, "Link": format!("https://ubuntu.com/security/{id}"),
                        "Metadata": {}, "Name": id, "NamespaceName": format!("ubuntu:{release}"),
                        "Severity": severity(&candidate.priority),
                    }
                }});
                fs::write(results.join(format!("{lower}.json")), serde_json::to_vec(&record)?)?;
            }
        }
        Ok(())
    }

    /// Writes the lists that Trivy's builder reads.
    pub(super) fn write_list(&self, directory: &Path) -> Result<()> {
        for (id, candidate) in &self.0 {
            let year = id.split('-').nth(1).unwrap_or_default();
            let directory = directory.join("ubuntu").join(year);
            fs::create_dir_all(&directory)?;
            let mut patches: BTreeMap<&str, BTreeMap<&str, Value>> = BTreeMap::new();
            for line in &candidate.lines {
                let stated = json!({"Status": line.status, "Note": line.note});
                patches.entry(&line.package).or_default().insert(&line.written, stated);
            }
            let record = json!({
                "Candidate": id, "PublicDate": "2020-01-01T00:00:00Z", "Description": "", "References": [], "Notes": [],
                "Priority": candidate.priority, "Patches": patches, "UpstreamLinks": {},
            });
            fs::write(directory.join(format!("{id}.json")), serde_json::to_vec(&record)?)?;
        }
        Ok(())
    }

    /// Writes OSV records, of which osv-scanner takes a zip.
    pub(super) fn write_osv(&self, directory: &Path) -> Result<()> {
        fs::create_dir_all(directory)?;
        for (id, candidate) in &self.0 {
            let mut affected = Vec::new();
            for line in candidate.lines.iter().filter(|line| !line.is_extended) {
                let mut events = vec![json!({"introduced": "0"})];
                match line.status.as_str() {
                    "released" if !line.note.is_empty() => events.push(json!({"fixed": line.note})),
                    "ignored" | "needed" | "active" | "deferred" | "needs-triage" | "pending" => {}
                    _ => continue,
                }
                let ecosystem = format!("Ubuntu:{}:LTS", line.release);
                affected.push(json!({
                    "package": {"ecosystem": ecosystem, "name": line.package},
                    "ranges": [{"type": "ECOSYSTEM", "events": events}],
                }));
            }
            let record = json!({
                "schema_version": "1.6.0", "id": format!("UBUNTU-{id}"), "upstream": [id], "related": [id],
                "modified": "2026-01-01T00:00:00Z", "published": "2020-01-01T00:00:00Z", "affected": affected,
            });
            fs::write(directory.join(format!("UBUNTU-{id}.json")), serde_json::to_vec(&record)?)?;
        }
        Ok(())
    }
}

fn candidate(text: String) -> Candidate {
    let mut priority = "medium".to_owned();
    let mut lines = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with([' ', '\t', '#'])) {
        let Some((head, value)) = line.split_once(':') else { continue };
        if head == "Priority" {
            value.split_whitespace().next().unwrap_or("medium").clone_into(&mut priority);
            continue;
        }
        let Some((written, package)) = head.trim_end().split_once('_') else { continue };
        let (codename, is_extended) = match written.split_once('/') {
            None => (written, false),
            Some((name, "esm") | ("esm-infra" | "esm-apps" | "esm-infra-legacy", name)) => (name, true),
            Some(_) => continue,
        };
        let Some((_, release)) = RELEASES.iter().find(|(known, _)| *known == codename) else { continue };
        let (status, note) = value.trim().split_once('(').unwrap_or((value.trim(), ""));
        lines.push(Line {
            written: written.to_owned(),
            release,
            is_extended,
            package: package.to_owned(),
            status: status.trim().to_owned(),
            note: note.trim_end().trim_end_matches(')').trim().to_owned(),
        });
    }
    Candidate { priority, lines, text }
}

fn severity(priority: &str) -> &'static str {
    match priority {
        "critical" => "Critical",
        "high" => "High",
        "medium" => "Medium",
        "low" => "Low",
        "negligible" => "Negligible",
        _ => "Unknown",
    }
}
