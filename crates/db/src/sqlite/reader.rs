use super::connection::command;
use super::queue::Queue;
use crate::metrics::Counters;
use crate::transaction::Connection;
use crate::{BoxFuture, Error, Tx, body};

/// One read that waits for a thread.
pub(super) type Read = Box<dyn FnOnce(&mut Tx) + Send>;

/// Does reads until the queue is closed and empty.
pub(super) fn serve(mut tx: Tx, reads: &Queue<Read>, counters: &Counters) {
    let _guard = reads.close_on_exit();
    while let Some(read) = reads.pop() {
        counters.read();
        read(&mut tx);
    }
}

/// Runs one read in a transaction of its own.
pub(super) fn run<T, E, F>(tx: &mut Tx, body: F) -> Result<T, E>
where
    F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>>,
    E: From<Error>,
{
    tx.renew();
    let verdict = tx.faults().next().admit()?;
    let begun = verdict.after(command(tx, "BEGIN"));
    let outcome = match begun {
        Ok(()) => body::run_at_once(tx, body),
        Err(error) => Err(error.into()),
    };
    // Also after a `BEGIN` that failed: it may have happened all the same.
    if let Connection::Sqlite(connection) = tx.connection()
        && !connection.is_autocommit()
    {
        // Nothing was changed, so that there is nothing to lose; a connection that cannot end a read fails the next one.
        let _ended = command(tx, "ROLLBACK");
    }
    outcome
}
