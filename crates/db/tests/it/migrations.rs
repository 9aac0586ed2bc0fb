use garrison_db::{Db, Error, statements};
use testkit::Database;
use tokio::task::JoinSet;

use crate::support::{config, names, open, put};

statements! {
    /// Pretends that a newer release was here.
    ADD_VERSION = "INSERT INTO migrations (version, checksum, applied_at_us) VALUES ($1, 'future', 0)";
    /// Pretends that a step was another.
    CHANGE = "UPDATE migrations SET checksum = 'other' WHERE version = 1";
    /// What was done.
    VERSIONS = "SELECT version FROM migrations ORDER BY version";
}

/// Returns the steps that a database has had.
async fn versions(db: &Db) -> Vec<i64> {
    let rows = db.read(|tx| Box::pin(async move { tx.query(&VERSIONS, &[]).await })).await.unwrap();
    rows.iter().map(|row| row.get(0).unwrap()).collect()
}

testkit::on_both_databases! {
    async fn racing_openers_all_succeed_and_migrate_once(database: Database) {
        let mut openers = JoinSet::new();
        for number in 0..6 {
            let config = config(&database);
            openers.spawn(async move {
                let db = Db::open(&config).await.unwrap();
                put(&db, &format!("{number}")).await.unwrap();
                db.close().await;
            });
        }
        openers.join_all().await;
        let db = open(&database).await;
        let versions = versions(&db).await;
        assert!(versions.len() > 1 && (1..).zip(&versions).all(|(step, version)| step == *version), "{versions:?}");
        assert_eq!(names(&db).await.len(), 6);
    }

    async fn a_newer_database_is_refused(database: Database) {
        let db = open(&database).await;
        let newest = *versions(&db).await.last().unwrap();
        let newer = newest + 2;
        db.write(move |tx| Box::pin(async move { tx.execute(&ADD_VERSION, &[newer.into()]).await })).await.unwrap();
        db.close().await;
        let error = Db::open(&config(&database)).await.unwrap_err();
        let expected = format!("database is at version {newer}, this Garrison knows up to {newest}");
        assert_eq!(error.to_string(), expected);
        assert_eq!(error.hint(), Some("run the newer Garrison or restore a backup"));
        assert!(!error.is_retryable());
    }

    async fn a_changed_step_is_refused(database: Database) {
        let db = open(&database).await;
        db.write(|tx| Box::pin(async move { tx.execute(&CHANGE, &[]).await })).await.unwrap();
        db.close().await;
        let error = Db::open(&config(&database)).await.unwrap_err();
        assert!(matches!(error, Error::ChangedMigration { version: 1 }), "{error:?}");
    }
}
