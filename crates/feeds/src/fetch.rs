//! Documents on their way from publishers into the cache.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::PathBuf;

use outbound::{FeedAddress, FeedClient, FeedError, FeedRequest, Measured, Validators};

use crate::cache::{CacheLock, CachedDocument, DocumentState};
use crate::plan::{Place, PlannedFeed};
use crate::source::Sums;
use crate::sum;

/// How often a transfer that breaks is taken up without having brought anything.
const RESUMES_MAX: u32 = 5;

/// The longest `.meta` of NVD; it has some 200 bytes.
const META_BYTES_MAX: usize = 64 << 10;

/// Why a document is not here.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// It could not be had.
    #[error("failed to fetch {address}")]
    Fetch {
        /// What was fetched.
        address: String,
        /// Why it failed.
        source: FeedError,
    },
    /// It could not be kept.
    #[error("failed to keep {address} in `{}`", path.display())]
    Keep {
        /// What was fetched.
        address: String,
        /// Where it was to be kept.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// It is not what its publisher states.
    #[error("{address} came with other bytes than its publisher states")]
    Sum {
        /// What was fetched.
        address: String,
    },
}

impl FetchError {
    /// Returns what the user can do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Fetch { source, .. } => source.hint(),
            _ => None,
        }
    }
}

/// What fetching would take.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// The bytes that publishers state.
    pub bytes: u64,
    /// How many documents have a length that their publisher does not state.
    pub unknown: u64,
    /// How many are here already, as they are.
    pub same: u64,
}

/// A document of a feed, wherever it is.
#[derive(Debug, Clone)]
pub(crate) enum Fetched {
    /// On this machine from the start.
    Own(PathBuf),
    /// The same as before.
    Same(CachedDocument),
    /// A new one, which nobody has looked at.
    New { document: CachedDocument, address: String, validators: DocumentState },
}

impl Fetched {
    pub(crate) fn path(&self) -> PathBuf {
        match self {
            Self::Own(path) => path.clone(),
            Self::Same(document) => document.taken(),
            Self::New { document, .. } => document.next(),
        }
    }
}

/// Asks how much fetching a feed would take.
pub async fn measure(lock: &CacheLock, client: &FeedClient, feed: &PlannedFeed) -> Result<Size, FetchError> {
    let mut size = Size::default();
    let state = lock.cache().state(&feed.name);
    for place in &feed.documents {
        let Place::Address(address) = place else { continue };
        let document = lock.cache().document(&feed.name, address);
        let known = known(&document, state.documents.get(&address.to_string()));
        let request = FeedRequest { address, known: known.as_ref(), kept: None };
        let failed = |source| FetchError::Fetch { address: address.to_string(), source };
        match client.measure(&request).await.map_err(failed)? {
            Measured::NotModified => size.same += 1,
            Measured::Bytes(bytes) => {
                let kept = document.partial_state().map_or(0, |(bytes, _)| bytes);
                size.bytes += bytes.saturating_sub(kept);
            }
            Measured::Unknown => size.unknown += 1,
        }
    }
    Ok(size)
}

/// What is had is asked for again only if it is still there.
fn known(document: &CachedDocument, state: Option<&DocumentState>) -> Option<Validators> {
    state.filter(|_| document.taken().is_file()).map(DocumentState::validators)
}

/// Fetches every document of a feed that is not the same as before. `progress` is told the bytes that came.
pub(crate) async fn fetch(
    lock: &CacheLock,
    client: &FeedClient,
    feed: &PlannedFeed,
    progress: &mut (dyn FnMut(u64) + Send),
) -> Result<Vec<Fetched>, FetchError> {
    let state = lock.cache().state(&feed.name);
    let (mut fetched, mut total) = (Vec::new(), 0);
    for place in &feed.documents {
        let address = match place {
            Place::Path(path) => {
                fetched.push(Fetched::Own(path.clone()));
                continue;
            }
            Place::Address(address) => address,
        };
        let document = lock.cache().document(&feed.name, address);
        let known = known(&document, state.documents.get(&address.to_string()));
        let one = Transfer { client, address, document };
        let mut tell = |bytes| progress(total + bytes);
        let Some((validators, bytes)) = one.run(known.as_ref(), feed.sums, &mut tell).await? else {
            fetched.push(Fetched::Same(one.document));
            continue;
        };
        total += bytes;
        let validators = DocumentState::of(&validators);
        fetched.push(Fetched::New { document: one.document, address: address.to_string(), validators });
    }
    Ok(fetched)
}

/// A document that is being fetched.
struct Transfer<'a> {
    client: &'a FeedClient,
    address: &'a FeedAddress,
    document: CachedDocument,
}

impl Transfer<'_> {
    fn failed(&self, source: FeedError) -> FetchError {
        FetchError::Fetch { address: self.address.to_string(), source }
    }

    fn not_kept(&self, source: io::Error) -> FetchError {
        let path = self.document.directory().to_owned();
        FetchError::Keep { address: self.address.to_string(), path, source }
    }

    /// Returns nothing when it is the same as before; else by what it is told from others, and its bytes.
    async fn run(
        &self,
        known: Option<&Validators>,
        sums: Sums,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Option<(Validators, u64)>, FetchError> {
        let mut resumes = 0;
        loop {
            let kept = self.document.partial_state();
            let before = kept.as_ref().map_or(0, |(bytes, _)| *bytes);
            let request = FeedRequest {
                address: self.address,
                known,
                kept: kept.as_ref().map(|(bytes, validators)| (*bytes, validators)),
            };
            let error = match self.step(&request, sums, progress).await {
                Err(FetchError::Fetch { source, .. }) if source.is_passing() => source,
                other => return other,
            };
            let after = self.document.partial_state().map_or(0, |(bytes, _)| bytes);
            resumes = if after > before { 0 } else { resumes + 1 };
            // What refuses outright, the client has asked more than once already.
            if resumes > RESUMES_MAX || !matches!(error, FeedError::Unreachable { .. }) || after == 0 {
                return Err(self.failed(error));
            }
        }
    }

    async fn step(
        &self,
        request: &FeedRequest<'_>,
        sums: Sums,
        progress: &mut (dyn FnMut(u64) + Send),
    ) -> Result<Option<(Validators, u64)>, FetchError> {
        let opened = self.client.open(request).await.map_err(|source| self.failed(source))?;
        let Some(mut transfer) = opened else { return Ok(None) };
        let validators = transfer.validators().clone();
        let mut position = transfer.begins_at();
        let file = match position {
            0 => self.document.begin(&validators),
            _ => OpenOptions::new().append(true).open(self.document.partial()),
        };
        let mut file = file.map_err(|source| self.not_kept(source))?;
        while let Some(bytes) = transfer.chunk().await.map_err(|source| self.failed(source))? {
            file.write_all(&bytes).map_err(|source| self.not_kept(source))?;
            position += bytes.len() as u64;
            progress(position);
        }
        drop(file);
        let stated = transfer.sum();
        let meta = if sums == Sums::Meta { self.meta().await? } else { None };
        let (document, stated_by) = (self.document.clone(), validators.clone());
        let check = tokio::task::spawn_blocking(move || {
            let partial = document.partial();
            let is_right = match (meta, stated) {
                (Some(expected), _) => sum::sha256_unpacked(&partial).is_ok_and(|actual| actual == expected),
                (None, Some(stated)) => sum::has_sum(&partial, stated)?,
                (None, None) => true,
            };
            if is_right {
                document.complete(&stated_by)?;
            } else {
                // It would be taken up again and be as wrong.
                document.forget_partial()?;
            }
            Ok(is_right)
        });
        // It is never canceled, so that it can only have panicked.
        let checked = check.await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()));
        if checked.map_err(|source| self.not_kept(source))? {
            Ok(Some((validators, position)))
        } else {
            Err(FetchError::Sum { address: self.address.to_string() })
        }
    }

    /// Fetches NVD's document about the document.
    async fn meta(&self) -> Result<Option<[u8; 32]>, FetchError> {
        let Some(stem) = self.address.to_string().strip_suffix(".json.gz").map(str::to_owned) else { return Ok(None) };
        let Ok(address) = format!("{stem}.meta").parse::<FeedAddress>() else { return Ok(None) };
        let wrong = || FetchError::Sum { address: address.to_string() };
        let request = FeedRequest { address: &address, known: None, kept: None };
        let failed = |source| FetchError::Fetch { address: address.to_string(), source };
        let mut transfer = self.client.open(&request).await.map_err(failed)?.ok_or_else(wrong)?;
        let mut bytes = Vec::new();
        while let Some(chunk) = transfer.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > META_BYTES_MAX {
                return Err(wrong());
            }
            bytes.extend_from_slice(&chunk);
        }
        sum::sha256_of_meta(&String::from_utf8_lossy(&bytes)).map(Some).ok_or_else(wrong)
    }
}
