//! What is told of how much a repository and the hub hold.

use registry::USAGE_BATCH_ROWS_MAX;
use testkit::Database;

use crate::support::{ACTOR, HOUR_US, Hub, count, index, name, run};

db::statements! {
    /// Tells too much.
    INFLATE = "UPDATE blob_usage SET blobs = blobs + 2, size_bytes = size_bytes + 5";
    /// Takes the database back to before usage was counted.
    FORGET_VERSIONS = "DELETE FROM migrations WHERE version >= 2";
    /// A change that is one of many.
    ADD_CHANGE = "INSERT INTO blob_usage_changes (repository_id, blobs, size_bytes) VALUES (0, 1, 3)";
    /// Changes that are not folded.
    COUNT_CHANGES = "SELECT COUNT(*) FROM blob_usage_changes";
    /// Totals of repositories that are not there.
    COUNT_LEFT = "SELECT COUNT(*) FROM blob_usage WHERE repository_id > 0 AND repository_id NOT IN (SELECT id FROM repositories)";
}

/// Returns what takes away all that the hub's migrations from one on made, the last first.
fn undoing(version: u32) -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../db/migrations");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut files: Vec<_> = files.filter(|path| path.extension().is_some_and(|extension| extension == "sql")).collect();
    files.sort();
    let mut undoing = Vec::new();
    for file in files {
        let number: u32 = file.file_name().unwrap().to_str().unwrap()[..4].parse().unwrap();
        let script = std::fs::read_to_string(&file).unwrap();
        for line in script.lines().filter(|_| number >= version) {
            let words: Vec<&str> = line.split([' ', '(']).filter(|word| !word.is_empty()).collect();
            match words.as_slice() {
                ["CREATE", kind @ ("TABLE" | "INDEX"), name, ..] | ["CREATE", "UNIQUE", kind @ "INDEX", name, ..] => {
                    undoing.push(format!("DROP {kind} {name}"));
                }
                ["ALTER", "TABLE", table, "ADD", "COLUMN", column, ..] => {
                    undoing.push(format!("ALTER TABLE {table} DROP COLUMN {column}"));
                }
                _ => {}
            }
        }
    }
    undoing.reverse();
    undoing
}

async fn fold(hub: &Hub) {
    while hub.registry.fold_usage_step().await.unwrap() {}
    assert_eq!(count(&hub.db, &COUNT_CHANGES, vec![]).await, 0);
}

/// What is told, before and after it is folded, is what fsck counts.
async fn check(hub: &Hub, expected: &[(&str, (u64, u64))], stored: (u64, u64)) {
    for is_folded in [false, true] {
        if is_folded {
            fold(hub).await;
        }
        for (repository, usage) in expected {
            let told = hub.registry.repository_usage(&name(repository)).await.unwrap();
            assert_eq!(told, *usage, "{repository}, folded: {is_folded}");
        }
        assert_eq!(hub.registry.collection_status().await.unwrap().stored, stored, "folded: {is_folded}");
        hub.assert_sound("usage").await;
    }
}

testkit::on_both_databases! {
    async fn usage_is_what_is_held_whatever_happens(database: Database) {
        let hub = Hub::open(database).await;
        hub.manifest("team/web", &["empty"], &index(&[])).await;
        check(&hub, &[("team/web", (0, 0))], (0, 0)).await;
        let [one, two] = [hub.blob("team/web", b"one").await, hub.blob("team/web", b"twos").await];
        check(&hub, &[("team/web", (2, 7))], (2, 7)).await;
        // Again, elsewhere, and both.
        hub.blob("team/web", b"one").await;
        hub.blob("team/api", b"one").await;
        hub.registry.mount(&name("team/api"), &name("team/web"), &two, ACTOR).await.unwrap().unwrap();
        hub.registry.mount(&name("team/api"), &name("team/web"), &two, ACTOR).await.unwrap().unwrap();
        check(&hub, &[("team/web", (2, 7)), ("team/api", (2, 7))], (2, 7)).await;
        hub.registry.delete_blob(&name("team/web"), &one, ACTOR).await.unwrap();
        check(&hub, &[("team/web", (1, 4)), ("team/api", (2, 7))], (2, 7)).await;
        hub.registry.delete_blob(&name("team/api"), &one, ACTOR).await.unwrap();
        check(&hub, &[("team/web", (1, 4)), ("team/api", (1, 4))], (1, 4)).await;
        let image = hub.image("team/api", &["v1"], "layer").await;
        let config_bytes = u64::try_from(br#"{"config":"layer"}"#.len()).unwrap();
        let with_image = (3, 4 + 5 + config_bytes);
        check(&hub, &[("team/web", (1, 4)), ("team/api", with_image)], with_image).await;
        // The unreferenced ones go, then the image, then a repository.
        hub.advance(HOUR_US);
        hub.collect().await;
        check(&hub, &[("team/web", (0, 0)), ("team/api", (2, 5 + config_bytes))], (2, 5 + config_bytes)).await;
        hub.registry.delete_manifest(&name("team/api"), &image.manifest, ACTOR).await.unwrap();
        hub.image("team/web", &["v1"], "web").await;
        hub.registry.delete_repository(&name("team/web"), ACTOR).await.unwrap();
        hub.run_jobs().await;
        hub.advance(HOUR_US);
        hub.collect().await;
        check(&hub, &[("team/api", (0, 0))], (0, 0)).await;
        assert_eq!(count(&hub.db, &COUNT_LEFT, vec![]).await, 0);
    }

    async fn usage_of_what_was_there_is_counted_by_the_migration(database: Database) {
        let hub = Hub::open(database).await;
        hub.blob("team/web", b"one").await;
        hub.blob("team/web", b"twos").await;
        hub.blob("team/api", b"one").await;
        for text in undoing(2) {
            let statement = db::Statement::from_macro("UNDO", text.leak());
            run(&hub.db, Box::leak(Box::new(statement)), vec![]).await;
        }
        run(&hub.db, &FORGET_VERSIONS, vec![]).await;
        hub.reopened_database().await.close().await;
        check(&hub, &[("team/web", (2, 7)), ("team/api", (1, 3))], (2, 7)).await;
    }

    async fn fsck_tells_and_repairs_usage(database: Database) {
        let hub = Hub::open(database).await;
        hub.blob("team/web", b"one").await;
        fold(&hub).await;
        run(&hub.db, &INFLATE, vec![]).await;
        for repair in [false, true] {
            let report = hub.registry.fsck(repair, |_| true).await.unwrap();
            let found: Vec<_> =
                report.findings.iter().map(|found| (found.kind.as_str(), found.subject.as_str(), found.repaired)).collect();
            assert_eq!(found, [("usage", "hub", repair), ("usage", "team/web", repair)]);
        }
        check(&hub, &[("team/web", (1, 3))], (1, 3)).await;
    }

    async fn checks_that_repair_at_once_add_a_difference_once(database: Database) {
        let hub = Hub::open(database).await;
        hub.blob("team/web", b"one").await;
        fold(&hub).await;
        for _ in 0..5 {
            run(&hub.db, &INFLATE, vec![]).await;
            let checks = (0..4).map(|_| {
                let registry = hub.registry.clone();
                tokio::spawn(async move { registry.fsck(true, |_| true).await })
            });
            for check in checks.collect::<Vec<_>>() {
                check.await.unwrap().unwrap();
            }
            check(&hub, &[("team/web", (1, 3))], (1, 3)).await;
        }
    }

    async fn changes_are_folded_in_batches(database: Database) {
        let hub = Hub::open(database).await;
        for (changes, more) in [(USAGE_BATCH_ROWS_MAX - 1, false), (USAGE_BATCH_ROWS_MAX, true), (USAGE_BATCH_ROWS_MAX + 1, true)] {
            for _ in 0..changes {
                run(&hub.db, &ADD_CHANGE, vec![]).await;
            }
            assert_eq!(hub.registry.fold_usage_step().await.unwrap(), more, "{changes}");
            assert_eq!(count(&hub.db, &COUNT_CHANGES, vec![]).await, (changes - USAGE_BATCH_ROWS_MAX).max(0));
            fold(&hub).await;
        }
        let all = u64::try_from(3 * USAGE_BATCH_ROWS_MAX).unwrap();
        assert_eq!(hub.registry.collection_status().await.unwrap().stored, (all, 3 * all));
    }
}
