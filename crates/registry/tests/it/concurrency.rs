//! Many at once, with collection running.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use registry::{Error, Registry};
use testkit::Database;

use crate::support::{
    ACTOR, HOUR_US, Hub, MINUTE_US, Random, body, has_blob, image, name, push, read, reference_of, sha256, tag,
};

/// Pushes an image as a client does, again from the start when a blob was taken meanwhile.
async fn push_image(registry: &Registry, repository: &str, label: &str, content: &str) -> oci::Digest {
    for _ in 0..20 {
        let (config, layer) = (format!("config {content}").into_bytes(), content.as_bytes().to_vec());
        let mut digests = Vec::new();
        for part in [&config, &layer] {
            let digest = sha256(part);
            if registry.find_blob_to_reference(&name(repository), &digest).await.is_err() {
                registry.push_blob(&name(repository), ACTOR, &digest, body(part)).await.unwrap();
            }
            digests.push(digest);
        }
        let document = image(&digests[0], &digests[1..]);
        match registry.push_manifest(push(repository, &[label], &document)).await {
            Ok(pushed) => return pushed.digest,
            // Another worker deletes blobs.
            Err(Error::BlobsMissing(_)) => (),
            Err(error) => panic!("{error:?}"),
        }
    }
    panic!("twenty pushes of {repository}:{label} each lost a blob");
}

/// Does what others do to the same names.
async fn meddle(registry: Registry, seed: u64, rounds: usize) {
    let mut random = Random(seed);
    for _ in 0..rounds {
        let repository = ["team/one", "team/two", "other/three"][random.below(3)];
        let label = ["a", "b", "c"][random.below(3)];
        let content = format!("content {}", random.below(5));
        match random.below(8) {
            0..=2 => drop(push_image(&registry, repository, label, &content).await),
            3 => drop(registry.delete_tag(&name(repository), &tag(label), ACTOR).await),
            4 => {
                if let Ok(found) = registry.find_manifest(&name(repository), &reference_of(label)).await {
                    drop(registry.delete_manifest(&name(repository), &found.digest, ACTOR).await);
                }
            }
            5 => {
                let digest = sha256(content.as_bytes());
                registry.mount(&name("other/three"), &name("team/one"), &digest, ACTOR).await.unwrap();
            }
            6 => {
                let digest = sha256(content.as_bytes());
                match read(&registry, repository, &digest).await {
                    Ok(bytes) => assert_eq!(bytes, content.as_bytes()),
                    Err(Error::BlobUnknown { .. } | Error::NameUnknown(_)) => (),
                    Err(error) => panic!("{error:?}"),
                }
            }
            _ => drop(registry.list_tags(&name(repository), "", None).await),
        }
    }
}

testkit::on_both_databases! {
    /// Whoever was answered is seen by everyone from then on, whatever else goes on in the repository.
    async fn an_answered_change_is_seen_by_all_at_once(database: Database) {
        let rounds = if database.name() == "sqlite" { 60 } else { 15 };
        let hub = Hub::open(database).await;
        hub.image("team/one", &["first"], "first").await;
        let over = Arc::new(AtomicBool::new(false));
        let collector = {
            let (registry, clock, over) = (hub.registry.clone(), Arc::clone(&hub.clock), Arc::clone(&over));
            tokio::spawn(async move {
                while !over.load(Ordering::SeqCst) {
                    clock.fetch_add(MINUTE_US / 10, Ordering::SeqCst);
                    registry.collect_step().await.unwrap();
                    tokio::task::yield_now().await;
                }
            })
        };
        let meddlers: Vec<_> = (0..3).map(|seed| tokio::spawn(meddle(hub.registry.clone(), seed, rounds * 2))).collect();
        let own: Vec<_> = (0..3)
            .map(|worker| {
                let registry = hub.registry.clone();
                tokio::spawn(async move {
                    let (repository, label) = ("team/one", format!("own-{worker}"));
                    for round in 0..rounds {
                        let content = format!("worker {worker} round {round}");
                        let pushed = push_image(&registry, repository, &label, &content).await;
                        let by_another = {
                            let (registry, reference) = (registry.clone(), reference_of(&label));
                            tokio::spawn(async move { registry.find_manifest(&name(repository), &reference).await })
                        };
                        assert_eq!(by_another.await.unwrap().unwrap().digest, pushed, "{content}");
                        assert_eq!(read(&registry, repository, &sha256(content.as_bytes())).await.unwrap(), content.as_bytes());
                        if round % 2 == 0 {
                            registry.delete_manifest(&name(repository), &pushed, ACTOR).await.unwrap();
                            for reference in [label.clone(), pushed.to_string()] {
                                let found = registry.find_manifest(&name(repository), &reference_of(&reference)).await;
                                assert!(matches!(found, Err(Error::ManifestUnknown { .. })), "{content}: {found:?}");
                            }
                        } else {
                            registry.delete_tag(&name(repository), &tag(&label), ACTOR).await.unwrap();
                            let found = registry.find_manifest(&name(repository), &reference_of(&label)).await;
                            assert!(matches!(found, Err(Error::ManifestUnknown { .. })), "{content}: {found:?}");
                        }
                    }
                })
            })
            .collect();
        for task in meddlers.into_iter().chain(own) {
            task.await.unwrap();
        }
        over.store(true, Ordering::SeqCst);
        collector.await.unwrap();
        hub.assert_sound("all are done").await;
        // What this process remembers is what is stored.
        let fresh = hub.restarted();
        for repository in ["team/one", "team/two", "other/three"] {
            for label in ["a", "b", "c", "first", "own-0", "own-1", "own-2"] {
                let find = async |registry: &Registry| {
                    registry.find_manifest(&name(repository), &reference_of(label)).await.ok().map(|found| found.digest)
                };
                assert_eq!(find(&hub.registry).await, find(&fresh).await, "{repository}:{label}");
            }
            for number in 0..5 {
                let digest = sha256(format!("content {number}").as_bytes());
                assert_eq!(hub.has_blob(repository, &digest).await, has_blob(&fresh, repository, &digest).await);
            }
        }
        for _ in 0..4 {
            hub.advance(HOUR_US);
            hub.collect().await;
        }
        hub.assert_sound("all is collected").await;
        assert_eq!(crate::support::count(&hub.db, &crate::support::COUNT_ORPHAN_ROWS, vec![]).await, 0);
    }
}
