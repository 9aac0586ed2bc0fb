use garrison_db::{Config, Db, Error, Faults, Row, Tx, statements};
use testkit::Database;

statements! {
    /// A setting.
    PUT = "INSERT INTO settings (name, value) VALUES ($1, $2)";
    /// A setting's value.
    GET = "SELECT value FROM settings WHERE name = $1";
    /// All names.
    NAMES = "SELECT name FROM settings ORDER BY name";
    /// A project with a count in its time column.
    MAKE_COUNTER = "INSERT INTO projects (name, public, created_at_us) VALUES ('counter', 0, 0)";
    /// The count.
    GET_COUNTER = "SELECT created_at_us FROM projects WHERE name = 'counter'";
    /// Sets the count.
    SET_COUNTER = "UPDATE projects SET created_at_us = $1 WHERE name = 'counter'";
    /// One row of a growing table.
    ADD_PROJECT = "INSERT INTO projects (name, public, created_at_us) VALUES ($1, 0, $2)";
}

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
    let db = Db::open_with_faults(&config(database), faults.clone()).await.unwrap();
    (db, faults)
}

/// Puts a setting in a write of its own.
pub(crate) async fn put(db: &Db, name: &str) -> Result<(), Error> {
    let name = name.to_owned();
    db.write(move |tx| {
        let name = name.clone();
        Box::pin(async move { put_in(tx, &name).await })
    })
    .await
}

pub(crate) async fn put_in(tx: &mut Tx, name: &str) -> Result<(), Error> {
    assert_eq!(tx.execute(&PUT, &[name.into(), name.as_bytes().into()]).await?, 1);
    Ok(())
}

pub(crate) async fn names(db: &Db) -> Vec<String> {
    let rows = db.read(|tx| Box::pin(async move { tx.query(&NAMES, &[]).await })).await;
    texts(&rows.unwrap())
}

pub(crate) fn texts(rows: &[Row]) -> Vec<String> {
    rows.iter().map(|row| row.get(0).unwrap()).collect()
}
