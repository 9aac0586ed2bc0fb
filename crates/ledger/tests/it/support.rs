use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use db::{Config, Db, Faults, Statement, Value};
use ledger::audit::{self, Record, Sealed, Sealer};
use testkit::Database;
use translog::{Signer, VerifierKey};

pub(crate) const ORIGIN: &str = "hub.example/audit";

pub(crate) fn config(database: &Database) -> Config {
    match database {
        Database::Sqlite(file) => Config::Sqlite { path: file.path().to_owned() },
        Database::Postgres(database) => Config::Postgres { url: database.url().to_owned() },
    }
}

pub(crate) async fn open(database: &Database) -> Db {
    Db::open(&config(database)).await.unwrap()
}

pub(crate) async fn open_with_faults(database: &Database) -> (Db, Faults) {
    let faults = Faults::none();
    (Db::open_with_faults(&config(database), faults.clone()).await.unwrap(), faults)
}

pub(crate) fn signer(seed: u8) -> Signer {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[seed; 32]).unwrap();
    let key = VerifierKey::new(ORIGIN, pair.public_key().as_ref().try_into().unwrap()).unwrap();
    Signer::new(key, move |message| pair.sign(message).as_ref().try_into().unwrap())
}

pub(crate) fn sealer(db: &Db, owner: &str) -> Sealer {
    Sealer::new(db.clone(), owner, ORIGIN, || signer(1))
}

/// Writes records numbered from `from`, each in its own transaction when few, else together.
pub(crate) async fn write_records(db: &Db, numbers: std::ops::Range<u64>) {
    db.write(move |tx| {
        let numbers = numbers.clone();
        Box::pin(async move {
            for number in numbers {
                let record = Record::allowed("user:ann", "manifest.push", &format!("team/web:{number}"));
                audit::record(tx, record.detail("number", number)).await?;
            }
            Ok::<_, db::Error>(())
        })
    })
    .await
    .unwrap();
}

/// Writes and seals, so that there is a head for each of the counts.
pub(crate) async fn write_sealed(db: &Db, counts: &[u64]) {
    let mut written = 0;
    for count in counts {
        write_records(db, written..written + count).await;
        written += count;
        assert_eq!(sealer(db, "one").seal_once().await.unwrap(), Sealed::Records(*count));
    }
}

/// Runs one statement by hand.
pub(crate) async fn run(db: &Db, statement: &'static Statement, params: Vec<Value>) -> u64 {
    let params = Arc::new(params);
    db.write(move |tx| {
        let params = Arc::clone(&params);
        Box::pin(async move { tx.execute(statement, &params).await })
    })
    .await
    .unwrap()
}
