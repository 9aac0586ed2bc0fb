//! What no push orders: inventories of images from before an upgrade, and forgetting those of images that are gone.

use std::collections::BTreeMap;

use ledger::jobs::{Context, JobError, NewJob, enqueue};
use oci::Digest;
use registry::{InventoryOrder, RepositoryId};

use crate::documents::DOCUMENTS;
use crate::index::{self, Placement};
use crate::orphans;
use crate::pipeline::{Error, Pipeline, SWEEP};

/// The key of the sweep that waits while the hub makes no inventories: no job names the images that are pushed meanwhile.
pub(crate) const UNORDERED: &str = "unordered";

/// Rows that are looked at at once.
const BATCH_ROWS: u32 = 500;

/// Images that are dropped by one write: each has some thousand rows.
const DROPPED_BY_WRITE: i64 = 10;

impl Pipeline {
    /// Orders a sweep at once if another version of this program kept any image: the next one by the clock may be an hour away.
    ///
    /// # Errors
    /// When a database fails.
    pub async fn order_renewal(&self) -> Result<(), Error> {
        let is_any_otherwise = index::is_any_kept_otherwise(&self.inner.index, &self.inner.kept_as).await?;
        if !is_any_otherwise && !self.is_any_not_looked_at().await? {
            return Ok(());
        }
        self.order_sweep("renewal").await
    }

    /// Orders the sweep by which a hub that makes no inventories begins once it makes them. Until it is done, images that were pushed meanwhile count as
    /// waiting.
    ///
    /// # Errors
    /// When a database fails.
    pub async fn order_sweep_for_later(&self) -> Result<(), Error> {
        self.order_sweep(UNORDERED).await
    }

    /// Orders the documents that are missing beside images, as when their project wants them again; nothing where no inventories are made.
    ///
    /// # Errors
    /// When a database fails.
    pub async fn order_documents(&self) -> Result<(), Error> {
        if self.inner.registry.makes_inventories() { self.order_sweep("documents").await } else { Ok(()) }
    }

    async fn order_sweep(&self, key: &'static str) -> Result<(), Error> {
        let hub = self.inner.registry.database();
        let order = move || NewJob::single(SWEEP).key(key).expect("it is a short key");
        hub.write(move |tx| Box::pin(async move { enqueue(tx, &order()).await.map(drop) })).await?;
        Ok(())
    }

    pub(crate) async fn sweep(&self, context: &Context) -> Result<(), JobError> {
        self.order_missing(context).await?;
        self.order_beside_missing(context).await?;
        self.forget_gone(context).await?;
        while !context.is_canceled() && index::drop_unplaced(&self.inner.index, DROPPED_BY_WRITE).await? > 0 {}
        let mut after = Some(0);
        while let Some(from) = after.filter(|_| !context.is_canceled()) {
            after = orphans::drop_some(&self.inner.index, from).await?;
        }
        while !context.is_canceled() && index::drop_old_layers(&self.inner.index).await? > 0 {}
        Ok(())
    }

    /// Orders the inventory of each image that this program has not made, or kept otherwise, or beside which documents are missing.
    async fn order_missing(&self, context: &Context) -> Result<(), JobError> {
        let registry = &self.inner.registry;
        let (mut after, mut seen, mut ordered) = (None, 0, 0);
        while !context.is_canceled() {
            let images =
                registry.list_images_after(after, BATCH_ROWS).await.map_err(|error| JobError::retry(&error))?;
            let mut missing = Vec::new();
            if let Some(last) = images.last() {
                missing.extend(self.list_undocumented(after, *last).await?);
            }
            after = images.last().copied();
            seen += images.len();
            for (repository, images) in by_repository(&images) {
                let id = RepositoryId::from_number(repository);
                let placed = index::list_placed(&self.inner.index, &self.inner.kept_as, id, &images).await?;
                let unplaced = images.into_iter().filter(|image| !placed.contains(image)).collect();
                let images =
                    registry.list_root_file_systems(id, unplaced).await.map_err(|error| JobError::retry(&error))?;
                missing.extend(images.into_iter().map(|digest| InventoryOrder { repository, digest }));
            }
            ordered += missing.len();
            if !missing.is_empty() {
                registry.order_inventories(missing).await.map_err(|error| JobError::retry(&error))?;
            }
            context.progress(&format!("{seen} images seen, {ordered} inventories ordered"));
            if after.is_none() {
                break;
            }
        }
        Ok(())
    }

    /// Returns the images after one and up to another whose inventories are made and whose documents are missing: their project did without for some
    /// time, or a blob of theirs is gone.
    async fn list_undocumented(
        &self,
        after: Option<InventoryOrder>,
        through: InventoryOrder,
    ) -> Result<Vec<InventoryOrder>, JobError> {
        let found = self.inner.registry.list_undocumented(after, through, DOCUMENTS).await;
        let found = found.map_err(|error| JobError::retry(&error))?;
        let mut undocumented = Vec::new();
        for (repository, images) in by_repository(&found) {
            let id = RepositoryId::from_number(repository);
            let made = index::list_made(&self.inner.index, &self.inner.kept_as, id, &images).await?;
            undocumented.extend(made.into_iter().map(|digest| InventoryOrder { repository, digest }));
        }
        Ok(undocumented)
    }

    /// Takes away the placements of images that their repositories no longer hold, and notes of the others whether a tag holds them.
    async fn forget_gone(&self, context: &Context) -> Result<(), JobError> {
        let mut after: Option<Placement> = None;
        while !context.is_canceled() {
            let placements = index::list_placements(&self.inner.index, after.as_ref(), BATCH_ROWS.into()).await?;
            let Some(last) = placements.last() else { break };
            after = Some(last.clone());
            self.note_tagged(placements).await?;
        }
        Ok(())
    }
}

fn by_repository(images: &[InventoryOrder]) -> BTreeMap<i64, Vec<Digest>> {
    let mut grouped: BTreeMap<i64, Vec<Digest>> = BTreeMap::new();
    for InventoryOrder { repository, digest } in images {
        grouped.entry(*repository).or_default().push(*digest);
    }
    grouped
}
