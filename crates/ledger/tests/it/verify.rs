use db::{Db, Statement, Value};
use ledger::audit::{self, KeptHead, PROBLEMS_MAX, Report, Sealer, Verification, encode};
use testkit::Database;
use translog::{Checkpoint, Frontier, Note, leaf_hash};

use crate::support::{ORIGIN, open, run, sealer, signer, write_records, write_sealed};

db::statements! {
    SET_FRONTIER = "UPDATE audit_heads SET frontier = $1 WHERE size = $2";
    SET_RESOURCE = "UPDATE audit_records SET resource = $1 WHERE sequence = $2";
    SET_ACTION = "UPDATE audit_records SET action = $1 WHERE sequence = $2";
    SET_TIME = "UPDATE audit_records SET recorded_at_us = $1 WHERE sequence = $2";
    SET_COUNT = "UPDATE audit_records SET count = $1 WHERE sequence = $2";
    SET_SEQUENCE = "UPDATE audit_records SET sequence = $1 WHERE sequence = $2";
    NUMBER = "UPDATE audit_records SET sequence = $1 WHERE sequence IS NULL";
    RENUMBER = "UPDATE audit_records SET sequence = $1 WHERE sequence >= 10 OR sequence < 0";
    SET_LEAF = "UPDATE audit_leaves SET leaf_hash = $1 WHERE sequence = $2";
    DELETE_RECORDS = "DELETE FROM audit_records WHERE sequence >= $1 AND sequence < $2";
    DELETE_LEAVES = "DELETE FROM audit_leaves WHERE sequence >= $1 AND sequence < $2";
    DELETE_HEADS = "DELETE FROM audit_heads WHERE size > $1";
    SET_CHECKPOINT = "UPDATE audit_heads SET checkpoint = $1 WHERE size = $2";
    SET_ROOT = "UPDATE audit_heads SET root_hash = $1 WHERE size = $2";
    UNSEAL = "UPDATE audit_records SET sequence = NULL WHERE sequence >= $1";
}

pub(crate) fn against(kept: &[&str]) -> Verification {
    let kept = kept.iter().map(|note| KeptHead { source: "kept head".into(), note: (*note).to_owned() }).collect();
    Verification { origin: ORIGIN.into(), keys: vec![signer(1).key().clone()], kept }
}

pub(crate) async fn tamper(db: &Db, statement: &'static Statement, params: Vec<Value>) {
    assert!(run(db, statement, params).await > 0, "{} changed nothing", statement.name());
}

async fn problems(db: &Db, kept: &[&str]) -> Vec<String> {
    texts(&audit::verify(db, &against(kept)).await.unwrap())
}

fn texts(report: &Report) -> Vec<String> {
    report.problems.iter().map(ToString::to_string).collect()
}

/// A key's identifier as the report has it.
fn id(seed: u8) -> String {
    hex::encode(signer(seed).key().key_id())
}

async fn head(db: &Db) -> String {
    db.read(|tx| Box::pin(audit::latest_head(tx))).await.unwrap().unwrap()
}

/// Ten records under heads of 4 and 10.
async fn prepared(database: &Database) -> Db {
    let db = open(database).await;
    write_sealed(&db, &[4, 6]).await;
    assert_eq!(problems(&db, &[]).await, Vec::<String>::new());
    db
}

testkit::on_both_databases! {
    async fn a_whole_log_verifies(database: Database) {
        let db = open(&database).await;
        let report = audit::verify(&db, &against(&[])).await.unwrap();
        assert_eq!((report.size, report.heads, report.is_ok()), (0, 0, true));
        write_sealed(&db, &[1, 2]).await;
        let kept = head(&db).await;
        write_records(&db, 3..1200).await;
        sealer(&db, "one").seal_all().await.unwrap();
        write_records(&db, 0..2).await;
        let report = audit::verify(&db, &against(&[&kept])).await.unwrap();
        assert_eq!((report.size, report.heads, report.kept_heads, report.unsealed), (1200, 5, 1, 2));
        assert_eq!(report.problems, []);
        let checkpoint = Checkpoint::parse(Note::parse(&head(&db).await).unwrap().text()).unwrap();
        assert_eq!(report.root, Some(*checkpoint.root()));
    }

    async fn an_edit_of_any_column_is_found(database: Database) {
        let db = prepared(&database).await;
        tamper(&db, &SET_RESOURCE, vec!["team/other".into(), 1.into()]).await;
        tamper(&db, &SET_ACTION, vec!["manifest.pull".into(), 5.into()]).await;
        tamper(&db, &SET_TIME, vec![0.into(), 6.into()]).await;
        tamper(&db, &SET_COUNT, vec![9.into(), 7.into()]).await;
        assert_eq!(problems(&db, &[]).await, ["record 1 (id 2) was changed: it does not give the hash that it was sealed with", "record 5 (id 6) was changed: it does not give the hash that it was sealed with", "record 6 (id 7) was changed: it does not give the hash that it was sealed with", "record 7 (id 8) was changed: it does not give the hash that it was sealed with"]);
    }

    async fn an_edit_with_its_leaf_is_found_at_the_next_head(database: Database) {
        let db = prepared(&database).await;
        tamper(&db, &SET_RESOURCE, vec!["team/other".into(), 5.into()]).await;
        let entry = db
            .read(|tx| Box::pin(async move { audit::list(tx, &audit::Filter::default(), None, 5).await }))
            .await
            .unwrap()
            .entries
            .pop()
            .unwrap();
        assert_eq!(entry.sequence, Some(5));
        tamper(&db, &SET_LEAF, vec![leaf_hash(&encode(&entry, 5)).as_bytes().into(), 5.into()]).await;
        assert_eq!(problems(&db, &[]).await, ["head 10: records up to 9 do not give its root; the last head that holds is 4"]);
    }

    async fn a_deletion_is_found(database: Database) {
        let db = prepared(&database).await;
        tamper(&db, &DELETE_RECORDS, vec![2.into(), 3.into()]).await;
        tamper(&db, &DELETE_LEAVES, vec![5.into(), 6.into()]).await;
        tamper(&db, &DELETE_RECORDS, vec![7.into(), 9.into()]).await;
        tamper(&db, &DELETE_LEAVES, vec![7.into(), 9.into()]).await;
        assert_eq!(problems(&db, &[]).await, ["record 2 (id 3) was deleted", "leaf 5 was deleted, or record 5 (id 6) was inserted", "records 7 to 8 are missing, and their hashes too"]);
    }

    async fn a_swap_is_found(database: Database) {
        let db = prepared(&database).await;
        for (to, from) in [(1000, 2), (2, 3), (3, 1000)] {
            tamper(&db, &SET_SEQUENCE, vec![to.into(), from.into()]).await;
        }
        assert_eq!(problems(&db, &[]).await.len(), 2);
        assert!(problems(&db, &[]).await.iter().all(|problem| problem.contains("was swapped")));
    }

    async fn a_record_numbered_by_hand_is_found(database: Database) {
        let db = prepared(&database).await;
        write_records(&db, 10..11).await;
        tamper(&db, &NUMBER, vec![10.into()]).await;
        assert_eq!(problems(&db, &[]).await, ["leaf 10 was deleted, or record 10 (id 11) was inserted", "records 10 to 10 are numbered, and no head commits to them"]);
        // A number far away costs no walk through all numbers before it.
        tamper(&db, &RENUMBER, vec![(i64::MAX - 1).into()]).await;
        assert_eq!(problems(&db, &[]).await, ["records 10 to 9223372036854775805 are missing, and their hashes too", "leaf 9223372036854775806 was deleted, or record 9223372036854775806 (id 11) was inserted", "records 10 to 9223372036854775806 are numbered, and no head commits to them"]);
        tamper(&db, &RENUMBER, vec![(-5).into()]).await;
        assert_eq!(problems(&db, &[]).await, ["1 records were inserted with a number below zero"]);
    }

    async fn a_cut_tail_is_found_by_the_heads(database: Database) {
        let db = prepared(&database).await;
        tamper(&db, &DELETE_RECORDS, vec![6.into(), 10.into()]).await;
        tamper(&db, &DELETE_LEAVES, vec![6.into(), 10.into()]).await;
        assert_eq!(problems(&db, &[]).await, ["the log was cut: head 10 commits to 10 records, there are 6"]);
    }

    async fn a_tail_cut_with_its_heads_is_found_by_a_kept_head(database: Database) {
        let db = prepared(&database).await;
        let kept = head(&db).await;
        tamper(&db, &DELETE_RECORDS, vec![4.into(), 10.into()]).await;
        tamper(&db, &DELETE_LEAVES, vec![4.into(), 10.into()]).await;
        tamper(&db, &DELETE_HEADS, vec![4.into()]).await;
        // Within the database nothing shows.
        assert_eq!(problems(&db, &[]).await, Vec::<String>::new());
        assert_eq!(problems(&db, &[&kept]).await, ["the log was cut: kept head commits to 10 records, there are 4"]);
    }

    async fn a_history_computed_anew_with_another_key_is_found(database: Database) {
        let db = prepared(&database).await;
        let kept = head(&db).await;
        rewrite(&db, 9).await;
        let found = problems(&db, &[&kept]).await;
        assert_eq!(found, [format!("head 10: note is signed by none of the trusted keys, but by `hub.example/audit` ({})", id(9)), "history was rewritten: kept head commits to another root of the first 10 records".to_owned()]);
        // Even if the keys are replaced too, a kept head tells.
        let mut verification = against(&[&kept]);
        verification.keys = vec![signer(9).key().clone()];
        let report = audit::verify(&db, &verification).await.unwrap();
        assert_eq!(texts(&report), [format!("kept head is not a head of this log: note is signed by none of the trusted keys, but by `hub.example/audit` ({})", id(1)), "history was rewritten: kept head commits to another root of the first 10 records".to_owned()]);
    }

    async fn a_history_computed_anew_with_the_same_key_is_found_by_a_kept_head(database: Database) {
        let db = prepared(&database).await;
        let kept = head(&db).await;
        rewrite(&db, 1).await;
        assert_eq!(problems(&db, &[]).await, Vec::<String>::new());
        assert_eq!(problems(&db, &[&kept]).await, ["history was rewritten: kept head commits to another root of the first 10 records"]);
    }

    async fn changed_heads_are_found(database: Database) {
        let db = prepared(&database).await;
        let note = Note::parse(&head(&db).await).unwrap().to_string();
        tamper(&db, &SET_CHECKPOINT, vec![note.replace("\n10\n", "\n9\n").into(), 4.into()]).await;
        tamper(&db, &SET_ROOT, vec![vec![0_u8; 32].into(), 10.into()]).await;
        assert_eq!(problems(&db, &[]).await, ["head 4 was changed: its note, root and frontier do not agree", "head 10 was changed: its note, root and frontier do not agree"]);
        tamper(&db, &DELETE_HEADS, vec![4.into()]).await;
        assert_eq!(problems(&db, &[]).await, ["head 4 was changed: its note, root and frontier do not agree", "records 4 to 9 are numbered, and no head commits to them"]);
    }

    async fn foreign_heads_are_found(database: Database) {
        let db = prepared(&database).await;
        let frontier = Frontier::new();
        let sign = |origin: &str, size, seed| {
            let checkpoint = Checkpoint::new(origin, size, frontier.root()).unwrap();
            Note::sign(&checkpoint.body(), &signer(seed)).unwrap().to_string()
        };
        let kept = ["rubbish".to_owned(), sign("other", 3, 1), sign(ORIGIN, 3, 1), sign(ORIGIN, 11, 2), sign(ORIGIN, 0, 1)];
        let kept: Vec<&str> = kept.iter().map(String::as_str).collect();
        assert_eq!(problems(&db, &kept).await, ["kept head is not a head of this log: note has no signature".to_owned(), "kept head is not a head of this log: it is of the log `other`".to_owned(), format!("kept head is not a head of this log: note is signed by none of the trusted keys, but by `hub.example/audit` ({})", id(2)), "the log was cut: kept head commits to 11 records, there are 10".to_owned(), "history was rewritten: kept head commits to another root of the first 3 records".to_owned()]);
    }

    async fn problems_are_bounded(database: Database) {
        let db = open(&database).await;
        let count = PROBLEMS_MAX as u64 + 2;
        write_sealed(&db, &[count]).await;
        for sequence in 0..count {
            tamper(&db, &SET_COUNT, vec![5.into(), sequence.try_into().unwrap()]).await;
            let report = audit::verify(&db, &against(&[])).await.unwrap();
            if sequence + 2 >= PROBLEMS_MAX as u64 {
                assert_eq!(report.problems.len() as u64, (sequence + 1).min(PROBLEMS_MAX as u64));
                assert_eq!(report.more_problems, (sequence + 1).saturating_sub(PROBLEMS_MAX as u64));
            }
        }
    }
}

/// Changes a record and seals everything again, as someone with the database and a key would.
async fn rewrite(db: &Db, seed: u8) {
    tamper(db, &SET_RESOURCE, vec!["team/other".into(), 1.into()]).await;
    tamper(db, &UNSEAL, vec![0.into()]).await;
    tamper(db, &DELETE_LEAVES, vec![0.into(), 10.into()]).await;
    tamper(db, &DELETE_HEADS, vec![0.into()]).await;
    Sealer::new(db.clone(), "one", ORIGIN, move || signer(seed)).seal_all().await.unwrap();
}
