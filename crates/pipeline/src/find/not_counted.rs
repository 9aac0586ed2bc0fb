//! In how many images that hold a vulnerability it is decided not to count.

use super::Readable;
use super::counted::{Counting, ImageCount};
use crate::pipeline::{Error, Pipeline};
use crate::tagged::Tagged;

/// Images that are counted. Each costs a look at all of it that has the vulnerability.
const IMAGES_MAX: i64 = 256;

/// Images that hold a vulnerability of which all is decided not to count, tagged or not, up to a number; with a condition more.
macro_rules! not_counted {
    ($and:literal) => {
        concat!(
            "SELECT DISTINCT d.repository_id, d.image_id FROM finding_decisions d \
            JOIN findings f ON f.component_id = d.component_id AND f.vulnerability_id = d.vulnerability_id \
            JOIN inventory_placements p ON p.repository_id = d.repository_id AND p.image_id = d.image_id \
            WHERE d.vulnerability_id = $1 AND d.verdict BETWEEN 1 AND 2 AND f.suppressed = 0 AND p.tagged BETWEEN $2 AND $3 \
            AND NOT EXISTS (SELECT 1 FROM findings o JOIN inventory_image_components h ON h.component_id = o.component_id \
            AND h.image_id = d.image_id LEFT JOIN finding_decisions c ON c.repository_id = d.repository_id \
            AND c.image_id = d.image_id AND c.component_id = o.component_id AND c.vulnerability_id = $1 \
            WHERE o.vulnerability_id = $1 AND (c.verdict = 3 OR c.verdict IS NULL AND o.suppressed = 0))",
            $and,
            " LIMIT $4"
        )
    };
}

db::statements! {
    /// Images, tagged or not, in which exceptions or VEX have everything not count that has a vulnerability, up to a number.
    LIST_NOT_COUNTED = not_counted!("");
    /// The same of some repositories.
    LIST_NOT_COUNTED_OF = not_counted!(" AND d.repository_id IN {list}");
}

const COUNTING: Counting = Counting { all: &LIST_NOT_COUNTED, of_some: &LIST_NOT_COUNTED_OF, most: IMAGES_MAX };

impl Pipeline {
    /// Counts the images in which it is decided that a vulnerability does not count, of those that the caller may read and that are tagged or not.
    pub(super) async fn not_counted(
        &self,
        vulnerability: &str,
        (readable, tagged): (&Readable, Tagged),
    ) -> Result<Option<ImageCount>, Error> {
        let [least, greatest] = tagged.placement_bounds();
        let mut most: Option<ImageCount> = None;
        // Of a record that is about several, the one that is decided in most images: one of another may be among them, or told.
        for (_, id) in self.vulnerabilities_here(vulnerability).await? {
            let counted =
                self.count_images_beside(COUNTING, vec![id.into(), least.clone(), greatest.clone()], readable);
            most = counted.await?.into_iter().chain(most).max_by_key(|counted| (counted.images, counted.more));
        }
        Ok(most)
    }
}
