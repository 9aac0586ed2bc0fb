//! `cargo xtask bench sbom`.

use std::collections::BTreeMap;
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
use serde_json::Value;

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
}

/// What a run took.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    processor_s: f64,
    memory_mib: f64,
}

/// Packages by the type of their purls.
type Packages = BTreeMap<String, usize>;

/// What measures the memory of a child from outside; `getrusage` needs code that this workspace forbids.
const TIME: &str = "/usr/bin/time";

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    ensure!(Path::new(TIME).exists(), "`{TIME}` is not on this machine; `apt-get install time` brings it");
    execute(workspace.cargo().args(["build", "--release", "-p", "garrison"]))?;
    let directory = arguments.directory.clone().map_or_else(images::directory, Ok)?;
    let mut made = images::made(&directory);
    made.retain(|(name, _)| arguments.names.is_empty() || arguments.names.iter().any(|wanted| wanted == name));
    ensure!(!made.is_empty(), "no image is in `{}`; `cargo xtask images` makes them", directory.display());

    let workshop = tempfile::tempdir()?;
    let tools = tools(workspace);
    let mut report =
        String::from("| image | tool | wall s | processor s | memory MiB | packages |\n|---|---|---|---|---|---|\n");
    for (name, image) in &made {
        eprintln!("{name}");
        let floor = decompress_and_hash(image)?;
        let _infallible =
            writeln!(report, "| {name} | decompressing and hashing alone | {:.2} | | | |", floor.as_secs_f64());
        for tool in &tools {
            for (label, cost, packages) in measure(tool, image, workshop.path(), arguments.runs)? {
                let packages: Vec<String> = packages.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
                let Cost { wall, processor_s, memory_mib } = cost;
                let _infallible = writeln!(
                    report,
                    "| {name} | {label} | {:.2} | {processor_s:.2} | {memory_mib:.0} | {} |",
                    wall.as_secs_f64(),
                    packages.join(", ")
                );
            }
        }
    }
    println!("{report}");
    if let Some(path) = &arguments.report {
        fs::write(path, &report).with_context(|| format!("failed to write `{}`", path.display()))?;
    }
    Ok(())
}

/// Garrison, and those of its peers that are here; `testkit` says which are not.
fn tools(workspace: &Workspace) -> Vec<Tool> {
    let mut tools = vec![Tool {
        name: "garrison",
        program: workspace.target_directory().join("release/garrison"),
        arguments: |image, document| {
            let output = ["-o", &format!("syft-json={}", document.display())].map(OsString::from);
            let words = ["sbom", "--quiet"].map(OsString::from).into_iter().chain(output);
            words.chain([format!("oci:{}", image.display()).into()]).collect()
        },
    }];
    if let Some(program) = testkit::program("syft") {
        let arguments = |image: &Path, document: &Path| {
            let output = format!("syft-json={}", document.display());
            vec!["scan".into(), format!("oci-dir:{}", image.display()).into(), "-q".into(), "-o".into(), output.into()]
        };
        tools.push(Tool { name: "syft", program, arguments });
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
        tools.push(Tool { name: "trivy", program, arguments });
    }
    tools
}

/// Runs a tool with empty caches; Garrison also with the caches that this left.
fn measure(tool: &Tool, image: &Path, workshop: &Path, runs: usize) -> Result<Vec<(String, Cost, Packages)>> {
    let document = workshop.join("document.json");
    let once = |cache: &Path| -> Result<Cost> {
        let measured = workshop.join("measured");
        let mut command = Command::new(TIME);
        command.args(["-f", "%U %S %M", "-o"]).arg(&measured).arg(&tool.program);
        command.args((tool.arguments)(image, &document)).env("XDG_CACHE_HOME", cache).env("TRIVY_CACHE_DIR", cache);
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
        cold.push(once(cache.path())?);
    }
    let packages = count(&document)?;
    let mut rows = vec![(tool.name.to_owned(), fastest(cold)?, packages.clone())];
    if tool.name == "garrison" {
        let warm = (0..runs.max(1)).map(|_| once(cache.path())).collect::<Result<_>>()?;
        rows.push(("garrison, layers known".to_owned(), fastest(warm)?, packages));
    }
    Ok(rows)
}

/// Counts the packages in a document, each purl once.
fn count(document: &Path) -> Result<Packages> {
    let document: Value = serde_json::from_reader(BufReader::new(File::open(document)?))?;
    let listed = document["artifacts"].as_array().or(document["components"].as_array());
    let purls: std::collections::BTreeSet<&str> =
        listed.into_iter().flatten().filter_map(|package| package["purl"].as_str()).collect();
    let mut packages = Packages::new();
    for purl in purls {
        let kind = purl.strip_prefix("pkg:").and_then(|rest| rest.split('/').next()).unwrap_or("other");
        *packages.entry(kind.to_owned()).or_default() += 1;
    }
    Ok(packages)
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
