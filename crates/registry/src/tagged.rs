//! Which images repositories and tags hold: the order to look again, whenever a tag, or an index that one holds, comes, moves or goes, and whenever an
//! image or a repository goes.

use db::Tx;
use ledger::jobs::{Kind, NewJob};
use oci::Digest;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::repositories::RepositoryId;

/// Looks whether a repository holds images, and whether a tag does. Whoever has the handler is above this crate; what changes tags makes the jobs.
pub const TAGGED: Kind = Kind::new("inventory.tagged").priority(150).attempts_max(6);

/// Manifests at which a look is ordered one by one; with more, all of the repository is looked at.
const ORDERED_MAX: usize = 20;

/// The payload of [`TAGGED`].
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Debug)]
pub struct TaggedOrder {
    /// The number of the repository.
    pub repository: i64,
    /// An image, or an index of some; nothing for all images of the repository.
    pub manifest: Option<Digest>,
}

/// Orders a look at manifests, in the transaction that changes by which tags they are held.
pub(crate) async fn order(tx: &mut Tx, repository: RepositoryId, manifests: &[Digest]) -> Result<(), Error> {
    if manifests.len() > ORDERED_MAX {
        return order_all(tx, repository.0).await;
    }
    for manifest in manifests {
        order_one(tx, TaggedOrder { repository: repository.0, manifest: Some(*manifest) }).await?;
    }
    Ok(())
}

/// Orders a look at all that a repository held, in the transaction that deletes it.
pub(crate) async fn order_all(tx: &mut Tx, repository: i64) -> Result<(), Error> {
    order_one(tx, TaggedOrder { repository, manifest: None }).await
}

async fn order_one(tx: &mut Tx, order: TaggedOrder) -> Result<(), Error> {
    let manifest = order.manifest.map_or_else(|| "all".to_owned(), |manifest| manifest.to_string());
    let job = NewJob::new(TAGGED, &order)?.key(&format!("{}/{manifest}", order.repository))?;
    ledger::jobs::enqueue(tx, &job).await?;
    Ok(())
}
