//! Garrison's `blobs` crate.
