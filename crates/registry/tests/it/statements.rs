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

/// Statements whose plan reads more than the rows that are asked for, each with its reason. Whoever adds one says what bounds it.
const READS_MORE: &[(&str, &str)] = &[
    ("COUNT_UPLOADS", "of an inner query that ends at a limit"),
    ("LIST_NAMED_MANIFESTS", "of the rows that are asked for"),
    ("LIST_FIRST_TAGS", "of the rows that are asked for, and the tags of these manifests"),
    ("FIND_USAGE", "of changes that are folded every minute"),
    ("TAKE_USAGE_CHANGES", "in the order of ids, to a limit"),
    ("LIST_DISCARDED", "in the order of the index, to a limit"),
    ("FIND_FIRST_DISCARDED", "in the order of the index, one row"),
    ("COUNT_DISCARDED", "asked for by a person; the metrics do without"),
    ("ERASE_TAGS", "a job's, to a limit; all of them go"),
    ("LIST_ERASED_MANIFESTS", "a job's, to a limit; all of them go"),
    ("ERASE_BLOBS", "a job's, to a limit; all of them go"),
    ("ERASE_UPLOADS", "of unfinished uploads, when a repository is deleted"),
    ("FSCK_USAGE", "fsck looks at everything"),
    ("FSCK_USAGE_OF", "fsck looks at everything"),
];

testkit::on_both_databases! {
    /// What a request costs does not grow with what it does not touch: a statement walks no table, and none that belongs to a
    /// repository by the repository alone, or by it and a place in its order.
    async fn every_statement_reads_what_it_answers(database: Database) {
        let hub = Hub::open(database).await;
        for statement in registry::statements() {
            let steps = hub.db.explain(statement).await.unwrap();
            let walks = |step: &String| {
                step.starts_with("SCAN")
                    || step.ends_with("(repository_id=?)")
                    || step.contains("PRIMARY KEY (repository_id=? AND digest>?)")
            };
            let walked: Vec<&String> = steps.iter().filter(|step| walks(step)).collect();
            let is_known = READS_MORE.iter().any(|(name, _)| *name == statement.name());
            assert!(walked.is_empty() || is_known, "{}: {steps:#?}", statement.name());
            assert!(!walked.is_empty() || steps.is_empty() || !is_known, "{} is no exception any more", statement.name());
        }
    }
}
