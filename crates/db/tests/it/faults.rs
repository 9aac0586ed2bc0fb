use garrison_db::{Db, Error, Faults};
use testkit::Database;

use crate::support::{config, names, open, open_with_faults, put_in};

/// A write of two rows that belong together.
async fn put_pair(db: &Db, number: u64) -> Result<(), Error> {
    db.write(move |tx| {
        Box::pin(async move {
            put_in(tx, &format!("{number}-left")).await?;
            put_in(tx, &format!("{number}-right")).await
        })
    })
    .await
}

testkit::on_both_databases! {
    async fn a_write_fails_whole_at_every_operation(database: Database) {
        let (db, faults) = open_with_faults(&database).await;
        faults.count();
        put_pair(&db, 0).await.unwrap();
        let operations = faults.operations();
        assert_eq!(operations, 4, "begin, two statements, commit");
        for n in 1..=operations {
            faults.fail_at(n);
            let failed = put_pair(&db, n).await;
            faults.disarm();
            assert!(matches!(failed, Err(Error::Injected { operation }) if operation == n), "{failed:?}");
            assert_eq!(names(&db).await, ["0-left", "0-right"], "operation {n}");
        }
        faults.fail_at(operations + 1);
        put_pair(&db, 1).await.unwrap();
    }

    /// A lost answer to a commit is an error whose change is there.
    async fn a_lost_answer_is_an_error(database: Database) {
        let (db, faults) = open_with_faults(&database).await;
        for n in 1..=4 {
            faults.lose_answer_at(n);
            let failed = put_pair(&db, n).await;
            faults.disarm();
            assert!(matches!(failed, Err(Error::Injected { .. })), "{failed:?}");
        }
        assert_eq!(names(&db).await, ["4-left", "4-right"]);
    }

    async fn a_read_can_fail_too(database: Database) {
        let (db, faults) = open_with_faults(&database).await;
        for n in 1..=2 {
            faults.fail_at(n);
            let failed: Result<(), Error> =
                db.read(|tx| Box::pin(async move { tx.find(&crate::support::GET, &["a".into()]).await.map(drop) })).await;
            assert!(matches!(failed, Err(Error::Injected { .. })), "{failed:?}");
        }
        faults.disarm();
        assert!(names(&db).await.is_empty());
    }

    /// A read whose begin happened but was answered with an error leaves no transaction behind for the next read.
    async fn a_read_whose_begin_lost_its_answer_spoils_no_later_read(database: Database) {
        let (db, faults) = open_with_faults(&database).await;
        for _ in 0..16 {
            faults.lose_answer_at(1);
            let failed: Result<(), Error> =
                db.read(|tx| Box::pin(async move { tx.find(&crate::support::GET, &["a".into()]).await.map(drop) })).await;
            assert!(matches!(failed, Err(Error::Injected { .. })), "{failed:?}");
        }
        faults.disarm();
        for _ in 0..16 {
            assert!(names(&db).await.is_empty());
        }
    }

    /// Opening is stopped at each operation in turn; the next attempt finishes what there is to do.
    async fn a_migration_stopped_anywhere_is_finished_by_the_next(database: Database) {
        let config = config(&database);
        let mut n = 1;
        loop {
            let faults = Faults::none();
            faults.fail_at(n);
            let opened = Db::open_with_faults(&config, faults).await;
            match opened {
                // Where one step more or less makes the next operation the one that fails, that is no longer the migration's.
                Ok(db) => break db.close().await,
                Err(Error::Injected { .. } | Error::Migration { .. }) => n += 1,
                Err(error) => panic!("operation {n}: {error:?}"),
            }
        }
        assert!(n > 6, "{n}");
        assert!(names(&open(&database).await).await.is_empty());
    }
}
