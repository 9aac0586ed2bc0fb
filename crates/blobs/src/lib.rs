//! Blobs and uploads as files below one root directory.
//!
//! A blob is a file `blobs/<algorithm>/<two hex digits>/<hex>.<upload id>`, that path is its [`Location`]; an upload in
//! progress is `uploads/<upload id>`. Which of them are whole, wanted or finished is the database's to say, never this
//! crate's: it knows no repository, no reference and no row, and has no index of its own.
//!
//! What always holds:
//! - **Nothing is overwritten.** Names are unique, since each carries its upload's id; a second push of a digest makes a
//!   second file, and a file that has a blob's name is never written to. So no crash can hurt what an earlier push had stored.
//! - **`Ok` means synced.** When [`Upload::commit`] or [`Blobs::store`] returns `Ok`, the bytes hash to the digest, and the
//!   file and its directories are synced. A crash before that leaves at most an orphan, which [`Blobs::list`] finds.
//! - **What was acknowledged of an upload stays until somebody ends it.** A commit gives the upload's file a second name, so
//!   that whatever fails on the way to a row, the upload goes on where it was.
//! - **Bytes are hashed while they stream and written once.** They are read back only after a restart, or when the last
//!   request names another algorithm than the first.
//! - **A corrupt file is never served as whole.** A whole read that was not verified lately is hashed on its way out, and its
//!   last chunk is held back until the hash agrees.
//! - **Paths are made from parsed types only** ([`UploadId`], [`Location`]); nothing else reaches the file system.
//! - **One writer per upload.** A second one waits for the first, also for what the first left running when it was dropped.
//!
//! No asynchronous worker waits for the disk: what may block runs on the runtime's blocking pool, whose size bounds it.

mod blob;
mod directories;
mod error;
mod faults;
mod files;
mod hasher;
mod listing;
mod location;
mod new_blob;
mod pieces;
mod store;
mod upload;
mod verified;

pub use blob::{Blob, BlobStream, CHUNK_BYTES};
pub use error::Error;
pub use faults::{Faults, Operation};
pub use hasher::digest;
pub use listing::{Entry, Found, Listing};
pub use location::{Location, ParseLocationError, ParseUploadIdError, UploadId};
pub use new_blob::NewBlob;
pub use pieces::Pieces;
pub use store::{Blobs, STORE_BYTES_MAX, Stored, Verdict};
pub use upload::{BATCH_BYTES, PENDING_BYTES_MAX, PENDING_BYTES_MIN, Upload};
