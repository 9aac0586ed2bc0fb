//! What tests need from outside: databases of their own, large test data, other people's programs.
//!
//! A development dependency only. It knows no other crate of the workspace, so that any of them may use it.
//!
//! # Invariants
//!
//! - Every test gets its own database; nothing is shared but the server.
//! - What is absent is announced, never passed over in silence; under `CI=true` an absent database fails the test.
//! - Nothing outlives the test process, however it ends: servers and their files go with it.

mod database;
mod layer;
mod postgres;
mod surroundings;

pub use database::{Database, PostgresDatabase, SqliteFile, run};
pub use layer::layer;
pub use postgres::{Postgres, Settings};
pub use surroundings::{Bundle, announce, bundle, data_directory, go_module, peer_directory, program};

/// Declares tests that run on SQLite and on PostgreSQL: `name::sqlite` and `name::postgres`.
///
/// ```
/// testkit::on_both_databases! {
///     /// A database can be opened.
///     async fn opens(database: testkit::Database) {
///         assert!(!database.name().is_empty());
///     }
/// }
/// # use garrison_testkit as testkit;
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! on_both_databases {
    ($($(#[$attribute:meta])* async fn $name:ident($database:ident: $type:ty) $body:block)*) => {
        $(
            $(#[$attribute])*
            #[allow(clippy::unwrap_used, reason = "a test that cannot go on stops")]
            async fn $name($database: $type) $body

            mod $name {
                #[test]
                fn sqlite() {
                    $crate::run(async { super::$name($crate::Database::sqlite()).await });
                }

                #[test]
                fn postgres() {
                    $crate::run(async {
                        if let Some(database) = $crate::Database::postgres().await {
                            super::$name(database).await;
                        }
                    });
                }
            }
        )*
    };
}
