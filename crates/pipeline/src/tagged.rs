//! Which images tags hold: those that are in use, of all that were pushed under names which moved on.
//!
//! It is noted with each placement and its totals, and, so that what holds a component is found without walking what nobody asks for, with each
//! component of an image. The registry alone knows what is so ([`registry::HeldManifest::tags_total`], which is what answers tell); what is noted follows
//! it, by the job [`registry::TAGGED`] that whatever changes tags orders, and by the sweep. The same look takes away what is noted of images that their
//! repositories do not hold any more, so that what was deleted counts in no total from then on.

use std::ops::RangeInclusive;
use std::sync::Arc;

use db::{Tx, Value};
use ledger::jobs::{Context, JobError, Outcome};
use oci::Digest;
use registry::{InventoryOrder, RepositoryId, TaggedOrder};

use crate::index::{self, Holder, Placement};
use crate::pipeline::Pipeline;

/// Images whose note one write changes: each has some thousand rows.
const IMAGES_IN_WRITE: usize = 4;

/// Placements that are looked at at once.
const PLACEMENTS_IN_STEP: i64 = 500;

db::statements! {
    /// Whether a tag holds an image in a repository.
    SET_PLACEMENT_TAGGED = "UPDATE inventory_placements SET tagged = $3 WHERE repository_id = $1 AND image_id = $2 AND tagged <> $3";
    /// The same with its totals.
    SET_TOTALS_TAGGED = "UPDATE finding_totals SET tagged = $3 WHERE repository_id = $1 AND image_id = $2";
    /// In how many repositories an image is, and in how many of them no tag holds it.
    COUNT_PLACEMENTS = "SELECT COUNT(*), CAST(COALESCE(SUM(CASE WHEN tagged = 0 THEN 1 ELSE 0 END), 0) AS BIGINT) \
        FROM inventory_placements WHERE image_id = $1";
    /// In how many of its repositories an image is tagged.
    SET_IMAGE_TAGGED = "UPDATE inventory_images SET tagged = $2 WHERE id = $1 AND tagged <> $2";
    /// The same with its components.
    SET_COMPONENTS_TAGGED = "UPDATE inventory_image_components SET tagged = $2 WHERE image_id = $1 AND tagged <> $2";
    /// When an image came to a repository, where that is not noted.
    SET_PLACED_AT = "UPDATE inventory_placements SET placed_at_us = $3 WHERE repository_id = $1 AND image_id = $2 AND placed_at_us = 0";
    /// An image of which nobody has looked yet whether a tag holds it.
    FIND_NOT_LOOKED_AT = "SELECT image_id FROM inventory_placements WHERE tagged = 2 LIMIT 1";
    /// An image of which is not noted since when a repository has it.
    FIND_NOT_DATED = "SELECT image_id FROM inventory_placements WHERE placed_at_us = 0 LIMIT 1";
}

/// Of which images is told: of those that a tag holds, by itself or by an index that lists them, or of the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Tagged {
    /// Of all.
    #[default]
    Any,
    /// Of those that a tag holds.
    Yes,
    /// Of those that no tag holds: what was pushed under a name that has moved on, or by its digest alone.
    No,
}

/// What is noted of a placement that a tag holds, and of one that none does.
const HELD: i64 = 1;
const NOT_HELD: i64 = 0;

/// What is noted of an image that is tagged in all repositories that hold it, in some, and in none.
const IN_ALL: i64 = 2;
const IN_SOME: i64 = 1;
const IN_NONE: i64 = 0;

impl Tagged {
    /// Whether images are told of that a tag holds, or that none holds.
    pub(crate) fn means(self, is_tagged: bool) -> bool {
        match self {
            Self::Any => true,
            Self::Yes => is_tagged,
            Self::No => !is_tagged,
        }
    }

    /// Returns what is noted of the placements that are told of. Nobody has looked at some yet; they are told of as tagged.
    fn placements(self) -> RangeInclusive<i64> {
        match self {
            Self::Any => NOT_HELD..=2,
            Self::Yes => HELD..=2,
            Self::No => NOT_HELD..=NOT_HELD,
        }
    }

    /// Returns what is noted of the images that may be told of, in some repository.
    pub(crate) fn images(self) -> RangeInclusive<i64> {
        match self {
            Self::Any => IN_NONE..=IN_ALL,
            Self::Yes => IN_SOME..=IN_ALL,
            Self::No => IN_NONE..=IN_SOME,
        }
    }

    /// Returns the bounds of both, as parameters: of images, then of placements.
    pub(crate) fn bounds(self) -> [Value; 4] {
        let (images, [least, greatest]) = (self.images(), self.placement_bounds());
        [(*images.start()).into(), (*images.end()).into(), least, greatest]
    }

    /// Returns the bounds of what is noted of placements, as parameters.
    pub(crate) fn placement_bounds(self) -> [Value; 2] {
        let placements = self.placements();
        [(*placements.start()).into(), (*placements.end()).into()]
    }
}

/// Returns what is noted of a placement.
pub(crate) fn number(is_tagged: bool) -> i64 {
    if is_tagged { HELD } else { NOT_HELD }
}

/// Brings up to date in how many of its repositories an image is tagged. Returns that; of one that none has, nothing is changed.
pub(crate) async fn count_tagged(tx: &mut Tx, image: i64) -> Result<i64, db::Error> {
    let row = tx.find(&COUNT_PLACEMENTS, &[image.into()]).await?;
    let (all, without): (i64, i64) = row.map_or(Ok((0, 0)), |row| Ok::<_, db::Error>((row.get(0)?, row.get(1)?)))?;
    let tagged = match without {
        0 => IN_ALL,
        without if without < all => IN_SOME,
        _ => IN_NONE,
    };
    if all > 0 && tx.execute(&SET_IMAGE_TAGGED, &[image.into(), tagged.into()]).await? > 0 {
        tx.execute(&SET_COMPONENTS_TAGGED, &[image.into(), tagged.into()]).await?;
    }
    Ok(tagged)
}

async fn set(tx: &mut Tx, placement: &Placement) -> Result<(), db::Error> {
    let Placement { repository, image, tagged, placed_at_us, .. } = placement;
    let place = [repository.number().into(), (*image).into(), (*placed_at_us).into()];
    tx.execute(&SET_PLACED_AT, &place).await?;
    let parameters = [repository.number().into(), (*image).into(), (*tagged).into()];
    if tx.execute(&SET_PLACEMENT_TAGGED, &parameters).await? > 0 {
        tx.execute(&SET_TOTALS_TAGGED, &parameters).await?;
        count_tagged(tx, *image).await?;
    }
    Ok(())
}

impl Pipeline {
    /// Looks whether repositories and tags hold the images that the job names.
    pub(crate) async fn run_tagged(&self, context: &Context) -> Result<Outcome, JobError> {
        let TaggedOrder { repository, manifest } = context.payload()?;
        let repository = RepositoryId::from_number(repository);
        let Some(manifest) = manifest else {
            let mut after = None;
            while !context.is_canceled() {
                let placements =
                    index::list_placements_of(&self.inner.index, repository, after, PLACEMENTS_IN_STEP).await?;
                let Some(last) = placements.last() else { return Ok(Outcome::Done) };
                after = Some(last.image);
                self.note_tagged(placements).await?;
            }
            return Err(JobError::Retry("the hub stops".to_owned()));
        };
        let images = self.inner.registry.images_of(repository, manifest).await;
        let mut images = images.map_err(|error| JobError::retry(&error))?;
        // One that is gone may be noted still.
        images.insert(manifest);
        self.note_tagged_of(repository, images.into_iter().collect()).await?;
        Ok(Outcome::Done)
    }

    /// Notes of images whether tags hold them in a repository, or that it does not, as far as it is noted that it has them.
    pub(crate) async fn note_tagged_of(&self, repository: RepositoryId, images: Vec<Digest>) -> Result<(), JobError> {
        let placements = index::find_placements(&self.inner.index, repository, &images).await?;
        self.note_tagged(placements).await
    }

    /// Returns how a repository holds an image.
    pub(crate) async fn holder(&self, repository: RepositoryId, image: Digest) -> Result<Holder, JobError> {
        let held = self.inner.registry.find_held_manifests(&[(repository, image)]).await;
        let held = held.map_err(|error| JobError::retry(&error))?;
        let manifest = held.get(&(repository, image));
        let is_tagged = manifest.is_some_and(|manifest| manifest.tags_total > 0);
        Ok(Holder { repository, is_tagged, pushed_at_us: manifest.map_or(0, |manifest| manifest.pushed_at_us) })
    }

    /// Notes of placements whether tags hold them, where that is not what is noted, and since when they are, where nothing is, and takes away those of
    /// what repositories do not hold.
    pub(crate) async fn note_tagged(&self, mut noted: Vec<Placement>) -> Result<(), JobError> {
        // What others noted meanwhile may be newer than what this one read before it wrote: it looks again until it has nothing to write.
        loop {
            let wanted: Vec<(RepositoryId, Digest)> = noted.iter().map(|one| (one.repository, one.digest)).collect();
            let held = self.inner.registry.find_held_manifests(&wanted).await;
            let held = held.map_err(|error| JobError::retry(&error))?;
            let is_held = |one: &Placement| held.contains_key(&(one.repository, one.digest));
            let (kept, gone): (Vec<Placement>, Vec<Placement>) = noted.into_iter().partition(is_held);
            noted = kept;
            self.unplace(gone).await?;
            let mut changed = Vec::new();
            for one in &mut noted {
                let Some(manifest) = held.get(&(one.repository, one.digest)) else { continue };
                let before = (one.tagged, one.placed_at_us);
                one.tagged = number(manifest.tags_total > 0);
                if one.placed_at_us == 0 {
                    one.placed_at_us = manifest.pushed_at_us;
                }
                if (one.tagged, one.placed_at_us) != before {
                    changed.push(one.clone());
                }
            }
            if changed.is_empty() {
                return Ok(());
            }
            for part in changed.chunks(IMAGES_IN_WRITE) {
                let part: Arc<[Placement]> = part.into();
                let write = self.inner.index.write(move |tx| {
                    let part = Arc::clone(&part);
                    Box::pin(async move {
                        for placement in part.iter() {
                            set(tx, placement).await?;
                        }
                        Ok::<_, db::Error>(())
                    })
                });
                write.await?;
            }
        }
    }

    /// Takes away the placements of what was not held when it was looked at.
    async fn unplace(&self, gone: Vec<Placement>) -> Result<(), JobError> {
        for part in gone.chunks(IMAGES_IN_WRITE) {
            index::unplace(&self.inner.index, part.to_vec()).await?;
        }
        // What was pushed again meanwhile may have been placed before it was taken away here.
        let gone: Vec<(RepositoryId, Digest)> = gone.iter().map(|one| (one.repository, one.digest)).collect();
        if gone.is_empty() {
            return Ok(());
        }
        let held = self.inner.registry.find_held_manifests(&gone).await.map_err(|error| JobError::retry(&error))?;
        let order = |(repository, digest): &(RepositoryId, Digest)| InventoryOrder {
            repository: repository.number(),
            digest: *digest,
        };
        if held.is_empty() {
            return Ok(());
        }
        let ordered = self.inner.registry.order_inventories(held.keys().map(order).collect()).await;
        ordered.map_err(|error| JobError::retry(&error))
    }

    /// Tells whether there are images of which nobody has looked yet whether a tag holds them, or since when they are where they are: from before an
    /// upgrade.
    pub(crate) async fn is_any_not_looked_at(&self) -> Result<bool, db::Error> {
        let found = self.inner.index.read(|tx| {
            Box::pin(async move {
                let is_any = tx.find(&FIND_NOT_LOOKED_AT, &[]).await?.is_some();
                Ok::<_, db::Error>(is_any || tx.find(&FIND_NOT_DATED, &[]).await?.is_some())
            })
        });
        found.await
    }
}
