use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use blobs::Blobs;
use bytes::Bytes;
use db::{Config, Db, Row, Schema, Statement, Value};
use futures_util::stream;
use ledger::jobs::{Runner, RunnerHandle};
use oci::{Algorithm, Digest, RepositoryName, media_type};
use pipeline::Pipeline;
use registry::{Body, ManifestPush, Options, Registry, TagRule};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use testkit::Database;

pub(crate) const ACTOR: &str = "user:ann";

db::statements! {
    INSERT_PROJECT = "INSERT INTO projects (name, public, created_at_us) VALUES ($1, 0, 0)";
    REFUSE_DOCUMENTS = "UPDATE projects SET sbom_documents = 0 WHERE name = $1";
    WANT_DOCUMENTS = "UPDATE projects SET sbom_documents = 1 WHERE name = $1";
    COUNT_INVENTORIES = "SELECT COUNT(*) FROM jobs WHERE kind = 'inventory'";
    FIND_NEXT_DUE = "SELECT MIN(CASE WHEN attempts > 0 THEN 0 ELSE not_before_us END) FROM jobs WHERE state IN ('pending', 'running') \
        AND (kind LIKE 'inventory%' OR kind LIKE 'findings%')";
    LIST_ERRORS = "SELECT error FROM jobs WHERE kind = 'inventory' AND state = 'failed' ORDER BY id";
    COUNT_FAILED = "SELECT COUNT(*) FROM jobs WHERE state = 'pending' AND attempts > 0 AND not_before_us > 0 \
        AND (kind LIKE 'inventory%' OR kind LIKE 'findings%')";
    HASTEN = "UPDATE jobs SET not_before_us = 0 WHERE state = 'pending' AND attempts > 0 \
        AND (kind LIKE 'inventory%' OR kind LIKE 'findings%')";
    COUNT_FACTS = "SELECT COUNT(*) FROM facts";
}

/// A hub whose images are inventoried.
pub(crate) struct Hub {
    pub(crate) registry: Registry,
    pub(crate) pipeline: Pipeline,
    pub(crate) db: Db,
    pub(crate) index: Db,
    pub(crate) faults: db::Faults,
    /// The hub's database for whoever waits for its jobs: it never fails, and its operations are not counted.
    watch: Db,
    clock: Arc<AtomicI64>,
    directory: TempDir,
    _database: Database,
}

impl Hub {
    pub(crate) async fn open(database: Database) -> Self {
        Self::open_with(database, true, pipeline::Options::default()).await
    }

    pub(crate) async fn open_with(database: Database, inventories: bool, options: pipeline::Options) -> Self {
        let config = match &database {
            Database::Sqlite(file) => Config::Sqlite { path: file.path().to_owned() },
            Database::Postgres(database) => Config::Postgres { url: database.url().to_owned() },
        };
        let directory = tempfile::tempdir().unwrap();
        let faults = db::Faults::none();
        let db = Db::open_with_faults(&config, faults.clone()).await.unwrap();
        let watch = Db::open(&config).await.unwrap();
        let file = directory.path().join("inventory.db");
        let index = db.open_beside_with_faults(&file, Schema::Inventory, faults.clone()).await.unwrap();
        for project in ["team", "other", "teamwork"] {
            run(&db, &INSERT_PROJECT, vec![project.into()]).await;
        }
        let store = Blobs::open(directory.path()).unwrap();
        // Of whole seconds, as exceptions begin and end: a job that is ordered for when one ends is at least a second ahead. It is run by the
        // database's clock, and orders itself anew as long as this one stands, so that jobs would not settle where it came at once.
        let clock = Arc::new(AtomicI64::new(now_us() / 1_000_000 * 1_000_000));
        let options_of_registry =
            Options { inventories, clock: registry::Clock::Manual(Arc::clone(&clock)), ..Options::default() };
        let registry = Registry::new(db.clone(), store, options_of_registry);
        let pipeline = Pipeline::new(registry.clone(), index.clone(), options);
        Self { registry, pipeline, db, index, faults, watch, clock, directory, _database: database }
    }

    /// Returns the time in this hub.
    pub(crate) fn now_us(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    /// Has time pass.
    pub(crate) fn wait(&self, us: i64) {
        self.clock.fetch_add(us, Ordering::SeqCst);
    }

    /// Returns the same hub, making inventories from now on.
    pub(crate) fn making_inventories(self) -> Self {
        self.with_inventories(true)
    }

    /// Returns the same hub, making none from now on.
    pub(crate) fn making_none(self) -> Self {
        self.with_inventories(false)
    }

    fn with_inventories(mut self, inventories: bool) -> Self {
        let store = Blobs::open(self.directory.path()).unwrap();
        let clock = registry::Clock::Manual(Arc::clone(&self.clock));
        self.registry = Registry::new(self.db.clone(), store, Options { inventories, clock, ..Options::default() });
        self.with_options(pipeline::Options::default())
    }

    /// Returns the same hub with other options.
    pub(crate) fn with_options(mut self, options: pipeline::Options) -> Self {
        self.pipeline = Pipeline::new(self.registry.clone(), self.index.clone(), options);
        self
    }

    pub(crate) fn start(&self) -> RunnerHandle {
        self.pipeline.with_jobs(Runner::new(self.db.clone(), "test")).start()
    }

    /// Runs jobs until none is left that is due.
    pub(crate) async fn settle(&self) {
        let runner = self.start();
        self.wait_for_jobs().await;
        runner.drain(Duration::from_mins(1)).await;
    }

    /// Runs jobs until none is left that is due, while the `call`-th operation of the databases fails.
    pub(crate) async fn settle_through_failure(&self, call: u64) {
        self.faults.fail_at(call);
        let runner = self.start();
        self.wait_for_jobs().await;
        self.faults.disarm();
        runner.drain(Duration::from_mins(1)).await;
    }

    async fn wait_for_jobs(&self) {
        let settled = async {
            while self.is_any_due().await {
                self.hasten().await;
                // Who looks without a pause keeps a small machine's cores from the jobs.
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(2), settled).await.expect("jobs settle within two minutes");
    }

    /// Tells whether a job is due by now; the next sweep is not.
    async fn is_any_due(&self) -> bool {
        let next: Option<i64> = query(&self.watch, &FIND_NEXT_DUE, Vec::new()).await[0].get(0).unwrap();
        // The clock is read after the jobs: by a time from before, what a job left behind meanwhile would not be due yet.
        next.is_some_and(|next| next <= now_us())
    }

    /// Has jobs that failed run again at once.
    pub(crate) async fn hasten(&self) {
        if count(&self.watch, &COUNT_FAILED, Vec::new()).await > 0 {
            run(&self.watch, &HASTEN, Vec::new()).await;
        }
    }

    pub(crate) async fn blob(&self, repository: &str, content: &[u8]) -> Digest {
        let digest = sha256(content);
        let stream = stream::iter([Ok::<_, Infallible>(Bytes::copy_from_slice(content))]);
        let body = Body { length: Some(content.len() as u64), range: None, stream };
        self.registry.push_blob(&name(repository), ACTOR, &digest, body).await.unwrap();
        digest
    }

    pub(crate) async fn manifest(&self, repository: &str, tag: &str, document: &Json) -> Digest {
        self.manifest_by(ACTOR, repository, &[tag], document).await
    }

    pub(crate) async fn manifest_by(&self, actor: &str, repository: &str, tags: &[&str], document: &Json) -> Digest {
        let push = ManifestPush {
            repository: name(repository),
            actor: actor.to_owned(),
            digest: None,
            tags: tags.iter().map(|tag| tag.parse().unwrap()).collect(),
            tag_rule: TagRule::MakeAndMove,
            content_type: document["mediaType"].as_str().map(str::to_owned),
            body: Bytes::from(document.to_string()),
        };
        self.registry.push_manifest(push).await.unwrap().digest
    }

    /// Pushes an image whose layers hold these files.
    pub(crate) async fn image(&self, repository: &str, tag: &str, layers: &[&[(&str, &str)]]) -> Digest {
        let tars: Vec<Vec<u8>> = layers.iter().map(|files| testkit::layer(files.iter().copied())).collect();
        self.image_of(repository, tag, &tars, &tars).await
    }

    /// Pushes an image of these blobs, whose configuration says that they hold these tars.
    pub(crate) async fn image_of(&self, repository: &str, tag: &str, blobs: &[Vec<u8>], tars: &[Vec<u8>]) -> Digest {
        let diff_ids: Vec<String> = tars.iter().map(|tar| sha256(tar).to_string()).collect();
        let config = json!({
            "os": "linux", "architecture": "amd64", "created": "2026-01-02T03:04:05Z",
            "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        let config = config.to_string();
        let config = descriptor(media_type::OCI_CONFIG, self.blob(repository, config.as_bytes()).await, config.len());
        let mut layers = Vec::new();
        for blob in blobs {
            let digest = self.blob(repository, blob).await;
            layers.push(descriptor("application/vnd.oci.image.layer.v1.tar", digest, blob.len()));
        }
        let document = json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": config, "layers": layers,
        });
        self.manifest(repository, tag, &document).await
    }

    /// Pushes a document that refers to a manifest.
    pub(crate) async fn refer(
        &self,
        pusher: &str,
        (repository, subject): (&str, Digest),
        media_type: &str,
        body: &[u8],
    ) -> Digest {
        let empty = self.blob(repository, b"{}").await;
        let blob = self.blob(repository, body).await;
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "artifactType": media_type,
            "config": descriptor(media_type::OCI_EMPTY, empty, 2),
            "layers": [descriptor(media_type, blob, body.len())],
            "subject": descriptor(media_type::OCI_MANIFEST, subject, 2),
        });
        self.manifest_by(pusher, repository, &[], &manifest).await
    }

    /// Pushes what `BuildKit` lists beside images: in the shape of one, with statements as its layers, each with the type of its predicate.
    pub(crate) async fn attestation(&self, repository: &str, statements: &[(&str, &str)]) -> Digest {
        let config = json!({"os": "unknown", "architecture": "unknown", "rootfs": {"type": "layers", "diff_ids": []}})
            .to_string();
        let config = descriptor(media_type::OCI_CONFIG, self.blob(repository, config.as_bytes()).await, config.len());
        let mut layers = Vec::new();
        for (predicate_type, statement) in statements {
            let blob = self.blob(repository, statement.as_bytes()).await;
            let mut layer = descriptor("application/vnd.in-toto+json", blob, statement.len());
            layer["annotations"] = json!({"in-toto.io/predicate-type": predicate_type});
            layers.push(layer);
        }
        let manifest = json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": config, "layers": layers,
        });
        self.manifest_by(ACTOR, repository, &[], &manifest).await
    }

    /// Pushes an index of images.
    pub(crate) async fn index_of(&self, repository: &str, tag: &str, images: &[Digest]) -> Digest {
        let mut listed = Vec::new();
        for image in images {
            let entry = self.registry.find_manifest(&name(repository), &oci::Reference::Digest(*image)).await.unwrap();
            listed.push(descriptor(&entry.media_type, *image, entry.body.len()));
        }
        let index = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": listed});
        self.manifest(repository, tag, &index).await
    }

    /// Returns the types of a manifest's referrers.
    pub(crate) async fn referrers(&self, repository: &str, subject: &Digest) -> Vec<(String, Digest)> {
        let found = self.registry.list_referrers(&name(repository), subject, None, None, None).await.unwrap();
        let mut types: Vec<_> =
            found.descriptors.iter().map(|one| (one.artifact_type.clone().unwrap_or_default(), one.digest)).collect();
        types.sort();
        types
    }

    pub(crate) async fn errors(&self) -> Vec<String> {
        let rows = query(&self.db, &LIST_ERRORS, Vec::new()).await;
        rows.iter().map(|row| row.get(0).unwrap()).collect()
    }
}

fn descriptor(media_type: &str, digest: Digest, size: usize) -> Json {
    json!({"mediaType": media_type, "digest": digest, "size": size})
}

pub(crate) fn now_us() -> i64 {
    registry::Clock::System.now_us()
}

pub(crate) fn name(text: &str) -> RepositoryName {
    text.parse().unwrap()
}

pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    blobs::digest(Algorithm::Sha256, bytes)
}

pub(crate) async fn run(db: &Db, statement: &'static Statement, parameters: Vec<Value>) {
    db.write(move |tx| {
        let parameters = parameters.clone();
        Box::pin(async move { tx.execute(statement, &parameters).await.map(drop) })
    })
    .await
    .unwrap();
}

pub(crate) async fn query(db: &Db, statement: &'static Statement, parameters: Vec<Value>) -> Vec<Row> {
    db.read(move |tx| Box::pin(async move { tx.query(statement, &parameters).await })).await.unwrap()
}

pub(crate) async fn count(db: &Db, statement: &'static Statement, parameters: Vec<Value>) -> i64 {
    query(db, statement, parameters).await[0].get(0).unwrap()
}

/// Returns a dpkg database of these packages.
pub(crate) fn dpkg(packages: &[(&str, &str)]) -> String {
    let entry = |(name, version): &(&str, &str)| {
        format!(
            "Package: {name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: {version}\nMaintainer: A <a@b>\n\n"
        )
    };
    packages.iter().map(entry).collect()
}

pub(crate) const DEBIAN: (&str, &str) = ("etc/os-release", "ID=debian\nVERSION_ID=\"12\"\nPRETTY_NAME=\"Debian 12\"\n");
pub(crate) const STATUS: &str = "var/lib/dpkg/status";
