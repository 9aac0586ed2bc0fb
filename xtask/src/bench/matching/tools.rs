//! Garrison and its peers: how each makes its database, what each is asked, and what its answer says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::advisories::{Advisories, canonical};
use super::ubuntu::Tracker;
use crate::workspace::execute;

/// What measures the memory of a child from outside; `getrusage` needs code that this workspace forbids.
pub(super) const TIME: &str = "/usr/bin/time";

/// The ecosystems of purls' types.
pub(super) const TYPES: &[(&str, &str)] = &[
    ("npm", "npm"),
    ("pypi", "PyPI"),
    ("maven", "Maven"),
    ("golang", "Go"),
    ("cargo", "crates.io"),
    ("gem", "RubyGems"),
    ("composer", "Packagist"),
    ("nuget", "NuGet"),
];

/// The ecosystem of the packages of a distribution.
pub(super) const DISTRIBUTION: &str = "deb";

/// What every tool's database is made of.
#[derive(Clone, Copy)]
pub(super) enum Records<'a> {
    Languages(&'a Advisories),
    Ubuntu(&'a Tracker),
}

impl Records<'_> {
    /// Returns the one name of a vulnerability.
    fn call(self, name: &str) -> String {
        match self {
            Self::Languages(advisories) => advisories.call(name).to_owned(),
            Self::Ubuntu(_) => name.trim_start_matches("UBUNTU-").to_owned(),
        }
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
        let reader = match records {
            Records::Languages(advisories) => advisories.write_osv(&set, |_| true).map(|()| "osv"),
            Records::Ubuntu(tracker) => tracker.write_files(&set).map(|()| "ubuntu-tracker"),
        }?;
        let mut command = Command::new(program);
        command.args(["db", "build", "--quiet", "--feed"]).arg(format!("set={reader}:{}", set.display()));
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
        match records {
            Records::Languages(advisories) => advisories.write_vunnel(&workspaces)?,
            Records::Ubuntu(tracker) => tracker.write_vunnel(&workspaces)?,
        }
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
        let sources: &[&str] = match records {
            Records::Languages(advisories) => {
                advisories.write_osv(&cache.join("govulndb/data/osv"), |id| id.starts_with("GO-"))?;
                // It takes of Go's database what is of Go itself, so that the rest goes where GitHub's are.
                advisories.write_osv(&cache.join("ghsa/advisories/github-reviewed"), |_| true)?;
                fs::create_dir_all(cache.join("cocoapods-specs/Specs"))?;
                &["ghsa", "govulndb"]
            }
            Records::Ubuntu(tracker) => {
                tracker.write_list(&cache.join("vuln-list"))?;
                &["ubuntu"]
            }
        };
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
        let directories = match records {
            Records::Languages(advisories) => advisories.write_by_ecosystem(&sources)?,
            Records::Ubuntu(tracker) => {
                let own = sources.join("Ubuntu");
                tracker.write_osv(&own)?;
                vec![own]
            }
        };
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
    pub(super) fn scan(&self, document: &Path, workshop: &Path) -> Result<(Cost, String)> {
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
                .arg(document),
            Kind::OsvScanner => command
                .args(["scan", "source", "--offline", "--all-vulns", "--format", "json", "--verbosity", "error"])
                .args([std::ffi::OsString::from("--local-db-path"), self.home.clone().into(), "-L".into()])
                .arg(document),
        };
        // It says so by 1 when it found something; Garrison only when it is asked to.
        measure(&mut command, workshop, &[0, 1])
    }

    pub(super) fn read(&self, answer: &str, records: Records<'_>) -> Result<Found> {
        let value: Value =
            serde_json::from_str(answer).with_context(|| format!("{}'s answer is no JSON", self.name))?;
        let mut found = Found::new();
        let mut add = |package: Option<(String, String, String)>, id: &str| {
            if let Some((ecosystem, name, version)) = package {
                found.insert((ecosystem, name, version, records.call(id)));
            }
        };
        let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
        match self.kind {
            Kind::Garrison => {
                for finding in list(&value["findings"]) {
                    let counts = finding["suppressed"].is_null() && list(&finding["suppressions"]).is_empty();
                    if counts && let Some(purl) = finding["component"]["purl"].as_str() {
                        add(
                            package(purl).or_else(|| of_distribution(purl)),
                            finding["vulnerability"].as_str().unwrap_or_default(),
                        );
                    }
                }
            }
            Kind::Grype => {
                for one in list(&value["matches"]) {
                    if let Some(purl) = one["artifact"]["purl"].as_str() {
                        add(
                            package(purl).or_else(|| of_distribution(purl)),
                            one["vulnerability"]["id"].as_str().unwrap_or_default(),
                        );
                    }
                }
            }
            Kind::Trivy => {
                for one in list(&value["Results"]).iter().flat_map(|result| list(&result["Vulnerabilities"])) {
                    if let Some(purl) = one["PkgIdentifier"]["PURL"].as_str() {
                        add(
                            package(purl).or_else(|| of_distribution(purl)),
                            one["VulnerabilityID"].as_str().unwrap_or_default(),
                        );
                    }
                }
            }
            Kind::OsvScanner => {
                for one in list(&value["results"]).iter().flat_map(|result| list(&result["packages"])) {
                    let stated = &one["package"];
                    let text = |field: &str| stated[field].as_str().unwrap_or_default().to_owned();
                    let ecosystem = text("ecosystem");
                    let is_distribution = ecosystem.starts_with("Ubuntu");
                    let ecosystem = if is_distribution { DISTRIBUTION.to_owned() } else { ecosystem };
                    let name = canonical(&ecosystem, &text("name"));
                    for vulnerability in list(&one["vulnerabilities"]) {
                        let package = (ecosystem.clone(), name.clone(), bare(&ecosystem, &text("version")));
                        add(Some(package), vulnerability["id"].as_str().unwrap_or_default());
                    }
                }
            }
        }
        Ok(found)
    }
}

/// Go's versions are written with a `v` and without.
fn bare(ecosystem: &str, version: &str) -> String {
    let version = if ecosystem == "Go" { version.strip_prefix('v').unwrap_or(version) } else { version };
    version.to_owned()
}

/// Returns ecosystem, name and version of a purl of one of the types.
pub(super) fn package(purl: &str) -> Option<(String, String, String)> {
    let (ty, rest) = purl.strip_prefix("pkg:")?.split_once('/')?;
    let (_, ecosystem) = TYPES.iter().find(|(known, _)| *known == ty)?;
    let rest = rest.split(['?', '#']).next()?;
    let (path, version) = rest.rsplit_once('@')?;
    let path = decode(path);
    let name = match *ecosystem {
        "Maven" => path.replacen('/', ":", 1),
        _ => path,
    };
    Some(((*ecosystem).to_owned(), canonical(ecosystem, &name), bare(ecosystem, &decode(version))))
}

/// Returns a package of Debian's kind.
fn of_distribution(purl: &str) -> Option<(String, String, String)> {
    let rest = purl.strip_prefix("pkg:deb/")?.split(['?', '#']).next()?;
    let (path, version) = rest.rsplit_once('@')?;
    let name = path.rsplit('/').next()?;
    Some((DISTRIBUTION.to_owned(), decode(name), decode(version)))
}

fn decode(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('%') {
        decoded.push_str(before);
        let code = after.get(..2).and_then(|code| u8::from_str_radix(code, 16).ok());
        match code.filter(u8::is_ascii) {
            Some(code) => decoded.push(char::from(code)),
            None => return text.to_owned(),
        }
        rest = &after[2..];
    }
    decoded + rest
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
