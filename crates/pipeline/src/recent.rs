use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use component::Inventory;
use oci::Digest;
use sbom::LayerRecord;

/// How often the database is told that a layer is of use: it forgets the least used of gigabytes, for which a day would do.
const TOLD_EVERY: Duration = Duration::from_hours(1);

/// What an entry takes beside its value, so that empty ones have an end too.
const ENTRY_BYTES: u64 = 1024;

/// What was of use lately, up to a number of bytes. All of it is also in the database, so that it may go at any time.
pub(crate) struct Recent<K, V> {
    bytes_max: u64,
    state: Mutex<State<K, V>>,
}

struct State<K, V> {
    /// Who has the memory for something else.
    borrowers: usize,
    bytes: u64,
    uses: u64,
    entries: HashMap<K, Entry<V>>,
    /// The least used first.
    by_use: BTreeMap<u64, K>,
}

struct Entry<V> {
    value: V,
    bytes: u64,
    use_number: u64,
}

/// The memory of what was of use lately, for something else. It is kept again once this is dropped.
pub(crate) struct Borrowed<'a, K: Copy + Eq + Hash, V>(&'a Recent<K, V>);

impl<K: Copy + Eq + Hash, V> Recent<K, V> {
    /// Keeps what takes this many bytes together.
    pub(crate) fn new(bytes_max: u64) -> Self {
        Self { bytes_max, state: Mutex::new(State::new(0)) }
    }

    /// Finds a value, which is of use now.
    fn find<T>(&self, key: &K, take: impl FnOnce(&mut V) -> T) -> Option<T> {
        let mut state = self.state();
        let state = &mut *state;
        let entry = state.entries.get_mut(key)?;
        state.uses += 1;
        state.by_use.remove(&entry.use_number);
        entry.use_number = state.uses;
        state.by_use.insert(state.uses, *key);
        Some(take(&mut entry.value))
    }

    fn add(&self, key: K, value: V, bytes: u64) {
        let bytes = bytes.saturating_add(ENTRY_BYTES);
        let mut state = self.state();
        if state.borrowers > 0 || bytes > self.bytes_max {
            return;
        }
        state.remove(&key);
        while state.bytes + bytes > self.bytes_max {
            let Some((_, least_used)) = state.by_use.first_key_value() else { break };
            let least_used = *least_used;
            state.remove(&least_used);
        }
        state.uses += 1;
        let use_number = state.uses;
        state.bytes += bytes;
        state.by_use.insert(use_number, key);
        state.entries.insert(key, Entry { value, bytes, use_number });
    }

    /// Forgets all, and keeps nothing until the guard is dropped.
    pub(crate) fn borrow(&self) -> Borrowed<'_, K, V> {
        let mut state = self.state();
        *state = State::new(state.borrowers + 1);
        Borrowed(self)
    }

    fn state(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash, V> State<K, V> {
    fn new(borrowers: usize) -> Self {
        Self { borrowers, bytes: 0, uses: 0, entries: HashMap::new(), by_use: BTreeMap::new() }
    }

    fn remove(&mut self, key: &K) {
        if let Some(entry) = self.entries.remove(key) {
            self.by_use.remove(&entry.use_number);
            self.bytes -= entry.bytes;
        }
    }
}

impl<K: Copy + Eq + Hash, V> Drop for Borrowed<'_, K, V> {
    fn drop(&mut self) {
        self.0.state().borrowers -= 1;
    }
}

/// The layers that images had lately, as they are in memory: of a rebuilt image, all but what was rebuilt.
pub(crate) type RecentLayers = Recent<Digest, RecentLayer>;

pub(crate) struct RecentLayer {
    record: Arc<LayerRecord>,
    told_at: Instant,
}

/// A layer that is here.
pub(crate) struct Known {
    pub(crate) record: Arc<LayerRecord>,
    /// Whether the database is to be told that it was of use.
    pub(crate) is_to_be_told: bool,
}

impl RecentLayers {
    pub(crate) fn find_layer(&self, layer: Digest, now: Instant) -> Option<Known> {
        self.find(&layer, |known| {
            let is_to_be_told = now.saturating_duration_since(known.told_at) >= TOLD_EVERY;
            if is_to_be_told {
                known.told_at = now;
            }
            Known { record: Arc::clone(&known.record), is_to_be_told }
        })
    }

    /// Keeps a layer of which the database was told just now.
    pub(crate) fn add_layer(&self, layer: Digest, record: &Arc<LayerRecord>, now: Instant) {
        self.add(layer, RecentLayer { record: Arc::clone(record), told_at: now }, record.memory_bytes());
    }
}

/// The inventories that were looked at lately, unpacked: who looks at an image turns pages, searches and follows edges. Each is known by
/// its image and when it was made, so that one that was made anew is another.
pub(crate) type RecentInventories = Recent<(Digest, i64), Arc<Inventory>>;

impl RecentInventories {
    pub(crate) fn find_inventory(&self, image: Digest, made_at_us: i64) -> Option<Arc<Inventory>> {
        self.find(&(image, made_at_us), |inventory| Arc::clone(inventory))
    }

    /// Keeps an inventory that takes this many bytes.
    pub(crate) fn add_inventory(&self, image: Digest, made_at_us: i64, inventory: &Arc<Inventory>, bytes: u64) {
        self.add((image, made_at_us), Arc::clone(inventory), bytes);
    }
}

#[cfg(test)]
mod tests {
    use sbom::{Allowance, FileKind, LayerBuilder, Matcher};

    use super::*;

    fn digest(number: u8) -> Digest {
        blobs::digest(oci::Algorithm::Sha256, &[number])
    }

    fn record() -> Arc<LayerRecord> {
        let matcher = Matcher::new(Vec::new());
        let allowance = Allowance::new(|| Err(std::io::ErrorKind::Unsupported.into()));
        let mut builder = LayerBuilder::new(&matcher, &allowance);
        builder.add("usr", FileKind::Directory, 0o755, None).unwrap();
        Arc::new(builder.finish())
    }

    fn size() -> u64 {
        record().memory_bytes() + ENTRY_BYTES
    }

    fn kept(recent: &RecentLayers) -> Vec<u8> {
        let state = recent.state();
        (0..10).filter(|number| state.entries.contains_key(&digest(*number))).collect()
    }

    #[test]
    fn the_least_used_goes_first_where_all_are_too_much() {
        let one = size();
        for (bytes_max, expected) in [(one - 1, &[][..]), (one, &[3]), (3 * one - 1, &[0, 3]), (3 * one, &[0, 2, 3])] {
            let (recent, now) = (RecentLayers::new(bytes_max), Instant::now());
            for number in 0..4 {
                recent.add_layer(digest(number), &record(), now);
                let _ = recent.find_layer(digest(0), now);
            }
            assert_eq!(kept(&recent), expected, "{bytes_max}");
            assert!(recent.state().bytes <= bytes_max);
        }
    }

    #[test]
    fn inventories_end_at_a_number_of_bytes_and_each_is_of_its_time() {
        let subject = component::Subject::Directory { name: "/".into() };
        let inventory = Arc::new(Inventory {
            subject,
            distribution: None,
            layers: Vec::new(),
            components: Vec::new(),
            edges: Vec::new(),
            unknowns: Vec::new(),
            created: None,
        });
        for (bytes_max, expected) in [(1_999, &[][..]), (2_000, &[2]), (3_999, &[2]), (4_000, &[1, 2])] {
            let recent = RecentInventories::new(bytes_max);
            for made_at_us in [1, 2] {
                recent.add_inventory(digest(0), made_at_us, &inventory, 2_000 - ENTRY_BYTES);
            }
            let found: Vec<i64> = (0..4).filter(|at| recent.find_inventory(digest(0), *at).is_some()).collect();
            assert_eq!(found, expected, "{bytes_max}");
            assert!(recent.find_inventory(digest(1), 2).is_none());
        }
    }

    #[test]
    fn one_that_is_added_again_counts_once() {
        let (recent, now) = (RecentLayers::new(10 * size()), Instant::now());
        recent.add_layer(digest(0), &record(), now);
        recent.add_layer(digest(0), &record(), now);
        assert_eq!((kept(&recent), recent.state().bytes), (vec![0], size()));
    }

    #[test]
    fn nothing_is_kept_while_the_memory_is_borrowed() {
        let (recent, now) = (RecentLayers::new(10 * size()), Instant::now());
        recent.add_layer(digest(0), &record(), now);
        let borrowed = recent.borrow();
        recent.add_layer(digest(1), &record(), now);
        assert!(kept(&recent).is_empty());
        drop(borrowed);
        recent.add_layer(digest(2), &record(), now);
        assert_eq!(kept(&recent), [2]);
    }

    #[test]
    fn the_database_is_told_once_in_a_while() {
        let (recent, start) = (RecentLayers::new(10 * size()), Instant::now());
        recent.add_layer(digest(0), &record(), start);
        let told =
            |after_s: u64| recent.find_layer(digest(0), start + Duration::from_secs(after_s)).unwrap().is_to_be_told;
        let hour = TOLD_EVERY.as_secs();
        for (after_s, expected) in
            [(1, false), (hour - 1, false), (hour, true), (hour + 1, false), (2 * hour - 1, false), (2 * hour, true)]
        {
            assert_eq!(told(after_s), expected, "{after_s}");
        }
    }
}
