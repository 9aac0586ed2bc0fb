//! The servers under measurement, each a child process on loopback with a directory of its own.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::http::Connection;
use super::registry::name_of;

const PASSWORD: &str = "bench-of-the-registry";

/// Whether a hub looks into the images that are pushed.
#[derive(Clone, Copy)]
pub(crate) enum Inventories {
    Made,
    /// For loads whose layers are no images: nothing could be inventoried.
    Off,
}

/// Which server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Garrison,
    Zot,
    Distribution,
}

/// A server that runs; it is killed when dropped.
pub(crate) struct Server {
    pub(crate) kind: Kind,
    pub(crate) label: String,
    pub(crate) address: SocketAddr,
    /// The `Authorization` header line, if it needs one.
    pub(crate) authorization: String,
    pub(crate) started_in: Duration,
    /// What the program says of its version.
    pub(crate) version: String,
    child: Child,
    basic: Option<String>,
}

impl Server {
    pub(crate) fn garrison(
        binary: &Path,
        directory: &Path,
        inventories: Inventories,
        extra: &[String],
    ) -> Result<Self> {
        let address = free_address()?;
        fs::create_dir_all(directory)?;
        let password = directory.join("password");
        fs::write(&password, PASSWORD)?;
        let mut command = Command::new(binary);
        command
            .args(["up", "--listen", &address.to_string(), "--advisories-update", "off", "--data-dir"])
            .arg(directory.join("data"))
            .arg("--admin-password-file")
            .arg(&password)
            .args(extra);
        if matches!(inventories, Inventories::Off) {
            command.args(["--inventory-memory", "off"]);
        }
        let mut server = Self::start(Kind::Garrison, "garrison".to_owned(), command, address, directory, "/readyz")?;
        server.basic = Some(STANDARD.encode(format!("admin:{PASSWORD}")));
        Ok(server)
    }

    pub(crate) fn zot(binary: &Path, directory: &Path) -> Result<Self> {
        let address = free_address()?;
        fs::create_dir_all(directory)?;
        let configuration = format!(
            r#"{{"storage":{{"rootDirectory":"{}","dedupe":true,"gc":true,"commit":true}},"http":{{"address":"127.0.0.1","port":"{}"}},"log":{{"level":"error"}}}}"#,
            directory.join("data").display(),
            address.port()
        );
        let file = directory.join("zot.json");
        fs::write(&file, configuration)?;
        let mut command = Command::new(binary);
        command.arg("serve").arg(&file);
        Self::start(Kind::Zot, "zot".to_owned(), command, address, directory, "/v2/")
    }

    pub(crate) fn distribution(binary: &Path, directory: &Path) -> Result<Self> {
        let address = free_address()?;
        fs::create_dir_all(directory)?;
        let configuration = format!(
            "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    rootdirectory: {}\n  delete:\n    enabled: true\nhttp:\n  addr: {address}\n",
            directory.join("data").display()
        );
        let file = directory.join("distribution.yml");
        fs::write(&file, configuration)?;
        let mut command = Command::new(binary);
        command.arg("serve").arg(&file).env("OTEL_TRACES_EXPORTER", "none");
        Self::start(Kind::Distribution, "distribution".to_owned(), command, address, directory, "/v2/")
    }

    fn start(
        kind: Kind,
        label: String,
        mut command: Command,
        address: SocketAddr,
        directory: &Path,
        probe: &str,
    ) -> Result<Self> {
        let version = version_of(Path::new(command.get_program()));
        let log = fs::File::create(directory.join("log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let begin = Instant::now();
        let child = command.spawn().with_context(|| format!("failed to start {label}"))?;
        let mut server = Self {
            kind,
            label,
            address,
            authorization: String::new(),
            started_in: Duration::ZERO,
            version,
            child,
            basic: None,
        };
        while begin.elapsed() < Duration::from_mins(1) {
            let answered =
                Connection::open(address, "").and_then(|mut connection| connection.send("GET", probe, "", b""));
            if answered.is_ok_and(|answer| answer.status == 200) {
                server.started_in = begin.elapsed();
                return Ok(server);
            }
            if let Some(status) = server.child.try_wait()? {
                bail!("{} ended with {status}; its log is in {}", server.label, directory.display());
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        bail!("{} did not answer within a minute", server.label)
    }

    /// Gets a token for what a phase does.
    pub(crate) fn log_in(&mut self, repositories: &[&str]) -> Result<()> {
        let Some(basic) = &self.basic else { return Ok(()) };
        let scopes: Vec<String> =
            repositories.iter().map(|name| format!("scope=repository:{name}:pull,push,delete")).collect();
        let mut connection = Connection::open(self.address, &format!("Authorization: Basic {basic}\r\n"))?;
        let path = format!("/token?service=garrison&{}", scopes.join("&"));
        let answer = connection.expect(200, "GET", &path, "", b"")?;
        let text = String::from_utf8_lossy(connection.last_body(answer.body_bytes)).into_owned();
        let token =
            text.split("\"token\":\"").nth(1).and_then(|rest| rest.split('"').next()).context("no token came")?;
        self.authorization = format!("Authorization: Bearer {token}\r\n");
        Ok(())
    }

    /// Returns the header line for the hub's own API.
    pub(crate) fn basic(&self) -> String {
        self.basic.as_ref().map_or_else(String::new, |basic| format!("Authorization: Basic {basic}\r\n"))
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Seconds of processor time so far.
    pub(crate) fn cpu_seconds(&self) -> Result<f64> {
        let text = fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        let fields: Vec<&str> = text.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |index: usize| fields.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
        Ok((ticks(11) + ticks(12)) / 100.0)
    }

    /// Resident memory now and at its peak, in MiB.
    pub(crate) fn memory_mib(&self) -> Result<(f64, f64)> {
        let text = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let field = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name));
            let kib = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kib| kib.parse::<f64>().ok());
            kib.unwrap_or(0.0) / 1024.0
        };
        Ok((field("VmRSS:"), field("VmHWM:")))
    }

    /// Stops it and says how long a new start takes.
    pub(crate) fn stop(mut self) -> Result<()> {
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        self.child.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// What `PROGRAM --version` says (`v3.1.2`, or a number of its own behind the program's name), else the start of the binary's SHA-256.
fn version_of(program: &Path) -> String {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let is_version = |word: &&str| {
        let number = word.trim_start_matches('v');
        number.contains('.') && number.starts_with(|symbol: char| symbol.is_ascii_digit())
    };
    match text.split_whitespace().find(is_version) {
        Some(word) => word.to_owned(),
        None => format!(
            "(binary {})",
            fs::read(program).map_or_else(|_| "unread".to_owned(), |bytes| name_of(&bytes)[..19].to_owned())
        ),
    }
}

/// Where a peer's binary is.
pub(crate) fn peer(names: &[&str]) -> Option<PathBuf> {
    names.iter().find_map(|name| testkit::program(name))
}
