//! The kit on this machine.

use garrison_testkit::{Database, Postgres, Settings, on_both_databases, program, run};

on_both_databases! {
    /// Each test has a database of its own.
    async fn two_databases_differ(database: Database) {
        match database {
            Database::Sqlite(file) => {
                let Database::Sqlite(other) = Database::sqlite() else { panic!("asked for SQLite") };
                assert_ne!(file.path(), other.path());
                assert!(file.directory().is_dir() && !file.path().exists());
            }
            Database::Postgres(database) => {
                let Some(Database::Postgres(other)) = Database::postgres().await else { panic!("there was a server") };
                assert_ne!(database.url(), other.url());
            }
        }
    }
}

#[test]
fn a_private_server_leaves_nothing() {
    let Ok(server) = Postgres::start(&Settings::default()) else { return };
    assert!(server.is_private());
    let directory = server.url().split_once("host=").map(|(_, path)| path.to_owned()).unwrap();
    assert!(std::fs::exists(&directory).unwrap());
    let fresh = run(server.fresh_database());
    assert!(fresh.url().contains(&directory));
    drop(fresh);
    drop(server);
    assert!(!std::fs::exists(&directory).unwrap());
}

#[test]
fn a_program_is_found_on_the_path_or_not_at_all() {
    assert!(program("sh").is_some_and(|path| path.is_absolute()));
    assert_eq!(program("no-such-program-anywhere"), None);
}
