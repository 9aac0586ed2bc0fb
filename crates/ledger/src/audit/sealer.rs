//! Numbering, hashing and signing.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use db::{Db, Tx};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};
use translog::{Checkpoint, CheckpointError, Frontier, FrontierError, Hash, Note, NoteError, Signer, leaf_hash};

use super::{Outcome, encoding::encode, heads_file, list::Entry};
use crate::lease;

/// Records sealed under one head. Bounds how long the database's writer is held: some five milliseconds.
pub const SEAL_BATCH_MAX: u32 = 512;
/// The actor of what the hub does by itself.
const SYSTEM: &str = "system";
/// Name of the role in the table of leases.
const LEASE_NAME: &str = "audit-sealer";
/// How long the log goes unsealed after the sealing hub died.
const LEASE_US: i64 = 10_000_000;
/// How often an idle sealer looks for records of other hubs, and for those whose notification was lost.
const POLL: Duration = Duration::from_millis(900);
/// How long records gather after the first, so that a busy second has a few heads and not a thousand.
const GATHER: Duration = Duration::from_millis(200);
/// Heads that reach the file outside the database: a cut tail of up to this much could go unnoticed there.
const HEADS_FILE_EVERY: Duration = Duration::from_mins(1);

db::statements! {
    /// The newest head.
    FIND_LATEST_HEAD = "SELECT size, root_hash, frontier, checkpoint FROM audit_heads ORDER BY size DESC LIMIT 1";
    /// Records without a number, oldest first.
    LIST_UNSEALED = "SELECT id, sequence, recorded_at_us, actor, action, resource, outcome, count, detail \
        FROM audit_records WHERE sequence IS NULL ORDER BY id LIMIT $1";
    /// Adds leaves.
    INSERT_LEAVES = "INSERT INTO audit_leaves (sequence, record_id, leaf_hash) VALUES {rows:3}";
    /// Gives the records of the leaves from $1 to before $2 their numbers. The plus sign keeps SQLite from walking the
    /// index of all unsealed records for each batch; the upper bound lets PostgreSQL expect few leaves.
    NUMBER_RECORDS = "UPDATE audit_records SET sequence = audit_leaves.sequence FROM audit_leaves \
        WHERE audit_leaves.sequence >= $1 AND audit_leaves.sequence < $2 AND audit_records.id = audit_leaves.record_id \
        AND +audit_records.sequence IS NULL";
    /// Adds a signed head.
    INSERT_HEAD = "INSERT INTO audit_heads (size, root_hash, frontier, checkpoint, signed_at_us) \
        VALUES ($1, $2, $3, $4, $5)";
}

/// Why records could not be sealed. They stay as they are and are sealed later.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The database failed.
    #[error("failed to seal audit records")]
    Database(#[from] db::Error),
    /// The newest head in the database is not whole: someone changed it. Nothing is sealed on top of it.
    #[error("the newest audit head (size {size}) is damaged")]
    HeadDamaged {
        /// Its size.
        size: u64,
    },
    /// The frontier kept with the newest head is damaged.
    #[error("the newest audit head cannot be read")]
    Frontier(#[from] FrontierError),
    /// The log's name cannot be an origin.
    #[error("failed to write a checkpoint")]
    Checkpoint(#[from] CheckpointError),
    /// The head could not be signed.
    #[error("failed to sign a checkpoint")]
    Note(#[from] NoteError),
    /// A record was changed or removed while it was being sealed.
    #[error("{sealed} of {expected} audit records could be numbered")]
    RecordsChanged {
        /// How many there were.
        expected: u64,
        /// How many got their number.
        sealed: u64,
    },
}

/// What one step of sealing did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sealed {
    /// There is nothing to seal.
    Nothing,
    /// Another hub is the sealer.
    HeldElsewhere,
    /// So many records were sealed.
    Records(u64),
}

/// Seals the audit log, one hub at a time.
#[derive(Clone)]
pub struct Sealer {
    database: Db,
    owner: String,
    origin: String,
    signer: Arc<dyn Fn() -> Signer + Send + Sync>,
    heads_file: Option<PathBuf>,
    notifier: SealerNotifier,
}

/// Tells the sealer of this process that records were written. A hint: a lost one costs a second.
#[derive(Debug, Clone, Default)]
pub struct SealerNotifier(Arc<Notify>);

/// A sealer that runs.
#[derive(Debug)]
pub struct SealerHandle {
    notifier: SealerNotifier,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// Where sealing goes on.
struct Head {
    size: u64,
    frontier: Frontier,
}

impl Sealer {
    /// Returns a sealer for the log named `origin`. `owner` names this process, differently from every other. `signer` is
    /// asked for each head, so that a rotated key counts at once.
    pub fn new(database: Db, owner: &str, origin: &str, signer: impl Fn() -> Signer + Send + Sync + 'static) -> Self {
        Self {
            database,
            owner: owner.to_owned(),
            origin: origin.to_owned(),
            signer: Arc::new(signer),
            heads_file: None,
            notifier: SealerNotifier::default(),
        }
    }

    /// Also appends heads to this file, once a minute and at the end.
    #[must_use]
    pub fn heads_file(mut self, path: PathBuf) -> Self {
        self.heads_file = Some(path);
        self
    }

    /// Returns what tells this sealer of new records.
    pub fn notifier(&self) -> SealerNotifier {
        self.notifier.clone()
    }

    /// Seals up to [`SEAL_BATCH_MAX`] records under one head.
    pub async fn seal_once(&self) -> Result<Sealed, SealError> {
        let owner = self.owner.clone();
        let found = self
            .database
            .read(move |tx| {
                Box::pin(async move {
                    if lease::is_held_by_another(tx, LEASE_NAME, &owner).await? {
                        return Ok(None);
                    }
                    let head = load_head(tx).await?;
                    let rows = tx.query(&LIST_UNSEALED, &[SEAL_BATCH_MAX.into()]).await?;
                    let entries = rows.iter().map(Entry::from_row).collect::<Result<Vec<_>, _>>()?;
                    Ok::<_, SealError>(Some((head, entries)))
                })
            })
            .await?;
        let Some((head, entries)) = found else { return Ok(Sealed::HeldElsewhere) };
        if entries.is_empty() {
            return Ok(Sealed::Nothing);
        }
        // Hashing and signing happen outside the write, which then only checks that nobody sealed in between.
        let batch = Arc::new(Batch::new(head, &entries, &self.origin, &(self.signer)())?);
        let owner = self.owner.clone();
        let sealed = self
            .database
            .write(move |tx| {
                let (batch, owner) = (Arc::clone(&batch), owner.clone());
                Box::pin(async move { batch.write(tx, &owner).await })
            })
            .await?;
        if matches!(sealed, Sealed::Records(_)) {
            entries.iter().for_each(log);
        }
        Ok(sealed)
    }

    /// Seals until nothing is left.
    pub async fn seal_all(&self) -> Result<Sealed, SealError> {
        let mut total = 0;
        loop {
            match self.seal_once().await? {
                Sealed::Records(count) => total += count,
                Sealed::Nothing => return Ok(if total == 0 { Sealed::Nothing } else { Sealed::Records(total) }),
                Sealed::HeldElsewhere => return Ok(Sealed::HeldElsewhere),
            }
        }
    }

    /// Starts sealing in the background.
    pub fn start(self) -> SealerHandle {
        let (notifier, stop) = (self.notifier(), CancellationToken::new());
        let task = tokio::spawn(self.run(stop.clone()));
        SealerHandle { notifier, stop, task }
    }

    async fn run(self, stop: CancellationToken) {
        let mut last_head: Option<String> = None;
        let mut last_append = Instant::now();
        loop {
            let woken = tokio::select! {
                () = stop.cancelled() => break,
                () = self.notifier.0.notified() => true,
                () = tokio::time::sleep(POLL) => false,
            };
            if woken {
                tokio::select! {
                    () = stop.cancelled() => break,
                    () = tokio::time::sleep(GATHER) => {}
                }
            }
            self.seal_and_log().await;
            if last_append.elapsed() >= HEADS_FILE_EVERY {
                last_append = Instant::now();
                self.append_head(&mut last_head).await;
            }
        }
        self.seal_and_log().await;
        self.append_head(&mut last_head).await;
        let owner = self.owner.clone();
        let released = self
            .database
            .write(move |tx| {
                let owner = owner.clone();
                Box::pin(async move { lease::release(tx, LEASE_NAME, &owner).await })
            })
            .await;
        if let Err(error) = released {
            warn!(error = &error as &dyn std::error::Error, "failed to give up sealing; the lease will expire");
        }
    }

    async fn seal_and_log(&self) {
        match self.seal_all().await {
            Ok(Sealed::Records(records)) => debug!(records, "audit records sealed"),
            Ok(Sealed::Nothing | Sealed::HeldElsewhere) => {}
            Err(error @ (SealError::HeadDamaged { .. } | SealError::Frontier(_))) => {
                error!(error = &error as &dyn std::error::Error, "audit log is damaged; run `garrison audit verify`");
            }
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "failed to seal audit records; trying again");
            }
        }
    }

    /// Appends the newest head to the file if it is not the last one there.
    async fn append_head(&self, last: &mut Option<String>) {
        let Some(path) = self.heads_file.clone() else { return };
        let head = match self.database.read(|tx| Box::pin(latest_head(tx))).await {
            Ok(Some(head)) if last.as_ref() != Some(&head) => head,
            Ok(_) => return,
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "failed to load the audit head");
                return;
            }
        };
        let note = head.clone();
        let written = tokio::task::spawn_blocking(move || {
            let known = heads_file::read_heads_file(&path)?.last() == Some(&note);
            if known { Ok(()) } else { heads_file::append(&path, &note) }
        });
        match written.await {
            Ok(Ok(())) => *last = Some(head),
            Ok(Err(error)) => {
                warn!(error = &error as &dyn std::error::Error, "failed to write the audit heads file");
            }
            Err(error) => warn!(error = &error as &dyn std::error::Error, "failed to write the audit heads file"),
        }
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").field("owner", &self.owner).field("origin", &self.origin).finish_non_exhaustive()
    }
}

impl SealerNotifier {
    /// Says that a transaction with audit records committed.
    pub fn notify(&self) {
        self.0.notify_one();
    }
}

impl SealerHandle {
    /// Says that a transaction with audit records committed.
    pub fn notify(&self) {
        self.notifier.notify();
    }

    /// Seals what is left, writes the head to the file, gives the role up and ends.
    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            error!(error = &error as &dyn std::error::Error, "audit sealer ended early");
        }
    }
}

/// Returns the newest signed head: a C2SP checkpoint note for an auditor to keep.
pub async fn latest_head(tx: &mut Tx) -> Result<Option<String>, db::Error> {
    tx.find(&FIND_LATEST_HEAD, &[]).await?.map(|row| row.get(3)).transpose()
}

/// Writes a record to the process's log: here, and not where it is made, each is met once and only when it holds.
fn log(entry: &Entry) {
    let Entry { actor, action, resource, outcome, count, detail, .. } = entry;
    if actor == SYSTEM {
        debug!(%action, %resource, %outcome, count, %detail, "the hub changed something by itself");
    } else if outcome == Outcome::Denied.as_str() {
        info!(%actor, %action, %resource, count, "requests denied");
    } else {
        info!(%actor, %action, %resource, %outcome, %detail, "change made");
    }
}

async fn load_head(tx: &mut Tx) -> Result<Head, SealError> {
    let Some(row) = tx.find(&FIND_LATEST_HEAD, &[]).await? else {
        return Ok(Head { size: 0, frontier: Frontier::new() });
    };
    let (size, root, note): (u64, Vec<u8>, String) = (row.get(0)?, row.get(1)?, row.get(3)?);
    let frontier = Frontier::from_bytes(&row.get::<Vec<u8>>(2)?)?;
    let signed = Note::parse(&note).ok().and_then(|note| Checkpoint::parse(note.text()).ok());
    let whole = frontier.size() == size
        && frontier.root().as_bytes()[..] == root[..]
        && signed.is_some_and(|signed| signed.size() == size && *signed.root() == frontier.root());
    if whole { Ok(Head { size, frontier }) } else { Err(SealError::HeadDamaged { size }) }
}

/// Records with their numbers, and the head over them, ready to be written.
struct Batch {
    base: u64,
    size: u64,
    leaves: Vec<Vec<db::Value>>,
    root: Hash,
    frontier: Vec<u8>,
    checkpoint: String,
}

impl Batch {
    fn new(head: Head, entries: &[Entry], origin: &str, signer: &Signer) -> Result<Self, SealError> {
        let mut frontier = head.frontier;
        let mut leaves = Vec::with_capacity(entries.len());
        for (sequence, entry) in (head.size..).zip(entries) {
            let leaf = leaf_hash(&encode(entry, sequence));
            frontier.append(leaf);
            leaves.push(vec![sequence.try_into()?, entry.id.into(), leaf.as_bytes().into()]);
        }
        let (size, root) = (frontier.size(), frontier.root());
        let checkpoint = Note::sign(&Checkpoint::new(origin, size, root)?.body(), signer)?.to_string();
        Ok(Self { base: head.size, size, leaves, root, frontier: frontier.to_bytes(), checkpoint })
    }

    async fn write(&self, tx: &mut Tx, owner: &str) -> Result<Sealed, SealError> {
        if !lease::take(tx, LEASE_NAME, owner, LEASE_US).await? {
            return Ok(Sealed::HeldElsewhere);
        }
        let current = tx.find(&FIND_LATEST_HEAD, &[]).await?.map_or(Ok(0), |row| row.get::<u64>(0))?;
        if current != self.base {
            // Someone sealed since: the numbers are taken, and the next step starts from there.
            return Ok(Sealed::Records(0));
        }
        tx.execute_rows(&INSERT_LEAVES, &[], &self.leaves).await?;
        let sealed = tx.execute(&NUMBER_RECORDS, &[self.base.try_into()?, self.size.try_into()?]).await?;
        let expected = self.leaves.len() as u64;
        if sealed != expected {
            return Err(SealError::RecordsChanged { expected, sealed });
        }
        let now_us = tx.now_us().await?;
        let head = [
            self.size.try_into()?,
            self.root.as_bytes().into(),
            (&self.frontier).into(),
            (&self.checkpoint).into(),
            now_us.into(),
        ];
        tx.execute(&INSERT_HEAD, &head).await?;
        Ok(Sealed::Records(sealed))
    }
}
