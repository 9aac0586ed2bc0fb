use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};

/// Numbers that are kept: a hundred large images whose components have nothing in common. With two generations, some 10 MiB.
const NUMBERS_MAX: usize = 1 << 16;

type Key = [u8; 32];

/// The index's numbers of components that images had lately: most of what an image holds, another one held before.
///
/// Right for one epoch: with the next one, components that no image held are gone. What a write learns counts once it is committed.
#[derive(Default)]
pub(crate) struct Numbers {
    generations: Mutex<Generations>,
}

/// Numbers that are known, each under its identity, and in which epoch they are right.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Known {
    pub(crate) epoch: i64,
    pub(crate) ids: BTreeMap<String, i64>,
}

/// What was not of use since the young generation began goes when that is full.
#[derive(Default)]
struct Generations {
    epoch: i64,
    young: HashMap<Key, i64>,
    old: HashMap<Key, i64>,
}

impl Numbers {
    /// Returns the numbers that are known.
    pub(crate) fn find<'a>(&self, identities: impl Iterator<Item = &'a String>) -> Known {
        let keyed: Vec<(&String, Key)> = identities.map(|identity| (identity, key(identity))).collect();
        let mut generations = self.generations();
        let ids =
            keyed.into_iter().filter_map(|(identity, key)| Some((identity.clone(), generations.find(key)?))).collect();
        Known { epoch: generations.epoch, ids }
    }

    /// Keeps numbers that are in the database in an epoch.
    pub(crate) fn learn<'a>(&self, epoch: i64, numbers: impl Iterator<Item = (&'a String, &'a i64)>) {
        let keyed: Vec<(Key, i64)> = numbers.map(|(identity, number)| (key(identity), *number)).collect();
        let mut generations = self.generations();
        if generations.epoch < epoch {
            *generations = Generations { epoch, ..Generations::default() };
        }
        if generations.epoch == epoch {
            for (key, number) in keyed {
                generations.insert(key, number);
            }
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
        let learn = |range: std::ops::Range<usize>| numbers.learn(0, names[range].iter().map(|name| (name, &7)));
        let finds = |number: usize| !numbers.find(names[number..=number].iter()).ids.is_empty();
        learn(0..NUMBERS_MAX);
        assert!(finds(0) && finds(NUMBERS_MAX - 1));
        learn(NUMBERS_MAX..NUMBERS_MAX + 1);
        // Of use again, so that it outlives the rest of its generation.
        assert!(finds(0));
        learn(NUMBERS_MAX + 1..2 * NUMBERS_MAX);
        assert!(finds(0) && !finds(1) && finds(2 * NUMBERS_MAX - 1));
        assert_eq!(numbers.find(names[..2].iter()).ids, [(names[0].clone(), 7)].into());
    }

    #[test]
    fn what_is_of_another_epoch_is_not_told() {
        let numbers = Numbers::default();
        let (one, two) = ("one".to_owned(), "two".to_owned());
        let known = |epoch, ids: &[(&String, i64)]| Known {
            epoch,
            ids: ids.iter().map(|(name, number)| ((*name).clone(), *number)).collect(),
        };
        numbers.learn(1, [(&one, &1)].into_iter());
        assert_eq!(numbers.find([&one, &two].into_iter()), known(1, &[(&one, 1)]));
        numbers.learn(2, [(&two, &2)].into_iter());
        assert_eq!(numbers.find([&one, &two].into_iter()), known(2, &[(&two, 2)]));
        numbers.learn(1, [(&one, &1)].into_iter());
        assert_eq!(numbers.find([&one, &two].into_iter()), known(2, &[(&two, 2)]));
    }
}
