//! The table of facts.

use db::Tx;
use evidence::Fact;

db::statements! {
    /// States a fact, if it is not stated yet.
    INSERT_FACT = "INSERT INTO facts (id, scope, subject, claim, fact_key, producer, observed_at_us, expires_at_us, \
        source, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (id) DO NOTHING";
}

/// States a fact, if it is not stated yet.
pub(crate) async fn insert(tx: &mut Tx, fact: &Fact) -> Result<(), db::Error> {
    let parameters = [
        fact.id().as_bytes().to_vec().into(),
        fact.scope.number().into(),
        fact.subject.to_bytes().into(),
        fact.claim.kind().into(),
        fact.claim.key().into(),
        (&fact.producer).into(),
        fact.observed_at_us.into(),
        fact.expires_at_us.into(),
        fact.source.map(|source| source.to_bytes()).into(),
        fact.encode().into(),
    ];
    tx.execute(&INSERT_FACT, &parameters).await?;
    Ok(())
}
