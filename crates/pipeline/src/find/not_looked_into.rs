//! In how many images nobody could look: what is looked for may be in each of them.

use super::Readable;
use super::counted::{Counting, ImageCount};
use crate::pipeline::{Error, Pipeline};
use crate::tagged::Tagged;

/// Images that are counted. Who has more has a reason for most of them.
const IMAGES_MAX: i64 = 200;

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
    /// Counts the images that could not be inventoried, so that nothing is found in them whatever they hold, of those that the caller may read and
    /// that are tagged or not.
    pub(super) async fn not_looked_into(
        &self,
        (readable, tagged): (&Readable, Tagged),
    ) -> Result<Option<ImageCount>, Error> {
        self.count_images_beside(COUNTING, tagged.placement_bounds().to_vec(), readable).await
    }
}
