//! One SQL text for both databases.

use crate::world::World;

testkit::on_both_databases! {
    async fn every_statement_prepares(database: testkit::Database) {
        let (_, database, _) = World::bare(&database).await;
        let mut count = 0;
        for statement in tenancy::statements() {
            database.prepare(statement).await.unwrap_or_else(|error| panic!("{}: {error:?}", statement.name()));
            count += 1;
        }
        assert!(count > 50, "{count} statements");
    }
}
