use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use oci::Digest;
use sbom::LayerRecord;

/// How often the database is told that a layer is of use: it forgets the least used of gigabytes, for which a day would do.
const TOLD_EVERY: Duration = Duration::from_hours(1);

/// What an entry takes beside its record, so that empty layers have an end too.
const ENTRY_BYTES: u64 = 1024;

/// The layers that images had lately, as they are in memory: of a rebuilt image, all but what was rebuilt.
///
/// What is here is also in the database, so that it may go at any time.
pub(crate) struct RecentLayers {
    bytes_max: u64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Who has the memory for something else.
    borrowers: usize,
    bytes: u64,
    uses: u64,
    entries: HashMap<Digest, Entry>,
    /// The least used first.
    by_use: BTreeMap<u64, Digest>,
}

struct Entry {
    record: Arc<LayerRecord>,
    use_number: u64,
    told_at: Instant,
}

/// A layer that is here.
pub(crate) struct Known {
    pub(crate) record: Arc<LayerRecord>,
    /// Whether the database is to be told that it was of use.
    pub(crate) is_to_be_told: bool,
}

/// The memory of recent layers, for something else. They are kept again once it is dropped.
pub(crate) struct Borrowed<'a>(&'a RecentLayers);

impl RecentLayers {
    /// Keeps layers that take this many bytes together.
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self { bytes_max, state: Mutex::default() }
    }

    pub(crate) fn find(&self, layer: Digest, now: Instant) -> Option<Known> {
        let mut state = self.state();
        let state = &mut *state;
        let entry = state.entries.get_mut(&layer)?;
        let is_to_be_told = now.saturating_duration_since(entry.told_at) >= TOLD_EVERY;
        if is_to_be_told {
            entry.told_at = now;
        }
        state.uses += 1;
        state.by_use.remove(&entry.use_number);
        entry.use_number = state.uses;
        state.by_use.insert(state.uses, layer);
        Some(Known { record: Arc::clone(&entry.record), is_to_be_told })
    }

    /// Keeps a layer of which the database was told just now.
    pub(crate) fn add(&self, layer: Digest, record: &Arc<LayerRecord>, now: Instant) {
        let bytes = size(record);
        let mut state = self.state();
        if state.borrowers > 0 || bytes > self.bytes_max {
            return;
        }
        state.remove(&layer);
        while state.bytes + bytes > self.bytes_max {
            let Some((_, least_used)) = state.by_use.first_key_value() else { break };
            let least_used = *least_used;
            state.remove(&least_used);
        }
        state.uses += 1;
        let use_number = state.uses;
        state.bytes += bytes;
        state.by_use.insert(use_number, layer);
        state.entries.insert(layer, Entry { record: Arc::clone(record), use_number, told_at: now });
    }

    /// Forgets all layers, and keeps none until the guard is dropped.
    pub(crate) fn borrow(&self) -> Borrowed<'_> {
        let mut state = self.state();
        *state = State { borrowers: state.borrowers + 1, ..State::default() };
        Borrowed(self)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn remove(&mut self, layer: &Digest) {
        if let Some(entry) = self.entries.remove(layer) {
            self.by_use.remove(&entry.use_number);
            self.bytes -= size(&entry.record);
        }
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        self.0.state().borrowers -= 1;
    }
}

fn size(record: &LayerRecord) -> u64 {
    record.memory_bytes() + ENTRY_BYTES
}

#[cfg(test)]
mod tests {
    use sbom::{FileKind, LayerBuilder, Matcher};

    use super::*;

    fn digest(number: u8) -> Digest {
        blobs::digest(oci::Algorithm::Sha256, &[number])
    }

    fn record() -> Arc<LayerRecord> {
        let matcher = Matcher::new(Vec::new());
        let mut builder = LayerBuilder::new(&matcher, || Err(std::io::ErrorKind::Unsupported.into()));
        builder.add("usr", FileKind::Directory, 0o755, None).unwrap();
        Arc::new(builder.finish())
    }

    fn kept(recent: &RecentLayers) -> Vec<u8> {
        let state = recent.state();
        (0..10).filter(|number| state.entries.contains_key(&digest(*number))).collect()
    }

    #[test]
    fn the_least_used_goes_first_where_all_are_too_much() {
        let one = size(&record());
        for (bytes_max, expected) in [(one - 1, &[][..]), (one, &[3]), (3 * one - 1, &[0, 3]), (3 * one, &[0, 2, 3])] {
            let (recent, now) = (RecentLayers::new(bytes_max), Instant::now());
            for number in 0..4 {
                recent.add(digest(number), &record(), now);
                let _ = recent.find(digest(0), now);
            }
            assert_eq!(kept(&recent), expected, "{bytes_max}");
            assert!(recent.state().bytes <= bytes_max);
        }
    }

    #[test]
    fn one_that_is_added_again_counts_once() {
        let (recent, now) = (RecentLayers::new(10 * size(&record())), Instant::now());
        recent.add(digest(0), &record(), now);
        recent.add(digest(0), &record(), now);
        assert_eq!((kept(&recent), recent.state().bytes), (vec![0], size(&record())));
    }

    #[test]
    fn nothing_is_kept_while_the_memory_is_borrowed() {
        let (recent, now) = (RecentLayers::new(10 * size(&record())), Instant::now());
        recent.add(digest(0), &record(), now);
        let borrowed = recent.borrow();
        recent.add(digest(1), &record(), now);
        assert!(kept(&recent).is_empty());
        drop(borrowed);
        recent.add(digest(2), &record(), now);
        assert_eq!(kept(&recent), [2]);
    }

    #[test]
    fn the_database_is_told_once_in_a_while() {
        let (recent, start) = (RecentLayers::new(10 * size(&record())), Instant::now());
        recent.add(digest(0), &record(), start);
        let told = |after_s: u64| recent.find(digest(0), start + Duration::from_secs(after_s)).unwrap().is_to_be_told;
        let hour = TOLD_EVERY.as_secs();
        for (after_s, expected) in
            [(1, false), (hour - 1, false), (hour, true), (hour + 1, false), (2 * hour - 1, false), (2 * hour, true)]
        {
            assert_eq!(told(after_s), expected, "{after_s}");
        }
    }
}
