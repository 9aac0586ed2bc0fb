//! The walk over the images that hold components: over all that hold one, or over those of the caller, whichever is less.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use db::Value;
use registry::RepositoryId;

use super::{Candidate, Component, FewImages, Position, Walk};
use crate::pipeline::Error;
use crate::query::Key;

/// Rows of holders that are walked in place of this many look-ups of a component in an image: a walked row is cheaper.
const LOOKUPS_PER_WALKED_ROW: usize = 4;

/// Rows of holders that may turn out to be too many once they are here; more are counted where they are.
const ROWS_UNCOUNTED_MAX: usize = 64;

/// Rows of one component that are walked at once.
const ROWS_IN_STEP: u32 = 512;

/// Rows of several components that are walked together; where they have more, one is walked by itself.
const ROWS_TOGETHER_MAX: usize = 2048;

db::statements! {
    /// Which of some images hold which components, by name. `CROSS JOIN` keeps SQLite from walking the images.
    LIST_IN_IMAGES_BY_NAME = "SELECT h.component_id, h.image_id FROM inventory_components c \
        CROSS JOIN inventory_image_components h WHERE h.component_id = c.id AND c.name_key >= $1 AND c.name_key <= $2 \
        AND (c.name_key, c.identity) >= ($3, $4) AND (c.name_key, c.identity) <= ($5, $6) AND h.image_id IN {list}";
    /// Which of some images hold which components, by package.
    LIST_IN_IMAGES_BY_PACKAGE = "SELECT h.component_id, h.image_id FROM inventory_components c \
        CROSS JOIN inventory_image_components h WHERE h.component_id = c.id AND c.package_key >= $1 \
        AND c.package_key <= $2 AND (c.package_key, c.identity) >= ($3, $4) AND (c.package_key, c.identity) <= ($5, $6) \
        AND h.image_id IN {list}";
    /// Which of some images hold components that have a vulnerability.
    LIST_IN_IMAGES_BY_VULNERABILITY = "SELECT h.component_id, h.image_id FROM findings f \
        CROSS JOIN inventory_image_components h WHERE h.component_id = f.component_id AND f.vulnerability_id = $1 \
        AND h.image_id IN {list}";
    /// How many images hold some components, counted up to a number.
    COUNT_HOLDERS_OF = "SELECT COUNT(*) FROM (SELECT 1 FROM inventory_image_components WHERE component_id IN {list} LIMIT $1) AS h";
    /// Which of some images hold a component.
    LIST_IN_IMAGES_OF = "SELECT component_id, image_id FROM inventory_image_components WHERE component_id = $1 AND image_id IN {list}";
    /// Which images hold some components, up to a number.
    LIST_HOLDERS_OF = "SELECT component_id, image_id FROM inventory_image_components WHERE component_id IN {list} LIMIT $1";
    /// Images that hold a component, after one, with their repositories in which they are tagged or not: those that are tagged in none, in
    /// some and in all, as far as these are asked for. Each is in order by itself, and both databases merge them.
    LIST_HOLDERS = "SELECT h.image_id AS image_id, p.repository_id AS repository_id, p.placed_at_us AS placed_at_us FROM inventory_image_components h \
        CROSS JOIN inventory_placements p WHERE p.image_id = h.image_id AND h.component_id = $1 AND h.tagged = 0 \
        AND (h.image_id, p.repository_id) > ($2, $3) AND p.tagged BETWEEN $7 AND $8 AND CAST($5 AS BIGINT) <= 0 \
        UNION ALL SELECT h.image_id, p.repository_id, p.placed_at_us FROM inventory_image_components h \
        CROSS JOIN inventory_placements p WHERE p.image_id = h.image_id AND h.component_id = $1 AND h.tagged = 1 \
        AND (h.image_id, p.repository_id) > ($2, $3) AND p.tagged BETWEEN $7 AND $8 \
        UNION ALL SELECT h.image_id, p.repository_id, p.placed_at_us FROM inventory_image_components h \
        CROSS JOIN inventory_placements p WHERE p.image_id = h.image_id AND h.component_id = $1 AND h.tagged = 2 \
        AND (h.image_id, p.repository_id) > ($2, $3) AND p.tagged BETWEEN $7 AND $8 AND CAST($6 AS BIGINT) >= 2 \
        ORDER BY image_id, repository_id LIMIT $4";
    /// Images that hold some components, with their repositories in which they are tagged or not, up to a number of rows.
    LIST_HOLDERS_TOGETHER = "SELECT h.component_id, h.image_id, p.repository_id, p.placed_at_us FROM inventory_image_components h \
        CROSS JOIN inventory_placements p WHERE p.image_id = h.image_id AND h.component_id IN {list} AND h.tagged BETWEEN $2 AND $3 \
        AND p.tagged BETWEEN $4 AND $5 LIMIT $1";
}

/// The images of the caller that hold each component.
type Holders = BTreeMap<i64, BTreeSet<i64>>;

impl Walk<'_> {
    /// Looks for the components in each of few images.
    pub(super) async fn in_few(
        &mut self,
        few: &FewImages,
        components: &[Arc<Component>],
        from: &Position,
        end: &(String, String),
        next: Option<Position>,
    ) -> Result<(Vec<Candidate>, Option<Position>), Error> {
        let holders = match self.walk_holders(few, components).await? {
            Some(holders) => holders,
            None => self.look_up_holders(few, from, end).await?,
        };
        Ok(self.in_holders(few, &holders, components, from, next))
    }

    /// Returns where components are in images that hold them, each in its repositories.
    pub(super) fn in_holders(
        &self,
        few: &FewImages,
        holders: &Holders,
        components: &[Arc<Component>],
        from: &Position,
        next: Option<Position>,
    ) -> (Vec<Candidate>, Option<Position>) {
        let mut candidates = Vec::new();
        for component in components {
            for image in holders.get(&component.id).into_iter().flatten() {
                for (repository, placed_at_us) in few.get(image).into_iter().flatten() {
                    let place = (*image, repository.number());
                    if from.is_at(component) && place <= from.behind {
                        continue;
                    }
                    candidates.push(Candidate {
                        component: Arc::clone(component),
                        image: *image,
                        repository: *repository,
                        placed_at_us: *placed_at_us,
                    });
                    if candidates.len() >= self.wanted {
                        return (candidates, Some(Position::behind(component, place)));
                    }
                }
            }
        }
        (candidates, next)
    }

    /// Walks the holders of components, whoever may read them, if there are so few that this is cheaper than looking for
    /// each component in each image.
    pub(super) async fn walk_holders(
        &mut self,
        few: &FewImages,
        components: &[Arc<Component>],
    ) -> Result<Option<Holders>, Error> {
        let list: Vec<Value> = components.iter().map(|component| component.id.into()).collect();
        let limit = few.len() * components.len() / LOOKUPS_PER_WALKED_ROW + 1;
        let rows_max = [Value::from(i64::try_from(limit).unwrap_or(i64::MAX))];
        if limit > ROWS_UNCOUNTED_MAX {
            let counted = self.tx.query_list(&COUNT_HOLDERS_OF, &rows_max, &list).await?;
            let counts: Vec<i64> = counted.iter().map(|row| row.get(0)).collect::<Result<_, db::Error>>()?;
            if usize::try_from(counts.iter().sum::<i64>()).unwrap_or(usize::MAX) >= limit {
                return Ok(None);
            }
        }
        let rows = self.tx.query_list(&LIST_HOLDERS_OF, &rows_max, &list).await?;
        if rows.len() >= limit {
            return Ok(None);
        }
        let mut holders = Holders::new();
        for row in rows {
            let image = row.get(1)?;
            if few.contains_key(&image) {
                holders.entry(row.get(0)?).or_default().insert(image);
            }
        }
        Ok(Some(holders))
    }

    /// Looks for each component up to an end in each image.
    async fn look_up_holders(
        &mut self,
        few: &FewImages,
        from: &Position,
        (key, identity): &(String, String),
    ) -> Result<Holders, Error> {
        let (least, greatest) = self.query.bounds.clone();
        let list: Vec<Value> = few.keys().map(|id| (*id).into()).collect();
        let bounds =
            [least.into(), greatest.into(), (&from.key).into(), (&from.identity).into(), key.into(), identity.into()];
        let rows = match (self.query.key, self.vulnerability) {
            (Key::Package, _) => self.tx.query_list(&LIST_IN_IMAGES_BY_PACKAGE, &bounds, &list).await?,
            (Key::Vulnerability, Some(id)) => {
                self.tx.query_list(&LIST_IN_IMAGES_BY_VULNERABILITY, &[id.into()], &list).await?
            }
            _ => self.tx.query_list(&LIST_IN_IMAGES_BY_NAME, &bounds, &list).await?,
        };
        let mut holders = Holders::new();
        for row in rows {
            holders.entry(row.get(0)?).or_default().insert(row.get(1)?);
        }
        Ok(holders)
    }

    /// Looks for each component in each image, whatever it was found by.
    pub(super) async fn look_up_each(
        &mut self,
        few: &FewImages,
        components: &[Arc<Component>],
    ) -> Result<Holders, Error> {
        let list: Vec<Value> = few.keys().map(|id| (*id).into()).collect();
        let mut holders = Holders::new();
        for component in components {
            for row in self.tx.query_list(&LIST_IN_IMAGES_OF, &[component.id.into()], &list).await? {
                holders.entry(row.get(0)?).or_default().insert(row.get(1)?);
            }
        }
        Ok(holders)
    }

    /// Walks the images of each component and takes those that the caller may read: of those with few images, of several at once.
    pub(super) async fn in_many(
        &mut self,
        is_readable: &(dyn Fn(RepositoryId) -> bool + Sync),
        components: &[Arc<Component>],
        from: &Position,
        next: Option<Position>,
    ) -> Result<(Vec<Candidate>, Option<Position>), Error> {
        let (mut candidates, mut rest, mut together) = (Vec::new(), components, 1);
        while let Some((first, others)) = rest.split_first() {
            let (some, behind_some) = rest.split_at(rest.len().min(together));
            if together > 1 {
                let Some(holders) = self.list_together(some).await? else {
                    together = 1;
                    continue;
                };
                for component in some {
                    for (place, placed_at_us) in holders.get(&component.id).into_iter().flatten() {
                        let (place @ (image, repository), placed_at_us) = (*place, *placed_at_us);
                        let repository = RepositoryId::from_number(repository);
                        if !is_readable(repository) || from.is_at(component) && place <= from.behind {
                            continue;
                        }
                        let found = Arc::clone(component);
                        candidates.push(Candidate { component: found, image, repository, placed_at_us });
                        if candidates.len() >= self.wanted {
                            return Ok((candidates, Some(Position::behind(component, place))));
                        }
                    }
                }
                (rest, together) = (behind_some, together * 2);
                continue;
            }
            if let Some(next) = self.in_holders_of(first, is_readable, from, &mut candidates).await? {
                return Ok((candidates, Some(next)));
            }
            (rest, together) = (others, 2);
        }
        Ok((candidates, next))
    }

    /// Returns in which images and repositories some components are, in their order, each with when the image came there; nothing where there are
    /// too many.
    async fn list_together(
        &mut self,
        components: &[Arc<Component>],
    ) -> Result<Option<BTreeMap<i64, BTreeMap<(i64, i64), i64>>>, Error> {
        let list: Vec<Value> = components.iter().map(|component| component.id.into()).collect();
        let mut parameters = vec![Value::from(i64::try_from(ROWS_TOGETHER_MAX + 1).unwrap_or(i64::MAX))];
        parameters.extend(self.tagged.bounds());
        let rows = self.tx.query_list(&LIST_HOLDERS_TOGETHER, &parameters, &list).await?;
        if rows.len() > ROWS_TOGETHER_MAX {
            return Ok(None);
        }
        let mut holders: BTreeMap<i64, BTreeMap<(i64, i64), i64>> = BTreeMap::new();
        for row in rows {
            holders.entry(row.get(0)?).or_default().insert((row.get(1)?, row.get(2)?), row.get(3)?);
        }
        Ok(Some(holders))
    }

    /// Walks the images of one component and takes those that the caller may read. Returns where to go on once there are enough.
    async fn in_holders_of(
        &mut self,
        component: &Arc<Component>,
        is_readable: &(dyn Fn(RepositoryId) -> bool + Sync),
        from: &Position,
        candidates: &mut Vec<Candidate>,
    ) -> Result<Option<Position>, Error> {
        let mut behind = if from.is_at(component) { from.behind } else { (i64::MIN, 0) };
        loop {
            let mut parameters: Vec<Value> =
                vec![component.id.into(), behind.0.into(), behind.1.into(), ROWS_IN_STEP.into()];
            parameters.extend(self.tagged.bounds());
            let rows = self.tx.query(&LIST_HOLDERS, &parameters).await?;
            for row in &rows {
                behind = (row.get(0)?, row.get(1)?);
                let repository = RepositoryId::from_number(behind.1);
                if is_readable(repository) {
                    let (found, placed_at_us) = (Arc::clone(component), row.get(2)?);
                    candidates.push(Candidate { component: found, image: behind.0, repository, placed_at_us });
                }
                if candidates.len() >= self.wanted {
                    return Ok(Some(Position::behind(component, behind)));
                }
            }
            if rows.len() < ROWS_IN_STEP as usize {
                return Ok(None);
            }
        }
    }
}
