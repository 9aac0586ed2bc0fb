use std::{fs, path::Path, time::Duration};

use ledger::audit::{
    self, ENCODING_VERSION, Entry, Filter, LIST_MAX, Outcome, Page, Record, Sealed, Sealer, encode, read_heads_file,
};
use testkit::Database;
use translog::{Checkpoint, Note};

use crate::support::{ORIGIN, open, run, sealer, signer, write_records, write_sealed};

db::statements! {
    /// The role stays with whoever has it, however slow the test is.
    KEEP_ROLE = "UPDATE leases SET expires_at_us = 9000000000000000 WHERE name = 'audit-sealer'";
}

async fn list(db: &db::Db, filter: Filter, before: Option<i64>, limit: u32) -> Page {
    db.read(move |tx| Box::pin(async move { audit::list(tx, &filter, before, limit).await })).await.unwrap()
}

fn sequences(page: &Page) -> Vec<Option<u64>> {
    page.entries.iter().map(|entry| entry.sequence).collect()
}

/// The bytes that leaves are hashed from never change under one version.
#[test]
fn encoding_is_the_golden_one() {
    let entry = |id, actor: &str, detail: &str| Entry {
        id,
        sequence: None,
        recorded_at_us: 1_700_000_000_000_000,
        actor: actor.to_owned(),
        action: "manifest.push".to_owned(),
        resource: "team/web:1.0".to_owned(),
        outcome: "allowed".to_owned(),
        count: 1,
        detail: detail.to_owned(),
    };
    let cases = [
        ("plain", 0, entry(1, "user:ann", "{}")),
        ("unicode", u64::MAX >> 1, entry(i64::MAX, "user:änn", r#"{"digest":"sha256:00","tags":["a","b"]}"#)),
        ("empty", 7, Entry { actor: String::new(), count: -1, recorded_at_us: i64::MIN, ..entry(-1, "", "") }),
    ];
    for (name, sequence, entry) in cases {
        let path = format!("tests/golden/audit_record.v{ENCODING_VERSION}.{name}.hex");
        let golden = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(&path)).unwrap_or_default();
        assert_eq!(hex::encode(encode(&entry, sequence)), golden.trim_end(), "{path}");
    }
}

testkit::on_both_databases! {
    async fn records_are_numbered_in_order_and_the_head_is_signed(database: Database) {
        let db = open(&database).await;
        let sealer = sealer(&db, "one");
        assert_eq!(sealer.seal_once().await.unwrap(), Sealed::Nothing);
        write_records(&db, 0..3).await;
        let page = list(&db, Filter::default(), None, 10).await;
        assert_eq!(sequences(&page), [None, None, None]);
        assert_eq!(sealer.seal_once().await.unwrap(), Sealed::Records(3));
        assert_eq!(sealer.seal_once().await.unwrap(), Sealed::Nothing);
        let page = list(&db, Filter::default(), None, 10).await;
        assert_eq!(sequences(&page), [Some(2), Some(1), Some(0)]);
        assert_eq!(page.entries[0].detail, r#"{"number":2}"#);
        let head = db.read(|tx| Box::pin(audit::latest_head(tx))).await.unwrap().unwrap();
        let note = Note::parse(&head).unwrap();
        note.verify(&[signer(1).key().clone()]).unwrap();
        let checkpoint = Checkpoint::parse(note.text()).unwrap();
        assert_eq!((checkpoint.origin(), checkpoint.size()), (ORIGIN, 3));
    }

    async fn a_large_backlog_is_sealed_in_batches(database: Database) {
        let db = open(&database).await;
        write_records(&db, 0..1500).await;
        assert_eq!(sealer(&db, "one").seal_all().await.unwrap(), Sealed::Records(1500));
        let report = audit::verify(&db, &crate::verify::against(&[])).await.unwrap();
        assert_eq!((report.size, report.heads, report.problems), (1500, 3, vec![]));
    }

    async fn one_sealer_works_and_the_other_takes_over(database: Database) {
        let db = open(&database).await;
        let (one, two) = (sealer(&db, "one"), sealer(&db, "two"));
        write_records(&db, 0..1).await;
        assert_eq!(one.seal_once().await.unwrap(), Sealed::Records(1));
        assert_eq!(run(&db, &KEEP_ROLE, vec![]).await, 1);
        write_records(&db, 1..2).await;
        assert_eq!(two.seal_once().await.unwrap(), Sealed::HeldElsewhere);
        assert_eq!(one.seal_once().await.unwrap(), Sealed::Records(1));
        // Stopping gives the role up at once.
        one.start().stop().await;
        write_records(&db, 2..3).await;
        assert_eq!(two.seal_once().await.unwrap(), Sealed::Records(1));
        assert!(audit::verify(&db, &crate::verify::against(&[])).await.unwrap().is_ok());
    }

    async fn sealers_at_once_leave_one_dense_log(database: Database) {
        let db = open(&database).await;
        let mut tasks = tokio::task::JoinSet::new();
        for owner in ["one", "two", "one"] {
            let (db, sealer) = (db.clone(), sealer(&db, owner));
            tasks.spawn(async move {
                for _ in 0..10 {
                    write_records(&db, 0..5).await;
                    sealer.seal_all().await.unwrap();
                }
            });
        }
        tasks.join_all().await;
        let _ = sealer(&db, "one").seal_all().await.unwrap();
        let _ = sealer(&db, "two").seal_all().await.unwrap();
        let report = audit::verify(&db, &crate::verify::against(&[])).await.unwrap();
        assert_eq!((report.size, report.unsealed, report.problems), (150, 0, vec![]));
    }

    async fn a_started_sealer_seals_what_it_is_told_of_and_writes_heads_out(database: Database) {
        let db = open(&database).await;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit-heads");
        let handle = sealer(&db, "one").heads_file(path.clone()).start();
        write_records(&db, 0..2).await;
        handle.notify();
        let sealed = async {
            while list(&db, Filter::default(), None, 1).await.entries[0].sequence.is_none() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), sealed).await.unwrap();
        write_records(&db, 2..4).await;
        handle.stop().await;
        let heads = read_heads_file(&path).unwrap();
        let last = Checkpoint::parse(Note::parse(heads.last().unwrap()).unwrap().text()).unwrap();
        assert_eq!(last.size(), 4);
    }

    async fn a_damaged_head_is_not_built_upon(database: Database) {
        let db = open(&database).await;
        write_sealed(&db, &[2]).await;
        crate::verify::tamper(&db, &crate::verify::SET_FRONTIER, vec![vec![1_u8, 0, 0, 0, 0, 0, 0, 0, 0].into(), 2.into()]).await;
        write_records(&db, 2..3).await;
        let error = sealer(&db, "one").seal_once().await.unwrap_err();
        assert_eq!(error.to_string(), "the newest audit head (size 2) is damaged");
    }

    async fn pages_are_filtered_and_follow_each_other(database: Database) {
        let db = open(&database).await;
        db.write(|tx| {
            Box::pin(async move {
                for number in 0..6 {
                    let actor = if number % 2 == 0 { "user:ann" } else { "robot:ci" };
                    let action = ["manifest.push", "manifest.delete", "tag.create"][number % 3];
                    let outcome = if number == 5 { Outcome::Failed } else { Outcome::Allowed };
                    audit::record(tx, Record::new(actor, action, &format!("r{number}"), outcome)).await?;
                }
                Ok::<_, db::Error>(())
            })
        })
        .await
        .unwrap();
        let all = list(&db, Filter::default(), None, LIST_MAX).await;
        let resources = |page: &Page| page.entries.iter().map(|entry| entry.resource.clone()).collect::<Vec<_>>().join(" ");
        assert_eq!(resources(&all), "r5 r4 r3 r2 r1 r0");
        assert_eq!(all.next, None);
        let first = list(&db, Filter::default(), None, 4).await;
        let second = list(&db, Filter::default(), first.next, 4).await;
        assert_eq!((resources(&first), resources(&second), second.next), ("r5 r4 r3 r2".into(), "r1 r0".into(), None));
        let now_us = all.entries[0].recorded_at_us;
        let cases = [
            (Filter { actor: Some("user:ann".into()), ..Filter::default() }, "r4 r2 r0"),
            (Filter { action_prefix: Some("manifest.".into()), ..Filter::default() }, "r4 r3 r1 r0"),
            (Filter { action_prefix: Some("manifest.push".into()), ..Filter::default() }, "r3 r0"),
            (Filter { resource: Some("r1".into()), ..Filter::default() }, "r1"),
            (Filter { outcome: Some(Outcome::Failed), ..Filter::default() }, "r5"),
            (Filter { outcome: Some(Outcome::Denied), ..Filter::default() }, ""),
            (Filter { from_us: Some(now_us), until_us: Some(now_us + 1), ..Filter::default() }, "r5 r4 r3 r2 r1 r0"),
            (Filter { until_us: Some(now_us), ..Filter::default() }, ""),
            (Filter { from_us: Some(now_us + 1), ..Filter::default() }, ""),
        ];
        for (filter, expected) in cases {
            assert_eq!(resources(&list(&db, filter.clone(), None, 10).await), expected, "{filter:?}");
        }
    }

    /// A signer that is rotated counts with the next head.
    async fn a_rotated_key_signs_the_next_head(database: Database) {
        let db = open(&database).await;
        write_sealed(&db, &[2]).await;
        write_records(&db, 2..3).await;
        let rotated = Sealer::new(db.clone(), "one", ORIGIN, || signer(2));
        assert_eq!(rotated.seal_once().await.unwrap(), Sealed::Records(1));
        let mut verification = crate::verify::against(&[]);
        assert!(!audit::verify(&db, &verification).await.unwrap().is_ok());
        verification.keys.push(signer(2).key().clone());
        assert!(audit::verify(&db, &verification).await.unwrap().is_ok());
    }
}
