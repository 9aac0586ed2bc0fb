//! What the hub takes for an image that it sees for the first time, and for the same image with one small layer more.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::bench::http::Connection;
use crate::bench::registry::{name_of, push_named};
use crate::bench::server::{Inventories, Server};

/// Rebuilds of each image. The first ones also learn what the later ones know.
const REBUILDS: usize = 20;

/// How long an inventory may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// How often it is asked whether it is there: seldom, since asking takes processors from it.
const POLL_PAUSE: Duration = Duration::from_millis(20);

const REPOSITORY: &str = "library/rebuilt";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// Milliseconds from the order of an inventory until it is in the index, with documents and fact.
pub(super) struct Taken {
    pub(super) cold_ms: f64,
    /// Of the rebuilds, in order.
    pub(super) rebuilt_ms: Vec<f64>,
    /// The hub's peak, in MiB.
    pub(super) memory_mib: f64,
}

impl Taken {
    /// Returns the rebuild in the middle.
    pub(super) fn middle_ms(&self) -> f64 {
        self.rebuilt_ms.get(self.rebuilt_ms.len() / 2).copied().unwrap_or_default()
    }
}

/// Pushes an image to a new hub, then the image with one layer more, some times.
pub(super) fn measure(binary: &Path, image: &Path, workshop: &Path) -> Result<Taken> {
    let directory = tempfile::tempdir_in(workshop)?;
    let mut server = Server::garrison(binary, directory.path(), Inventories::Made, &[])?;
    server.authorization = server.basic();
    let mut connection = Connection::open(server.address, &server.authorization)?;
    let blob = |name: &str| fs::read(image.join("blobs/sha256").join(name.trim_start_matches("sha256:")));
    let index: Value = serde_json::from_slice(&fs::read(image.join("index.json"))?)?;
    let mut manifest: Value = serde_json::from_slice(&blob(text(&index["manifests"][0]["digest"])?)?)?;
    manifest["mediaType"] = json!(MANIFEST);
    for layer in manifest["layers"].as_array().context("an image has layers")? {
        push_named(&mut connection, REPOSITORY, text(&layer["digest"])?, &blob(text(&layer["digest"])?)?)?;
    }
    let config = blob(text(&manifest["config"]["digest"])?)?;
    let mut config: Value = serde_json::from_slice(&config)?;
    config["history"] = Value::Null;
    let cold_ms = push(&mut connection, &mut manifest, &config)?;
    let mut rebuilt_ms =
        (0..REBUILDS).map(|build| rebuild(&mut connection, &manifest, &config, build)).collect::<Result<Vec<f64>>>()?;
    rebuilt_ms.sort_by(f64::total_cmp);
    Ok(Taken { cold_ms, rebuilt_ms, memory_mib: server.memory_mib()?.1 })
}

/// Pushes the image with a layer of an application on top: one file, and a lockfile with another version of one package.
fn rebuild(connection: &mut Connection, manifest: &Value, config: &Value, build: usize) -> Result<f64> {
    let lock = json!({
        "name": "app", "version": format!("1.0.{build}"), "lockfileVersion": 3,
        "packages": {"node_modules/left-pad": {"version": format!("1.{build}.0")}},
    });
    let layer = testkit::layer([("app/build", &*build.to_string()), ("app/package-lock.json", &*lock.to_string())]);
    let name = name_of(&layer);
    push_named(connection, REPOSITORY, &name, &layer)?;
    let (mut manifest, mut config) = (manifest.clone(), config.clone());
    let described = json!({"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": name, "size": layer.len()});
    manifest["layers"].as_array_mut().context("an image has layers")?.push(described);
    config["rootfs"]["diff_ids"].as_array_mut().context("a configuration has layers")?.push(json!(name));
    push(connection, &mut manifest, &config)
}

/// Pushes configuration and manifest; returns what the inventory took.
fn push(connection: &mut Connection, manifest: &mut Value, config: &Value) -> Result<f64> {
    let config = config.to_string();
    let name = name_of(config.as_bytes());
    push_named(connection, REPOSITORY, &name, config.as_bytes())?;
    manifest["config"]["digest"] = json!(name);
    manifest["config"]["size"] = json!(config.len());
    let path = format!("/v2/{REPOSITORY}/manifests/latest");
    connection.expect(201, "PUT", &path, &format!("Content-Type: {MANIFEST}\r\n"), manifest.to_string().as_bytes())?;
    let begin = Instant::now();
    while begin.elapsed() < PATIENCE {
        let answer = connection.expect(200, "GET", "/api/v1/jobs?kind=inventory&limit=1", "", b"")?;
        let jobs: Value = serde_json::from_slice(connection.last_body(answer.body_bytes))?;
        let job = &jobs["items"][0];
        match job["state"].as_str() {
            Some("done") => return milliseconds(text(&job["created_at"])?, text(&job["finished_at"])?),
            Some("failed") => bail!("the hub refused the image: {}", job["error"]),
            _ => std::thread::sleep(POLL_PAUSE),
        }
    }
    bail!("no inventory came within {PATIENCE:?}")
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().context("a text is missing")
}

/// Returns the milliseconds between two RFC 3339 times in UTC that are less than a day apart.
fn milliseconds(from: &str, to: &str) -> Result<f64> {
    let of_day = |time: &str| -> Result<f64> {
        let (_, clock) = time.split_once('T').context("a time has a `T`")?;
        let parts: Vec<f64> = clock.trim_end_matches('Z').split(':').map(str::parse).collect::<Result<_, _>>()?;
        ensure!(parts.len() == 3, "`{time}` has no hours, minutes and seconds");
        Ok(parts.iter().fold(0.0, |seconds, part| seconds * 60.0 + part))
    };
    Ok((of_day(to)? - of_day(from)?).rem_euclid(86_400.0) * 1e3)
}

#[cfg(test)]
mod tests {
    use super::milliseconds;

    #[test]
    fn times_are_subtracted_also_over_midnight() {
        for (from, to, expected) in [
            ("2026-01-02T03:04:05.5Z", "2026-01-02T03:04:06.75Z", 1_250.0),
            ("2026-01-02T23:59:59Z", "2026-01-03T00:00:01.000001Z", 2_000.001),
        ] {
            assert!((milliseconds(from, to).unwrap() - expected).abs() < 1e-6, "{from} {to}");
        }
        assert!(milliseconds("yesterday", "today").is_err());
    }
}
