//! Upload sessions.

use futures_util::{StreamExt as _, stream};
use oci::Algorithm;
use registry::{Body, Error, UPLOADS_PER_ACTOR_MAX, UploadTarget};
use testkit::Database;

use crate::support::{ACTOR, HOUR_US, Hub, body, chunks, name, ranged, read, run, sha256, streamed, target};

db::statements! {
    /// Makes an unfinished upload.
    INSERT_UPLOADS = "INSERT INTO uploads (id, repository_id, actor, algorithm, offset_bytes, started_at_us, expires_at_us) \
        VALUES ($1, 1, $2, 'sha256', 0, 0, 9000000000000000)";
}

async fn start(hub: &Hub) -> UploadTarget {
    let started = hub.registry.start_upload(&name("team/web"), ACTOR, Algorithm::Sha256).await.unwrap();
    assert_eq!(started.offset_bytes, 0);
    target("team/web", started.id)
}

testkit::on_both_databases! {
    async fn chunks_in_order_make_a_blob_across_restarts(database: Database) {
        let hub = Hub::open(database).await;
        let content: Vec<u8> = (0..700_000_u32).map(|byte| u8::try_from(byte % 239).unwrap()).collect();
        let (first, rest) = content.split_at(300_000);
        let (second, third) = rest.split_at(1);
        for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
            let (digest, upload) = (blobs::digest(algorithm, &content), start(&hub).await);
            let status = hub.registry.append(&upload, ranged(first, 0)).await.unwrap();
            assert_eq!(status.offset_bytes, 300_000);
            let restarted = hub.restarted();
            assert_eq!(restarted.upload_status(&upload).await.unwrap(), status);
            assert_eq!(restarted.append(&upload, streamed(second)).await.unwrap().offset_bytes, 300_001);
            let again = hub.restarted();
            again.finish_upload(&upload, &digest, ranged(third, 300_001)).await.unwrap();
            assert!(read(&again, "team/web", &digest).await.unwrap() == content);
            assert!(matches!(again.upload_status(&upload).await, Err(Error::UploadUnknown)));
        }
        hub.assert_sound("finished").await;
    }

    async fn a_chunk_out_of_order_is_told_where_to_go_on(database: Database) {
        let hub = Hub::open(database).await;
        let upload = start(&hub).await;
        hub.registry.append(&upload, ranged(b"12345", 0)).await.unwrap();
        for start in [0, 4, 6, 100] {
            let refused = hub.registry.append(&upload, ranged(b"6", start)).await.unwrap_err();
            assert!(matches!(refused, Error::UploadRange { start: at, offset: 5 } if at == start), "{refused:?}");
        }
        let digest = sha256(b"123456");
        let refused = hub.registry.finish_upload(&upload, &digest, ranged(b"6", 9)).await;
        assert!(matches!(refused, Err(Error::UploadRange { start: 9, offset: 5 })));
        hub.registry.finish_upload(&upload, &digest, ranged(b"6", 5)).await.unwrap();
        assert_eq!(hub.read("team/web", &digest).await.unwrap(), b"123456");
    }

    async fn a_body_that_is_not_as_announced_is_refused_and_one_that_breaks_off_counts(database: Database) {
        let hub = Hub::open(database).await;
        let upload = start(&hub).await;
        for length in [3, 5] {
            let refused = hub.registry.append(&upload, Body { length: Some(length), ..streamed(b"1234") }).await;
            assert!(matches!(refused, Err(Error::SizeMismatch { announced, .. }) if announced == length), "{refused:?}");
            assert_eq!(hub.registry.upload_status(&upload).await.unwrap().offset_bytes, 0);
        }
        let broken = chunks(b"1234", 2).chain(stream::iter([Err("the line went dead")]));
        let refused = hub.registry.append(&upload, Body { length: Some(9), range: None, stream: broken }).await;
        assert!(matches!(refused, Err(Error::BodyInterrupted { received: 4 })), "{refused:?}");
        assert_eq!(hub.registry.upload_status(&upload).await.unwrap().offset_bytes, 4);
        let digest = sha256(b"12345678");
        hub.registry.finish_upload(&upload, &digest, ranged(b"5678", 4)).await.unwrap();
        assert_eq!(hub.read("team/web", &digest).await.unwrap(), b"12345678");
    }

    async fn an_upload_ends_at_the_size_limit(database: Database) {
        let hub = Hub::open_with(database, |options| options.blob_size_bytes_max = 10).await;
        for (size, fits) in [(9, true), (10, true), (11, false)] {
            let content = vec![3; size];
            let upload = start(&hub).await;
            hub.registry.append(&upload, streamed(&content[..5])).await.unwrap();
            for rest in [ranged(&content[5..], 5), streamed(&content[5..])] {
                match hub.registry.append(&upload, rest).await {
                    Ok(_) => {
                        assert!(fits);
                        break;
                    }
                    Err(Error::BlobTooLarge { limit: 10 }) => assert!(!fits),
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
    }

    async fn a_digest_that_does_not_match_ends_the_upload(database: Database) {
        let hub = Hub::open(database).await;
        for content in [vec![1; 10], vec![1; 300_000]] {
            for (head, tail) in [content.split_at(0), content.split_at(5)] {
                let (upload, wrong) = (start(&hub).await, sha256(b"something else"));
                if !head.is_empty() {
                    hub.registry.append(&upload, streamed(head)).await.unwrap();
                }
                let refused = hub.registry.finish_upload(&upload, &wrong, body(tail)).await;
                assert!(matches!(refused, Err(Error::DigestMismatch { expected }) if expected == wrong));
                assert!(matches!(hub.registry.upload_status(&upload).await, Err(Error::UploadUnknown)));
            }
        }
        assert_eq!(hub.files(), Vec::<String>::new());
    }

    /// CVE-2026-32589: an upload belongs to one repository and one actor.
    async fn an_upload_does_not_exist_for_others(database: Database) {
        let hub = Hub::open(database).await;
        hub.blob("team/api", b"makes the repository").await;
        let upload = start(&hub).await;
        let digest = sha256(b"layer");
        let others = [
            UploadTarget { actor: "user:eve".to_owned(), ..upload.clone() },
            UploadTarget { repository: name("team/api"), ..upload.clone() },
            UploadTarget { repository: name("team/none"), ..upload.clone() },
            UploadTarget { id: "../../etc/passwd".to_owned(), ..upload.clone() },
            UploadTarget { id: String::new(), ..upload.clone() },
            target("team/web", blobs::UploadId::generate()),
        ];
        for other in others {
            let status = hub.registry.upload_status(&other).await.err();
            assert!(matches!(status, Some(Error::UploadUnknown)), "{other:?}: {status:?}");
            assert!(matches!(hub.registry.append(&other, body(b"x")).await, Err(Error::UploadUnknown)));
            assert!(matches!(hub.registry.cancel_upload(&other).await, Err(Error::UploadUnknown)));
            let finished = hub.registry.finish_upload(&other, &digest, body(b"layer")).await;
            assert!(matches!(finished, Err(Error::UploadUnknown)), "{other:?}: {finished:?}");
        }
        hub.registry.finish_upload(&upload, &digest, body(b"layer")).await.unwrap();
    }

    async fn one_request_at_a_time_writes_to_an_upload(database: Database) {
        let hub = Hub::open(database).await;
        let upload = start(&hub).await;
        let (go, wait) = tokio::sync::oneshot::channel::<()>();
        let (started, has_started) = tokio::sync::oneshot::channel::<()>();
        let stream = Box::pin(stream::once(async move {
            started.send(()).unwrap();
            wait.await.unwrap();
            Ok::<_, &'static str>(bytes::Bytes::from_static(b"layer"))
        }));
        let (registry, writing) = (hub.registry.clone(), upload.clone());
        let first =
            tokio::spawn(async move { registry.append(&writing, Body { length: None, range: None, stream }).await });
        has_started.await.unwrap();
        let digest = sha256(b"layer");
        assert!(matches!(hub.registry.append(&upload, body(b"x")).await, Err(Error::UploadBusy)));
        assert!(matches!(hub.registry.finish_upload(&upload, &digest, body(b"x")).await, Err(Error::UploadBusy)));
        assert!(matches!(hub.registry.cancel_upload(&upload).await, Err(Error::UploadBusy)));
        // Nor does it expire meanwhile.
        hub.advance(25 * HOUR_US);
        assert_eq!(hub.registry.expire_uploads_step().await.unwrap(), 0);
        go.send(()).unwrap();
        assert_eq!(first.await.unwrap().unwrap().offset_bytes, 5);
        hub.registry.finish_upload(&upload, &digest, body(b"")).await.unwrap();
    }

    async fn an_actor_has_a_limit_of_uploads(database: Database) {
        let hub = Hub::open(database).await;
        start(&hub).await;
        for _ in 2..UPLOADS_PER_ACTOR_MAX {
            let id = blobs::UploadId::generate().to_string();
            run(&hub.db, &INSERT_UPLOADS, vec![id.into(), ACTOR.into()]).await;
        }
        let last = start(&hub).await;
        let refused = hub.registry.start_upload(&name("team/web"), ACTOR, Algorithm::Sha256).await;
        assert!(matches!(refused, Err(Error::TooManyUploads { limit: UPLOADS_PER_ACTOR_MAX, .. })), "{refused:?}");
        hub.registry.start_upload(&name("team/web"), "user:bob", Algorithm::Sha256).await.unwrap();
        hub.registry.cancel_upload(&last).await.unwrap();
        start(&hub).await;
    }

    async fn what_receives_nothing_expires(database: Database) {
        let hub = Hub::open(database).await;
        let (idle, busy) = (start(&hub).await, start(&hub).await);
        hub.registry.append(&idle, body(b"idle")).await.unwrap();
        hub.advance(23 * HOUR_US);
        hub.registry.append(&busy, body(b"busy")).await.unwrap();
        assert_eq!(hub.registry.expire_uploads_step().await.unwrap(), 0);
        hub.registry.append(&idle, body(b"")).await.unwrap();
        hub.advance(24 * HOUR_US - 1);
        assert_eq!(hub.registry.expire_uploads_step().await.unwrap(), 0);
        hub.registry.append(&busy, body(b"!")).await.unwrap();
        hub.advance(1);
        assert_eq!(hub.registry.expire_uploads_step().await.unwrap(), 1);
        assert_eq!(hub.registry.expire_uploads_step().await.unwrap(), 0);
        assert!(matches!(hub.registry.upload_status(&idle).await, Err(Error::UploadUnknown)));
        assert_eq!(hub.registry.upload_status(&busy).await.unwrap().offset_bytes, 5);
        assert_eq!(hub.files(), [format!("uploads/{}", busy.id)]);
        assert_eq!(hub.registry.collection_status().await.unwrap().freed.uploads, 1);
        hub.registry.cancel_upload(&busy).await.unwrap();
        assert_eq!(hub.files(), Vec::<String>::new());
    }

    async fn the_end_of_an_upload_may_be_repeated(database: Database) {
        let hub = Hub::open(database).await;
        let (upload, digest) = (start(&hub).await, sha256(b"layer"));
        let entry = hub.registry.finish_upload(&upload, &digest, body(b"layer")).await.unwrap();
        let again = hub.registry.finish_upload(&upload, &digest, body(b"layer")).await.unwrap();
        assert_eq!(again, entry);
        let other = hub.registry.finish_upload(&upload, &sha256(b"other"), body(b"other")).await;
        assert!(matches!(other, Err(Error::UploadUnknown)));
    }

    async fn an_upload_whose_file_is_gone_has_to_begin_again(database: Database) {
        let hub = Hub::open(database).await;
        let upload = start(&hub).await;
        hub.registry.append(&upload, body(b"1234")).await.unwrap();
        std::fs::remove_file(hub.directory.path().join(format!("uploads/{}", upload.id))).unwrap();
        assert!(matches!(hub.registry.append(&upload, body(b"5")).await, Err(Error::UploadUnknown)));
    }
}
