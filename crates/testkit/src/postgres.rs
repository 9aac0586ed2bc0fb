use std::env;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context as _, bail, ensure};
use tokio_postgres::NoTls;

use crate::PostgresDatabase;
use crate::surroundings::find_program;

/// Starts a server, says so, waits until this process is gone (its end of the pipe closes), then removes everything.
const GUARD: &str = r#"
cd "$2" || exit 1
"$1/pg_ctl" -D data -l log -w -t 180 -o "$3" start >start 2>&1 || { cat start log >&2; exit 1; }
trap '' INT TERM HUP
echo ready
cat >/dev/null
"$1/pg_ctl" -D data -m immediate -w stop >/dev/null 2>&1
cd / && rm -rf "$2"
"#;

/// A PostgreSQL server for tests.
#[derive(Debug)]
pub struct Postgres {
    admin_url: String,
    guard: Option<Guard>,
}

/// What a private server is to have beside its defaults.
#[derive(Debug, Default)]
pub struct Settings {
    /// Lines of `postgresql.conf`.
    pub lines: Vec<String>,
    /// Files beside `postgresql.conf`, readable by the server alone.
    pub files: Vec<(String, String)>,
}

impl Settings {
    /// What a server has that many tests use at once, each with a pool of its own or several.
    pub fn for_many() -> Self {
        Self { lines: vec!["max_connections = 400".to_owned()], ..Self::default() }
    }
}

/// The child process that stops the server when its standard input closes.
#[derive(Debug)]
struct Guard {
    child: Child,
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _gone = self.child.wait();
    }
}

impl Postgres {
    /// Returns the server that all tests of this process share: the one whose URL is in `GARRISON_TEST_POSTGRES`, or a
    /// private one that ends with the process. The error says why there is none.
    pub fn shared() -> Result<&'static Self, &'static str> {
        static SHARED: OnceLock<Result<Postgres, String>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| match env::var("GARRISON_TEST_POSTGRES") {
            Ok(url) if !url.is_empty() => Ok(Self { admin_url: url, guard: None }),
            _ => Self::start(&Settings::for_many()).map_err(|error| format!("{error:#}")),
        });
        shared.as_ref().map_err(String::as_str)
    }

    /// Starts a private server on a Unix socket. It ends when this value is dropped or the process ends.
    pub fn start(settings: &Settings) -> anyhow::Result<Self> {
        let programs = find_programs().context("there are no PostgreSQL server programs here")?;
        let account = Account::find()?;
        let directory = tempfile::Builder::new().prefix("garrison-pg-").tempdir()?;
        account.give(directory.path())?;
        account.initialise(&programs, directory.path())?;
        for (name, content) in &settings.files {
            let path = directory.path().join("data").join(name);
            std::fs::write(&path, content)?;
            std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600))?;
            account.give(&path)?;
        }
        append(&directory.path().join("data/postgresql.conf"), &settings.lines)?;

        let options = format!("-c listen_addresses= -k {}", directory.path().display());
        let options = if settings.lines.iter().any(|line| line.starts_with("listen_addresses")) {
            format!("-k {}", directory.path().display())
        } else {
            options
        };
        let mut command = account.command("sh");
        command.arg("-c").arg(GUARD).arg("guard").arg(&programs).arg(directory.path()).arg(options);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("stdout is piped")?).read_line(&mut line)?;
        if line.trim() != "ready" {
            let output = child.wait_with_output()?;
            bail!("the server did not start: {}", String::from_utf8_lossy(&output.stderr));
        }
        // The guard removes the directory from here on, also when this process is killed.
        let directory = directory.keep();
        let admin_url = format!("postgres://postgres@/postgres?host={}", directory.display());
        Ok(Self { admin_url, guard: Some(Guard { child }) })
    }

    /// Makes an empty database.
    pub async fn fresh_database(&self) -> PostgresDatabase {
        let name = format!("garrison_{}", uuid::Uuid::now_v7().simple());
        let created =
            execute(&self.admin_url, &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING UTF8")).await;
        created.expect("a database for a test can be made");
        // A private server is thrown away whole, and dropping a database makes it write everything it holds to disk.
        let dropped_through = self.guard.is_none().then(|| self.admin_url.clone());
        PostgresDatabase::new(with_database(&self.admin_url, &name), name, dropped_through)
    }

    /// Returns the URL of the server's own database.
    pub fn url(&self) -> &str {
        &self.admin_url
    }

    /// Tells whether this server was started by this process.
    pub fn is_private(&self) -> bool {
        self.guard.is_some()
    }
}

/// Runs one statement on a connection of its own.
pub(crate) async fn execute(url: &str, statement: &str) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    let connection = tokio::spawn(connection);
    let executed = client.batch_execute(statement).await;
    drop(client);
    // It ends with the client, and what it has to say the statement has said.
    let _ended = connection.await;
    executed
}

/// Returns a URL with another database in it.
fn with_database(url: &str, name: &str) -> String {
    let (address, query) = url.split_once('?').map_or((url, None), |(address, query)| (address, Some(query)));
    let (scheme, rest) = address.split_once("://").unwrap_or(("postgres", address));
    let server = rest.split_once('/').map_or(rest, |(server, _)| server);
    let query = query.map_or(String::new(), |query| format!("?{query}"));
    format!("{scheme}://{server}/{name}{query}")
}

/// Returns the directory of `initdb` and `pg_ctl`.
fn find_programs() -> Option<PathBuf> {
    let told = Command::new("pg_config").arg("--bindir").output().ok();
    let told = told.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let on_path = find_program("initdb").and_then(|program| program.parent().map(Path::to_owned));
    let mut installed: Vec<_> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path().join("bin"))
        .collect();
    installed.sort();
    told.into_iter()
        .chain(on_path)
        .chain(installed.into_iter().rev())
        .find(|directory| directory.join("initdb").is_file() && directory.join("pg_ctl").is_file())
}

/// Whom the server runs as: it refuses to be root.
struct Account(Option<Unprivileged>);

struct Unprivileged {
    name: &'static str,
    user: u32,
    group: u32,
}

impl Account {
    fn find() -> anyhow::Result<Self> {
        if !rustix::process::getuid().is_root() {
            return Ok(Self(None));
        }
        for name in ["postgres", "nobody"] {
            if let (Some(user), Some(group)) = (id("-u", name), id("-g", name)) {
                return Ok(Self(Some(Unprivileged { name, user, group })));
            }
        }
        bail!("the server does not run as root, and there is neither a user `postgres` nor `nobody`")
    }

    fn give(&self, path: &Path) -> anyhow::Result<()> {
        let Some(account) = &self.0 else { return Ok(()) };
        std::os::unix::fs::chown(path, Some(account.user), Some(account.group))
            .with_context(|| format!("failed to give `{}` to {}", path.display(), account.name))
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let Some(account) = &self.0 else { return Command::new(program) };
        let mut command = Command::new("setpriv");
        command.arg(format!("--reuid={}", account.user)).arg(format!("--regid={}", account.group));
        command.arg("--clear-groups").arg("--").arg(program);
        command
    }

    /// Makes the server's files. Their default collation is a language's where the server can, so that a test sees a
    /// column that forgot to say `C`.
    fn initialise(&self, programs: &Path, directory: &Path) -> anyhow::Result<()> {
        const LANGUAGE: &[&str] = &["--locale-provider=icu", "--icu-locale=en"];
        let mut message = String::new();
        for collation in [LANGUAGE, &[]] {
            let mut command = self.command(programs.join("initdb"));
            command.current_dir(directory).args(["-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N"]);
            let output = command.arg("--locale=C").args(collation).output()?;
            if output.status.success() {
                return Ok(());
            }
            message = String::from_utf8_lossy(&output.stderr).into_owned();
        }
        ensure!(message.is_empty(), "initdb failed: {message}");
        Ok(())
    }
}

fn id(what: &str, name: &str) -> Option<u32> {
    let output = Command::new("id").args([what, name]).output().ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

fn append(path: &Path, lines: &[String]) -> std::io::Result<()> {
    let mut text = std::fs::read_to_string(path)?;
    for line in lines {
        text.push('\n');
        text.push_str(line);
    }
    text.push('\n');
    std::fs::write(path, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: &str) {
        assert_eq!(with_database(url, "new"), expected);
    }

    #[test]
    fn only_the_database_of_a_url_changes() {
        check("postgres://host", "postgres://host/new");
        check("postgres://host?a=b", "postgres://host/new?a=b");
        check("postgres://me:pw@host:5433/old?a=/b", "postgres://me:pw@host:5433/new?a=/b");
        check("postgres://postgres@/old?host=/tmp/x", "postgres://postgres@/new?host=/tmp/x");
    }
}
