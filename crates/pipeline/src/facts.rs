//! The table of facts.

use db::{Tx, Value};
use evidence::Fact;

db::statements! {
    /// States facts that are not stated yet.
    INSERT_FACTS = "INSERT INTO facts (id, scope, subject, claim, fact_key, producer, observed_at_us, expires_at_us, \
        source, body) VALUES {rows:10} ON CONFLICT (id) DO NOTHING";
}

/// States a fact, if it is not stated yet.
pub(crate) async fn insert(tx: &mut Tx, fact: &Fact) -> Result<(), db::Error> {
    insert_all(tx, std::slice::from_ref(fact)).await
}

/// States those of some facts that are not stated yet.
pub(crate) async fn insert_all(tx: &mut Tx, facts: &[Fact]) -> Result<(), db::Error> {
    let rows: Vec<Vec<Value>> = facts.iter().map(row).collect();
    tx.execute_rows(&INSERT_FACTS, &[], &rows).await?;
    Ok(())
}

fn row(fact: &Fact) -> Vec<Value> {
    vec![
        fact.id().as_bytes().to_vec().into(),
        fact.scope.number().into(),
        fact.subject.to_bytes().into(),
        fact.claim.kind().into(),
        fact.key().evidence.into(),
        (&fact.producer).into(),
        fact.observed_at_us.into(),
        fact.expires_at_us.into(),
        fact.source.map(|source| source.to_bytes()).into(),
        fact.encode().into(),
    ]
}
