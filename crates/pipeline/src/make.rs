//! The job that inventories one image.

use std::panic::resume_unwind;
use std::sync::{Arc, PoisonError};
use std::thread;
use std::time::Instant;

use component::Subject;
use evidence::{Claim, Fact, Sbom, Scope};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use ledger::audit::{self, Record};
use ledger::jobs::{Context, JobError, Outcome};
use oci::image_config::IMAGE_CONFIG_BYTES_MAX;
use oci::{Digest, Manifest, Reference, RepositoryName};
use registry::{InventoryOrder, ManifestEntry, OwnDocument, RepositoryId};
use sbom::{Allowance, LayerError, LayerRecord, LayerScope, ReadLayer, Source, TooMuchMemory};

use crate::documents::documents;
use crate::facts;
use crate::image::Image;
use crate::index::{self, Packed, State};
use crate::numbers;
use crate::pack::unpack;
use crate::pipeline::Pipeline;
use crate::reader::{BlobReader, Interruption, Interruptions};
use crate::recent::Known;
use ledger::aside::{Lost, aside, aside_leaving};

/// Who states what the hub found by itself.
const PRODUCER: &str = "hub";

/// The tool of the hub's own inventories.
const TOOL: &str = "garrison";

db::statements! {
    /// The newest fact of the hub about an image's components.
    FIND_NEWEST_FACT = "SELECT body FROM facts WHERE subject = $1 AND scope = 0 AND claim = $2 AND fact_key = $3 \
        AND producer = $4 ORDER BY observed_at_us DESC, id DESC LIMIT 1";
}

/// Why an image was not inventoried.
enum Failure {
    /// It cannot be, for a reason of its own.
    Refused(String),
    /// Another attempt may succeed.
    Retry(JobError),
}

impl<E: Into<JobError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Retry(error.into())
    }
}

fn failed(error: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::Retry(JobError::retry(error))
}

/// What was made of an image: all that needs its inventory, which is gone by then.
struct Made {
    packed: Arc<Packed>,
    /// The index's numbers of components, as far as recent images had them.
    numbers: Arc<numbers::Known>,
    /// None where they are not wanted.
    documents: Vec<OwnDocument>,
    components: u64,
    unknowns: u64,
}

impl Pipeline {
    /// Inventories the image of an order, unless that was done for another repository, and puts the documents beside it.
    pub(crate) async fn run(&self, context: &Context) -> Result<Outcome, JobError> {
        let order: InventoryOrder = context.payload()?;
        let repository = RepositoryId::from_number(order.repository);
        let inner = &self.inner;
        let named = inner.registry.repository_name(repository).await.map_err(|error| JobError::retry(&error))?;
        let Some(name) = named else { return Ok(Outcome::Done) };
        let image = match inner.registry.find_manifest(&name, &Reference::Digest(order.digest)).await {
            Ok(image) => image,
            // Deleted since.
            Err(registry::Error::ManifestUnknown { .. } | registry::Error::NameUnknown(_)) => return Ok(Outcome::Done),
            Err(error) => return Err(JobError::retry(&error)),
        };
        // By what lies beside it, it is counted from the first time on.
        self.look_beside_image(context, repository, image.digest).await?;
        // One that was refused is looked at again: a push may have healed a blob, and the operator may have given more memory.
        if let Some(known) = index::find_image(&inner.index, image.digest).await?
            && known.kept_as == inner.kept_as
            && known.state == State::Made
        {
            let holder = self.holder(repository, image.digest).await?;
            index::place(&inner.index, known.id, holder).await?;
            self.note_tagged_of(repository, vec![image.digest]).await?;
            self.match_image(known.id).await?;
            return self.document_again(context, repository, &name, &image).await;
        }
        match self.make(context, repository, &name, &image).await {
            Ok(made) => self.keep(context, repository, &name, image.digest, made).await,
            Err(Failure::Retry(error)) => Err(error),
            Err(Failure::Refused(reason)) => {
                let holder = self.holder(repository, image.digest).await?;
                index::refuse(&inner.index, image.digest, &inner.kept_as, &reason, holder).await?;
                self.note_tagged_of(repository, vec![image.digest]).await?;
                tracing::info!(image = %image.digest, repository = %name, reason, "image not inventoried");
                Err(JobError::Permanent(reason))
            }
        }
    }

    /// Reads what no earlier image had and folds all layers into an inventory.
    async fn make(
        &self,
        context: &Context,
        repository: RepositoryId,
        name: &RepositoryName,
        entry: &ManifestEntry,
    ) -> Result<Made, Failure> {
        let manifest = Manifest::parse(Some(&entry.media_type), &entry.body)
            .map_err(|error| Failure::Refused(format!("its manifest is refused: {error}")))?;
        manifest
            .root_file_system()
            .map_err(|why_not| Failure::Refused(format!("it holds no root file system: {why_not}")))?;
        let config = self.config(name, &manifest).await?;
        let image = Image::parse(&manifest, &config).map_err(|error| Failure::Refused(told(&error)))?;
        let deadline = Instant::now() + self.inner.limits.image_time;
        let allowance = Allowance::new(tempfile::tempfile).memory_bytes_max(self.inner.image_bytes_max);
        let allowance = Arc::new(allowance);
        let (mut records, mut of_use) = (Vec::new(), Vec::new());
        for (at, (layer, diff_id)) in image.digests.iter().enumerate() {
            context.progress(&format!("layer {} of {}", at + 1, image.digests.len()));
            let checked = checked(layer, diff_id);
            let record = match self.find_known(checked).await? {
                Some(known) => {
                    allowance.take(known.record.memory_bytes()).map_err(too_much_memory)?;
                    of_use.extend(known.is_to_be_told.then_some(checked));
                    known.record
                }
                None => self.read(context, name, (*layer, *diff_id), Arc::clone(&allowance), deadline).await?,
            };
            records.push(record);
        }
        if !of_use.is_empty() {
            index::touch_layers(&self.inner.index, of_use, &self.inner.engine).await?;
        }
        let documented = self.wants_documents(repository, entry.digest).await?.then(|| name.clone());
        self.fold(entry, image, records, documented).await
    }

    /// Returns what an earlier image let be read of a layer with the same diff-ID.
    async fn find_known(&self, layer: Digest) -> Result<Option<Known>, Failure> {
        if let Some(known) = self.inner.recent.find_layer(layer, Instant::now()) {
            return Ok(Some(known));
        }
        let Some(record) = index::find_layer(&self.inner.index, layer, &self.inner.engine).await? else {
            return Ok(None);
        };
        let record = Arc::new(record);
        self.inner.recent.add_layer(layer, &record, Instant::now());
        Ok(Some(Known { record, is_to_be_told: true }))
    }

    async fn config(&self, name: &RepositoryName, manifest: &Manifest) -> Result<Vec<u8>, Failure> {
        let Some(config) = &manifest.config else {
            return Err(Failure::Refused("it has no configuration".to_owned()));
        };
        let blob = self.open(name, config.digest).await?;
        if blob.size_bytes() > IMAGE_CONFIG_BYTES_MAX as u64 {
            let actual = blob.size_bytes();
            return Err(Failure::Refused(format!(
                "its configuration is {actual} bytes, the limit is {IMAGE_CONFIG_BYTES_MAX}"
            )));
        }
        let mut bytes = Vec::new();
        let mut stream = blob.stream(0..blob.size_bytes());
        while let Some(chunk) = stream.next().await {
            bytes.extend_from_slice(&chunk.map_err(|error| failed(&error))?);
        }
        Ok(bytes)
    }

    async fn open(&self, name: &RepositoryName, digest: Digest) -> Result<blobs::Blob, Failure> {
        let opened = async {
            let entry = self.inner.registry.find_blob(name, &digest).await?;
            self.inner.registry.open_blob(name, &entry).await
        };
        opened.await.map_err(|error| match error {
            registry::Error::BlobUnknown { .. } | registry::Error::NameUnknown(_) => {
                Failure::Refused(format!("its blob {digest} is not in the repository"))
            }
            error => failed(&error),
        })
    }

    /// Reads one layer and keeps what was read for other images.
    async fn read(
        &self,
        context: &Context,
        name: &RepositoryName,
        (layer, diff_id): (Digest, Digest),
        allowance: Arc<Allowance>,
        deadline: Instant,
    ) -> Result<Arc<LayerRecord>, Failure> {
        let blob = self.open(name, layer).await?;
        let (runtime, context) = (tokio::runtime::Handle::current(), context.clone());
        let interruption = Interruptions::default();
        let interrupted = Arc::clone(&interruption);
        let matcher = Arc::clone(&self.inner.matcher);
        let work = aside(move || {
            let open = || {
                let stream = blob.stream(0..blob.size_bytes());
                let interruption = Arc::clone(&interrupted);
                Ok::<_, sbom::Error>(BlobReader::new(stream, runtime.clone(), context.clone(), deadline, interruption))
            };
            let read = sbom::read_layer(open, Some(&layer), Some(&diff_id), &matcher, &allowance)?;
            let packed = read.record.to_bytes();
            Ok::<_, sbom::Error>((read, packed))
        });
        let outcome =
            work.await.map_err(|Lost| Failure::Retry(JobError::Retry("reading a layer panicked".to_owned())))?;
        let interrupted = interruption.lock().unwrap_or_else(PoisonError::into_inner).take();
        match (outcome, interrupted) {
            (Ok((ReadLayer { record, .. }, packed)), _) => {
                if packed.len() <= self.inner.limits.layer_bytes {
                    index::store_layer(&self.inner.index, checked(&layer, &diff_id), &self.inner.engine, packed)
                        .await?;
                }
                let record = Arc::new(record);
                self.inner.recent.add_layer(checked(&layer, &diff_id), &record, Instant::now());
                Ok(record)
            }
            (Err(_), Some(Interruption::Canceled)) => Err(Failure::Retry(JobError::Retry("the hub stops".to_owned()))),
            (Err(_), Some(Interruption::Store(error))) => Err(failed(&error)),
            (Err(_), Some(Interruption::OutOfTime)) => {
                let minutes = self.inner.limits.image_time.as_secs() / 60;
                Err(Failure::Refused(format!("reading it takes longer than {minutes} minutes")))
            }
            (Err(sbom::Error::Layer(LayerError::TooMuchMemory(excess))), None) => Err(too_much_memory(excess)),
            (Err(error), None) => Err(Failure::Refused(format!("layer {layer} is refused: {}", told(&error)))),
        }
    }

    /// Folds layers into an inventory, and makes of it what is kept; documents, where they are wanted, for the repository of that name.
    async fn fold(
        &self,
        entry: &ManifestEntry,
        image: Image,
        records: Vec<Arc<LayerRecord>>,
        documented: Option<RepositoryName>,
    ) -> Result<Made, Failure> {
        let (matcher, numbers) = (Arc::clone(&self.inner.matcher), Arc::clone(&self.inner.numbers));
        let (kept_as, entry, components_max) = (self.inner.kept_as.clone(), entry.clone(), self.inner.components_max);
        let is_one_of_many = self.inner.turns.is_one_of_many(Instant::now());
        let turns = Arc::clone(&self.inner.turns);
        let work = aside_leaving(move || {
            let folded: Vec<&LayerRecord> = records.iter().map(Arc::as_ref).collect();
            let subject = Subject::Image {
                name: entry.digest.to_string(),
                digest: entry.digest.to_string(),
                platform: image.platform.clone(),
            };
            let source = Source { subject, layers: image.layers, records: &folded, created: image.created };
            let inventory = sbom::inventory_within(source, &matcher, LayerScope::Squashed, components_max);
            let write = || documented.map(|name| documents(&name, &entry, &inventory)).unwrap_or_default();
            let pack = || {
                let packed = Packed::new(entry.digest, &kept_as, image.platform, &inventory)?;
                let numbers = numbers.find(packed.identities());
                Some((packed, numbers))
            };
            // Whoever pushed waits for both, and neither waits for the other. Many images wait for one another, and the other cores
            // serve those who pull meanwhile.
            let (documents, packed) = if is_one_of_many { (write(), pack()) } else { at_once(write, pack) };
            let made = packed.map(|(packed, numbers)| Made {
                packed: Arc::new(packed),
                numbers: Arc::new(numbers),
                documents,
                components: inventory.components.len() as u64,
                unknowns: inventory.unknowns.len() as u64,
            });
            turns.end(Instant::now());
            (made, (inventory, records))
        });
        let folded =
            work.await.map_err(|Lost| Failure::Retry(JobError::Retry("the fold of its layers panicked".to_owned())))?;
        folded.ok_or_else(|| Failure::Refused("its inventory is larger than any that is kept".to_owned()))
    }

    /// Keeps what was made: as documents beside the image, as a fact, and in the index. That is last, for what is in it is not made again.
    async fn keep(
        &self,
        context: &Context,
        repository: RepositoryId,
        name: &RepositoryName,
        image: Digest,
        made: Made,
    ) -> Result<Outcome, JobError> {
        let Made { packed, numbers, documents, components, unknowns } = made;
        let source = self.push_documents(documents).await?;
        let claim = Claim::Sbom(Sbom {
            components,
            engine: self.inner.engine.clone(),
            inventory_sha256: packed.sha256(),
            tool: TOOL.to_owned(),
            unknowns,
        });
        self.state(context, image, claim, source).await?;
        let holder = self.holder(repository, image).await?;
        let id = index::store(&self.inner.index, &self.inner.numbers, numbers, packed, holder).await?;
        self.note_tagged_of(repository, vec![image]).await?;
        self.match_image(id).await?;
        tracing::info!(%image, repository = %name, components, "image inventoried");
        Ok(Outcome::Done)
    }

    /// Puts the documents beside an image whose inventory was made for another repository.
    async fn document_again(
        &self,
        context: &Context,
        repository: RepositoryId,
        name: &RepositoryName,
        image: &ManifestEntry,
    ) -> Result<Outcome, JobError> {
        if self.wants_documents(repository, image.digest).await? {
            let found = index::find_packed(&self.inner.index, image.digest).await?;
            let Some((packed, _)) = found else { return Ok(Outcome::Done) };
            context.progress("documents");
            let (name, entry) = (name.clone(), image.clone());
            let written = aside(move || unpack(&packed).map(|inventory| documents(&name, &entry, &inventory)));
            let written = written.await.map_err(|Lost| JobError::Retry("writing a document panicked".to_owned()))?;
            self.push_documents(written.unwrap_or_default()).await?;
        }
        Ok(Outcome::Done)
    }

    async fn wants_documents(&self, repository: RepositoryId, image: Digest) -> Result<bool, JobError> {
        let wants = self.inner.registry.wants_documents(repository, image).await;
        wants.map_err(|error| JobError::retry(&error))
    }

    /// Puts documents beside an image, which wait for the disk together; returns the manifest of the one that a fact cites.
    async fn push_documents(&self, documents: Vec<OwnDocument>) -> Result<Option<Digest>, JobError> {
        let pushes = documents.into_iter().map(|document| self.inner.registry.push_document(document));
        let mut source = None;
        for pushed in join_all(pushes).await {
            match pushed {
                Ok(manifest) => source = source.or(manifest),
                Err(registry::Error::NameUnknown(_)) => return Ok(None),
                Err(error) => return Err(JobError::retry(&error)),
            }
        }
        Ok(source)
    }

    /// States a fact, unless it is stated already.
    async fn state(
        &self,
        context: &Context,
        subject: Digest,
        claim: Claim,
        source: Option<Digest>,
    ) -> Result<(), JobError> {
        context
            .commit(move |tx| {
                let claim = claim.clone();
                Box::pin(async move {
                    let key = [subject.to_bytes().into(), claim.kind().into(), claim.key().into(), PRODUCER.into()];
                    let newest = tx.find(&FIND_NEWEST_FACT, &key).await?;
                    let newest = newest.map(|row| row.get::<Vec<u8>>(0)).transpose()?;
                    let is_stated = newest
                        .and_then(|body| Fact::decode(&body).ok())
                        .is_some_and(|fact| fact.claim == claim && (fact.source == source || source.is_none()));
                    if is_stated {
                        return Ok(());
                    }
                    let fact = Fact {
                        scope: Scope::Content,
                        subject,
                        claim,
                        producer: PRODUCER.to_owned(),
                        observed_at_us: tx.now_us().await?,
                        expires_at_us: None,
                        source,
                        withdraws: None,
                    };
                    facts::insert(tx, &fact).await?;
                    // The audit log's seal is the fact's: its name commits to every byte of it.
                    let record = Record::allowed("system", "inventory.make", &subject.to_string())
                        .detail("fact", fact.id().to_string());
                    audit::record(tx, record).await?;
                    Ok::<_, JobError>(())
                })
            })
            .await
    }
}

/// Does two things at once, the first on a thread of its own.
fn at_once<A: Send, B>(first: impl FnOnce() -> A + Send, second: impl FnOnce() -> B) -> (A, B) {
    thread::scope(|scope| {
        let first = scope.spawn(first);
        let second = second();
        (first.join().unwrap_or_else(|panic| resume_unwind(panic)), second)
    })
}

fn too_much_memory(TooMuchMemory { limit }: TooMuchMemory) -> Failure {
    let mebibytes = limit >> 20;
    Failure::Refused(format!(
        "its paths and the files to look into need more than {mebibytes} MiB of memory; `inventory_memory` gives more"
    ))
}

/// Tells an error with all its causes.
pub(crate) fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// Returns by what a layer is known that was read: its blob's digest and its diff-ID together. A configuration that claims another diff-ID is checked as if
/// nobody had seen the blob.
fn checked(layer: &Digest, diff_id: &Digest) -> Digest {
    blobs::digest(oci::Algorithm::Sha256, format!("{layer} {diff_id}").as_bytes())
}
