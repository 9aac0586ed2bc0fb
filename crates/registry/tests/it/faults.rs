//! The n-th operation of the database, or of the file system, fails, for every n. Whatever was acknowledged is there,
//! nothing is half there, and doing it again succeeds.

use std::io::ErrorKind;

use oci::Digest;
use registry::{Error, Registry, UploadTarget};
use testkit::Database;

use crate::support::{
    ACTOR, COUNT_ORPHAN_ROWS, HOUR_US, Hub, count, image, name, push, read, reference_of, referrer, sha256, streamed,
    tag, target,
};

/// Content that is streamed, and content that is small.
fn contents(number: u64) -> (Vec<u8>, Vec<u8>) {
    let large = (0..200_000_u64).map(|byte| u8::try_from((byte * 31 + number) % 251).unwrap()).collect();
    (large, format!("config {number}").into_bytes())
}

/// What was acknowledged of a push.
#[derive(Default)]
struct Told {
    /// The upload, from when it held the layer's first part.
    upload: Option<UploadTarget>,
    /// The layer, the config and the manifest.
    digests: Vec<Digest>,
}

/// Pushes an image the way a client does: a session for the layer, the config in one request, the manifest with a tag.
/// Every answer is told.
async fn push_image(registry: &Registry, repository: &str, number: u64, told: &mut Told) -> Result<(), Error> {
    let (layer, config) = contents(number);
    let (layer_digest, config_digest) = (sha256(&layer), sha256(&config));
    let upload = registry.start_upload(&name(repository), ACTOR, oci::Algorithm::Sha256).await?;
    let target = target(repository, upload.id);
    registry.append(&target, streamed(&layer[..100_000])).await?;
    told.upload = Some(target.clone());
    registry.finish_upload(&target, &layer_digest, streamed(&layer[100_000..])).await?;
    told.digests.push(layer_digest);
    registry.push_blob(&name(repository), ACTOR, &config_digest, crate::support::body(&config)).await?;
    told.digests.push(config_digest);
    let document = image(&config_digest, &[layer_digest]);
    told.digests.push(registry.push_manifest(push(repository, &["v1"], &document)).await?.digest);
    Ok(())
}

/// Makes the request that ends the upload again, in this process or in one that has just started, if the upload had
/// acknowledged bytes.
async fn finish_again(hub: &Hub, repository: &str, number: u64, told: &Told, what: &str) {
    let Some(target) = &told.upload else { return };
    let (layer, _) = contents(number);
    let registry = if number.is_multiple_of(2) { hub.registry.clone() } else { hub.restarted() };
    let finished = registry.finish_upload(target, &sha256(&layer), streamed(&layer[100_000..])).await;
    assert!(finished.is_ok(), "{what}: {finished:?}");
    assert!(read(&registry, repository, &sha256(&layer)).await.unwrap() == layer, "{what}");
    hub.registry.find_blob(&name(repository), &sha256(&layer)).await.unwrap();
}

/// This process and one that has just started see the same, and all that was told.
async fn check_told(hub: &Hub, repository: &str, number: u64, told: &Told, what: &str) {
    let told = &told.digests;
    let (layer, config) = contents(number);
    for registry in [&hub.registry, &hub.restarted()] {
        for digest in told.iter().take(2) {
            let content = if *digest == sha256(&layer) { &layer } else { &config };
            assert!(read(registry, repository, digest).await.unwrap() == *content, "{what}");
        }
        if let Some(manifest) = told.get(2) {
            let found = registry.find_manifest(&name(repository), &reference_of("v1")).await.unwrap();
            assert_eq!(found.digest, *manifest, "{what}");
        }
    }
    let views = async |registry: Registry| {
        let tag = registry.find_manifest(&name(repository), &reference_of("v1")).await.ok().map(|found| found.digest);
        let held = [sha256(&layer), sha256(&config)].map(|digest| {
            let registry = registry.clone();
            let repository = name(repository);
            async move { registry.find_blob(&repository, &digest).await.is_ok() }
        });
        (tag, futures_util::future::join_all(held).await)
    };
    assert_eq!(views(hub.registry.clone()).await, views(hub.restarted()).await, "{what}: the cache differs");
}

async fn check_at_the_end(hub: &Hub) {
    hub.run_jobs().await;
    hub.advance(25 * HOUR_US);
    while hub.registry.expire_uploads_step().await.unwrap() > 0 {}
    hub.collect().await;
    hub.age_files();
    let found = hub.fsck().await;
    assert!(found.findings.iter().all(|finding| finding.kind == "orphan"), "{:#?}", found.findings);
    hub.registry.sweep_orphans(|_| true).await.unwrap();
    hub.assert_sound("after the sweep").await;
    assert_eq!(count(&hub.db, &COUNT_ORPHAN_ROWS, vec![]).await, 0);
}

/// One way in which the database fails.
#[derive(Clone, Copy, Debug)]
struct Fault {
    loses_answer: bool,
    operation: u64,
}

impl Fault {
    fn arm(self, hub: &Hub) {
        if self.loses_answer {
            hub.db_faults.lose_answer_at(self.operation);
        } else {
            hub.db_faults.fail_at(self.operation);
        }
    }
}

/// Does `work`, which arms the fault and returns how many operations there were, with the n-th failing, for every n.
async fn each_database_fault(mut work: impl AsyncFnMut(u64, Fault) -> u64) {
    let mut number = 0;
    for loses_answer in [false, true] {
        for operation in 1.. {
            number += 1;
            if work(number, Fault { loses_answer, operation }).await < operation {
                break;
            }
        }
    }
}

testkit::on_both_databases! {
    async fn a_push_whatever_database_operation_fails(database: Database) {
        let hub = Hub::open(database).await;
        each_database_fault(async |number, fault| {
            let what = format!("{fault:?}");
            let repository = format!("team/r{number}");
            let mut told = Told::default();
            fault.arm(&hub);
            let outcome = push_image(&hub.registry, &repository, number, &mut told).await;
            let operations = hub.db_faults.operations();
            hub.db_faults.disarm();
            assert_eq!(outcome.is_ok(), told.digests.len() == 3, "{what}: {outcome:?}");
            check_told(&hub, &repository, number, &told, &what).await;
            finish_again(&hub, &repository, number, &told, &what).await;
            let mut again = Told::default();
            push_image(&hub.registry, &repository, number, &mut again).await.unwrap();
            check_told(&hub, &repository, number, &again, &what).await;
            operations
        })
        .await;
        check_at_the_end(&hub).await;
    }

    async fn mounts_and_deletions_whatever_database_operation_fails(database: Database) {
        let hub = Hub::open(database).await;
        each_database_fault(async |number, fault| {
            let what = format!("{fault:?}");
            let repository = format!("team/r{number}");
            let kept = hub.image("team/kept", &["v1"], "kept").await;
            let image = hub.image(&repository, &["v1", "v2"], &format!("layer {number}")).await;
            hub.manifest(&repository, &[], &referrer(&image.config, &image.manifest, "signature")).await;
            fault.arm(&hub);
            let registry = &hub.registry;
            let target = name(&repository);
            let mounted = registry.mount(&target, &name("team/kept"), &kept.layer, ACTOR).await;
            let untagged = registry.delete_tag(&target, &tag("v1"), ACTOR).await;
            let unlinked = registry.delete_blob(&target, &kept.layer, ACTOR).await;
            let deleted = registry.delete_manifest(&target, &image.manifest, ACTOR).await;
            let dropped = registry.delete_repository(&target, ACTOR).await;
            let operations = hub.db_faults.operations();
            hub.db_faults.disarm();
            for registry in [registry, &hub.restarted()] {
                let find = async |reference: &str| registry.find_manifest(&target, &reference_of(reference)).await.is_ok();
                assert!(untagged.is_err() || !find("v1").await, "{what}");
                assert!(deleted.is_err() || !find("v2").await && !find(&image.manifest.to_string()).await, "{what}");
                assert!(dropped.is_err() || registry.repository_id(&target).await.is_err(), "{what}");
                assert!(unlinked.is_err() || registry.find_blob(&target, &kept.layer).await.is_err(), "{what}");
                assert_eq!(read(registry, "team/kept", &kept.layer).await.unwrap(), b"kept", "{what}");
            }
            assert!(mounted.is_ok() || unlinked.is_err() || fault.loses_answer, "{what}");
            if dropped.is_err() {
                match registry.delete_repository(&target, ACTOR).await {
                    Ok(()) | Err(Error::NameUnknown(_)) => (),
                    Err(error) => panic!("{what}: {error:?}"),
                }
            }
            operations
        })
        .await;
        check_at_the_end(&hub).await;
        assert_eq!(hub.files().len(), 2, "only what is kept");
    }

    async fn a_collection_whatever_database_operation_fails(database: Database) {
        let hub = Hub::open(database).await;
        let kept = hub.image("team/kept", &["v1"], "kept").await;
        let mut expected = 0;
        each_database_fault(async |number, fault| {
            let what = format!("{fault:?}");
            let repository = format!("team/r{number}");
            let image = hub.image(&repository, &["v1"], &format!("layer {number}")).await;
            hub.registry.delete_manifest(&name(&repository), &image.manifest, ACTOR).await.unwrap();
            hub.blob(&repository, b"unreferenced").await;
            hub.advance(2 * HOUR_US);
            fault.arm(&hub);
            while let Ok(step) = hub.registry.collect_step().await
                && !step.is_empty()
            {}
            let operations = hub.db_faults.operations();
            hub.db_faults.disarm();
            hub.collect().await;
            expected += 3;
            let status = hub.registry.collection_status().await.unwrap();
            assert_eq!((status.freed.links, status.freed.files), (expected, expected), "{what}");
            assert_eq!(hub.files().len(), 2, "{what}");
            assert_eq!(hub.read("team/kept", &kept.layer).await.unwrap(), b"kept", "{what}");
            operations
        })
        .await;
        check_at_the_end(&hub).await;
    }

    async fn a_push_whatever_file_operation_fails(database: Database) {
        let hub = Hub::open(database).await;
        let mut number = 0;
        for (kind, is_lasting) in
            [(ErrorKind::Other, false), (ErrorKind::StorageFull, false), (ErrorKind::StorageFull, true)]
        {
            for operation in 0.. {
                number += 1;
                let (repository, what) = (format!("team/r{number}"), format!("{kind:?} at {operation}, {is_lasting}"));
                if is_lasting {
                    hub.file_faults.fail(operation.., kind);
                } else {
                    hub.file_faults.fail(operation..=operation, kind);
                }
                let mut told = Told::default();
                let outcome = push_image(&hub.registry, &repository, number, &mut told).await;
                let operations = hub.file_faults.count();
                hub.file_faults.heal();
                if let Err(error) = &outcome {
                    let is_full = matches!(error, Error::Blobs(blobs::Error::StorageFull { .. }));
                    assert_eq!(is_full, kind == ErrorKind::StorageFull, "{what}: {error:?}");
                }
                check_told(&hub, &repository, number, &told, &what).await;
                finish_again(&hub, &repository, number, &told, &what).await;
                let mut again = Told::default();
                push_image(&hub.registry, &repository, number, &mut again).await.unwrap();
                check_told(&hub, &repository, number, &again, &what).await;
                if operations <= operation {
                    break;
                }
            }
        }
        check_at_the_end(&hub).await;
    }

    async fn a_collection_whatever_file_operation_fails(database: Database) {
        let hub = Hub::open(database).await;
        for operation in 0..4 {
            for number in 0..3 {
                hub.blob("team/web", format!("blob {operation} {number}").as_bytes()).await;
            }
            hub.advance(HOUR_US);
            hub.file_faults.fail(operation..=operation, ErrorKind::Other);
            while let Ok(step) = hub.registry.collect_step().await
                && !step.is_empty()
            {}
            hub.file_faults.heal();
            hub.collect().await;
            assert_eq!(hub.files(), Vec::<String>::new(), "operation {operation}");
            assert_eq!(hub.registry.collection_status().await.unwrap().freed.files, (operation + 1) * 3);
        }
        hub.assert_sound("collected").await;
    }
}
