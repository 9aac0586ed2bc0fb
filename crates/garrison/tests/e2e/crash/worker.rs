//! One client's work, and the comparison of what it was told with what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::Instant;

use oci::Digest;

use super::known::{Blob, Content, LEASE_OF_FOUND, LEASE_OF_PUSHED, Manifest, OpenUpload, Tag, UPLOAD_EXPIRY};
use crate::content::{IMAGE_MANIFEST, Random, image_manifest, sha256};
use crate::http::{Answer, Client};

/// More are deleted again, so that a round stays short.
const MANIFESTS_MAX: usize = 10;
const TAGS: u64 = 4;
const OPEN_UPLOADS_MAX: usize = 2;
/// Deleted names that are remembered to stay so.
const DELETED_KEPT: usize = 40;

type Key = (String, Digest);

pub(super) struct Worker {
    repositories: [String; 2],
    random: Random,
    blobs: BTreeMap<Key, Blob>,
    manifests: BTreeMap<Key, Manifest>,
    tags: BTreeMap<(String, String), Tag>,
    uploads: Vec<OpenUpload>,
    deleted: Vec<Key>,
    pub(super) done: Counts,
}

/// What was acknowledged, and what was in flight.
#[derive(Default)]
pub(super) struct Counts {
    blobs: u64,
    mounts: u64,
    manifests: u64,
    deletions: u64,
    resumed: u64,
    in_doubt: u64,
    compared: u64,
}

impl Counts {
    pub(super) fn add(&mut self, other: &Self) {
        self.blobs += other.blobs;
        self.mounts += other.mounts;
        self.manifests += other.manifests;
        self.deletions += other.deletions;
        self.resumed += other.resumed;
        self.in_doubt += other.in_doubt;
        self.compared += other.compared;
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { blobs, mounts, manifests, deletions, resumed, in_doubt, compared } = self;
        write!(f, "acknowledged: {blobs} blobs, {mounts} mounts, {manifests} manifests, {deletions} deletions, ")?;
        write!(f, "{resumed} resumed uploads; in flight at a kill: {in_doubt}; blobs compared: {compared}")
    }
}

impl Worker {
    pub(super) fn new(number: u64, seed: u64) -> Self {
        Self {
            repositories: [format!("crash/w{number}"), format!("crash/other/w{number}")],
            random: Random::new(seed),
            blobs: BTreeMap::new(),
            manifests: BTreeMap::new(),
            tags: BTreeMap::new(),
            uploads: Vec::new(),
            deleted: Vec::new(),
            done: Counts::default(),
        }
    }

    /// Works until the hub is gone. Tells of each thing done.
    pub(super) fn work(&mut self, mut client: Client, done: &Sender<()>, is_killed: &AtomicBool) {
        loop {
            match self.step(&mut client) {
                Ok(()) => {}
                Err(error) => {
                    assert!(is_killed.load(Ordering::SeqCst), "the hub cut a connection: {error}");
                    self.done.in_doubt += 1;
                    return;
                }
            }
            // When nobody counts any more, the kill is near.
            let _uncounted = done.send(());
        }
    }

    fn step(&mut self, client: &mut Client) -> io::Result<()> {
        let which = if self.manifests.len() > MANIFESTS_MAX { 13 } else { self.random.below(16) };
        match which {
            0..=6 => self.push_image(client),
            7 => {
                let (repository, content) = (self.repository(), Content::choose(&mut self.random));
                self.push_blob(client, &repository, &content)
            }
            8..=9 => self.open_upload(client),
            10 => self.delete_tag(client),
            11 => self.delete_blob(client),
            12..=13 => self.delete_manifest(client),
            _ => self.read_image(client),
        }
    }

    fn repository(&mut self) -> String {
        self.random.pick(&self.repositories).cloned().unwrap()
    }

    fn push_image(&mut self, client: &mut Client) -> io::Result<()> {
        let start = Instant::now();
        let repository = self.repository();
        let config = Content::new(self.random.next() | 1 << 63);
        let mut contents = vec![config];
        for _ in 0..=self.random.below(2) {
            contents.push(Content::choose(&mut self.random));
        }
        for content in &contents {
            self.push_blob(client, &repository, content)?;
        }
        let mut blobs: Vec<Digest> = contents.iter().map(|content| content.digest).collect();
        let mut bodies: Vec<Vec<u8>> = contents.iter().map(Content::bytes).collect();
        if self.random.below(2) == 0
            && let Some((digest, body)) = self.mount(client, &repository)?
        {
            blobs.push(digest);
            bodies.push(body);
        }
        let layers: Vec<&[u8]> = bodies[1..].iter().map(Vec::as_slice).collect();
        let bytes = image_manifest(&bodies[0], &layers);
        let digest = sha256(&bytes);
        let tag = format!("t{}", self.random.below(TAGS));
        let manifest = Manifest { bytes: bytes.clone(), blobs, is_certain: false };
        self.manifests.insert((repository.clone(), digest), manifest);
        self.tags.entry((repository.clone(), tag.clone())).or_default().may_become(Some(digest));

        let path = format!("/v2/{repository}/manifests/{tag}");
        let answer = client.send("PUT", &path, &[("Content-Type", IMAGE_MANIFEST)], &bytes)?;
        let key = (repository, digest);
        let lacks_blob = answer.status == 400 && answer.json()["errors"][0]["code"] == "MANIFEST_BLOB_UNKNOWN";
        if lacks_blob && start.elapsed() >= LEASE_OF_FOUND {
            // So slow that the first blob's lease has ended: the client has to push it again.
            self.manifests.remove(&key);
            self.tags.get_mut(&(key.0, tag)).unwrap().0.remove(&Some(digest));
            return Ok(());
        }
        answer.expect(201);
        self.manifests.get_mut(&key).unwrap().is_certain = true;
        self.tags.get_mut(&(key.0, tag)).unwrap().is(Some(digest));
        self.done.manifests += 1;
        Ok(())
    }

    /// Pushes a blob in one of the ways there are, or finds that it is there.
    fn push_blob(&mut self, client: &mut Client, repository: &str, content: &Content) -> io::Result<()> {
        let key = (repository.to_owned(), content.digest);
        let begun = Instant::now();
        let way = self.random.below(4);
        let (digest, bytes) = (content.digest, content.bytes());
        let (first, second) = bytes.split_at(bytes.len() / 2);
        if way == 0 {
            let head = client.send("HEAD", &format!("/v2/{repository}/blobs/{digest}"), &[], b"")?;
            if head.status == 200 {
                self.blobs.insert(key, Blob { leased_until: Some(begun + LEASE_OF_FOUND) });
                return Ok(());
            }
        }
        // The answer may be lost although the blob is there.
        self.deleted.retain(|deleted| *deleted != key);
        self.blobs.entry(key.clone()).or_insert(Blob { leased_until: None });
        let uploads = format!("/v2/{repository}/blobs/uploads/");
        let open = |client: &mut Client| {
            let answer = client.send("POST", &uploads, &[], b"")?.expect(202);
            Ok::<_, io::Error>(answer.header("location").unwrap().to_owned())
        };
        let answer = match way {
            0 | 1 => client.send("POST", &format!("{uploads}?digest={digest}"), &[], &bytes)?,
            2 => {
                let location = open(client)?;
                client.send("PUT", &format!("{location}?digest={digest}"), &[], &bytes)?
            }
            _ => {
                let location = open(client)?;
                client.send("PATCH", &location, &[], first)?.expect(202);
                client.send("PUT", &format!("{location}?digest={digest}"), &[], second)?
            }
        };
        answer.expect(201);
        self.acknowledge(key, begun);
        self.done.blobs += 1;
        Ok(())
    }

    fn acknowledge(&mut self, key: Key, begun: Instant) {
        self.blobs.insert(key, Blob { leased_until: Some(begun + LEASE_OF_PUSHED) });
    }

    /// Mounts a blob of an image in the other repository.
    fn mount(&mut self, client: &mut Client, repository: &str) -> io::Result<Option<(Digest, Vec<u8>)>> {
        let sources = self.manifests.iter().filter(|((name, _), manifest)| name != repository && manifest.is_certain);
        let sources: Vec<_> = sources.map(|((name, _), manifest)| (name.clone(), manifest.blobs.clone())).collect();
        let Some((source, blobs)) = self.random.pick(&sources).cloned() else { return Ok(None) };
        let Some(digest) = self.random.pick(&blobs).copied() else { return Ok(None) };
        let key = (repository.to_owned(), digest);
        let begun = Instant::now();
        self.deleted.retain(|deleted| *deleted != key);
        self.blobs.entry(key.clone()).or_insert(Blob { leased_until: None });
        let path = format!("/v2/{repository}/blobs/uploads/?mount={digest}&from={source}");
        client.send("POST", &path, &[], b"")?.expect(201);
        self.acknowledge(key, begun);
        self.done.mounts += 1;
        let body = client.get(&format!("/v2/{repository}/blobs/{digest}"))?.expect(200).body;
        assert_eq!(sha256(&body), digest);
        Ok(Some((digest, body)))
    }

    fn open_upload(&mut self, client: &mut Client) -> io::Result<()> {
        if self.uploads.len() >= OPEN_UPLOADS_MAX {
            return Ok(());
        }
        let (repository, content) = (self.repository(), Content::choose(&mut self.random));
        let begun = Instant::now();
        let answer = client.send("POST", &format!("/v2/{repository}/blobs/uploads/"), &[], b"")?.expect(202);
        let location = answer.header("location").unwrap().to_owned();
        let bytes = content.bytes();
        let sent = bytes.len() / 2;
        self.uploads.push(OpenUpload { begun, repository, location: location.clone(), content, acknowledged: 0, sent });
        client.send("PATCH", &location, &[], &bytes[..sent])?.expect(202);
        self.uploads.last_mut().unwrap().acknowledged = sent;
        Ok(())
    }

    fn delete_tag(&mut self, client: &mut Client) -> io::Result<()> {
        let keys: Vec<_> = self.tags.keys().cloned().collect();
        let Some(key) = self.random.pick(&keys).cloned() else { return Ok(()) };
        let tag = self.tags.get_mut(&key).unwrap();
        let was = tag.0.first().copied().flatten();
        tag.may_become(None);
        let answer = client.send("DELETE", &format!("/v2/{}/manifests/{}", key.0, key.1), &[], b"")?;
        answer.expect(if was.is_some() { 202 } else { 404 });
        tag.is(None);
        self.done.deletions += 1;
        Ok(())
    }

    fn delete_manifest(&mut self, client: &mut Client) -> io::Result<()> {
        let keys: Vec<_> = self.manifests.keys().cloned().collect();
        let Some(key) = self.random.pick(&keys).cloned() else { return Ok(()) };
        let (repository, digest) = &key;
        self.manifests.get_mut(&key).unwrap().is_certain = false;
        let tags = self.tags.iter_mut().filter(|((name, _), tag)| name == repository && tag.may_be(Some(*digest)));
        let mut tags: Vec<&mut Tag> = tags.map(|(_, tag)| tag).collect();
        for tag in &mut tags {
            tag.may_become(None);
        }
        client.send("DELETE", &format!("/v2/{repository}/manifests/{digest}"), &[], b"")?.expect(202);
        for tag in tags {
            tag.is(None);
        }
        self.manifests.remove(&key);
        self.deleted.push(key);
        self.done.deletions += 1;
        Ok(())
    }

    /// Deletes a blob that no manifest of its repository references.
    fn delete_blob(&mut self, client: &mut Client) -> io::Result<()> {
        let keys: Vec<_> = self.blobs.keys().filter(|key| !self.is_referenced(key)).cloned().collect();
        let Some(key) = self.random.pick(&keys).cloned() else { return Ok(()) };
        // In doubt from here on; what it was is asked after the answer, since a lease that has ended meanwhile excuses.
        let known = self.blobs.insert(key.clone(), Blob { leased_until: None }).unwrap();
        let answer = client.send("DELETE", &format!("/v2/{}/blobs/{}", key.0, key.1), &[], b"")?;
        if answer.status != 404 || known.is_leased() {
            answer.expect(202);
        }
        self.blobs.remove(&key);
        self.deleted.push(key);
        self.done.deletions += 1;
        Ok(())
    }

    fn is_referenced(&self, (repository, digest): &Key) -> bool {
        let mut manifests = self.manifests.iter();
        manifests.any(|((name, _), manifest)| name == repository && manifest.blobs.contains(digest))
    }

    fn read_image(&mut self, client: &mut Client) -> io::Result<()> {
        let keys: Vec<_> = self.manifests.keys().cloned().collect();
        let Some(key) = self.random.pick(&keys).cloned() else { return Ok(()) };
        let manifest = &self.manifests[&key];
        let answer = client.get(&format!("/v2/{}/manifests/{}", key.0, key.1))?.expect(200);
        assert_eq!(answer.body, manifest.bytes);
        for digest in &manifest.blobs {
            let answer = client.get(&format!("/v2/{}/blobs/{digest}", key.0))?.expect(200);
            assert_eq!(sha256(&answer.body), *digest);
        }
        Ok(())
    }

    /// Compares everything with a hub that has just been started. What was in doubt is certain afterwards.
    pub(super) fn compare(&mut self, mut client: Client) {
        let client = &mut client;
        self.compare_tags(client);
        self.compare_manifests(client);
        self.compare_blobs(client);
        self.resume_uploads(client);
    }

    fn compare_tags(&mut self, client: &mut Client) {
        let mut resolved: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for ((repository, name), tag) in &mut self.tags {
            let answer = client.get(&format!("/v2/{repository}/manifests/{name}")).unwrap();
            let target = found(&answer).then(|| sha256(&answer.body));
            assert!(tag.may_be(target), "{repository}:{name} is {target:?}, may be {tag:?}");
            tag.is(target);
            if let Some(digest) = target {
                let manifest = self.manifests.get_mut(&(repository.clone(), digest)).unwrap();
                manifest.is_certain = true;
                resolved.entry(repository.clone()).or_default().insert(name.clone());
            }
        }
        for repository in &self.repositories {
            let answer = client.get(&format!("/v2/{repository}/tags/list")).unwrap();
            let listed: BTreeSet<String> = if found(&answer) {
                serde_json::from_value(answer.json()["tags"].clone()).unwrap()
            } else {
                BTreeSet::new()
            };
            assert_eq!(listed, resolved.remove(repository).unwrap_or_default(), "tags of {repository}");
        }
    }

    fn compare_manifests(&mut self, client: &mut Client) {
        let compared = &mut self.done.compared;
        self.manifests.retain(|(repository, digest), manifest| {
            let answer = client.get(&format!("/v2/{repository}/manifests/{digest}")).unwrap();
            if !found(&answer) {
                assert!(!manifest.is_certain, "{repository}@{digest} is gone");
                return false;
            }
            assert_eq!(answer.body, manifest.bytes);
            for blob in &manifest.blobs {
                let answer = client.get(&format!("/v2/{repository}/blobs/{blob}")).unwrap();
                assert!(found(&answer), "{blob} of {repository}@{digest} is gone");
                assert_eq!(sha256(&answer.body), *blob);
                *compared += 1;
            }
            manifest.is_certain = true;
            true
        });
        for (repository, digest) in &self.deleted {
            let answer = client.get(&format!("/v2/{repository}/manifests/{digest}")).unwrap();
            assert!(!found(&answer), "{repository}@{digest} is back");
            let answer = client.get(&format!("/v2/{repository}/blobs/{digest}")).unwrap();
            assert!(!found(&answer), "blob {repository}@{digest} is back");
        }
        let surplus = self.deleted.len().saturating_sub(DELETED_KEPT);
        self.deleted.drain(..surplus);
    }

    /// Blobs that nothing references may be collected once their lease has ended; those that are there are whole.
    fn compare_blobs(&mut self, client: &mut Client) {
        let mut blobs = std::mem::take(&mut self.blobs);
        blobs.retain(|key, blob| {
            let (repository, digest) = key;
            let answer = client.get(&format!("/v2/{repository}/blobs/{digest}")).unwrap();
            // Asked after the answer: a lease that has ended meanwhile excuses.
            let must_be_there = self.is_referenced(key) || blob.is_leased();
            assert!(found(&answer) || !must_be_there, "{repository}@{digest} is gone");
            if found(&answer) {
                assert_eq!(sha256(&answer.body), *digest);
                self.done.compared += 1;
            }
            found(&answer)
        });
        self.blobs = blobs;
    }

    fn resume_uploads(&mut self, client: &mut Client) {
        for upload in std::mem::take(&mut self.uploads) {
            let begun = Instant::now();
            let status = client.get(&upload.location).unwrap();
            // Of one that had not acknowledged a byte, a killed hub may know nothing.
            let may_be_gone = upload.acknowledged == 0 || upload.begun.elapsed() >= UPLOAD_EXPIRY;
            if status.status == 404 && may_be_gone {
                continue;
            }
            let status = status.expect(204);
            let (_, last) = status.header("range").unwrap().split_once('-').unwrap();
            // `0-0` is an upload that holds nothing; none here holds one byte.
            let last: usize = last.parse().unwrap();
            let held = if last == 0 { 0 } else { last + 1 };
            assert!(held >= upload.acknowledged && held <= upload.sent, "{upload:?} holds {held}");
            let (digest, bytes) = (upload.content.digest, upload.content.bytes());
            let finish = format!("{}?digest={digest}", upload.location);
            client.send("PUT", &finish, &[], &bytes[held..]).unwrap().expect(201);
            let body = client.get(&format!("/v2/{}/blobs/{digest}", upload.repository)).unwrap().expect(200).body;
            assert_eq!(body, bytes);
            let key = (upload.repository, digest);
            self.deleted.retain(|deleted| *deleted != key);
            self.acknowledge(key, begun);
            self.done.resumed += 1;
        }
    }
}

fn found(answer: &Answer) -> bool {
    match answer.status {
        200 => true,
        404 => false,
        status => panic!("{status}: {}", answer.text()),
    }
}
