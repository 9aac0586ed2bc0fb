use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};

/// Numbers that are kept: a hundred large images whose components have nothing in common. With two generations, some 10 MiB.
const NUMBERS_MAX: usize = 1 << 16;

type Key = [u8; 32];

/// The index's numbers of components that images had lately: most of what an image holds, another one held before.
///
/// Right for as long as no row of `inventory_components` is changed or deleted, which nothing does. What a write learns counts
/// once it is committed.
#[derive(Default)]
pub(crate) struct Numbers {
    generations: Mutex<Generations>,
}

/// What was not of use since the young generation began goes when that is full.
#[derive(Default)]
struct Generations {
    young: HashMap<Key, i64>,
    old: HashMap<Key, i64>,
}

impl Numbers {
    /// Returns the numbers that are known, each under its identity.
    pub(crate) fn find<'a>(&self, identities: impl Iterator<Item = &'a String>) -> BTreeMap<String, i64> {
        let keyed: Vec<(&String, Key)> = identities.map(|identity| (identity, key(identity))).collect();
        let mut generations = self.generations();
        keyed.into_iter().filter_map(|(identity, key)| Some((identity.clone(), generations.find(key)?))).collect()
    }

    /// Keeps numbers that are in the database.
    pub(crate) fn learn<'a>(&self, numbers: impl Iterator<Item = (&'a String, &'a i64)>) {
        let keyed: Vec<(Key, i64)> = numbers.map(|(identity, number)| (key(identity), *number)).collect();
        let mut generations = self.generations();
        for (key, number) in keyed {
            generations.insert(key, number);
        }
    }

    fn generations(&self) -> MutexGuard<'_, Generations> {
        self.generations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Generations {
    fn find(&mut self, key: Key) -> Option<i64> {
        if let Some(number) = self.young.get(&key) {
            return Some(*number);
        }
        let number = self.old.remove(&key)?;
        self.insert(key, number);
        Some(number)
    }

    fn insert(&mut self, key: Key, number: i64) {
        if self.young.len() >= NUMBERS_MAX {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(key, number);
    }
}

fn key(identity: &str) -> Key {
    let mut key = [0; 32];
    key.copy_from_slice(digest(&SHA256, identity.as_bytes()).as_ref());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_of_use_goes_when_there_are_too_many() {
        let numbers = Numbers::default();
        let names: Vec<String> = (0..=3 * NUMBERS_MAX).map(|number| number.to_string()).collect();
        let learn = |range: std::ops::Range<usize>| numbers.learn(names[range].iter().map(|name| (name, &7)));
        let finds = |number: usize| !numbers.find(names[number..=number].iter()).is_empty();
        learn(0..NUMBERS_MAX);
        assert!(finds(0) && finds(NUMBERS_MAX - 1));
        learn(NUMBERS_MAX..NUMBERS_MAX + 1);
        // Of use again, so that it outlives the rest of its generation.
        assert!(finds(0));
        learn(NUMBERS_MAX + 1..2 * NUMBERS_MAX);
        assert!(finds(0) && !finds(1) && finds(2 * NUMBERS_MAX - 1));
        assert_eq!(numbers.find(names[..2].iter()), [(names[0].clone(), 7)].into());
    }
}
