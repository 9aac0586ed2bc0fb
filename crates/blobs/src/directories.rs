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
        let shared = outcome.as_ref().copied().map_err(Failure::of);
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    /// Starts `waiters` callers while a first sync runs, which ends when all are waiting; returns how many syncs ran and
    /// what the waiters were told.
    fn run(waiters: usize, second: fn() -> io::Result<()>) -> (usize, Vec<Option<io::ErrorKind>>) {
        let shared = SharedSync::default();
        let syncs = AtomicUsize::new(0);
        let (started, starts) = mpsc::channel();
        let (end, ended) = mpsc::channel::<()>();
        let (shared, syncs) = (&shared, &syncs);
        let outcomes = thread::scope(|scope| {
            scope.spawn(move || {
                let first = shared.run(|| {
                    started.send(()).expect("the test waits for the start");
                    ended.recv().expect("the test ends the first sync");
                    syncs.fetch_add(1, Ordering::SeqCst);
                    Ok(())
                });
                first.expect("the first sync succeeds");
            });
            starts.recv().expect("the first sync starts");
            let waiting: Vec<_> = (0..waiters)
                .map(|_| {
                    scope.spawn(move || {
                        let sync = || {
                            syncs.fetch_add(1, Ordering::SeqCst);
                            second()
                        };
                        shared.run(sync).err().map(|error| error.kind())
                    })
                })
                .collect();
            // Each waiter holds the next round, beside the state itself.
            while shared.state.lock().expect("no waiter panics").next.as_ref().map_or(0, Arc::strong_count) <= waiters {
                thread::yield_now();
            }
            end.send(()).expect("the first sync waits for its end");
            waiting.into_iter().map(|waiter| waiter.join().expect("no waiter panics")).collect()
        });
        (syncs.load(Ordering::SeqCst), outcomes)
    }

    #[test]
    fn all_who_wait_share_one_sync_that_starts_later() {
        assert_eq!(run(8, || Ok(())), (2, vec![None; 8]));
    }

    #[test]
    fn all_who_share_a_failed_sync_are_told() {
        let full = || Err(io::ErrorKind::StorageFull.into());
        assert_eq!(run(8, full), (2, vec![Some(io::ErrorKind::StorageFull); 8]));
    }
}
