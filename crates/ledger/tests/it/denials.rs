use ledger::audit::{self, DENIALS_MAX, Denials, Filter, LIST_MAX};
use testkit::Database;

use crate::support::{open, open_with_faults};

const MINUTE_US: i64 = 60_000_000;

/// What was written, oldest first: actor, resource, count and minute.
async fn written(db: &db::Db) -> Vec<(String, String, i64, i64)> {
    let page =
        db.read(|tx| Box::pin(async move { audit::list(tx, &Filter::default(), None, LIST_MAX).await })).await.unwrap();
    let entries = page.entries.into_iter().rev();
    entries.map(|entry| (entry.actor, entry.resource, entry.count, entry.recorded_at_us / MINUTE_US)).collect()
}

fn row(actor: &str, resource: &str, count: i64, minute: i64) -> (String, String, i64, i64) {
    (actor.to_owned(), resource.to_owned(), count, minute)
}

testkit::on_both_databases! {
    async fn denials_are_counted_by_the_minute(database: Database) {
        let db = open(&database).await;
        let denials = Denials::new();
        for (actor, resource, now_us) in [
            ("user:ann", "team/web", 0),
            ("user:ann", "team/web", MINUTE_US - 1),
            ("user:bob", "team/web", 5),
            ("user:ann", "team/web", MINUTE_US),
        ] {
            denials.count(actor, "manifest.push", resource, now_us);
        }
        assert_eq!(denials.flush(&db, MINUTE_US - 1).await.unwrap(), 0);
        assert_eq!(denials.flush(&db, MINUTE_US).await.unwrap(), 2);
        assert_eq!(denials.flush(&db, MINUTE_US).await.unwrap(), 0);
        let first = [row("user:ann", "team/web", 2, 0), row("user:bob", "team/web", 1, 0)];
        assert_eq!(written(&db).await, first);
        assert_eq!(denials.drain(&db).await.unwrap(), 1);
        assert_eq!(written(&db).await[2..], [row("user:ann", "team/web", 1, 1)]);
    }

    async fn too_many_different_denials_share_one_record(database: Database) {
        let db = open(&database).await;
        for (count, others) in [(DENIALS_MAX - 1, None), (DENIALS_MAX, None), (DENIALS_MAX + 3, Some(3))] {
            let denials = Denials::new();
            for number in 0..count {
                denials.count("anonymous", "blob.read", &format!("r{number}"), 0);
            }
            let expected = count - others.map_or(0, |others| others - 1);
            assert_eq!(denials.drain(&db).await.unwrap(), expected);
            let last = written(&db).await.pop();
            match others {
                Some(others) => assert_eq!(last, Some(row("others", "*", i64::try_from(others).unwrap(), 0))),
                None => assert_eq!(last.map(|row| row.0), Some("anonymous".to_owned())),
            }
        }
    }

    async fn common_counts_are_bounded_while_nothing_is_written(database: Database) {
        let db = open(&database).await;
        let denials = Denials::new();
        for number in 0..DENIALS_MAX {
            denials.count("anonymous", "blob.read", &format!("r{number}"), 0);
        }
        for minute in 0..100 {
            denials.count("anonymous", "blob.read", "one more", minute * MINUTE_US);
        }
        assert_eq!(denials.drain(&db).await.unwrap(), DENIALS_MAX + 60);
        assert_eq!(written(&db).await.pop(), Some(row("others", "*", 41, 59)));
    }

    /// Whatever fails, even a commit whose answer is lost: each denial is counted once.
    async fn a_failed_flush_loses_and_doubles_nothing(database: Database) {
        let (db, faults) = open_with_faults(&database).await;
        let denials = Denials::new();
        faults.count();
        denials.count("user:ann", "manifest.push", "r0", 0);
        assert_eq!(denials.drain(&db).await.unwrap(), 1);
        let operations = faults.operations();
        let mut expected = vec![row("user:ann", "r0", 1, 0)];
        for n in 1..=operations {
            for arm in [db::Faults::fail_at, db::Faults::lose_answer_at] {
                let resource = format!("r{}", expected.len());
                denials.count("user:ann", "manifest.push", &resource, 0);
                arm(&faults, n);
                assert!(denials.drain(&db).await.is_err());
                faults.disarm();
                denials.drain(&db).await.unwrap();
                expected.push(row("user:ann", &resource, 1, 0));
                assert_eq!(written(&db).await, expected, "operation {n}");
            }
        }
    }
}
