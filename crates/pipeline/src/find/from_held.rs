//! The walk that begins at what a caller's repositories hold, where more goes by what is looked for than that: what others pushed under a name costs a
//! caller nothing then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use db::{Row, Value};
use registry::RepositoryId;

use super::{Candidate, Component, Images, Position, Step, Walk};
use crate::pipeline::Error;
use crate::query::{Key, Verdict};

/// Components that go by what is looked for and are walked without a look at what the caller's images hold.
const COMPONENTS_UNCOUNTED_MAX: i64 = 512;

/// A component that goes by a name costs as much as so many of what an image holds: it is found in an order, and then in images.
const HELD_PER_COMPONENT: i64 = 8;

/// Repositories that are walked at once.
const REPOSITORIES_IN_WALK: usize = 256;

/// Rows of what some repositories hold that are here at once; so many are in memory for each walk.
const ROWS_HELD_MAX: u32 = 2048;

/// What each image of some repositories holds, as far as a condition has it, in the order of components, images and repositories, behind a place in it.
macro_rules! held {
    ($columns:literal, $from:literal, $where:literal, $key:literal) => {
        concat!(
            "SELECT c.id, c.identity, ",
            $columns,
            ", p.image_id, p.repository_id, p.placed_at_us FROM inventory_placements p CROSS JOIN inventory_image_components h ",
            $from,
            "CROSS JOIN inventory_components c WHERE h.image_id = p.image_id AND c.id = h.component_id AND p.repository_id IN {list} \
            AND p.tagged BETWEEN $1 AND $2 AND (",
            $key,
            ", c.identity, p.image_id, p.repository_id) > ($3, $4, $5, $6) AND ",
            $where,
            " ORDER BY ",
            $key,
            ", c.identity, p.image_id, p.repository_id LIMIT $7"
        )
    };
}

db::statements! {
    /// How many components go by a name, counted up to a number.
    COUNT_BY_NAME = "SELECT COUNT(*) FROM (SELECT 1 FROM inventory_components WHERE name_key >= $1 AND name_key <= $2 LIMIT $3) AS c";
    /// How many components go by a package, counted up to a number.
    COUNT_BY_PACKAGE = "SELECT COUNT(*) FROM (SELECT 1 FROM inventory_components WHERE package_key >= $1 AND package_key <= $2 LIMIT $3) AS c";
    /// How many components have a vulnerability, counted up to a number.
    COUNT_BY_VULNERABILITY = "SELECT COUNT(*) FROM (SELECT 1 FROM findings WHERE vulnerability_id = $1 LIMIT $2) AS f";
    /// How much the images of some repositories hold.
    COUNT_HELD = "SELECT CAST(COALESCE(SUM(i.components), 0) AS BIGINT) FROM inventory_placements p CROSS JOIN inventory_images i \
        WHERE i.id = p.image_id AND p.repository_id IN {list} AND p.tagged BETWEEN $1 AND $2";
    /// What the images of some repositories hold by name.
    LIST_HELD_BY_NAME = held!(
        "c.name_key, c.package_type, c.name, c.version",
        "",
        "c.name_key >= $8 AND c.name_key <= $9",
        "c.name_key"
    );
    /// What the images of some repositories hold by package.
    LIST_HELD_BY_PACKAGE = held!(
        "c.package_key, c.package_type, c.name, c.version",
        "",
        "c.package_key >= $8 AND c.package_key <= $9",
        "c.package_key"
    );
    /// What the images of some repositories hold that has a vulnerability.
    LIST_HELD_BY_VULNERABILITY = held!(
        "c.name_key, c.package_type, c.name, c.version, v.name, f.level, f.fixed, f.since_us, f.suppressed",
        "CROSS JOIN findings f CROSS JOIN finding_vulnerabilities v ",
        "f.component_id = h.component_id AND f.vulnerability_id = $8 AND v.id = $8 AND (f.suppressed = 0 OR EXISTS (SELECT 1 \
        FROM finding_decisions d WHERE d.component_id = f.component_id AND d.vulnerability_id = $8 AND d.verdict = 3))",
        "c.name_key"
    );
}

/// A component in an image of a repository, in the order in which the walk comes to them.
type Rows = BTreeMap<(String, String, i64, i64), Row>;

impl Walk<'_> {
    /// Tells whether the caller's repositories hold less than goes by what is looked for, whoever pushed it.
    pub(super) async fn is_cheaper_from_held(&mut self) -> Result<bool, Error> {
        let Some(repositories) = self.images.repositories() else { return Ok(false) };
        if self.count_components(COMPONENTS_UNCOUNTED_MAX + 1).await? <= COMPONENTS_UNCOUNTED_MAX {
            return Ok(false);
        }
        let list: Vec<Value> = repositories.iter().map(|id| id.number().into()).collect();
        let counted = self.tx.query_list(&COUNT_HELD, &self.tagged.placement_bounds(), &list).await?;
        let held: i64 = counted.iter().map(|row| row.get::<i64>(0)).sum::<Result<_, _>>()?;
        let most = held / HELD_PER_COMPONENT;
        Ok(most <= COMPONENTS_UNCOUNTED_MAX || self.count_components(most + 1).await? > most)
    }

    /// Counts the components that go by what is looked for, up to a number.
    async fn count_components(&mut self, most: i64) -> Result<i64, Error> {
        let (least, greatest) = self.query.bounds.clone();
        let counted = match (self.query.key, self.vulnerability) {
            (Key::Vulnerability, Some(id)) => self.tx.find(&COUNT_BY_VULNERABILITY, &[id.into(), most.into()]).await?,
            (Key::Package, _) => self.tx.find(&COUNT_BY_PACKAGE, &[least.into(), greatest.into(), most.into()]).await?,
            _ => self.tx.find(&COUNT_BY_NAME, &[least.into(), greatest.into(), most.into()]).await?,
        };
        Ok(counted.map_or(Ok(0), |row| row.get(0))?)
    }

    /// Returns the next candidates and where to go on, by one look at what the caller's repositories hold.
    pub(super) async fn step_from_held(self, from: &Position) -> Result<Step, Error> {
        let repositories = self.images.repositories().unwrap_or_default();
        let (statement, places_column, names) = match (self.query.key, self.vulnerability) {
            (Key::Vulnerability, Some(id)) => (&LIST_HELD_BY_VULNERABILITY, 11, vec![id.into()]),
            (by, _) => {
                let statement = if by == Key::Package { &LIST_HELD_BY_PACKAGE } else { &LIST_HELD_BY_NAME };
                let (least, greatest) = self.query.bounds.clone();
                (statement, 6, vec![least.into(), greatest.into()])
            }
        };
        let mut parameters = Vec::from(self.tagged.placement_bounds());
        parameters.extend([
            Value::from(&from.key),
            (&from.identity).into(),
            from.behind.0.into(),
            from.behind.1.into(),
        ]);
        parameters.push(ROWS_HELD_MAX.into());
        parameters.extend(names);
        let list: Vec<Value> = repositories.iter().map(|id| id.number().into()).collect();
        let (mut rows, mut end) = (Rows::new(), None);
        for some in list.chunks(REPOSITORIES_IN_WALK) {
            let walked = self.tx.query_list(statement, &parameters, some).await?;
            let is_cut = walked.len() >= ROWS_HELD_MAX as usize;
            let mut farthest = None;
            for row in walked {
                let place = (row.get(2)?, row.get(1)?, row.get(places_column)?, row.get(places_column + 1)?);
                farthest = Some(place.clone());
                rows.insert(place, row);
            }
            if is_cut {
                end = [end, farthest].into_iter().flatten().min();
            }
            // What lies behind the end of some repositories comes again, with all the others hold there.
            if let Some(end) = &end {
                rows.retain(|place, _| place <= end);
            }
        }
        let mut candidates = Vec::new();
        let mut component: Option<(Arc<Component>, Verdict)> = None;
        for ((_, identity, image, repository), row) in &rows {
            if component.as_ref().is_none_or(|(component, _)| component.identity != *identity) {
                component = Some(self.component(row)?);
            }
            let Some((component, verdict)) = &component else { continue };
            if *verdict == Verdict::No {
                continue;
            }
            let repository = RepositoryId::from_number(*repository);
            let (found, placed_at_us) = (Arc::clone(component), row.get(places_column + 2)?);
            candidates.push(Candidate { component: found, image: *image, repository, placed_at_us });
            if candidates.len() >= self.wanted {
                let next = Some(Position::behind(component, (*image, repository.number())));
                return Ok(Step { candidates, next, is_from_held: true });
            }
        }
        let next =
            end.map(|(key, identity, image, repository)| Position { key, identity, behind: (image, repository) });
        Ok(Step { candidates, next, is_from_held: true })
    }
}

impl Images {
    /// Returns the repositories whose images the caller may read; nothing for one who may read all.
    fn repositories(&self) -> Option<BTreeSet<RepositoryId>> {
        match self {
            Self::Few(few) => Some(few.values().flat_map(BTreeMap::keys).copied().collect()),
            Self::Of(repositories) => Some((**repositories).clone()),
            Self::All => None,
        }
    }
}
