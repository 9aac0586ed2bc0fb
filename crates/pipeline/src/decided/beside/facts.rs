//! Which documents beside images count, as facts.

use evidence::{Claim, Fact, Scope, Vex};
use ledger::jobs::{Context, JobError};

use crate::decided::documents::stored_digest;
use crate::facts;
use crate::pipeline::Pipeline;

db::statements! {
    /// A row that is still to be stated.
    FIND_UNSTATED_REFERRER = "SELECT id, repository_id, subject, manifest, pusher, name, author, format, statements, read_at_us, \
        gone_at_us, stated FROM vex_referrers WHERE state = 1 AND stated < 2 AND (stated = 0 OR gone_at_us IS NOT NULL) \
        ORDER BY id LIMIT 1";
    /// Notes how much of a row is stated.
    SET_STATED_REFERRER = "UPDATE vex_referrers SET stated = $2 WHERE id = $1";
}

/// States as facts which documents beside images count, and takes back those that do no more.
pub(in crate::decided) async fn state_facts(pipeline: &Pipeline, context: &Context) -> Result<(), JobError> {
    let hub = pipeline.inner.registry.database();
    while !context.is_canceled() {
        let row = hub.read(|tx| Box::pin(async move { tx.find(&FIND_UNSTATED_REFERRER, &[]).await })).await?;
        let Some(row) = row else { return Ok(()) };
        let (id, stated): (i64, i64) = (row.get(0)?, row.get(11)?);
        let counts = Fact {
            scope: Scope::Repository(row.get(1)?),
            subject: stored_digest(&row, 2)?,
            claim: Claim::Vex(Vex {
                document: row.get(5)?,
                author: row.get(6)?,
                format: row.get(7)?,
                statements: row.get(8)?,
            }),
            producer: row.get(4)?,
            observed_at_us: row.get(9)?,
            expires_at_us: None,
            source: Some(stored_digest(&row, 3)?),
            withdraws: None,
        };
        let fact = match (stated, row.get::<Option<i64>>(10)?) {
            // The newest word on it, which holds for no moment.
            (1, Some(gone_at_us)) => Fact {
                withdraws: Some(counts.id()),
                observed_at_us: gone_at_us,
                expires_at_us: Some(gone_at_us),
                ..counts
            },
            _ => counts,
        };
        hub.write(move |tx| {
            let fact = fact.clone();
            Box::pin(async move {
                facts::insert(tx, &fact).await?;
                tx.execute(&SET_STATED_REFERRER, &[id.into(), (stated + 1).into()]).await.map(drop)
            })
        })
        .await?;
    }
    Ok(())
}
