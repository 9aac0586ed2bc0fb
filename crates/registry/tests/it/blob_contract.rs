//! Blobs: push, pull, mount, delete, and damage.

use std::path::Path;

use oci::Algorithm;
use registry::{Error, HOLDERS_FORGOTTEN_MAX};
use testkit::Database;

use crate::support::{ACTOR, HOUR_US, Hub, body, count, image, name, sha256, streamed};

db::statements! {
    /// Blobs stored.
    COUNT_BLOBS = "SELECT COUNT(*) FROM blobs";
}

type Damage = fn(&Path);

testkit::on_both_databases! {
    /// Also where it is known from before, in however many.
    async fn a_blob_pushed_again_is_healed_in_every_repository(database: Database) {
        let hub = Hub::open(database).await;
        let mut others = Vec::new();
        for number in 0..=HOLDERS_FORGOTTEN_MAX {
            let other = format!("team/r{number}");
            let digest = hub.blob(&other, b"content").await;
            others.push(other);
            if ![1, HOLDERS_FORGOTTEN_MAX - 1, HOLDERS_FORGOTTEN_MAX, HOLDERS_FORGOTTEN_MAX + 1].contains(&others.len()) {
                continue;
            }
            hub.collect().await;
            for other in &others {
                assert!(hub.has_blob(other, &digest).await);
            }
            std::fs::write(hub.file_of(&digest), b"CONTENT").unwrap();
            hub.blob("other/web", b"content").await;
            for other in &others {
                assert_eq!(hub.read(other, &digest).await.unwrap(), b"content", "{} others, {other}", others.len());
            }
            hub.registry.delete_blob(&name("other/web"), &digest, ACTOR).await.unwrap();
            hub.collect().await;
        }
    }

    async fn what_was_pushed_is_read_back_bit_for_bit(database: Database) {
        let hub = Hub::open(database).await;
        for size in [0, 1, 1_000, 128 << 10, (128 << 10) + 1, 1 << 20] {
            let content: Vec<u8> = (0..size).map(|byte| u8::try_from(byte * 7 % 251).unwrap()).collect();
            for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
                let digest = blobs::digest(algorithm, &content);
                for whole in [body(&content), streamed(&content)] {
                    let entry = hub.registry.push_blob(&name("team/web"), ACTOR, &digest, whole).await.unwrap();
                    assert_eq!((entry.digest, entry.size_bytes), (digest, content.len() as u64));
                    assert!(hub.read("team/web", &digest).await.unwrap() == content, "{algorithm:?}, {size} bytes");
                }
            }
        }
    }

    async fn a_refused_blob_leaves_nothing(database: Database) {
        let hub = Hub::open(database).await;
        let large = vec![1; 300_000];
        let digest = sha256(b"announced");
        for (whole, expected) in [
            (body(b"other"), "DigestMismatch"),
            (streamed(&large), "DigestMismatch"),
            (registry::Body { length: Some(10), ..body(b"short") }, "SizeMismatch"),
            (registry::Body { length: Some(2), ..body(b"long") }, "SizeMismatch"),
            (registry::Body { length: Some(400_000), ..streamed(&large) }, "SizeMismatch"),
            (registry::Body { length: Some(200_000), ..streamed(&large) }, "SizeMismatch"),
        ] {
            let refused = hub.registry.push_blob(&name("team/web"), ACTOR, &digest, whole).await.unwrap_err();
            assert!(format!("{refused:?}").starts_with(expected), "{refused:?}, not {expected}");
        }
        let refused = hub.registry.push_blob(&name("nowhere/web"), ACTOR, &digest, body(b"announced")).await;
        assert!(matches!(refused, Err(Error::ProjectUnknown(project)) if project == "nowhere"));
        assert_eq!(hub.files(), Vec::<String>::new());
        assert_eq!(count(&hub.db, &COUNT_BLOBS, vec![]).await, 0);
    }

    /// CVE-2024-39897: a blob is had only through a repository that holds it.
    async fn a_blob_is_known_only_where_it_was_pushed_or_mounted(database: Database) {
        let hub = Hub::open(database).await;
        let digest = hub.blob("team/web", b"layer").await;
        hub.blob("other/web", b"elsewhere").await;
        assert!(matches!(hub.read("other/web", &digest).await, Err(Error::BlobUnknown { .. })));
        assert!(matches!(hub.read("other/none", &digest).await, Err(Error::NameUnknown(_))));
        let mount = async |target: &str, source: &str| {
            hub.registry.mount(&name(target), &name(source), &digest, ACTOR).await
        };
        assert!(mount("other/web", "other/none").await.unwrap().is_none());
        assert!(mount("team/api", "other/web").await.unwrap().is_none());
        assert!(matches!(hub.registry.repository_id(&name("team/api")).await, Err(Error::NameUnknown(_))));
        assert!(matches!(mount("nowhere/web", "team/web").await, Err(Error::ProjectUnknown(_))));
        assert!(mount("other/web", "team/web").await.unwrap().is_some());
        assert_eq!(hub.read("other/web", &digest).await.unwrap(), b"layer");
        assert_eq!(count(&hub.db, &COUNT_BLOBS, vec![]).await, 2);
    }

    async fn deleting_in_one_repository_leaves_the_others(database: Database) {
        let hub = Hub::open(database).await;
        let digest = hub.blob("team/web", b"layer").await;
        hub.blob("other/web", b"layer").await;
        assert_eq!(count(&hub.db, &COUNT_BLOBS, vec![]).await, 1);
        let delete = async |repository: &str| hub.registry.delete_blob(&name(repository), &digest, ACTOR).await;
        delete("team/web").await.unwrap();
        assert!(!hub.has_blob("team/web", &digest).await);
        assert!(matches!(delete("team/web").await, Err(Error::BlobUnknown { .. })));
        assert!(matches!(delete("team/none").await, Err(Error::NameUnknown(_))));
        hub.advance(2 * HOUR_US - 1);
        assert_eq!(hub.read("other/web", &digest).await.unwrap(), b"layer");
        delete("other/web").await.unwrap();
        hub.collect().await;
        assert_eq!(hub.files(), Vec::<String>::new());
    }

    async fn the_same_bytes_take_one_file(database: Database) {
        let hub = Hub::open(database).await;
        for repository in ["team/a", "team/b", "other/c", "team/a"] {
            hub.blob(repository, b"layer").await;
        }
        hub.collect().await;
        assert_eq!(hub.files().len(), 1);
    }

    async fn a_damaged_blob_is_never_served_whole_and_is_healed_by_a_push(database: Database) {
        let hub = Hub::open(database).await;
        let content: Vec<u8> = (0..200_000_u32).map(|byte| u8::try_from(byte % 241).unwrap()).collect();
        let damages: [(&str, Damage); 4] = [
            ("flipped", |path| {
                let mut bytes = std::fs::read(path).unwrap();
                bytes[100_000] ^= 1;
                std::fs::write(path, bytes).unwrap();
            }),
            ("cut", |path| std::fs::File::options().write(true).open(path).unwrap().set_len(100).unwrap()),
            ("grown", |path| std::fs::File::options().write(true).open(path).unwrap().set_len(300_000).unwrap()),
            ("missing", |path| std::fs::remove_file(path).unwrap()),
        ];
        for (what, damage) in damages {
            let digest = hub.blob("team/web", &content).await;
            hub.registry.mount(&name("other/web"), &name("team/web"), &digest, ACTOR).await.unwrap();
            hub.collect().await;
            damage(&hub.file_of(&digest));
            let fsck = hub.fsck().await;
            assert_eq!(fsck.findings.len(), 1, "{what}: {fsck:?}");
            for repository in ["team/web", "other/web"] {
                let Ok(entry) = hub.registry.find_blob(&name(repository), &digest).await else { continue };
                match hub.read(repository, &digest).await {
                    Ok(bytes) => panic!("{what}: {} bytes served as whole", bytes.len()),
                    // The reader of a stream tells.
                    Err(Error::Blobs(blobs::Error::Corrupt { .. })) => hub.registry.mark_damaged(&entry).await.unwrap(),
                    Err(Error::BlobDamaged(_)) => (),
                    Err(error) => panic!("{what}: {error:?}"),
                }
                // Now everyone is told to push it.
                assert!(!hub.has_blob(repository, &digest).await, "{what}");
            }
            let refused = hub.try_manifest("team/web", &[], &image(&digest, &[])).await;
            assert!(matches!(refused, Err(Error::BlobsMissing(missing)) if missing == [digest]), "{what}");
            hub.blob("other/web", &content).await;
            for repository in ["team/web", "other/web"] {
                assert!(hub.read(repository, &digest).await.unwrap() == content, "{what}");
            }
            hub.collect().await;
            hub.assert_sound(what).await;
        }
    }

    async fn fsck_withdraws_what_is_damaged_so_that_it_is_pushed_again(database: Database) {
        let hub = Hub::open(database).await;
        let digest = hub.blob("team/web", b"layer").await;
        std::fs::write(hub.file_of(&digest), b"LAYER").unwrap();
        let report = hub.registry.fsck(true, |_| true).await.unwrap();
        assert_eq!(report.findings.len(), 1);
        assert!(report.findings[0].repaired);
        assert!(!hub.has_blob("team/web", &digest).await);
        hub.blob("team/web", b"layer").await;
        hub.collect().await;
        hub.assert_sound("healed").await;
    }

    /// A disk that was away for a while loses nobody's blob: `--repair` looks at what was withdrawn again.
    async fn fsck_serves_again_what_was_withdrawn_and_is_whole(database: Database) {
        let hub = Hub::open(database).await;
        let digest = hub.blob("team/web", b"layer").await;
        let (file, away) = (hub.file_of(&digest), hub.file_of(&digest).with_extension("away"));
        std::fs::rename(&file, &away).unwrap();
        assert!(matches!(hub.read("team/web", &digest).await, Err(Error::BlobDamaged(_))));
        std::fs::rename(&away, &file).unwrap();
        assert!(!hub.has_blob("team/web", &digest).await);
        let told = hub.registry.fsck(false, |_| true).await.unwrap();
        assert_eq!((told.findings.len(), told.findings[0].repaired), (1, false), "{told:?}");
        assert!(!hub.has_blob("team/web", &digest).await);
        let repaired = hub.registry.fsck(true, |_| true).await.unwrap();
        assert!(repaired.findings[0].repaired, "{repaired:?}");
        assert_eq!(hub.read("team/web", &digest).await.unwrap(), b"layer");
        hub.assert_sound("restored").await;
    }
}
