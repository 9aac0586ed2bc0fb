//! Uploads that have begun and hold nothing yet: in memory where this process is the only hub, else rows.

use oci::Algorithm;
use registry::{Error, UPLOADS_PER_ACTOR_MAX, UploadTarget};
use testkit::Database;

use crate::support::{ACTOR, HOUR_US, Hub, body, count, digest_of, image, name, read, run, sha256, streamed, target};

db::statements! {
    /// Uploads that are rows.
    COUNT_ROWS = "SELECT COUNT(*) FROM uploads";
    /// Makes uploads of another process.
    INSERT_UPLOADS = "INSERT INTO uploads (id, repository_id, actor, algorithm, offset_bytes, started_at_us, expires_at_us) \
        VALUES ($1, 1, $2, 'sha256', 0, 0, 9000000000000000)";
}

/// Begins an upload to a repository that is there.
async fn start(hub: &Hub) -> UploadTarget {
    if hub.registry.repository_id(&name("team/web")).await.is_err() {
        hub.blob("team/web", b"makes the repository").await;
    }
    let started = hub.registry.start_upload(&name("team/web"), ACTOR, Algorithm::Sha256).await.unwrap();
    target("team/web", started.id)
}

async fn rows(hub: &Hub) -> i64 {
    count(&hub.db, &COUNT_ROWS, vec![]).await
}

/// Content that is streamed, and content that is small.
fn contents() -> [Vec<u8>; 2] {
    [vec![7; 300_000], b"small".to_vec()]
}

testkit::on_both_databases! {
    async fn a_blob_in_two_requests_waits_for_the_disk_once(database: Database) {
        let hub = Hub::open(database).await;
        let commits = async |hub: &Hub| hub.db.metrics().commits;
        for content in contents() {
            let upload = start(&hub).await;
            let before = commits(&hub).await;
            let upload_2 = start(&hub).await;
            let begun = commits(&hub).await - before;
            assert_eq!(begun, u64::from(!hub.db.is_embedded()));
            for upload in [upload, upload_2] {
                let before = commits(&hub).await;
                hub.registry.finish_upload(&upload, &sha256(&content), body(&content)).await.unwrap();
                assert_eq!(commits(&hub).await - before, 1);
                assert!(matches!(hub.registry.upload_status(&upload).await, Err(Error::UploadUnknown)));
            }
            assert_eq!(rows(&hub).await, 0);
            assert!(hub.read("team/web", &sha256(&content)).await.unwrap() == content);
        }
        hub.collect().await;
        assert!(hub.files().iter().all(|file| file.starts_with("blobs/")), "{:?}", hub.files());
        hub.assert_sound("finished").await;
    }

    async fn the_first_bytes_make_a_row(database: Database) {
        let hub = Hub::open(database).await;
        for content in contents() {
            let upload = start(&hub).await;
            assert_eq!(hub.registry.upload_status(&upload).await.unwrap().offset_bytes, 0);
            assert_eq!(rows(&hub).await, i64::from(!hub.db.is_embedded()));
            hub.registry.append(&upload, streamed(&content[..3])).await.unwrap();
            assert_eq!(rows(&hub).await, 1);
            let restarted = hub.restarted();
            assert_eq!(restarted.upload_status(&upload).await.unwrap().offset_bytes, 3);
            restarted.finish_upload(&upload, &sha256(&content), streamed(&content[3..])).await.unwrap();
            assert!(read(&restarted, "team/web", &sha256(&content)).await.unwrap() == content);
        }
    }

    async fn an_orderly_stop_keeps_them_and_a_kill_forgets_them(database: Database) {
        let hub = Hub::open(database).await;
        let (killed, kept) = (start(&hub).await, start(&hub).await);
        let forgotten = hub.restarted().upload_status(&killed).await;
        assert_eq!(matches!(forgotten, Err(Error::UploadUnknown)), hub.db.is_embedded(), "{forgotten:?}");
        hub.registry.keep_begun_uploads().await.unwrap();
        for upload in [&killed, &kept] {
            let restarted = hub.restarted();
            assert_eq!(restarted.upload_status(upload).await.unwrap().offset_bytes, 0);
            restarted.finish_upload(upload, &sha256(b"layer"), body(b"layer")).await.unwrap();
        }
    }

    async fn another_algorithm_may_be_named_at_the_end(database: Database) {
        let hub = Hub::open(database).await;
        for content in contents() {
            let (upload, digest) = (start(&hub).await, digest_of(Algorithm::Sha512, &content));
            hub.registry.finish_upload(&upload, &digest, streamed(&content)).await.unwrap();
            assert!(hub.read("team/web", &digest).await.unwrap() == content);
        }
    }

    async fn bytes_that_were_not_acknowledged_leave_nothing(database: Database) {
        let hub = Hub::open(database).await;
        for content in contents() {
            let (sent, given_up) = (start(&hub).await, start(&hub).await);
            for upload in [&sent, &given_up] {
                hub.file_faults.fail(1..=1, std::io::ErrorKind::StorageFull);
                hub.registry.append(upload, streamed(&content)).await.unwrap_err();
                hub.file_faults.heal();
                assert_eq!(hub.registry.upload_status(upload).await.unwrap().offset_bytes, 0);
            }
            hub.registry.finish_upload(&sent, &sha256(&content), streamed(&content)).await.unwrap();
            hub.registry.cancel_upload(&given_up).await.unwrap();
            assert!(matches!(hub.registry.upload_status(&given_up).await, Err(Error::UploadUnknown)));
        }
        assert_eq!(rows(&hub).await, 0);
        assert!(hub.files().iter().all(|file| file.starts_with("blobs/")), "{:?}", hub.files());
        hub.assert_sound("finished").await;
    }

    async fn a_body_that_breaks_off_leaves_the_upload_as_it_was(database: Database) {
        let hub = Hub::open(database).await;
        let (upload, content) = (start(&hub).await, vec![9; 300_000]);
        for length in [299_999, 300_001] {
            let broken = registry::Body { length: Some(length), ..streamed(&content) };
            hub.registry.finish_upload(&upload, &sha256(&content), broken).await.unwrap_err();
            assert_eq!(hub.registry.upload_status(&upload).await.unwrap().offset_bytes, 0);
        }
        hub.registry.finish_upload(&upload, &sha256(&content), streamed(&content)).await.unwrap();
        let files = hub.files();
        assert!(files.len() == 2 && files.iter().all(|file| file.starts_with("blobs/")), "{files:?}");
    }

    /// The client that repeats a request whose commit was in doubt never harms what the commit may have stored.
    async fn a_commit_in_doubt_is_told_to_the_next_request(database: Database) {
        let hub = Hub::open(database).await;
        for content in contents() {
            for operation in 1..40 {
                let upload = start(&hub).await;
                let digest = sha256(&[&content[..], &[u8::try_from(operation).unwrap()]].concat());
                let content = [&content[..], &[u8::try_from(operation).unwrap()]].concat();
                hub.db_faults.lose_answer_at(operation);
                let finished = hub.registry.finish_upload(&upload, &digest, streamed(&content)).await;
                hub.db_faults.disarm();
                let again = hub.registry.finish_upload(&upload, &digest, streamed(&content)).await;
                assert!(matches!(again, Ok(_) | Err(Error::UploadUnknown)), "{operation}: {again:?}");
                // Another pushes the same, and what was replaced is unlinked.
                hub.blob("team/web", &content).await;
                let _ = hub.registry.finish_upload(&upload, &digest, streamed(&content)).await;
                hub.collect().await;
                assert!(hub.read("team/web", &digest).await.unwrap() == content, "{operation}");
                if finished.is_ok() {
                    break;
                }
            }
        }
        hub.age_files();
        hub.registry.sweep_orphans(|_| true).await.unwrap();
        hub.assert_sound("in doubt").await;
    }

    async fn they_count_toward_the_limit_of_their_actor(database: Database) {
        let hub = Hub::open(database).await;
        let mut begun = vec![start(&hub).await, start(&hub).await];
        for _ in 2..UPLOADS_PER_ACTOR_MAX - 1 {
            let id = blobs::UploadId::generate().to_string();
            run(&hub.db, &INSERT_UPLOADS, vec![id.into(), ACTOR.into()]).await;
        }
        let try_start = async |repository| hub.registry.start_upload(&name(repository), ACTOR, Algorithm::Sha256).await;
        begun.push(start(&hub).await);
        // Also where a row would be made.
        for repository in ["team/web", "team/new"] {
            let refused = try_start(repository).await;
            assert!(matches!(refused, Err(Error::TooManyUploads { limit: UPLOADS_PER_ACTOR_MAX, .. })), "{refused:?}");
        }
        hub.registry.append(&begun[0], streamed(b"a row")).await.unwrap();
        assert!(try_start("team/web").await.is_err());
        hub.registry.cancel_upload(&begun[1]).await.unwrap();
        begun.push(start(&hub).await);
        assert!(try_start("team/web").await.is_err());
        hub.registry.finish_upload(&begun[2], &sha256(b"x"), body(b"x")).await.unwrap();
        assert!(try_start("team/web").await.is_ok());
    }

    async fn they_expire(database: Database) {
        let hub = Hub::open(database).await;
        let upload = start(&hub).await;
        hub.advance(24 * HOUR_US - 1);
        assert_eq!(hub.registry.expire_uploads_step().await.unwrap(), 0);
        assert!(hub.registry.upload_status(&upload).await.is_ok());
        hub.advance(1);
        assert_eq!(hub.registry.expire_uploads_step().await.unwrap(), 1);
        assert_eq!(hub.registry.expire_uploads_step().await.unwrap(), 0);
        assert!(matches!(hub.registry.upload_status(&upload).await, Err(Error::UploadUnknown)));
        assert_eq!(hub.registry.collection_status().await.unwrap().freed.uploads, 1);
    }

    async fn blobs_stay_while_one_to_their_repository_is_there(database: Database) {
        let hub = Hub::open(database).await;
        let upload = start(&hub).await;
        let first = hub.blob("team/web", b"first").await;
        hub.advance(3 * HOUR_US);
        hub.collect().await;
        assert!(hub.has_blob("team/web", &first).await);
        let second = sha256(b"second");
        hub.registry.finish_upload(&upload, &second, body(b"second")).await.unwrap();
        hub.manifest("team/web", &["v1"], &image(&first, &[second])).await;
        let left = hub.blob("team/web", b"left").await;
        hub.advance(HOUR_US);
        hub.collect().await;
        assert!(!hub.has_blob("team/web", &left).await && hub.has_blob("team/web", &first).await);
    }

    async fn they_end_with_their_repository(database: Database) {
        let hub = Hub::open(database).await;
        let content = vec![5; 300_000];
        for is_made_again in [false, true] {
            let uploads = [start(&hub).await, start(&hub).await, start(&hub).await];
            hub.registry.delete_repository(&name("team/web"), ACTOR).await.unwrap();
            if is_made_again {
                start(&hub).await;
            }
            for upload in &uploads {
                assert!(matches!(hub.registry.upload_status(upload).await, Err(Error::UploadUnknown)));
            }
            let appended = hub.registry.append(&uploads[0], streamed(b"x")).await;
            assert!(matches!(appended, Err(Error::UploadUnknown)), "{appended:?}");
            let finished = hub.registry.finish_upload(&uploads[1], &sha256(&content), streamed(&content)).await;
            assert!(matches!(finished, Err(Error::UploadUnknown)), "{finished:?}");
            assert_eq!(hub.registry.repository_id(&name("team/web")).await.is_ok(), is_made_again);
            hub.registry.keep_begun_uploads().await.unwrap();
        }
    }
}
