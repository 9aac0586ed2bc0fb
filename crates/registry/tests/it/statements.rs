use testkit::Database;

use crate::support::Hub;

testkit::on_both_databases! {
    async fn every_statement_prepares(database: Database) {
        let hub = Hub::open(database).await;
        let mut failed = Vec::new();
        for statement in registry::statements() {
            if let Err(error) = hub.db.prepare(statement).await {
                failed.push(format!("{}: {error:?}", statement.name()));
            }
        }
        assert!(failed.is_empty(), "{failed:#?}");
    }
}
