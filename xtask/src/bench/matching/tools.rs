//! Garrison and its peers: how each makes its database, what each is asked, and what its answer says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::advisories::{Advisories, canonical};
use super::distributions::{Distributions, KINDS};
use super::documents::{Input, Package, bare, package};
use super::ubuntu::Tracker;
use crate::workspace::execute;

/// What measures the memory of a child from outside; `getrusage` needs code that this workspace forbids.
pub(super) const TIME: &str = "/usr/bin/time";

/// What every tool's database is made of.
#[derive(Clone, Copy, Default)]
pub(super) struct Records<'a> {
    pub(super) languages: Option<&'a Advisories>,
    pub(super) distributions: Option<&'a Distributions>,
    pub(super) ubuntu: Option<&'a Tracker>,
}

impl Records<'_> {
    /// Returns the one name of each vulnerability that a name stands for.
    fn call(self, name: &str) -> Vec<String> {
        if let Some(names) = self.distributions.and_then(|set| set.names(name)) {
            return names;
        }
        let name = name.trim_start_matches("UBUNTU-");
        vec![self.languages.map_or(name, |advisories| advisories.call(name)).to_owned()]
    }
}

/// A vulnerability that a tool found: ecosystem, package, version, and the name that the set calls it by.
pub(super) type Found = BTreeSet<(String, String, String, String)>;

/// What a run took.
#[derive(Clone, Copy)]
pub(super) struct Cost {
    pub(super) wall: Duration,
    pub(super) processor_s: f64,
    pub(super) memory_mib: f64,
}

/// A tool whose database is made.
pub(super) struct Tool {
    pub(super) name: &'static str,
    program: PathBuf,
    kind: Kind,
    home: PathBuf,
    /// What making the database took, and its bytes on disk.
    pub(super) made: Cost,
    pub(super) database_bytes: u64,
}

#[derive(Clone, Copy)]
enum Kind {
    Garrison,
    Grype,
    Trivy,
    OsvScanner,
}

/// Makes each tool's database. What is not there or cannot be made is named, with the reason.
pub(super) fn make(garrison: &Path, records: Records<'_>, workshop: &Path) -> Result<(Vec<Tool>, Vec<String>)> {
    let mut tools = vec![Tool::garrison(garrison, records, workshop)?];
    let mut absent = Vec::new();
    for (name, make) in [
        ("grype", Tool::grype as fn(Records<'_>, &Path) -> Result<Option<Tool>>),
        ("trivy", Tool::trivy),
        ("osv-scanner", Tool::osv_scanner),
    ] {
        match make(records, workshop) {
            Ok(Some(tool)) => tools.push(tool),
            Ok(None) => absent.push(format!("{name} is not there")),
            Err(error) => absent.push(format!("{name}'s database could not be made: {error:#}")),
        }
    }
    Ok((tools, absent))
}

impl Tool {
    fn garrison(program: &Path, records: Records<'_>, workshop: &Path) -> Result<Self> {
        let (home, set) = (workshop.join("garrison"), workshop.join("set"));
        let mut command = Command::new(program);
        command.args(["db", "build", "--quiet"]);
        let mut feed = |name: &str, reader: &str, directory: &Path| {
            command.arg("--feed").arg(format!("{name}={reader}:{}", directory.display()));
        };
        if let Some(advisories) = records.languages {
            advisories.write_osv(&set.join("languages"), |_| true)?;
            feed("languages", "osv", &set.join("languages"));
        }
        if let Some(distributions) = records.distributions {
            distributions.write_osv(&set.join("distributions"))?;
            feed("distributions", "osv", &set.join("distributions"));
        }
        if let Some(tracker) = records.ubuntu {
            tracker.write_files(&set.join("ubuntu"))?;
            feed("ubuntu", "ubuntu-tracker", &set.join("ubuntu"));
        }
        let made = measure(command.env("XDG_DATA_HOME", &home), workshop, &[0])?.0;
        let database_bytes = bytes(&home.join("garrison/advisories"))?;
        Ok(Self { name: "garrison", program: program.to_owned(), kind: Kind::Garrison, home, made, database_bytes })
    }

    /// Its own module's `db.Build` makes the database, by way of a small program, `grype-db-build WORKSPACES OUTPUT`.
    fn grype(records: Records<'_>, workshop: &Path) -> Result<Option<Self>> {
        let Some((program, builder)) = testkit::program("grype").zip(testkit::program("grype-db-build")) else {
            return Ok(None);
        };
        let (home, workspaces, output) = (workshop.join("grype"), workshop.join("vunnel"), workshop.join("grype-made"));
        records.languages.map_or(Ok(()), |advisories| advisories.write_vunnel(&workspaces))?;
        records.distributions.map_or(Ok(()), |set| set.write_vunnel(&workspaces))?;
        records.ubuntu.map_or(Ok(()), |tracker| tracker.write_vunnel(&workspaces))?;
        let made = measure(Command::new(builder).arg(&workspaces).arg(&output), workshop, &[0])?.0;
        let archive = fs::read_dir(&output)?
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.to_string_lossy().ends_with(".tar.gz"))
            .context("no archive was made")?;
        let tool = Self { name: "grype", program, kind: Kind::Grype, home, made, database_bytes: 0 };
        execute(tool.command().args(["db", "import"]).arg(archive).stdout(Stdio::null()).stderr(Stdio::null()))?;
        let database_bytes = bytes(&tool.home)?;
        Ok(Some(Self { database_bytes, ..tool }))
    }

    fn trivy(records: Records<'_>, workshop: &Path) -> Result<Option<Self>> {
        let Some((program, builder)) = testkit::program("trivy").zip(testkit::program("trivy-db")) else {
            return Ok(None);
        };
        let (home, cache) = (workshop.join("trivy"), workshop.join("trivy-cache"));
        let mut sources = BTreeSet::new();
        if let Some(advisories) = records.languages {
            advisories.write_osv(&cache.join("govulndb/data/osv"), |id| id.starts_with("GO-"))?;
            // It takes of Go's database what is of Go itself, so that the rest goes where GitHub's are.
            advisories.write_osv(&cache.join("ghsa/advisories/github-reviewed"), |_| true)?;
            fs::create_dir_all(cache.join("cocoapods-specs/Specs"))?;
            sources.extend(["ghsa", "govulndb"]);
        } else {
            // It fails where no record has a severity, and Alpine's have none: a record about a package that nobody has.
            let record = json!({
                "schema_version": "1.4.0", "id": "GHSA-0000-0000-0000", "modified": "2020-01-01T00:00:00Z",
                "published": "2020-01-01T00:00:00Z", "aliases": [], "summary": "", "details": "", "references": [],
                "severity": [], "database_specific": {"severity": "LOW"},
                "affected": [{
                    "package": {"ecosystem": "npm", "name": "a-package-that-nobody-has"},
                    "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "0.0.1"}]}],
                }],
            });
            let directory = cache.join("ghsa/advisories/github-reviewed");
            fs::create_dir_all(&directory)?;
            fs::write(directory.join("GHSA-0000-0000-0000.json"), serde_json::to_vec(&record)?)?;
            fs::create_dir_all(cache.join("cocoapods-specs/Specs"))?;
            sources.insert("ghsa");
        }
        if let Some(distributions) = records.distributions {
            sources.extend(distributions.write_list(&cache)?);
        }
        if let Some(tracker) = records.ubuntu {
            tracker.write_list(&cache.join("vuln-list"))?;
            sources.insert("ubuntu");
        }
        let database = home.join("db");
        fs::create_dir_all(&database)?;
        let mut command = Command::new(builder);
        command.arg("build").arg("--cache-dir").arg(&cache).arg("--output-dir").arg(&database);
        for source in sources {
            command.args(["--only-update", source]);
        }
        command.args(["--update-interval", "24h"]);
        let made = measure(&mut command, workshop, &[0])?.0;
        let database_bytes = bytes(&database)?;
        Ok(Some(Self { name: "trivy", program, kind: Kind::Trivy, home, made, database_bytes }))
    }

    fn osv_scanner(records: Records<'_>, workshop: &Path) -> Result<Option<Self>> {
        const PACK: &str = "import shutil, sys; shutil.make_archive(sys.argv[1], 'zip', sys.argv[2])";
        let Some(program) = testkit::program("osv-scanner") else { return Ok(None) };
        let (home, sources) = (workshop.join("osv"), workshop.join("osv-sources"));
        let started = Instant::now();
        let mut directories = Vec::new();
        if let Some(advisories) = records.languages {
            directories.extend(advisories.write_by_ecosystem(&sources)?);
        }
        if let Some(distributions) = records.distributions {
            directories.extend(distributions.write_by_ecosystem(&sources)?);
        }
        if let Some(tracker) = records.ubuntu {
            let own = sources.join("Ubuntu");
            tracker.write_osv(&own)?;
            directories.push(own);
        }
        for directory in directories {
            let ecosystem = directory.file_name().context("a directory has a name")?;
            let archive = home.join("osv-scalibr").join(ecosystem);
            fs::create_dir_all(&archive)?;
            execute(Command::new("python3").args(["-c", PACK]).arg(archive.join("all")).arg(&directory))?;
        }
        // There is no database: it reads the records at each run.
        let made = Cost { wall: started.elapsed(), processor_s: 0.0, memory_mib: 0.0 };
        let database_bytes = bytes(&home)?;
        Ok(Some(Self { name: "osv-scanner", program, kind: Kind::OsvScanner, home, made, database_bytes }))
    }

    /// Tells whether it takes anything from a document.
    pub(super) fn can_be_asked(&self, input: &Input) -> bool {
        !matches!(self.kind, Kind::OsvScanner) || input.sources > 0
    }

    /// Tells whether it takes packages of a kind from a document.
    pub(super) fn reads(&self, ecosystem: &str) -> bool {
        !(matches!(self.kind, Kind::OsvScanner) && ecosystem == "rpm")
    }

    /// Returns the file that Garrison matches against; of others nothing.
    pub(super) fn garrison_database(&self) -> Option<PathBuf> {
        if !matches!(self.kind, Kind::Garrison) {
            return None;
        }
        let directory = fs::read_dir(self.home.join("garrison/advisories")).ok()?;
        directory
            .filter_map(|entry| Some(entry.ok()?.path()))
            .find(|path| path.extension().is_some_and(|extension| extension == "vulndb"))
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("XDG_CACHE_HOME", &self.home).env("XDG_DATA_HOME", &self.home).stdin(Stdio::null());
        command.env("TRIVY_CACHE_DIR", &self.home).env("GRYPE_DB_CACHE_DIR", &self.home);
        // None of them is to ask for news of itself or of its database.
        command.envs([
            ("GRYPE_DB_AUTO_UPDATE", "false"),
            ("GRYPE_DB_VALIDATE_AGE", "false"),
            ("GRYPE_CHECK_FOR_APP_UPDATE", "false"),
            ("TRIVY_SKIP_VERSION_CHECK", "true"),
            ("TRIVY_DISABLE_TELEMETRY", "true"),
        ]);
        command
    }

    /// Asks what is wrong with what a document lists.
    pub(super) fn scan(&self, input: &Input, workshop: &Path) -> Result<(Cost, String)> {
        let document = &input.document;
        let mut command = self.command();
        match self.kind {
            Kind::Garrison => command.args(["scan", "--quiet", "-o", "json"]).arg(document),
            Kind::Grype => command.args(["-q", "-o", "json"]).arg(format!("sbom:{}", document.display())),
            Kind::Trivy => command
                .args([
                    "sbom",
                    "--quiet",
                    "--format",
                    "json",
                    "--offline-scan",
                    "--skip-db-update",
                    "--skip-java-db-update",
                ])
                .arg(&input.for_trivy),
            Kind::OsvScanner => command
                .args(["scan", "source", "--offline", "--all-vulns", "--format", "json", "--verbosity", "error"])
                .args([std::ffi::OsString::from("--local-db-path"), self.home.clone().into(), "-L".into()])
                .arg(&input.of_sources),
        };
        // It says so by 1 when it found something; Garrison only when it is asked to.
        measure(&mut command, workshop, &[0, 1])
    }

    pub(super) fn read(&self, answer: &str, records: Records<'_>, input: &Input) -> Result<Found> {
        let value: Value =
            serde_json::from_str(answer).with_context(|| format!("{}'s answer is no JSON", self.name))?;
        let mut found = Found::new();
        let mut add = |package: Option<Package>, id: &str| {
            if let Some((ecosystem, name, version)) = package {
                let ids = records.call(id);
                found.extend(ids.into_iter().map(|id| (ecosystem.clone(), name.clone(), version.clone(), id)));
            }
        };
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        match self.kind {
            Kind::Garrison => {
                for finding in list(&value["findings"]) {
                    let counts = finding["suppressed"].is_null() && list(&finding["suppressions"]).is_empty();
                    if counts {
                        add(package(&text(&finding["component"]["purl"])), &text(&finding["vulnerability"]));
                    }
                }
            }
            Kind::Grype => {
                for one in list(&value["matches"]) {
                    add(package(&text(&one["artifact"]["purl"])), &text(&one["vulnerability"]["id"]));
                }
            }
            Kind::Trivy => {
                for one in list(&value["Results"]).iter().flat_map(|result| list(&result["Vulnerabilities"])) {
                    add(package(&text(&one["PkgIdentifier"]["PURL"])), &text(&one["VulnerabilityID"]));
                }
            }
            Kind::OsvScanner => {
                for one in list(&value["results"]).iter().flat_map(|result| list(&result["packages"])) {
                    let stated = &one["package"];
                    let ecosystem = text(&stated["ecosystem"]);
                    let ecosystem = packaged(&ecosystem).map_or(ecosystem, str::to_owned);
                    let name = canonical(&ecosystem, &text(&stated["name"]));
                    let version = bare(&ecosystem, &text(&stated["version"]));
                    let asked = (ecosystem, name, version);
                    for vulnerability in list(&one["vulnerabilities"]) {
                        let id = text(&vulnerability["id"]);
                        match input.built.get(&asked) {
                            Some(built) => built.iter().for_each(|package| add(Some(package.clone()), &id)),
                            None => add(Some(asked.clone()), &id),
                        }
                    }
                }
            }
        }
        Ok(found)
    }
}

/// The kind of packages of a distribution that osv-scanner names, as in `Debian:12`.
fn packaged(ecosystem: &str) -> Option<&'static str> {
    let family = ecosystem.split(':').next()?;
    if family == "Ubuntu" {
        return Some("deb");
    }
    KINDS.iter().find(|kind| kind.ecosystem == family).map(|kind| kind.ty)
}

fn bytes(directory: &Path) -> Result<u64> {
    super::advisories::files(directory)?.iter().map(|path| Ok(fs::metadata(path)?.len())).sum()
}

/// Runs a program, and tells what it took and wrote.
fn measure(command: &mut Command, workshop: &Path, codes: &[i32]) -> Result<(Cost, String)> {
    let measured = workshop.join("measured");
    let mut timed = Command::new(TIME);
    timed.args(["-f", "%U %S %M", "-o"]).arg(&measured).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        if let Some(value) = value {
            timed.env(name, value);
        }
    }
    let started = Instant::now();
    let output = timed.stdin(Stdio::null()).output()?;
    let wall = started.elapsed();
    if !output.status.code().is_some_and(|code| codes.contains(&code)) {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!(
            "`{}` ended with {}: {}",
            command.get_program().display(),
            output.status,
            said.chars().take(400).collect::<String>()
        );
    }
    let text = fs::read_to_string(&measured)?;
    let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [.., user, system, kib] = numbers.as_slice() else { bail!("`{TIME}` wrote `{text}`") };
    let cost = Cost { wall, processor_s: user + system, memory_mib: kib / 1024.0 };
    Ok((cost, String::from_utf8(output.stdout)?))
}
