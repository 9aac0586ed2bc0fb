//! What any store of blobs promises, wherever it keeps them.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use blobs::{BATCH_BYTES, Error, Operation, PENDING_BYTES_MAX, STORE_BYTES_MAX, UploadId, Verdict};
use bytes::Bytes;
use oci::Algorithm;

use crate::{Store, content, drain, push, push_whole, read, sha256, sha512, store};

#[tokio::test]
async fn what_is_pushed_is_read() {
    let this = Store::new();
    let chunk = blobs::CHUNK_BYTES;
    for size in [0, 1, chunk - 1, chunk, chunk + 1, BATCH_BYTES, PENDING_BYTES_MAX + 1, 3 * PENDING_BYTES_MAX + 7] {
        let bytes = content(1, size);
        let pushed = push(&this.blobs, &bytes, &sha256(&bytes)).await.expect("the push succeeds");
        assert_eq!(pushed.size_bytes, size as u64);
        assert_eq!(pushed.location.digest(), &sha256(&bytes));
        assert!(read(&this.blobs, &pushed).await.expect("the blob is read") == bytes, "{size} bytes");
        for digest in [sha256(&bytes), sha512(&bytes)] {
            let whole = push_whole(&this.blobs, UploadId::generate(), &bytes, &digest).await;
            let whole = whole.expect("the push succeeds");
            assert_eq!((whole.size_bytes, whole.location.digest()), (size as u64, &digest));
            assert!(read(&this.blobs, &whole).await.expect("the blob is read") == bytes, "{size} bytes");
        }
    }
}

/// One that comes whole has one name from its first byte to its last.
#[tokio::test]
async fn what_comes_whole_takes_two_syncs_and_no_second_name() {
    let this = Store::new();
    let bytes = content(18, 700_000);
    this.faults.record();
    let stored = push_whole(&this.blobs, UploadId::generate(), &bytes, &sha256(&bytes)).await;
    let path = stored.expect("the push succeeds").location.to_string();
    let (directory, _) = path.rsplit_once('/').expect("it has a directory");
    let done: Vec<_> = this.faults.recorded();
    let [
        Operation::Create { path: made, .. },
        writes @ ..,
        Operation::SyncFile { .. },
        Operation::SyncDirectory { path: synced },
    ] = done.as_slice()
    else {
        panic!("{done:?}")
    };
    assert_eq!((made, synced.as_str()), (&path, directory));
    assert!(writes.iter().all(|operation| matches!(operation, Operation::Write { .. })), "{writes:?}");
}

#[tokio::test]
async fn single_bytes_are_written_together() {
    let this = Store::new();
    let bytes = content(17, 300_000);
    let id = UploadId::generate();
    let mut upload = this.blobs.resume(id, Algorithm::Sha256, 0).await.expect("the upload begins");
    this.faults.record();
    for byte in &bytes {
        upload.write(vec![*byte].into()).await.expect("the byte is taken");
    }
    let stored = upload.commit(&sha256(&bytes)).await.expect("the upload is committed");
    let writes =
        this.faults.recorded().into_iter().filter(|operation| matches!(operation, blobs::Operation::Write { .. }));
    assert_eq!(writes.count(), 2);
    assert!(read(&this.blobs, &stored).await.expect("the blob is read") == bytes);
}

#[tokio::test]
async fn what_is_stored_in_one_piece_is_read_up_to_the_limit() {
    let this = Store::new();
    for size in [0, 1, STORE_BYTES_MAX - 1, STORE_BYTES_MAX] {
        let bytes = content(2, size);
        let stored = store(&this.blobs, &bytes).await.expect("the body is stored");
        assert!(read(&this.blobs, &stored).await.expect("the blob is read") == bytes, "{size} bytes");
    }
    let error = store(&this.blobs, &content(2, STORE_BYTES_MAX + 1)).await.expect_err("the body is too large");
    assert!(matches!(error, Error::BodyTooLarge { actual, limit } if actual == limit + 1), "{error:?}");
}

#[tokio::test]
async fn a_digest_that_does_not_match_leaves_nothing() {
    let this = Store::new();
    let other = sha256(b"other");
    for size in [0, 10, 700_000] {
        let bytes = content(3, size);
        for expected in [other, sha512(b"other")] {
            let pushed = push(&this.blobs, &bytes, &expected).await;
            let id = UploadId::generate();
            let stored = this.blobs.store(id, &expected, vec![bytes.clone().into()]).await;
            let whole = push_whole(&this.blobs, UploadId::generate(), &bytes, &expected).await;
            for outcome in [pushed, stored, whole] {
                let error = outcome.expect_err("the digest does not match");
                assert!(matches!(error, Error::DigestMismatch { expected: said, .. } if *said == expected));
            }
        }
    }
    assert_eq!(this.files().await, Vec::<String>::new());
}

#[tokio::test]
async fn an_algorithm_named_at_the_end_counts() {
    let mut this = Store::new();
    let bytes = content(4, 1_500_000);
    let digest = sha512(&bytes);
    let pushed = push(&this.blobs, &bytes, &digest).await.expect("the push succeeds");
    assert_eq!(pushed.location.digest(), &digest);
    this.reopen();
    assert!(read(&this.blobs, &pushed).await.expect("the blob is read") == bytes);
    let small = push(&this.blobs, b"small", &sha512(b"small")).await.expect("the push succeeds");
    assert_eq!(read(&this.blobs, &small).await.expect("the blob is read"), b"small");
}

#[tokio::test]
async fn an_upload_goes_on_in_the_same_process_without_reading_back() {
    let this = Store::new();
    let id = UploadId::generate();
    let bytes = content(5, 900_000);
    let mut offset = 0;
    for part in bytes.chunks(300_000) {
        let mut upload = this.blobs.resume(id, Algorithm::Sha256, offset).await.expect("the upload goes on");
        assert_eq!(upload.offset(), offset);
        upload.write(Bytes::copy_from_slice(part)).await.expect("the part is written");
        offset = upload.sync().await.expect("the part is synced");
    }
    let before = this.faults.count();
    let upload = this.blobs.resume(id, Algorithm::Sha256, offset).await.expect("the upload goes on");
    assert_eq!(this.faults.count() - before, 2, "opened and looked at, not read");
    let stored = upload.commit(&sha256(&bytes)).await.expect("the upload is committed");
    assert!(read(&this.blobs, &stored).await.expect("the blob is read") == bytes);
}

#[tokio::test]
async fn an_upload_goes_on_after_a_restart() {
    let mut this = Store::new();
    let bytes = content(6, 1_000_000);
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        let id = UploadId::generate();
        let mut upload = this.blobs.resume(id, algorithm, 0).await.expect("the upload begins");
        upload.write(bytes[..600_000].to_vec().into()).await.expect("the part is written");
        assert_eq!(upload.sync().await.expect("the part is synced"), 600_000);
        // Longer than was acknowledged.
        upload.write(vec![0; 400_001].into()).await.expect("the part is written");
        upload.sync().await.expect("the part is synced");
        drop(upload);
        this.reopen();
        let mut upload = this.blobs.resume(id, algorithm, 600_000).await.expect("the upload goes on");
        upload.write(bytes[600_000..].to_vec().into()).await.expect("the part is written");
        let stored = upload.commit(&sha256(&bytes)).await.expect("the upload is committed");
        assert!(read(&this.blobs, &stored).await.expect("the blob is read") == bytes);
    }
}

#[tokio::test]
async fn an_upload_that_lost_bytes_has_to_start_again() {
    let mut this = Store::new();
    let id = UploadId::generate();
    let check = async |this: &Store, offset: u64, found: Option<u64>| {
        let outcome = this.blobs.resume(id, Algorithm::Sha256, offset).await.map(|upload| upload.offset());
        match (outcome, found) {
            (Ok(at), None) => assert_eq!(at, offset),
            (Err(Error::UploadLost { expected, actual, .. }), Some(found)) => {
                assert_eq!((expected, actual), (offset, found));
            }
            (outcome, _) => panic!("resumed at {offset}: {outcome:?}"),
        }
    };
    check(&this, 1, Some(0)).await;
    check(&this, 0, None).await;
    let mut upload = this.blobs.resume(id, Algorithm::Sha256, 0).await.expect("the upload begins");
    upload.write(vec![7; 100].into()).await.expect("the part is written");
    upload.sync().await.expect("the part is synced");
    drop(upload);
    for _ in 0..2 {
        check(&this, 101, Some(100)).await;
        this.reopen();
    }
    check(&this, 100, None).await;
    check(&this, 99, None).await;
    check(&this, 100, Some(99)).await;
}

#[tokio::test]
async fn an_upload_dropped_half_way_can_start_again() {
    let this = Store::new();
    let id = UploadId::generate();
    let mut upload = this.blobs.resume(id, Algorithm::Sha256, 0).await.expect("the upload begins");
    upload.write(content(7, 2_000_000).into()).await.expect("the part is written");
    drop(upload);
    let bytes = content(8, 300_000);
    let mut upload = this.blobs.resume(id, Algorithm::Sha256, 0).await.expect("the upload starts again");
    upload.write(bytes.clone().into()).await.expect("the part is written");
    let stored = upload.commit(&sha256(&bytes)).await.expect("the upload is committed");
    this.blobs.end_upload(&stored).await.expect("the upload ends");
    assert!(read(&this.blobs, &stored).await.expect("the blob is read") == bytes);
    assert_eq!(this.files().await, [stored.location.to_string()]);
}

#[tokio::test]
async fn an_upload_stays_until_it_is_ended() {
    let mut this = Store::new();
    let id = UploadId::generate();
    let bytes = content(15, 300_000);
    let mut upload = this.blobs.resume(id, Algorithm::Sha256, 0).await.expect("the upload begins");
    upload.write(bytes[..200_000].to_vec().into()).await.expect("the part is written");
    upload.sync().await.expect("the part is synced");
    let wrong = upload.commit(&sha256(b"other")).await.expect_err("the digest does not match");
    assert!(matches!(wrong, Error::DigestMismatch { .. }), "{wrong:?}");
    let mut upload = this.blobs.resume(id, Algorithm::Sha256, 200_000).await.expect("the upload goes on");
    upload.write(bytes[200_000..].to_vec().into()).await.expect("the part is written");
    let stored = upload.commit(&sha256(&bytes)).await.expect("the upload is committed");
    let is_verified = async |blobs: &blobs::Blobs| {
        blobs.read(&stored.location, 300_000, stored.location.digest()).await.expect("the blob opens").is_verified()
    };
    assert!(is_verified(&this.blobs).await);

    // No row came to name the blob, and the client goes another way: that must not reach the blob's bytes.
    for is_restarted in [false, true] {
        if is_restarted {
            this.reopen();
        }
        for offset in [200_000, 0] {
            let mut upload = this.blobs.resume(id, Algorithm::Sha256, offset).await.expect("the upload goes on");
            upload.write("another end".into()).await.expect("the part is written");
            upload.sync().await.expect("the part is synced");
            drop(upload);
            assert!(read(&this.blobs, &stored).await.expect("the blob is read") == bytes, "{offset}");
            let mut upload = this.blobs.resume(id, Algorithm::Sha256, 0).await.expect("the upload goes on");
            upload.write(bytes.clone().into()).await.expect("the part is written");
            assert_eq!(upload.commit(&sha256(&bytes)).await.expect("the upload is committed"), stored);
        }
    }
    assert_eq!(this.files().await, [stored.location.to_string(), format!("uploads/{id}")]);
    this.blobs.end_upload(&stored).await.expect("the upload ends");
    assert_eq!(this.files().await, [stored.location.to_string()]);
    assert!(is_verified(&this.blobs).await, "its bytes are the same");
    this.blobs.end_upload(&stored).await.expect("it has ended before");
}

#[tokio::test]
async fn a_torn_blob_of_an_earlier_try_is_replaced() {
    let this = Store::new();
    let bytes = content(16, 300_000);
    for torn in [&b""[..], &bytes[..1000], &vec![0; 300_000]] {
        let id = UploadId::generate();
        let location = blobs::Location::new(sha256(&bytes), id);
        std::fs::write(this.path(&location), torn).expect("the file is written");
        let mut upload = this.blobs.resume(id, Algorithm::Sha256, 0).await.expect("the upload begins");
        upload.write(bytes.clone().into()).await.expect("the part is written");
        let stored = upload.commit(&sha256(&bytes)).await.expect("the upload is committed");
        assert_eq!(stored.location, location);
        assert!(read(&this.blobs, &stored).await.expect("the blob is read") == bytes);
        this.blobs.end_upload(&stored).await.expect("the upload ends");
        std::fs::write(this.path(&location), torn).expect("the file is written");
        let again = push_whole(&this.blobs, id, &bytes, &sha256(&bytes)).await.expect("the push succeeds");
        assert_eq!(again, stored);
        assert!(read(&this.blobs, &stored).await.expect("the blob is read") == bytes);
        this.blobs.remove(&location).await.expect("the blob is removed");
    }
    assert_eq!(this.files().await, Vec::<String>::new());
}

/// A row may name the file of an earlier try: whatever becomes of the next one, that stays.
#[tokio::test]
async fn what_came_whole_before_is_kept() {
    let this = Store::new();
    let (id, bytes) = (UploadId::generate(), content(19, 300_000));
    let digest = sha256(&bytes);
    let first = push_whole(&this.blobs, id, &bytes, &digest).await.expect("the push succeeds");
    let wrong = push_whole(&this.blobs, id, &bytes[1..], &digest).await.expect_err("the digest does not match");
    assert!(matches!(wrong, Error::DigestMismatch { .. }), "{wrong:?}");
    let mut dropped = this.blobs.begin(id, &digest).await.expect("it begins");
    dropped.write(bytes[..290_000].to_vec().into()).await.expect("the part is written");
    drop(dropped);
    let again = push_whole(&this.blobs, id, &bytes, &digest).await.expect("the push succeeds");
    assert_eq!(again, first);
    assert!(read(&this.blobs, &first).await.expect("the blob is read") == bytes);
    assert_eq!(this.files().await, [first.location.to_string()]);
}

#[tokio::test]
async fn what_was_to_come_whole_and_did_not_leaves_nothing() {
    let this = Store::new();
    for size in [1, 300_000, 2_000_000] {
        let id = UploadId::generate();
        let mut blob = this.blobs.begin(id, &sha256(b"whatever")).await.expect("it begins");
        blob.write(content(20, size).into()).await.expect("the part is written");
        drop(blob);
        // Waits until what was left running is done.
        this.blobs.remove_upload(id).await.expect("the upload is free");
        assert_eq!(this.files().await, Vec::<String>::new(), "{size}");
    }
}

#[tokio::test(start_paused = true)]
async fn two_requests_cannot_write_to_one_upload() {
    let this = Store::new();
    let id = UploadId::generate();
    let upload = this.blobs.resume(id, Algorithm::Sha256, 0).await.expect("the upload begins");
    let busy = |error: Error| assert!(matches!(error, Error::UploadBusy { .. }), "{error:?}");
    busy(this.blobs.resume(id, Algorithm::Sha256, 0).await.map(|_| ()).expect_err("the upload is in use"));
    busy(this.blobs.store(id, &sha256(b"a"), vec!["a".into()]).await.expect_err("the upload is in use"));
    busy(this.blobs.remove_upload(id).await.expect_err("the upload is in use"));
    let (waiting, ()) = tokio::join!(this.blobs.resume(id, Algorithm::Sha256, 0), async { drop(upload) });
    waiting.expect("the upload is free again");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_digest_pushed_at_once_is_stored_once_each() {
    let this = Store::new();
    let bytes = Arc::new(content(9, 400_000));
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let (blobs, bytes) = (this.blobs.clone(), Arc::clone(&bytes));
            tokio::spawn(async move {
                let digest = sha256(&bytes);
                if number % 2 == 0 { push(&blobs, &bytes, &digest).await } else { store(&blobs, &bytes).await }
            })
        })
        .collect();
    let mut locations = Vec::new();
    for task in tasks {
        let stored = task.await.expect("no task panics").expect("the push succeeds");
        assert!(read(&this.blobs, &stored).await.expect("the blob is read") == *bytes);
        locations.push(stored.location.to_string());
    }
    locations.sort();
    assert_eq!(this.files().await, locations);
    assert_eq!(locations.len(), 8);
}

#[tokio::test]
async fn storing_again_under_the_same_id_changes_nothing() {
    let this = Store::new();
    let id = UploadId::generate();
    let digest = sha256(b"content");
    let first = this.blobs.store(id, &digest, vec!["content".into()]).await.expect("the body is stored");
    let second = this.blobs.store(id, &digest, vec!["con".into(), "".into(), "tent".into()]).await;
    assert_eq!(second.expect("the body is stored"), first);
    assert_eq!(this.files().await, [first.location.to_string()]);
}

#[tokio::test]
async fn ranges_are_read() {
    let mut this = Store::new();
    let bytes = content(10, 200_000);
    let stored = push(&this.blobs, &bytes, &sha256(&bytes)).await.expect("the push succeeds");
    this.reopen();
    let blob = this.blobs.read(&stored.location, 200_000, stored.location.digest()).await.expect("the blob opens");
    for (start, end) in [(0, 0), (0, 1), (1, 2), (65_535, 65_537), (199_999, 200_000), (200_000, 200_000), (5, 190_000)]
    {
        let (part, error) = drain(&blob, start..end).await;
        assert!(error.is_none(), "{error:?}");
        assert!(part == bytes[usize::try_from(start).expect("small")..usize::try_from(end).expect("small")]);
    }
    assert!(!blob.is_verified(), "a part proves nothing");
    drain(&blob, 0..200_000).await;
    assert!(blob.is_verified());
}

#[tokio::test]
async fn a_stream_can_be_dropped_half_way() {
    use futures_util::StreamExt;
    let mut this = Store::new();
    let bytes = content(11, 200_000);
    let stored = push(&this.blobs, &bytes, &sha256(&bytes)).await.expect("the push succeeds");
    this.reopen();
    let blob = this.blobs.read(&stored.location, 200_000, stored.location.digest()).await.expect("the blob opens");
    let mut stream = blob.stream(0..200_000);
    stream.next().await.expect("a chunk comes").expect("it is read");
    assert_eq!(stream.remaining(), 200_000 - blobs::CHUNK_BYTES as u64);
    drop(stream);
    assert!(!blob.is_verified());
}

#[tokio::test]
async fn a_stream_uses_the_memory_of_chunks_that_came_free() {
    use futures_util::StreamExt;
    let mut this = Store::new();
    let chunk = blobs::CHUNK_BYTES;
    let bytes = content(21, 9 * chunk + 1);
    let stored = push(&this.blobs, &bytes, &sha256(&bytes)).await.expect("the push succeeds");
    this.reopen();
    let size_bytes = bytes.len() as u64;
    let blob = this.blobs.read(&stored.location, size_bytes, stored.location.digest()).await.expect("the blob opens");
    // How many chunks a reader keeps, and in how many places the chunks then were.
    for (kept, places) in [(0, 1), (1, 2), (20, 10)] {
        let mut stream = blob.stream(0..size_bytes);
        let (mut held, mut read, mut seen) =
            (std::collections::VecDeque::new(), Vec::new(), std::collections::BTreeSet::new());
        while let Some(chunk) = stream.next().await {
            let chunk = chunk.expect("it is read");
            read.extend_from_slice(&chunk);
            seen.insert(chunk.as_ptr());
            held.push_back(chunk);
            while held.len() > kept {
                held.pop_front();
            }
        }
        assert!(read == bytes, "{kept} kept");
        assert_eq!(seen.len(), places, "{kept} kept");
        let rest = held.iter().flat_map(|chunk| chunk.iter()).copied().collect::<Vec<_>>();
        assert!(bytes.ends_with(&rest), "what is kept does not change: {kept} kept");
    }
}

#[tokio::test]
async fn a_removed_blob_is_missing() {
    let this = Store::new();
    let stored = store(&this.blobs, b"content").await.expect("the body is stored");
    let open = this.blobs.read(&stored.location, 7, stored.location.digest()).await.expect("the blob opens");
    assert!(this.blobs.remove(&stored.location).await.expect("the blob is removed"));
    assert!(!this.blobs.remove(&stored.location).await.expect("it was removed before"));
    let error = read(&this.blobs, &stored).await.expect_err("the blob is gone");
    assert!(matches!(error, Error::Missing { location } if location == stored.location), "{error:?}");
    let verdict = this.blobs.verify(&stored.location, stored.location.digest(), 7, |_| ()).await;
    assert_eq!(verdict.expect("the blob is verified"), Verdict::Missing);
    assert_eq!(drain(&open, 0..7).await.0, b"content", "a pull under way is served to its end");
}

#[tokio::test]
async fn a_discarded_upload_is_gone() {
    let this = Store::new();
    let id = UploadId::generate();
    let mut upload = this.blobs.resume(id, Algorithm::Sha256, 0).await.expect("the upload begins");
    upload.write(content(12, 2_000_000).into()).await.expect("the part is written");
    upload.discard().await.expect("the upload is discarded");
    assert_eq!(this.files().await, Vec::<String>::new());
    assert!(!this.blobs.remove_upload(id).await.expect("it was removed before"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_caller_went_away_is_whole_or_resumable() {
    for polls in 0..6 {
        let this = Store::new();
        let id = UploadId::generate();
        let bytes = content(13, 700_000);
        let digest = sha256(&bytes);
        let mut upload = this.blobs.resume(id, Algorithm::Sha256, 0).await.expect("the upload begins");
        upload.write(bytes.clone().into()).await.expect("the part is written");
        upload.sync().await.expect("the part is synced");
        let mut commit = Box::pin(upload.commit(&digest));
        for _ in 0..polls {
            // Polled, and not awaited: each poll may see the commit one step further.
            if poll_fn(|context| Poll::Ready(commit.as_mut().poll(context))).await.is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(commit);
        // Waits until what was left running is done.
        let upload = this.blobs.resume(id, Algorithm::Sha256, 700_000).await.expect("the upload goes on");
        let stored = upload.commit(&digest).await.expect("the upload is committed");
        this.blobs.end_upload(&stored).await.expect("the upload ends");
        let location = blobs::Location::new(digest, id);
        assert_eq!(this.files().await, [location.to_string()]);
        let verdict = this.blobs.verify(&location, &digest, 700_000, |_| ()).await.expect("the blob is verified");
        assert_eq!(verdict, Verdict::Whole);
    }
}

#[tokio::test]
async fn verifying_tells_its_progress() {
    let this = Store::new();
    let bytes = content(14, 20_000_000);
    let stored = push(&this.blobs, &bytes, &sha256(&bytes)).await.expect("the push succeeds");
    let mut progress = Vec::new();
    let told = |done| progress.push(done);
    let verdict = this.blobs.verify(&stored.location, stored.location.digest(), 20_000_000, told).await;
    assert_eq!(verdict.expect("the blob is verified"), Verdict::Whole);
    assert!(progress.len() > 1 && progress.is_sorted() && progress.last() == Some(&20_000_000), "{progress:?}");
}
