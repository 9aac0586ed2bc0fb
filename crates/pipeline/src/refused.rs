//! Images that are not inventoried: they could not be, or were not looked into.

use std::cmp::Reverse;

use db::Value;
use oci::{Digest, RepositoryName, Tag};
use registry::RepositoryId;

use crate::find::Readable;
use crate::pipeline::{Error, Pipeline};
use crate::unmade::Why;

/// Images that are listed, the last that were looked at first. Who has more has a reason for most of them.
pub(crate) const IMAGES_MAX: usize = 200;

db::statements! {
    /// The last images that were refused, wherever they are.
    LIST_REFUSED = "SELECT p.repository_id, i.digest, i.reason, i.made_at_us, p.placed_at_us FROM inventory_images i \
        JOIN inventory_placements p ON p.image_id = i.id WHERE i.state = 2 \
        ORDER BY i.made_at_us DESC, i.id DESC, p.repository_id LIMIT $1";
    /// The last images that were refused in some repositories.
    LIST_REFUSED_IN = "SELECT p.repository_id, i.digest, i.reason, i.made_at_us, p.placed_at_us FROM inventory_images i \
        JOIN inventory_placements p ON p.image_id = i.id WHERE i.state = 2 AND p.repository_id IN {list} \
        ORDER BY i.made_at_us DESC, i.id DESC, p.repository_id LIMIT $1";
}

/// The images of which there is no inventory, as far as a caller may read them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedImages {
    /// The first two hundred: those that nobody looked at, then the others, the last first.
    pub images: Vec<RefusedImage>,
    /// Whether there are more.
    pub is_cut: bool,
}

/// An image of which there is no inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedImage {
    /// The repository.
    pub repository: RepositoryName,
    /// The image's manifest.
    pub image: Digest,
    /// The first tags of it and of the indexes that list it.
    pub tags: Vec<Tag>,
    /// Why there is none.
    pub why: Why,
    /// The same in words.
    pub reason: String,
    /// When it was looked at, in microseconds since 1970-01-01 UTC; when it came to the repository where that was later, as others may have had it before.
    pub refused_at_us: Option<i64>,
}

/// An image, why there is no inventory of it, in words too, and when it was refused and came to the repository.
type Told = ((RepositoryId, Digest), Why, String, Option<(i64, i64)>);

impl Pipeline {
    /// Returns the images that are not inventoried, of what a caller may read and repositories hold now.
    ///
    /// # Errors
    /// When a database fails.
    pub async fn refused(&self, readable: &Readable) -> Result<RefusedImages, Error> {
        let limit = Value::from(i64::try_from(IMAGES_MAX + 1).unwrap_or(i64::MAX));
        let repositories: Option<Vec<Value>> = match readable {
            Readable::All => None,
            Readable::Repositories(ids) => Some(ids.iter().map(|id| id.number().into()).collect()),
        };
        let rows = self.inner.index.read(move |tx| {
            let (limit, repositories) = ([limit.clone()], repositories.clone());
            Box::pin(async move {
                match repositories {
                    None => tx.query(&LIST_REFUSED, &limit).await,
                    Some(repositories) => tx.query_list(&LIST_REFUSED_IN, &limit, &repositories).await,
                }
            })
        });
        let mut refused = Vec::new();
        for row in rows.await? {
            let Ok(image) = Digest::from_bytes(&row.get::<Vec<u8>>(1)?) else { continue };
            let reason = row.get::<Option<String>>(2)?.unwrap_or_default();
            refused.push((
                row.get::<i64>(3)?,
                row.get::<i64>(4)?,
                (RepositoryId::from_number(row.get(0)?), image),
                reason,
            ));
        }
        // Each part of a long list of repositories is in order by itself.
        refused.sort_by_key(|(at_us, _, place, _)| (Reverse(*at_us), *place));
        let unmade = self.unmade(readable).await?;
        let known = refused
            .into_iter()
            .map(|(at_us, placed_at_us, place, reason)| (place, Why::Refused, reason, Some((at_us, placed_at_us))));
        let unmade_of = |place| (place, unmade.why, unmade.why.in_words().to_owned(), None);
        let mut listed: Vec<_> = unmade.images.iter().copied().map(unmade_of).chain(known).collect();
        let is_cut = unmade.is_cut || listed.len() > IMAGES_MAX;
        listed.truncate(IMAGES_MAX);
        let wanted: Vec<(RepositoryId, Digest)> = listed.iter().map(|(place, ..)| *place).collect();
        let mut held = self.inner.registry.find_held_manifests(&wanted).await?;
        let image = |(place, why, reason, at_us): Told| {
            let held = held.remove(&place)?;
            let refused_at_us = at_us.map(|(at_us, placed_at_us)| {
                at_us.max(if placed_at_us == 0 { held.pushed_at_us } else { placed_at_us })
            });
            let (repository, tags) = (held.repository, held.tags);
            Some(RefusedImage { repository, image: place.1, tags, why, reason, refused_at_us })
        };
        Ok(RefusedImages { images: listed.into_iter().filter_map(image).collect(), is_cut })
    }
}
