//! In how many images nobody could look: what is looked for may be in each of them.

use super::Readable;
use super::counted::{Counting, ImageCount};
use crate::pipeline::{Error, Pipeline};
use crate::tagged::Tagged;

/// Images that are counted. Who has more has a reason for most of them.
const IMAGES_MAX: i64 = 200;

/// Images that wait of which is asked whether a tag holds them.
const HELD_LOOKED_FOR_MAX: usize = 1_000;

/// Images that were refused, tagged or not, up to a number; with a condition more.
macro_rules! not_looked_into {
    ($and:literal) => {
        concat!(
            "SELECT p.repository_id, p.image_id FROM inventory_images i JOIN inventory_placements p ON p.image_id = i.id \
            WHERE i.state = 2 AND p.tagged BETWEEN $1 AND $2",
            $and,
            " LIMIT $3"
        )
    };
}

db::statements! {
    /// Images that were refused, tagged or not, up to a number.
    LIST_NOT_LOOKED_INTO = not_looked_into!("");
    /// The same of some repositories.
    LIST_NOT_LOOKED_INTO_OF = not_looked_into!(" AND p.repository_id IN {list}");
}

const COUNTING: Counting = Counting { all: &LIST_NOT_LOOKED_INTO, of_some: &LIST_NOT_LOOKED_INTO_OF, most: IMAGES_MAX };

impl Pipeline {
    /// Counts the images that are not inventoried, so that nothing is found in them whatever they hold, of those that the caller may read and
    /// that are tagged or not: those that could not be, those that wait, and all that a hub which makes no inventories never looked at.
    ///
    /// # Errors
    /// When a database fails.
    pub async fn not_looked_into(&self, (readable, tagged): (&Readable, Tagged)) -> Result<Option<ImageCount>, Error> {
        // In this order: one that is refused meanwhile waits no more, and is among the refused then.
        let mut unmade = self.unmade(readable).await?;
        let refused = self.count_images_beside(COUNTING, tagged.placement_bounds().to_vec(), readable).await?;
        unmade.images.truncate(HELD_LOOKED_FOR_MAX);
        let held = self.inner.registry.find_held_manifests(&unmade.images).await?;
        let is_meant = |tags: u64| match tagged {
            Tagged::Any => true,
            Tagged::Yes => tags > 0,
            Tagged::No => tags == 0,
        };
        let (most, held) = (IMAGES_MAX.unsigned_abs(), held.values().filter(|held| is_meant(held.tags_total)).count());
        let images = refused.map_or(0, |refused| refused.images) + held as u64;
        let more = unmade.is_cut || refused.is_some_and(|refused| refused.more) || images > most;
        Ok((images > 0 || more).then_some(ImageCount { images: images.min(most), more }))
    }
}
