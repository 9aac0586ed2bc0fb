//! Garrison's `api` crate.
