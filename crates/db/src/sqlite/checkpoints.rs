//! Moves what was committed from the write-ahead log into the database file on a thread of its own, so that no commit waits
//! for it unless the log has grown far.

use std::ffi::c_int;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use super::{Standing, start_thread};
use crate::{Error, error};

/// Log size, in pages of 4 KiB, from which it is moved: SQLite's own measure.
const LOG_PAGES_SOFT: c_int = 1000;
/// Log size at which the writer moves it itself: 64 MiB. Without this, commits that never pause would let it grow for ever.
const LOG_PAGES_HARD: c_int = 16_384;

/// Starts the thread; it ends when `writer` is closed.
pub(super) fn start(own: Connection, writer: &mut Connection, standing: Standing) -> Result<JoinHandle<()>, Error> {
    let (wake, woken) = sync_channel::<()>(1);
    let hook = move |log: &mut Wal, pages| {
        after_commit(log, pages, &wake);
        Ok(())
    };
    writer.wal_hook(Some(hook)).map_err(|source| Error::Begin { source: error::source(source) })?;
    start_thread("db-checkpoint", standing, move || {
        while woken.recv().is_ok() {
            if let Err(error) = own.query_row("PRAGMA wal_checkpoint(PASSIVE)", (), |_| Ok(())) {
                tracing::warn!(error = &error as &dyn std::error::Error, "write-ahead log stays for now");
            }
        }
    })
}

fn after_commit(log: &mut Wal, pages: c_int, wake: &SyncSender<()>) {
    if pages >= LOG_PAGES_HARD {
        // Fails while the other thread is at it, which is as good.
        let _busy = log.checkpoint();
    } else if pages >= LOG_PAGES_SOFT {
        let _already_woken = wake.try_send(());
    }
}
