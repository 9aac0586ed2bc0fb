//! Which images have a vulnerability.

use std::collections::{BTreeMap, BTreeSet};

use db::Value;

use crate::decided::COUNTED;
use crate::pipeline::{Error, Pipeline};

db::statements! {
    /// A vulnerability's number.
    FIND_VULNERABILITY = "SELECT id FROM finding_vulnerabilities WHERE name = $1";
    /// What a distribution answers for, of a vulnerability.
    LIST_OWNED_OF = "SELECT component_id, owner_id FROM finding_owned WHERE vulnerability_id = $1";
    /// What is decided of a vulnerability in images.
    LIST_DECIDED_OF = "SELECT repository_id, image_id, component_id, verdict FROM finding_decisions WHERE vulnerability_id = $1 \
        AND image_id IN {list}";
    /// What installed components in images.
    LIST_OWNERS_IN = "SELECT image_id, component_id, owner_id FROM inventory_owners WHERE image_id IN {list}";
}

impl Pipeline {
    /// Returns the vulnerabilities that something here has or had, of those that are meant by a name: what findings call them, in order, and their numbers.
    pub(crate) async fn vulnerabilities_here(&self, name: &str) -> Result<Vec<(String, i64)>, Error> {
        let mut names = Vec::new();
        if let Some(advisories) = self.advisories()
            && let Some(asked) = advisories.find(name)?
        {
            for index in asked.vulnerabilities {
                names.push(advisories.database.vulnerability(index)?.name.to_owned());
            }
        }
        // What was found by an earlier database may be called otherwise.
        let earlier = [name.to_uppercase(), name.to_owned()];
        let found = self.inner.index.read(move |tx| {
            let (names, earlier) = (names.clone(), earlier.clone());
            Box::pin(async move {
                let mut here = Vec::new();
                for name in names {
                    if let Some(row) = tx.find(&FIND_VULNERABILITY, &[(&name).into()]).await? {
                        here.push((name, row.get::<i64>(0)?));
                    }
                }
                for name in earlier {
                    if here.is_empty()
                        && let Some(row) = tx.find(&FIND_VULNERABILITY, &[(&name).into()]).await?
                    {
                        here.push((name, row.get::<i64>(0)?));
                    }
                }
                Ok::<_, db::Error>(here)
            })
        });
        Ok(found.await?)
    }

    /// Of images, returns in which repository and for which component something is decided of a vulnerability, and whether it counts.
    pub(crate) async fn decided_in(
        &self,
        vulnerability: i64,
        images: &BTreeSet<i64>,
    ) -> Result<BTreeMap<(i64, i64, i64), bool>, Error> {
        let images: Vec<Value> = images.iter().map(|image| (*image).into()).collect();
        let rows = self.inner.index.read(move |tx| {
            Box::pin(async move { tx.query_list(&LIST_DECIDED_OF, &[vulnerability.into()], &images).await })
        });
        let mut decided = BTreeMap::new();
        for row in rows.await? {
            decided.insert((row.get(0)?, row.get(1)?, row.get(2)?), row.get::<i64>(3)? == COUNTED);
        }
        Ok(decided)
    }

    /// Of pairs of an image and a component, returns those in which the distribution answers for a vulnerability.
    pub(crate) async fn answered_for(
        &self,
        vulnerability: i64,
        pairs: &BTreeSet<(i64, i64)>,
    ) -> Result<BTreeSet<(i64, i64)>, Error> {
        let images: BTreeSet<i64> = pairs.iter().map(|(image, _)| *image).collect();
        let images: Vec<Value> = images.into_iter().map(Value::from).collect();
        let found = self.inner.index.read(move |tx| {
            Box::pin(async move {
                let owned = tx.query(&LIST_OWNED_OF, &[vulnerability.into()]).await?;
                let owners =
                    if owned.is_empty() { Vec::new() } else { tx.query_list(&LIST_OWNERS_IN, &[], &images).await? };
                Ok::<_, db::Error>((owned, owners))
            })
        });
        let (owned, owners) = found.await?;
        let mut spoken: BTreeMap<i64, BTreeSet<i64>> = BTreeMap::new();
        for row in &owned {
            spoken.entry(row.get(0)?).or_default().insert(row.get(1)?);
        }
        let mut installed: BTreeMap<(i64, i64), BTreeSet<i64>> = BTreeMap::new();
        for row in &owners {
            installed.entry((row.get(0)?, row.get(1)?)).or_default().insert(row.get(2)?);
        }
        installed
            .retain(|pair, by| pairs.contains(pair) && spoken.get(&pair.1).is_some_and(|spoken| by.is_subset(spoken)));
        Ok(installed.into_keys().collect())
    }
}
