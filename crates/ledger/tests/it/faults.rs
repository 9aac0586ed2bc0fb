use db::{Db, Faults};
use ledger::{
    audit::{self, Record},
    jobs::{self, Context, JobError, Kind, NewJob, Outcome, Runner, State},
};
use testkit::Database;

use crate::{
    jobs::{due_now, eventually, show},
    support::{open_with_faults, sealer, write_records},
};

const COLLECT: Kind = Kind::new("collect");

/// The change, its record and the job that it causes.
async fn change(db: &Db) -> Result<i64, db::Error> {
    db.write(|tx| {
        Box::pin(async move {
            audit::record(tx, Record::allowed("user:ann", "manifest.push", "team/web")).await?;
            jobs::enqueue(tx, &NewJob::new(COLLECT, &()).expect("nothing serializes")).await
        })
    })
    .await
}

async fn counts(db: &Db) -> (usize, usize) {
    db.read(|tx| {
        Box::pin(async move {
            let records = audit::list(tx, &audit::Filter::default(), None, 1000).await?.entries.len();
            Ok::<_, db::Error>((records, jobs::list(tx, &jobs::Filter::default(), None, 1000).await?.len()))
        })
    })
    .await
    .unwrap()
}

testkit::on_both_databases! {
    async fn record_and_job_are_there_together_or_not_at_all(database: Database) {
        let (db, faults) = open_with_faults(&database).await;
        faults.count();
        change(&db).await.unwrap();
        for n in 1..=faults.operations() {
            let (before, _) = counts(&db).await;
            faults.fail_at(n);
            assert!(change(&db).await.is_err());
            faults.disarm();
            assert_eq!(counts(&db).await, (before, before), "operation {n}");
        }
    }

    async fn sealing_that_fails_anywhere_goes_on_and_leaves_a_whole_log(database: Database) {
        let (db, faults) = open_with_faults(&database).await;
        let sealer = sealer(&db, "one");
        write_records(&db, 0..3).await;
        faults.count();
        sealer.seal_once().await.unwrap();
        let operations = faults.operations();
        let mut size = 3;
        // Each operation fails in turn; of the last one, the commit, also only the answer is lost.
        let failures = (1..=operations).map(|n| (Faults::fail_at as fn(&Faults, u64), n));
        for (arm, n) in failures.chain([(Faults::lose_answer_at as fn(&Faults, u64), operations)]) {
            write_records(&db, 0..3).await;
            size += 3;
            arm(&faults, n);
            assert!(sealer.seal_once().await.is_err(), "operation {n}");
            faults.disarm();
            sealer.seal_all().await.unwrap();
            let report = audit::verify(&db, &crate::verify::against(&[])).await.unwrap();
            assert_eq!((report.size, report.unsealed, report.problems), (size, 0, vec![]), "operation {n}");
        }
    }

    async fn a_job_is_done_whichever_operation_fails(database: Database) {
        let (db, faults) = open_with_faults(&database).await;
        let handler = |context: Context| {
            let work: db::BoxFuture<'static, Result<Outcome, JobError>> = Box::pin(async move {
                context
                    .commit(|tx| {
                        Box::pin(async move {
                            audit::record(tx, Record::allowed("system", "collect", "all")).await?;
                            Ok::<_, JobError>(())
                        })
                    })
                    .await?;
                Ok(Outcome::Done)
            });
            work
        };
        let mut effects = 0;
        for n in 1..=16 {
            let job = db
                .write(|tx| {
                    Box::pin(async move { jobs::enqueue(tx, &NewJob::new(COLLECT, &()).expect("nothing serializes")).await })
                })
                .await
                .unwrap();
            faults.fail_at(n);
            let runner = Runner::new(db.clone(), "one").handler(COLLECT, handler);
            let notifier = runner.notifier();
            let handle = runner.start();
            eventually(async || {
                notifier.notify();
                faults.operations() >= n
            })
            .await;
            faults.disarm();
            eventually(async || {
                notifier.notify();
                // A failed attempt waits for its next one.
                due_now(&db, job).await;
                show(&db, job).await.state == State::Done
            })
            .await;
            handle.drain(std::time::Duration::from_secs(30)).await;
            effects += 1;
            let (records, _) = counts(&db).await;
            assert_eq!(records, effects, "operation {n}: what a job commits is there once");
        }
    }
}
