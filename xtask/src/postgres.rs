//! A private `PostgreSQL` for one run of the tests.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::Context;

use crate::tools::is_root;
use crate::workspace::{execute, output};

/// The account that runs the server when the tests run as root, which `PostgreSQL` refuses to do.
const UNPRIVILEGED_USER: &str = "postgres";

/// Waits until its standard input closes, which happens however the task that holds the other end comes to its end;
/// then stops the server and removes its directory.
const WATCHER: &str = r#"directory=$1; shift; read -r _; "$@" >"$directory/stop" 2>&1; rm -rf -- "$directory""#;

/// A running server; dropping it stops it and removes its data.
pub(crate) struct Postgres {
    directory: PathBuf,
    watcher: Child,
}

impl Postgres {
    /// Starts a server that only this machine's owner of a 0700 directory can reach, through a socket in it.
    pub(crate) fn start(initdb: &Path, pg_ctl: &Path) -> anyhow::Result<Self> {
        let directory = make_directory()?;
        let data = directory.join("data");

        let mut stop = unprivileged(pg_ctl, &directory);
        stop.args(["stop", "--mode=immediate", "--pgdata"]).arg(&data);
        let watcher = Command::new("sh")
            .args(["-c", WATCHER, "watcher"])
            .arg(&directory)
            .arg(stop.get_program())
            .args(stop.get_args())
            .current_dir(&directory)
            .stdin(Stdio::piped())
            // Ctrl-C must reach the task only: the watcher has to live a moment longer.
            .process_group(0)
            .spawn()
            .context("failed to start sh")?;
        let postgres = Self { directory, watcher };
        let directory = &postgres.directory;

        let mut command = unprivileged(initdb, directory);
        command.args(["--auth=trust", "--encoding=UTF8", "--no-sync", "--username=garrison", "--pgdata"]).arg(&data);
        // A default collation that orders otherwise than bytes do, so that a key column without its own collation shows.
        if output(Command::new(initdb).arg("--help")).is_ok_and(|help| help.contains("--icu-locale")) {
            command.args(["--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8"]);
        }
        execute(command.stdout(Stdio::null()))?;

        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c max_connections=400 -c fsync=on",
            directory.display()
        );
        execute(
            unprivileged(pg_ctl, directory)
                .args(["start", "--wait", "--timeout=60", "--silent", "--options", &options, "--log"])
                .arg(directory.join("log"))
                .arg("--pgdata")
                .arg(&data),
        )?;
        Ok(postgres)
    }

    /// The socket's directory stands percent-encoded where a host name would.
    pub(crate) fn url(&self) -> String {
        format!("postgres://garrison@{}/postgres", self.directory.display().to_string().replace('/', "%2F"))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop(self.watcher.stdin.take());
        drop(self.watcher.wait());
    }
}

/// Makes a directory that only the server's account may enter.
fn make_directory() -> anyhow::Result<PathBuf> {
    let nanoseconds = SystemTime::now().duration_since(UNIX_EPOCH).context("the clock is before 1970")?.as_nanos();
    let name = format!("garrison-postgres-{}-{nanoseconds}", std::process::id());
    let directory = std::env::temp_dir().join(name);
    DirBuilder::new()
        .mode(0o700)
        .create(&directory)
        .with_context(|| format!("failed to make {}", directory.display()))?;
    if is_root() {
        execute(Command::new("chown").arg(UNPRIVILEGED_USER).arg(&directory))?;
    }
    Ok(directory)
}

fn unprivileged(program: &Path, directory: &Path) -> Command {
    let mut command = if is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid", UNPRIVILEGED_USER, "--regid", UNPRIVILEGED_USER, "--clear-groups", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir(directory).stdin(Stdio::null());
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::Tools;

    #[test]
    fn a_server_answers_on_its_socket_and_leaves_nothing_behind() {
        let tools = Tools::open().expect("a cache directory is known");
        let programs = ["initdb", "pg_ctl", "psql"].map(|program| tools.find_postgres(program));
        let [Some(initdb), Some(pg_ctl), Some(psql)] = programs else {
            println!("SKIPPED: PostgreSQL is not installed");
            return;
        };

        let server = Postgres::start(&initdb, &pg_ctl).expect("the server starts");
        let mut question = Command::new(psql);
        question.args(["--tuples-only", "--no-align", "--command", "SHOW fsync", "--dbname", &server.url()]);
        assert_eq!(output(&mut question).expect("the server answers"), "on\n");

        let directory = server.directory.clone();
        drop(server);
        assert!(!directory.exists(), "{} is still there", directory.display());
    }
}
