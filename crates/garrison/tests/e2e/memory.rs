//! What the hub does to hold little memory.

use testkit::Database;

use crate::hub::Installation;

testkit::on_both_databases! {
    /// What it has from its environment holds from the process's start on; the process is the one that was started.
    async fn a_hub_gives_memory_back_at_once(database: Database) {
        let installation = Installation::new(database);
        let hub = installation.start(&[]);
        let environment = std::fs::read_to_string(format!("/proc/{}/environ", hub.process())).unwrap();
        let settings: Vec<&str> = environment.split('\0').filter(|one| one.starts_with("MIMALLOC_")).collect();
        assert_eq!(settings, ["MIMALLOC_PURGE_DELAY=0"]);
        hub.stop();
    }
}
