//! Whether an inventory is made by itself or as one of many.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How soon after one inventory the next is taken for one of many. Whoever pushes images by hand or from one pipeline takes longer.
const MANY_WITHIN: Duration = Duration::from_secs(1);

/// When an inventory was made last.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    ended: Mutex<Option<Instant>>,
}

impl Turns {
    /// Tells whether the inventory that begins now follows on another.
    pub(crate) fn is_one_of_many(&self, now: Instant) -> bool {
        let ended = *self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.is_some_and(|ended| now.saturating_duration_since(ended) < MANY_WITHIN)
    }

    /// Notes that an inventory is made.
    pub(crate) fn end(&self, now: Instant) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_within_a_second_is_one_of_many() {
        let (turns, begin) = (Turns::default(), Instant::now());
        assert!(!turns.is_one_of_many(begin));
        turns.end(begin);
        let [zero, almost] = [Duration::ZERO, Duration::from_nanos(999_999_999)];
        for (later, expected) in [(zero, true), (almost, true), (MANY_WITHIN, false)] {
            assert_eq!(turns.is_one_of_many(begin + later), expected, "{later:?}");
        }
        // Of two that are made at once, the other may have ended since.
        turns.end(begin + MANY_WITHIN);
        assert!(turns.is_one_of_many(begin));
    }
}
