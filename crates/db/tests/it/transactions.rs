use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use garrison_db::{Db, Error};
use testkit::Database;
use tokio::task::JoinSet;

use crate::support::{
    ADD_PROJECT, GET, GET_COUNTER, MAKE_COUNTER, NAMES, SET_COUNTER, names, open, put, put_in, texts,
};

/// An error of a caller, beside those of the database.
#[derive(Debug, thiserror::Error)]
enum CallerError {
    #[error("changed its mind")]
    ChangedMind,
    #[error(transparent)]
    Db(#[from] Error),
}

async fn increment(db: &Db) -> Result<(), Error> {
    db.write(|tx| {
        Box::pin(async move {
            let row = tx.find(&GET_COUNTER, &[]).await?.ok_or(Error::Closed)?;
            let count: i64 = row.get(0)?;
            tx.execute(&SET_COUNTER, &[(count + 1).into()]).await?;
            Ok(())
        })
    })
    .await
}

async fn counter(db: &Db) -> i64 {
    let row = db.read(|tx| Box::pin(async move { tx.find(&GET_COUNTER, &[]).await })).await.unwrap();
    row.unwrap().get(0).unwrap()
}

async fn make_counter(db: &Db) {
    db.write(|tx| Box::pin(async move { tx.execute(&MAKE_COUNTER, &[]).await })).await.unwrap();
}

testkit::on_both_databases! {
    async fn an_error_of_the_body_rolls_back(database: Database) {
        let db = open(&database).await;
        let changed_mind: Result<(), _> = db
            .write(|tx| {
                Box::pin(async move {
                    put_in(tx, "a").await?;
                    Err(CallerError::ChangedMind)
                })
            })
            .await;
        assert!(matches!(changed_mind, Err(CallerError::ChangedMind)));
        assert!(names(&db).await.is_empty());
    }

    async fn a_taken_key_is_a_conflict_and_rolls_back(database: Database) {
        let db = open(&database).await;
        put(&db, "a").await.unwrap();
        let taken: Result<(), CallerError> = db
            .write(|tx| {
                Box::pin(async move {
                    put_in(tx, "b").await?;
                    put_in(tx, "a").await?;
                    Ok(())
                })
            })
            .await;
        let Err(CallerError::Db(error)) = taken else { panic!("{taken:?}") };
        assert!(error.is_conflict(), "{error:?}");
        assert_eq!(error.to_string(), "statement `PUT` met a row that is already there");
        // A unique column beside the primary key.
        let add = || db.write(|tx| Box::pin(async move { tx.execute(&ADD_PROJECT, &["p".into(), 0.into()]).await }));
        assert_eq!(add().await.unwrap(), 1);
        assert!(add().await.unwrap_err().is_conflict());
        assert_eq!(names(&db).await, ["a"]);
    }

    /// A body that goes on after a failed statement does the same on both: nothing.
    async fn a_failed_statement_ends_the_transaction(database: Database) {
        let db = open(&database).await;
        put(&db, "a").await.unwrap();
        let ignoring: Result<&str, Error> = db
            .write(|tx| {
                Box::pin(async move {
                    put_in(tx, "b").await?;
                    assert!(put_in(tx, "a").await.unwrap_err().is_conflict());
                    assert!(put_in(tx, "c").await.unwrap_err().is_conflict());
                    assert!(tx.query(&NAMES, &[]).await.unwrap_err().is_conflict());
                    Ok("all is well")
                })
            })
            .await;
        assert!(ignoring.unwrap_err().is_conflict());
        assert_eq!(names(&db).await, ["a"]);
    }

    async fn a_panic_is_one_writes_own(database: Database) {
        let db = open(&database).await;
        let mut writes = JoinSet::new();
        for number in 0..20 {
            let db = db.clone();
            writes.spawn(async move {
                let outcome: Result<(), Error> = db
                    .write(move |tx| {
                        assert!(number != 3, "before the future");
                        Box::pin(async move {
                            put_in(tx, &format!("{number:02}")).await?;
                            assert!(number % 5 != 0, "write {number} gives up");
                            Ok(())
                        })
                    })
                    .await;
                (number, outcome)
            });
        }
        for (number, outcome) in writes.join_all().await {
            let expected = match number {
                3 => Err("transaction body panicked: before the future".to_owned()),
                0 | 5 | 10 | 15 => Err(format!("transaction body panicked: write {number} gives up")),
                _ => Ok(()),
            };
            assert_eq!(outcome.map_err(|error| error.to_string()), expected);
        }
        assert_eq!(names(&db).await.len(), 15);
        let read: Result<(), Error> = db.read(|_| Box::pin(async { panic!("while reading") })).await;
        assert_eq!(read.unwrap_err().to_string(), "transaction body panicked: while reading");
        assert_eq!(names(&db).await.len(), 15);
    }

    async fn a_dropped_caller_does_not_lose_its_write(database: Database) {
        let db = open(&database).await;
        for number in 0..20 {
            let name = format!("{number:02}");
            let mut write = Box::pin(put(&db, &name));
            // Polled once: handed over, not answered.
            let _pending = futures_util::poll!(&mut write);
            drop(write);
        }
        let watched = db.clone();
        db.close().await;
        assert!(matches!(put(&watched, "late").await, Err(Error::Closed)));
        assert_eq!(names(&open(&database).await).await.len(), 20);
    }

    async fn a_write_is_seen_by_the_next_read(database: Database) {
        let db = open(&database).await;
        for number in 0..50 {
            let name = format!("{number}");
            put(&db, &name).await.unwrap();
            let found = db.read(move |tx| Box::pin(async move { tx.find(&GET, &[name.into()]).await })).await;
            assert!(found.unwrap().is_some());
        }
    }

    async fn a_transaction_sees_what_it_wrote_and_nobody_else_does(database: Database) {
        let db = open(&database).await;
        let seen: Result<Vec<String>, Error> = db
            .write(|tx| {
                Box::pin(async move {
                    put_in(tx, "a").await?;
                    Ok(texts(&tx.query(&NAMES, &[]).await?))
                })
            })
            .await;
        assert_eq!(seen.unwrap(), ["a"]);
    }

    async fn a_read_changes_nothing(database: Database) {
        let db = open(&database).await;
        let written: Result<(), Error> = db.read(|tx| Box::pin(async move { put_in(tx, "a").await })).await;
        assert!(matches!(written, Err(Error::Statement { .. })), "{written:?}");
        assert!(names(&db).await.is_empty());
        put(&db, "a").await.unwrap();
    }

    async fn concurrent_increments_are_all_counted(database: Database) {
        let db = open(&database).await;
        make_counter(&db).await;
        let mut tasks = JoinSet::new();
        for _ in 0..8 {
            let db = db.clone();
            tasks.spawn(async move {
                for _ in 0..10 {
                    increment(&db).await.unwrap();
                }
            });
        }
        tasks.join_all().await;
        assert_eq!(counter(&db).await, 80);
    }

    /// Two bodies that look and then insert: exactly one inserts, the other sees it. Never both, never a conflict.
    async fn looking_before_inserting_is_safe(database: Database) {
        let db = open(&database).await;
        let attempts = Arc::new(AtomicU32::new(0));
        for round in 0..10 {
            let mut tasks = JoinSet::new();
            for _ in 0..4 {
                let (db, attempts) = (db.clone(), Arc::clone(&attempts));
                tasks.spawn(async move {
                    db.write(move |tx| {
                        attempts.fetch_add(1, Ordering::Relaxed);
                        Box::pin(async move {
                            let name = format!("{round}");
                            if tx.find(&GET, &[name.as_str().into()]).await?.is_some() {
                                return Ok::<_, Error>(0);
                            }
                            put_in(tx, &name).await?;
                            Ok(1)
                        })
                    })
                    .await
                    .unwrap()
                });
            }
            assert_eq!(tasks.join_all().await.into_iter().sum::<i32>(), 1);
        }
        assert!(attempts.load(Ordering::Relaxed) >= 40);
    }

    async fn closing_waits_and_then_refuses(database: Database) {
        let db = open(&database).await;
        let mut writes = JoinSet::new();
        for number in 0..100 {
            let db = db.clone();
            writes.spawn(async move { put(&db, &format!("{number}")).await });
        }
        tokio::task::yield_now().await;
        let (one, other) = (db.clone(), db.clone());
        tokio::join!(one.close(), other.close());
        let outcomes = writes.join_all().await;
        let kept = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Ok(()) | Err(Error::Closed))));
        assert!(matches!(put(&db, "late").await, Err(Error::Closed)));
        let read: Result<(), Error> = db.read(|_| Box::pin(async { Ok(()) })).await;
        assert!(matches!(read, Err(Error::Closed)));
        assert_eq!(names(&open(&database).await).await.len(), kept);
    }

    async fn metrics_count_what_was_done(database: Database) {
        let db = open(&database).await;
        put(&db, "a").await.unwrap();
        assert!(put(&db, "a").await.unwrap_err().is_conflict());
        names(&db).await;
        let metrics = db.metrics();
        assert_eq!((metrics.writes, metrics.commits, metrics.group_size_max), (2, 1, 1));
        // A read is answered before its connection is back in the pool.
        assert!(metrics.reads == 1 && metrics.queue_depth <= 1, "{metrics:?}");
        assert_eq!(db.is_embedded(), database.name() == "sqlite");
    }
}
