//! What collection takes, when, and what it never takes.

use registry::Collected;
use testkit::Database;

use crate::support::{
    ACTOR, COUNT_ORPHAN_ROWS, HOUR_US, Hub, MINUTE_US, count, image, index, name, referrer, run, sha256, tag,
};

const LEASE_US: i64 = 45 * MINUTE_US;

db::statements! {
    /// Drops the row of a blob's file.
    FORGET_BLOB = "DELETE FROM blobs WHERE digest = $1";
    /// Drops what holds a blob.
    FORGET_LINKS = "DELETE FROM repository_blobs WHERE digest = $1";
    /// Drops every reference.
    FORGET_REFERENCES = "DELETE FROM manifest_references";
    /// Ends uploads without their files.
    FORGET_UPLOADS = "DELETE FROM uploads";
}

testkit::on_both_databases! {
    async fn an_unreferenced_blob_stays_for_its_lease_and_goes_within_the_grace_period(database: Database) {
        let hub = Hub::open(database).await;
        let digest = hub.blob("team/web", b"layer").await;
        hub.advance(LEASE_US - 1);
        assert!(hub.collect().await.is_empty());
        assert_eq!(hub.read("team/web", &digest).await.unwrap(), b"layer");
        hub.advance(1);
        assert_eq!(hub.collect().await, Collected { links: 1, files: 1, bytes: 5, ..Collected::default() });
        assert!(!hub.has_blob("team/web", &digest).await);
        assert_eq!(hub.files(), Vec::<String>::new());
    }

    async fn head_extends_the_lease(database: Database) {
        let hub = Hub::open(database).await;
        let digest = hub.blob("team/web", b"layer").await;
        for _ in 0..4 {
            hub.advance(LEASE_US - 1);
            assert!(hub.collect().await.is_empty());
            hub.registry.find_blob_to_reference(&name("team/web"), &digest).await.unwrap();
        }
        // In time, whatever the moment of the last one, half a lease is left.
        hub.advance(LEASE_US / 2 - 1);
        hub.registry.find_blob_to_reference(&name("team/web"), &digest).await.unwrap();
        hub.advance(LEASE_US / 2);
        assert!(hub.collect().await.is_empty());
        hub.advance(LEASE_US / 2 + 1);
        assert_eq!(hub.collect().await.links, 1);
    }

    async fn a_mount_protects_in_its_own_repository(database: Database) {
        let hub = Hub::open(database).await;
        let digest = hub.blob("team/web", b"layer").await;
        hub.advance(LEASE_US - 1);
        hub.registry.mount(&name("other/web"), &name("team/web"), &digest, ACTOR).await.unwrap().unwrap();
        hub.advance(1);
        assert_eq!(hub.collect().await, Collected { links: 1, ..Collected::default() });
        assert!(!hub.has_blob("team/web", &digest).await);
        assert_eq!(hub.read("other/web", &digest).await.unwrap(), b"layer");
    }

    async fn a_deleted_manifest_frees_its_blobs_but_not_shared_ones(database: Database) {
        let hub = Hub::open(database).await;
        let (shared, own, config) = (
            hub.blob("team/web", b"shared").await,
            hub.blob("team/web", b"own").await,
            hub.blob("team/web", b"config").await,
        );
        let one = hub.manifest("team/web", &["one"], &image(&config, &[shared, own])).await;
        hub.manifest("team/web", &[], &image(&config, &[shared])).await;
        hub.advance(LEASE_US);
        assert!(hub.collect().await.is_empty());
        hub.registry.delete_manifest(&name("team/web"), &one, ACTOR).await.unwrap();
        hub.advance(LEASE_US - 1);
        assert!(hub.collect().await.is_empty());
        hub.advance(1);
        assert_eq!(hub.collect().await, Collected { links: 1, files: 1, bytes: 3, ..Collected::default() });
        assert!(!hub.has_blob("team/web", &own).await);
        assert!(hub.has_blob("team/web", &shared).await && hub.has_blob("team/web", &config).await);
        hub.assert_sound("collected").await;
    }

    async fn untagged_manifests_and_children_of_an_index_stay(database: Database) {
        let hub = Hub::open(database).await;
        let (child, untagged) = (hub.image("team/web", &[], "child").await, hub.image("team/web", &["v1"], "u").await);
        let listing = hub.manifest("team/web", &["index"], &index(&[child.manifest])).await;
        hub.registry.delete_tag(&name("team/web"), &tag("v1"), ACTOR).await.unwrap();
        hub.registry.delete_tag(&name("team/web"), &tag("index"), ACTOR).await.unwrap();
        hub.advance(10 * HOUR_US);
        assert!(hub.collect().await.is_empty());
        for digest in [child.manifest, untagged.manifest, listing] {
            assert!(hub.has_manifest("team/web", &digest.to_string()).await);
        }
        assert!(hub.has_blob("team/web", &child.layer).await && hub.has_blob("team/web", &untagged.layer).await);
    }

    async fn referrers_go_with_their_subject_unless_something_else_holds_them(database: Database) {
        let hub = Hub::open(database).await;
        let subject = hub.image("team/web", &["v1"], "subject").await;
        let signature = hub.blob("team/web", b"signature").await;
        let push = async |tags: &[&str], about, what| hub.manifest("team/web", tags, &referrer(&signature, about, what)).await;
        let plain = push(&[], &subject.manifest, "plain").await;
        let tagged = push(&["sig"], &subject.manifest, "tagged").await;
        let listed = push(&[], &subject.manifest, "listed").await;
        let second = push(&[], &plain, "second").await;
        let stray = push(&[], &sha256(b"never came"), "stray").await;
        hub.manifest("team/web", &["list"], &index(&[listed])).await;
        hub.advance(HOUR_US);
        assert!(hub.collect().await.is_empty());
        hub.registry.delete_manifest(&name("team/web"), &subject.manifest, ACTOR).await.unwrap();
        hub.advance(HOUR_US / 4 - 1);
        assert!(hub.collect().await.is_empty());
        hub.advance(1);
        assert_eq!(hub.collect().await.manifests, 2);
        for (digest, stays) in [(plain, false), (second, false), (tagged, true), (listed, true), (stray, true)] {
            assert_eq!(hub.has_manifest("team/web", &digest.to_string()).await, stays, "{digest}");
        }
        let left = hub.registry.list_referrers(&name("team/web"), &subject.manifest, None, None, None).await.unwrap();
        assert_eq!(left.descriptors.len(), 2);
        hub.advance(HOUR_US);
        assert_eq!(hub.collect().await, Collected { links: 2, files: 2, bytes: 27, ..Collected::default() });
        assert!(hub.has_blob("team/web", &signature).await);
        hub.assert_sound("collected").await;
    }

    /// What a tag, or the index of a referrers tag, kept after its subject was deleted goes when that goes.
    async fn referrers_outlive_their_subject_only_while_something_holds_them(database: Database) {
        let hub = Hub::open(database).await;
        let subject = hub.image("team/web", &["v1"], "subject").await;
        let signature = hub.blob("team/web", b"signature").await;
        let push = async |tags: &[&str], about, what| hub.manifest("team/web", tags, &referrer(&signature, about, what)).await;
        let tagged = push(&["sig"], &subject.manifest, "tagged").await;
        let listed = push(&[], &subject.manifest, "listed").await;
        let stray = push(&["stray"], &sha256(b"never came"), "stray").await;
        let fallback = subject.manifest.to_string().replace(':', "-");
        let listing = hub.manifest("team/web", &[&fallback], &index(&[listed])).await;
        hub.registry.delete_manifest(&name("team/web"), &subject.manifest, ACTOR).await.unwrap();
        for _ in 0..8 {
            hub.advance(HOUR_US / 2);
            hub.collect().await;
        }
        for digest in [tagged, listed, stray, listing] {
            assert!(hub.has_manifest("team/web", &digest.to_string()).await, "{digest}");
        }
        for label in ["sig", "stray"] {
            hub.registry.delete_tag(&name("team/web"), &tag(label), ACTOR).await.unwrap();
        }
        hub.registry.delete_manifest(&name("team/web"), &listing, ACTOR).await.unwrap();
        hub.advance(HOUR_US / 4);
        hub.collect().await;
        for (digest, stays) in [(tagged, false), (listed, false), (stray, true)] {
            assert_eq!(hub.has_manifest("team/web", &digest.to_string()).await, stays, "{digest}");
        }
        hub.advance(HOUR_US);
        hub.collect().await;
        assert!(hub.has_blob("team/web", &signature).await, "the stray one has it still");
        hub.assert_sound("collected").await;
    }

    async fn all_referrers_of_many_and_their_bytes_go_within_the_grace_period(database: Database) {
        let hub = Hub::open(database).await;
        let subject = hub.image("team/web", &["v1"], "subject").await;
        for number in 0..150 {
            let content = hub.blob("team/web", format!("signature {number}").as_bytes()).await;
            hub.manifest("team/web", &[], &referrer(&content, &subject.manifest, "signature")).await;
        }
        hub.registry.delete_manifest(&name("team/web"), &subject.manifest, ACTOR).await.unwrap();
        hub.run_jobs().await;
        for _ in 0..8 {
            hub.advance(HOUR_US / 8);
            hub.collect().await;
        }
        assert_eq!(hub.files(), Vec::<String>::new());
        assert_eq!(hub.registry.collection_status().await.unwrap().freed.manifests, 150);
    }

    async fn referrers_of_a_subject_that_comes_back_stay(database: Database) {
        let hub = Hub::open(database).await;
        let subject = hub.image("team/web", &["v1"], "subject").await;
        let signature = hub.blob("team/web", b"signature").await;
        let plain = hub.manifest("team/web", &[], &referrer(&signature, &subject.manifest, "plain")).await;
        hub.registry.delete_manifest(&name("team/web"), &subject.manifest, ACTOR).await.unwrap();
        hub.manifest("team/web", &["v1"], &subject.document).await;
        hub.advance(3 * HOUR_US);
        hub.collect().await;
        assert!(hub.has_manifest("team/web", &plain.to_string()).await && hub.has_blob("team/web", &signature).await);
    }

    /// A client that was told that a referrer's blob is there has the time to reference it, although that goes.
    async fn head_of_a_collected_referrers_blob_is_kept_as_promised(database: Database) {
        let hub = Hub::open(database).await;
        let subject = hub.image("team/web", &["v1"], "subject").await;
        let signature = hub.blob("team/web", b"signature").await;
        hub.manifest("team/web", &[], &referrer(&signature, &subject.manifest, "plain")).await;
        hub.advance(HOUR_US);
        hub.collect().await;
        hub.registry.delete_manifest(&name("team/web"), &subject.manifest, ACTOR).await.unwrap();
        hub.advance(HOUR_US / 4);
        hub.registry.find_blob_to_reference(&name("team/web"), &signature).await.unwrap();
        assert_eq!(hub.collect().await.manifests, 1);
        hub.advance(LEASE_US / 2);
        hub.collect().await;
        hub.manifest("team/web", &["v2"], &image(&signature, &[])).await;
    }

    async fn what_was_freed_is_added_up(database: Database) {
        let hub = Hub::open(database).await;
        for content in [&b"12345"[..], b"123", b"1"] {
            hub.blob("team/web", content).await;
        }
        hub.blob("other/web", b"12345").await;
        let before = hub.registry.collection_status().await.unwrap();
        // The fourth replaced the file of the first.
        assert_eq!((before.stored, before.leased, before.discarded), ((3, 9), (4, 14), (1, 5)));
        hub.advance(HOUR_US);
        let collected = hub.collect().await;
        assert_eq!(collected, Collected { links: 4, files: 4, bytes: 14, ..Collected::default() });
        let after = hub.registry.collection_status().await.unwrap();
        assert_eq!((after.stored, after.leased, after.discarded, after.freed), ((0, 0), (0, 0), (0, 0), collected));
        assert_eq!(after.grace_seconds, 3_600);
        assert_eq!(count(&hub.db, &COUNT_ORPHAN_ROWS, vec![]).await, 0);
    }

    async fn what_waits_longest_tells_how_far_collection_is_behind(database: Database) {
        let hub = Hub::open(database).await;
        let behind = async || {
            let figures = hub.registry.collection_figures().await.unwrap();
            (figures.overdue.as_secs(), figures.unlink_overdue.as_secs())
        };
        assert_eq!(behind().await, (0, 0), "nothing waits");
        hub.blob("team/web", b"first").await;
        hub.advance(HOUR_US / 2);
        hub.blob("team/web", b"second").await;
        assert_eq!(behind().await, (0, 0), "nothing is due");
        // A lease is three quarters of the hour.
        hub.advance(HOUR_US / 2);
        assert_eq!(behind().await, (900, 0), "the first is due");
        // The same bytes again: their first file is given up.
        hub.blob("other/web", b"second").await;
        hub.advance(MINUTE_US);
        assert_eq!(behind().await, (960, 60));
        hub.advance(HOUR_US);
        let collected = hub.collect().await;
        assert_eq!(behind().await, (0, 0), "all of it was collected");
        let figures = hub.registry.collection_figures().await.unwrap();
        assert_eq!((figures.stored, figures.freed), ((0, 0), collected));
    }

    /// More than a batch of them, and what is behind them is freed all the same.
    async fn files_that_cannot_be_unlinked_hold_up_no_others(database: Database) {
        let hub = Hub::open(database).await;
        let mut stuck = Vec::new();
        for number in 0..70 {
            let path = hub.file_of(&hub.blob("team/web", format!("stuck {number}").as_bytes()).await);
            std::fs::remove_file(&path).unwrap();
            // A directory, which no user may unlink as a file.
            std::fs::create_dir(&path).unwrap();
            stuck.push(path);
        }
        hub.advance(HOUR_US);
        while let Ok(step) = hub.registry.collect_step().await
            && !step.is_empty()
        {}
        hub.blob("team/web", b"free").await;
        hub.advance(HOUR_US);
        let mut failures = 0;
        for _ in 0..6 {
            hub.advance(1);
            failures += u32::from(hub.registry.collect_step().await.is_err());
        }
        assert!(failures > 0, "it is told");
        assert_eq!(hub.files(), Vec::<String>::new());
        assert_eq!(hub.registry.collection_status().await.unwrap().discarded.0, 70);
        for path in stuck {
            std::fs::remove_dir(path).unwrap();
        }
        hub.collect().await;
        assert_eq!(hub.registry.collection_status().await.unwrap().freed.files, 71);
        hub.assert_sound("freed").await;
    }

    async fn files_without_a_row_are_swept_once_they_are_old(database: Database) {
        let hub = Hub::open(database).await;
        let kept = hub.image("team/web", &["v1"], "kept").await;
        let lost = hub.blob("team/web", b"lost").await;
        let upload = hub.registry.start_upload(&name("team/web"), ACTOR, oci::Algorithm::Sha256).await.unwrap();
        hub.registry.append(&crate::support::target("team/web", upload.id), crate::support::body(b"1234567")).await.unwrap();
        run(&hub.db, &FORGET_UPLOADS, vec![]).await;
        run(&hub.db, &FORGET_LINKS, vec![lost.to_bytes().into()]).await;
        run(&hub.db, &FORGET_BLOB, vec![lost.to_bytes().into()]).await;
        let usage = hub.registry.fsck(true, |_| true).await.unwrap();
        assert!(usage.findings.iter().all(|finding| finding.kind == "usage"), "{:#?}", usage.findings);
        // Young ones may be about to get their row.
        assert_eq!(hub.registry.sweep_orphans(|_| true).await.unwrap(), Collected::default());
        assert!(hub.fsck().await.findings.is_empty());
        hub.age_files();
        let found = hub.fsck().await;
        assert_eq!((found.orphans, found.findings_total), ((2, 11), 2));
        let swept = hub.registry.sweep_orphans(|_| true).await.unwrap();
        assert_eq!(swept, Collected { orphans: 2, bytes: 11, ..Collected::default() });
        assert_eq!(hub.registry.collection_status().await.unwrap().freed, swept);
        hub.assert_sound("swept").await;
        assert_eq!(hub.files().len(), 2);
        assert_eq!(hub.read("team/web", &kept.layer).await.unwrap(), b"kept");
        assert_eq!(hub.registry.sweep_orphans(|_| true).await.unwrap(), Collected::default());
    }

    /// An old file whose row is about to be written: a client that took an hour before it named the digest.
    async fn the_sweep_leaves_what_a_request_has_in_hand(database: Database) {
        let hub = Hub::open(database).await;
        let upload = hub.registry.start_upload(&name("team/web"), ACTOR, oci::Algorithm::Sha256).await.unwrap();
        let target = crate::support::target("team/web", upload.id);
        let content = vec![9; 300_000];
        hub.registry.append(&target, crate::support::streamed(&content)).await.unwrap();
        hub.age_files();
        let digest = sha256(&content);
        let (registry, finishing) = (hub.registry.clone(), target.clone());
        let finish = tokio::spawn(async move {
            registry.finish_upload(&finishing, &digest, crate::support::streamed(b"")).await
        });
        while !finish.is_finished() {
            hub.registry.sweep_orphans(|_| true).await.unwrap();
        }
        finish.await.unwrap().unwrap();
        assert!(hub.read("team/web", &digest).await.unwrap() == content);
        hub.age_files();
        assert_eq!(hub.registry.sweep_orphans(|_| true).await.unwrap().orphans, 0);
    }

    /// Everything above happens by itself.
    async fn jobs_collect_expire_and_sweep(database: Database) {
        let hub = Hub::open(database).await;
        hub.blob("team/web", b"unreferenced").await;
        let lost = hub.blob("team/web", b"lost").await;
        let upload = hub.registry.start_upload(&name("other/web"), ACTOR, oci::Algorithm::Sha256).await.unwrap();
        hub.registry.append(&crate::support::target("other/web", upload.id), crate::support::body(b"1")).await.unwrap();
        run(&hub.db, &FORGET_LINKS, vec![lost.to_bytes().into()]).await;
        run(&hub.db, &FORGET_BLOB, vec![lost.to_bytes().into()]).await;
        hub.age_files();
        hub.advance(25 * HOUR_US);
        let handle = hub.registry.with_jobs(ledger::jobs::Runner::new(hub.db.clone(), "test")).start();
        crate::support::eventually(async || hub.files().is_empty()).await;
        let freed = async || hub.registry.collection_status().await.unwrap().freed;
        crate::support::eventually(async || {
            let freed = freed().await;
            (freed.links, freed.files, freed.uploads, freed.orphans) == (1, 1, 1, 1)
        })
        .await;
        handle.drain(std::time::Duration::from_secs(30)).await;
    }

    async fn fsck_tells_references_that_nothing_records(database: Database) {
        let hub = Hub::open(database).await;
        let image = hub.image("team/web", &["v1"], "layer").await;
        run(&hub.db, &FORGET_REFERENCES, vec![]).await;
        let report = hub.fsck().await;
        assert_eq!(report.findings.iter().filter(|finding| finding.kind == "dangling-reference").count(), 2);
        hub.manifest("team/web", &["v1"], &image.document).await;
        hub.assert_sound("pushed again").await;
    }
}
