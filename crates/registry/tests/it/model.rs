//! Random operations against a model in memory: after each, the registry holds exactly what the model says.

use std::collections::{BTreeMap, BTreeSet};

use oci::Digest;
use registry::Error;
use serde_json::Value as Json;
use testkit::Database;

use crate::support::{
    ACTOR, COUNT_ORPHAN_ROWS, HOUR_US, Hub, MINUTE_US, Random, bytes_of, count, image, index, name, push, referrer,
    sha256, tag,
};

const GRACE_US: i64 = HOUR_US;
const LEASE_US: i64 = GRACE_US / 4 * 3;
const REPOSITORIES: [&str; 2] = ["team/web", "other/web"];
const TAGS: [&str; 3] = ["a", "b", "c"];

/// What may be pushed.
struct World {
    blobs: BTreeMap<Digest, Vec<u8>>,
    documents: BTreeMap<Digest, Document>,
}

struct Document {
    json: Json,
    blobs: Vec<Digest>,
    children: Vec<Digest>,
    subject: Option<Digest>,
}

impl World {
    fn new() -> Self {
        let mut blobs = BTreeMap::new();
        let contents: Vec<Digest> = (0..7)
            .map(|number| {
                let content = format!("content {number}").into_bytes();
                let digest = sha256(&content);
                blobs.insert(digest, content);
                digest
            })
            .collect();
        let mut documents = BTreeMap::new();
        let mut add = |json: Json, blobs: Vec<Digest>, children: Vec<Digest>, subject| {
            let digest = sha256(&bytes_of(&json));
            documents.insert(digest, Document { json, blobs, children, subject });
            digest
        };
        let of = |numbers: &[usize]| numbers.iter().map(|number| contents[*number]).collect::<Vec<_>>();
        let one = add(image(&contents[0], &of(&[1, 2])), of(&[0, 1, 2]), vec![], None);
        let two = add(image(&contents[0], &of(&[2, 3])), of(&[0, 2, 3]), vec![], None);
        let three = add(image(&contents[4], &[]), of(&[4]), vec![], None);
        add(index(&[one, two]), vec![], vec![one, two], None);
        let signature = add(referrer(&contents[5], &one, "signature"), of(&[5]), vec![], Some(one));
        add(referrer(&contents[5], &two, "signature"), of(&[5]), vec![], Some(two));
        add(referrer(&contents[6], &signature, "countersignature"), of(&[6]), vec![], Some(signature));
        let stray = sha256(b"never came");
        add(referrer(&contents[3], &stray, "stray"), of(&[3]), vec![], Some(stray));
        let listed = add(referrer(&contents[6], &three, "sbom"), of(&[6]), vec![], Some(three));
        add(index(&[listed]), vec![], vec![listed], None);
        Self { blobs, documents }
    }
}

/// What one repository holds, and when each thing is looked at.
#[derive(Default, Debug)]
struct Repository {
    exists: bool,
    blobs: BTreeMap<Digest, Option<i64>>,
    manifests: BTreeMap<Digest, Option<i64>>,
    tags: BTreeMap<&'static str, Digest>,
}

impl Repository {
    fn references<'w>(&self, world: &'w World) -> BTreeSet<&'w Digest> {
        let documents = self.manifests.keys().map(|digest| &world.documents[digest]);
        documents.flat_map(|document| document.blobs.iter().chain(&document.children)).collect()
    }

    fn is_rooted(&self, world: &World, digest: &Digest) -> bool {
        self.tags.values().any(|tagged| tagged == digest)
            || self.references(world).contains(digest)
            || world.documents[digest].subject.is_none_or(|subject| self.manifests.contains_key(&subject))
    }

    fn remove(&mut self, world: &World, digest: &Digest, blobs_due_us: i64, referrers_due_us: i64) {
        self.manifests.remove(digest);
        self.tags.retain(|_, tagged| tagged != digest);
        for blob in &world.documents[digest].blobs {
            if let Some(due @ None) = self.blobs.get_mut(blob) {
                *due = Some(blobs_due_us);
            }
        }
        for (referrer, due) in &mut self.manifests {
            if world.documents[referrer].subject == Some(*digest) && due.is_none() {
                *due = Some(referrers_due_us);
            }
        }
    }

    fn collect(&mut self, world: &World, now_us: i64) {
        while let Some(digest) =
            self.manifests.iter().find(|(_, due)| due.is_some_and(|due_us| due_us <= now_us)).map(|(digest, _)| *digest)
        {
            if self.is_rooted(world, &digest) {
                let subject = world.documents[&digest].subject;
                let is_for_good = subject.is_none_or(|subject| self.manifests.contains_key(&subject));
                self.manifests.insert(digest, (!is_for_good).then_some(now_us + GRACE_US / 4));
            } else {
                self.remove(world, &digest, now_us + GRACE_US / 2, now_us);
            }
        }
        let references = self.references(world);
        for (digest, due) in &mut self.blobs {
            if due.is_some_and(|due_us| due_us <= now_us) && references.contains(digest) {
                *due = None;
            }
        }
        self.blobs.retain(|_, due| due.is_none_or(|due_us| due_us > now_us));
    }
}

struct Play {
    hub: Hub,
    world: World,
    model: BTreeMap<&'static str, Repository>,
    random: Random,
}

impl Play {
    fn now_us(&self) -> i64 {
        self.hub.clock.load(std::sync::atomic::Ordering::SeqCst)
    }

    fn repository(&mut self, text: &str) -> &mut Repository {
        self.model.get_mut(text).unwrap()
    }

    /// Does one thing and says which.
    async fn step(&mut self) -> String {
        let repository = *self.random.pick(&REPOSITORIES).unwrap();
        let now_us = self.now_us();
        match self.random.below(20) {
            0..=2 => self.push_blob(repository).await,
            3..=8 => self.push_manifest(repository).await,
            9 | 10 => self.head(repository).await,
            11 => self.mount(repository).await,
            12 | 13 => self.delete_manifest(repository).await,
            14 => {
                let tags: Vec<_> = self.model[repository].tags.keys().copied().collect();
                let Some(label) = self.random.pick(&tags).copied() else { return "no tag".to_owned() };
                self.hub.registry.delete_tag(&name(repository), &tag(label), ACTOR).await.unwrap();
                self.repository(repository).tags.remove(label);
                format!("delete tag {repository}:{label}")
            }
            15 => self.delete_blob(repository).await,
            16 if self.random.below(6) == 0 && self.model[repository].exists => {
                self.hub.registry.delete_repository(&name(repository), ACTOR).await.unwrap();
                *self.repository(repository) = Repository::default();
                self.hub.run_jobs().await;
                self.collect(now_us).await;
                format!("delete repository {repository}")
            }
            _ => {
                let minutes = i64::try_from(self.random.below(40)).unwrap();
                self.hub.advance(minutes * MINUTE_US);
                self.collect(now_us + minutes * MINUTE_US).await;
                format!("collect after {minutes} minutes")
            }
        }
    }

    async fn collect(&mut self, now_us: i64) {
        self.hub.collect().await;
        for repository in self.model.values_mut() {
            repository.collect(&self.world, now_us);
        }
    }

    async fn ensure_blob(&mut self, repository: &str, digest: &Digest) {
        self.hub.blob(repository, &self.world.blobs[digest].clone()).await;
        let due_us = self.now_us() + LEASE_US;
        let held = self.repository(repository);
        held.exists = true;
        held.blobs.insert(*digest, Some(due_us));
    }

    async fn push_blob(&mut self, repository: &str) -> String {
        let all: Vec<Digest> = self.world.blobs.keys().copied().collect();
        let digest = *self.random.pick(&all).unwrap();
        self.ensure_blob(repository, &digest).await;
        format!("push {repository}@{}", digest.short())
    }

    async fn push_manifest(&mut self, repository: &str) -> String {
        let all: Vec<Digest> = self.world.documents.keys().copied().collect();
        let digest = *self.random.pick(&all).unwrap();
        let document = &self.world.documents[&digest];
        let (json, blobs) = (document.json.clone(), document.blobs.clone());
        let is_honest = self.random.below(4) > 0;
        if is_honest {
            for blob in &blobs {
                if self.head_one(repository, blob).await {
                    continue;
                }
                self.ensure_blob(repository, blob).await;
            }
        }
        let label = self.random.pick(&TAGS).copied().filter(|_| self.random.0.is_multiple_of(2));
        let tags: Vec<&str> = label.into_iter().collect();
        let pushed = self.hub.registry.push_manifest(push(repository, &tags, &json)).await;
        let held = self.repository(repository);
        let is_complete = blobs.iter().all(|blob| held.blobs.contains_key(blob));
        match pushed {
            Ok(pushed) => {
                assert!(is_complete && pushed.digest == digest);
                held.exists = true;
                held.manifests.insert(digest, None);
                if let Some(label) = label {
                    held.tags.insert(label, digest);
                }
            }
            Err(Error::BlobsMissing(_)) => assert!(!is_complete),
            Err(error) => panic!("{error:?}"),
        }
        format!("push {repository}@{} as {label:?}", digest.short())
    }

    async fn head_one(&mut self, repository: &str, digest: &Digest) -> bool {
        let now_us = self.now_us();
        let found = self.hub.registry.find_blob_to_reference(&name(repository), digest).await;
        let held = self.repository(repository).blobs.get_mut(digest);
        assert_eq!(found.is_ok(), held.is_some(), "HEAD {repository}@{digest}: {found:?}");
        if let Some(Some(due_us)) = held
            && *due_us < now_us + LEASE_US / 2
        {
            *due_us = now_us + LEASE_US;
        }
        found.is_ok()
    }

    async fn head(&mut self, repository: &str) -> String {
        let all: Vec<Digest> = self.world.blobs.keys().copied().collect();
        let digest = *self.random.pick(&all).unwrap();
        self.head_one(repository, &digest).await;
        format!("head {repository}@{}", digest.short())
    }

    async fn mount(&mut self, repository: &str) -> String {
        let all: Vec<Digest> = self.world.blobs.keys().copied().collect();
        let digest = *self.random.pick(&all).unwrap();
        let source = *REPOSITORIES.iter().find(|other| **other != repository).unwrap();
        let mounted = self.hub.registry.mount(&name(repository), &name(source), &digest, ACTOR).await.unwrap();
        assert_eq!(mounted.is_some(), self.model[source].blobs.contains_key(&digest));
        if mounted.is_some() {
            let due_us = self.now_us() + LEASE_US;
            let held = self.repository(repository);
            held.exists = true;
            held.blobs.insert(digest, Some(due_us));
        }
        format!("mount {repository}@{}", digest.short())
    }

    async fn delete_manifest(&mut self, repository: &str) -> String {
        let all: Vec<Digest> = self.model[repository].manifests.keys().copied().collect();
        let Some(digest) = self.random.pick(&all).copied() else { return "no manifest".to_owned() };
        self.hub.registry.delete_manifest(&name(repository), &digest, ACTOR).await.unwrap();
        let now_us = self.now_us();
        let held = self.model.get_mut(repository).unwrap();
        held.remove(&self.world, &digest, now_us + LEASE_US, now_us + GRACE_US / 4);
        format!("delete {repository}@{}", digest.short())
    }

    async fn delete_blob(&mut self, repository: &str) -> String {
        let held = &self.model[repository];
        let references = held.references(&self.world);
        let free: Vec<Digest> = held.blobs.keys().filter(|digest| !references.contains(digest)).copied().collect();
        let Some(digest) = self.random.pick(&free).copied() else { return "no free blob".to_owned() };
        self.hub.registry.delete_blob(&name(repository), &digest, ACTOR).await.unwrap();
        self.repository(repository).blobs.remove(&digest);
        format!("delete blob {repository}@{}", digest.short())
    }

    async fn check(&self, told: &str) {
        for (repository, held) in &self.model {
            for digest in self.world.blobs.keys() {
                let expected = held.blobs.contains_key(digest);
                assert_eq!(self.hub.has_blob(repository, digest).await, expected, "{told}: {repository}@{digest}");
            }
            for digest in self.world.documents.keys() {
                let expected = held.manifests.contains_key(digest);
                let found = self.hub.has_manifest(repository, &digest.to_string()).await;
                assert_eq!(found, expected, "{told}: {repository}@{digest}");
            }
            for label in TAGS {
                let found = self.hub.registry.find_manifest(&name(repository), &oci::Reference::Tag(tag(label))).await;
                let expected = held.tags.get(label);
                assert_eq!(found.ok().map(|found| found.digest).as_ref(), expected, "{told}: {repository}:{label}");
            }
        }
    }

    /// In the end what nothing holds is gone, and what is held can be read.
    async fn settle(&mut self, told: &str) {
        for _ in 0..6 {
            self.hub.advance(GRACE_US);
            self.collect(self.now_us()).await;
        }
        self.check(told).await;
        let mut stored = BTreeSet::new();
        for (repository, held) in &self.model {
            let references = held.references(&self.world);
            for digest in held.blobs.keys() {
                assert!(references.contains(digest), "{told}: the model keeps {digest}");
                assert_eq!(self.hub.read(repository, digest).await.unwrap(), self.world.blobs[digest], "{told}");
                stored.insert(*digest);
            }
        }
        assert_eq!(self.hub.files().len(), stored.len(), "{told}");
        assert_eq!(count(&self.hub.db, &COUNT_ORPHAN_ROWS, vec![]).await, 0, "{told}");
        self.hub.assert_sound(told).await;
    }
}

async fn play(database: Database, seed: u64, steps: usize) {
    let hub = Hub::open(database).await;
    let model = REPOSITORIES.iter().map(|text| (*text, Repository::default())).collect();
    let mut play = Play { hub, world: World::new(), model, random: Random(seed) };
    for step in 0..steps {
        let did = play.step().await;
        play.check(&format!("seed {seed}, step {step}: {did}")).await;
        if step % 150 == 149 {
            play.settle(&format!("seed {seed}, step {step}")).await;
        }
    }
    play.settle(&format!("seed {seed}, the end")).await;
}

fn new_seed() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    now.as_nanos().try_into().unwrap_or(0)
}

testkit::on_both_databases! {
    async fn the_registry_holds_what_the_model_says(database: Database) {
        let steps = if database.name() == "sqlite" { 400 } else { 120 };
        play(database, 1, steps).await;
    }

    async fn the_registry_holds_what_the_model_says_with_a_new_seed(database: Database) {
        let steps = if database.name() == "sqlite" { 400 } else { 120 };
        play(database, new_seed(), steps).await;
    }
}
