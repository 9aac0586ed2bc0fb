use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

use crate::Error;

/// Attempts of a write that loses races. With the pauses below that is several seconds of losing.
const CONTENDED_MAX: u32 = 40;
/// Further attempts when a connection breaks before the commit.
const UNAVAILABLE_MAX: u32 = 3;
/// PostgreSQL reports some lost races as a taken key, and the next attempt sees the winner's row. A key that is taken for
/// good is so again.
const CONFLICT_MAX: u32 = 1;
const PAUSE_MIN: Duration = Duration::from_millis(1);
const PAUSE_MAX: Duration = Duration::from_millis(200);

/// What one write has been through.
#[derive(Debug, Default)]
pub(super) struct Retries {
    contended: u32,
    unavailable: u32,
    conflicts: u32,
}

impl Retries {
    /// Returns how long to wait before the next attempt, or `None` when there is to be none.
    pub(super) fn pause_after(&mut self, failure: &Error) -> Option<Duration> {
        let (count, max) = match failure {
            Error::Contended { .. } => (&mut self.contended, CONTENDED_MAX),
            Error::Unavailable { .. } => (&mut self.unavailable, UNAVAILABLE_MAX),
            Error::Conflict { .. } => (&mut self.conflicts, CONFLICT_MAX),
            _ => return None,
        };
        if *count == max {
            return None;
        }
        *count += 1;
        let longest = PAUSE_MIN.saturating_mul(1 << (*count).min(10)).min(PAUSE_MAX);
        Some(longest.mul_f64(random_fraction()))
    }
}

/// Returns a number from 0 to 1 that differs between callers, so that those who lost together do not meet again. It is no
/// secret, and the seeds of hash maps are random enough.
fn random_fraction() -> f64 {
    let bits = RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(bits >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(failure: &Error, attempts: u32) {
        let mut retries = Retries::default();
        for attempt in 0..attempts {
            let pause = retries.pause_after(failure);
            assert!(pause.is_some_and(|pause| pause <= PAUSE_MAX), "attempt {attempt} after {failure}: {pause:?}");
        }
        assert_eq!(retries.pause_after(failure), None, "{failure}");
    }

    #[test]
    fn attempts_are_bounded_by_what_failed() {
        let source = crate::error::source(std::io::Error::other("lost"));
        check(&Error::Closed, 0);
        check(&Error::OutcomeUnknown { source: source.clone() }, 0);
        check(&Error::Commit { source: source.clone() }, 0);
        check(&Error::Contended { source: source.clone() }, CONTENDED_MAX);
        check(&Error::Unavailable { source: source.clone() }, UNAVAILABLE_MAX);
        check(&Error::Conflict { statement: "TEST", source }, CONFLICT_MAX);
    }
}
