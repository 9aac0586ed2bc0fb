use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use component::{Inventory, Subject};
use db::Db;
use ledger::jobs::{Kind, Outcome, Runner};
use oci::{Digest, RepositoryName};
use registry::{BESIDE, INVENTORY, Registry, TAGGED};
use sbom::Matcher;
use tokio::sync::Semaphore;

use crate::advised::{COUNT, ImageMatch, InUse, MATCH, MATCH_EVERY};
use crate::decided::{self, DECIDE, DECIDE_EVERY, VexTold};
use crate::index::{self, ImageRecord};
use crate::limits::Limits;
use crate::numbers::Numbers;
use crate::others;
use crate::pack::{unpack, unpacked_bytes};
use crate::query::QueryError;
use crate::recent::{RecentInventories, RecentLayers};
use crate::turns::Turns;

/// Orders the inventories that are missing, and forgets those of images that are gone.
pub const SWEEP: Kind = Kind::new("inventory.sweep");

/// From one sweep to the next. Pushes order their own inventories; what a sweep finds is from before an upgrade, or gone.
const SWEEP_EVERY: Duration = Duration::from_hours(1);

/// The most inventories that are made at once. More cores than this are better left to requests.
const WORKERS_MAX: usize = 4;

/// What a component takes while its image is folded, packed and documented.
const COMPONENT_BYTES: u64 = 3 << 10;

/// What is set at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// The memory that all inventories at work may take together, in bytes.
    pub memory_bytes: u64,
    /// What holds for every image; no operator sets it.
    pub limits: Limits,
}

impl Default for Options {
    fn default() -> Self {
        Self { memory_bytes: 256 << 20, limits: Limits::default() }
    }
}

/// Inventories of images. A clone is the same one.
#[derive(Clone)]
pub struct Pipeline {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) registry: Registry,
    /// The inventories' tables.
    pub(crate) index: Db,
    pub(crate) matcher: Arc<Matcher>,
    /// What an inventory depends on beside the image: the catalogers with what they read.
    pub(crate) engine: String,
    /// What is known of an image depends on: the engine, and what is kept of an inventory. Only what has the same is not made anew.
    pub(crate) kept_as: String,
    /// How many inventories are made at once.
    pub(crate) workers: usize,
    /// What the layers of one image may take.
    pub(crate) image_bytes_max: u64,
    /// The components of one image.
    pub(crate) components_max: usize,
    pub(crate) limits: Limits,
    /// The largest document of another that is compared.
    pub(crate) document_bytes_max: u64,
    /// In half of the memory of documents, while none is compared.
    pub(crate) recent: RecentLayers,
    /// In the other half.
    pub(crate) viewed: RecentInventories,
    pub(crate) numbers: Arc<Numbers>,
    pub(crate) turns: Arc<Turns>,
    /// One for each document that may be compared at once.
    pub(crate) comparisons: Semaphore,
    pub(crate) advisories: RwLock<InUse>,
    /// Held while everything is matched, and for each step in which images are counted: side by side they undo each other's writes on
    /// PostgreSQL, and what a new database says is waited for by more than how often it says it.
    pub(crate) matching: tokio::sync::RwLock<()>,
    /// Exceptions of projects.
    pub(crate) composed: Mutex<decided::Remembered>,
}

/// Why a question about inventories has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The cursor is none of this list's.
    #[error("the cursor is none of this list, or what it stood at is gone")]
    Cursor,
    /// What was looked for has no such range.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// The database failed.
    #[error("the database of inventories failed")]
    Database(#[from] db::Error),
    /// The registry could not say what is held.
    #[error("the registry could not say what it holds")]
    Registry(#[from] registry::Error),
    /// The database of advisories is damaged.
    #[error("the database of advisories is damaged; the next update replaces it")]
    Advisories(#[from] vulndb::file::Corrupt),
    /// Work on a thread of its own did not end.
    #[error("the work panicked")]
    Lost,
}

impl Pipeline {
    /// Makes inventories of a registry's images, in the tables of [`db::Schema::Inventory`].
    pub fn new(registry: Registry, index: Db, options: Options) -> Self {
        let matcher = Matcher::new(sbom::catalogers().iter().collect());
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        // Half of the cores: the others serve requests.
        let workers = (cores / 2).clamp(1, WORKERS_MAX);
        let of_documents = options.memory_bytes / 4;
        let document_bytes_max = (of_documents / others::MEMORY_PER_BYTE).min(others::DOCUMENT_BYTES_MAX);
        // The fold takes about as much as the layers that it is over.
        let image_bytes_max = (options.memory_bytes - of_documents) / workers as u64 / 2;
        // Not fewer on more cores: what is left out of one inventory is worse than several such images at once.
        let of_components = (options.memory_bytes - of_documents) / 2;
        let components_max = usize::try_from(of_components / COMPONENT_BYTES).unwrap_or(usize::MAX);
        let engine = format!("{}-{}-{}", env!("CARGO_PKG_VERSION"), sbom::RECORD_VERSION, matcher.fingerprint());
        Self {
            inner: Arc::new(Inner {
                registry,
                index,
                matcher: Arc::new(matcher),
                kept_as: format!("{engine}-{}", index::FORM),
                engine,
                workers,
                image_bytes_max,
                components_max,
                limits: options.limits,
                document_bytes_max,
                recent: RecentLayers::new(of_documents / 2),
                viewed: RecentInventories::new(of_documents / 2),
                numbers: Arc::default(),
                turns: Arc::default(),
                comparisons: Semaphore::new(1),
                advisories: RwLock::default(),
                matching: tokio::sync::RwLock::default(),
                composed: Mutex::default(),
            }),
        }
    }

    /// Adds the handlers and schedules to a runner.
    #[must_use]
    pub fn with_jobs(&self, runner: Runner) -> Runner {
        let [makes, sweeps, matches, counts, decides, looks, tagged] = [(); 7].map(|()| self.clone());
        runner
            .limited_handler(INVENTORY, self.inner.workers, move |context| {
                let pipeline = makes.clone();
                Box::pin(async move { pipeline.run(&context).await })
            })
            .handler(SWEEP, move |context| {
                let pipeline = sweeps.clone();
                Box::pin(async move {
                    pipeline.sweep(&context).await?;
                    Ok(Outcome::Done)
                })
            })
            .handler(MATCH, move |context| {
                let pipeline = matches.clone();
                Box::pin(async move { pipeline.run_match(&context).await })
            })
            .handler(COUNT, move |context| {
                let pipeline = counts.clone();
                Box::pin(async move { pipeline.run_count(&context).await })
            })
            .handler(DECIDE, move |context| {
                let pipeline = decides.clone();
                Box::pin(async move { pipeline.run_decide(&context).await })
            })
            .handler(BESIDE, move |context| {
                let pipeline = looks.clone();
                Box::pin(async move { pipeline.run_beside(&context).await })
            })
            .handler(TAGGED, move |context| {
                let pipeline = tagged.clone();
                Box::pin(async move { pipeline.run_tagged(&context).await })
            })
            .schedule(SWEEP, SWEEP_EVERY)
            .schedule(MATCH, MATCH_EVERY)
            .schedule(DECIDE, DECIDE_EVERY)
    }

    /// Returns what is known of an image's inventory; none while nobody has looked at it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn find_image(&self, image: Digest) -> Result<Option<ImageRecord>, Error> {
        Ok(index::find_image(&self.inner.index, image).await?)
    }

    /// Returns what is known of the inventory of an image that a repository holds, made when the image came there at the earliest: when others had it is
    /// told to nobody.
    ///
    /// # Errors
    /// When a database fails.
    pub async fn find_image_in(
        &self,
        repository: &RepositoryName,
        image: Digest,
    ) -> Result<Option<ImageRecord>, Error> {
        let Some(record) = self.find_image(image).await? else { return Ok(None) };
        let id = self.inner.registry.repository_id(repository).await?;
        let noted = index::find_placed_at(&self.inner.index, id, record.id).await?;
        let placed_at_us = if let Some(placed_at_us) = noted {
            placed_at_us
        } else {
            let held = self.inner.registry.find_held_manifests(&[(id, image)]).await?;
            held.values().map(|manifest| manifest.pushed_at_us).max().unwrap_or_default()
        };
        Ok(Some(ImageRecord { made_at_us: record.made_at_us.max(placed_at_us), ..record }))
    }

    /// Looks at the inventory of an image, on a thread that serves no requests. It is unpacked once for all who look at it within a short
    /// time: that takes some milliseconds for a thousand components, ten where each lists its files.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn look<T: Send + 'static>(
        &self,
        image: Digest,
        look: impl FnOnce(&Inventory) -> T + Send + 'static,
    ) -> Result<Option<T>, Error> {
        let Some(inventory) = self.view(image).await? else { return Ok(None) };
        Ok(Some(blocking(move || look(&inventory)).await))
    }

    /// Returns the inventory of an image as it is now, unpacked; none when there is none, or an older program packed it.
    async fn view(&self, image: Digest) -> Result<Option<Arc<Inventory>>, Error> {
        let Some(made_at_us) = index::find_made_at(&self.inner.index, image).await? else { return Ok(None) };
        if let Some(inventory) = self.inner.viewed.find_inventory(image, made_at_us) {
            return Ok(Some(inventory));
        }
        let Some((packed, made_at_us)) = index::find_packed(&self.inner.index, image).await? else { return Ok(None) };
        let bytes = unpacked_bytes(&packed);
        let Some(inventory) = blocking(move || unpack(&packed)).await else { return Ok(None) };
        let inventory = Arc::new(inventory);
        self.inner.viewed.add_inventory(image, made_at_us, &inventory, bytes);
        Ok(Some(inventory))
    }

    /// Returns the releases of distributions that the images of the hub are of, by the names under which their ends are known.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn releases(&self) -> Result<BTreeSet<String>, Error> {
        Ok(index::list_releases(&self.inner.index).await?)
    }

    /// Returns what is wrong with an image by the database in use, as one of the repository that it is asked for in, and by the
    /// exceptions that count there; none without an inventory or without a database. With `only_fixed`, only what an upgrade mends.
    ///
    /// It is matched as it is asked for: some milliseconds.
    ///
    /// # Errors
    /// When a database fails.
    pub async fn report(
        &self,
        repository: &RepositoryName,
        image: Digest,
        (only_fixed, told): (bool, VexTold),
    ) -> Result<Option<findings::Report>, Error> {
        let Some(advisories) = self.advisories() else { return Ok(None) };
        let id = self.inner.registry.repository_id(repository).await?;
        let (composed, beside) = self.newest_composed(id, image).await?;
        let (name, now_us) = (repository.to_string(), self.inner.registry.now_us());
        let report = self.look(image, move |inventory| {
            let subject = decided::subject_of(inventory, &name);
            let deciders = composed.deciders(beside.as_ref(), (&name, &subject), now_us);
            let options = findings::Options { deciders, with_summaries: true, only_fixed, repairs: None };
            let mut report = findings::Report::of(&advisories.database, inventory, &options)?;
            composed.tell_about(&mut report.exceptions, &name);
            if told == VexTold::OfImage {
                composed.tell_vex_about(&mut report.vex, &subject, &inventory.components);
            }
            Ok::<_, vulndb::file::Corrupt>(report)
        });
        let Some(mut report) = report.await?.transpose()? else { return Ok(None) };
        if let Subject::Image { name, .. } = &mut report.source {
            *name = repository.to_string();
        }
        report.matched = self.match_state_of(image).await?.and_then(ImageMatch::told);
        Ok(Some(report))
    }

    /// Says why a vulnerability is found in an image, or why not, as one of the repository that it is asked for in; none without an
    /// inventory or without a database.
    ///
    /// # Errors
    /// When a database fails.
    pub async fn explanation(
        &self,
        repository: &RepositoryName,
        image: Digest,
        (asked, told): (Asked, VexTold),
    ) -> Result<Option<findings::Explanation>, Error> {
        let Some(advisories) = self.advisories() else { return Ok(None) };
        let id = self.inner.registry.repository_id(repository).await?;
        let (composed, beside) = self.newest_composed(id, image).await?;
        let (name, now_us) = (repository.to_string(), self.inner.registry.now_us());
        let explanation = self.look(image, move |inventory| {
            let Asked { vulnerability, component } = asked;
            let subject = decided::subject_of(inventory, &name);
            let deciders = composed.deciders(beside.as_ref(), (&name, &subject), now_us);
            let database = &advisories.database;
            let component = component.as_deref();
            let mut explanation = findings::Explanation::of(database, inventory, &deciders, &vulnerability, component)?;
            composed.tell_about(&mut explanation.exceptions, &name);
            if told == VexTold::OfImage {
                composed.tell_vex_about(&mut explanation.vex, &subject, &inventory.components);
            }
            Ok::<_, vulndb::file::Corrupt>(explanation)
        });
        Ok(explanation.await?.transpose()?)
    }

    /// Returns the inventory of an image, as one of the repository that it is asked for in.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn inventory(&self, repository: &RepositoryName, image: Digest) -> Result<Option<Inventory>, Error> {
        let repository = repository.to_string();
        let found = index::find_packed(&self.inner.index, image).await?;
        let Some((packed, _)) = found else { return Ok(None) };
        Ok(blocking(move || {
            let mut inventory: Inventory = unpack(&packed)?;
            if let Subject::Image { name, .. } = &mut inventory.subject {
                *name = repository;
            }
            Some(inventory)
        })
        .await)
    }
}

/// What an explanation is asked for.
#[derive(Debug, Clone)]
pub struct Asked {
    /// A name of the vulnerability.
    pub vulnerability: String,
    /// Purl or name of the one component to speak of; else all.
    pub component: Option<String>,
}

/// Runs what takes milliseconds on a thread that serves no requests.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    // It is never canceled, so that it can only have panicked.
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))
}
