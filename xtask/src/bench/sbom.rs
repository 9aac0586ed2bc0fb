//! `cargo xtask bench sbom`.

mod hub;
mod packages;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use aws_lc_rs::digest::{Context, SHA256};
use flate2::bufread::MultiGzDecoder;

use self::packages::Packages;
use crate::images;
use crate::workspace::{Workspace, execute};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Images to measure [default: all that are there]
    names: Vec<String>,
    /// Directory of the images [default: that of `cargo xtask images`]
    #[arg(long, value_name = "DIRECTORY")]
    directory: Option<PathBuf>,
    /// Runs of each, of which the fastest counts
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Binary of the hub to measure, to compare two builds [default: the one that was built]
    #[arg(long)]
    hub: Option<PathBuf>,
    /// Measures the hub alone
    #[arg(long)]
    only_hub: bool,
    /// Writes the report here
    #[arg(long)]
    report: Option<PathBuf>,
}

/// A program that lists what is in an image.
struct Tool {
    name: &'static str,
    program: PathBuf,
    /// The arguments for an image, and the file that the document goes to.
    arguments: fn(&Path, &Path) -> Vec<OsString>,
    /// What its empty cache holds nonetheless: files, and their paths in it.
    cached: Vec<(PathBuf, &'static str)>,
}

/// What a run took.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    processor_s: f64,
    memory_mib: f64,
}

const GARRISON: &str = "garrison";

/// What measures the memory of a child from outside; `getrusage` needs code that this workspace forbids.
const TIME: &str = "/usr/bin/time";

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    ensure!(Path::new(TIME).exists(), "`{TIME}` is not on this machine; `apt-get install time` brings it");
    if arguments.hub.is_none() || !arguments.only_hub {
        execute(workspace.cargo().args(["build", "--release", "-p", "garrison"]))?;
    }
    let directory = arguments.directory.clone().map_or_else(images::directory, Ok)?;
    let mut made = images::made(&directory);
    made.retain(|(name, _)| arguments.names.is_empty() || arguments.names.iter().any(|wanted| wanted == name));
    ensure!(!made.is_empty(), "no image is in `{}`; `cargo xtask images` makes them", directory.display());

    let workshop = tempfile::tempdir()?;
    let tools = if arguments.only_hub { Vec::new() } else { tools(workspace, workshop.path())? };
    let mut report =
        String::from("| image | tool | wall s | processor s | memory MiB | packages |\n|---|---|---|---|---|---|\n");
    let hub = arguments.hub.clone().unwrap_or_else(|| workspace.target_directory().join("release/garrison"));
    let mut hubs = String::from(
        "\nIn the hub, from the order of an inventory until it is in the index, with its documents:\n\n\
         | image | first seen ms | one small layer more ms | fastest | ratio | peak memory MiB |\n|---|---|---|---|---|---|\n",
    );
    let mut differences = String::from("\nDifferences by type, name and version:\n\n");
    for (name, image) in &made {
        eprintln!("{name}");
        let floor = decompress_and_hash(image)?;
        let _infallible =
            writeln!(report, "| {name} | decompressing and hashing alone | {:.2} | | | |", floor.as_secs_f64());
        let mut measured = Vec::new();
        for tool in &tools {
            measured.extend(measure(tool, image, workshop.path(), arguments.runs)?);
        }
        for row in &measured {
            report.push_str(&row.line(name));
        }
        report.push_str(&ratios(name, &measured));
        hubs.push_str(&hub_row(name, hub::measure(&hub, image, workshop.path())));
        differences.push_str(&different(name, &measured));
    }
    report.push_str(&hubs);
    report.push_str(&differences);
    println!("{report}");
    if let Some(path) = &arguments.report {
        fs::write(path, &report).with_context(|| format!("failed to write `{}`", path.display()))?;
    }
    Ok(())
}

fn hub_row(image: &str, taken: Result<hub::Taken>) -> String {
    match taken {
        Ok(taken) => format!(
            "| {image} | {:.0} | {:.1} | {:.1} | {:.0}x | {:.0} |\n",
            taken.cold_ms,
            taken.middle_ms(),
            taken.rebuilt_ms.first().copied().unwrap_or_default(),
            taken.cold_ms / taken.middle_ms(),
            taken.memory_mib
        ),
        Err(error) => format!("| {image} | {error} | | | | |\n"),
    }
}

/// What a tool took and found, as a row of the table.
struct Row {
    tool: &'static str,
    /// Whether it had what it keeps of layers.
    is_warm: bool,
    cost: Cost,
    packages: Packages,
}

impl Row {
    fn line(&self, image: &str) -> String {
        let Cost { wall, processor_s, memory_mib } = self.cost;
        format!(
            "| {image} | {}{} | {:.2} | {processor_s:.2} | {memory_mib:.0} | {} |\n",
            self.tool,
            if self.is_warm { ", layers known" } else { "" },
            wall.as_secs_f64(),
            self.packages.counts()
        )
    }
}

/// Says how often each peer's cost is Garrison's.
fn ratios(image: &str, rows: &[Row]) -> String {
    let Some(ours) = rows.iter().find(|row| row.tool == GARRISON && !row.is_warm) else { return String::new() };
    let line = |row: &Row| {
        let ratio = |ours: f64, theirs: f64| theirs / ours.max(f64::MIN_POSITIVE);
        format!(
            "| {image} | {} / garrison | {:.1}x | {:.1}x | {:.1}x | |\n",
            row.tool,
            ratio(ours.cost.wall.as_secs_f64(), row.cost.wall.as_secs_f64()),
            ratio(ours.cost.processor_s, row.cost.processor_s),
            ratio(ours.cost.memory_mib, row.cost.memory_mib)
        )
    };
    rows.iter().filter(|row| row.tool != GARRISON).map(line).collect()
}

/// Lists what all peers together have and Garrison has not, and the reverse.
fn different(image: &str, rows: &[Row]) -> String {
    let Some(ours) = rows.iter().find(|row| row.tool == GARRISON) else { return String::new() };
    let peers: Vec<(&str, &Packages)> =
        rows.iter().filter(|row| row.tool != GARRISON).map(|row| (row.tool, &row.packages)).collect();
    if peers.is_empty() {
        return String::new();
    }
    packages::differences(&ours.packages, &peers).into_iter().fold(String::new(), |mut text, line| {
        let _infallible = writeln!(text, "- {image}: {line}");
        text
    })
}

/// Garrison, and those of its peers that are here; `testkit` says which are not.
fn tools(workspace: &Workspace, workshop: &Path) -> Result<Vec<Tool>> {
    let mut tools = vec![Tool {
        name: GARRISON,
        program: workspace.target_directory().join("release/garrison"),
        arguments: |image, document| {
            let output = ["-o", &format!("syft-json={}", document.display())].map(OsString::from);
            let words = ["sbom", "--quiet"].map(OsString::from).into_iter().chain(output);
            words.chain([format!("oci:{}", image.display()).into()]).collect()
        },
        cached: Vec::new(),
    }];
    if let Some(program) = testkit::program("syft") {
        let arguments = |image: &Path, document: &Path| {
            let output = format!("syft-json={}", document.display());
            vec!["scan".into(), format!("oci-dir:{}", image.display()).into(), "-q".into(), "-o".into(), output.into()]
        };
        tools.push(Tool { name: "syft", program, arguments, cached: Vec::new() });
    }
    if let Some(program) = testkit::program("trivy") {
        let arguments = |image: &Path, document: &Path| {
            let words = [
                "image",
                "--quiet",
                "--format",
                "cyclonedx",
                "--offline-scan",
                "--skip-db-update",
                "--skip-java-db-update",
            ];
            let words = words.map(OsString::from).into_iter();
            words.chain(["--output".into(), document.into(), "--input".into(), image.into()]).collect()
        };
        tools.push(Tool { name: "trivy", program, arguments, cached: java_database(workshop)? });
    }
    Ok(tools)
}

/// Makes the database without which Trivy refuses images with Java archives: one without entries, as where nothing can be fetched.
fn java_database(workshop: &Path) -> Result<Vec<(PathBuf, &'static str)>> {
    const SCHEMA: &str = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).executescript('''
        CREATE TABLE artifacts(id INTEGER PRIMARY KEY, group_id TEXT, artifact_id TEXT);
        CREATE TABLE indices(artifact_id INTEGER, version TEXT, sha1 BLOB, archive_type TEXT,
            FOREIGN KEY (artifact_id) REFERENCES artifacts(id));
        CREATE UNIQUE INDEX artifacts_idx ON artifacts(artifact_id, group_id);
        CREATE INDEX indices_artifact_idx ON indices(artifact_id);
        CREATE UNIQUE INDEX indices_sha1_idx ON indices(sha1)''')";
    const METADATA: &str = r#"{"Version":1,"NextUpdate":"2100-01-01T00:00:00Z","UpdatedAt":"2024-01-01T00:00:00Z","DownloadedAt":"2024-01-01T00:00:00Z"}"#;
    let (database, metadata) = (workshop.join("trivy-java.db"), workshop.join("metadata.json"));
    execute(Command::new("python3").args(["-c", SCHEMA]).arg(&database))
        .context("Trivy's database is made by Python")?;
    fs::write(&metadata, METADATA)?;
    Ok(vec![(database, "java-db/trivy-java.db"), (metadata, "java-db/metadata.json")])
}

/// Runs a tool with empty caches; Garrison also with the caches that this left.
fn measure(tool: &Tool, image: &Path, workshop: &Path, runs: usize) -> Result<Vec<Row>> {
    let document = workshop.join("document.json");
    let once = |cache: &Path| -> Result<Cost> {
        let measured = workshop.join("measured");
        let mut command = Command::new(TIME);
        command.args(["-f", "%U %S %M", "-o"]).arg(&measured).arg(&tool.program);
        command.args((tool.arguments)(image, &document)).env("XDG_CACHE_HOME", cache).env("TRIVY_CACHE_DIR", cache);
        // None of them is to ask for news of itself.
        let silent =
            ["SYFT_CHECK_FOR_APP_UPDATE=false", "TRIVY_SKIP_VERSION_CHECK=true", "TRIVY_DISABLE_TELEMETRY=true"];
        command.envs(silent.iter().filter_map(|variable| variable.split_once('=')));
        command.stdout(Stdio::null()).stdin(Stdio::null());
        let started = Instant::now();
        execute(&mut command)?;
        let wall = started.elapsed();
        let text = fs::read_to_string(&measured)?;
        let numbers: Vec<f64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [user, system, kib] = numbers.as_slice() else { anyhow::bail!("`{TIME}` wrote `{text}`") };
        Ok(Cost { wall, processor_s: user + system, memory_mib: kib / 1024.0 })
    };
    let fastest = |costs: Vec<Cost>| costs.into_iter().min_by_key(|cost| cost.wall).context("at least one run");
    let mut cold = Vec::new();
    let mut cache = tempfile::tempdir_in(workshop)?;
    for _ in 0..runs.max(1) {
        cache = tempfile::tempdir_in(workshop)?;
        for (file, path) in &tool.cached {
            let path = cache.path().join(path);
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            fs::copy(file, path)?;
        }
        cold.push(once(cache.path())?);
    }
    let packages = Packages::read(&document)?;
    let mut rows = vec![Row { tool: tool.name, is_warm: false, cost: fastest(cold)?, packages: packages.clone() }];
    if tool.name == GARRISON {
        let warm = (0..runs.max(1)).map(|_| once(cache.path())).collect::<Result<_>>()?;
        rows.push(Row { tool: tool.name, is_warm: true, cost: fastest(warm)?, packages });
    }
    Ok(rows)
}

/// What no tool that checks digests can be faster than: each blob decompressed and hashed both ways, as many at once as there are processors.
fn decompress_and_hash(image: &Path) -> Result<Duration> {
    let blobs: Vec<PathBuf> =
        fs::read_dir(image.join("blobs/sha256"))?.map(|entry| Ok(entry?.path())).collect::<Result<_>>()?;
    let next = AtomicUsize::new(0);
    let started = Instant::now();
    std::thread::scope(|scope| {
        let work = || -> io::Result<()> {
            while let Some(path) = blobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut blob = Hashing {
                    reader: BufReader::with_capacity(256 << 10, File::open(path)?),
                    context: Context::new(&SHA256),
                };
                let mut magic = [0; 2];
                if File::open(path)?.read(&mut magic)? == 2 && magic == [0x1f, 0x8b] {
                    let tar = MultiGzDecoder::new(BufReader::with_capacity(256 << 10, &mut blob));
                    io::copy(
                        &mut BufReader::with_capacity(
                            256 << 10,
                            Hashing { reader: tar, context: Context::new(&SHA256) },
                        ),
                        &mut io::sink(),
                    )?;
                } else {
                    io::copy(&mut blob, &mut io::sink())?;
                }
            }
            Ok(())
        };
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_| io::Error::other("a worker panicked"))?)
    })?;
    Ok(started.elapsed())
}

struct Hashing<R> {
    reader: R,
    context: Context,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.context.update(&buffer[..count]);
        Ok(count)
    }
}
