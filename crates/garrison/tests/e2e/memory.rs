//! What the program does to hold little memory.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use testkit::Database;

use crate::content::{IMAGE_MANIFEST, image_manifest, sha256};
use crate::http::Client;
use crate::hub::Installation;
use crate::process::eventually;

testkit::on_both_databases! {
    /// What it has from its environment holds from the process's start on; the process is the one that was started.
    async fn a_hub_gives_memory_back_at_once(database: Database) {
        let installation = Installation::new(database);
        let hub = installation.start(&[]);
        assert_eq!(allocator_settings(hub.process()), ["MIMALLOC_PURGE_DELAY=0"]);
        hub.stop();
    }
}

fn allocator_settings(process: u32) -> Vec<String> {
    let environment = std::fs::read_to_string(format!("/proc/{process}/environ")).unwrap();
    environment.split('\0').filter(|one| one.starts_with("MIMALLOC_")).map(str::to_owned).collect()
}

/// It waits for what it is to read, having begun again before.
#[test]
fn an_inventory_gives_memory_back_at_once() {
    let mut inventory = Command::new(env!("CARGO_BIN_EXE_garrison"))
        .args(["sbom", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let has_begun_again = || (allocator_settings(inventory.id()) == ["MIMALLOC_PURGE_DELAY=0"]).then_some(());
    eventually(PATIENCE, has_begun_again).expect("it begins again");
    drop(inventory.stdin.take());
    inventory.wait().unwrap();
}

/// What all inventories may take, where nobody sets it otherwise.
const INVENTORY_MEMORY_KIB: u64 = 256 << 10;

/// How long the inventories may take, on a slow machine and not optimised.
const PATIENCE: Duration = Duration::from_mins(3);

/// Small images that ask for much memory, one after the other; the next one is inventoried all the same.
#[test]
fn hostile_images_take_no_more_than_inventories_may() {
    let rows: Vec<String> = (0..300_000).map(|number| format!("Package: p{number}\nVersion: 1\n\n")).collect();
    let rows = rows.concat();
    let entries: Vec<String> =
        (0..300_000).map(|number| format!(r#""node_modules/p{number}":{{"version":"1.0.0"}}"#)).collect();
    let lock = format!(r#"{{"lockfileVersion":3,"packages":{{{}}}}}"#, entries.join(","));
    let zeros = "\0".repeat(128 << 20);
    let paths: Vec<String> = (0..50_000).map(|number| format!("{}/{number}", "d".repeat(90))).collect();
    let hostile = [
        testkit::layer([("var/lib/dpkg/status", &*rows)]),
        testkit::layer([("app/package-lock.json", &*lock)]),
        testkit::layer([("var/lib/dpkg/status", &*zeros), ("app/package-lock.json", &*zeros)]),
        testkit::layer(paths.iter().map(|path| (&**path, ""))),
    ];
    let installation = Installation::new(Database::sqlite());
    let hub = installation.start(&[]);
    let peak_kib = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", hub.process())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap()
    };
    let mut client = hub.client();
    let at_rest = peak_kib();
    for (number, layer) in hostile.iter().enumerate() {
        push(&mut client, &number.to_string(), layer);
        settle(&mut client);
        let taken = peak_kib() - at_rest;
        assert!(taken <= INVENTORY_MEMORY_KIB, "image {number}: {taken} KiB");
    }
    push(&mut client, "good", &testkit::layer([("var/lib/dpkg/status", "Package: a\nVersion: 1\n")]));
    let job = settle(&mut client);
    assert_eq!(job["state"], "done", "{job}");
    hub.stop();
}

/// Pushes an image of one layer.
fn push(client: &mut Client, tag: &str, layer: &[u8]) {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(layer).unwrap();
    let packed = packed.finish().unwrap();
    let config = serde_json::json!({
        "os": "linux", "architecture": "amd64",
        "rootfs": {"type": "layers", "diff_ids": [sha256(layer).to_string()]},
    });
    let config = config.to_string().into_bytes();
    for blob in [&packed, &config] {
        let path = format!("/v2/team/hostile/blobs/uploads/?digest={}", sha256(blob));
        client.send("POST", &path, &[], blob).unwrap().expect(201);
    }
    let manifest = image_manifest(&config, &[&packed]);
    let path = format!("/v2/team/hostile/manifests/{tag}");
    client.send("PUT", &path, &[("Content-Type", IMAGE_MANIFEST)], &manifest).unwrap().expect(201);
}

/// Waits until the newest inventory is made or refused; returns its job.
fn settle(client: &mut Client) -> serde_json::Value {
    let ended = eventually(PATIENCE, || {
        let jobs = client.get("/api/v1/jobs?kind=inventory&limit=1").unwrap().expect(200).json();
        let job = jobs["items"][0].clone();
        ["done", "failed"].iter().any(|state| job["state"] == *state).then_some(job)
    });
    ended.expect("an inventory ends within its time")
}
