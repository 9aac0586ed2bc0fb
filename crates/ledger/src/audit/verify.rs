//! Recomputing the log.

use std::collections::BTreeMap;

use db::{Db, Row, Tx};
use translog::{Checkpoint, Frontier, Hash, Note, NoteError, VerifierKey, leaf_hash};

use super::{encoding::encode, list::Entry};

/// Problems told one by one; the rest is counted. One edit makes one or two.
pub const PROBLEMS_MAX: usize = 100;
/// Records and heads read at a time.
const PAGE: u64 = 1000;

db::statements! {
    /// How far the log goes, by each table.
    FIND_EXTENT = "SELECT \
        (SELECT MAX(sequence) FROM audit_leaves), (SELECT MAX(sequence) FROM audit_records), \
        (SELECT MAX(size) FROM audit_heads), (SELECT COUNT(*) FROM audit_records WHERE sequence IS NULL), \
        (SELECT COUNT(*) FROM audit_records WHERE sequence < 0)";
    /// The next number from $1 on that a record, a leaf, or the last leaf of a head has.
    FIND_NEXT_NUMBERS = "SELECT \
        (SELECT MIN(sequence) FROM audit_leaves WHERE sequence >= $1), \
        (SELECT MIN(sequence) FROM audit_records WHERE sequence >= $1), \
        (SELECT MIN(size) - 1 FROM audit_heads WHERE size > $1)";
    /// Numbered records of a range.
    LIST_SEALED = "SELECT id, sequence, recorded_at_us, actor, action, resource, outcome, count, detail \
        FROM audit_records WHERE sequence >= $1 AND sequence < $2 ORDER BY sequence";
    /// Leaves of a range.
    LIST_LEAVES = "SELECT sequence, record_id, leaf_hash FROM audit_leaves \
        WHERE sequence >= $1 AND sequence < $2 ORDER BY sequence";
    /// Heads whose last leaf is in a range.
    LIST_HEADS = "SELECT size, root_hash, frontier, checkpoint FROM audit_heads \
        WHERE size > $1 AND size <= $2 ORDER BY size LIMIT $3";
}

/// What to verify against.
#[derive(Debug, Clone, Default)]
pub struct Verification {
    /// The log's name, which every head must bear.
    pub origin: String,
    /// Keys that heads may be signed with, also those that are retired.
    pub keys: Vec<VerifierKey>,
    /// Heads kept outside the database.
    pub kept: Vec<KeptHead>,
}

/// A signed head that was kept outside the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptHead {
    /// Where it comes from, for the report: `--since`, or a file.
    pub source: String,
    /// The note.
    pub note: String,
}

/// What verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Number of sealed records by the newest of all that the database has.
    pub size: u64,
    /// Root over all of them, if it could be computed.
    pub root: Option<Hash>,
    /// Heads in the database that were checked.
    pub heads: u64,
    /// Heads from elsewhere that were checked.
    pub kept_heads: u64,
    /// Records that are not sealed yet, so that nothing can be said of them.
    pub unsealed: u64,
    /// What is wrong, at most [`PROBLEMS_MAX`], in the order of the log.
    pub problems: Vec<Problem>,
    /// How many more problems there are.
    pub more_problems: u64,
}

/// One thing that is wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Its content is not what was hashed.
    #[error("record {sequence} (id {id}) was changed: it does not give the hash that it was sealed with")]
    RecordChanged {
        /// Its number.
        sequence: u64,
        /// Its row.
        id: i64,
    },
    /// Another row than the sealed one bears the number.
    #[error("record {sequence} was swapped: row {sealed_id} was sealed with this number, row {found_id} has it")]
    RecordSwapped {
        /// The number.
        sequence: u64,
        /// The row that was sealed.
        sealed_id: i64,
        /// The row that has the number.
        found_id: i64,
    },
    /// The leaf is there, the record is not.
    #[error("record {sequence} (id {id}) was deleted")]
    RecordDeleted {
        /// Its number.
        sequence: u64,
        /// The row that was sealed.
        id: i64,
    },
    /// A record has a number that no leaf has.
    #[error("leaf {sequence} was deleted, or record {sequence} (id {id}) was inserted")]
    LeafDeleted {
        /// The number.
        sequence: u64,
        /// The record's row.
        id: i64,
    },
    /// Neither record nor leaf is there.
    #[error("records {first} to {last} are missing, and their hashes too")]
    Missing {
        /// First number.
        first: u64,
        /// Last number.
        last: u64,
    },
    /// A stored leaf hash is not 32 bytes.
    #[error("leaf {sequence} is malformed")]
    LeafMalformed {
        /// The number.
        sequence: u64,
    },
    /// Records do not give the root that was signed.
    #[error("head {size}: records up to {} do not give its root; the last head that holds is {holds}", .size - 1)]
    RootDiffers {
        /// The head's size.
        size: u64,
        /// Size of the last head before it that holds, 0 for none.
        holds: u64,
    },
    /// The head's columns and its signed note do not say the same.
    #[error("head {size} was changed: its note, root and frontier do not agree")]
    HeadChanged {
        /// The head's size.
        size: u64,
    },
    /// The note is not signed by a known key.
    #[error("head {size}: {error}")]
    HeadSignature {
        /// The head's size.
        size: u64,
        /// What is wrong with it.
        error: NoteError,
    },
    /// Head of another log.
    #[error("head {size} is of the log `{origin}`")]
    HeadOrigin {
        /// The head's size.
        size: u64,
        /// The log it names.
        origin: String,
    },
    /// Numbers below zero, which no sealer gives.
    #[error("{count} records were inserted with a number below zero")]
    NumberBelowZero {
        /// How many.
        count: u64,
    },
    /// Records are numbered beyond the newest head.
    #[error("records {first} to {last} are numbered, and no head commits to them")]
    Unsigned {
        /// First number.
        first: u64,
        /// Last number.
        last: u64,
    },
    /// A head commits to more than there is.
    #[error("the log was cut: {source_name} commits to {head_size} records, there are {size}")]
    Cut {
        /// Where the head comes from.
        source_name: String,
        /// Records that it commits to.
        head_size: u64,
        /// Records that there are.
        size: u64,
    },
    /// A head that was kept elsewhere does not belong to this log's history.
    #[error("history was rewritten: {source_name} commits to another root of the first {head_size} records")]
    HistoryRewritten {
        /// Where the head comes from.
        source_name: String,
        /// Records that it commits to.
        head_size: u64,
    },
    /// A head that was kept elsewhere could not be compared, as records before it are missing.
    #[error("{source_name} (size {head_size}) cannot be compared: records before it are missing")]
    KeptUnchecked {
        /// Where the head comes from.
        source_name: String,
        /// Records that it commits to.
        head_size: u64,
    },
    /// A head that was kept elsewhere is not a checkpoint of this log signed by a known key.
    #[error("{source_name} is not a head of this log: {reason}")]
    KeptHead {
        /// Where the head comes from.
        source_name: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl Report {
    /// Tells whether nothing is wrong.
    pub fn is_ok(&self) -> bool {
        self.problems.is_empty()
    }
}

/// Recomputes every leaf, every root at every head, and checks signatures, numbering and heads kept elsewhere. Goes by
/// pages; what is sealed meanwhile is left out.
pub async fn verify(database: &Db, verification: &Verification) -> Result<Report, db::Error> {
    let extent = database.read(|tx| Box::pin(find_extent(tx))).await?;
    let mut walk = Walk::new(verification, extent);
    let mut from = 0;
    while from < extent.size {
        let until = (from + PAGE).min(extent.size);
        let page = database.read(move |tx| Box::pin(load_page(tx, from, until))).await?;
        if page.is_empty() {
            // Numbers may have been set far apart by hand: the gap is one problem, not one for each number.
            let gap_from = from;
            let next = database.read(move |tx| Box::pin(find_next_number(tx, until))).await?;
            from = next.unwrap_or(extent.size).min(extent.size);
            walk.gap(gap_from, from);
            continue;
        }
        walk.page(from, until, page);
        from = until;
    }
    for head in database.read(move |tx| Box::pin(load_heads(tx, extent.size, i64::MAX.unsigned_abs()))).await? {
        walk.head(&head);
    }
    Ok(walk.finish())
}

#[derive(Debug, Clone, Copy)]
struct Extent {
    /// One past the last number of a record or leaf.
    size: u64,
    /// Size of the newest head.
    head_size: u64,
    unsealed: u64,
    below_zero: u64,
}

async fn find_extent(tx: &mut Tx) -> Result<Extent, db::Error> {
    let Some(row) = tx.find(&FIND_EXTENT, &[]).await? else {
        return Ok(Extent { size: 0, head_size: 0, unsealed: 0, below_zero: 0 });
    };
    let size = number(&row, 0)?.max(number(&row, 1)?).map_or(0, |last| last + 1).min(i64::MAX.unsigned_abs());
    let head_size = number(&row, 2)?.unwrap_or(0);
    Ok(Extent { size, head_size, unsealed: row.get(3)?, below_zero: row.get(4)? })
}

async fn find_next_number(tx: &mut Tx, from: u64) -> Result<Option<u64>, db::Error> {
    let Some(row) = tx.find(&FIND_NEXT_NUMBERS, &[from.try_into()?]).await? else { return Ok(None) };
    let numbers = [number(&row, 0)?, number(&row, 1)?, number(&row, 2)?];
    Ok(numbers.into_iter().flatten().min())
}

/// Numbers below zero count as none; they are told apart.
fn number(row: &Row, index: usize) -> Result<Option<u64>, db::Error> {
    Ok(row.get::<Option<i64>>(index)?.and_then(|number| u64::try_from(number).ok()))
}

struct LoadedPage {
    entries: BTreeMap<u64, Entry>,
    leaves: BTreeMap<u64, (i64, Vec<u8>)>,
    heads: Vec<LoadedHead>,
}

struct LoadedHead {
    size: u64,
    root: Vec<u8>,
    frontier: Vec<u8>,
    note: String,
}

impl LoadedPage {
    fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.leaves.is_empty() && self.heads.is_empty()
    }
}

async fn load_page(tx: &mut Tx, from: u64, until: u64) -> Result<LoadedPage, db::Error> {
    let range = [from.try_into()?, until.try_into()?];
    let mut page = LoadedPage { entries: BTreeMap::new(), leaves: BTreeMap::new(), heads: Vec::new() };
    for row in tx.query(&LIST_SEALED, &range).await? {
        page.entries.insert(row.get(1)?, Entry::from_row(&row)?);
    }
    for row in tx.query(&LIST_LEAVES, &range).await? {
        page.leaves.insert(row.get(0)?, (row.get(1)?, row.get(2)?));
    }
    page.heads = load_heads(tx, from, until).await?;
    Ok(page)
}

/// Loads heads with more than `from` and up to `until` records; a page of numbers has at most as many.
async fn load_heads(tx: &mut Tx, from: u64, until: u64) -> Result<Vec<LoadedHead>, db::Error> {
    let rows = tx.query(&LIST_HEADS, &[from.try_into()?, until.try_into()?, PAGE.try_into()?]).await?;
    let head =
        |row: &Row| Ok(LoadedHead { size: row.get(0)?, root: row.get(1)?, frontier: row.get(2)?, note: row.get(3)? });
    rows.iter().map(head).collect()
}

/// Goes through the log once, in order, without asking the database.
struct Walk<'v> {
    verification: &'v Verification,
    extent: Extent,
    /// `None` from where a leaf is unknown until a head's own frontier lets it go on.
    frontier: Option<Frontier>,
    /// Size of the last head that held.
    holds: u64,
    heads: u64,
    /// Kept heads that are well-formed, by size.
    kept: BTreeMap<u64, Vec<(String, Hash)>>,
    kept_heads: u64,
    missing: Option<(u64, u64)>,
    problems: Vec<Problem>,
    more_problems: u64,
}

impl<'v> Walk<'v> {
    fn new(verification: &'v Verification, extent: Extent) -> Self {
        let mut walk = Self {
            verification,
            extent,
            frontier: Some(Frontier::new()),
            holds: 0,
            heads: 0,
            kept: BTreeMap::new(),
            kept_heads: 0,
            missing: None,
            problems: Vec::new(),
            more_problems: 0,
        };
        if extent.below_zero > 0 {
            walk.problem(Problem::NumberBelowZero { count: extent.below_zero });
        }
        for head in &verification.kept {
            walk.kept_heads += 1;
            walk.keep(head);
        }
        walk
    }

    fn keep(&mut self, head: &KeptHead) {
        let source_name = head.source.clone();
        let checkpoint = match open_note(&head.note) {
            Ok((note, checkpoint)) => {
                if let Err(error) = note.verify(&self.verification.keys) {
                    // Compared all the same: whoever kept it may trust it more than the keys at hand.
                    self.problem(Problem::KeptHead { source_name: source_name.clone(), reason: error.to_string() });
                }
                checkpoint
            }
            Err(reason) => return self.problem(Problem::KeptHead { source_name, reason }),
        };
        if checkpoint.origin() != self.verification.origin {
            let reason = format!("it is of the log `{}`", checkpoint.origin());
            return self.problem(Problem::KeptHead { source_name, reason });
        }
        let (size, root) = (checkpoint.size(), *checkpoint.root());
        if size > self.extent.size {
            return self.problem(Problem::Cut { source_name, head_size: size, size: self.extent.size });
        }
        if size == 0 {
            if root != Hash::empty_root() {
                self.problem(Problem::HistoryRewritten { source_name, head_size: 0 });
            }
            return;
        }
        self.kept.entry(size).or_default().push((source_name, root));
    }

    fn page(&mut self, from: u64, until: u64, page: LoadedPage) {
        let LoadedPage { entries, mut leaves, heads } = page;
        let mut heads = heads.into_iter().peekable();
        for sequence in from..until {
            self.leaf(sequence, entries.get(&sequence), leaves.remove(&sequence));
            while let Some(head) = heads.next_if(|head| head.size == sequence + 1) {
                self.head(&head);
            }
            self.compare_kept(sequence + 1);
        }
    }

    /// Goes over numbers that nothing has.
    fn gap(&mut self, from: u64, until: u64) {
        self.missing = Some((self.missing.map_or(from, |(first, _)| first), until - 1));
        self.frontier = None;
        let sizes: Vec<u64> = self.kept.range(from + 1..=until).map(|(size, _)| *size).collect();
        for size in sizes {
            self.compare_kept(size);
        }
    }

    fn leaf(&mut self, sequence: u64, entry: Option<&Entry>, leaf: Option<(i64, Vec<u8>)>) {
        if entry.is_some() || leaf.is_some() {
            self.tell_missing();
        }
        let computed = entry.map(|entry| leaf_hash(&encode(entry, sequence)));
        let hash = match (entry, leaf) {
            (None, None) => {
                self.missing = Some((self.missing.map_or(sequence, |(first, _)| first), sequence));
                self.frontier = None;
                return;
            }
            (Some(entry), None) => {
                self.problem(Problem::LeafDeleted { sequence, id: entry.id });
                computed
            }
            (entry, Some((sealed_id, bytes))) => {
                let stored = Hash::try_from(bytes.as_slice()).ok();
                match entry {
                    _ if stored.is_none() => self.problem(Problem::LeafMalformed { sequence }),
                    None => self.problem(Problem::RecordDeleted { sequence, id: sealed_id }),
                    Some(entry) if entry.id != sealed_id => {
                        self.problem(Problem::RecordSwapped { sequence, sealed_id, found_id: entry.id });
                    }
                    Some(entry) if stored != computed => {
                        self.problem(Problem::RecordChanged { sequence, id: entry.id });
                    }
                    Some(_) => {}
                }
                // The stored hash goes on, so that one edit does not make every later root differ as well.
                stored.or(computed)
            }
        };
        match (&mut self.frontier, hash) {
            (Some(frontier), Some(hash)) => frontier.append(hash),
            (frontier, _) => *frontier = None,
        }
    }

    fn head(&mut self, head: &LoadedHead) {
        self.heads += 1;
        self.tell_missing();
        let size = head.size;
        let stored = Frontier::from_bytes(&head.frontier).ok();
        let root = Hash::try_from(head.root.as_slice()).ok();
        let opened = open_note(&head.note).ok();
        let consistent = match (&stored, root, &opened) {
            (Some(stored), Some(root), Some((_, checkpoint))) => {
                stored.size() == size
                    && stored.root() == root
                    && checkpoint.size() == size
                    && *checkpoint.root() == root
            }
            _ => false,
        };
        if !consistent {
            return self.problem(Problem::HeadChanged { size });
        }
        let (Some(stored), Some(root), Some((note, checkpoint))) = (stored, root, opened) else { return };
        if let Err(error) = note.verify(&self.verification.keys) {
            return self.problem(Problem::HeadSignature { size, error });
        }
        if checkpoint.origin() != self.verification.origin {
            let origin = checkpoint.origin().to_owned();
            return self.problem(Problem::HeadOrigin { size, origin });
        }
        if size > self.extent.size {
            let source_name = format!("head {size}");
            return self.problem(Problem::Cut { source_name, head_size: size, size: self.extent.size });
        }
        match &self.frontier {
            Some(frontier) if frontier.root() == root => self.holds = size,
            Some(_) => {
                self.problem(Problem::RootDiffers { size, holds: self.holds });
                // The head is signed: from here on the log can be checked again, and only what lies before is in doubt.
                self.frontier = Some(stored);
            }
            None => self.frontier = Some(stored),
        }
    }

    fn compare_kept(&mut self, size: u64) {
        for (source_name, root) in self.kept.remove(&size).unwrap_or_default() {
            match &self.frontier {
                Some(frontier) if frontier.root() == root => {}
                Some(_) => self.problem(Problem::HistoryRewritten { source_name, head_size: size }),
                None => self.problem(Problem::KeptUnchecked { source_name, head_size: size }),
            }
        }
    }

    fn finish(mut self) -> Report {
        self.tell_missing();
        if self.extent.size > self.extent.head_size {
            self.problem(Problem::Unsigned { first: self.extent.head_size, last: self.extent.size - 1 });
        }
        Report {
            size: self.extent.size,
            root: self.frontier.map(|frontier| frontier.root()),
            heads: self.heads,
            kept_heads: self.kept_heads,
            unsealed: self.extent.unsealed,
            problems: self.problems,
            more_problems: self.more_problems,
        }
    }

    fn tell_missing(&mut self) {
        if let Some((first, last)) = self.missing.take() {
            self.problem(Problem::Missing { first, last });
        }
    }

    fn problem(&mut self, problem: Problem) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        } else {
            self.more_problems += 1;
        }
    }
}

fn open_note(text: &str) -> Result<(Note, Checkpoint), String> {
    let note = Note::parse(text).map_err(|error| error.to_string())?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|error| error.to_string())?;
    Ok((note, checkpoint))
}
