use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use garrison_db::{Config, Db, Error, Schema};
use testkit::{Database, SqliteFile, run};
use tokio::task::JoinSet;

use crate::support::{names, open, put, put_in};

fn file() -> (Database, std::path::PathBuf) {
    let database = Database::sqlite();
    let Database::Sqlite(file) = &database else { panic!("asked for SQLite") };
    let path = SqliteFile::path(file).to_owned();
    (database, path)
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn files_in(directory: &Path) -> Vec<String> {
    let mut names: Vec<_> =
        std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn writes_that_wait_together_share_a_commit() {
    run(async {
        let (database, _) = file();
        let db = open(&database).await;
        let mut writes = JoinSet::new();
        for number in 0..200 {
            let db = db.clone();
            writes.spawn(async move { put(&db, &format!("{number}")).await });
        }
        assert!(writes.join_all().await.iter().all(Result::is_ok));
        let metrics = db.metrics();
        assert_eq!(metrics.writes, 200);
        assert!(metrics.commits < 200 && metrics.group_size_max > 1, "{metrics:?}");
        assert!(metrics.group_size_max <= 64, "{metrics:?}");
    });
}

#[cfg(target_os = "linux")]
#[test]
fn what_can_be_made_again_is_written_by_a_thread_that_stands_back() {
    run(async {
        let niceness = || rustix::process::getpriority_process(None).unwrap();
        let before = niceness();
        let (database, path) = file();
        let hub = open(&database).await;
        let beside = hub.open_beside(&path.with_file_name("inventory.db"), Schema::Inventory).await.unwrap();
        for (schema, db, expected) in [("hub", hub, before), ("inventory", beside, (before + 10).min(19))] {
            let writing = db.write(move |_| Box::pin(async move { Ok::<_, Error>(niceness()) })).await.unwrap();
            let reading = db.read(move |_| Box::pin(async move { Ok::<_, Error>(niceness()) })).await.unwrap();
            assert_eq!((writing, reading), (expected, before), "{schema}");
        }
    });
}

/// The others of a group do not feel one that fails.
#[test]
fn a_failed_write_leaves_its_group_alone() {
    run(async {
        let (database, _) = file();
        let db = open(&database).await;
        let mut writes = JoinSet::new();
        for number in 0..100 {
            let db = db.clone();
            writes.spawn(async move { put(&db, &format!("{}", number / 2)).await });
        }
        let outcomes = writes.join_all().await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 50);
        assert!(outcomes.iter().filter_map(|outcome| outcome.as_ref().err()).all(Error::is_conflict));
        assert_eq!(names(&db).await.len(), 50);
    });
}

#[test]
fn a_failed_commit_fails_every_write_of_its_group() {
    run(async {
        let (database, path) = file();
        let faults = garrison_db::Faults::none();
        let db = Db::open_with_faults(&Config::Sqlite { path }, faults.clone()).await.unwrap();
        // Three operations a write and one for the commit of all that wait: the commit is among these.
        for operation in 1..=31 {
            faults.fail_at(operation);
            let mut writes = JoinSet::new();
            for number in 0..10 {
                let db = db.clone();
                writes.spawn(async move { put(&db, &format!("{operation}-{number}")).await });
            }
            let kept = writes.join_all().await.iter().filter(|outcome| outcome.is_ok()).count();
            faults.disarm();
            let there = names(&db).await.into_iter().filter(|name| name.starts_with(&format!("{operation}-"))).count();
            assert_eq!(there, kept, "operation {operation}");
        }
        drop(database);
    });
}

#[test]
fn a_body_that_waits_for_something_else_is_refused() {
    run(async {
        let (database, _) = file();
        let db = open(&database).await;
        let waited: Result<(), Error> = db
            .write(|tx| {
                Box::pin(async move {
                    put_in(tx, "a").await?;
                    tokio::task::yield_now().await;
                    Ok(())
                })
            })
            .await;
        assert!(matches!(waited, Err(Error::BodyWaited)), "{waited:?}");
        assert!(names(&db).await.is_empty());
    });
}

#[test]
fn the_file_is_its_owners_alone_and_closing_leaves_one_file() {
    run(async {
        let (database, path) = file();
        let db = open(&database).await;
        put(&db, "a").await.unwrap();
        for name in ["garrison.db", "garrison.db-wal", "garrison.db-shm"] {
            assert_eq!(mode(&path.with_file_name(name)), 0o600, "{name}");
        }
        db.close().await;
        assert_eq!(files_in(path.parent().unwrap()), ["garrison.db"]);
    });
}

#[test]
fn a_file_that_is_no_database_is_refused() {
    run(async {
        let (_database, path) = file();
        std::fs::write(&path, "not a database, but long enough to have a header ".repeat(100)).unwrap();
        let error = Db::open(&Config::Sqlite { path: path.clone() }).await.unwrap_err();
        assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
        assert_eq!(error.hint(), Some("restore a backup"));
        let nowhere = path.with_file_name("no-directory").join("garrison.db");
        let error = Db::open(&Config::Sqlite { path: nowhere.clone() }).await.unwrap_err();
        assert_eq!(error.to_string(), format!("failed to open database `{}`", nowhere.display()));
    });
}

#[test]
fn a_backup_is_one_moment_in_one_file() {
    run(async {
        let (database, path) = file();
        let db = open(&database).await;
        let writer = {
            let db = db.clone();
            tokio::spawn(async move {
                for number in 0..200 {
                    let pair = db.write(move |tx| {
                        Box::pin(async move {
                            put_in(tx, &format!("{number}-left")).await?;
                            put_in(tx, &format!("{number}-right")).await
                        })
                    });
                    pair.await.unwrap();
                }
            })
        };
        for number in 0..5 {
            let backup = path.with_file_name(format!("backup-{number}.db"));
            db.backup_to(&backup).await.unwrap();
            assert_eq!(mode(&backup), 0o600);
            let copy = Db::open(&Config::Sqlite { path: backup }).await.unwrap();
            let names = names(&copy).await;
            let lefts = names.iter().filter(|name| name.ends_with("-left")).count();
            assert_eq!(names.len(), 2 * lefts);
            copy.close().await;
        }
        writer.await.unwrap();
        let existing = path.with_file_name("backup-0.db");
        let before = std::fs::read(&existing).unwrap();
        let error = db.backup_to(&existing).await.unwrap_err();
        assert!(matches!(error, Error::Backup { .. }), "{error:?}");
        assert_eq!(std::fs::read(&existing).unwrap(), before);
        db.close().await;
        let files = files_in(path.parent().unwrap());
        assert_eq!(files.len(), 6, "{files:?}");
    });
}

/// Commits that never pause do not let the log grow for ever.
#[test]
fn the_log_is_moved_into_the_file() {
    run(async {
        let (database, path) = file();
        let db = open(&database).await;
        let megabyte = std::sync::Arc::new(vec![7_u8; 1 << 20]);
        for number in 0..200 {
            let megabyte = std::sync::Arc::clone(&megabyte);
            let put = db.write(move |tx| {
                let megabyte = std::sync::Arc::clone(&megabyte);
                Box::pin(async move {
                    tx.execute(&crate::support::PUT, &[format!("{number}").into(), megabyte.as_slice().into()]).await
                })
            });
            put.await.unwrap();
        }
        let log = std::fs::metadata(path.with_file_name("garrison.db-wal")).unwrap().len();
        assert!(log < 100 << 20, "{log}");
        drop(database);
    });
}
