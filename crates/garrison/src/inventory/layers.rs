use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use images::{Image, ImageLayer};
use oci::Digest;
use sbom::{Allowance, LayerRecord, Matcher};

use super::{LayerCache, Talk};
use crate::error::{CommandError, Kind};
use crate::output::Progress;
use crate::session::size;

/// The most layers that are read at once. Each takes a buffer of its compression, some 8 MiB for the largest windows, beside what is kept of it.
const READERS_MAX: usize = 8;

/// What was read of an image.
pub(super) struct Layers {
    /// Each layer once, however often the image has it.
    records: Vec<LayerRecord>,
    /// The record of each layer, lowest first.
    order: Vec<usize>,
}

impl Layers {
    /// Returns the records of the layers, lowest first.
    pub(super) fn in_order(&self) -> Vec<&LayerRecord> {
        self.order.iter().map(|at| &self.records[*at]).collect()
    }
}

/// Reads the layers of an image, several at once.
pub(super) fn read(
    image: &Image,
    matcher: &Matcher,
    cache: Option<&LayerCache>,
    talk: Talk,
) -> Result<Layers, CommandError> {
    let mut places: HashMap<(Option<Digest>, Digest), usize> = HashMap::new();
    let mut once: Vec<&ImageLayer> = Vec::new();
    let order = image.layers.iter().map(|layer| {
        *places.entry((layer.digest, layer.diff_id)).or_insert_with(|| {
            once.push(layer);
            once.len() - 1
        })
    });
    let order = order.collect();
    let allowance = Allowance::new(images::temporary_file);
    let records = Job { image, matcher, cache, layers: &once, allowance: &allowance }.run(talk)?;
    if let Some(cache) = cache {
        cache.trim();
    }
    Ok(Layers { records, order })
}

struct Job<'j> {
    image: &'j Image,
    matcher: &'j Matcher,
    cache: Option<&'j LayerCache>,
    layers: &'j [&'j ImageLayer],
    /// What all of them may take together.
    allowance: &'j Allowance,
}

/// How one layer is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// By one thread.
    Alone,
    /// By threads ahead of one another, where what is left in line does not keep the other cores busy as long.
    Ahead,
}

impl Way {
    /// Says how a layer is read that has this size, while layers of these sizes are left in line behind it.
    fn of(size_bytes: u64, behind: impl Iterator<Item = u64>, cores: usize) -> Self {
        let behind = behind.fold(0, u64::saturating_add);
        let others = cores as u64 - 1;
        if size_bytes.saturating_mul(others) > behind { Self::Ahead } else { Self::Alone }
    }
}

/// What the readers share.
#[derive(Default)]
struct Shared {
    /// The next layer in line.
    next: AtomicUsize,
    bytes: AtomicU64,
    /// The sizes of the layers that are read a second time.
    bytes_again: AtomicU64,
    is_stopped: AtomicBool,
}

impl Job<'_> {
    fn run(&self, talk: Talk) -> Result<Vec<LayerRecord>, CommandError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let readers = cores.min(READERS_MAX).min(self.layers.len());
        // The largest first, so that none of them is begun when all others are done.
        let mut line: Vec<usize> = (0..self.layers.len()).collect();
        line.sort_by_key(|at| std::cmp::Reverse(self.layers[*at].size_bytes));
        let shared = Shared::default();
        let (sender, finished) = mpsc::channel();
        std::thread::scope(|scope| {
            for _ in 0..readers {
                let sender = sender.clone();
                let (line, shared) = (&line, &shared);
                scope.spawn(move || {
                    loop {
                        let left = line.get(shared.next.fetch_add(1, Ordering::Relaxed)..).unwrap_or_default();
                        let Some((at, behind)) = left.split_first() else { return };
                        let behind = behind.iter().map(|at| self.layers[*at].size_bytes);
                        let way = Way::of(self.layers[*at].size_bytes, behind, cores);
                        let result = self.read_one(self.layers[*at], way, shared);
                        if sender.send((*at, result)).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            let collected = self.collect(&finished, &shared, talk);
            shared.is_stopped.store(true, Ordering::Relaxed);
            // Whoever still reads has nobody to tell and stops at its next piece.
            shared.next.store(self.layers.len(), Ordering::Relaxed);
            drop(finished);
            collected
        })
    }

    fn collect(
        &self,
        finished: &mpsc::Receiver<(usize, Result<LayerRecord, CommandError>)>,
        shared: &Shared,
        talk: Talk,
    ) -> Result<Vec<LayerRecord>, CommandError> {
        const LOOK_EVERY: Duration = Duration::from_millis(100);
        let mut watch = Watch::new(talk);
        let total = self.layers.iter().map(|layer| layer.size_bytes).sum::<u64>();
        let mut records: Vec<Option<LayerRecord>> = self.layers.iter().map(|_| None).collect();
        let mut done = 0;
        while done < records.len() {
            match finished.recv_timeout(LOOK_EVERY) {
                Ok((at, record)) => {
                    records[at] = Some(record?);
                    done += 1;
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(CommandError::new(Kind::Bug, "a reader of layers ended before its layer"));
                }
            }
            watch.update(|| {
                let bytes = shared.bytes.load(Ordering::Relaxed);
                let total = total + shared.bytes_again.load(Ordering::Relaxed);
                format!("layers {done}/{}  {} of {}", records.len(), size(&bytes.into()), size(&total.into()))
            });
        }
        watch.finish();
        Ok(records.into_iter().flatten().collect())
    }

    fn read_one(&self, layer: &ImageLayer, way: Way, shared: &Shared) -> Result<LayerRecord, CommandError> {
        let name = layer.digest.unwrap_or(layer.diff_id);
        let failed = || format!("failed to read layer {name} of `{}`", self.image.name);
        // A layer without a digest, as in archives of old, is known by nothing that was checked.
        let checked = layer.digest.as_ref().map(|digest| (digest, &layer.diff_id));
        let cache = self.cache.zip(checked);
        if let Some(record) = cache.and_then(|(cache, layer)| cache.find(layer, self.matcher.fingerprint())) {
            let taken = self.allowance.take(record.memory_bytes());
            taken.map_err(|source| CommandError::environment(failed(), source))?;
            shared.bytes.fetch_add(layer.size_bytes, Ordering::Relaxed);
            return Ok(record);
        }
        let mut opened = 0;
        let open = || {
            if opened > 0 {
                shared.bytes_again.fetch_add(layer.size_bytes, Ordering::Relaxed);
            }
            opened += 1;
            Ok(Counted { reader: self.image.open_layer(layer).map_err(Unread::closed)?, shared })
        };
        let (digest, diff_id) = (layer.digest.as_ref(), Some(&layer.diff_id));
        let read = match way {
            Way::Alone => sbom::read_layer(open, digest, diff_id, self.matcher, self.allowance),
            Way::Ahead => sbom::read_layer_ahead(open, digest, diff_id, self.matcher, self.allowance),
        };
        let read = read.map_err(|unread| match unread {
            Unread::Closed(error) => *error,
            Unread::Layer(source) => CommandError::environment(failed(), source),
        })?;
        if let Some((cache, layer)) = cache {
            cache.store(layer, self.matcher.fingerprint(), &read.record);
        }
        Ok(read.record)
    }
}

/// Why a layer was not read.
enum Unread {
    /// It could not be opened.
    Closed(Box<CommandError>),
    Layer(sbom::Error),
}

impl Unread {
    fn closed(error: images::Error) -> Self {
        Self::Closed(Box::new(error.into()))
    }
}

impl From<sbom::Error> for Unread {
    fn from(error: sbom::Error) -> Self {
        Self::Layer(error)
    }
}

/// A layer's bytes, counted; an error once nobody wants them any more.
struct Counted<'s, R> {
    reader: R,
    shared: &'s Shared,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.shared.is_stopped.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        let count = self.reader.read(buffer)?;
        self.shared.bytes.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

/// Progress of what may be over before anybody looks.
pub(super) struct Watch {
    progress: Option<Progress>,
    started: Instant,
    shown: Option<Instant>,
}

impl Watch {
    /// The time for which nothing is said on a terminal.
    const PATIENCE: Duration = Duration::from_millis(300);
    /// The time between two changes of the line.
    const EVERY: Duration = Duration::from_millis(100);

    pub(super) fn new(talk: Talk) -> Self {
        let progress = (talk == Talk::Notes).then(Progress::passing);
        Self { progress, started: Instant::now(), shown: None }
    }

    pub(super) fn update(&mut self, state: impl FnOnce() -> String) {
        let is_due =
            self.started.elapsed() >= Self::PATIENCE && self.shown.is_none_or(|shown| shown.elapsed() >= Self::EVERY);
        if let Some(progress) = self.progress.as_mut().filter(|_| is_due) {
            progress.update(state());
            self.shown = Some(Instant::now());
        }
    }

    pub(super) fn finish(self) {
        if let Some(progress) = self.progress {
            progress.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use images::{Local, Opened, Select};
    use sbom::TooMuchMemory;

    use super::*;

    const TALK: Talk = Talk::Nothing;

    /// Returns an image of two layers, which is read from the directory.
    fn image(directory: &std::path::Path) -> Image {
        let layers = ["Cargo.lock", "usr/app/Cargo.lock"].map(|path| testkit::layer([(path, "# nothing")]));
        let diff_ids = layers.each_ref().map(|layer| {
            let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, layer);
            Digest::new(oci::Algorithm::Sha256, digest.as_ref()).unwrap().to_string()
        });
        let config = serde_json::json!({
            "os": "linux", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": diff_ids},
        });
        let manifest =
            serde_json::json!([{"Config": "config.json", "RepoTags": ["a:1"], "Layers": ["0.tar", "1.tar"]}]);
        let layers = layers.map(|layer| String::from_utf8(layer).unwrap());
        let archive = testkit::layer([
            ("manifest.json", &*manifest.to_string()),
            ("config.json", &*config.to_string()),
            ("0.tar", &*layers[0]),
            ("1.tar", &*layers[1]),
        ]);
        let path = directory.join("image.tar");
        std::fs::write(&path, archive).unwrap();
        let Opened::Image(mut image) = Local::DockerArchive(path, Select::Any).open(None).unwrap() else {
            unreachable!("it was opened as an image")
        };
        for layer in &mut image.layers {
            layer.digest = Some(layer.diff_id);
        }
        *image
    }

    /// Reads the image's layers within some memory; returns what they took, or why they were refused.
    fn read_within(image: &Image, cache: Option<&LayerCache>, memory_bytes: u64) -> Result<u64, String> {
        let matcher = Matcher::new(sbom::catalogers().iter().collect());
        let allowance = Allowance::new(images::temporary_file).memory_bytes_max(memory_bytes);
        let layers: Vec<&ImageLayer> = image.layers.iter().collect();
        let job = Job { image, matcher: &matcher, cache, layers: &layers, allowance: &allowance };
        let records = job.run(TALK).map_err(|error| format!("{error:?}"))?;
        Ok(records.iter().map(LayerRecord::memory_bytes).sum())
    }

    #[test]
    fn cores_that_other_layers_leave_idle_help_with_one() {
        let check = |size_bytes: u64, behind: &[u64], cores: usize, expected: Way| {
            let way = Way::of(size_bytes, behind.iter().copied(), cores);
            assert_eq!(way, expected, "{size_bytes} before {behind:?} on {cores}");
        };
        check(9, &[], 1, Way::Alone);
        check(9, &[], 2, Way::Ahead);
        check(0, &[], 2, Way::Alone);
        check(9, &[8], 2, Way::Ahead);
        check(9, &[9], 2, Way::Alone);
        check(9, &[5, 4], 2, Way::Alone);
        check(9, &[9], 3, Way::Ahead);
        check(9, &[9, 9], 3, Way::Alone);
        check(u64::MAX, &[u64::MAX, u64::MAX], 3, Way::Alone);
    }

    #[test]
    fn what_the_layers_of_an_image_take_is_limited_while_they_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let image = image(directory.path());
        let bytes = read_within(&image, None, u64::MAX).unwrap();
        let cache = LayerCache::new(directory.path());
        // What is known takes as much as what is read.
        for cache in [None, Some(&cache), Some(&cache)] {
            assert_eq!(read_within(&image, cache, bytes + 1), Ok(bytes));
            assert_eq!(read_within(&image, cache, bytes), Ok(bytes));
            let refusal = read_within(&image, cache, bytes - 1).unwrap_err();
            let limit = bytes - 1;
            assert!(refusal.contains(&format!("{:?}", TooMuchMemory { limit })), "{refusal}");
        }
    }
}
