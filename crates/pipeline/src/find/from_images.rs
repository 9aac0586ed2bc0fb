//! The walk that begins at the images of a caller, where more goes by what is looked for than those hold: what others pushed under a name costs a caller
//! nothing then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use db::{Row, Value};
use registry::RepositoryId;

use super::{Candidate, Component, Holders, Position, Walk};
use crate::pipeline::Error;
use crate::query::{Key, Verdict};

/// Components that go by what is looked for and are walked without a look at what the caller's images hold.
const COMPONENTS_UNCOUNTED_MAX: i64 = 512;

/// A component that goes by a name costs as much as so many of what an image holds: it is found in an order, and then in images.
const HELD_PER_COMPONENT: i64 = 8;

/// What each image holds of some, as far as a condition has it.
macro_rules! held {
    ($columns:literal, $from:literal, $where:literal) => {
        concat!(
            "SELECT c.id, c.identity, ",
            $columns,
            ", h.image_id FROM inventory_image_components h ",
            $from,
            "CROSS JOIN inventory_components c WHERE c.id = h.component_id AND h.image_id IN {list} AND ",
            $where
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
    /// How much some images hold.
    COUNT_HELD = "SELECT CAST(COALESCE(SUM(components), 0) AS BIGINT) FROM inventory_images WHERE id IN {list}";
    /// What some images hold by name, from one on.
    LIST_HELD_BY_NAME = held!(
        "c.name_key, c.package_type, c.name, c.version",
        "",
        "c.name_key >= $1 AND c.name_key <= $2 AND (c.name_key, c.identity) >= ($3, $4)"
    );
    /// What some images hold by package, from one on.
    LIST_HELD_BY_PACKAGE = held!(
        "c.package_key, c.package_type, c.name, c.version",
        "",
        "c.package_key >= $1 AND c.package_key <= $2 AND (c.package_key, c.identity) >= ($3, $4)"
    );
    /// What some images hold that has a vulnerability, from one on.
    LIST_HELD_BY_VULNERABILITY = held!(
        "c.name_key, c.package_type, c.name, c.version, v.name, f.level, f.fixed, f.since_us, f.suppressed",
        "CROSS JOIN findings f CROSS JOIN finding_vulnerabilities v ",
        "f.component_id = h.component_id AND f.vulnerability_id = $1 AND v.id = $1 AND (f.suppressed = 0 OR EXISTS (SELECT 1 \
        FROM finding_decisions d WHERE d.component_id = f.component_id AND d.vulnerability_id = $1 AND d.verdict = 3)) \
        AND (c.name_key, c.identity) >= ($2, $3)"
    );
}

impl Walk<'_> {
    /// Tells whether the images hold less than goes by what is looked for, whoever pushed it.
    pub(super) async fn is_cheaper_from_images(
        &mut self,
        few: &BTreeMap<i64, BTreeSet<RepositoryId>>,
    ) -> Result<bool, Error> {
        if self.count_components(COMPONENTS_UNCOUNTED_MAX + 1).await? <= COMPONENTS_UNCOUNTED_MAX {
            return Ok(false);
        }
        let list: Vec<Value> = few.keys().map(|id| (*id).into()).collect();
        let counted = self.tx.query_list(&COUNT_HELD, &[], &list).await?;
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

    /// Returns the next candidates and where to go on, by one look at what the images hold.
    pub(super) async fn step_from_images(
        self,
        few: &BTreeMap<i64, BTreeSet<RepositoryId>>,
        from: &Position,
    ) -> Result<(Vec<Candidate>, Option<Position>), Error> {
        let (least, greatest) = self.query.bounds.clone();
        let (key, identity) = (Value::from(&from.key), Value::from(&from.identity));
        let list: Vec<Value> = few.keys().map(|id| (*id).into()).collect();
        let (rows, image_column) = match (self.query.key, self.vulnerability) {
            (Key::Vulnerability, Some(id)) => {
                let parameters = [id.into(), key, identity];
                (self.tx.query_list(&LIST_HELD_BY_VULNERABILITY, &parameters, &list).await?, 11)
            }
            (by, _) => {
                let statement = if by == Key::Package { &LIST_HELD_BY_PACKAGE } else { &LIST_HELD_BY_NAME };
                let parameters = [least.into(), greatest.into(), key, identity];
                (self.tx.query_list(statement, &parameters, &list).await?, 6)
            }
        };
        let (components, holders) = self.held(&rows, image_column)?;
        Ok(self.in_holders(few, &holders, &components, from, None))
    }

    /// Returns what rows tell: the components that are looked for, in order, and which image holds which.
    fn held(&self, rows: &[Row], image_column: usize) -> Result<(Vec<Arc<Component>>, Holders), Error> {
        let mut holders = Holders::new();
        let mut components = BTreeMap::new();
        for row in rows {
            let (component, verdict) = self.component(row)?;
            if verdict == Verdict::No {
                continue;
            }
            holders.entry(component.id).or_default().insert(row.get(image_column)?);
            components.insert((component.key.clone(), component.identity.clone()), component);
        }
        Ok((components.into_values().collect(), holders))
    }
}
