//! In how many images nobody could look: what is looked for may be in each of them.

use db::Value;

use super::Readable;
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

/// How many images could not be inventoried, so that nothing is found in them whatever they hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotLookedInto {
    /// How many they are, each counted in each repository that holds it.
    pub images: u64,
    /// Whether there may be more than were counted.
    pub more: bool,
}

impl Pipeline {
    /// Counts the images that could not be inventoried, of those that the caller may read and that are tagged or not.
    pub(super) async fn not_looked_into(
        &self,
        (readable, tagged): (&Readable, Tagged),
    ) -> Result<Option<NotLookedInto>, Error> {
        let list: Option<Vec<Value>> = match readable {
            Readable::All => None,
            Readable::Repositories(repositories) => Some(repositories.iter().map(|id| id.number().into()).collect()),
        };
        let [least, greatest] = tagged.placement_bounds();
        let parameters = [least, greatest, (IMAGES_MAX + 1).into()];
        let rows = self.inner.index.read(move |tx| {
            Box::pin(async move {
                match list {
                    None => tx.query(&LIST_NOT_LOOKED_INTO, &parameters).await,
                    Some(list) => tx.query_list(&LIST_NOT_LOOKED_INTO_OF, &parameters, &list).await,
                }
            })
        });
        let found = rows.await?.len() as u64;
        let most = IMAGES_MAX.unsigned_abs();
        Ok((found > 0).then_some(NotLookedInto { images: found.min(most), more: found > most }))
    }
}
