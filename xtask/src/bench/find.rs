//! Where a component is, asked of a hub that holds a great many images, and what a burst of pushed images costs those who
//! pull. No rival answers the question, so there is none beside us.

use std::fmt::Write as _;
use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::http::Connection;
use super::one_hub::{OneHub, Running};
use super::registry::{name_of, push_named};
use super::server::Server;
use super::{load, paced};

/// Projects that the images are spread over. The one who asks may read one of them: one percent.
const PROJECTS: usize = 100;
const REPOSITORIES_IN_PROJECT: usize = 10;

/// Packages that there are; each image has some of them, each in one of its versions.
pub(super) const PACKAGES: usize = 4_000;
const VERSIONS: usize = 20;

/// One package that only a few images have.
const RARE: &str = "a-rare-package";
const RARE_EVERY: usize = 3_000;

/// Times that each question is asked.
const ASKED: usize = 200;

const USER: (&str, &str) = ("asker", "a-password-of-the-bench");
const JSON: &str = "Content-Type: application/json\r\n";
const MANIFEST: &str = "Content-Type: application/vnd.oci.image.manifest.v1+json\r\n";
const ACCEPT: &str = "Accept: application/vnd.oci.image.manifest.v1+json\r\n";

/// How often it is asked whether all inventories are made.
const POLL_PAUSE: Duration = Duration::from_millis(500);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Images that the hub holds
    #[arg(long, default_value_t = 10_000)]
    images: usize,
    /// Packages of each
    #[arg(long, default_value_t = 1_000)]
    packages: usize,
    /// Images that are pushed at once while others pull
    #[arg(long, default_value_t = 100)]
    burst: usize,
    /// Bursts, each after as many pulls in peace
    #[arg(long, default_value_t = 5)]
    bursts: usize,
    /// Pulls a second meanwhile
    #[arg(long, default_value_t = 2_000)]
    rate: u32,
    /// Connections that they come over
    #[arg(long, default_value_t = 500)]
    connections: usize,
    /// Measures the bursts alone
    #[arg(long)]
    only_bursts: bool,
    #[command(flatten)]
    hub: OneHub,
}

pub(crate) fn run(workspace: &crate::workspace::Workspace, arguments: &Arguments) -> Result<()> {
    arguments.hub.run(workspace, "find", |running| measure(arguments, running))
}

fn measure(arguments: &Arguments, running: &Running<'_>) -> Result<String> {
    let Running { server, directory, .. } = running;
    let mut report = format!(
        "{}, {} images of {} packages in {} repositories\n\n",
        server.label,
        arguments.images,
        arguments.packages,
        PROJECTS * REPOSITORIES_IN_PROJECT
    );
    let marker = directory.join("filled");
    if marker.exists() {
        report.push_str("The images are those of an earlier run.\n");
    } else {
        let took = fill(server, arguments.images, arguments.packages)?;
        fs::write(&marker, "")?;
        let per_second = arguments.images as f64 / took.as_secs_f64();
        let _infallible = writeln!(
            report,
            "Pushed and inventoried in {:.0} s: {per_second:.1} images a second; peak memory {:.0} MiB.",
            took.as_secs_f64(),
            server.memory_mib()?.1
        );
    }
    if !arguments.only_bursts {
        report.push_str(&questions(server, arguments)?);
    }
    report.push_str(&bursts(server, arguments)?);
    Ok(report)
}

fn questions(server: &Server, arguments: &Arguments) -> Result<String> {
    let mut report = String::new();
    report.push_str("\n| question | who may read | answers | p50 ms | p99 ms |\n|---|---|---|---|---|\n");
    // A version that the one who may read little can read.
    let mut own = (0..arguments.images).step_by(PROJECTS).flat_map(|image| packages_of(image, arguments.packages));
    let number = own.find(|(package, _)| *package == 1).map_or(0, |(_, number)| number);
    let one_version = format!("pkg:deb/debian/package-0001@{}", version(number));
    let questions = [
        ("a package in a quarter of the images", "query=package-0001".to_owned()),
        ("the same, a range that a quarter of its versions are in", "query=package-0001&range=%3C6".to_owned()),
        ("one version of it, by package URL", format!("query={one_version}")),
        ("a package of few images", format!("query={RARE}")),
        ("names that begin so: ten packages", "query=package-001*".to_owned()),
        ("what no image has", "query=no-such-package".to_owned()),
        ("a version of it that no image has", "query=package-0001&range=%3E99".to_owned()),
    ];
    let user = asker();
    for (who, authorization) in [("1 %", &user), ("all", &server.authorization)] {
        for (question, query) in &questions {
            let path = format!("/api/v1/components?limit=50&{query}");
            let mut answers = 0;
            let asked = |connection: &mut Connection, _| -> Result<()> {
                connection.expect(200, "GET", &path, "", b"").map(drop)
            };
            let mut connection = Connection::open(server.address, authorization)?;
            for index in 0..10 {
                asked(&mut connection, index)?;
                let answer = connection.send("GET", &path, "", b"")?;
                answers =
                    String::from_utf8_lossy(connection.last_body(answer.body_bytes)).matches("\"digest\"").count();
            }
            let outcome = load::run(server.address, authorization, 1, ASKED, asked)?;
            let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
            let _infallible = writeln!(
                report,
                "| {question} | {who} | {answers} | {:.2} | {:.2} |",
                milliseconds(outcome.p50),
                milliseconds(outcome.p99)
            );
        }
    }
    Ok(report)
}

/// Returns the header of the user who may read one percent.
pub(super) fn asker() -> String {
    format!("Authorization: Basic {}\r\n", STANDARD.encode(format!("{}:{}", USER.0, USER.1)))
}

/// Pushes all images and waits until the hub knows what is in each.
pub(super) fn fill(server: &Server, images: usize, packages: usize) -> Result<Duration> {
    let mut connection = Connection::open(server.address, &server.authorization)?;
    for project in 0..PROJECTS {
        let name = project_name(project);
        connection.expect(201, "POST", "/api/v1/projects", JSON, format!(r#"{{"name":"{name}"}}"#).as_bytes())?;
        // The documents of ten thousand images would take the disk, and change nothing of what is measured.
        let path = format!("/api/v1/projects/{name}");
        connection.expect(200, "PATCH", &path, JSON, br#"{"sbom_documents":false}"#)?;
    }
    let (name, password) = USER;
    let user = format!(r#"{{"name":"{name}","password":"{password}"}}"#);
    connection.expect(201, "POST", "/api/v1/users", JSON, user.as_bytes())?;
    let member = format!("/api/v1/projects/{}/members/{name}", project_name(0));
    let granted = connection.send("PUT", &member, JSON, br#"{"role":"puller"}"#)?;
    ensure!(granted.status < 300, "the role was not granted: {}", granted.status);
    let begin = Instant::now();
    load::run(server.address, &server.authorization, 4, images, |connection, image| {
        Image::new(image, packages).push(connection, &repository_name(image))
    })?;
    wait(&mut connection)?;
    Ok(begin.elapsed())
}

fn wait(connection: &mut Connection) -> Result<()> {
    for state in ["pending", "running"] {
        loop {
            let path = format!("/api/v1/jobs?kind=inventory&state={state}&limit=1");
            let answer = connection.expect(200, "GET", &path, "", b"")?;
            if String::from_utf8_lossy(connection.last_body(answer.body_bytes)).contains("\"items\":[]") {
                break;
            }
            std::thread::sleep(POLL_PAUSE);
        }
    }
    Ok(())
}

/// Seconds of pulls in peace and during a burst, which takes longer than that: what follows it would not count.
const PULLED_S: u32 = 4;

/// Pulls at a given rate, in turns in peace and while images are pushed and inventoried, with their documents. The machine is
/// not the same at all times, so that the ratio of each pair counts.
fn bursts(server: &Server, arguments: &Arguments) -> Result<String> {
    let mut connection = Connection::open(server.address, &server.authorization)?;
    connection.send("POST", "/api/v1/projects", JSON, br#"{"name":"burst"}"#)?;
    let mut report = format!(
        "\nManifest GETs at {}/s over {} connections, in peace and while {} images are pushed and inventoried with their \
         documents:\n\n| burst takes s | p50 ms, peace | burst | p99 ms, peace | burst | ratio |\n|---|---|---|---|---|---|\n",
        arguments.rate, arguments.connections, arguments.burst
    );
    // Others than were pushed before, also by an earlier run.
    let mut first = arguments.images + usize::try_from(std::process::id())? * arguments.burst * arguments.bursts;
    let mut ratios = Vec::new();
    for _ in 0..arguments.bursts {
        // Made before: those who push build their images on machines of their own.
        let images: Vec<Image> =
            (first..first + arguments.burst).map(|image| Image::new(image, arguments.packages)).collect();
        let quiet = pull(server, arguments)?;
        let begin = Instant::now();
        let (busy, made) = std::thread::scope(|scope| -> Result<_> {
            let pusher = scope.spawn(|| -> Result<Duration> {
                load::run(server.address, &server.authorization, 8, arguments.burst, |connection, index| {
                    images[index].push(connection, "burst/images")
                })?;
                wait(&mut Connection::open(server.address, &server.authorization)?)?;
                Ok(begin.elapsed())
            });
            let busy = pull(server, arguments)?;
            let made = pusher.join().map_err(|_| anyhow::anyhow!("the pushing thread ended"))??;
            Ok((busy, made))
        })?;
        first += arguments.burst;
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        let ratio = busy.p99.as_secs_f64() / quiet.p99.as_secs_f64();
        ratios.push(ratio);
        let _infallible = writeln!(
            report,
            "| {:.1} | {:.2} | {:.2} | {:.2} | {:.2} | {ratio:.1} |",
            made.as_secs_f64(),
            milliseconds(quiet.p50),
            milliseconds(busy.p50),
            milliseconds(quiet.p99),
            milliseconds(busy.p99),
        );
    }
    ratios.sort_by(f64::total_cmp);
    let middle = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
    let _infallible = writeln!(report, "\nThe ratio in the middle is {middle:.1}.");
    Ok(report)
}

fn pull(server: &Server, arguments: &Arguments) -> Result<load::Outcome> {
    let repository = repository_name(0);
    let request = format!(
        "GET /v2/{repository}/manifests/image-0 HTTP/1.1\r\nHost: bench\r\n{}{ACCEPT}\r\n",
        server.authorization
    );
    let count = usize::try_from(arguments.rate * PULLED_S)?;
    paced::run(server.address, &request, arguments.connections, count, f64::from(arguments.rate))
}

fn project_name(project: usize) -> String {
    format!("project-{project:02}")
}

/// Returns the repository of an image: consecutive ones are in different projects.
fn repository_name(image: usize) -> String {
    let (project, repository) = (image % PROJECTS, image / PROJECTS % REPOSITORIES_IN_PROJECT);
    format!("{}/repository-{repository}", project_name(project))
}

fn version(number: usize) -> String {
    format!("{}.0-1", number % VERSIONS + 1)
}

/// Returns the packages of an image and the numbers of their versions. Each begins elsewhere and steps over the packages,
/// so that an image has an even share of them.
fn packages_of(image: usize, packages: usize) -> impl Iterator<Item = (usize, usize)> {
    let first = image.wrapping_mul(2_654_435_761) >> 12;
    let step = PACKAGES / packages.clamp(1, PACKAGES);
    (0..packages).map(move |number| ((first + number * step) % PACKAGES, first / PACKAGES + number))
}

/// An image of one layer that holds a Debian package database.
struct Image {
    number: usize,
    layer: (String, Vec<u8>),
    config: (String, String),
    manifest: String,
}

impl Image {
    fn new(number: usize, packages: usize) -> Self {
        let mut status = String::new();
        let mut add = |name: &str, version: &str| {
            let _infallible = write!(
                status,
                "Package: {name}\nStatus: install ok installed\nPriority: optional\nArchitecture: amd64\nVersion: {version}\nMaintainer: Someone <someone@example.org>\n\n"
            );
        };
        for (package, number) in packages_of(number, packages) {
            add(&format!("package-{package:04}"), &version(number));
        }
        if number.is_multiple_of(RARE_EVERY) {
            add(RARE, "1.0-1");
        }
        let layer = testkit::layer([
            ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian GNU/Linux 12\"\n"),
            ("var/lib/dpkg/status", &status),
        ]);
        let layer_name = name_of(&layer);
        let config = format!(
            r#"{{"os":"linux","architecture":"amd64","rootfs":{{"type":"layers","diff_ids":["{layer_name}"]}}}}"#
        );
        let config_name = name_of(config.as_bytes());
        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"{config_name}","size":{}}},"layers":[{{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"{layer_name}","size":{}}}]}}"#,
            config.len(),
            layer.len()
        );
        Self { number, layer: (layer_name, layer), config: (config_name, config), manifest }
    }

    fn push(&self, connection: &mut Connection, repository: &str) -> Result<()> {
        let Self { number, layer: (layer_name, layer), config: (config_name, config), manifest } = self;
        push_named(connection, repository, layer_name, layer)?;
        push_named(connection, repository, config_name, config.as_bytes())?;
        let path = format!("/v2/{repository}/manifests/image-{number}");
        connection.expect(201, "PUT", &path, MANIFEST, manifest.as_bytes()).context("an image was not taken")?;
        Ok(())
    }
}
