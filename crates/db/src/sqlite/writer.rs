//! Group commit: what waits is run, each write in a savepoint, and one commit makes all of it durable. Answers go out after
//! the commit, also those of failed writes, since they may have seen what their group did.

use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::connection::command;
use super::queue::Queue;
use crate::faults::Verdict;
use crate::metrics::Counters;
use crate::transaction::Connection;
use crate::{BoxFuture, Error, Tx, body};

/// Writes in a group. The disk's share of a write is small long before this.
const GROUP_SIZE_MAX: usize = 64;
/// Time after which a group takes no further write, so that its first does not wait longer than a person notices.
const GROUP_HOLD_MAX: Duration = Duration::from_millis(20);

/// A write whose types are not known here.
pub(super) trait Write: Send {
    /// Runs the body; tells whether its changes are to be kept.
    fn run(&mut self, tx: &mut Tx) -> bool;
    /// Gives the caller its outcome, or why the group was not committed.
    fn answer(self: Box<Self>, group: Result<(), Error>);
}

/// A body and where its answer goes.
pub(super) struct Waiting<T, E, F> {
    body: F,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
    place: OwnedSemaphorePermit,
}

impl<T, E, F> Waiting<T, E, F> {
    pub(super) fn new(body: F, reply: oneshot::Sender<Result<T, E>>, place: OwnedSemaphorePermit) -> Self {
        Self { body, outcome: None, reply, place }
    }
}

impl<T, E, F> Write for Waiting<T, E, F>
where
    F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send,
    T: Send,
    E: From<Error> + Send,
{
    fn run(&mut self, tx: &mut Tx) -> bool {
        let outcome = body::run_at_once(tx, &self.body);
        let keeps = outcome.is_ok();
        self.outcome = Some(outcome);
        keeps
    }

    fn answer(self: Box<Self>, group: Result<(), Error>) {
        drop(self.place);
        // A write that never ran is in a group that failed.
        let outcome = group.map_err(E::from).and(self.outcome.unwrap_or_else(|| Err(Error::Closed.into())));
        let _dropped_caller = self.reply.send(outcome);
    }
}

/// Does writes until the queue is closed and empty.
pub(super) fn serve(mut tx: Tx, writes: &Queue<Box<dyn Write>>, counters: &Counters) {
    let _guard = writes.close_on_exit();
    while let Some(first) = writes.pop() {
        let mut group = Vec::new();
        let outcome = run_group(&mut tx, first, writes, &mut group);
        counters.group(group.len(), matches!(outcome, Ok(Committed(true))));
        let answer = outcome.map(|_| ());
        for write in group {
            write.answer(answer.clone());
        }
    }
}

/// Whether there was anything to commit.
struct Committed(bool);

fn run_group(
    tx: &mut Tx,
    first: Box<dyn Write>,
    writes: &Queue<Box<dyn Write>>,
    group: &mut Vec<Box<dyn Write>>,
) -> Result<Committed, Error> {
    let started = Instant::now();
    if let Err(error) = command(tx, "BEGIN IMMEDIATE") {
        group.push(first);
        return Err(error);
    }
    let mut any_kept = false;
    let mut next = Some(first);
    while let Some(mut write) = next {
        let kept = run_in_savepoint(tx, write.as_mut());
        group.push(write);
        match kept {
            Ok(kept) => any_kept |= kept,
            Err(error) => {
                roll_back(tx);
                return Err(error);
            }
        }
        let is_open = group.len() < GROUP_SIZE_MAX && started.elapsed() < GROUP_HOLD_MAX;
        next = if is_open { writes.try_pop() } else { None };
    }
    if !any_kept {
        roll_back(tx);
        return Ok(Committed(false));
    }
    let committed = commit(tx);
    if committed.is_err() {
        roll_back(tx);
    }
    committed.map(|()| Committed(true))
}

/// Runs one write so that its failure leaves the group as it was. An error is the group's: its transaction is gone.
fn run_in_savepoint(tx: &mut Tx, write: &mut dyn Write) -> Result<bool, Error> {
    tx.renew();
    command(tx, "SAVEPOINT one_write")?;
    if let Verdict::Fail(error) | Verdict::ProceedThenFail(error) = tx.faults().next() {
        // As if the write could not begin: every statement of it fails.
        tx.fail(error);
    }
    let keeps = write.run(tx);
    if is_rolled_back(tx) {
        // A full disk or an I/O error makes SQLite end the whole transaction.
        return Err(tx.failure().cloned().unwrap_or(Error::Closed));
    }
    if !keeps {
        command(tx, "ROLLBACK TO one_write")?;
    }
    command(tx, "RELEASE one_write")?;
    Ok(keeps)
}

fn commit(tx: &Tx) -> Result<(), Error> {
    let verdict = tx.faults().next().admit()?;
    verdict.after(command(tx, "COMMIT"))
}

fn roll_back(tx: &Tx) {
    if !is_rolled_back(tx) {
        // When this fails too, the next BEGIN does and says why.
        let _failed = command(tx, "ROLLBACK");
    }
}

fn is_rolled_back(tx: &Tx) -> bool {
    matches!(tx.connection(), Connection::Sqlite(connection) if connection.is_autocommit())
}
