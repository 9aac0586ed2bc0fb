//! Images of which no inventory was made: they wait for it, it failed, or this hub makes none. What is in them nobody knows.

use std::collections::BTreeSet;

use db::Value;
use ledger::jobs;
use oci::Digest;
use registry::{INVENTORY, InventoryOrder, RepositoryId};

use crate::find::Readable;
use crate::pipeline::{Error, Pipeline, SWEEP};
use crate::sweep::UNORDERED;

/// Orders that are looked at: beyond is "more".
const ORDERS_MAX: u32 = 10_000;

/// Images that are looked at for those of which none is made, where the hub makes none: beyond is "more".
const IMAGES_LOOKED_AT_MAX: usize = 10_000;

/// Images that are looked at at once.
const BATCH_ROWS: u32 = 500;

db::statements! {
    /// Where some images are that were looked into or refused.
    LIST_LOOKED_INTO = "SELECT p.repository_id, i.digest FROM inventory_images i JOIN inventory_placements p ON p.image_id = i.id \
        WHERE i.digest IN {list}";
}

/// Images of which no inventory was made, in no order.
#[derive(Debug, Default)]
pub(crate) struct Unmade {
    pub(crate) images: Vec<(RepositoryId, Digest)>,
    /// Why of each of them.
    pub(crate) why: Why,
    /// Whether there may be more than were looked at.
    pub(crate) is_cut: bool,
}

/// Why nobody looked into an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Why {
    /// It was, and could not be inventoried.
    Refused,
    /// It waits for its inventory, or that failed.
    #[default]
    Waiting,
    /// This hub makes no inventories.
    Off,
}

impl Why {
    /// Says why of an image that was not looked at.
    pub(crate) fn in_words(self) -> &'static str {
        match self {
            Self::Refused => "it was refused",
            Self::Waiting => "its inventory waits, or failed: `garrison jobs list --kind inventory` says which",
            Self::Off => "this hub makes no inventories: its setting `inventory_memory` is `off`",
        }
    }
}

impl Pipeline {
    /// Returns images that nobody looked into, of those that a caller may read. A repository may hold some of them no more.
    pub(crate) async fn unmade(&self, readable: &Readable) -> Result<Unmade, Error> {
        if self.inner.registry.makes_inventories() {
            self.waiting(readable).await
        } else {
            self.without_order(readable, Why::Off).await
        }
    }

    async fn waiting(&self, readable: &Readable) -> Result<Unmade, Error> {
        let hub = self.inner.registry.database();
        let (orders, is_any_unordered) = hub
            .read(|tx| {
                Box::pin(async move {
                    let is_any_unordered = jobs::is_undone(tx, SWEEP, UNORDERED).await?;
                    Ok::<_, db::Error>((jobs::list_undone(tx, INVENTORY, ORDERS_MAX).await?, is_any_unordered))
                })
            })
            .await?;
        if is_any_unordered {
            // Those that are ordered are among them.
            return self.without_order(readable, Why::Waiting).await;
        }
        let is_cut = orders.len() >= ORDERS_MAX as usize;
        let orders = orders.iter().filter_map(|payload| serde_json::from_str::<InventoryOrder>(payload).ok());
        let places = orders.map(place).filter(|(repository, _)| is_readable(readable, *repository)).collect();
        Ok(Unmade { images: self.not_looked_at(places).await?, why: Why::Waiting, is_cut })
    }

    /// Returns all images that nobody looked into, whether or not that is ordered.
    async fn without_order(&self, readable: &Readable, why: Why) -> Result<Unmade, Error> {
        let registry = &self.inner.registry;
        let mut unmade = Unmade { why, ..Unmade::default() };
        let (mut after, mut seen) = (None, 0);
        loop {
            let listed = registry.list_images_after(after, BATCH_ROWS).await?;
            let Some(last) = listed.last() else { return Ok(unmade) };
            (after, seen) = (Some(*last), seen + listed.len());
            let places =
                listed.into_iter().map(place).filter(|(repository, _)| is_readable(readable, *repository)).collect();
            for (repository, digest) in self.not_looked_at(places).await? {
                let images = registry.list_root_file_systems(repository, vec![digest]).await?;
                unmade.images.extend(images.into_iter().map(|digest| (repository, digest)));
            }
            if unmade.images.len() > crate::refused::IMAGES_MAX || seen >= IMAGES_LOOKED_AT_MAX {
                unmade.is_cut = true;
                return Ok(unmade);
            }
        }
    }

    /// Returns those of some images that are neither inventoried nor refused where they are.
    async fn not_looked_at(
        &self,
        places: BTreeSet<(RepositoryId, Digest)>,
    ) -> Result<Vec<(RepositoryId, Digest)>, Error> {
        let digests: BTreeSet<Digest> = places.iter().map(|(_, digest)| *digest).collect();
        let list: Vec<Value> = digests.iter().map(|digest| digest.to_bytes().into()).collect();
        let rows = self.inner.index.read(move |tx| {
            let list = list.clone();
            Box::pin(async move { tx.query_list(&LIST_LOOKED_INTO, &[], &list).await })
        });
        let mut looked_at = BTreeSet::new();
        for row in rows.await? {
            let Ok(digest) = Digest::from_bytes(&row.get::<Vec<u8>>(1)?) else { continue };
            looked_at.insert((RepositoryId::from_number(row.get(0)?), digest));
        }
        Ok(places.into_iter().filter(|place| !looked_at.contains(place)).collect())
    }
}

fn place(InventoryOrder { repository, digest }: InventoryOrder) -> (RepositoryId, Digest) {
    (RepositoryId::from_number(repository), digest)
}

fn is_readable(readable: &Readable, repository: RepositoryId) -> bool {
    match readable {
        Readable::All => true,
        Readable::Repositories(repositories) => repositories.contains(&repository),
    }
}
