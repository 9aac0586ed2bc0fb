//! The hub's database: SQLite inside the process, or a PostgreSQL server, from one set of SQL.
//!
//! A caller writes a transaction as a closure over [`Tx`] and hands it to [`Db::read`] or [`Db::write`]; statements are
//! constants made by [`statements!`]. The same closure runs on both databases.
//!
//! # Invariants
//!
//! - **Acknowledged is durable.** [`Db::write`] answers `Ok` only after the commit is on disk. A caller that is dropped
//!   meanwhile neither stops nor halves its write.
//! - **A write is all or nothing and alone.** Writes are serializable on both databases. A body that returns an error,
//!   panics or saw a statement fail changes nothing, also when other writes share its commit.
//! - **A failed statement ends its transaction** on both databases: later statements fail with the first error, and an
//!   `Ok` of the body becomes it. A row that may be there already is a matter for `ON CONFLICT`.
//! - **A body runs any number of times** (a lost race is run again), so it may have no effect but through its [`Tx`], and
//!   waits for nothing but its [`Tx`]: on SQLite every future of a `Tx` is ready at once, and a body that waits for
//!   something else is an error.
//! - **SQL is a constant.** No statement is built from data, and no other crate names a database or a driver.
//!
//! What is deliberately absent: mapping of rows to structs, queries built at run time, foreign keys, more than one
//! transaction at a time in one task (a write inside a write waits for itself).
//!
//! # Example
//!
//! ```
//! use garrison_db as db;
//!
//! db::statements! {
//!     /// Makes a project and returns its id.
//!     INSERT_PROJECT = "INSERT INTO projects (name, public, created_at_us) VALUES ($1, $2, $3) RETURNING id";
//! }
//!
//! /// Makes a project; a taken name is `Error::Conflict`.
//! async fn create_project(database: &db::Db, name: &str) -> Result<i64, db::Error> {
//!     let name = name.to_owned();
//!     database
//!         .write(move |tx| {
//!             // The body may run again, so it takes copies and gives none away.
//!             let name = name.clone();
//!             Box::pin(async move {
//!                 let now_us = tx.now_us().await?;
//!                 let row = tx.find(&INSERT_PROJECT, &[name.into(), false.into(), now_us.into()]).await?;
//!                 row.ok_or(db::Error::Closed)?.get(0)
//!             })
//!         })
//!         .await
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let directory = tempfile::tempdir()?;
//! let database = db::Db::open(&db::Config::Sqlite { path: directory.path().join("garrison.db") }).await?;
//! assert_eq!(create_project(&database, "team").await?, 1);
//! assert!(create_project(&database, "team").await.unwrap_err().is_conflict());
//! database.close().await;
//! # Ok(()) }
//! ```

mod body;
mod config;
mod database;
mod error;
mod faults;
mod metrics;
mod migrations;
mod postgres;
mod sqlite;
mod statement;
mod transaction;
mod value;

pub use body::BoxFuture;
pub use config::{Config, Kind};
pub use database::Db;
pub use error::{Error, Source};
pub use faults::Faults;
pub use metrics::Metrics;
pub use migrations::Schema;
pub use statement::Statement;
pub use transaction::Tx;
pub use value::{FromValue, Row, Value};
