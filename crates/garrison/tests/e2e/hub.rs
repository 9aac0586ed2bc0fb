//! A hub under test: an installation that outlives its processes, and one process of it.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use testkit::Database;

use crate::content;
use crate::http::{Client, Credentials};
use crate::process::{eventually, wait};

/// The administrator's password.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

const START_DEADLINE: Duration = Duration::from_mins(3);
/// Longer than the longest drain that a test waits for the end of.
const STOP_DEADLINE: Duration = Duration::from_mins(3);
/// How much of a hub's log a failed test shows.
const LOG_LINES_SHOWN: usize = 40;

/// A data directory, a database and a master key.
pub(crate) struct Installation {
    directory: tempfile::TempDir,
    data: PathBuf,
    database: Database,
}

impl Installation {
    pub(crate) fn new(database: Database) -> Self {
        let directory = tempfile::Builder::new().prefix("garrison-e2e-").tempdir().unwrap();
        let data = directory.path().join("data");
        std::fs::write(directory.path().join("password"), format!("{PASSWORD}\n")).unwrap();
        let key = directory.path().join("master.key");
        std::fs::write(&key, content::bytes(7, 32)).unwrap();
        std::fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
        Self { directory, data, database }
    }

    /// Puts the data elsewhere than beside the password.
    pub(crate) fn with_data(mut self, data: &Path) -> Self {
        data.clone_into(&mut self.data);
        self
    }

    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Returns which database it uses, for messages.
    pub(crate) fn database(&self) -> &'static str {
        self.database.name()
    }

    /// Returns `garrison up` for this installation.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_garrison"));
        command.env_clear().env("HOME", self.directory.path()).current_dir(self.directory.path()).stdin(Stdio::null());
        command.args([
            "up",
            "--listen",
            "127.0.0.1:0",
            "--admin-password-file",
            "password",
            "--advisories-update",
            "off",
            "--data-dir",
        ]);
        command.arg(&self.data);
        if let Database::Postgres(postgres) = &self.database {
            command.args(["--database", postgres.url(), "--master-key-file", "master.key"]);
        }
        command.args(arguments);
        command
    }

    /// Starts a hub and waits until it is ready.
    pub(crate) fn start(&self, arguments: &[&str]) -> Hub {
        let log = self.directory.path().join("hub.log");
        let stderr = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        Hub::start(self.command(arguments), stderr, log)
    }
}

/// A running hub, killed when dropped.
pub(crate) struct Hub {
    child: Child,
    address: String,
    log: PathBuf,
}

impl Hub {
    fn start(mut command: Command, stderr: File, log: PathBuf) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(stderr).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let mut hub = Self { child, address: String::new(), log };
        let (sender, address) = mpsc::channel();
        // Its own thread, because a line is waited for without end otherwise; it goes on, so that the hub can.
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if let Some((_, rest)) = line.split_once("Listening on http://") {
                    let address = rest.split_whitespace().next().unwrap_or_default();
                    let _nobody_waits = sender.send(address.to_owned());
                }
            }
        });
        hub.address = match address.recv_timeout(START_DEADLINE) {
            Ok(address) => address,
            Err(error) => panic!("the hub did not say where it listens: {error}"),
        };
        let mut client = hub.anonymous();
        let ready = || client.get("/readyz").ok().filter(|answer| answer.status == 200);
        assert!(eventually(START_DEADLINE, ready).is_some(), "the hub is not ready");
        hub
    }

    /// Returns `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    pub(crate) fn process(&self) -> u32 {
        self.child.id()
    }

    /// Returns a client that logs in as the administrator.
    pub(crate) fn client(&self) -> Client {
        self.client_as(&Credentials::new("admin", PASSWORD))
    }

    pub(crate) fn client_as(&self, credentials: &Credentials) -> Client {
        Client::new(&self.address, Some(credentials))
    }

    pub(crate) fn anonymous(&self) -> Client {
        Client::new(&self.address, None)
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for the end.
    pub(crate) fn end(mut self) -> ExitStatus {
        let status = wait(&mut self.child, STOP_DEADLINE);
        status.unwrap_or_else(|| panic!("the hub has not ended after {STOP_DEADLINE:?}"))
    }

    /// Stops it with SIGTERM; it must end well.
    pub(crate) fn stop(self) {
        self.signal(Signal::TERM);
        let status = self.end();
        assert!(status.success(), "{status}");
    }

    /// Ends it at once, as the kernel does when memory is short.
    pub(crate) fn kill(self) {
        self.signal(Signal::KILL);
        self.end();
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let had_ended = self.child.try_wait();
        // It has ended already in the good case.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
        if thread::panicking() {
            if let Ok(Some(status)) = had_ended {
                eprintln!("the hub had ended: {status}");
            }
            let log = std::fs::read_to_string(&self.log).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let shown = &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..];
            eprintln!("the hub's log ends so:\n{}", shown.join("\n"));
        }
    }
}
