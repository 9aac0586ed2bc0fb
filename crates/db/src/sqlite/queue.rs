use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Work for threads. Its length is bounded by the places that callers take first.
pub(super) struct Queue<T>(Arc<Shared<T>>);

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    items: VecDeque<T>,
    closed: bool,
}

impl<T> Queue<T> {
    pub(super) fn new() -> Self {
        let state = Mutex::new(State { items: VecDeque::new(), closed: false });
        Self(Arc::new(Shared { state, changed: Condvar::new() }))
    }

    /// Adds work, or drops it when the queue is closed.
    pub(super) fn push(&self, item: T) {
        let mut state = self.lock();
        if !state.closed {
            state.items.push_back(item);
            self.0.changed.notify_one();
        }
    }

    /// Waits for work; `None` once the queue is closed and empty.
    pub(super) fn pop(&self) -> Option<T> {
        let waits = |state: &mut State<T>| state.items.is_empty() && !state.closed;
        let mut state = self.0.changed.wait_while(self.lock(), waits).unwrap_or_else(PoisonError::into_inner);
        state.items.pop_front()
    }

    /// Returns work that is there now.
    pub(super) fn try_pop(&self) -> Option<T> {
        self.lock().items.pop_front()
    }

    /// Takes no more work; what is queued is still done.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.0.changed.notify_all();
    }

    /// Closes the queue and drops what is queued when the guard goes, so that no caller waits for a thread that is gone.
    pub(super) fn close_on_exit(&self) -> CloseOnExit<T> {
        CloseOnExit(self.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

pub(super) struct CloseOnExit<T>(Queue<T>);

impl<T> Drop for CloseOnExit<T> {
    fn drop(&mut self) {
        self.0.close();
        // A thread that ends in order leaves nothing; taken out first, since dropping an item wakes its caller.
        if std::thread::panicking() {
            let abandoned = std::mem::take(&mut self.0.lock().items);
            drop(abandoned);
        }
    }
}
