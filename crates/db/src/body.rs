//! How a transaction body runs, whatever the database.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_util::FutureExt as _;

use crate::{Error, Tx};

/// What a transaction body returns: `Box::pin(async move { … })`.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Runs a body to its end on the current thread. Its future is polled once, since on SQLite nothing in it waits.
pub(crate) fn run_at_once<T, E, F>(tx: &mut Tx, body: F) -> Result<T, E>
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>>,
    E: From<Error>,
{
    let polled = catch_unwind(AssertUnwindSafe(|| {
        let mut future = body(tx);
        future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
    }));
    let outcome = match polled {
        Ok(Poll::Ready(outcome)) => outcome,
        Ok(Poll::Pending) => Err(Error::BodyWaited.into()),
        Err(payload) => Err(Error::panicked(&*payload).into()),
    };
    settled(tx, outcome)
}

/// Runs a body to its end, waiting where it waits.
pub(crate) async fn run<T, E, F>(tx: &mut Tx, body: F) -> Result<T, E>
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send,
    E: From<Error>,
{
    // Within an async block, so that a panic before the future exists is caught too.
    let outcome = match AssertUnwindSafe(async { body(tx).await }).catch_unwind().await {
        Ok(outcome) => outcome,
        Err(payload) => Err(Error::panicked(&*payload).into()),
    };
    settled(tx, outcome)
}

/// A body that went on after a failed statement does not commit.
fn settled<T, E: From<Error>>(tx: &Tx, outcome: Result<T, E>) -> Result<T, E> {
    match (outcome, tx.failure()) {
        (Ok(_), Some(failure)) => Err(failure.clone().into()),
        (outcome, _) => outcome,
    }
}
