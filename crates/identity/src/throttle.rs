//! Spacing out of login attempts.
//!
//! Two counts of failures, one an account and one a source address. After a few free ones each further failure doubles the time
//! until the next attempt. The account's delay stays short, because whoever knows a name can cause it; the source's grows longer,
//! because it falls on whoever fails. Names that do not exist are counted like those that do.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

/// Failures of one account before attempts are spaced out: as often as a person mistypes.
pub const ACCOUNT_FAILURES_FREE: u32 = 5;

/// Failures from one source before its attempts are spaced out: an office behind one address mistypes more often.
pub const SOURCE_FAILURES_FREE: u32 = 20;

/// The longest delay of an account. Half a minute allows under three thousand guesses a day and locks nobody out.
pub const ACCOUNT_DELAY_MS_MAX: u64 = 30 * 1000;

/// The longest delay of a source.
pub const SOURCE_DELAY_MS_MAX: u64 = 15 * 60 * 1000;

/// A count is forgotten this long after its last failure; longer than any delay.
pub const FORGET_AFTER_MS: u64 = 30 * 60 * 1000;

/// How many accounts, and how many sources, are counted at a time. With about a hundred bytes each this is below a megabyte.
pub const THROTTLE_ENTRIES_MAX: usize = 4096;

const DELAY_MS_FIRST: u64 = 1000;

/// Too early: the attempt is refused unseen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many failed logins; the next attempt is possible in {retry_after_s} s")]
pub struct Throttled {
    /// How long to wait, rounded up to seconds: `Retry-After`.
    pub retry_after_s: u64,
}

/// Counts failed logins. Times are milliseconds of any clock that does not go back.
#[derive(Debug, Default)]
pub struct Throttle {
    accounts: Counts<String>,
    sources: Counts<IpAddr>,
}

impl Throttle {
    /// Starts without any count.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks whether an attempt may be made now. If attempts are spaced out already, a yes takes the place: of several attempts
    /// at the same moment one gets through.
    pub fn attempt(&mut self, account: &str, source: IpAddr, now_ms: u64) -> Result<(), Throttled> {
        let (account, source) = (account_key(account), source_key(source));
        let wait_ms = self.accounts.wait_ms(&account, now_ms).max(self.sources.wait_ms(&source, now_ms));
        if wait_ms > 0 {
            return Err(Throttled { retry_after_s: wait_ms.div_ceil(1000) });
        }
        self.accounts.reserve(&account, ACCOUNT_FAILURES_FREE, ACCOUNT_DELAY_MS_MAX, now_ms);
        self.sources.reserve(&source, SOURCE_FAILURES_FREE, SOURCE_DELAY_MS_MAX, now_ms);
        Ok(())
    }

    /// Counts a failure.
    pub fn failed(&mut self, account: &str, source: IpAddr, now_ms: u64) {
        self.accounts.fail(account_key(account), ACCOUNT_FAILURES_FREE, ACCOUNT_DELAY_MS_MAX, now_ms);
        self.sources.fail(source_key(source), SOURCE_FAILURES_FREE, SOURCE_DELAY_MS_MAX, now_ms);
    }

    /// Forgets the failures of an account whose owner has come in. The source keeps its count, or an attacker would clear it
    /// with an account of their own; the place that this attempt took is given back.
    pub fn succeeded(&mut self, account: &str, source: IpAddr) {
        self.accounts.entries.remove(&account_key(account));
        if let Some(entry) = self.sources.entries.get_mut(&source_key(source)) {
            entry.not_before_ms = 0;
        }
    }
}

// Long names would make memory unbounded. Names that differ only past the limit are no accounts anyway.
fn account_key(account: &str) -> String {
    account.chars().take(access::ACCOUNT_NAME_CHARS_MAX + 1).collect()
}

// One customer is given at least a /64 of IPv6, so that counting single addresses would count nothing.
fn source_key(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::from([a, b, c, d, 0, 0, 0, 0])
        }
        address @ IpAddr::V4(_) => address,
    }
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    failures: u32,
    last_failure_ms: u64,
    not_before_ms: u64,
}

#[derive(Debug)]
struct Counts<K> {
    entries: HashMap<K, Entry>,
}

impl<K> Default for Counts<K> {
    fn default() -> Self {
        Self { entries: HashMap::new() }
    }
}

impl<K: Hash + Eq + Clone> Counts<K> {
    fn wait_ms(&mut self, key: &K, now_ms: u64) -> u64 {
        let Some(entry) = self.entries.get(key) else {
            return 0;
        };
        if is_forgotten(entry, now_ms) {
            self.entries.remove(key);
            return 0;
        }
        entry.not_before_ms.saturating_sub(now_ms)
    }

    fn reserve(&mut self, key: &K, free: u32, delay_ms_max: u64, now_ms: u64) {
        if let Some(entry) = self.entries.get_mut(key)
            && entry.failures >= free
        {
            entry.not_before_ms = now_ms.saturating_add(delay_ms(entry.failures, free, delay_ms_max));
        }
    }

    fn fail(&mut self, key: K, free: u32, delay_ms_max: u64, now_ms: u64) {
        if !self.entries.contains_key(&key) && self.entries.len() >= THROTTLE_ENTRIES_MAX {
            self.make_room(now_ms);
        }
        let entry = self.entries.entry(key).or_insert(Entry { failures: 0, last_failure_ms: now_ms, not_before_ms: 0 });
        entry.failures = entry.failures.saturating_add(1);
        entry.last_failure_ms = now_ms;
        let not_before_ms = now_ms.saturating_add(delay_ms(entry.failures, free, delay_ms_max));
        entry.not_before_ms = entry.not_before_ms.max(not_before_ms);
    }

    // The count with the fewest failures goes, the oldest of those: a flood of new names pushes out its own, not those that
    // are being guessed at.
    fn make_room(&mut self, now_ms: u64) {
        self.entries.retain(|_, entry| !is_forgotten(entry, now_ms));
        if self.entries.len() < THROTTLE_ENTRIES_MAX {
            return;
        }
        let weakest = self.entries.iter().min_by_key(|(_, entry)| (entry.failures, entry.last_failure_ms));
        if let Some(key) = weakest.map(|(key, _)| key.clone()) {
            self.entries.remove(&key);
        }
    }
}

fn is_forgotten(entry: &Entry, now_ms: u64) -> bool {
    now_ms.saturating_sub(entry.last_failure_ms) >= FORGET_AFTER_MS
}

fn delay_ms(failures: u32, free: u32, delay_ms_max: u64) -> u64 {
    match failures.checked_sub(free) {
        None => 0,
        Some(doublings) => DELAY_MS_FIRST.checked_shl(doublings.min(32)).unwrap_or(delay_ms_max).min(delay_ms_max),
    }
}
