//! Faults that this crate once had.

use std::future::Future as _;
use std::io::ErrorKind;
use std::pin::pin;
use std::task::{Context, Waker};

use futures_util::stream;
use oci::Algorithm;
use registry::{Body, COLLECT_BATCH_ROWS_MAX, Error};
use serde_json::json;
use testkit::Database;

use crate::support::{
    ACTOR, DAMAGE_MANIFEST, HOUR_US, Hub, MINUTE_US, body, bytes_of, descriptor, digest_of, image, name, push,
    reference_of, run, sha256, streamed, tag, target,
};

testkit::on_both_databases! {
    /// The commits of two pushes are in an order; what they did to the cache was in another.
    async fn racing_pushes_leave_the_tag_of_the_last_commit_in_the_cache(database: Database) {
        let hub = Hub::open(database).await;
        let (one, two) = (hub.image("team/web", &[], "one").await, hub.image("team/web", &[], "two").await);
        for round in 0..60 {
            let pushes = [&one, &two].map(|image| {
                let registry = hub.registry.clone();
                let push = push("team/web", &["latest"], &image.document);
                tokio::spawn(async move { registry.push_manifest(push).await })
            });
            for pushed in pushes {
                pushed.await.unwrap().unwrap();
            }
            let seen = hub.registry.find_manifest(&name("team/web"), &reference_of("latest")).await.unwrap();
            let stored = hub.restarted().find_manifest(&name("team/web"), &reference_of("latest")).await.unwrap();
            assert_eq!(seen.digest, stored.digest, "round {round}");
        }
    }

    /// A database that gives the id of the newest row again would have the new repository erased.
    async fn a_repository_made_again_outlives_the_erasure_of_the_old_one(database: Database) {
        let hub = Hub::open(database).await;
        let old = hub.image("team/web", &["old"], "old").await;
        assert!(hub.has_manifest("team/web", "old").await);
        hub.registry.delete_repository(&name("team/web"), ACTOR).await.unwrap();
        let new = hub.image("team/web", &["new"], "new").await;
        assert!(!hub.has_manifest("team/web", "old").await);
        assert!(!hub.has_manifest("team/web", &old.manifest.to_string()).await);
        hub.run_jobs().await;
        for reference in ["new".to_owned(), new.manifest.to_string()] {
            assert!(hub.restarted().find_manifest(&name("team/web"), &reference_of(&reference)).await.is_ok());
        }
        hub.advance(2 * HOUR_US);
        hub.collect().await;
        assert!(!hub.has_blob("team/web", &old.layer).await);
        assert_eq!(hub.read("team/web", &new.layer).await.unwrap(), b"new");
        hub.assert_sound("after the erasure").await;
    }

    /// The cache said that a blob was referenced when its manifest was gone.
    async fn head_extends_the_lease_of_a_blob_whose_manifest_was_deleted(database: Database) {
        let hub = Hub::open(database).await;
        let image = hub.image("team/web", &["v1"], "layer").await;
        hub.advance(HOUR_US);
        hub.collect().await;
        let find = || async { hub.registry.find_blob_to_reference(&name("team/web"), &image.layer).await };
        find().await.unwrap();
        hub.registry.delete_manifest(&name("team/web"), &image.manifest, ACTOR).await.unwrap();
        hub.advance(44 * MINUTE_US);
        find().await.unwrap();
        hub.advance(2 * MINUTE_US);
        hub.collect().await;
        assert!(hub.restarted().find_blob(&name("team/web"), &image.layer).await.is_ok());
    }

    /// A blob that is deleted while someone is about to read it is no damage.
    async fn a_blob_deleted_before_it_is_opened_is_unknown(database: Database) {
        let hub = Hub::open(database).await;
        let digest = hub.blob("team/web", b"layer").await;
        let entry = hub.registry.find_blob(&name("team/web"), &digest).await.unwrap();
        hub.registry.delete_blob(&name("team/web"), &digest, ACTOR).await.unwrap();
        hub.collect().await;
        let opened = hub.registry.open_blob(&name("team/web"), &entry).await.err();
        assert!(matches!(opened, Some(Error::BlobUnknown { .. })), "{opened:?}");
        assert_eq!(hub.records("blob.damaged").await, 0);
    }

    /// Who reads a damaged blob again and again writes no record each time.
    async fn damage_is_recorded_once(database: Database) {
        let hub = Hub::open(database).await;
        let digest = hub.blob("team/web", b"layer").await;
        let entry = hub.registry.find_blob(&name("team/web"), &digest).await.unwrap();
        std::fs::remove_file(hub.file_of(&digest)).unwrap();
        for _ in 0..3 {
            let opened = hub.registry.open_blob(&name("team/web"), &entry).await.err();
            assert!(matches!(opened, Some(Error::BlobDamaged(_) | Error::BlobUnknown { .. })), "{opened:?}");
        }
        assert_eq!(hub.records("blob.damaged").await, 1);
    }

    async fn a_full_disk_is_told_as_such_to_a_chunk(database: Database) {
        let hub = Hub::open(database).await;
        let upload = hub.registry.start_upload(&name("team/web"), ACTOR, Algorithm::Sha256).await.unwrap();
        hub.file_faults.fail(0.., ErrorKind::StorageFull);
        let content = vec![7; 2_000_000];
        let outcome = hub.registry.append(&target("team/web", upload.id), streamed(&content)).await;
        hub.file_faults.heal();
        assert!(matches!(outcome, Err(Error::Blobs(blobs::Error::StorageFull { .. }))), "{outcome:?}");
        // And the upload goes on from what it had.
        let digest = sha256(&content);
        hub.registry.finish_upload(&target("team/web", upload.id), &digest, streamed(&content)).await.unwrap();
    }

    /// Rows that turn out to be referenced count as work done, so that they do not pile up.
    async fn one_collection_looks_at_every_due_blob(database: Database) {
        let hub = Hub::open(database).await;
        let count = usize::try_from(COLLECT_BATCH_ROWS_MAX).unwrap() * 2 + 5;
        let config = hub.blob("team/web", b"config").await;
        let mut layers = Vec::new();
        for number in 0..count {
            layers.push(hub.blob("team/web", format!("layer {number}").as_bytes()).await);
        }
        hub.manifest("team/web", &["v1"], &image(&config, &layers)).await;
        hub.advance(HOUR_US);
        assert!(hub.collect().await.is_empty());
        assert_eq!(hub.registry.collection_status().await.unwrap().leased, (0, 0));
    }

    /// A change whose answer was lost may have happened.
    async fn a_lost_answer_leaves_nothing_stale_in_the_cache(database: Database) {
        let hub = Hub::open(database).await;
        let image = hub.image("team/web", &["v1"], "layer").await;
        let digest = image.manifest.to_string();
        hub.db_faults.count();
        hub.registry.delete_manifest(&name("team/web"), &image.manifest, ACTOR).await.unwrap();
        let operations = hub.db_faults.operations();
        hub.manifest("team/web", &["v1"], &image.document).await;
        assert!(hub.has_manifest("team/web", "v1").await && hub.has_manifest("team/web", &digest).await);
        hub.db_faults.lose_answer_at(operations);
        hub.registry.delete_manifest(&name("team/web"), &image.manifest, ACTOR).await.unwrap_err();
        hub.db_faults.disarm();
        assert!(!hub.has_manifest("team/web", "v1").await);
        assert!(!hub.has_manifest("team/web", &digest).await);
    }

    /// The client that repeats its last request has a whole lease to reference the blob.
    async fn finishing_again_renews_the_lease(database: Database) {
        let hub = Hub::open(database).await;
        let upload = hub.registry.start_upload(&name("team/web"), ACTOR, Algorithm::Sha256).await.unwrap();
        let (target, digest) = (target("team/web", upload.id), sha256(b"layer"));
        hub.registry.finish_upload(&target, &digest, body(b"layer")).await.unwrap();
        hub.advance(44 * MINUTE_US);
        hub.registry.finish_upload(&target, &digest, body(b"layer")).await.unwrap();
        hub.advance(2 * MINUTE_US);
        hub.collect().await;
        assert!(hub.has_blob("team/web", &digest).await);
    }

    /// A caller that goes away while the end of its upload is under way finds the blob, or the upload to repeat it on.
    async fn an_upload_whose_client_goes_away_can_be_finished_again(database: Database) {
        let hub = Hub::open(database).await;
        for polls in 1..12 {
            let content = format!("content {polls}").into_bytes();
            let upload = hub.registry.start_upload(&name("team/web"), ACTOR, Algorithm::Sha256).await.unwrap();
            let (target, digest) = (target("team/web", upload.id), sha256(&content));
            hub.registry.append(&target, streamed(&content)).await.unwrap();
            {
                let mut finish = pin!(hub.registry.finish_upload(&target, &digest, streamed(b"")));
                for _ in 0..polls {
                    if finish.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready() {
                        break;
                    }
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                }
            }
            let again = async || match hub.registry.finish_upload(&target, &digest, streamed(b"")).await {
                Ok(_) => true,
                Err(Error::UploadBusy) => false,
                Err(error) => panic!("after {polls} polls: {error:?}"),
            };
            crate::support::eventually(again).await;
            assert_eq!(hub.read("team/web", &digest).await.unwrap(), content);
        }
    }

    /// Both well-known blobs are there in either algorithm, whatever the algorithm of the manifest.
    async fn well_known_blobs_are_seeded_in_the_algorithm_that_names_them(database: Database) {
        let hub = Hub::open(database).await;
        for (manifest, content) in [
            (Algorithm::Sha256, Algorithm::Sha256),
            (Algorithm::Sha256, Algorithm::Sha512),
            (Algorithm::Sha512, Algorithm::Sha256),
            (Algorithm::Sha512, Algorithm::Sha512),
        ] {
            let repository = format!("team/{manifest:?}-{content:?}").to_lowercase();
            let (object, empty) = (digest_of(content, b"{}"), digest_of(content, b""));
            let mut push = push(&repository, &["v1"], &image(&object, &[empty]));
            push.digest = Some(blobs::digest(manifest, &push.body));
            hub.registry.push_manifest(push).await.unwrap();
            assert_eq!(hub.read(&repository, &object).await.unwrap(), b"{}");
            assert_eq!(hub.read(&repository, &empty).await.unwrap(), b"");
        }
    }

    /// A well-known blob that is about to be collected is kept for the manifest that comes.
    async fn well_known_blobs_do_not_go_between_the_look_and_the_push(database: Database) {
        let hub = Hub::open(database).await;
        let empty = hub.blob("team/web", b"{}").await;
        assert!(hub.has_blob("team/web", &empty).await);
        hub.advance(46 * MINUTE_US);
        hub.manifest("team/web", &["v1"], &image(&empty, &[])).await;
        hub.advance(HOUR_US);
        hub.collect().await;
        assert!(hub.has_blob("team/web", &empty).await);
    }

    async fn a_file_that_cannot_be_unlinked_does_not_hold_up_the_others(database: Database) {
        let hub = Hub::open(database).await;
        let mut digests = Vec::new();
        for number in 0..3 {
            digests.push(hub.blob("team/web", format!("blob {number}").as_bytes()).await);
        }
        // A directory in the file's place: unlinking it fails.
        let path = hub.file_of(&digests[0]);
        std::fs::remove_file(&path).unwrap();
        std::fs::create_dir(&path).unwrap();
        hub.advance(HOUR_US);
        let mut freed = 0;
        for _ in 0..4 {
            freed += hub.registry.collect_step().await.map_or(0, |step| step.files);
        }
        assert_eq!(freed, 2);
        assert_eq!(hub.registry.collection_status().await.unwrap().discarded.0, 1);
        std::fs::remove_dir(&path).unwrap();
        assert_eq!(hub.collect().await.files, 1);
    }

    /// A push of many large layers takes longer than a lease.
    async fn blobs_stay_while_an_upload_to_their_repository_goes_on(database: Database) {
        let hub = Hub::open(database).await;
        let upload = hub.registry.start_upload(&name("team/web"), ACTOR, Algorithm::Sha256).await.unwrap();
        let first = hub.blob("team/web", b"first").await;
        let elsewhere = hub.blob("team/else", b"elsewhere").await;
        hub.advance(3 * HOUR_US);
        hub.collect().await;
        assert!(hub.has_blob("team/web", &first).await);
        assert!(!hub.has_blob("team/else", &elsewhere).await);
        let second = sha256(b"second");
        hub.registry.finish_upload(&target("team/web", upload.id), &second, body(b"second")).await.unwrap();
        hub.manifest("team/web", &["v1"], &image(&first, &[second])).await;
        // Once it is over, what nothing references goes within the grace period.
        let left = hub.blob("team/web", b"left").await;
        hub.advance(HOUR_US);
        hub.collect().await;
        assert!(!hub.has_blob("team/web", &left).await && hub.has_blob("team/web", &first).await);
    }

    async fn a_small_blob_beyond_the_limit_is_refused(database: Database) {
        let hub = Hub::open_with(database, |options| options.blob_size_bytes_max = 10).await;
        for (size, fits) in [(9, true), (10, true), (11, false)] {
            let content = vec![1; size];
            let digest = sha256(&content);
            for whole in [body(&content), streamed(&content)] {
                let pushed = hub.registry.push_blob(&name("team/web"), ACTOR, &digest, whole).await;
                match pushed {
                    Ok(_) => assert!(fits, "{size}"),
                    Err(Error::BlobTooLarge { limit: 10 }) => assert!(!fits, "{size}"),
                    Err(error) => panic!("{error:?}"),
                }
            }
        }
    }

    async fn an_upload_to_a_deleted_repository_does_not_bring_it_back(database: Database) {
        let hub = Hub::open(database).await;
        let upload = hub.registry.start_upload(&name("team/web"), ACTOR, Algorithm::Sha256).await.unwrap();
        let (registry, target, digest) = (hub.registry.clone(), target("team/web", upload.id), sha256(b"layer"));
        let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
        let (started, has_started) = tokio::sync::oneshot::channel::<()>();
        let stream = Box::pin(stream::once(async move {
            started.send(()).unwrap();
            receiver.await.unwrap();
            Ok::<_, &'static str>(bytes::Bytes::from_static(b"layer"))
        }));
        let finishing = tokio::spawn(async move {
            registry.finish_upload(&target, &digest, Body { length: None, range: None, stream }).await
        });
        has_started.await.unwrap();
        hub.registry.delete_repository(&name("team/web"), ACTOR).await.unwrap();
        sender.send(()).unwrap();
        let finished = finishing.await.unwrap();
        assert!(matches!(finished, Err(Error::UploadUnknown)), "{finished:?}");
        assert!(matches!(hub.registry.repository_id(&name("team/web")).await, Err(Error::NameUnknown(_))));
    }

    async fn a_manifest_damaged_in_the_database_is_healed_by_pushing_it_again(database: Database) {
        let hub = Hub::open(database).await;
        let image = hub.image("team/web", &["v1"], "layer").await;
        run(&hub.db, &DAMAGE_MANIFEST, vec![image.manifest.to_bytes().into(), b"{}".to_vec().into()]).await;
        assert_eq!(hub.fsck().await.findings[0].kind, "corrupt");
        hub.manifest("team/web", &["v1"], &image.document).await;
        let healed = hub.restarted().find_manifest(&name("team/web"), &reference_of("v1")).await.unwrap();
        assert_eq!(healed.body, bytes_of(&image.document));
        hub.assert_sound("after the push").await;
    }

    /// What an index lists as layers (build caches do) is kept like an image's layers.
    async fn layers_that_an_index_lists_are_kept(database: Database) {
        let hub = Hub::open(database).await;
        let layer = hub.blob("team/cache", b"layer").await;
        let document = json!({
            "schemaVersion": 2, "mediaType": oci::media_type::OCI_INDEX, "manifests": [descriptor(&layer)],
        });
        hub.manifest("team/cache", &["cache"], &document).await;
        hub.advance(2 * HOUR_US);
        hub.collect().await;
        assert!(hub.has_blob("team/cache", &layer).await);
        hub.registry.delete_tag(&name("team/cache"), &tag("cache"), ACTOR).await.unwrap();
        hub.advance(2 * HOUR_US);
        hub.collect().await;
        assert!(hub.has_blob("team/cache", &layer).await);
    }
}
