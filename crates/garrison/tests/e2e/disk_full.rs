//! A disk that is full: pushes are refused in plain words, nothing acknowledged is lost, and space is all it takes to go on.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use testkit::Database;

use crate::content::{self, IMAGE_MANIFEST, image_manifest, sha256};
use crate::hub::Installation;
use crate::process::{eventually, run};
use crate::skipped;

const SMALL_DISK: &str = "size=24m";
const LARGE_DISK: &str = "size=64m";
/// The disk holds fewer.
const BLOBS_MAX: u64 = 16;
const BLOB_BYTES: usize = 3 << 20;
/// What readiness says holds for a second.
const READY_DEADLINE: Duration = Duration::from_mins(2);

testkit::on_both_databases! {
    async fn a_full_disk_refuses_pushes_and_loses_nothing(database: Database) { fill(database); }
}

fn fill(database: Database) {
    if crate::is_quick() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let Some(disk) = Disk::mount(place.path()) else { return };
    let installation = Installation::new(database).with_data(&place.path().join("data"));
    let hub = installation.start(&[]);
    let mut client = hub.client();
    let path = |digest: &oci::Digest| format!("/v2/team/full/blobs/uploads/?digest={digest}");
    let mut stored = Vec::new();
    let refused = (0..BLOBS_MAX).find_map(|seed| {
        let content = content::bytes(seed, BLOB_BYTES);
        let answer = client.send("POST", &path(&sha256(&content)), &[], &content).unwrap();
        if answer.status == 201 {
            stored.push(content);
            return None;
        }
        Some((content, answer))
    });
    let (content, answer) = refused.unwrap();
    assert_eq!(answer.status, 507, "{answer:?}");
    assert_eq!(answer.json()["errors"][0]["code"], "STORAGE_FULL", "{}", answer.text());
    assert!(stored.len() > 2, "the disk holds a few");
    for content in &stored {
        let blob = client.get(&format!("/v2/team/full/blobs/{}", sha256(content))).unwrap().expect(200);
        assert_eq!(&blob.body, content);
    }

    // To the last byte: a smaller push would still have found room.
    disk.fill();
    let ready = |status: u16| {
        let mut client = hub.anonymous();
        let answer = eventually(READY_DEADLINE, || client.get("/readyz").ok().filter(|answer| answer.status == status));
        assert!(answer.is_some(), "readiness does not become {status}");
    };
    ready(507);
    disk.grow();
    ready(200);
    client.send("POST", &path(&sha256(&content)), &[], &content).unwrap().expect(201);
    let manifest = image_manifest(&stored[0], &[&stored[1], &content]);
    let manifest_type = [("Content-Type", IMAGE_MANIFEST)];
    client.send("PUT", "/v2/team/full/manifests/1", &manifest_type, &manifest).unwrap().expect(201);
    drop(client);
    hub.stop();
    let hub = installation.start(&[]);
    assert_eq!(hub.client().get("/v2/team/full/manifests/1").unwrap().expect(200).body, manifest);
    hub.stop();
}

/// A file system in memory, unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    /// Mounts it; `None`, said loudly, where that is not allowed.
    fn mount(place: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        let mounted = run(mount.args(["-t", "tmpfs", "-o", SMALL_DISK, "tmpfs"]).arg(place));
        if !mounted.is_success() {
            skipped(&format!("no small disk can be mounted here: {}", mounted.output().trim()));
            return None;
        }
        Some(Self(place.to_owned()))
    }

    /// Leaves no space.
    fn fill(&self) {
        let mut filler = File::create(self.0.join("filler")).unwrap();
        for bytes in [1 << 20, 4096, 1] {
            while filler.write_all(&vec![1; bytes]).is_ok() {}
        }
    }

    fn grow(&self) {
        run(Command::new("mount").args(["-o", &format!("remount,{LARGE_DISK}")]).arg(&self.0)).succeeded();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily, because a hub may still have it open when a test fails.
        let _stays = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
