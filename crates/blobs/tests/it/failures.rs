//! The n-th file operation fails, for every n.

use std::io::ErrorKind;

use blobs::{Blobs, Error, Stored, UploadId};
use oci::{Algorithm, Digest};

use crate::{Store, content, push_whole, read, sha256, sha512};

/// Uploads in two parts, the second after a restart as it were, and names a digest of either algorithm.
async fn upload(blobs: &Blobs, id: UploadId, bytes: &[u8], digest: &Digest) -> Result<Stored, Error> {
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let mut upload = blobs.resume(id, Algorithm::Sha256, 0).await?;
    upload.write(first.to_vec().into()).await?;
    let offset = upload.sync().await?;
    drop(upload);
    let mut upload = blobs.resume(id, digest.algorithm(), offset).await?;
    upload.write(second.to_vec().into()).await?;
    upload.commit(digest).await
}

/// Runs `push` with its n-th operation failing, for every n, or all from the n-th on; whatever happens, what was stored before
/// stays, what is said to be stored is, and a second try succeeds.
async fn check(
    kind: ErrorKind,
    is_lasting: bool,
    push: impl AsyncFn(&Blobs, UploadId, &[u8]) -> Result<Stored, Error>,
) {
    let this = Store::new();
    let earlier = content(1, 100_000);
    let kept = push(&this.blobs, UploadId::generate(), &earlier).await.expect("nothing fails yet");
    this.blobs.end_upload(&kept).await.expect("the upload ends");
    let bytes = content(2, 700_000);
    let mut failures = 0;
    for number in 0.. {
        let id = UploadId::generate();
        if is_lasting {
            this.faults.fail(number.., kind);
        } else {
            this.faults.fail(number..=number, kind);
        }
        let outcome = push(&this.blobs, id, &bytes).await;
        let count = this.faults.count();
        this.faults.heal();
        match &outcome {
            Ok(stored) => {
                this.blobs.end_upload(stored).await.expect("the upload ends");
                assert!(read(&this.blobs, stored).await.expect("the blob is read") == bytes, "operation {number}");
                this.blobs.remove(&stored.location).await.expect("the blob is removed");
            }
            Err(Error::StorageFull { .. }) if kind == ErrorKind::StorageFull => failures += 1,
            Err(Error::StorageFull { .. }) if kind == ErrorKind::QuotaExceeded => failures += 1,
            Err(Error::File { .. }) if kind == ErrorKind::Other => failures += 1,
            Err(error) => panic!("operation {number}: {error:?}"),
        }
        this.blobs.remove_upload(id).await.expect("the rest is removed");
        if !is_lasting {
            assert_eq!(this.files().await, [kept.location.to_string()], "operation {number} leaves an orphan");
        }
        let stored = push(&this.blobs, id, &bytes).await.expect("a second try succeeds");
        this.blobs.end_upload(&stored).await.expect("the upload ends");
        assert!(read(&this.blobs, &stored).await.expect("the blob is read") == bytes, "operation {number}");
        this.blobs.remove(&stored.location).await.expect("the blob is removed");
        assert!(read(&this.blobs, &kept).await.expect("the earlier blob is read") == earlier);
        if count <= number {
            assert!(outcome.is_ok(), "nothing failed");
            break;
        }
    }
    assert!(failures > 2, "{failures}");
    assert_eq!(this.files().await, [kept.location.to_string()]);
}

#[tokio::test]
async fn any_operation_of_an_upload_may_fail() {
    for is_lasting in [false, true] {
        for kind in [ErrorKind::Other, ErrorKind::StorageFull, ErrorKind::QuotaExceeded] {
            check(kind, is_lasting, async |blobs, id, bytes| upload(blobs, id, bytes, &sha256(bytes)).await).await;
        }
        check(ErrorKind::Other, is_lasting, async |blobs, id, bytes| upload(blobs, id, bytes, &sha512(bytes)).await)
            .await;
    }
}

#[tokio::test]
async fn any_operation_of_storing_a_body_may_fail() {
    for is_lasting in [false, true] {
        for kind in [ErrorKind::Other, ErrorKind::StorageFull, ErrorKind::QuotaExceeded] {
            let store = async |blobs: &Blobs, id: UploadId, bytes: &[u8]| {
                blobs.store(id, &sha256(bytes), vec![bytes.to_vec().into()]).await
            };
            check(kind, is_lasting, store).await;
        }
    }
}

#[tokio::test]
async fn any_operation_of_a_blob_that_comes_whole_may_fail() {
    for is_lasting in [false, true] {
        for kind in [ErrorKind::Other, ErrorKind::StorageFull, ErrorKind::QuotaExceeded] {
            let push =
                async |blobs: &Blobs, id: UploadId, bytes: &[u8]| push_whole(blobs, id, bytes, &sha256(bytes)).await;
            check(kind, is_lasting, push).await;
        }
    }
}

/// The last part of an upload, with the n-th operation failing, is tried again where the earlier part was acknowledged.
#[tokio::test]
async fn what_was_acknowledged_survives_a_commit_that_fails() {
    for (is_lasting, is_restarted) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut this = Store::new();
        let bytes = content(4, 700_000);
        let (first, second) = bytes.split_at(400_000);
        for number in 0.. {
            let what = format!("operation {number}, {is_lasting}, {is_restarted}");
            let id = UploadId::generate();
            let mut upload = this.blobs.resume(id, Algorithm::Sha256, 0).await.expect("the upload begins");
            upload.write(first.to_vec().into()).await.expect("the part is written");
            let offset = upload.sync().await.expect("the part is synced");
            if is_lasting {
                this.faults.fail(number.., ErrorKind::Other);
            } else {
                this.faults.fail(number..=number, ErrorKind::Other);
            }
            let failed = match upload.write(second.to_vec().into()).await {
                Ok(()) => upload.commit(&sha256(&bytes)).await.map(|_| ()),
                Err(error) => Err(error),
            };
            let count = this.faults.count();
            this.faults.heal();
            if is_restarted {
                this.reopen();
            }
            let mut upload = this.blobs.resume(id, Algorithm::Sha256, offset).await.expect("the upload goes on");
            upload.write(second.to_vec().into()).await.expect("the part is written");
            let stored = upload.commit(&sha256(&bytes)).await.expect("the second try succeeds");
            this.blobs.end_upload(&stored).await.expect("the upload ends");
            assert!(read(&this.blobs, &stored).await.expect("the blob is read") == bytes, "{what}");
            assert_eq!(this.files().await, [stored.location.to_string()], "{what}");
            this.blobs.remove(&stored.location).await.expect("the blob is removed");
            if count <= number {
                failed.expect("nothing failed");
                break;
            }
        }
    }
}

#[tokio::test]
async fn a_file_system_without_links_is_made_do_with() {
    for kind in [ErrorKind::Unsupported, ErrorKind::PermissionDenied] {
        let this = Store::new();
        let bytes = content(5, 700_000);
        let mut copies = 0;
        for number in 0.. {
            let id = UploadId::generate();
            let mut upload = this.blobs.resume(id, Algorithm::Sha256, 0).await.expect("the upload begins");
            upload.write(bytes.clone().into()).await.expect("the part is written");
            upload.sync().await.expect("the part is synced");
            this.faults.fail(number..=number, kind);
            let outcome = upload.commit(&sha256(&bytes)).await;
            let count = this.faults.count();
            this.faults.heal();
            if let Ok(stored) = &outcome {
                // More operations than a link takes.
                copies += u32::from(number < count && count > 5);
                this.blobs.end_upload(stored).await.expect("the upload ends");
                assert!(read(&this.blobs, stored).await.expect("the blob is read") == bytes, "operation {number}");
                this.blobs.remove(&stored.location).await.expect("the blob is removed");
            }
            this.blobs.remove_upload(id).await.expect("the rest is removed");
            assert_eq!(this.files().await, Vec::<String>::new(), "operation {number} leaves an orphan");
            if count <= number {
                break;
            }
        }
        assert_eq!(copies, 1, "{kind:?}");
    }
}

#[tokio::test]
async fn an_upload_does_not_go_on_after_a_failure() {
    let this = Store::new();
    let id = UploadId::generate();
    let mut upload = this.blobs.resume(id, Algorithm::Sha256, 0).await.expect("the upload begins");
    upload.write("lost".into()).await.expect("the part is taken");
    this.faults.fail(1..=1, ErrorKind::StorageFull);
    let error = upload.sync().await.expect_err("the write fails");
    assert!(matches!(error, Error::StorageFull { operation: "write", .. }), "{error:?}");
    upload.write("kept".into()).await.expect("the part is taken");
    for error in [upload.sync().await.map(|_| ()), upload.commit(&sha256(b"kept")).await.map(|_| ())] {
        let error = error.expect_err("the upload failed before");
        assert!(matches!(error, Error::UploadFailed { .. }), "{error:?}");
    }
    this.blobs.resume(id, Algorithm::Sha256, 0).await.expect("the upload starts again");
}

#[tokio::test]
async fn any_operation_of_opening_may_fail() {
    let directory = crate::memory_directory();
    let faults = blobs::Faults::new();
    let mut number = 0;
    loop {
        faults.fail(number..=number, ErrorKind::StorageFull);
        let outcome = Blobs::open_with(directory.path(), faults.clone());
        if faults.count() <= number {
            outcome.expect("nothing failed");
            break;
        }
        assert!(matches!(outcome.map(|_| ()), Err(Error::StorageFull { .. })), "operation {number}");
        number += 1;
    }
    assert!(number > 512, "{number}");
}

#[tokio::test]
async fn a_read_that_fails_ends_the_stream() {
    let mut this = Store::new();
    let bytes = content(3, 200_000);
    let stored = this.blobs.store(UploadId::generate(), &sha256(&bytes), vec![bytes.clone().into()]).await;
    let stored = stored.expect("the body is stored");
    this.reopen();
    for number in 0..8 {
        this.faults.fail(number.., ErrorKind::Other);
        let error = read(&this.blobs, &stored).await;
        this.faults.heal();
        if this.faults.count() > number {
            assert!(matches!(error, Err(Error::File { .. })), "operation {number}: {error:?}");
        }
    }
    assert!(read(&this.blobs, &stored).await.expect("the blob is read") == bytes);
}
