//! The tables of inventories: what each image is made of, and which image holds which component.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use component::{Component, Inventory, Location};
use db::{Db, Row, Statement, Tx, Value};
use oci::Digest;
use registry::RepositoryId;
use sbom::LayerRecord;
use vulndb::{lifecycle, matching};

use crate::advised::{Subject, forget_decisions, variant};
use crate::numbers::{Known, Numbers};
use crate::orphans;
use crate::pack::pack;
use crate::places::{PLACES_MAX, Places};
use crate::query::package_key;
use crate::tagged;
use ledger::aside::aside;

/// The longest text of an index's key. PostgreSQL refuses rows of an index beyond 2,704 bytes, and two keys share one.
const KEY_BYTES_MAX: usize = 1024;

/// What is kept of an inventory beside what the engine finds. It is raised with whatever else is kept, so that a hub keeps all images anew.
///
/// 1: the release of the distribution, and how many places there are. 2: each list of places once.
pub(crate) const FORM: u32 = 2;

/// Bytes of packed layers that are kept, the least used going first.
const LAYERS_BYTES_MAX: i64 = 2 << 30;

/// Layers that are dropped by one write.
const LAYERS_DROPPED: i64 = 64;

db::statements! {
    /// What is known of an image.
    FIND_IMAGE = "SELECT id, state, engine, reason, platform, distribution, components, made_at_us \
        FROM inventory_images WHERE digest = $1";
    /// Notes an image, or what became of it now.
    UPSERT_IMAGE = "INSERT INTO inventory_images (digest, state, engine, reason, platform, distribution, components, \
        made_at_us, release) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (digest) DO UPDATE SET state = excluded.state, \
        engine = excluded.engine, reason = excluded.reason, platform = excluded.platform, \
        distribution = excluded.distribution, components = excluded.components, made_at_us = excluded.made_at_us, \
        release = excluded.release RETURNING id";
    /// The releases of distributions that images are of.
    LIST_RELEASES = "SELECT DISTINCT release FROM inventory_images WHERE release IS NOT NULL ORDER BY release";
    /// Keeps an inventory.
    UPSERT_INVENTORY = "INSERT INTO inventories (image_id, body, places) VALUES ($1, $2, $3) \
        ON CONFLICT (image_id) DO UPDATE SET body = excluded.body, places = excluded.places";
    /// The inventory of an image.
    FIND_INVENTORY = "SELECT v.body, i.made_at_us FROM inventories v JOIN inventory_images i ON i.id = v.image_id \
        WHERE i.digest = $1";
    /// When the inventory of an image was made.
    FIND_MADE_AT = "SELECT i.made_at_us FROM inventory_images i WHERE i.digest = $1 AND EXISTS \
        (SELECT 1 FROM inventories v WHERE v.image_id = i.id)";
    /// When an image came to a repository that holds it, where that is noted.
    FIND_PLACED_AT = "SELECT placed_at_us FROM inventory_placements WHERE repository_id = $1 AND image_id = $2 AND placed_at_us > 0";
    /// Drops an inventory.
    DELETE_INVENTORY = "DELETE FROM inventories WHERE image_id = $1";
    /// Numbers of components.
    LIST_COMPONENT_IDS = "SELECT identity, id FROM inventory_components WHERE identity IN {list}";
    /// Adds components.
    INSERT_COMPONENTS = "INSERT INTO inventory_components (identity, name_key, package_key, package_type, name, version, \
        subject) VALUES {rows:7} ON CONFLICT (identity) DO NOTHING";
    /// Takes an image's components away.
    DELETE_IMAGE_COMPONENTS = "DELETE FROM inventory_image_components WHERE image_id = $1";
    /// Says which components an image has.
    INSERT_IMAGE_COMPONENTS = "INSERT INTO inventory_image_components (image_id, component_id, tagged) VALUES {rows:3} \
        ON CONFLICT (image_id, component_id) DO NOTHING";
    /// Forgets which components of an image its distribution's packages installed.
    DELETE_OWNERS = "DELETE FROM inventory_owners WHERE image_id = $1";
    /// Says which components of an image its distribution's packages installed.
    INSERT_OWNERS = "INSERT INTO inventory_owners (image_id, component_id, owner_id) VALUES {rows:3} \
        ON CONFLICT (image_id, component_id, owner_id) DO NOTHING";
    /// Notes pairs of a component and what installed it.
    INSERT_PAIRS = "INSERT INTO finding_pairs (component_id, owner_id, fresh) VALUES {rows:3} \
        ON CONFLICT (component_id, owner_id) DO NOTHING";
    /// Says that a repository holds an image.
    INSERT_PLACEMENT = "INSERT INTO inventory_placements (repository_id, image_id, tagged, placed_at_us) VALUES ($1, $2, $3, $4) \
        ON CONFLICT (repository_id, image_id) DO UPDATE SET tagged = excluded.tagged, placed_at_us = \
        CASE WHEN inventory_placements.placed_at_us = 0 THEN excluded.placed_at_us ELSE inventory_placements.placed_at_us END";
    /// Has the findings of an image in a repository counted.
    UPSERT_TOTALS = "INSERT INTO finding_totals (repository_id, image_id, fresh, critical, high, medium, low, negligible, \
        unknown, exploited, mendable, suppressed, tagged) VALUES ($1, $2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, $3) \
        ON CONFLICT (repository_id, image_id) DO UPDATE SET fresh = 0, tagged = excluded.tagged";
    /// Forgets what an image has in a repository.
    DELETE_TOTALS = "DELETE FROM finding_totals WHERE repository_id = $1 AND image_id = $2";
    /// Forgets what an image had.
    DELETE_SCAN = "DELETE FROM finding_scans WHERE image_id = $1";
    /// Placements after a pair.
    LIST_PLACEMENTS = "SELECT p.repository_id, p.image_id, i.digest, p.tagged, p.placed_at_us FROM inventory_placements p \
        JOIN inventory_images i ON i.id = p.image_id WHERE (p.repository_id, p.image_id) > ($1, $2) \
        ORDER BY p.repository_id, p.image_id LIMIT $3";
    /// Placements of a repository after an image.
    LIST_PLACEMENTS_OF = "SELECT p.repository_id, p.image_id, i.digest, p.tagged, p.placed_at_us FROM inventory_placements p \
        JOIN inventory_images i ON i.id = p.image_id WHERE p.repository_id = $1 AND p.image_id > $2 ORDER BY p.image_id LIMIT $3";
    /// Placements of images in a repository.
    FIND_PLACEMENTS = "SELECT p.repository_id, p.image_id, i.digest, p.tagged, p.placed_at_us FROM inventory_images i \
        JOIN inventory_placements p ON p.image_id = i.id WHERE p.repository_id = $1 AND i.digest IN {list}";
    /// Takes a placement away.
    DELETE_PLACEMENT = "DELETE FROM inventory_placements WHERE repository_id = $1 AND image_id = $2";
    /// Whether a repository has an image that is kept as this program keeps them.
    LIST_PLACED = "SELECT i.digest FROM inventory_images i JOIN inventory_placements p ON p.image_id = i.id \
        WHERE p.repository_id = $1 AND i.engine = $2 AND i.digest IN {list}";
    /// Which of some images of a repository have an inventory that is kept as this program keeps them.
    LIST_MADE = "SELECT i.digest FROM inventory_images i JOIN inventory_placements p ON p.image_id = i.id \
        WHERE p.repository_id = $1 AND i.engine = $2 AND i.state = 1 AND i.digest IN {list}";
    /// An image that is kept otherwise than this program keeps them.
    FIND_KEPT_OTHERWISE = "SELECT id FROM inventory_images WHERE engine <> $1 LIMIT 1";
    /// Images that no repository has.
    LIST_UNPLACED = "SELECT i.id FROM inventory_images i WHERE i.id > $1 AND NOT EXISTS \
        (SELECT 1 FROM inventory_placements p WHERE p.image_id = i.id) ORDER BY i.id LIMIT $2";
    /// Drops an image.
    DELETE_IMAGE = "DELETE FROM inventory_images WHERE id = $1";

    /// What was read of a layer.
    FIND_LAYER = "SELECT body FROM inventory_layers WHERE digest = $1 AND engine = $2";
    /// Notes that a layer was of use.
    TOUCH_LAYER = "UPDATE inventory_layers SET used_at_us = $3 WHERE digest = $1 AND engine = $2";
    /// Keeps what was read of a layer.
    UPSERT_LAYER = "INSERT INTO inventory_layers (digest, engine, size_bytes, used_at_us, body) \
        VALUES ($1, $2, $3, $4, $5) ON CONFLICT (digest, engine) DO UPDATE SET size_bytes = excluded.size_bytes, \
        used_at_us = excluded.used_at_us, body = excluded.body";
    /// What is kept of layers.
    SUM_LAYERS = "SELECT CAST(COALESCE(SUM(size_bytes), 0) AS BIGINT) FROM inventory_layers";
    /// The layers that were of use the longest ago.
    LIST_OLD_LAYERS = "SELECT digest, engine, size_bytes FROM inventory_layers ORDER BY used_at_us LIMIT $1";
    /// Drops a layer.
    DELETE_LAYER = "DELETE FROM inventory_layers WHERE digest = $1 AND engine = $2";
}

/// Whether an image could be inventoried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Its inventory is here.
    Made,
    /// It cannot be read, for a reason told in words.
    Refused(String),
}

/// What is known of an image's inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageRecord {
    pub(crate) id: i64,
    pub(crate) kept_as: String,
    /// Whether there is one.
    pub state: State,
    /// `os/architecture[/variant]`.
    pub platform: Option<String>,
    /// The distribution in it, by its own name.
    pub distribution: Option<String>,
    /// How many components it has.
    pub components: u64,
    /// When it was made, in microseconds since 1970-01-01 UTC.
    pub made_at_us: i64,
}

/// An inventory ready to be kept.
pub(crate) struct Packed {
    pub(crate) image: Digest,
    pub(crate) kept_as: String,
    pub(crate) platform: Option<String>,
    pub(crate) distribution: Option<String>,
    pub(crate) release: Option<String>,
    pub(crate) body: Vec<u8>,
    layers: Vec<String>,
    /// Components that the distribution's packages installed, with those packages, by their identities.
    owners: BTreeSet<(String, String)>,
    /// By identity, each once.
    components: BTreeMap<String, Indexed>,
    count: usize,
}

struct Indexed {
    subject: Vec<u8>,
    name_key: String,
    package_key: String,
    package_type: &'static str,
    name: String,
    version: String,
    places: Vec<Location>,
    places_total: usize,
}

impl Packed {
    /// Packs an inventory; none when it is larger than any that is kept.
    pub(crate) fn new(image: Digest, kept_as: &str, platform: Option<String>, inventory: &Inventory) -> Option<Self> {
        let body = pack(inventory)?;
        let mut components: BTreeMap<String, Indexed> = BTreeMap::new();
        let mut identities = Vec::with_capacity(inventory.components.len());
        let system = matching::distribution_of(inventory);
        for component in &inventory.components {
            let subject = Subject::of(component, system.as_deref()).to_bytes()?;
            let identity = identity_of(component, &subject);
            let indexed = components.entry(identity.clone()).or_insert_with(|| Indexed::new(component, subject));
            let room = PLACES_MAX - indexed.places.len();
            indexed.places.extend(component.locations.iter().take(room).cloned());
            indexed.places_total += component.locations.len();
            identities.push(identity);
        }
        let name = |distribution: &component::Distribution| {
            let name = distribution.pretty_name.clone().or_else(|| distribution.name.clone());
            stored(&name.unwrap_or_else(|| distribution.id.clone()), KEY_BYTES_MAX)
        };
        Some(Self {
            image,
            kept_as: kept_as.to_owned(),
            platform,
            distribution: inventory.distribution.as_ref().map(name),
            release: inventory
                .distribution
                .as_ref()
                .and_then(lifecycle::release_of)
                .map(|name| stored(&name, KEY_BYTES_MAX)),
            body,
            layers: inventory.layers.iter().map(|layer| layer.digest.clone()).collect(),
            owners: owners(inventory, &identities),
            components,
            count: inventory.components.len(),
        })
    }

    fn places(&self, ids: &BTreeMap<String, i64>) -> Places<'_> {
        let numbered = self.components.iter().filter_map(|(identity, component)| {
            Some((*ids.get(identity)?, component.places.as_slice(), component.places_total as u64))
        });
        Places::new(&self.layers, numbered)
    }

    /// Returns what the components are known by in the index.
    pub(crate) fn identities(&self) -> impl Iterator<Item = &String> {
        self.components.keys()
    }

    /// Returns the SHA-256 of the packed inventory, in hexadecimal.
    pub(crate) fn sha256(&self) -> String {
        hex::encode(digest(&SHA256, &self.body))
    }
}

/// Returns what each component of an inventory is known by in the index, in the inventory's order.
pub(crate) fn identities(inventory: &Inventory) -> Vec<String> {
    let system = matching::distribution_of(inventory);
    let identity = |component: &Component| {
        let subject = Subject::of(component, system.as_deref()).to_bytes().unwrap_or_default();
        identity_of(component, &subject)
    };
    inventory.components.iter().map(identity).collect()
}

fn identity_of(component: &Component, subject: &[u8]) -> String {
    format!("{}{VARIANT_MARK}{}", identity(component), variant(subject))
}

/// Returns the components that were installed by packages of the distribution wherever they are, with those packages.
fn owners(inventory: &Inventory, identities: &[String]) -> BTreeSet<(String, String)> {
    let named = |index: component::ComponentIndex| identities.get(usize::try_from(index.0).unwrap_or(usize::MAX));
    let mut installed: BTreeMap<component::ComponentIndex, component::ComponentIndex> = BTreeMap::new();
    for edge in &inventory.edges {
        if let component::Edge { from: component::Node::Component(owner), to, relation: component::Relation::Owns } =
            edge
        {
            installed.insert(*to, *owner);
        }
    }
    let indices = (0_u32..).map(component::ComponentIndex);
    let by_themselves: BTreeSet<&String> = indices
        .zip(identities)
        .filter(|(index, _)| !installed.contains_key(index))
        .map(|(_, identity)| identity)
        .collect();
    installed
        .iter()
        .filter_map(|(index, owner)| Some((named(*index)?, named(*owner)?)))
        .filter(|(identity, _)| !by_themselves.contains(identity))
        .map(|(identity, owner)| (identity.clone(), owner.clone()))
        .collect()
}

impl Indexed {
    fn new(component: &Component, subject: Vec<u8>) -> Self {
        Self {
            subject,
            name_key: stored(&component.name.to_lowercase(), KEY_BYTES_MAX / 2),
            package_key: component
                .purl
                .as_ref()
                .map_or_else(String::new, |purl| stored(&package_key(purl), KEY_BYTES_MAX)),
            package_type: component.package_type.purl_type(),
            name: stored(&component.name, KEY_BYTES_MAX),
            version: stored(component.version.as_deref().unwrap_or_default(), KEY_BYTES_MAX),
            places: Vec::new(),
            places_total: 0,
        }
    }
}

/// Between what a component is known by and what tells its variants apart. No purl holds it, and nothing but NUL sorts before it.
const VARIANT_MARK: char = '\u{1}';

/// Returns what a component of the index is known by.
pub(crate) fn shown(identity: &str) -> &str {
    identity.split_once(VARIANT_MARK).map_or(identity, |(shown, _)| shown)
}

/// Returns what a component is known by: its purl, or its kind, name and version.
pub fn identity(component: &Component) -> String {
    let text = component.purl.as_ref().map_or_else(
        || {
            let version = component.version.as_deref().unwrap_or_default();
            format!("{}/{}@{version}", component.package_type.name(), component.name)
        },
        ToString::to_string,
    );
    if text.len() <= KEY_BYTES_MAX && !text.contains(['\0', VARIANT_MARK]) {
        return text;
    }
    let hash = hex::encode(digest(&SHA256, text.as_bytes()));
    format!("{}#{hash}", stored(&text, KEY_BYTES_MAX - hash.len() - 1).replace(VARIANT_MARK, "?"))
}

/// Returns a text as the database takes it.
fn stored(text: &str, bytes_max: usize) -> String {
    text[..text.floor_char_boundary(bytes_max)].replace('\0', "?")
}

/// Returns what is known of an image.
pub(crate) async fn find_image(index: &Db, image: Digest) -> Result<Option<ImageRecord>, db::Error> {
    let found = index.read(move |tx| Box::pin(async move { tx.find(&FIND_IMAGE, &[image.to_bytes().into()]).await }));
    found.await?.map(|row| image_record(&row)).transpose()
}

fn image_record(row: &Row) -> Result<ImageRecord, db::Error> {
    let (state, reason): (i64, Option<String>) = (row.get(1)?, row.get(3)?);
    Ok(ImageRecord {
        id: row.get(0)?,
        state: if state == MADE { State::Made } else { State::Refused(reason.unwrap_or_default()) },
        kept_as: row.get(2)?,
        platform: row.get(4)?,
        distribution: row.get(5)?,
        components: row.get(6)?,
        made_at_us: row.get(7)?,
    })
}

const MADE: i64 = 1;
const REFUSED: i64 = 2;

/// Returns the inventory of an image as it is kept, and when it was made.
pub(crate) async fn find_packed(index: &Db, image: Digest) -> Result<Option<(Vec<u8>, i64)>, db::Error> {
    let found =
        index.read(move |tx| Box::pin(async move { tx.find(&FIND_INVENTORY, &[image.to_bytes().into()]).await }));
    found.await?.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}

/// Returns when the inventory of an image was made.
pub(crate) async fn find_made_at(index: &Db, image: Digest) -> Result<Option<i64>, db::Error> {
    let found = index.read(move |tx| Box::pin(async move { tx.find(&FIND_MADE_AT, &[image.to_bytes().into()]).await }));
    found.await?.map(|row| row.get(0)).transpose()
}

/// Returns when an image came to a repository that holds it, where that is noted.
pub(crate) async fn find_placed_at(index: &Db, repository: RepositoryId, image: i64) -> Result<Option<i64>, db::Error> {
    let place = [repository.number().into(), image.into()];
    let found = index.read(move |tx| Box::pin(async move { tx.find(&FIND_PLACED_AT, &place).await }));
    found.await?.map(|row| row.get(0)).transpose()
}

/// Keeps an inventory and says where its components are, of some of which the numbers are known.
pub(crate) async fn store(
    index: &Db,
    numbers: &Numbers,
    known: Arc<Known>,
    packed: Arc<Packed>,
    holder: Holder,
) -> Result<i64, db::Error> {
    let (shared, known_before) = (Arc::clone(&packed), Arc::clone(&known));
    let (id, ids, epoch) = index
        .write(move |tx| {
            let (packed, known) = (Arc::clone(&shared), Arc::clone(&known_before));
            Box::pin(async move {
                let id = upsert_image(tx, &packed).await?;
                let epoch = orphans::epoch(tx).await?;
                let known = if known.epoch == epoch { known.ids.clone() } else { BTreeMap::new() };
                let ids = component_ids(tx, known, &packed).await?;
                place_in(tx, id, holder).await?;
                let tagged = tagged::count_tagged(tx, id).await?;
                place_components(tx, (id, tagged), &ids, &packed).await?;
                let places = packed.places(&ids).pack().unwrap_or_default();
                tx.execute(&UPSERT_INVENTORY, &[id.into(), packed.body.clone().into(), places.into()]).await?;
                Ok::<_, db::Error>((id, ids, epoch))
            })
        })
        .await?;
    let is_news = |(identity, _): &(&String, &i64)| known.epoch != epoch || !known.ids.contains_key(*identity);
    numbers.learn(epoch, ids.iter().filter(is_news));
    Ok(id)
}

async fn upsert_image(tx: &mut Tx, packed: &Packed) -> Result<i64, db::Error> {
    let now_us = tx.now_us().await?;
    let parameters = [
        packed.image.to_bytes().into(),
        MADE.into(),
        (&packed.kept_as).into(),
        Value::Null,
        packed.platform.as_ref().into(),
        packed.distribution.as_ref().into(),
        i64::try_from(packed.count).unwrap_or(i64::MAX).into(),
        now_us.into(),
        packed.release.as_ref().into(),
    ];
    returned_id(&tx.query(&UPSERT_IMAGE, &parameters).await?)
}

fn returned_id(rows: &[Row]) -> Result<i64, db::Error> {
    rows.first().map_or(Err(db::Error::TooManyRows { statement: UPSERT_IMAGE.name() }), |row| row.get(0))
}

/// Returns the numbers of an image's components; those that no image had get one.
async fn component_ids(
    tx: &mut Tx,
    known: BTreeMap<String, i64>,
    packed: &Packed,
) -> Result<BTreeMap<String, i64>, db::Error> {
    let mut ids = known;
    list_component_ids(tx, &mut ids, packed).await?;
    let missing: Vec<Vec<Value>> = packed
        .components
        .iter()
        .filter(|(identity, _)| !ids.contains_key(*identity))
        .map(|(identity, component)| {
            vec![
                identity.into(),
                (&component.name_key).into(),
                (&component.package_key).into(),
                component.package_type.into(),
                (&component.name).into(),
                (&component.version).into(),
                component.subject.clone().into(),
            ]
        })
        .collect();
    if !missing.is_empty() {
        tx.execute_rows(&INSERT_COMPONENTS, &[], &missing).await?;
        list_component_ids(tx, &mut ids, packed).await?;
    }
    Ok(ids)
}

/// Adds the numbers of those components of an image that have none yet.
async fn list_component_ids(tx: &mut Tx, ids: &mut BTreeMap<String, i64>, packed: &Packed) -> Result<(), db::Error> {
    let list: Vec<Value> =
        packed.components.keys().filter(|identity| !ids.contains_key(*identity)).map(Value::from).collect();
    for row in tx.query_list(&LIST_COMPONENT_IDS, &[], &list).await? {
        ids.insert(row.get(0)?, row.get(1)?);
    }
    Ok(())
}

/// Says that a repository holds an image, and has its findings counted there.
async fn place_in(tx: &mut Tx, image: i64, holder: Holder) -> Result<(), db::Error> {
    let [repository, image, tagged, placed_at_us] = holder.placement(image);
    tx.execute(&INSERT_PLACEMENT, &[repository.clone(), image.clone(), tagged.clone(), placed_at_us]).await?;
    tx.execute(&UPSERT_TOTALS, &[repository, image, tagged]).await?;
    Ok(())
}

async fn place_components(
    tx: &mut Tx,
    (image, tagged): (i64, i64),
    ids: &BTreeMap<String, i64>,
    packed: &Packed,
) -> Result<(), db::Error> {
    tx.execute(&DELETE_IMAGE_COMPONENTS, &[image.into()]).await?;
    tx.execute(&DELETE_OWNERS, &[image.into()]).await?;
    let numbers: BTreeSet<i64> = ids.values().copied().collect();
    let rows: Vec<Vec<Value>> = numbers.iter().map(|id| vec![image.into(), (*id).into(), tagged.into()]).collect();
    tx.execute_rows(&INSERT_IMAGE_COMPONENTS, &[], &rows).await?;
    let owned: Vec<(i64, i64)> =
        packed.owners.iter().filter_map(|(component, owner)| Some((*ids.get(component)?, *ids.get(owner)?))).collect();
    let rows: Vec<Vec<Value>> =
        owned.iter().map(|(component, owner)| vec![image.into(), (*component).into(), (*owner).into()]).collect();
    tx.execute_rows(&INSERT_OWNERS, &[], &rows).await?;
    let rows: Vec<Vec<Value>> =
        owned.iter().map(|(component, owner)| vec![(*component).into(), (*owner).into(), 0_i64.into()]).collect();
    tx.execute_rows(&INSERT_PAIRS, &[], &rows).await?;
    Ok(())
}

/// Returns the releases of distributions that images are of.
pub(crate) async fn list_releases(index: &Db) -> Result<BTreeSet<String>, db::Error> {
    let rows = index.read(|tx| Box::pin(async move { tx.query(&LIST_RELEASES, &[]).await })).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

/// Notes that an image cannot be inventoried, and why.
pub(crate) async fn refuse(
    index: &Db,
    image: Digest,
    kept_as: &str,
    reason: &str,
    holder: Holder,
) -> Result<(), db::Error> {
    let (kept_as, reason) = (kept_as.to_owned(), reason.replace('\0', "\u{fffd}"));
    index
        .write(move |tx| {
            let (kept_as, reason) = (kept_as.clone(), reason.clone());
            Box::pin(async move {
                let now_us = tx.now_us().await?;
                let parameters = [
                    image.to_bytes().into(),
                    REFUSED.into(),
                    kept_as.into(),
                    reason.into(),
                    Value::Null,
                    Value::Null,
                    0_i64.into(),
                    now_us.into(),
                    Value::Null,
                ];
                let id = returned_id(&tx.query(&UPSERT_IMAGE, &parameters).await?)?;
                tx.execute(&DELETE_IMAGE_COMPONENTS, &[id.into()]).await?;
                tx.execute(&DELETE_OWNERS, &[id.into()]).await?;
                tx.execute(&DELETE_INVENTORY, &[id.into()]).await?;
                tx.execute(&INSERT_PLACEMENT, &holder.placement(id)).await?;
                tagged::count_tagged(tx, id).await?;
                Ok(())
            })
        })
        .await
}

/// Says that a repository holds an image that was looked at before.
pub(crate) async fn place(index: &Db, image: i64, holder: Holder) -> Result<(), db::Error> {
    index
        .write(move |tx| {
            Box::pin(async move {
                place_in(tx, image, holder).await?;
                tagged::count_tagged(tx, image).await?;
                Ok(())
            })
        })
        .await
}

/// Tells whether any image is kept otherwise than this program keeps them.
pub(crate) async fn is_any_kept_otherwise(index: &Db, kept_as: &str) -> Result<bool, db::Error> {
    let kept_as = kept_as.to_owned();
    let found = index.read(|tx| Box::pin(async move { tx.find(&FIND_KEPT_OTHERWISE, &[kept_as.into()]).await }));
    Ok(found.await?.is_some())
}

/// Returns which of some images of a repository are kept as this program keeps them, and placed there.
pub(crate) async fn list_placed(
    index: &Db,
    kept_as: &str,
    repository: RepositoryId,
    images: &[Digest],
) -> Result<BTreeSet<Digest>, db::Error> {
    list_kept(index, &LIST_PLACED, kept_as, (repository, images)).await
}

/// Returns those of them that have an inventory.
pub(crate) async fn list_made(
    index: &Db,
    kept_as: &str,
    repository: RepositoryId,
    images: &[Digest],
) -> Result<BTreeSet<Digest>, db::Error> {
    list_kept(index, &LIST_MADE, kept_as, (repository, images)).await
}

async fn list_kept(
    index: &Db,
    statement: &'static Statement,
    kept_as: &str,
    (repository, images): (RepositoryId, &[Digest]),
) -> Result<BTreeSet<Digest>, db::Error> {
    let kept_as = kept_as.to_owned();
    let list: Vec<Value> = images.iter().map(|image| image.to_bytes().into()).collect();
    let rows = index.read(move |tx| {
        Box::pin(async move { tx.query_list(statement, &[repository.number().into(), kept_as.into()], &list).await })
    });
    let rows = rows.await?;
    let mut placed = BTreeSet::new();
    for row in rows {
        placed.extend(Digest::from_bytes(&row.get::<Vec<u8>>(0)?).ok());
    }
    Ok(placed)
}

/// A repository that holds an image, as the registry says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) repository: RepositoryId,
    /// Whether a tag holds the image there.
    pub(crate) is_tagged: bool,
    /// When it was last pushed there, in microseconds since 1970-01-01 UTC; 0 where it is gone meanwhile.
    pub(crate) pushed_at_us: i64,
}

impl Holder {
    fn placement(self, image: i64) -> [Value; 4] {
        let tagged = tagged::number(self.is_tagged);
        [self.repository.number().into(), image.into(), tagged.into(), self.pushed_at_us.into()]
    }
}

/// That a repository holds an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Placement {
    pub(crate) repository: RepositoryId,
    /// The image's number in the index.
    pub(crate) image: i64,
    pub(crate) digest: Digest,
    /// What is noted of whether a tag holds it there.
    pub(crate) tagged: i64,
    /// When it came there, in microseconds since 1970-01-01 UTC; 0 where that is not noted yet.
    pub(crate) placed_at_us: i64,
}

fn placements(rows: &[Row]) -> Result<Vec<Placement>, db::Error> {
    let mut placements = Vec::with_capacity(rows.len());
    for row in rows {
        let Ok(digest) = Digest::from_bytes(&row.get::<Vec<u8>>(2)?) else { continue };
        let repository = RepositoryId::from_number(row.get(0)?);
        let (image, tagged, placed_at_us) = (row.get(1)?, row.get(3)?, row.get(4)?);
        placements.push(Placement { repository, image, digest, tagged, placed_at_us });
    }
    Ok(placements)
}

/// Returns placements after one, in order.
pub(crate) async fn list_placements(
    index: &Db,
    after: Option<&Placement>,
    limit: i64,
) -> Result<Vec<Placement>, db::Error> {
    let (repository, image) = after.map_or((i64::MIN, 0), |after| (after.repository.number(), after.image));
    let parameters = [repository.into(), image.into(), limit.into()];
    placements(&index.read(move |tx| Box::pin(async move { tx.query(&LIST_PLACEMENTS, &parameters).await })).await?)
}

/// Returns placements of a repository after an image, in order.
pub(crate) async fn list_placements_of(
    index: &Db,
    repository: RepositoryId,
    after: Option<i64>,
    limit: i64,
) -> Result<Vec<Placement>, db::Error> {
    let parameters = [repository.number().into(), after.unwrap_or(i64::MIN).into(), limit.into()];
    placements(&index.read(move |tx| Box::pin(async move { tx.query(&LIST_PLACEMENTS_OF, &parameters).await })).await?)
}

/// Returns the placements of images in a repository.
pub(crate) async fn find_placements(
    index: &Db,
    repository: RepositoryId,
    images: &[Digest],
) -> Result<Vec<Placement>, db::Error> {
    let list: Vec<Value> = images.iter().map(|image| image.to_bytes().into()).collect();
    let rows = index.read(move |tx| {
        Box::pin(async move { tx.query_list(&FIND_PLACEMENTS, &[repository.number().into()], &list).await })
    });
    placements(&rows.await?)
}

/// Takes placements away that are no more.
pub(crate) async fn unplace(index: &Db, gone: Vec<Placement>) -> Result<(), db::Error> {
    index
        .write(move |tx| {
            let gone = gone.clone();
            Box::pin(async move {
                for Placement { repository, image, .. } in gone {
                    tx.execute(&DELETE_PLACEMENT, &[repository.number().into(), image.into()]).await?;
                    tx.execute(&DELETE_TOTALS, &[repository.number().into(), image.into()]).await?;
                    tagged::count_tagged(tx, image).await?;
                    forget_decisions(tx, repository.number(), image).await?;
                }
                Ok(())
            })
        })
        .await
}

/// Drops a batch of images that no repository has; returns how many.
pub(crate) async fn drop_unplaced(index: &Db, limit: i64) -> Result<usize, db::Error> {
    index
        .write(move |tx| {
            Box::pin(async move {
                let rows = tx.query(&LIST_UNPLACED, &[0_i64.into(), limit.into()]).await?;
                for row in &rows {
                    let id: i64 = row.get(0)?;
                    tx.execute(&DELETE_IMAGE_COMPONENTS, &[id.into()]).await?;
                    tx.execute(&DELETE_OWNERS, &[id.into()]).await?;
                    tx.execute(&DELETE_INVENTORY, &[id.into()]).await?;
                    tx.execute(&DELETE_SCAN, &[id.into()]).await?;
                    tx.execute(&DELETE_IMAGE, &[id.into()]).await?;
                }
                Ok(rows.len())
            })
        })
        .await
}

/// Returns what an earlier image let be read of a layer.
pub(crate) async fn find_layer(index: &Db, layer: Digest, engine: &str) -> Result<Option<LayerRecord>, db::Error> {
    let engine = engine.to_owned();
    let found = index
        .read(move |tx| Box::pin(async move { tx.find(&FIND_LAYER, &[layer.to_bytes().into(), engine.into()]).await }));
    let Some(row) = found.await? else { return Ok(None) };
    let body: Vec<u8> = row.get(0)?;
    Ok(aside(move || LayerRecord::from_bytes(&body)).await.unwrap_or_default())
}

/// Keeps what was read of a layer, and drops what was of use the longest ago where all together are too much.
pub(crate) async fn store_layer(index: &Db, layer: Digest, engine: &str, body: Vec<u8>) -> Result<(), db::Error> {
    let (engine, body) = (engine.to_owned(), Arc::new(body));
    index
        .write(move |tx| {
            let (engine, body) = (engine.clone(), Arc::clone(&body));
            Box::pin(async move {
                let now_us = tx.now_us().await?;
                let size_bytes = i64::try_from(body.len()).unwrap_or(i64::MAX);
                let parameters =
                    [layer.to_bytes().into(), engine.into(), size_bytes.into(), now_us.into(), body.to_vec().into()];
                tx.execute(&UPSERT_LAYER, &parameters).await?;
                Ok::<_, db::Error>(())
            })
        })
        .await
}

/// Notes that layers were of use.
pub(crate) async fn touch_layers(index: &Db, layers: Vec<Digest>, engine: &str) -> Result<(), db::Error> {
    let engine = engine.to_owned();
    index
        .write(move |tx| {
            let (engine, layers) = (engine.clone(), layers.clone());
            Box::pin(async move {
                let now_us = tx.now_us().await?;
                for layer in layers {
                    tx.execute(&TOUCH_LAYER, &[layer.to_bytes().into(), (&engine).into(), now_us.into()]).await?;
                }
                Ok(())
            })
        })
        .await
}

/// Drops a batch of the layers that were of use the longest ago while all together are too much; returns how many.
pub(crate) async fn drop_old_layers(index: &Db) -> Result<usize, db::Error> {
    index
        .write(|tx| {
            Box::pin(async move {
                let total = tx.find(&SUM_LAYERS, &[]).await?;
                let mut excess = total.map_or(Ok(0), |row| row.get::<i64>(0))? - LAYERS_BYTES_MAX;
                let mut dropped = 0;
                if excess <= 0 {
                    return Ok(dropped);
                }
                for row in tx.query(&LIST_OLD_LAYERS, &[LAYERS_DROPPED.into()]).await? {
                    let (layer, engine, size_bytes): (Vec<u8>, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
                    tx.execute(&DELETE_LAYER, &[layer.into(), engine.into()]).await?;
                    (dropped, excess) = (dropped + 1, excess - size_bytes);
                    if excess <= 0 {
                        break;
                    }
                }
                Ok(dropped)
            })
        })
        .await
}
