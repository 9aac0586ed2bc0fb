//! A new advisory on a hub that holds a great many images: how long until every affected image is known. No rival computes the
//! difference, so there is none beside us: they scan each image again.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::find::{self, PACKAGES};
use super::http::Connection;
use super::load;
use super::one_hub::{OneHub, Running};
use super::server::Server;

/// How often it is asked whether the hub knows.
const POLL_PAUSE: Duration = Duration::from_millis(5);

/// Times that each list is asked for.
const ASKED: usize = 100;

/// Images that are asked for at once: as many as a kept body holds.
const PAGE: usize = 250;

const BINARY: &str = "Content-Type: application/octet-stream\r\n";

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Images that the hub holds
    #[arg(long, default_value_t = 10_000)]
    images: usize,
    /// Packages of each
    #[arg(long, default_value_t = 100)]
    packages: usize,
    /// Vulnerabilities of each package from the beginning, of which half of its versions have each
    #[arg(long, default_value_t = 1)]
    vulnerabilities: usize,
    #[command(flatten)]
    hub: OneHub,
}

pub(crate) fn run(workspace: &crate::workspace::Workspace, arguments: &Arguments) -> Result<()> {
    arguments.hub.run(workspace, "rematch", |running| measure(arguments, running))
}

fn measure(arguments: &Arguments, running: &Running<'_>) -> Result<String> {
    let Running { server, binary, directory } = running;
    let marker = directory.join("filled");
    if !marker.exists() {
        find::fill(server, arguments.images, arguments.packages)?;
        fs::write(&marker, "")?;
    }
    let mut report = format!(
        "{}, {} images with {} components in all\n\n| what the new database says differently | brought in ms | known in ms | affected images | all done in ms |\n|---|---|---|---|---|\n",
        server.label,
        arguments.images,
        arguments.images * arguments.packages
    );
    let mut hub = Hub { connection: Connection::open(server.address, &server.authorization)?, binary, directory };
    let everything: Vec<Record> = (0..arguments.vulnerabilities)
        .map(|number| if number == 0 { 0 } else { (number + 1) * NEW })
        .flat_map(|first| (first..first + PACKAGES).map(|package| Record { package, fixed: 10 }))
        .collect();
    let first = hub.bring(&everything, None)?;
    row(&mut report, "everything: the first database", &first);
    for (what, packages) in
        [("one advisory", 1..2), ("a hundred advisories", 2..102), ("a thousand advisories", 102..1_102)]
    {
        let mut records = everything.clone();
        let wanted = packages.start;
        records.extend(packages.map(|package| Record { package: package + NEW, fixed: 99 }));
        row(&mut report, what, &hub.bring(&records, Some(wanted))?);
        row(&mut report, &format!("{what}, withdrawn again"), &hub.bring(&everything, None)?);
    }
    let findings = hub.findings()?;
    let _infallible = writeln!(report, "\n{findings} findings of images in the lists:");
    report.push_str(&lists(server)?);
    Ok(report)
}

/// What is known of a vulnerability of one package; beyond [`NEW`] it is a second one of the same package, which only a later
/// database knows, and beyond each further multiple another.
#[derive(Debug, Clone, Copy)]
struct Record {
    package: usize,
    fixed: usize,
}

const NEW: usize = 10_000;

impl Record {
    fn name(self) -> String {
        format!("CVE-2026-{:05}", 10_000 + self.package)
    }

    fn text(self) -> String {
        let (name, package) = (self.name(), self.package % NEW);
        let severity = ["LOW", "MEDIUM", "HIGH", "CRITICAL"][package % 4];
        format!(
            r#"{{"id":"{name}","modified":"2026-01-02T03:04:05Z","database_specific":{{"severity":"{severity}"}},"affected":[{{"package":{{"ecosystem":"Debian:12","name":"package-{package:04}"}},"ranges":[{{"type":"ECOSYSTEM","events":[{{"introduced":"0"}},{{"fixed":"{}.0-1"}}]}}]}}]}}"#,
            self.fixed
        )
    }
}

/// How long a database took.
struct Took {
    brought: Duration,
    known: Option<(Duration, usize)>,
    done: Duration,
}

struct Hub<'a> {
    connection: Connection,
    binary: &'a Path,
    directory: &'a Path,
}

impl Hub<'_> {
    /// Builds a database, brings it to the hub, and waits until everything is matched by it.
    fn bring(&mut self, records: &[Record], wanted: Option<usize>) -> Result<Took> {
        let (feed, file) = (self.directory.join("feed"), self.directory.join("built.vulndb"));
        let _ = fs::remove_dir_all(&feed);
        fs::create_dir_all(&feed)?;
        for record in records {
            fs::write(feed.join(format!("{}.json", record.name())), record.text())?;
        }
        let built = Command::new(self.binary)
            .args(["db", "build", "--quiet", "--feed", &format!("bench=osv:{}", feed.display()), "--to"])
            .arg(&file)
            .output()?;
        ensure!(built.status.success(), "no database was built: {}", String::from_utf8_lossy(&built.stderr));
        let bytes = fs::read(&file)?;
        let name = super::registry::name_of(&bytes);
        let begin = Instant::now();
        self.connection
            .expect(200, "PUT", "/api/v1/advisories/database", BINARY, &bytes)
            .context("the hub took no database")?;
        let brought = begin.elapsed();
        let mut known = None;
        loop {
            if let Some(wanted) = wanted.filter(|_| known.is_none()) {
                let path =
                    format!("/api/v1/components?limit=1&query={}", Record { package: wanted + NEW, fixed: 0 }.name());
                if self.ask(&path)?.contains("\"digest\"") {
                    known = Some(begin.elapsed());
                }
            }
            let totals = self.ask("/api/v1/findings/totals")?;
            if totals.contains(&name) && totals.contains("\"done\"") {
                break;
            }
            std::thread::sleep(POLL_PAUSE);
        }
        let done = begin.elapsed();
        let known = match wanted {
            None => None,
            Some(wanted) => Some((known.unwrap_or(done), self.affected(wanted)?)),
        };
        Ok(Took { brought, known, done })
    }

    fn affected(&mut self, wanted: usize) -> Result<usize> {
        let (mut count, mut after) = (0, String::new());
        loop {
            let name = Record { package: wanted + NEW, fixed: 0 }.name();
            let answer = self.ask(&format!("/api/v1/components?limit={PAGE}&query={name}{after}"))?;
            count += answer.matches("\"repository\"").count();
            match answer.rsplit_once("\"next\":\"") {
                Some((_, next)) => after = format!("&after={}", next.split('"').next().unwrap_or_default()),
                None => return Ok(count),
            }
        }
    }

    /// Counts the findings of all images.
    fn findings(&mut self) -> Result<u64> {
        let totals: serde_json::Value = serde_json::from_str(&self.ask("/api/v1/findings/totals")?)?;
        let levels = ["critical", "high", "medium", "low", "negligible", "unknown"];
        Ok(levels.iter().filter_map(|level| totals[level].as_u64()).sum())
    }

    fn ask(&mut self, path: &str) -> Result<String> {
        let answer = self.connection.expect(200, "GET", path, "", b"")?;
        Ok(String::from_utf8_lossy(self.connection.last_body(answer.body_bytes)).into_owned())
    }
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn row(report: &mut String, what: &str, took: &Took) {
    let (known, images) = match took.known {
        Some((known, images)) => (format!("{:.0}", milliseconds(known)), images.to_string()),
        None => ("-".to_owned(), "-".to_owned()),
    };
    let (brought, done) = (milliseconds(took.brought), milliseconds(took.done));
    let _infallible = writeln!(report, "| {what} | {brought:.0} | {known} | {images} | {done:.0} |");
}

/// Asks for the lists of everything that is wrong.
fn lists(server: &Server) -> Result<String> {
    let mut report = "\n| list | who may read | p50 ms | p99 ms |\n|---|---|---|---|\n".to_owned();
    let user = find::asker();
    for (who, authorization) in [("1 %", &user), ("all", &server.authorization)] {
        for (list, path) in [
            ("worst first", "/api/v1/vulnerabilities?limit=40"),
            ("critical, newest first", "/api/v1/vulnerabilities?limit=40&severity=critical&order=age"),
            ("most probably exploited first", "/api/v1/vulnerabilities?limit=40&order=epss"),
            ("totals", "/api/v1/findings/totals"),
            ("what changed last", "/api/v1/findings/events?limit=40"),
        ] {
            let asked = |connection: &mut Connection, _| -> Result<()> {
                connection.expect(200, "GET", path, "", b"").map(drop)
            };
            let outcome = load::run(server.address, authorization, 1, ASKED, asked)?;
            let _infallible = writeln!(
                report,
                "| {list} | {who} | {:.1} | {:.1} |",
                milliseconds(outcome.p50),
                milliseconds(outcome.p99)
            );
        }
    }
    Ok(report)
}
