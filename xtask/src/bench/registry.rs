//! `cargo xtask bench registry`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use aws_lc_rs::digest::{SHA256, digest};

use super::http::Connection;
use super::load::{self, Outcome};
use super::server::{Inventories, Kind, Server, peer};
use super::{full, paced};
use crate::workspace::Workspace;

const MIB: usize = 1 << 20;
const REPOSITORY: &str = "bench/load";
const CROWDED: &str = "bench/crowded";
const SINGLE: &str = "bench/single";
const PACED: &str = "bench/paced";
/// What is collected is in a repository of its own: as long as one is pushed to, its blobs stay.
const GARBAGE: &str = "bench/garbage";
const REPOSITORIES: [&str; 4] = [REPOSITORY, CROWDED, SINGLE, PACED];
const MANIFEST_TYPE: &str = "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n";
/// Without it distribution answers 404 for an OCI manifest.
const ACCEPT: &str = "Accept: application/vnd.oci.image.manifest.v1+json\r\n";
const CLIENTS: [usize; 3] = [1, 8, 32];
const GIB_CHUNK: usize = 4 * MIB;
/// Pushes whose syncs are counted.
const PUSHES: usize = 20;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Blobs of 1 MiB in a push or pull
    #[arg(long, default_value_t = 300)]
    blobs: usize,
    /// Manifests in a push
    #[arg(long, default_value_t = 500)]
    manifests: usize,
    /// Requests in a read of manifests
    #[arg(long, default_value_t = 20_000)]
    reads: usize,
    /// Tags in the crowded repository (Garrison alone)
    #[arg(long, default_value_t = 100_000)]
    tags: usize,
    /// Bytes of the large blob, in MiB
    #[arg(long, default_value_t = 1024)]
    large_mib: usize,
    /// Manifests in the hub whose start is timed (Garrison alone)
    #[arg(long, default_value_t = 1_000_000)]
    start_manifests: usize,
    /// Runs only the parts whose name begins so; may be given several times
    #[arg(long)]
    only: Vec<String>,
    /// Program to measure instead of building one
    #[arg(long)]
    binary: Option<PathBuf>,
    /// Another build of Garrison to measure in the same run
    #[arg(long)]
    beside: Option<PathBuf>,
    /// PostgreSQL to measure Garrison on as well, as a URL of an empty database
    #[arg(long)]
    postgres: Option<String>,
    /// Directory for the servers' data, on the disk to measure
    #[arg(long)]
    directory: Option<PathBuf>,
    /// Writes the report here
    #[arg(long)]
    report: Option<PathBuf>,
}

/// One line of the report: a figure of each server.
struct Row {
    name: String,
    unit: &'static str,
    figures: BTreeMap<String, f64>,
    higher_is_better: bool,
}

struct Bench<'a> {
    arguments: &'a Arguments,
    servers: Vec<Server>,
    rows: Vec<Row>,
    notes: Vec<String>,
}

pub(crate) fn run(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    let binary = match &arguments.binary {
        Some(binary) => binary.clone(),
        None => build(workspace)?,
    };
    let directory = match &arguments.directory {
        Some(directory) => directory.clone(),
        None => std::env::temp_dir().join(format!("garrison-bench-{}", std::process::id())),
    };
    fs::create_dir_all(&directory)?;
    let mut servers = vec![Server::garrison(&binary, &directory.join("garrison"), Inventories::Off, &[])?];
    if let Some(other) = &arguments.beside {
        let mut server = Server::garrison(other, &directory.join("garrison-beside"), Inventories::Off, &[])?;
        "garrison (beside)".clone_into(&mut server.label);
        servers.push(server);
    }
    if let Some(url) = &arguments.postgres {
        servers.push(on_postgres(&binary, &directory, url, Inventories::Off)?);
    }
    match peer(&["zot", "zot-minimal"]) {
        Some(zot) => servers.push(Server::zot(&zot, &directory.join("zot"))?),
        None => eprintln!("ABSENT: zot is neither on PATH nor in GARRISON_PEERS"),
    }
    match peer(&["registry", "docker-registry"]) {
        Some(distribution) => servers.push(Server::distribution(&distribution, &directory.join("distribution"))?),
        None => eprintln!("ABSENT: distribution's `registry` is neither on PATH nor in GARRISON_PEERS"),
    }
    let mut bench = Bench { arguments, servers, rows: Vec::new(), notes: Vec::new() };
    let outcome = bench.measure(&directory, &binary);
    let report = bench.report();
    println!("{report}");
    drop(bench);
    let _ = fs::remove_dir_all(&directory);
    outcome?;
    if let Some(path) = &arguments.report {
        fs::write(path, report)?;
    }
    Ok(())
}

pub(crate) fn build(workspace: &Workspace) -> Result<PathBuf> {
    let status = workspace.cargo().args(["build", "--release", "-p", "garrison"]).status()?;
    ensure!(status.success(), "the release build failed");
    Ok(workspace.target_directory().join("release").join("garrison"))
}

/// Starts Garrison on `PostgreSQL`.
pub(crate) fn on_postgres(binary: &Path, directory: &Path, url: &str, inventories: Inventories) -> Result<Server> {
    let directory = directory.join("garrison-postgresql");
    fs::create_dir_all(&directory)?;
    let key = directory.join("master.key");
    fs::write(&key, digest(&SHA256, url.as_bytes()).as_ref())?;
    fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let extra = ["--database".to_owned(), url.to_owned(), "--master-key-file".to_owned(), key.display().to_string()];
    let mut server = Server::garrison(binary, &directory, inventories, &extra)?;
    "garrison (PostgreSQL)".clone_into(&mut server.label);
    Ok(server)
}

impl Bench<'_> {
    fn measure(&mut self, directory: &Path, binary: &Path) -> Result<()> {
        self.part("idle", Self::idle)?;
        self.part("disk", |bench| bench.disk(directory))?;
        self.part("syncs", Self::syncs)?;
        self.part("blob push", Self::push_blobs)?;
        self.part("blob pull", Self::pull_blobs)?;
        self.part("manifest put", Self::put_manifests)?;
        self.part("manifest get", Self::get_manifests)?;
        self.part("large", Self::large)?;
        self.part("memory", Self::memory)?;
        self.part("crowd", Self::crowd)?;
        self.part("paced", Self::paced)?;
        self.part("collection", |bench| bench.collection(directory, binary))?;
        self.part("start", |bench| bench.start(directory, binary))
    }

    fn part(&mut self, name: &str, measure: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let only = &self.arguments.only;
        if !only.is_empty() && !only.iter().any(|only| name.starts_with(only.as_str())) {
            return Ok(());
        }
        eprintln!("{name} …");
        for server in &mut self.servers {
            server.log_in(&REPOSITORIES)?;
        }
        measure(self).with_context(|| format!("failed to measure `{name}`"))
    }

    fn row(&mut self, name: String, unit: &'static str, higher_is_better: bool, figures: Vec<(String, f64)>) {
        self.rows.push(Row { name, unit, higher_is_better, figures: figures.into_iter().collect() });
    }

    /// Measures one load on every server, in turn, and their processor time with it.
    fn each(
        &mut self,
        name: &str,
        clients: usize,
        count: usize,
        operation: impl Fn(&Server, &mut Connection, usize) -> Result<()> + Sync,
    ) -> Result<()> {
        let (mut rates, mut costs) = (Vec::new(), Vec::new());
        for server in &self.servers {
            let before = server.cpu_seconds()?;
            let outcome = load::run(server.address, &server.authorization, clients, count, |connection, index| {
                operation(server, connection, index)
            })?;
            let cpu_ms = (server.cpu_seconds()? - before) * 1000.0 / count as f64;
            rates.push((server.label.clone(), outcome.per_second));
            costs.push((server.label.clone(), cpu_ms));
        }
        self.row(format!("{name}, {clients} clients"), "/s", true, rates);
        self.row(format!("{name}, {clients} clients: server CPU"), "ms each", false, costs);
        Ok(())
    }

    fn idle(&mut self) -> Result<()> {
        let start =
            self.servers.iter().map(|server| (server.label.clone(), server.started_in.as_secs_f64() * 1e3)).collect();
        self.row("start on an empty directory".to_owned(), "ms", false, start);
        let memory = self.servers.iter().map(|server| Ok((server.label.clone(), server.memory_mib()?.0)));
        let memory = memory.collect::<Result<_>>()?;
        self.row("idle memory".to_owned(), "MiB", false, memory);
        Ok(())
    }

    /// What the disk itself gives: files of 1 MiB, each written and synced.
    fn disk(&mut self, directory: &Path) -> Result<()> {
        for clients in CLIENTS {
            let place = directory.join(format!("disk-{clients}"));
            fs::create_dir_all(&place)?;
            let count = self.arguments.blobs;
            let begin = Instant::now();
            std::thread::scope(|scope| {
                for client in 0..clients {
                    let place = &place;
                    scope.spawn(move || -> Result<()> {
                        for index in (client..count).step_by(clients) {
                            let mut file = fs::File::create(place.join(index.to_string()))?;
                            file.write_all(&content(index, 99))?;
                            rustix::fs::fdatasync(file.as_fd())?;
                        }
                        Ok(())
                    });
                }
            });
            let rate = count as f64 / begin.elapsed().as_secs_f64();
            self.notes.push(format!(
                "the disk's own ceiling with {clients} writers: {rate:.0} synced files of 1 MiB a second"
            ));
            fs::remove_dir_all(&place)?;
        }
        Ok(())
    }

    /// Syncs that each server makes for one blob and one manifest, counted by `strace`.
    fn syncs(&mut self) -> Result<()> {
        let Some(strace) = peer(&["strace"]) else {
            self.notes.push("syncs per push were not counted: strace is absent".to_owned());
            return Ok(());
        };
        let mut figures = Vec::new();
        for server in &self.servers {
            let output = std::env::temp_dir().join(format!("garrison-bench-strace-{}", server.process()));
            let mut tracer = Command::new(&strace)
                .args(["-f", "-c", "-e", "trace=fsync,fdatasync,sync_file_range,syncfs", "-o"])
                .arg(&output)
                .args(["-p", &server.process().to_string()])
                .stderr(Stdio::null())
                .spawn()?;
            std::thread::sleep(Duration::from_millis(500));
            load::run(server.address, &server.authorization, 1, PUSHES, |connection, index| {
                push_blob(connection, REPOSITORY, &content(index, 7))?;
                Ok(())
            })?;
            let _ = Command::new("kill").args(["-INT", &tracer.id().to_string()]).status();
            tracer.wait()?;
            let text = fs::read_to_string(&output).unwrap_or_default();
            let calls: f64 = text
                .lines()
                .filter(|line| line.contains("sync"))
                .filter_map(|line| line.split_whitespace().nth(3)?.parse::<f64>().ok())
                .sum();
            let _ = fs::remove_file(&output);
            figures.push((server.label.clone(), calls / PUSHES as f64));
        }
        self.row("syncs per blob push, one client".to_owned(), "calls", false, figures);
        Ok(())
    }

    fn push_blobs(&mut self) -> Result<()> {
        for clients in CLIENTS {
            let contents = named_contents(self.arguments.blobs, clients, MIB);
            self.each("push of 1 MiB (POST, PUT)", clients, contents.len(), |_, connection, index| {
                let (name, bytes) = &contents[index];
                push_named(connection, REPOSITORY, name, bytes)
            })?;
        }
        Ok(())
    }

    fn pull_blobs(&mut self) -> Result<()> {
        let blobs = self.arguments.blobs;
        let paths: Vec<String> = (0..blobs).map(|index| blob_path(REPOSITORY, &content(index, CLIENTS[0]))).collect();
        for server in &self.servers {
            let mut connection = Connection::open(server.address, &server.authorization)?;
            for index in 0..blobs {
                push_blob(&mut connection, REPOSITORY, &content(index, CLIENTS[0]))?;
            }
        }
        for clients in CLIENTS {
            self.each("pull of 1 MiB", clients, blobs * 5, |_, connection, index| {
                let answer = connection.expect(200, "GET", &paths[index % blobs], "", b"")?;
                ensure!(answer.body_bytes == MIB as u64, "a pull gave {} bytes", answer.body_bytes);
                Ok(())
            })?;
        }
        Ok(())
    }

    fn put_manifests(&mut self) -> Result<()> {
        let layers = self.push_layers(REPOSITORY)?;
        for clients in CLIENTS {
            self.each(
                "manifest PUT by a new tag, 8 layers",
                clients,
                self.arguments.manifests,
                |_, connection, index| {
                    let body = manifest(&layers, &format!("{clients}-{index}"));
                    let path = format!("/v2/{REPOSITORY}/manifests/t{clients}-{index}");
                    connection.expect(201, "PUT", &path, MANIFEST_TYPE, body.as_bytes()).map(drop)
                },
            )?;
        }
        Ok(())
    }

    fn push_layers(&self, repository: &str) -> Result<Vec<(String, usize)>> {
        let contents: Vec<Vec<u8>> = (0..9).map(|index| content(index, 1000)[..1024].to_vec()).collect();
        for server in &self.servers {
            let mut connection = Connection::open(server.address, &server.authorization)?;
            for bytes in &contents {
                push_blob(&mut connection, repository, bytes)?;
            }
        }
        Ok(contents.iter().map(|bytes| (name_of(bytes), bytes.len())).collect())
    }

    fn get_manifests(&mut self) -> Result<()> {
        let layers = self.push_layers(SINGLE)?;
        for server in &self.servers {
            let mut connection = Connection::open(server.address, &server.authorization)?;
            let body = manifest(&layers, "single");
            connection.expect(201, "PUT", "/v2/bench/single/manifests/one", MANIFEST_TYPE, body.as_bytes())?;
        }
        for method in ["GET", "HEAD"] {
            for clients in CLIENTS {
                let reads = self.arguments.reads;
                let name = format!("manifest {method} by tag, repository with 1 tag");
                self.each(&name, clients, reads, |_, connection, _| {
                    connection.expect(200, method, "/v2/bench/single/manifests/one", ACCEPT, b"").map(drop)
                })?;
            }
        }
        Ok(())
    }

    fn large(&mut self) -> Result<()> {
        let bytes = self.arguments.large_mib * MIB;
        let chunk = content(1, 5).repeat(GIB_CHUNK / MIB);
        let mut hash = aws_lc_rs::digest::Context::new(&SHA256);
        for _ in 0..bytes / GIB_CHUNK {
            hash.update(&chunk);
        }
        let name = format!("sha256:{}", hex(hash.finish().as_ref()));
        let (mut pushes, mut pulls) = (Vec::new(), Vec::new());
        for server in &self.servers {
            let mut connection = Connection::open(server.address, &server.authorization)?;
            let begin = Instant::now();
            let start = connection.expect(202, "POST", &format!("/v2/{REPOSITORY}/blobs/uploads/"), "", b"")?;
            let at = start.location.context("an upload has no location")?;
            let octets = "Content-Type: application/octet-stream\r\n";
            let patched = connection.send_parts("PATCH", &at, octets, bytes as u64, |stream| {
                for _ in 0..bytes / GIB_CHUNK {
                    stream.write_all(&chunk)?;
                }
                Ok(())
            })?;
            ensure!(patched.status == 202, "{} answered a PATCH with {}", server.label, patched.status);
            let at = patched.location.context("a chunk has no location")?;
            connection.expect(201, "PUT", &with_digest(&at, &name), "", b"")?;
            pushes.push((server.label.clone(), self.arguments.large_mib as f64 / begin.elapsed().as_secs_f64()));
            let begin = Instant::now();
            let pulled = connection.expect(200, "GET", &format!("/v2/{REPOSITORY}/blobs/{name}"), "", b"")?;
            ensure!(pulled.body_bytes == bytes as u64, "a pull gave {} bytes", pulled.body_bytes);
            pulls.push((server.label.clone(), self.arguments.large_mib as f64 / begin.elapsed().as_secs_f64()));
        }
        self.row(format!("push of {} MiB (POST, PATCH, PUT)", self.arguments.large_mib), "MiB/s", true, pushes);
        self.row(format!("pull of {} MiB", self.arguments.large_mib), "MiB/s", true, pulls);
        Ok(())
    }

    fn memory(&mut self) -> Result<()> {
        let peaks = self.servers.iter().map(|server| Ok((server.label.clone(), server.memory_mib()?.1)));
        let peaks = peaks.collect::<Result<_>>()?;
        self.row("peak memory over all of the above".to_owned(), "MiB", false, peaks);
        Ok(())
    }

    /// The same operations beside one tag and beside many, each of a manifest of its own: Garrison alone, since filling a peer takes hours.
    fn crowd(&mut self) -> Result<()> {
        let layers = self.push_layers(CROWDED)?;
        let tags = self.arguments.tags;
        for at in 0..self.servers.len() {
            if self.servers[at].kind != Kind::Garrison {
                continue;
            }
            let label = self.servers[at].label.clone();
            let alone = self.probe(at, &layers, "alone")?;
            eprintln!("  filling {label} with {tags} tags …");
            let per_login = 20_000;
            for first in (0..tags).step_by(per_login) {
                self.servers[at].log_in(&REPOSITORIES)?;
                let server = &self.servers[at];
                let count = per_login.min(tags - first);
                load::run(server.address, &server.authorization, 32, count, |connection, index| {
                    let tag = first + index;
                    let body = manifest(&layers, &format!("crowd-{tag}"));
                    let path = format!("/v2/{CROWDED}/manifests/crowd-{tag}");
                    connection.expect(201, "PUT", &path, MANIFEST_TYPE, body.as_bytes()).map(drop)
                })?;
            }
            self.servers[at].log_in(&REPOSITORIES)?;
            let crowded = self.probe(at, &layers, "crowded")?;
            for (name, before) in &alone {
                let after = crowded.get(name).copied().unwrap_or(f64::NAN);
                let figures = vec![("1 tag".to_owned(), *before), (format!("{tags} tags"), after)];
                self.row(format!("{label}: {name}"), "µs, median", false, figures);
            }
        }
        Ok(())
    }

    /// Median times of operations in the crowded repository.
    fn probe(&self, at: usize, layers: &[(String, usize)], mark: &str) -> Result<BTreeMap<&'static str, f64>> {
        let server = &self.servers[at];
        let median = |count: usize, operation: &(dyn Fn(&mut Connection, usize) -> Result<()> + Sync)| {
            let outcome = load::run(server.address, &server.authorization, 1, count, operation)?;
            anyhow::Ok(outcome.p50.as_secs_f64() * 1e6)
        };
        let put = |connection: &mut Connection, tag: &str, extra: &str| {
            let body = manifest(layers, extra);
            connection.expect(201, "PUT", &format!("/v2/{CROWDED}/manifests/{tag}"), MANIFEST_TYPE, body.as_bytes())
        };
        let mut connection = Connection::open(server.address, &server.authorization)?;
        put(&mut connection, &format!("probe-{mark}"), &format!("probe-{mark}"))?;
        let subject = name_of(manifest(layers, &format!("probe-{mark}")).as_bytes());
        push_blob(&mut connection, "bench/load", &content(3, 2000))?;
        let mounted = name_of(&content(3, 2000));
        let mut figures = BTreeMap::new();
        figures.insert(
            "GET by tag",
            median(2_000, &|connection, _| {
                connection.expect(200, "GET", &format!("/v2/{CROWDED}/manifests/probe-{mark}"), "", b"").map(drop)
            })?,
        );
        figures.insert(
            "PUT by a new tag",
            median(200, &|connection, index| {
                put(connection, &format!("new-{mark}-{index}"), &format!("new-{mark}-{index}")).map(drop)
            })?,
        );
        figures.insert(
            "tags list, n=100",
            median(500, &|connection, _| {
                connection.expect(200, "GET", &format!("/v2/{CROWDED}/tags/list?n=100"), "", b"").map(drop)
            })?,
        );
        figures.insert(
            "mount",
            median(200, &|connection, _| {
                let path = format!("/v2/{CROWDED}/blobs/uploads/?mount={mounted}&from=bench/load");
                connection.expect(201, "POST", &path, "", b"").map(drop)
            })?,
        );
        figures.insert(
            "referrers",
            median(500, &|connection, _| {
                connection.expect(200, "GET", &format!("/v2/{CROWDED}/referrers/{subject}"), "", b"").map(drop)
            })?,
        );
        figures.insert(
            "DELETE by tag",
            median(200, &|connection, index| {
                let path = format!("/v2/{CROWDED}/manifests/new-{mark}-{index}");
                connection.expect(202, "DELETE", &path, "", b"").map(drop)
            })?,
        );
        Ok(figures)
    }

    /// 2,000 reads a second over 500 connections.
    fn paced(&mut self) -> Result<()> {
        let layers = self.push_layers(PACED)?;
        let mut figures = Vec::new();
        for server in &self.servers {
            let mut connection = Connection::open(server.address, &server.authorization)?;
            let body = manifest(&layers, "paced");
            connection.expect(201, "PUT", "/v2/bench/paced/manifests/one", MANIFEST_TYPE, body.as_bytes())?;
            let request = format!(
                "GET /v2/bench/paced/manifests/one HTTP/1.1\r\nHost: bench\r\n{}{ACCEPT}\r\n",
                server.authorization
            );
            let outcome = paced::run(server.address, &request, 500, 20_000, 2_000.0)?;
            figures.push((server.label.clone(), outcome.p99.as_secs_f64() * 1e3));
        }
        self.row("manifest GET at 2,000/s over 500 connections: p99".to_owned(), "ms", false, figures);
        Ok(())
    }

    /// Pushes with and without 10,000 blobs being collected: a hub of its own with a short grace period.
    fn collection(&mut self, directory: &Path, binary: &Path) -> Result<()> {
        let extra = ["--collect-grace".to_owned(), "20s".to_owned()];
        let mut server = Server::garrison(binary, &directory.join("garrison-collection"), Inventories::Off, &extra)?;
        server.log_in(&[REPOSITORY, GARBAGE])?;
        let push =
            |server: &Server, repository: &str, clients: usize, contents: &[(String, Vec<u8>)]| -> Result<Outcome> {
                load::run(server.address, &server.authorization, clients, contents.len(), |connection, index| {
                    let (name, bytes) = &contents[index];
                    push_named(connection, repository, name, bytes)
                })
            };
        let [first, second] = [3000, 5000].map(|mark| named_contents(5_000, mark, 4096));
        let quiet = push(&server, REPOSITORY, 8, &first)?;
        push(&server, GARBAGE, 32, &named_contents(10_000, 4000, 4096))?;
        let freed = |server: &Server| -> Result<u64> {
            let mut connection = Connection::open(server.address, &server.basic())?;
            let answer = connection.expect(200, "GET", "/api/v1/gc", "", b"")?;
            let text = String::from_utf8_lossy(connection.last_body(answer.body_bytes)).into_owned();
            let after = text.split("\"freed\"").nth(1).and_then(|rest| rest.split("\"count\":").nth(1)).unwrap_or("0");
            Ok(after
                .split(|symbol: char| !symbol.is_ascii_digit())
                .next()
                .and_then(|digits| digits.parse().ok())
                .unwrap_or(0))
        };
        let begin = Instant::now();
        // The first series goes before the garbage.
        while freed(&server)? <= first.len() as u64 && begin.elapsed() < Duration::from_mins(2) {
            std::thread::sleep(Duration::from_millis(50));
        }
        let before = freed(&server)?;
        let busy = push(&server, REPOSITORY, 8, &second)?;
        let during = freed(&server)? - before;
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        let figures =
            vec![("quiet".to_owned(), milliseconds(quiet.p99)), ("collecting".to_owned(), milliseconds(busy.p99))];
        self.row("p99 of a 4 KiB push, 8 clients".to_owned(), "ms", false, figures);
        let rates = vec![("quiet".to_owned(), quiet.per_second), ("collecting".to_owned(), busy.per_second)];
        self.row("pushes of 4 KiB, 8 clients".to_owned(), "/s", true, rates);
        let seconds = 5_000.0 / busy.per_second;
        self.notes.push(format!("{during} blobs were collected in the {seconds:.1} s that the second series ran"));
        server.stop()
    }

    /// How long a hub that holds many manifests takes to be ready: with what a kill left, and after an orderly stop.
    fn start(&mut self, directory: &Path, binary: &Path) -> Result<()> {
        let directory = directory.join("garrison-full");
        let mut server = Server::garrison(binary, &directory, Inventories::Off, &[])?;
        server.log_in(&REPOSITORIES)?;
        let layers = push_own_layers(&server)?;
        let put = |connection: &mut Connection, mark: &str| {
            let body = manifest(&layers, mark);
            let path = format!("/v2/{REPOSITORY}/manifests/{mark}");
            connection.expect(201, "PUT", &path, MANIFEST_TYPE, body.as_bytes()).map(drop)
        };
        put(&mut Connection::open(server.address, &server.authorization)?, full::PATTERN)?;
        server.stop()?;
        let manifests = self.arguments.start_manifests;
        full::fill(&directory.join("data"), manifests, |mark| manifest(&layers, mark))?;
        for (what, is_killed) in [("its database is filled", false), ("a stop", false), ("a kill amid pushes", true)] {
            if is_killed {
                let mut server = Server::garrison(binary, &directory, Inventories::Off, &[])?;
                server.log_in(&REPOSITORIES)?;
                load::run(server.address, &server.authorization, 32, 2_000, |connection, index| {
                    put(connection, &format!("late-{index}"))
                })?;
                drop(server);
            }
            let server = Server::garrison(binary, &directory, Inventories::Off, &[])?;
            let figures = vec![("garrison".to_owned(), server.started_in.as_secs_f64() * 1e3)];
            self.row(format!("start with {manifests} manifests, after {what}"), "ms", false, figures);
            let figures = vec![("garrison".to_owned(), server.memory_mib()?.0)];
            self.row(format!("memory with {manifests} manifests, after {what}"), "MiB", false, figures);
            server.stop()?;
        }
        Ok(())
    }

    fn report(&self) -> String {
        let mut text = String::from("# Registry benchmark\n\n");
        let _ = writeln!(text, "{}\n", environment());
        let versions: Vec<String> =
            self.servers.iter().map(|server| format!("{} {}", server.label, server.version)).collect();
        let _ = writeln!(text, "Versions: {}.\n", versions.join(", "));
        let _ = writeln!(text, "| what | unit | Garrison | others | ratio to the best other |\n|---|---|---|---|---|");
        for row in &self.rows {
            let others: Vec<(&String, &f64)> = row.figures.iter().filter(|(label, _)| *label != "garrison").collect();
            let best = others
                .iter()
                .filter(|(label, _)| !label.starts_with("garrison"))
                .map(|(_, figure)| **figure)
                .reduce(|left, right| if row.higher_is_better { left.max(right) } else { left.min(right) });
            let ours = row.figures.get("garrison");
            let ratio = match (ours, best) {
                (Some(ours), Some(best)) if best > 0.0 => format!("{:.2}x", ours / best),
                _ => String::new(),
            };
            let listed: Vec<String> =
                others.iter().map(|(label, figure)| format!("{label} {}", short(**figure))).collect();
            let ours = ours.map_or_else(String::new, |figure| short(*figure));
            let _ = writeln!(text, "| {} | {} | {ours} | {} | {ratio} |", row.name, row.unit, listed.join(", "));
        }
        if !self.notes.is_empty() {
            text.push('\n');
        }
        for note in &self.notes {
            let _ = writeln!(text, "- {note}");
        }
        text
    }
}

fn short(figure: f64) -> String {
    if figure >= 100.0 { format!("{figure:.0}") } else { format!("{figure:.2}") }
}

fn environment() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let model = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1)).unwrap_or("unknown");
    format!(
        "Clients and servers share {cores} cores ({model}), Linux {}. Garrison with authentication (bearer tokens), zot with \
         `commit: true`, distribution as it is; all sync what they acknowledge. Higher is better for rates, lower for times, \
         processor time and memory.",
        kernel.trim()
    )
}

/// A megabyte that no other index and mark has.
fn content(index: usize, mark: usize) -> Vec<u8> {
    let mut state =
        (index as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ (mark as u64).wrapping_mul(0xD1B5_4A32_D192_ED03);
    let mut bytes = Vec::with_capacity(MIB);
    while bytes.len() < MIB {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

pub(super) fn name_of(bytes: &[u8]) -> String {
    format!("sha256:{}", hex(digest(&SHA256, bytes).as_ref()))
}

fn blob_path(repository: &str, bytes: &[u8]) -> String {
    format!("/v2/{repository}/blobs/{}", name_of(bytes))
}

fn with_digest(location: &str, name: &str) -> String {
    let separator = if location.contains('?') { '&' } else { '?' };
    format!("{location}{separator}digest={name}")
}

/// Contents and their digests, made beforehand: the client shares the cores with the server.
fn named_contents(count: usize, mark: usize, size_bytes: usize) -> Vec<(String, Vec<u8>)> {
    let named = |index| {
        let mut bytes = content(index, mark);
        bytes.truncate(size_bytes);
        bytes.shrink_to_fit();
        (name_of(&bytes), bytes)
    };
    (0..count).map(named).collect()
}

fn push_blob(connection: &mut Connection, repository: &str, bytes: &[u8]) -> Result<()> {
    push_named(connection, repository, &name_of(bytes), bytes)
}

pub(crate) fn push_named(connection: &mut Connection, repository: &str, name: &str, bytes: &[u8]) -> Result<()> {
    let start = connection.expect(202, "POST", &format!("/v2/{repository}/blobs/uploads/"), "", b"")?;
    let at = start.location.context("an upload has no location")?;
    let octets = "Content-Type: application/octet-stream\r\n";
    connection.expect(201, "PUT", &with_digest(&at, name), octets, bytes)?;
    Ok(())
}

/// Pushes two small blobs to one server, as a config and a layer.
fn push_own_layers(server: &Server) -> Result<Vec<(String, usize)>> {
    let mut connection = Connection::open(server.address, &server.authorization)?;
    let mut layers = Vec::new();
    for index in 0..2 {
        let bytes = content(index, 6000)[..1024].to_vec();
        push_blob(&mut connection, REPOSITORY, &bytes)?;
        layers.push((name_of(&bytes), bytes.len()));
    }
    Ok(layers)
}

fn manifest(layers: &[(String, usize)], mark: &str) -> String {
    let descriptor = |media_type: &str, (name, size): &(String, usize)| {
        format!(r#"{{"mediaType":"{media_type}","digest":"{name}","size":{size}}}"#)
    };
    let listed: Vec<String> =
        layers[1..].iter().map(|layer| descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)).collect();
    format!(
        r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[{}],"annotations":{{"mark":"{mark}"}}}}"#,
        descriptor("application/vnd.oci.image.config.v1+json", &layers[0]),
        listed.join(",")
    )
}
