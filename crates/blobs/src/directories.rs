use std::io;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};

/// Shares the syncs of one directory: all who wait while one runs are served by the next, which starts after they asked.
#[derive(Default)]
pub(crate) struct SharedSync {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    is_running: bool,
    /// The round that those who ask now belong to. It has not started.
    next: Option<Arc<Round>>,
}

/// One sync, with its outcome once it is done: a failure is told to all who relied on it, because the operating system tells
/// it only once, and a second sync would succeed without having written anything.
#[derive(Default)]
struct Round(OnceLock<Result<(), Failure>>);

#[derive(Clone, Copy)]
struct Failure {
    code: Option<i32>,
    kind: io::ErrorKind,
}

impl SharedSync {
    /// Returns after a sync that started after this call, made by `sync` here or by another caller's.
    pub(crate) fn run(&self, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let round = Arc::clone(state.next.get_or_insert_default());
        while state.is_running {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            if let Some(outcome) = round.0.get() {
                return outcome.map_err(Failure::into_error);
            }
        }
        // Nobody runs and the round is not done, so it is `next` still, and this caller runs it.
        state.next = None;
        state.is_running = true;
        drop(state);
        let outcome = sync();
        let shared = outcome.as_ref().map(|()| ()).map_err(Failure::of);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.is_running = false;
        let _ = round.0.set(shared);
        drop(state);
        self.changed.notify_all();
        outcome
    }
}

impl Failure {
    fn of(error: &io::Error) -> Self {
        Self { code: error.raw_os_error(), kind: error.kind() }
    }

    fn into_error(self) -> io::Error {
        self.code.map_or_else(|| self.kind.into(), io::Error::from_raw_os_error)
    }
}
