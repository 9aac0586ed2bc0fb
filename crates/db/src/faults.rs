use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use crate::Error;

const DISARMED: u8 = 0;
const FAIL: u8 = 1;
const LOSE_ANSWER: u8 = 2;

/// Makes one chosen database operation fail, for tests.
///
/// An operation is the begin of a transaction (or, within a group of writes, of a write), a statement, or a commit,
/// counted from 1 since the last call of a method here. A test counts the operations of a piece of work, then makes each
/// of them fail in turn and looks whether the invariants hold:
///
/// ```
/// # async fn work() {}
/// # async fn test(faults: garrison_db::Faults) {
/// faults.count();
/// work().await;
/// for n in 1..=faults.operations() {
///     faults.fail_at(n);
///     work().await;
///     faults.disarm();
///     // look at what is there now
/// }
/// # }
/// ```
#[derive(Debug, Clone, Default)]
pub struct Faults(Arc<State>);

#[derive(Debug, Default)]
struct State {
    operations: AtomicU64,
    fails_at: AtomicU64,
    mode: AtomicU8,
}

/// What is to happen to one operation.
#[derive(Debug)]
pub(crate) enum Verdict {
    Proceed,
    Fail(Error),
    ProceedThenFail(Error),
}

impl Faults {
    /// Returns faults of which none is armed.
    pub fn none() -> Self {
        Self::default()
    }

    /// Counts from zero again and fails nothing.
    pub fn count(&self) {
        self.arm(DISARMED, 0);
    }

    /// Fails nothing from now on; the count goes on.
    pub fn disarm(&self) {
        self.0.mode.store(DISARMED, Ordering::SeqCst);
    }

    /// Makes the `n`-th operation from now fail without being done.
    pub fn fail_at(&self, n: u64) {
        self.arm(FAIL, n);
    }

    /// Makes the `n`-th operation from now report failure although it is done: a commit whose answer is lost.
    pub fn lose_answer_at(&self, n: u64) {
        self.arm(LOSE_ANSWER, n);
    }

    /// Returns how many operations there were since the count began.
    pub fn operations(&self) -> u64 {
        self.0.operations.load(Ordering::SeqCst)
    }

    fn arm(&self, mode: u8, n: u64) {
        // Disarmed while the two numbers change, so that no operation meets a mixture.
        self.0.mode.store(DISARMED, Ordering::SeqCst);
        self.0.fails_at.store(n, Ordering::SeqCst);
        self.0.operations.store(0, Ordering::SeqCst);
        self.0.mode.store(mode, Ordering::SeqCst);
    }

    pub(crate) fn next(&self) -> Verdict {
        let operation = self.0.operations.fetch_add(1, Ordering::SeqCst) + 1;
        let mode = self.0.mode.load(Ordering::SeqCst);
        if mode == DISARMED || operation != self.0.fails_at.load(Ordering::SeqCst) {
            return Verdict::Proceed;
        }
        let error = Error::Injected { operation };
        if mode == FAIL { Verdict::Fail(error) } else { Verdict::ProceedThenFail(error) }
    }
}

impl Verdict {
    /// Returns the error of an operation that is not to be done.
    pub(crate) fn admit(self) -> Result<Self, Error> {
        match self {
            Self::Fail(error) => Err(error),
            verdict @ (Self::Proceed | Self::ProceedThenFail(_)) => Ok(verdict),
        }
    }

    /// Returns what the caller is told after the operation was done.
    pub(crate) fn after<T>(self, outcome: Result<T, Error>) -> Result<T, Error> {
        match self {
            Self::Proceed => outcome,
            Self::Fail(error) | Self::ProceedThenFail(error) => outcome.and(Err(error)),
        }
    }
}
