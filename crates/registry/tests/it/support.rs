use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use blobs::{Blobs, UploadId};
use bytes::Bytes;
use db::{Config, Db, Value};
use futures_util::{StreamExt as _, stream};
use ledger::jobs::Runner;
use oci::{Algorithm, Digest, Reference, RepositoryName, Tag, media_type};
use registry::{
    Body, Clock, Collected, Error, Fsck, ManifestPush, Options, PushedManifest, Registry, TagRule, UploadTarget,
};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use testkit::Database;

pub(crate) const ACTOR: &str = "user:ann";
pub(crate) const HOUR_US: i64 = 3_600_000_000;
pub(crate) const MINUTE_US: i64 = 60_000_000;

db::statements! {
    /// Makes a project.
    INSERT_PROJECT = "INSERT INTO projects (name, public, created_at_us) VALUES ($1, 0, 0)";
    /// Records of an action.
    COUNT_RECORDS = "SELECT COUNT(*) FROM audit_records WHERE action = $1";
    /// Jobs that are not over.
    COUNT_JOBS = "SELECT COUNT(*) FROM jobs WHERE state IN ('pending', 'running') AND kind IN \
        ('repository.erase', 'referrers.offer')";
    /// Rows of repositories that do not exist.
    COUNT_ORPHAN_ROWS = "SELECT (SELECT COUNT(*) FROM tags WHERE repository_id NOT IN (SELECT id FROM repositories)) \
        + (SELECT COUNT(*) FROM repository_manifests WHERE repository_id NOT IN (SELECT id FROM repositories)) \
        + (SELECT COUNT(*) FROM manifest_references WHERE repository_id NOT IN (SELECT id FROM repositories)) \
        + (SELECT COUNT(*) FROM repository_blobs WHERE repository_id NOT IN (SELECT id FROM repositories)) \
        + (SELECT COUNT(*) FROM uploads WHERE repository_id NOT IN (SELECT id FROM repositories)) \
        + (SELECT COUNT(*) FROM manifests WHERE digest NOT IN (SELECT digest FROM repository_manifests)) \
        + (SELECT COUNT(*) FROM blobs WHERE digest NOT IN (SELECT digest FROM repository_blobs)) \
        + (SELECT COUNT(*) FROM discarded_files)";
    /// Damages a manifest's bytes.
    DAMAGE_MANIFEST = "UPDATE manifests SET body = $2 WHERE digest = $1";
}

/// A registry over a database and a directory of its own, with a clock that only the test moves.
pub(crate) struct Hub {
    pub(crate) registry: Registry,
    pub(crate) db: Db,
    pub(crate) db_faults: db::Faults,
    pub(crate) file_faults: blobs::Faults,
    pub(crate) clock: Arc<AtomicI64>,
    pub(crate) options: Options,
    pub(crate) directory: TempDir,
    database: Database,
}

impl Hub {
    pub(crate) async fn open(database: Database) -> Self {
        Self::open_with(database, |_| ()).await
    }

    pub(crate) async fn open_with(database: Database, set: impl FnOnce(&mut Options)) -> Self {
        let db_faults = db::Faults::none();
        let db = Db::open_with_faults(&config_of(&database), db_faults.clone()).await.unwrap();
        for project in ["team", "other"] {
            run(&db, &INSERT_PROJECT, vec![project.into()]).await;
        }
        let directory = tempfile::tempdir().unwrap();
        let clock = Arc::new(AtomicI64::new(1_000 * HOUR_US));
        let mut options = Options { clock: Clock::Manual(Arc::clone(&clock)), ..Options::default() };
        set(&mut options);
        let file_faults = blobs::Faults::new();
        let store = Blobs::open_with(directory.path(), file_faults.clone()).unwrap();
        let registry = Registry::new(db.clone(), store, options.clone());
        Self { registry, db, db_faults, file_faults, clock, options, directory, database }
    }

    /// Another process over the same database and directory, as after a restart.
    pub(crate) fn restarted(&self) -> Registry {
        let store = Blobs::open_with(self.directory.path(), self.file_faults.clone()).unwrap();
        Registry::new(self.db.clone(), store, self.options.clone())
    }

    /// Opens the database once more, with all that a start does to it.
    pub(crate) async fn reopened_database(&self) -> Db {
        Db::open(&config_of(&self.database)).await.unwrap()
    }

    pub(crate) fn advance(&self, by_us: i64) {
        self.clock.fetch_add(by_us, Ordering::SeqCst);
    }

    /// Pushes a blob in one request.
    pub(crate) async fn blob(&self, repository: &str, content: &[u8]) -> Digest {
        let digest = sha256(content);
        self.registry.push_blob(&name(repository), ACTOR, &digest, body(content)).await.unwrap();
        digest
    }

    pub(crate) async fn manifest(&self, repository: &str, tags: &[&str], document: &Json) -> Digest {
        self.try_manifest(repository, tags, document).await.unwrap().digest
    }

    pub(crate) async fn try_manifest(
        &self,
        repository: &str,
        tags: &[&str],
        document: &Json,
    ) -> Result<PushedManifest, Error> {
        self.registry.push_manifest(push(repository, tags, document)).await
    }

    /// Pushes an image of one layer and its config, with these tags.
    pub(crate) async fn image(&self, repository: &str, tags: &[&str], content: &str) -> Image {
        let config = self.blob(repository, format!("{{\"config\":\"{content}\"}}").as_bytes()).await;
        let layer = self.blob(repository, content.as_bytes()).await;
        let document = image(&config, &[layer]);
        let manifest = self.manifest(repository, tags, &document).await;
        Image { manifest, config, layer, document }
    }

    pub(crate) async fn has_blob(&self, repository: &str, digest: &Digest) -> bool {
        has_blob(&self.registry, repository, digest).await
    }

    pub(crate) async fn has_manifest(&self, repository: &str, reference: &str) -> bool {
        match self.registry.find_manifest(&name(repository), &reference_of(reference)).await {
            Ok(_) => true,
            Err(Error::ManifestUnknown { .. } | Error::NameUnknown(_)) => false,
            Err(error) => panic!("{error:?}"),
        }
    }

    /// Reads a blob whole.
    pub(crate) async fn read(&self, repository: &str, digest: &Digest) -> Result<Vec<u8>, Error> {
        read(&self.registry, repository, digest).await
    }

    /// Collects until nothing is due.
    pub(crate) async fn collect(&self) -> Collected {
        let mut all = Collected::default();
        loop {
            let step = self.registry.collect_step().await.unwrap();
            if step.is_empty() {
                return all;
            }
            all.links += step.links;
            all.manifests += step.manifests;
            all.files += step.files;
            all.bytes += step.bytes;
        }
    }

    /// Runs the jobs that deletions have made.
    pub(crate) async fn run_jobs(&self) {
        if count(&self.db, &COUNT_JOBS, vec![]).await == 0 {
            return;
        }
        let runner = self.registry.with_jobs(Runner::new(self.db.clone(), "test"));
        let notifier = runner.notifier();
        let handle = runner.start();
        eventually(async || {
            notifier.notify();
            count(&self.db, &COUNT_JOBS, vec![]).await == 0
        })
        .await;
        handle.drain(Duration::from_secs(30)).await;
    }

    pub(crate) async fn fsck(&self) -> Fsck {
        self.registry.fsck(false, |_| true).await.unwrap()
    }

    pub(crate) async fn assert_sound(&self, what: &str) {
        let report = self.fsck().await;
        assert!(report.findings.is_empty(), "{what}: {:#?}", report.findings);
    }

    /// Paths of all blob and upload files, relative to the store.
    pub(crate) fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        walk(self.directory.path(), self.directory.path(), &mut found);
        found.sort();
        found
    }

    /// The path of a blob's one file.
    pub(crate) fn file_of(&self, digest: &Digest) -> std::path::PathBuf {
        let found: Vec<_> = self.files().into_iter().filter(|path| path.contains(&digest.hex())).collect();
        assert_eq!(found.len(), 1, "files of {digest}: {found:?}");
        self.directory.path().join(&found[0])
    }

    pub(crate) async fn records(&self, action: &str) -> i64 {
        count(&self.db, &COUNT_RECORDS, vec![action.into()]).await
    }

    /// Makes every file look two hours old.
    pub(crate) fn age_files(&self) {
        let old = std::time::SystemTime::now() - Duration::from_hours(2);
        for path in self.files() {
            let file = std::fs::File::options().write(true).open(self.directory.path().join(path)).unwrap();
            file.set_modified(old).unwrap();
        }
    }
}

fn config_of(database: &Database) -> Config {
    match database {
        Database::Sqlite(file) => Config::Sqlite { path: file.path().to_owned() },
        Database::Postgres(database) => Config::Postgres { url: database.url().to_owned() },
    }
}

pub(crate) struct Image {
    pub(crate) manifest: Digest,
    pub(crate) config: Digest,
    pub(crate) layer: Digest,
    pub(crate) document: Json,
}

pub(crate) async fn run(db: &Db, statement: &'static db::Statement, params: Vec<Value>) -> u64 {
    let params = Arc::new(params);
    db.write(move |tx| {
        let params = Arc::clone(&params);
        Box::pin(async move { tx.execute(statement, &params).await })
    })
    .await
    .unwrap()
}

pub(crate) async fn count(db: &Db, statement: &'static db::Statement, params: Vec<Value>) -> i64 {
    db.read(move |tx| {
        Box::pin(async move { tx.find(statement, &params).await?.map_or(Ok(0), |row| row.get::<i64>(0)) })
    })
    .await
    .unwrap()
}

pub(crate) async fn has_blob(registry: &Registry, repository: &str, digest: &Digest) -> bool {
    match registry.find_blob(&name(repository), digest).await {
        Ok(_) => true,
        Err(Error::BlobUnknown { .. } | Error::NameUnknown(_)) => false,
        Err(error) => panic!("{error:?}"),
    }
}

pub(crate) async fn read(registry: &Registry, repository: &str, digest: &Digest) -> Result<Vec<u8>, Error> {
    let entry = registry.find_blob(&name(repository), digest).await?;
    let blob = registry.open_blob(&name(repository), &entry).await?;
    let mut stream = blob.stream(0..blob.size_bytes());
    let mut bytes = Vec::new();
    while let Some(chunk) = stream.next().await {
        bytes.extend_from_slice(&chunk?);
    }
    Ok(bytes)
}

pub(crate) async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    let until = std::time::Instant::now() + Duration::from_mins(1);
    while !holds().await {
        assert!(std::time::Instant::now() < until, "it did not come to pass within a minute");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn walk(root: &Path, directory: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(root, &path, found);
        } else {
            found.push(path.strip_prefix(root).unwrap().display().to_string());
        }
    }
}

pub(crate) fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

pub(crate) fn tag(text: &str) -> Tag {
    text.parse().unwrap()
}

pub(crate) fn reference_of(text: &str) -> Reference {
    text.parse().map_or_else(|_| Reference::Tag(tag(text)), Reference::Digest)
}

/// The sizes of what the tests have hashed, so that a descriptor takes no more than a digest.
static SIZES: LazyLock<Mutex<HashMap<Digest, usize>>> = LazyLock::new(Mutex::default);

pub(crate) fn sha256(content: &[u8]) -> Digest {
    digest_of(Algorithm::Sha256, content)
}

pub(crate) fn digest_of(algorithm: Algorithm, content: &[u8]) -> Digest {
    let digest = blobs::digest(algorithm, content);
    SIZES.lock().unwrap().insert(digest, content.len());
    digest
}

/// The size of what was hashed; that of something absent is anything.
pub(crate) fn size_of(digest: &Digest) -> usize {
    SIZES.lock().unwrap().get(digest).copied().unwrap_or(1)
}

pub(crate) type Chunks = stream::Iter<std::vec::IntoIter<Result<Bytes, &'static str>>>;

/// A body of known length.
pub(crate) fn body(content: &[u8]) -> Body<Chunks> {
    Body { length: Some(content.len() as u64), range: None, stream: chunks(content, content.len().max(1)) }
}

/// A body whose length is not announced.
pub(crate) fn streamed(content: &[u8]) -> Body<Chunks> {
    Body { length: None, range: None, stream: chunks(content, 1_000) }
}

/// A chunk that says where it belongs.
pub(crate) fn ranged(content: &[u8], start: u64) -> Body<Chunks> {
    let range = format!("{start}-{}", start + content.len() as u64 - 1).parse().unwrap();
    Body { length: Some(content.len() as u64), range: Some(range), stream: chunks(content, 1_000) }
}

pub(crate) fn chunks(content: &[u8], size: usize) -> Chunks {
    let pieces: Vec<_> = content.chunks(size).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    stream::iter(pieces)
}

pub(crate) fn target(repository: &str, id: UploadId) -> UploadTarget {
    UploadTarget { repository: name(repository), id: id.to_string(), actor: ACTOR.to_owned() }
}

pub(crate) fn push(repository: &str, tags: &[&str], document: &Json) -> ManifestPush {
    ManifestPush {
        repository: name(repository),
        actor: ACTOR.to_owned(),
        digest: None,
        tags: tags.iter().map(|text| tag(text)).collect(),
        tag_rule: TagRule::MakeAndMove,
        content_type: None,
        body: bytes_of(document),
    }
}

pub(crate) fn bytes_of(document: &Json) -> Bytes {
    let bytes = serde_json::to_vec(document).unwrap();
    sha256(&bytes);
    bytes.into()
}

pub(crate) fn descriptor(digest: &Digest) -> Json {
    json!({ "mediaType": "application/octet-stream", "digest": digest.to_string(), "size": size_of(digest) })
}

pub(crate) fn image(config: &Digest, layers: &[Digest]) -> Json {
    json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": descriptor(config),
        "layers": layers.iter().map(descriptor).collect::<Vec<_>>(),
    })
}

pub(crate) fn index(manifests: &[Digest]) -> Json {
    let children: Vec<_> = manifests
        .iter()
        .map(|digest| {
            json!({ "mediaType": media_type::OCI_MANIFEST, "digest": digest.to_string(), "size": size_of(digest) })
        })
        .collect();
    json!({ "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": children })
}

/// A document about another, told apart by `what`.
pub(crate) fn referrer(config: &Digest, subject: &Digest, what: &str) -> Json {
    let mut document = image(config, &[]);
    document["artifactType"] = json!(format!("application/vnd.test.{what}"));
    let size = size_of(subject);
    document["subject"] = json!({ "mediaType": media_type::OCI_MANIFEST, "digest": subject.to_string(), "size": size });
    document["annotations"] = json!({ "what": what });
    document
}

/// Numbers that look random and follow from a seed.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() { None } else { from.get(self.below(from.len())) }
    }
}
