use testkit::Database;

use crate::support::open;

testkit::on_both_databases! {
    async fn every_statement_is_taken(database: Database) {
        let db = open(&database).await;
        let mut count = 0;
        for statement in ledger::statements() {
            db.prepare(statement).await.unwrap_or_else(|error| panic!("{}: {error:?}", statement.name()));
            count += 1;
        }
        assert!(count > 30, "only {count} statements are listed");
    }
}
