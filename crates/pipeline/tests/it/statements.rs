use testkit::Database;

use crate::support::Hub;

testkit::on_both_databases! {
    async fn every_statement_prepares(database: Database) {
        let hub = Hub::open(database).await;
        for statement in pipeline::index_statements() {
            hub.index.prepare(statement).await.unwrap_or_else(|error| panic!("{}: {error}", statement.name()));
        }
        for statement in pipeline::hub_statements() {
            hub.db.prepare(statement).await.unwrap_or_else(|error| panic!("{}: {error}", statement.name()));
        }
    }
}
