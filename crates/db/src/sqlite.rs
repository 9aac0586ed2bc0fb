//! SQLite: one thread that writes, a few that read, each with a connection of its own.

mod checkpoints;
mod connection;
mod file;
mod queue;
mod reader;
mod writer;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use self::queue::Queue;
use self::reader::Read;
use self::writer::Write;
use crate::metrics::{Counters, Metrics};
use crate::transaction::Connection;
use crate::{BoxFuture, Error, Faults, Schema, Statement, Tx, error};

pub(crate) use self::connection::{execute, query};

/// Reads run side by side. More than the cores of a small machine gains nothing, as nothing here waits for a network.
const READERS: usize = 4;
/// Reads, and as many writes, that may wait or be under way; further callers wait outside. Bounds the memory of closures.
const WAITING_MAX: u32 = 1024;

/// A SQLite database. Clones are handles to the same threads.
#[derive(Clone)]
pub(crate) struct Sqlite(Arc<Shared>);

struct Shared {
    path: PathBuf,
    reads: Queue<Read>,
    writes: Queue<Box<dyn Write>>,
    read_places: Arc<Semaphore>,
    write_places: Arc<Semaphore>,
    counters: Arc<Counters>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Sqlite {
    /// Makes the file unless it is there, migrates it and starts the threads.
    pub(crate) async fn open(path: PathBuf, schema: Schema, faults: Faults) -> Result<Self, Error> {
        on_blocking_thread(move || Self::open_blocking(path, schema, &faults)).await
    }

    pub(crate) async fn read<T, E, F>(&self, body: F) -> Result<T, E>
    where
        F: for<'t> FnOnce(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let place = place(&self.0.read_places).await?;
        let (reply, answer) = oneshot::channel();
        self.0.reads.push(Box::new(move |tx| {
            let outcome = reader::run(tx, body);
            drop(place);
            let _dropped_caller = reply.send(outcome);
        }));
        answer.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    pub(crate) async fn write<T, E, F>(&self, body: F) -> Result<T, E>
    where
        F: for<'t> Fn(&'t mut Tx) -> BoxFuture<'t, Result<T, E>> + Send + Sync + 'static,
        T: Send + 'static,
        E: From<Error> + Send + 'static,
    {
        let place = place(&self.0.write_places).await?;
        let (reply, answer) = oneshot::channel();
        self.0.writes.push(Box::new(writer::Waiting::new(body, reply, place)));
        answer.await.unwrap_or_else(|_| Err(Error::Closed.into()))
    }

    pub(crate) async fn prepare(&self, statement: Statement) -> Result<(), Error> {
        self.read(move |tx| {
            Box::pin(async move {
                match tx.connection() {
                    Connection::Sqlite(connection) => connection::prepare(connection, &statement),
                    Connection::Postgres(_) => Err(Error::Closed),
                }
            })
        })
        .await
    }

    pub(crate) async fn explain(&self, statement: Statement) -> Result<Vec<String>, Error> {
        self.read(move |tx| {
            Box::pin(async move {
                match tx.connection() {
                    Connection::Sqlite(connection) => connection::explain(connection, &statement),
                    Connection::Postgres(_) => Err(Error::Closed),
                }
            })
        })
        .await
    }

    pub(crate) fn metrics(&self) -> Metrics {
        let free = self.0.read_places.available_permits() + self.0.write_places.available_permits();
        self.0.counters.snapshot((2 * WAITING_MAX as usize).saturating_sub(free) as u64)
    }

    pub(crate) async fn backup_to(&self, path: PathBuf) -> Result<(), Error> {
        // A place among the reads, so that closing waits for the copy.
        let place = place::<Error>(&self.0.read_places).await?;
        let source = self.0.path.clone();
        on_blocking_thread(move || {
            let outcome = file::copy(&source, &path);
            drop(place);
            outcome.map_err(|source| Error::Backup { path, source: error::source(source) })
        })
        .await
    }

    pub(crate) async fn close(self) {
        for places in [&self.0.read_places, &self.0.write_places] {
            // All places: nothing waits and nothing is under way. An error says that another clone closed it already.
            let _all = places.acquire_many(WAITING_MAX).await;
            places.close();
        }
        self.0.close_queues();
        let threads = std::mem::take(&mut *self.0.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let path = self.0.path.clone();
        let joined = on_blocking_thread(move || {
            for thread in threads {
                // The threads catch what bodies do; a panic of their own has been printed already.
                let _panicked = thread.join();
            }
            // Connections that close at once may each take another for the last, which is to move the log into the file.
            // A log that stays is moved by the next opening.
            drop(connection::open_writer(&path));
            Ok(())
        });
        let _runtime_is_ending = joined.await;
    }

    fn open_blocking(path: PathBuf, schema: Schema, faults: &Faults) -> Result<Self, Error> {
        let opened = |source: rusqlite::Error| connection::open_error(&path, source);
        file::create(&path).map_err(|io| Error::Open { path: path.clone(), source: error::source(io) })?;
        let mut writer_connection = connection::open_writer(&path).map_err(opened)?;
        connection::migrate(&writer_connection, schema, faults)?;
        let standing = Standing::of(schema);
        let own = connection::open_writer(&path).map_err(opened)?;
        let checkpoints = checkpoints::start(own, &mut writer_connection, standing)?;
        let mut reader_connections = Vec::new();
        for _ in 0..READERS {
            reader_connections.push(connection::open_reader(&path).map_err(opened)?);
        }

        let shared = Shared {
            path,
            reads: Queue::new(),
            writes: Queue::new(),
            read_places: Arc::new(Semaphore::new(WAITING_MAX as usize)),
            write_places: Arc::new(Semaphore::new(WAITING_MAX as usize)),
            counters: Arc::new(Counters::default()),
            threads: Mutex::new(vec![checkpoints]),
        };
        let mut threads = Vec::new();
        for connection in reader_connections {
            let (reads, counters) = (shared.reads.clone(), Arc::clone(&shared.counters));
            let tx = Tx::new(Connection::Sqlite(connection), faults.clone());
            threads.push(start_thread("db-reader", Standing::InFront, move || reader::serve(tx, &reads, &counters))?);
        }
        let (writes, counters) = (shared.writes.clone(), Arc::clone(&shared.counters));
        let tx = Tx::new(Connection::Sqlite(writer_connection), faults.clone());
        threads.push(start_thread("db-writer", standing, move || writer::serve(tx, &writes, &counters))?);
        // Readers and writer end before the checkpoints' thread, which ends with the writer's connection.
        shared.threads.lock().unwrap_or_else(PoisonError::into_inner).splice(0..0, threads);
        Ok(Self(Arc::new(shared)))
    }
}

impl Shared {
    fn close_queues(&self) {
        self.reads.close();
        self.writes.close();
    }
}

/// The threads end by themselves once the last handle is gone and what is queued is done.
impl Drop for Shared {
    fn drop(&mut self) {
        self.close_queues();
    }
}

async fn place<E: From<Error>>(places: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, E> {
    Arc::clone(places).acquire_owned().await.map_err(|_| Error::Closed.into())
}

async fn on_blocking_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        // Cancelled only when the runtime ends.
        Err(error.try_into_panic().map_or(Error::Closed, |payload| Error::panicked(&*payload)))
    })
}

/// Whether a thread answers requests, or stands back behind those that do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    InFront,
    Back,
}

/// How far: against a thread that answers it gets a tenth of a core, and all that is left over.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 10;

impl Standing {
    /// How the writes of a database stand. Nobody waits for those of inventories: an image of a thousand components is thousands of
    /// rows, which took more of a core during a burst of pushes than all else that writes.
    fn of(schema: Schema) -> Self {
        match schema {
            Schema::Hub => Self::InFront,
            Schema::Inventory => Self::Back,
        }
    }

    /// Linux has a niceness for each thread; elsewhere it is the whole process's.
    fn take(self) {
        #[cfg(target_os = "linux")]
        if self == Self::Back {
            // Where that is refused, the work is done all the same.
            let _ = rustix::process::nice(NICENESS);
        }
    }
}

fn start_thread(name: &str, standing: Standing, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Error> {
    let thread = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        standing.take();
        work();
    });
    thread.map_err(|io| Error::Unavailable { source: error::source(io) })
}
