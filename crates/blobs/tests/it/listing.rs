//! The walk over all files.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use blobs::{Found, UploadId};
use oci::Algorithm;

use crate::{Store, list, store};

#[tokio::test]
async fn every_file_is_listed_as_what_it_is() {
    let this = Store::new();
    let stored = store(&this.blobs, b"content").await.expect("the body is stored");
    let id = UploadId::generate();
    let mut upload = this.blobs.resume(id, Algorithm::Sha256, 0).await.expect("the upload begins");
    upload.write("part".into()).await.expect("the part is written");
    upload.sync().await.expect("the part is synced");
    let unknown = [
        "uploads/notes.txt",
        "blobs/md5",
        "blobs/sha256/zz",
        "blobs/sha256/00/short",
        &format!("blobs/sha256/00/{}", &stored.location.to_string()[16..]),
    ];
    for path in unknown {
        fs::write(this.directory.path().join(path), b"?").expect("the file is written");
    }
    fs::create_dir_all(this.directory.path().join("uploads/directory/inside")).expect("the directory is made");
    std::os::unix::fs::symlink("/etc/passwd", this.directory.path().join(format!("uploads/{}", UploadId::generate())))
        .expect("the link is made");

    let entries = list(&this.blobs).await;
    let find = |found: Found| entries.iter().find(|entry| entry.found == found).expect("the file is listed");
    assert_eq!(find(Found::Blob(stored.location)).size_bytes, 7);
    assert_eq!(find(Found::Upload(id)).size_bytes, 4);
    for path in unknown {
        assert_eq!(find(Found::Unknown(PathBuf::from(path))).size_bytes, 1);
    }
    find(Found::Unknown(PathBuf::from("uploads/directory")));
    assert_eq!(entries.len(), 2 + unknown.len() + 2);
    let age = SystemTime::now().duration_since(find(Found::Upload(id)).modified).unwrap_or_default();
    assert!(age < Duration::from_mins(10), "{age:?}");
}

#[tokio::test]
async fn a_large_store_is_listed_in_batches() {
    let this = Store::new();
    for _ in 0..2500 {
        fs::write(this.upload_path(UploadId::generate()), b"").expect("the file is written");
    }
    let mut listing = this.blobs.list();
    let mut sizes = Vec::new();
    while let Some(batch) = listing.next().await.expect("the store can be listed") {
        sizes.push(batch.len());
    }
    assert_eq!(sizes, [1024, 1024, 452]);
    assert!(listing.next().await.expect("the listing is at its end").is_none());
}
