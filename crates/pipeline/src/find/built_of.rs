//! Packages of distributions that are built of a source package of the name that is looked for: what a distribution builds of `openssl` is called `libssl3`
//! in an image.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use db::Value;
use oci::Digest;
use registry::RepositoryId;
use vulndb::file::package_hash;
use vulndb::{Ecosystem, Family};

use super::not_known::component;
use super::{Candidate, Readable};
use crate::advised::number_of_package;
use crate::pipeline::{Error, Pipeline};
use crate::query::Query;
use crate::tagged::Tagged;

/// Versions of such packages that are looked for, whoever may read their images: each of a kernel has a hundred.
const COMPONENTS_MAX: i64 = 1 << 14;

/// Components that are looked for at once.
const COMPONENTS_IN_STEP: usize = 256;

/// Places of components that are counted. Each costs about what a place of a page does.
const PLACES_MAX: usize = 64;

/// Names that are told.
const NAMES_MAX: usize = 5;

db::statements! {
    /// The releases of distributions that images are of, each found behind the one before.
    LIST_RELEASES = "WITH RECURSIVE releases (name) AS (SELECT MIN(release) FROM inventory_images WHERE release IS NOT NULL \
        UNION ALL SELECT (SELECT MIN(i.release) FROM inventory_images i WHERE i.release > r.name) FROM releases r \
        WHERE r.name IS NOT NULL) SELECT name FROM releases WHERE name IS NOT NULL";
    /// Components that go by some packages under other names, up to a number.
    LIST_UNDER_OTHER_NAMES = "SELECT c.id, c.identity, c.name_key, c.package_type, c.name, c.version FROM finding_packages p \
        CROSS JOIN inventory_components c WHERE c.id = p.component_id AND c.name_key <> $1 AND p.package_hash IN {list} \
        ORDER BY c.name_key, c.identity LIMIT $2";
    /// The manifests of images.
    LIST_DIGESTS = "SELECT id, digest FROM inventory_images WHERE id IN {list}";
}

/// Images that hold packages which are built of a source package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltOf {
    /// The first names of such packages.
    pub names: Vec<String>,
    /// How many images hold one, each counted in each repository that holds it.
    pub images: u64,
    /// Whether there may be more than were counted.
    pub more: bool,
}

impl Pipeline {
    /// Finds packages of distributions whose source package has the whole name that is looked for and which have another, in images that the caller may
    /// read and that are tagged or not. None where there is none, where no whole name is looked for, and before the first database of advisories: what a
    /// package is built of is known as it is matched.
    ///
    /// The cost is that of a few look-ups where there is none.
    pub(super) async fn built_of(
        &self,
        query: &Query,
        (readable, tagged): (&Readable, Tagged),
    ) -> Result<Option<BuiltOf>, Error> {
        let Some(name) = &query.name else { return Ok(None) };
        // Few have capital letters in their names.
        let (own, names) = (query.bounds.0.clone(), BTreeSet::from([name.clone(), query.bounds.0.clone()]));
        let found = self.inner.index.read(move |tx| {
            Box::pin(async move {
                let releases = tx.query(&LIST_RELEASES, &[]).await?;
                let releases = releases.iter().map(|row| row.get(0)).collect::<Result<Vec<String>, _>>()?;
                let hashes = releases.iter().filter_map(|release| ecosystem_of(release)).flat_map(|ecosystem| {
                    let hash = |name: &String| package_hash(&ecosystem, &ecosystem.canonical_name(name));
                    names.iter().map(hash).map(number_of_package).map(Value::from).collect::<Vec<_>>()
                });
                let hashes: Vec<Value> = hashes.collect();
                tx.query_list(&LIST_UNDER_OTHER_NAMES, &[own.into(), COMPONENTS_MAX.into()], &hashes).await
            })
        });
        let rows = found.await?;
        if rows.is_empty() {
            return Ok(None);
        }
        let Some(images) = self.images(readable, tagged).await? else { return Ok(None) };
        let (query, mut candidates) = (Arc::new(query.clone()), Vec::new());
        for step in rows.chunks(COMPONENTS_IN_STEP) {
            let components = step.iter().map(|row| component(row).map(Arc::new)).collect::<Result<Vec<_>, _>>()?;
            let wanted = (PLACES_MAX + 1).saturating_sub(candidates.len());
            candidates.extend(self.places_of(components, &query, (&images, tagged), wanted).await?);
            if candidates.len() > PLACES_MAX {
                break;
            }
        }
        let more = candidates.len() > PLACES_MAX;
        candidates.truncate(PLACES_MAX);
        let held = self.held_now(&candidates, tagged).await?;
        let place = |candidate: &Candidate| (candidate.repository, candidate.image);
        candidates.retain(|candidate| held.contains(&place(candidate)));
        let images = candidates.iter().map(place).collect::<BTreeSet<_>>().len() as u64;
        let names: BTreeSet<&String> = candidates.iter().map(|candidate| &candidate.component.name).collect();
        let names = names.into_iter().take(NAMES_MAX).cloned().collect();
        Ok((images > 0).then_some(BuiltOf { names, images, more }))
    }

    /// Returns which images of candidates their repositories hold now, tagged or not.
    async fn held_now(&self, candidates: &[Candidate], tagged: Tagged) -> Result<BTreeSet<(RepositoryId, i64)>, Error> {
        let images: BTreeSet<i64> = candidates.iter().map(|candidate| candidate.image).collect();
        let list: Vec<Value> = images.into_iter().map(Value::from).collect();
        let rows = self.inner.index.read(|tx| Box::pin(async move { tx.query_list(&LIST_DIGESTS, &[], &list).await }));
        let mut digests: BTreeMap<i64, Digest> = BTreeMap::new();
        for row in rows.await? {
            let Ok(digest) = Digest::from_bytes(&row.get::<Vec<u8>>(1)?) else { continue };
            digests.insert(row.get(0)?, digest);
        }
        let place = |candidate: &Candidate| Some((candidate.repository, *digests.get(&candidate.image)?));
        let wanted: BTreeSet<(RepositoryId, Digest)> = candidates.iter().filter_map(place).collect();
        let held = self.inner.registry.find_held_manifests(&wanted.into_iter().collect::<Vec<_>>()).await?;
        let is_held = |candidate: &&Candidate| {
            let manifest = place(candidate).and_then(|place| held.get(&place));
            manifest.is_some_and(|manifest| tagged.means(manifest.tags_total > 0))
        };
        Ok(candidates.iter().filter(is_held).map(|candidate| (candidate.repository, candidate.image)).collect())
    }
}

/// Returns the ecosystem of a release of a distribution, by the name of [`vulndb::lifecycle::release_of`].
fn ecosystem_of(release: &str) -> Option<Ecosystem> {
    let (family, own) = release.split_once(':').map_or((release, None), |(family, own)| (family, Some(own)));
    // These have ends of their own, and the packages of Red Hat's.
    let family = if family.starts_with("CentOS ") { Family::RedHat.as_str() } else { family };
    let mut known = Family::ALL.iter().copied().filter(|known| known.is_distribution());
    let family = known.find(|known| known.as_str() == family)?;
    Some(own.map_or_else(|| Ecosystem::new(family), |own| Ecosystem::release(family, own)))
}

#[cfg(test)]
mod tests {
    use component::Distribution;
    use vulndb::lifecycle::release_of;

    use super::*;

    #[test]
    fn a_release_has_the_packages_of_its_ecosystem() {
        for (id, name, version) in [
            ("debian", "Debian GNU/Linux", "12"),
            ("ubuntu", "Ubuntu", "22.04"),
            ("alpine", "Alpine Linux", "3.18.4"),
            ("wolfi", "Wolfi", "20230201"),
            ("rhel", "Red Hat Enterprise Linux", "9.3"),
            ("centos", "CentOS Linux", "7"),
            ("centos", "CentOS Stream", "9"),
            ("almalinux", "AlmaLinux", "9.3"),
        ] {
            let distribution = Distribution {
                id: id.to_owned(),
                name: Some(name.to_owned()),
                version_id: Some(version.to_owned()),
                ..Distribution::default()
            };
            let expected = Ecosystem::of_distribution(&distribution);
            assert!(expected.is_some(), "{id}");
            assert_eq!(release_of(&distribution).as_deref().and_then(ecosystem_of), expected, "{id}");
        }
        assert_eq!(ecosystem_of("npm"), None);
    }
}
