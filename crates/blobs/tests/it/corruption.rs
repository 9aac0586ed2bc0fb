//! Files that changed behind the store's back.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use blobs::{Error, Stored, Verdict};

use crate::{Store, content, drain, push, read, sha256, store};

/// Stores a blob, changes its file, and reads it whole; the store is opened again in between if it is to have forgotten that
/// the blob was verified.
async fn check(damage: impl Fn(&mut Vec<u8>), is_forgotten: bool, is_expected: fn(&Error) -> bool) {
    for size in [1, 65_536, 300_000] {
        let mut this = Store::new();
        let bytes = content(1, size);
        let stored = push(&this.blobs, &bytes, &sha256(&bytes)).await.expect("the push succeeds");
        let mut damaged = bytes.clone();
        damage(&mut damaged);
        if is_forgotten {
            fs::write(this.path(&stored.location), &damaged).expect("the file is changed");
            this.reopen();
        } else {
            // Another inode: the clock that stamps a change may be too coarse to tell it from the commit.
            let aside = this.directory.path().join("aside");
            fs::write(&aside, &damaged).expect("the file is written");
            fs::rename(&aside, this.path(&stored.location)).expect("the file is replaced");
        }
        let error = read(&this.blobs, &stored).await.expect_err("the damage is found");
        assert!(is_expected(&error), "{error:?}");
        let verdict = this.blobs.verify(&stored.location, stored.location.digest(), stored.size_bytes, |_| ()).await;
        assert_eq!(verdict.expect("the file is verified"), Verdict::Corrupt);
        let healed = push(&this.blobs, &bytes, &sha256(&bytes)).await.expect("the push succeeds");
        assert!(read(&this.blobs, &healed).await.expect("the blob is read") == bytes, "a new push heals");
    }
}

fn is_corrupt(error: &Error) -> bool {
    matches!(error, Error::Corrupt { .. })
}

fn is_wrong_size(error: &Error) -> bool {
    matches!(error, Error::WrongSize { .. })
}

#[tokio::test]
async fn a_flipped_bit_is_found() {
    for is_forgotten in [true, false] {
        check(|bytes| bytes[0] ^= 1, is_forgotten, is_corrupt).await;
        check(|bytes| *bytes.last_mut().expect("not empty") ^= 128, is_forgotten, is_corrupt).await;
    }
}

#[tokio::test]
async fn another_size_is_found() {
    for is_forgotten in [true, false] {
        check(|bytes| bytes.truncate(bytes.len() - 1), is_forgotten, is_wrong_size).await;
        check(Vec::clear, is_forgotten, is_wrong_size).await;
        check(|bytes| bytes.push(0), is_forgotten, is_wrong_size).await;
    }
}

#[tokio::test]
async fn the_last_chunk_of_a_corrupt_blob_is_held_back() {
    let mut this = Store::new();
    let mut bytes = content(2, 150_000);
    let stored = push(&this.blobs, &bytes, &sha256(&bytes)).await.expect("the push succeeds");
    bytes[3] ^= 1;
    fs::write(this.path(&stored.location), &bytes).expect("the file is changed");
    this.reopen();
    let blob = this.blobs.read(&stored.location, 150_000, stored.location.digest()).await.expect("the blob opens");
    let (served, error) = drain(&blob, 0..150_000).await;
    assert!(error.as_ref().is_some_and(is_corrupt), "{error:?}");
    assert!(served == bytes[..2 * blobs::CHUNK_BYTES]);
    assert!(!blob.is_verified());
}

#[tokio::test]
async fn a_file_cut_while_it_is_read_ends_in_an_error() {
    let this = Store::new();
    let bytes = content(3, 150_000);
    let stored = push(&this.blobs, &bytes, &sha256(&bytes)).await.expect("the push succeeds");
    let blob = this.blobs.read(&stored.location, 150_000, stored.location.digest()).await.expect("the blob opens");
    fs::OpenOptions::new()
        .write(true)
        .open(this.path(&stored.location))
        .and_then(|file| file.set_len(70_000))
        .expect("the file is cut");
    let (served, error) = drain(&blob, 0..150_000).await;
    assert!(error.as_ref().is_some_and(is_corrupt), "{error:?}");
    assert_eq!(served.len(), 70_000);
}

#[tokio::test]
async fn a_symbolic_link_is_not_followed() {
    let mut this = Store::new();
    let stored = store(&this.blobs, b"content").await.expect("the body is stored");
    let aside = this.directory.path().join("aside");
    fs::rename(this.path(&stored.location), &aside).expect("the file is moved");
    std::os::unix::fs::symlink(&aside, this.path(&stored.location)).expect("the link is made");
    this.reopen();
    let error = read(&this.blobs, &stored).await.expect_err("the link is refused");
    assert!(matches!(error, Error::File { .. }), "{error:?}");
}

#[tokio::test]
async fn an_empty_blob_is_verified_too() {
    let this = Store::new();
    let stored = Stored { size_bytes: 0, ..store(&this.blobs, b"content").await.expect("the body is stored") };
    fs::write(this.path(&stored.location), b"").expect("the file is emptied");
    let error = read(&this.blobs, &stored).await.expect_err("nothing is not the content");
    assert!(is_corrupt(&error), "{error:?}");
}

#[tokio::test]
async fn only_the_own_user_has_access() {
    let mut this = Store::new();
    let stored = store(&this.blobs, b"content").await.expect("the body is stored");
    let mode = |path: &std::path::Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o7777;
    assert_eq!(mode(&this.path(&stored.location)), 0o600);
    let directories =
        ["", "uploads", "blobs", "blobs/sha256", "blobs/sha512/ff"].map(|name| this.directory.path().join(name));
    for directory in &directories {
        assert_eq!(mode(directory), 0o700, "{}", directory.display());
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).expect("the mode is changed");
    }
    this.reopen();
    for directory in &directories {
        assert_eq!(mode(directory), 0o700, "{}", directory.display());
    }
}
